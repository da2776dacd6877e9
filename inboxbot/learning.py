"""Learn from what staff corrected and confirmed: a new model, compared with the one in force.

It takes minutes, and memory for every letter, so it runs in a process of its own. A letter that
is erased while it runs is not learned from: the model is thrown away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from inboxbot import events
from inboxbot.classify import letters
from inboxbot.classify.category import Category
from inboxbot.classify.comparison import Comparison, compare
from inboxbot.classify.crossing import train_beside
from inboxbot.classify.evaluate import Evaluation
from inboxbot.classify.letters import LabelledLetter
from inboxbot.classify.model import Kind, Model
from inboxbot.classify.shipped import shipped_fingerprint
from inboxbot.errors import PermanentError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.promotion import LEARN_AGAIN, in_force
from inboxbot.store import audit, models, settings
from inboxbot.store.database import write
from inboxbot.store.models import SHIPPED, Lesson, Stored
from inboxbot.store.sqlite import Database

# Models that never were in force are kept for a look at them; older ones go.
KEPT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What there is to learn from: shipped letters, and what staff judged as letters.

    `known` are the ids of the letters that the model in force learned, with their categories.
    """

    kind: Kind
    base: Sequence[LabelledLetter]
    lessons: Sequence[Lesson]
    own: Sequence[LabelledLetter]
    known: Mapping[str, Category]
    present: int


def train(
    db: Database,
    kind: Kind,
    *,
    who: str,
    now: datetime,
    shipped: Sequence[LabelledLetter] | None = None,
) -> Stored:
    """Train a model on the shipped letters and all that staff judged; store and return it.

    It is not put in force. Raises PermanentError where there is nothing to learn from or
    scikit-learn is missing, and TransientError where a letter was erased meanwhile.
    """
    gathered = gather(db, kind, letters.shipped() if shipped is None else shipped)
    meta = {"own": len(gathered.own), "beside": shipped_fingerprint(kind)[:12]}
    trained = train_beside([*gathered.base, *gathered.own], gathered.known, kind, meta)
    own = {letter.id for letter in gathered.own}
    compared = compare(trained.letters, trained.before, trained.after, own)
    return keep(db, gathered, trained.model, compared, who, now)


def gather(db: Database, kind: Kind, base: Sequence[LabelledLetter]) -> Gathered:
    """Return what there is to learn from now; raises PermanentError where there is nothing."""
    lessons = models.lessons(db)
    if not lessons:
        raise PermanentError(
            "Staff have corrected or confirmed no letter yet: there is nothing to learn from."
        )
    present = in_force(db, kind).number
    told = {} if present == SHIPPED else models.learned(db, present)
    known = {letter.id: letter.label for letter in base}
    known |= {
        lesson.fingerprint: told[lesson.message] for lesson in lessons if lesson.message in told
    }
    return Gathered(
        kind=kind,
        base=base,
        lessons=lessons,
        own=[_letter(lesson) for lesson in lessons],
        known=known,
        present=present,
    )


def keep(
    db: Database,
    gathered: Gathered,
    model: Model,
    compared: Comparison,
    who: str,
    now: datetime,
) -> Stored:
    """Store a trained model, and how it compares; return it.

    Raises TransientError where what it learned from was erased meanwhile.
    """
    with write(db):
        stored = models.add(
            db,
            model.to_bytes(),
            kind=gathered.kind,
            version=model.version,
            shipped=shipped_fingerprint(gathered.kind),
            compared_with=gathered.present,
            comparison=_as_object(compared),
            learned_from=gathered.lessons,
            now=now,
        )
        if stored.id in models.stale(db):
            raise TransientError(
                "A letter was erased while the model was trained: it was thrown away. Train again."
            )
        models.remove(db, _old_candidates(db))
        settings.put(db, LEARN_AGAIN, None)
        detail = f"{stored.id}: {stored.letters} letters"
        audit.add(db, who, "trained model", now, detail=detail)
    with write(db):
        models.sweep(db)
    events.model_trained(stored.id, stored.letters, stored.corrections, len(compared.worse))
    return stored


def anything_new(db: Database, kind: Kind) -> bool:
    """Say whether staff judged something since the last model was trained."""
    told = {lesson.message: lesson.category for lesson in models.lessons(db)}
    last = [model for model in models.all_models(db) if model.kind == kind][-1:]
    if not last or last[0].shipped != shipped_fingerprint(kind):
        return bool(told)
    return bool(told) and told != models.learned(db, last[0].id)


def _letter(lesson: Lesson) -> LabelledLetter:
    """Return a letter to learn the category from; whether it is urgent, staff did not say."""
    return LabelledLetter(
        id=lesson.fingerprint,
        subject=lesson.subject,
        body=lesson.text,
        label=lesson.category,
        lang=lesson.language,
    )


def _old_candidates(db: Database) -> list[int]:
    never = [model.id for model in models.all_models(db) if not model.promoted]
    return never[:-KEPT]


def _as_object(compared: Comparison) -> dict[str, Any]:
    return {
        "changes": [asdict(change) | {"sentence": change.sentence} for change in compared.changes],
        "figures": {
            name: {"before": _figures(before), "after": _figures(after)}
            for name, (before, after) in compared.figures.items()
        },
    }


def _figures(found: Evaluation) -> dict[str, float]:
    return {
        "letters": found.letters,
        "accuracy": found.accuracy.value,
        "macro_f1": found.macro_f1,
        "brier": found.brier,
        "coverage_at_96": found.coverage_at_96,
        "urgent_recall": found.urgent_recall.value,
        "urgent_precision": found.urgent_precision.value,
    }
