"""Which letters belong together: what one person writes on one matter.

A letter joins a conversation by what it refers to; staff may put it into another one of the same
person, or take it out. In one conversation one acknowledgement leaves by itself, whoever joined it.
"""

from datetime import datetime

from inboxbot.errors import Conflict
from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import folded
from inboxbot.mail.message import Message
from inboxbot.store import decisions
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Joined:
    """The conversation that a letter lies in, and the folded address that it came from."""

    id: int
    writer: str


def joined(
    db: Database,
    message: Message,
    return_address: str | None,
    now: datetime,
    *,
    known: tuple[str, ...] = (),
    may_have_twin: bool = True,
) -> int | None:
    """Return the conversation that the message belongs to, started if need be.

    Nobody's conversation ever gets another person's letter by itself; one that a stranger quotes
    is only marked as possibly related. A message without a return address belongs to none.
    `known` is what `decisions.known_ids` found, and comes first. Without `may_have_twin` nobody
    has the same message: that was looked for already.
    """
    if return_address is None:
        return None
    person = folded(return_address)
    twin = decisions.twin(db, message) if may_have_twin else None
    if twin is not None:
        row = db.execute(
            "SELECT conversation_id FROM reading WHERE message_id = ? AND return_address = ?"
            " AND conversation_id IS NOT NULL",
            [twin, person],
        ).fetchone()
        if row is not None:
            return int(row[0])
    related = None
    for reference in dict.fromkeys((*known, *message.in_reply_to, *reversed(message.references))):
        row = db.execute(
            "SELECT conversation_id, return_address FROM ("
            " SELECT conversation_id, return_address FROM reading WHERE rfc_message_id = ?1"
            " UNION ALL SELECT r.conversation_id, r.return_address FROM reading r"
            " JOIN outbox o ON o.message_id = r.message_id WHERE o.rfc_message_id = ?1)"
            " WHERE conversation_id IS NOT NULL ORDER BY return_address <> ?2 LIMIT 1",
            [reference, person],
        ).fetchone()
        if row is not None and row[1] == person:
            return int(row[0])
        related = related or (row and int(row[0]))
    return start(db, person, now, related=related)


def start(db: Database, address: str, now: datetime, *, related: int | None = None) -> int:
    """Start a conversation of whoever writes from the folded `address`; return its number."""
    cursor = db.execute(
        "INSERT INTO conversation (address, started_at, related_to) VALUES (?, ?, ?)",
        [address, stamp(now), related],
    )
    return int(cursor.lastrowid or 0)


def of_letter(db: Database, letter: int) -> int | None:
    """Return the conversation of a decided letter, or None."""
    row = db.execute(
        "SELECT conversation_id FROM reading WHERE message_id = ?", [letter]
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def with_writer(db: Database, letter: int) -> Joined | None:
    """Return the conversation of a letter with who wrote it; None where nobody knows."""
    row = db.execute(
        "SELECT conversation_id, return_address FROM reading WHERE message_id = ?"
        " AND conversation_id IS NOT NULL",
        [letter],
    ).fetchone()
    return None if row is None else Joined(*row)


def size(db: Database, conversation: int) -> int:
    """Return how many letters a conversation has."""
    row = db.execute(
        "SELECT count(*) FROM reading WHERE conversation_id = ?", [conversation]
    ).fetchone()
    return int(row[0])


def move(db: Database, letter: int, conversation: int) -> None:
    """Put a letter into a conversation within the caller's transaction.

    Raises `Conflict` where it is gone: its last letter was erased.
    """
    if db.execute("SELECT 1 FROM conversation WHERE id = ?", [conversation]).fetchone() is None:
        raise Conflict("That conversation is no longer there.")
    db.execute(
        "UPDATE reading SET conversation_id = ? WHERE message_id = ?", [conversation, letter]
    )


def is_settled(db: Database, letter: int) -> bool:
    """Say whether another letter of its conversation was acknowledged or answered.

    What a person has written or released counts as soon as it waits to leave.
    """
    row = db.execute(
        "SELECT 1 FROM reading r JOIN reading other ON other.conversation_id = r.conversation_id"
        " AND other.message_id <> r.message_id JOIN outbox o ON o.message_id = other.message_id"
        " WHERE r.message_id = ? AND (o.state IN ('claimed', 'sending', 'sent', 'uncertain',"
        " 'bounced') OR (o.state IN ('queued', 'deferred') AND o.created_by IS NOT NULL)) LIMIT 1",
        [letter],
    ).fetchone()
    return row is not None


def waiting(db: Database, conversation: int) -> list[int]:
    """Return the acknowledgements in a conversation that would leave by themselves."""
    rows = db.execute(
        "SELECT o.id FROM reading r JOIN outbox o ON o.message_id = r.message_id"
        " WHERE r.conversation_id = ? AND o.kind = 'acknowledgement'"
        " AND o.state IN ('queued', 'deferred') AND o.created_by IS NULL ORDER BY o.id",
        [conversation],
    )
    return [int(row[0]) for row in rows]
