"""The staff queue: the state of each letter's review, corrections and notes.

SQL only; who may do what, and what follows from it, is `inboxbot.review`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlite_utils import Database

from inboxbot.classify.category import Category, Classification
from inboxbot.store.database import moment, stamp


class State(StrEnum):
    """Where a letter stands with the staff."""

    NEW = "new"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    CLOSED = "closed"
    REOPENED = "reopened"


OPEN = (State.NEW, State.CLAIMED, State.REOPENED)


class View(StrEnum):
    """The lists that staff can look at."""

    NEEDS_REVIEW = "needs_review"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    UNSURE = "unsure"
    HELD = "held"
    WAITING = "waiting"
    DONE = "done"
    PROBLEMS = "problems"


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
class Row:
    """A line of the queue."""

    id: int
    fingerprint: str
    message_id: str | None
    received_at: datetime
    mailbox: str
    sender_name: str
    sender_address: str | None
    subject: str
    snippet: str
    language: str | None
    attachments: int
    category: Category
    confidence: float
    urgent: bool
    needs_review: bool
    disposition: str
    reason: str | None
    outbox_state: str | None
    outbox_reason: str | None
    state: State
    assignee: str | None
    version: int


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
    columns = ", ".join(f"{name} = ?" for name in values)
    db.execute(
        f"UPDATE review SET {columns}, version = version + 1, updated_at = ?"  # noqa: S608
        " WHERE message_id = ?",
        [*values.values(), stamp(now), message],
    )


def reopen(db: Database, conversation: int, now: datetime) -> list[int]:
    """Reopen what was answered or closed in a conversation; return the letters reopened."""
    rows = db.execute(
        "SELECT v.message_id FROM review v JOIN reading r ON r.message_id = v.message_id"
        " WHERE r.conversation_id = ? AND v.state IN ('answered', 'closed')",
        [conversation],
    ).fetchall()
    for (message,) in rows:
        change(db, message, now, state=State.REOPENED, snoozed_until=None)
    return [row[0] for row in rows]


# A letter in the problems view: its reply failed or may have been sent, or we could not read it.
_PROBLEM = (
    "(o.state IN ('uncertain', 'failed', 'bounced') OR d.reason IN"
    " ('unreadable', 'template_error', 'compose_mismatch', 'guard') OR m.truncated = 1)"
)
_OPEN = "v.state IN ('new', 'claimed', 'reopened')"
_AWAKE = "(v.snoozed_until IS NULL OR v.snoozed_until <= :now)"

CONDITIONS: dict[View, str] = {
    View.NEEDS_REVIEW: f"{_OPEN} AND {_AWAKE}",
    View.MINE: f"{_OPEN} AND {_AWAKE} AND v.assignee = :staff",
    View.UNASSIGNED: f"{_OPEN} AND {_AWAKE} AND v.assignee IS NULL",
    View.UNSURE: f"{_OPEN} AND {_AWAKE} AND v.needs_review = 1 AND v.confirmed_at IS NULL",
    View.HELD: "o.state = 'held'",
    View.WAITING: f"{_OPEN} AND v.snoozed_until > :now",
    View.DONE: "v.state IN ('answered', 'closed')",
    View.PROBLEMS: _PROBLEM,
}

_FROM = (
    " FROM review v JOIN message m ON m.id = v.message_id"
    " JOIN mailbox b ON b.id = m.mailbox_id"
    " JOIN reading r ON r.message_id = v.message_id"
    " JOIN decision d ON d.message_id = v.message_id"
    " LEFT JOIN outbox o ON o.message_id = v.message_id AND o.kind = 'acknowledgement'"
)


def rows(
    db: Database,
    view: View,
    *,
    staff: str,
    now: datetime,
    limit: int,
    after: Row | None = None,
    category: Category | None = None,
) -> list[Row]:
    """Return a page of a view: urgent letters first, then the oldest; keyset paging by `after`."""
    where = CONDITIONS[view]
    values: dict[str, object] = {"now": stamp(now), "staff": staff, "limit": limit}
    if category is not None:
        where += " AND v.category = :category"
        values["category"] = category
    if after is not None:
        where += (
            " AND (v.urgent < :urgent OR (v.urgent = :urgent AND"
            " (v.received_at, v.message_id) > (:received_at, :id)))"
        )
        values |= {
            "urgent": after.urgent,
            "received_at": stamp(after.received_at),
            "id": after.id,
        }
    cursor = db.execute(
        "SELECT m.id, m.fingerprint, r.rfc_message_id, m.received_at, b.name, r.sender_name,"
        " r.sender_address, r.subject, substr(r.text, 1, 160), d.language,"
        " json_array_length(r.attachments), v.category, v.confidence, v.urgent, v.needs_review,"
        " d.disposition, d.reason, o.state, o.reason, v.state, v.assignee, v.version"
        f"{_FROM} WHERE {where}"
        " ORDER BY v.urgent DESC, v.received_at, v.message_id LIMIT :limit",
        values,
    )
    return [_row(row) for row in cursor]


def _row(row: tuple[object, ...]) -> Row:
    values = list(row)
    values[3] = moment(str(values[3]))
    values[8] = " ".join(str(values[8]).split())
    values[11] = Category(str(values[11]))
    values[13], values[14] = bool(values[13]), bool(values[14])
    values[19] = State(str(values[19]))
    return Row(*values)  # type: ignore[arg-type]


def counts(db: Database, *, staff: str, now: datetime) -> dict[View, int]:
    """Return how many letters each view holds."""
    values = {"now": stamp(now), "staff": staff}
    return {
        view: int(
            db.execute(f"SELECT count(*){_FROM} WHERE {where}", values).fetchone()[0]
        )
        for view, where in CONDITIONS.items()
    }


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
) -> None:
    """Store what staff did with an acknowledgement that the gate kept back, to learn from."""
    db.execute(
        "INSERT INTO verdict (message_id, at, staff, reason, released) VALUES (?, ?, ?, ?, ?)",
        [message, stamp(now), staff, reason, released],
    )


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
