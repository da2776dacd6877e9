"""Whether a new model is better than the one before, worse, or neither beyond chance.

Pure. Both judged the same letters, so only those count on which they differ: of letters that
one has right and the other wrong, chance alone would give each about half (McNemar's test,
exact and one-sided). Urgent letters have no such margin: not one fewer may be found.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from enum import StrEnum

from inboxbot.classify.category import Category, Classification
from inboxbot.classify.evaluate import Evaluation, brier, figures
from inboxbot.classify.letters import LabelledLetter
from inboxbot.frozen import dataclass

# A change that chance would bring this rarely counts as one; each is tested for itself, so a
# model is refused too often rather than too seldom.
LEVEL = 0.05
_Z = 1.6448536269514722
# Of fewer letters in a language the figures say nothing.
MIN_OF_LANGUAGE = 20

Pair = tuple[LabelledLetter, Classification, Classification]


class Outcome(StrEnum):
    """What a change comes to."""

    BETTER = "better"
    SAME = "no difference beyond chance"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that both were asked: how many each has right, and where they differ.

    `language` is set where it is about letters in one.
    """

    what: str
    letters: int
    before: int
    after: int
    gained: int
    lost: int
    outcome: Outcome
    language: str = ""

    @property
    def sentence(self) -> str:
        """Return it in plain words."""
        return (
            f"{self.what}: {self.after} of {self.letters}, before {self.before} "
            f"({self.gained} gained, {self.lost} lost): {self.outcome}"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was compared; `figures` are those of `evaluate`, before and after."""

    changes: tuple[Change, ...]
    figures: dict[str, tuple[Evaluation, Evaluation]]

    @property
    def worse(self) -> tuple[Change, ...]:
        """Return what got worse: with any of it, a model is not put in force."""
        return tuple(change for change in self.changes if change.outcome is Outcome.WORSE)


def compare(
    letters: Sequence[LabelledLetter],
    before: Sequence[Classification],
    after: Sequence[Classification],
    own: Collection[str],
) -> Comparison:
    """Compare what two models say of `letters`; `own` are the ids of this organisation's."""
    pairs = list(zip(letters, before, after, strict=True))
    corrected = [pair for pair in pairs if pair[0].id in own]
    shipped = [pair for pair in pairs if pair[0].id not in own]
    changes = [
        _sorted("letters that staff judged, sorted right", corrected),
        _sorted("shipped letters sorted right", shipped),
        *(
            _sorted(f"shipped letters, {category}", [p for p in shipped if p[0].label is category])
            for category in Category
        ),
        *(
            replace(
                _sorted(f"shipped letters in {lang}", [p for p in shipped if p[0].lang == lang]),
                language=lang,
            )
            for lang, count in sorted(Counter(p[0].lang for p in shipped).items())
            if lang and count >= MIN_OF_LANGUAGE
        ),
        _found("urgent letters found", [p for p in pairs if p[0].urgent]),
        _change(
            "letters that are not urgent, left unflagged",
            [p for p in pairs if p[0].urgent is False],
            lambda _letter, answer: not answer.urgent,
        ),
        _confidence(pairs),
    ]
    sets = {"staff": corrected, "shipped": shipped}
    return Comparison(
        tuple(change for change in changes if change.letters),
        {name: _figures(some) for name, some in sets.items() if some},
    )


def by_chance(gained: int, lost: int) -> float:
    """Return how likely chance alone gives `lost` or more of the letters that differ."""
    total = gained + lost
    return float(sum(math.comb(total, k) for k in range(lost, total + 1)) / 2**total)


def _figures(pairs: Sequence[Pair]) -> tuple[Evaluation, Evaluation]:
    letters = [letter for letter, _, _ in pairs]
    before, after = [old for _, old, _ in pairs], [new for _, _, new in pairs]
    return figures(letters, before, []), figures(letters, after, [])


def _sorted(what: str, pairs: Sequence[Pair]) -> Change:
    return _change(what, pairs, lambda letter, answer: letter.label is answer.category)


def _found(what: str, pairs: Sequence[Pair]) -> Change:
    change = _change(what, pairs, lambda _letter, answer: bool(answer.urgent))
    return replace(change, outcome=Outcome.WORSE) if change.after < change.before else change


def _change(
    what: str,
    pairs: Sequence[Pair],
    right: Callable[[LabelledLetter, Classification], bool],
) -> Change:
    both = [(right(letter, old), right(letter, new)) for letter, old, new in pairs]
    gained = sum(new and not old for old, new in both)
    lost = sum(old and not new for old, new in both)
    outcome = Outcome.SAME
    if lost > gained and by_chance(gained, lost) < LEVEL:
        outcome = Outcome.WORSE
    elif gained > lost and by_chance(lost, gained) < LEVEL:
        outcome = Outcome.BETTER
    return Change(
        what,
        len(both),
        sum(old for old, _ in both),
        sum(new for _, new in both),
        gained,
        lost,
        outcome,
    )


def _confidence(pairs: Sequence[Pair]) -> Change:
    """Compare how true the confidences are, letter by letter (Brier score; a paired z test)."""
    errors = [(brier(letter, old), brier(letter, new)) for letter, old, new in pairs]
    moved = [new - old for old, new in errors]
    outcome = Outcome.SAME
    if len(moved) > 1:
        mean = sum(moved) / len(moved)
        spread = math.sqrt(sum((m - mean) ** 2 for m in moved) / (len(moved) - 1))
        margin = _Z * spread / math.sqrt(len(moved))
        if mean > margin:
            outcome = Outcome.WORSE
        elif mean < -margin:
            outcome = Outcome.BETTER
    half = 0.5
    return Change(
        "confidences close to the truth",
        len(errors),
        sum(old < half for old, _ in errors),
        sum(new < half for _, new in errors),
        sum(m < 0 for m in moved),
        sum(m > 0 for m in moved),
        outcome,
    )
