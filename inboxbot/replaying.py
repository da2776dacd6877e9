"""Stored letters once more, with another model or other templates: what would change.

Sends nothing and writes nothing. Both sides are decided now, by the same rules and as of the
moment when the letter was decided on, so that only the model and the templates make a
difference. Limits count what else was sent at that time, and are left out on both sides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from inboxbot.acknowledge import Acknowledger
from inboxbot.classify.category import Category
from inboxbot.errors import PermanentError, TemplateError
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Identity, identity_for
from inboxbot.memory import known_history
from inboxbot.reader import Reader
from inboxbot.reading import Reading, ReadingFailed
from inboxbot.reply.policy import Case, Decision, History, Rules, decide
from inboxbot.reply.reason import Disposition
from inboxbot.store import messages, reviews
from inboxbot.store.messages import Undecided
from inboxbot.store.sqlite import Database
from inboxbot.triage import unreadable

CHUNK = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What decides on one side: a model in its reader, templates, and rules."""

    reader: Reader
    acknowledger: Acknowledger
    rules: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one side says of a letter; `text` is its acknowledgement, or why there is none."""

    category: Category
    confidence: float
    urgent: tuple[str, ...]
    disposition: Disposition
    reason: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """A letter as it is decided before and after; `staff` is what staff said of its category."""

    id: int
    before: Answer
    after: Answer
    staff: Category | None

    @property
    def text_changed(self) -> bool:
        """Say whether another acknowledgement would be written."""
        return self.before.text != self.after.text

    @property
    def changed(self) -> bool:
        """Say whether anything but the confidence would be different."""
        kept = [(a.category, a.urgent, a.disposition, a.text) for a in (self.before, self.after)]
        return kept[0] != kept[1]


def replay(
    db: Database,
    letters: Iterable[tuple[int, datetime]],
    before: Side,
    after: Side,
    identities: Mapping[str, Identity],
) -> Iterator[Replayed]:
    """Yield each stored letter as both sides decide on it, at the moment given with it."""
    chunk: list[tuple[Undecided, datetime]] = []
    for number, moment in letters:
        stored = messages.find(db, number)
        if stored is not None:
            chunk.append((stored, moment))
        if len(chunk) == CHUNK:
            yield from _replay(db, chunk, before, after, identities)
            chunk = []
    yield from _replay(db, chunk, before, after, identities)


def _replay(
    db: Database,
    chunk: Sequence[tuple[Undecided, datetime]],
    before: Side,
    after: Side,
    identities: Mapping[str, Identity],
) -> Iterator[Replayed]:
    raws = [stored.raw for stored, _ in chunk]
    old = list(before.reader.read_many(raws))
    new = old if after.reader is before.reader else list(after.reader.read_many(raws))
    for (stored, moment), was, would_be in zip(chunk, old, new, strict=True):
        identity = identity_for(identities, stored.mailbox)
        said = reviews.corrections(db, stored.id)
        yield Replayed(
            stored.id,
            _answer(db, stored, was, before, identity, moment),
            _answer(db, stored, would_be, after, identity, moment),
            said[-1].to_category if said else None,
        )


def _answer(
    db: Database,
    stored: Undecided,
    reading: Reading | ReadingFailed,
    side: Side,
    identity: Identity,
    now: datetime,
) -> Answer:
    known = known_history(db, reading, identity, side.rules, now, stored=stored)
    case = Case(
        message=reading.message,
        received_at=stored.received_at,
        classification=reading.classification,
        history=_of_itself(known),
    )
    decision = decide(case, identity, side.rules, now)
    if isinstance(reading, ReadingFailed):
        decision = unreadable(decision, reading)
    said = reading.classification
    return Answer(
        category=said.category,
        confidence=said.confidence,
        urgent=tuple(str(flag.code) for flag in said.urgent),
        disposition=decision.disposition,
        reason=str(decision.reason) if decision.reason else None,
        text=_text(case, decision, side, identity, stored, now),
    )


def _of_itself(known: History) -> History:
    """Return what bears on the letter itself, without what was sent around that time."""
    return replace(
        known,
        same_kind_at=None,
        address_day=0,
        address_week=0,
        relay_hour=0,
        domain_hour=0,
        hour=0,
        day=0,
        bounces_hour=0,
        recent_sent=0,
        recent_bounced=0,
        breaker_open="",
        paused=False,
    )


def _text(
    case: Case,
    decision: Decision,
    side: Side,
    identity: Identity,
    stored: Undecided,
    now: datetime,
) -> str:
    if decision.disposition is Disposition.SUPPRESS or decision.reply_to is None:
        return ""
    try:
        prepared = side.acknowledger.prepare(
            case.message,
            case.classification,
            decision,
            identity,
            fingerprint=stored.fingerprint,
            received_at=stored.received_at,
            first_contact=True,
            now=now,
        )
    except (TemplateError, PermanentError) as error:
        return type(error).__name__
    return f"{prepared.subject}\n{prepared.text}"
