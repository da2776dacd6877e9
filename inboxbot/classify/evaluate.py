"""How good a classifier is, on letters it has never seen.

Pure but for the processor clock: no letter, only figures, leaves this module.
"""

import itertools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol

from inboxbot.classify import medicines as medicine_names
from inboxbot.classify.category import Category, Classification
from inboxbot.classify.letters import LabelledLetter
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Message

_Z = 1.959963984540054


class Classifies(Protocol):
    """What can classify a message."""

    def classify(self, message: Message) -> Classification:
        """Return the classification of `message`."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of `total` with its 95 % interval (Wilson)."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """Return the share itself, 0 where there is nothing."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the bounds of the 95 % interval."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.value
        centre = (p + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
        half = _Z * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of the reliability table: letters shown with `low` to `high` confidence."""

    low: float
    high: float
    confidence: float
    right: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures. `wrong` names the letters that were sorted wrongly, by id only.

    `confusion` maps (true, given) to a count. `coverage_at_96` is the largest share of
    letters, surest first, of which at least 96 % are right. `sure` is the share of letters
    shown with 0.9 or more, `sure_right` how many of those are right.
    """

    letters: int
    accuracy: Share
    macro_f1: float
    confusion: dict[tuple[Category, Category], int]
    recall: dict[Category, Share]
    languages: dict[str, Share]
    calibration: tuple[Bin, ...]
    brier: float
    coverage_at_96: float
    sure: Share
    sure_right: Share
    urgent_recall: Share
    urgent_precision: Share
    medicine_recall: Share
    medicine_precision: Share
    language: Share
    mean_ms: float
    p99_ms: float
    wrong: tuple[str, ...]
    urgent_missed: tuple[str, ...]
    urgent_false: tuple[str, ...]


def evaluate(classifier: Classifies, letters: Sequence[LabelledLetter]) -> Evaluation:
    """Return the figures of `classifier` on `letters`."""
    answers: list[Classification] = []
    times: list[float] = []
    if letters:
        classifier.classify(letters[0].message)
    for letter in letters:
        start = time.process_time()
        answers.append(classifier.classify(letter.message))
        times.append((time.process_time() - start) * 1000)
    return figures(letters, answers, times)


def figures(
    letters: Sequence[LabelledLetter], answers: Sequence[Classification], times: Sequence[float]
) -> Evaluation:
    """Return the figures of `answers`, given to `letters` in the same order."""
    pairs = list(zip(letters, answers, strict=True))
    confusion = Counter((letter.label, answer.category) for letter, answer in pairs)
    right = [letter.label is answer.category for letter, answer in pairs]
    surest = sorted(range(len(pairs)), key=lambda i: -answers[i].confidence)
    sure = [i for i in surest if answers[i].confidence >= 0.9]
    wanted = [(letter, answer) for letter, answer in pairs if letter.urgent is not None]
    hit = sum(1 for letter, answer in wanted if letter.urgent and answer.urgent)
    by_language: dict[str, list[bool]] = defaultdict(list)
    for letter, ok in zip(letters, right, strict=True):
        by_language[letter.lang].append(ok)
    recall, precision = _medicines(pairs)
    return Evaluation(
        letters=len(pairs),
        accuracy=Share(sum(right), len(right)),
        macro_f1=_macro_f1(confusion),
        confusion=dict(confusion),
        recall={
            category: Share(
                confusion[category, category], sum(confusion[category, c] for c in Category)
            )
            for category in Category
        },
        languages={
            lang: Share(sum(oks), len(oks))
            for lang, oks in sorted(by_language.items(), key=lambda item: -len(item[1]))
        },
        calibration=_calibration(answers, right),
        brier=_brier(pairs),
        coverage_at_96=_coverage([right[i] for i in surest], 0.96),
        sure=Share(len(sure), len(pairs)),
        sure_right=Share(sum(right[i] for i in sure), len(sure)),
        urgent_recall=Share(hit, sum(1 for letter, _ in wanted if letter.urgent)),
        urgent_precision=Share(hit, sum(1 for _, answer in wanted if answer.urgent)),
        medicine_recall=recall,
        medicine_precision=precision,
        language=_language(pairs),
        mean_ms=sum(times) / len(times) if times else 0.0,
        p99_ms=sorted(times)[min(len(times) - 1, int(len(times) * 0.99))] if times else 0.0,
        wrong=tuple(letter.id for (letter, _), ok in zip(pairs, right, strict=True) if not ok),
        urgent_missed=tuple(a.id for a, b in wanted if a.urgent and not b.urgent),
        urgent_false=tuple(a.id for a, b in wanted if b.urgent and not a.urgent),
    )


def _macro_f1(confusion: Counter[tuple[Category, Category]]) -> float:
    scores = []
    for category in Category:
        hit = confusion[category, category]
        given = sum(confusion[c, category] for c in Category)
        true = sum(confusion[category, c] for c in Category)
        scores.append(2 * hit / (given + true) if given + true else 0.0)
    return sum(scores) / len(scores)


def _calibration(answers: Sequence[Classification], right: Sequence[bool]) -> tuple[Bin, ...]:
    edges = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = [
            i
            for i, answer in enumerate(answers)
            if low <= answer.confidence < high or (high == 1.0 and answer.confidence >= high)
        ]
        if inside:
            mean = sum(answers[i].confidence for i in inside) / len(inside)
            rows.append(Bin(low, high, mean, Share(sum(right[i] for i in inside), len(inside))))
    return tuple(rows)


def _brier(pairs: Sequence[tuple[LabelledLetter, Classification]]) -> float:
    return sum(brier(letter, answer) for letter, answer in pairs) / len(pairs) if pairs else 0.0


def brier(letter: LabelledLetter, answer: Classification) -> float:
    """Return the squared error of the confidences of one answer, over all three categories."""
    total = 0.0
    third = max(0.0, 1 - answer.confidence - answer.runner_up_confidence)
    for category in Category:
        shown = third
        if category is answer.category:
            shown = answer.confidence
        elif category is answer.runner_up:
            shown = answer.runner_up_confidence
        total += (shown - (category is letter.label)) ** 2
    return total


def _coverage(right: Sequence[bool], wanted: float) -> float:
    best = hits = 0
    for count, ok in enumerate(right, start=1):
        hits += ok
        if hits / count >= wanted:
            best = count
    return best / len(right) if right else 0.0


def _medicines(pairs: Sequence[tuple[LabelledLetter, Classification]]) -> tuple[Share, Share]:
    """Return recall and precision of the names; two names of one medicine are the same."""
    names = medicine_names.load()
    hits = true = given = 0
    for letter, answer in pairs:
        if letter.medications is None:
            continue
        wanted = {g for name in letter.medications for g in medicine_names.generics(name, names)}
        found = {medicine.generic for medicine in answer.medicines}
        hits, true, given = hits + len(wanted & found), true + len(wanted), given + len(found)
    return Share(hits, true), Share(hits, given)


def _language(pairs: Sequence[tuple[LabelledLetter, Classification]]) -> Share:
    """Return how often the language is right, among letters of five words or more."""
    long_enough = [
        (letter, answer)
        for letter, answer in pairs
        if letter.lang and len(letter.body.split()) + len(letter.body) // 40 >= 5
    ]
    return Share(sum(a.language == b.lang for b, a in long_enough), len(long_enough))
