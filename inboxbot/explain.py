"""What would be decided for a letter, as one plain object: the contract of `explain --json`.

Writes nothing. The mode is taken as live; history counts only where it is asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from inboxbot.mail.files import Unreadable
from inboxbot.mail.message import Identity
from inboxbot.memory import known_history
from inboxbot.reader import Reader
from inboxbot.reading import Reading, ReadingFailed
from inboxbot.reply.policy import Case, Decision, History, Rules, decide, sentence
from inboxbot.store.messages import Undecided, fingerprint
from inboxbot.store.sqlite import Database
from inboxbot.triage import unreadable

CHUNK = 64
CHUNK_BYTES = 4 * 1024 * 1024

Source = tuple[str, bytes | Unreadable]
Deciding = Callable[[Reading | ReadingFailed], Decision]


def explain(
    sources: Iterable[Source], *, reader: Reader, decide: Deciding
) -> Iterator[dict[str, Any]]:
    """Yield an object for each source, in its order; one that cannot be read has an `error`.

    Thousands of letters pass through without being held in memory.
    """
    for chunk in _chunks(sources):
        yield from _explained(chunk, reader, decide)
        chunk.clear()  # None of it is held while the next letters are fetched.


def _explained(
    chunk: Sequence[Source], reader: Reader, decide: Deciding
) -> Iterator[dict[str, Any]]:
    readings = reader.read_many([raw for _, raw in chunk if isinstance(raw, bytes)])
    for source, raw in chunk:
        if isinstance(raw, Unreadable):
            yield {"source": source, "error": raw.why}
            continue
        reading = next(readings)
        yield as_object(source, fingerprint(raw), reading, decide(reading))


def decider(
    db: Database | None,
    identity: Identity,
    rules: Rules,
    received_at: datetime,
    now: datetime,
    *,
    stored: Undecided | None = None,
) -> Deciding:
    """Return what decides on a letter of a mailbox; other letters count where `db` is given.

    `stored` is the letter as it is kept, where it is: its own acknowledgement does not count.
    """

    def decision_on(reading: Reading | ReadingFailed) -> Decision:
        history = History()
        if db is not None:
            history = known_history(db, reading, identity, rules, now, stored=stored)
        case = Case(
            message=reading.message,
            received_at=received_at,
            classification=reading.classification,
            history=history,
        )
        decision = decide(case, identity, rules, now)
        if isinstance(reading, ReadingFailed):
            return unreadable(decision, reading)
        return decision

    return decision_on


def as_object(
    source: str, mark: str, reading: Reading | ReadingFailed, decision: Decision
) -> dict[str, Any]:
    """Return the object that `explain --json` prints for one letter."""
    message, said = reading.message, reading.classification
    sender = message.sender
    return {
        "source": source,
        "fingerprint": mark,
        "message_id": message.message_id,
        "from": {"name": sender.name, "address": sender.address} if sender else None,
        "subject": message.subject,
        "date": message.sent_at.isoformat() if message.sent_at else None,
        "text": message.text,
        "attachments": [
            {"name": part.name, "type": part.type, "size": part.size}
            for part in message.attachments
        ],
        "defects": list(message.defects),
        "language": said.language,
        "category": said.category,
        "confidence": round(said.confidence, 4),
        "runner_up": {
            "category": said.runner_up,
            "confidence": round(said.runner_up_confidence, 4),
        },
        "needs_review": said.needs_review,
        "unsure_because": said.unsure_because,
        "evidence": [item.phrase for item in said.evidence],
        "urgent": [flag.code for flag in said.urgent],
        "sensitive": [flag.code for flag in said.sensitive],
        "medicines": list(dict.fromkeys(medicine.generic for medicine in said.medicines)),
        "disposition": decision.disposition,
        "reason": decision.reason,
        "reasons": [hit.reason for hit in decision.hits],
        "hits": [
            {"reason": hit.reason, "disposition": hit.disposition, "evidence": hit.evidence}
            for hit in decision.hits
        ],
        "why": sentence(decision),
        "reply_to": decision.reply_to,
        "template": decision.template,
        "language_of_reply": decision.language,
        "language_because": decision.language_because,
        "model_version": said.model_version,
        "parser": message.parser,
    }


def _chunks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += len(source[1]) if isinstance(source[1], bytes) else 0
        if len(chunk) >= CHUNK or size >= CHUNK_BYTES:
            del source  # What is held is the chunk alone, and the caller empties it.
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
