"""What was read in each message, what was decided on it and why; a sender's history.

One message has one reading and one decision. Everything that a page or a command shows of the
reasons comes from here.
"""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inboxbot.classify.category import Category, Classification
from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import folded, identity_key
from inboxbot.mail.message import Message
from inboxbot.reply.reason import ON_THE_WAY
from inboxbot.store.database import moment, stamp
from inboxbot.store.limits import AHEAD, RESERVED
from inboxbot.store.outbox import unpacked
from inboxbot.store.sqlite import Database

if TYPE_CHECKING:
    from inboxbot.reply.case import Decision

# A subject shorter than this is anybody's; how far back, and how many, of our replies count.
_TELLING_SUBJECT = 8
_REMEMBERED = timedelta(days=30)
_REPLIES_COMPARED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decided message as it is stored; lists are plain values read from JSON."""

    id: int
    fingerprint: str
    mailbox: str
    received_at: datetime
    size: int
    truncated: bool
    conversation: int | None
    message_id: str | None
    sender_name: str
    sender_address: str | None
    subject: str
    text: str
    sent_at: datetime | None
    parser: str
    defects: list[str]
    attachments: list[dict[str, Any]]
    category: Category
    confidence: float
    runner_up: Category
    runner_up_confidence: float
    needs_review: bool
    unsure_because: str
    evidence: list[dict[str, Any]]
    urgent: list[dict[str, Any]]
    sensitive: list[dict[str, Any]]
    medicines: list[dict[str, Any]]
    suggestions: list[dict[str, Any]]
    language: str | None
    language_confidence: float
    model_version: str
    disposition: str
    reason: str | None
    hits: list[dict[str, Any]]
    reply_to: str | None
    template: str | None
    template_language: str | None
    language_because: str | None
    authenticated: bool


def record(
    db: Database,
    message_row: int,
    message: Message,
    classification: Classification,
    decision: "Decision",
    *,
    conversation: int | None,
    now: datetime,
) -> None:
    """Store the reading and the decision within the caller's transaction; the message is decided.

    The caller holds the write lock, so nobody else decided meanwhile.
    """
    sender, at = message.sender, stamp(now)
    db.execute(
        "INSERT INTO reading (message_id, conversation_id, identity_key, rfc_message_id,"
        " sender_name, sender_address, return_address, subject, text, sent_at, parser, defects,"
        " attachments) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            message_row,
            conversation,
            identity_key(message),
            message.message_id,
            sender.name if sender else "",
            sender.address if sender else None,
            folded(decision.reply_to) if decision.reply_to else None,
            message.subject,
            message.text,
            stamp(message.sent_at) if message.sent_at else None,
            message.parser,
            _json(message.defects),
            _json(message.attachments),
        ],
    )
    db.execute(
        "INSERT INTO decision (message_id, decided_at, category, confidence, runner_up,"
        " runner_up_confidence, needs_review, unsure_because, evidence, urgent, sensitive,"
        " medicines, suggestions, language, language_confidence, model_version, disposition,"
        " reason, hits, reply_to, template, template_language, language_because, authenticated)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            message_row,
            at,
            classification.category,
            classification.confidence,
            classification.runner_up,
            classification.runner_up_confidence,
            classification.needs_review,
            classification.unsure_because,
            _json(classification.evidence),
            _json(classification.urgent),
            _json(classification.sensitive),
            _json(classification.medicines),
            _json(classification.suggestions),
            classification.language,
            classification.language_confidence,
            classification.model_version,
            decision.disposition,
            decision.reason,
            _json(decision.hits),
            decision.reply_to,
            decision.template,
            decision.language,
            decision.language_because,
            decision.authenticated,
        ],
    )
    db.execute("UPDATE message SET decided_at = ? WHERE id = ?", [at, message_row])


def recorded(db: Database, message_row: int) -> Recorded | None:
    """Return one decided message, or None where there is none with that number."""
    cursor = db.execute(
        "SELECT m.id, m.fingerprint, b.name AS mailbox, m.received_at, m.size, m.truncated,"
        " r.conversation_id AS conversation, r.rfc_message_id AS message_id, r.sender_name,"
        " r.sender_address, r.subject, r.text, r.sent_at, r.parser, r.defects, r.attachments,"
        " d.category, d.confidence, d.runner_up, d.runner_up_confidence, d.needs_review,"
        " d.unsure_because, d.evidence, d.urgent, d.sensitive, d.medicines, d.suggestions,"
        " d.language, d.language_confidence, d.model_version, d.disposition, d.reason, d.hits,"
        " d.reply_to, d.template, d.template_language, d.language_because, d.authenticated"
        " FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
        " JOIN reading r ON r.message_id = m.id JOIN decision d ON d.message_id = m.id"
        " WHERE m.id = ?",
        [message_row],
    )
    row = cursor.fetchone()
    if row is None:
        return None
    values: dict[str, Any] = dict(
        zip((column[0] for column in cursor.description), row, strict=True)
    )
    for name in (
        "defects",
        "attachments",
        "evidence",
        "urgent",
        "sensitive",
        "medicines",
        "suggestions",
        "hits",
    ):
        values[name] = json.loads(values[name])
    for name in ("truncated", "needs_review", "authenticated"):
        values[name] = bool(values[name])
    values["received_at"] = moment(values["received_at"])
    values["sent_at"] = moment(values["sent_at"]) if values["sent_at"] else None
    values["category"] = Category(values["category"])
    values["runner_up"] = Category(values["runner_up"])
    return Recorded(**values)


def decided_after(db: Database, message_row: int) -> list[int]:
    """Return the decided messages with a higher number than `message_row`, in their order."""
    rows = db.execute(
        "SELECT id FROM message WHERE id > ? AND decided_at IS NOT NULL ORDER BY id", [message_row]
    )
    return [int(row[0]) for row in rows]


def newest_decided(db: Database, limit: int) -> list[tuple[int, datetime]]:
    """Return the newest letters whose bytes are here, and when each was decided, oldest first."""
    rows = db.execute(
        "SELECT m.id, d.decided_at FROM message m JOIN decision d ON d.message_id = m.id"
        " JOIN raw r ON r.message_id = m.id ORDER BY m.id DESC LIMIT ?",
        [limit],
    ).fetchall()
    return [(int(row[0]), moment(row[1])) for row in reversed(rows)]


def twin(db: Database, message: Message, apart_from: int | None = None) -> int | None:
    """Return a decided letter that is the same message under other bytes, or None.

    `apart_from` is the letter itself, where it may be among them. A message that nothing tells
    from another (its text could not be read, it has no Message-ID and no Date) is its own.
    """
    if not (message.message_id or message.sent_at or message.full_text.strip()):
        return None
    row = db.execute(
        "SELECT message_id FROM reading WHERE identity_key = ? AND message_id IS NOT ? LIMIT 1",
        [identity_key(message), apart_from],
    ).fetchone()
    return None if row is None else int(row[0])


def is_handled(db: Database, message: Message, apart_from: int | None = None) -> bool:
    """Say whether any twin of a message settles what becomes of it.

    One does not that was left unanswered for the marks of its own way alone, and that staff have
    neither answered nor closed.
    """
    row = db.execute(
        "SELECT 1 FROM reading r JOIN decision d ON d.message_id = r.message_id"
        " LEFT JOIN review v ON v.message_id = r.message_id"
        " WHERE r.identity_key = ? AND r.message_id IS NOT ? AND (d.disposition <> 'suppress'"
        " OR EXISTS (SELECT 1 FROM json_each(d.hits) AS hit"
        "  WHERE json_extract(hit.value, '$.disposition') = 'suppress'"
        "  AND json_extract(hit.value, '$.reason') NOT IN (SELECT value FROM json_each(?)))"
        " OR v.state IN ('answered', 'closed')"
        " OR EXISTS (SELECT 1 FROM outbox WHERE message_id = r.message_id)) LIMIT 1",
        [identity_key(message), apart_from, _encode(tuple(ON_THE_WAY))],
    ).fetchone()
    return row is not None


def known_ids(
    db: Database, message: Message, return_address: str | None, now: datetime
) -> tuple[str, ...]:
    """Return the ids that the message refers to and that belong to its own conversation.

    These are ids of replies that we sent to this return address, and of letters from it. An id
    of somebody else's conversation does not count: quoting a stranger's Message-ID joins nothing.
    A reply without the fields that say so is known by the subject that it repeats.
    """
    if return_address is None:
        return ()
    person = folded(return_address)
    found = []
    for reference in dict.fromkeys((*message.in_reply_to, *message.references)):
        row = db.execute(
            "SELECT 1 FROM outbox WHERE rfc_message_id = ?1 AND recipient_key = ?2"
            " UNION ALL"
            " SELECT 1 FROM reading WHERE rfc_message_id = ?1 AND return_address = ?2 LIMIT 1",
            [reference, person],
        ).fetchone()
        if row is not None:
            found.append(reference)
    return tuple(found) or _answered_by_subject(db, message.subject, person, now)


def _answered_by_subject(db: Database, subject: str, person: str, now: datetime) -> tuple[str, ...]:
    """Return the id of our acknowledgement to this person whose subject ends that of a letter.

    Some programs, and most simple vacation responders, answer with `Re:` and our subject and
    neither In-Reply-To nor References (RFC 5322, section 3.6.4).
    """
    said = _words(subject)
    if len(said) < _TELLING_SUBJECT:
        return ()
    from inboxbot.mail.parse import parse_header  # The daemon parses nothing else.

    rows = db.execute(
        "SELECT rfc_message_id, raw FROM outbox WHERE recipient_key = ? AND created_at > ?"  # noqa: S608
        f" AND {RESERVED} AND state IN ('sending', 'sent', 'uncertain', 'bounced')"
        " ORDER BY created_at DESC LIMIT ?",
        [person, stamp(now - _REMEMBERED), _REPLIES_COMPARED],
    )
    for rfc_message_id, raw in rows:
        ours = _words(parse_header(unpacked(raw)).subject)
        if len(ours) >= _TELLING_SUBJECT and said.endswith(ours):
            return (str(rfc_message_id),)
    return ()


def _words(subject: str) -> str:
    return " ".join(subject.casefold().split())


def heard_before(db: Database, return_address: str, *, before: int | None = None) -> bool:
    """Say whether a letter from this address was decided on; `before` a stored one, if given."""
    row = db.execute(
        "SELECT 1 FROM reading WHERE return_address = ?1 AND (?2 IS NULL OR message_id < ?2)"
        " LIMIT 1",
        [folded(return_address), before],
    ).fetchone()
    return row is not None


def last_of_kind(
    db: Database,
    return_address: str,
    template: str,
    now: datetime,
    period: timedelta,
    *,
    apart_from: int | None = None,
    held_too: bool = True,
) -> datetime | None:
    """Return when the address last got this kind of acknowledgement within `period`, or None.

    Without `held_too` one that the mode holds does not count.
    """
    goes = "" if held_too else " AND state <> 'held'"
    row = db.execute(
        "SELECT max(goes_at) FROM outbox WHERE recipient_key = ? AND goes_at > ?"  # noqa: S608
        f" AND goes_at <= ? AND template = ? AND message_id IS NOT ? AND {RESERVED}{goes}",
        [
            folded(return_address),
            stamp(now - period),
            stamp(now + AHEAD),
            template,
            apart_from,
        ],
    ).fetchone()
    return moment(row[0]) if row[0] else None


def unclassified(db: Database, *, newest: int) -> bool:
    """Say whether none of the newest letters that could be read was classified."""
    rows = db.execute(
        "SELECT model_version FROM decision WHERE instr(hits, '\"unreadable\"') = 0"
        " ORDER BY message_id DESC LIMIT ?",
        [newest],
    ).fetchall()
    return bool(rows) and not any(row[0] for row in rows)


def _json(values: tuple[object, ...]) -> str:
    return _encode(values) if values else "[]"


def _object(value: Any) -> dict[str, object]:
    """Return a flat dataclass as JSON has it: `asdict` would look into each of its strings."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_object).encode
