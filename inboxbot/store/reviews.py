"""The review of each letter: its state, corrections, verdicts and notes.

SQL only; who may do what, and what follows from it, is `inboxbot.review`.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from inboxbot.classify.category import Category, Classification
from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


class State(StrEnum):
    """Where a letter stands with the staff."""

    NEW = "new"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    CLOSED = "closed"
    REOPENED = "reopened"


OPEN = (State.NEW, State.CLAIMED, State.REOPENED)


@dataclass(frozen=True, slots=True)
class Review:
    """The review of one letter; `version` rises with every change."""

    id: int
    state: State
    category: Category
    confidence: float
    urgent: bool
    needs_review: bool
    assignee: str | None
    confirmed_at: datetime | None
    snoozed_until: datetime | None
    closed_as: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Correction:
    """What staff said of a letter's category; the same before and after is a confirmation."""

    id: int
    at: datetime
    staff: str
    from_category: Category
    to_category: Category
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """What staff wrote on a letter, for staff."""

    id: int
    at: datetime
    staff: str
    text: str


def add(
    db: Database,
    message: int,
    classification: Classification,
    *,
    received_at: datetime,
    now: datetime,
) -> None:
    """Put a decided letter into the queue, within the caller's transaction."""
    db.execute(
        "INSERT INTO review (message_id, category, confidence, urgent, needs_review, received_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            message,
            classification.category,
            classification.confidence,
            bool(classification.urgent),
            classification.needs_review,
            stamp(received_at),
            stamp(now),
        ],
    )


def get(db: Database, message: int) -> Review | None:
    """Return the review of a letter, or None where there is no such letter."""
    row = db.execute(
        "SELECT message_id, state, category, confidence, urgent, needs_review, assignee,"
        " confirmed_at, snoozed_until, closed_as, version FROM review WHERE message_id = ?",
        [message],
    ).fetchone()
    if row is None:
        return None
    return Review(
        row[0],
        State(row[1]),
        Category(row[2]),
        row[3],
        bool(row[4]),
        bool(row[5]),
        row[6],
        moment(row[7]) if row[7] else None,
        moment(row[8]) if row[8] else None,
        row[9],
        row[10],
    )


def change(db: Database, message: int, now: datetime, **values: object) -> None:
    """Set columns of a review within the caller's transaction; the version rises."""
    columns = "".join(f"{name} = ?, " for name in values)
    db.execute(
        f"UPDATE review SET {columns}version = version + 1, updated_at = ?"  # noqa: S608
        " WHERE message_id = ?",
        [*values.values(), stamp(now), message],
    )


def reopen(
    db: Database, conversation: int, now: datetime, *, except_for: int | None = None
) -> list[int]:
    """Reopen what was answered, closed or set aside in a conversation; return those letters.

    `except_for` is the letter that just came in.
    """
    rows = db.execute(
        "SELECT v.message_id FROM review v JOIN reading r ON r.message_id = v.message_id"
        " WHERE r.conversation_id = ?1 AND v.message_id IS NOT ?3"
        " AND (v.state IN ('answered', 'closed') OR v.snoozed_until > ?2)",
        [conversation, stamp(now), except_for],
    ).fetchall()
    for (message,) in rows:
        change(db, message, now, state=State.REOPENED, snoozed_until=None)
    return [row[0] for row in rows]


def still_open(db: Database, messages: Sequence[int]) -> set[int]:
    """Return which of these letters staff have yet to answer or close."""
    rows = db.execute(
        "SELECT message_id FROM review WHERE message_id IN (SELECT value FROM json_each(?))"
        " AND state NOT IN ('answered', 'closed')",
        [json.dumps(messages)],
    )
    return {int(row[0]) for row in rows}


def cut_short(db: Database) -> set[str]:
    """Return the mailboxes with a letter of which only a part is here, and nobody has seen to."""
    rows = db.execute(
        "SELECT DISTINCT b.name FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
        " LEFT JOIN review v ON v.message_id = m.id WHERE m.truncated"
        " AND m.erased_at IS NULL AND coalesce(v.state, 'new') NOT IN ('answered', 'closed')"
    )
    return {str(row[0]) for row in rows}


def states(db: Database) -> dict[str, int]:
    """Return how many letters are in each state of review."""
    return dict(db.execute("SELECT state, count(*) FROM review GROUP BY state ORDER BY state"))


def add_correction(
    db: Database,
    message: int,
    staff: str,
    from_category: Category,
    to_category: Category,
    why: str,
    now: datetime,
) -> int:
    """Store a correction, or a confirmation where both are the same; return its number."""
    cursor = db.execute(
        "INSERT INTO correction (message_id, at, staff, from_category, to_category, why)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [message, stamp(now), staff, from_category, to_category, why],
    )
    return int(cursor.lastrowid or 0)


def add_verdict(
    db: Database, message: int, staff: str, reason: str, *, released: bool, now: datetime
) -> int:
    """Store what staff did with an acknowledgement that was kept back; return its number."""
    cursor = db.execute(
        "INSERT INTO verdict (message_id, at, staff, reason, released) VALUES (?, ?, ?, ?, ?)",
        [message, stamp(now), staff, reason, released],
    )
    return int(cursor.lastrowid or 0)


def take_back_correction(db: Database, correction: int) -> None:
    """Mark a correction as undone: nothing is learned from it."""
    db.execute("UPDATE correction SET undone = 1 WHERE id = ?", [correction])


def corrections(db: Database, message: int) -> list[Correction]:
    """Return what staff said of a letter's category and did not take back, the oldest first."""
    rows = db.execute(
        "SELECT id, at, staff, from_category, to_category, why FROM correction"
        " WHERE message_id = ? AND undone = 0 ORDER BY id",
        [message],
    )
    return [
        Correction(row[0], moment(row[1]), row[2], Category(row[3]), Category(row[4]), row[5])
        for row in rows
    ]


def newest(db: Database) -> int:
    """Return the number of the newest letter that staff see, or 0."""
    return int(db.execute("SELECT coalesce(max(message_id), 0) FROM review").fetchone()[0])


def take_back_verdict(db: Database, verdict: int) -> None:
    """Remove a verdict: nothing is learned from it."""
    db.execute("DELETE FROM verdict WHERE id = ?", [verdict])


def add_note(db: Database, message: int, staff: str, text: str, now: datetime) -> int:
    """Store a note; return its number."""
    cursor = db.execute(
        "INSERT INTO note (message_id, at, staff, text) VALUES (?, ?, ?, ?)",
        [message, stamp(now), staff, text],
    )
    return int(cursor.lastrowid or 0)


def notes(db: Database, message: int) -> list[Note]:
    """Return the notes on a letter, the oldest first."""
    rows = db.execute(
        "SELECT id, at, staff, text FROM note WHERE message_id = ? ORDER BY id", [message]
    )
    return [Note(row[0], moment(row[1]), row[2], row[3]) for row in rows]


def remove_note(db: Database, note: int, staff: str) -> None:
    """Remove a note that its writer takes back."""
    db.execute("DELETE FROM note WHERE id = ? AND staff = ?", [note, staff])
