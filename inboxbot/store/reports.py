"""Counts and waiting times of the letters of a period, for the reports.

Every query goes along `received_at` and returns what can be added up: letters of a quarter of an
hour, because time zones differ by that much. Erased letters are in none of them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from inboxbot.classify.category import Category
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database

QUARTER_S = 900

# Along the letters of the period, whatever the planner knows of the tables. The second index
# holds all that is asked of a decision, or of a reply: evidence and bytes stay unread.
_OF_PERIOD = "review v INDEXED BY review_received_at CROSS JOIN"
_IN_PERIOD = "v.received_at >= ? AND v.received_at < ?"
_DECIDED = (
    f"{_OF_PERIOD} decision d INDEXED BY decision_figures ON d.message_id = v.message_id"
    f" WHERE {_IN_PERIOD}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Letters that came within a quarter of an hour and were sorted alike.

    `was` is the category as sorted, `category` as staff left it. `confidence` is the sum over
    them; `unsure` were marked for a look; of `looked_at` a person confirmed or corrected it.
    """

    at: datetime
    was: Category
    category: Category
    letters: int
    confidence: float
    unsure: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """How many letters came in a language (None: not recognised) and were sorted by a model."""

    language: str | None
    model: str
    letters: int


@dataclass(frozen=True, slots=True)
class Waited:
    """How long one letter of a category waited, in seconds."""

    category: Category
    seconds: int


def arrived(db: Database, since: datetime, until: datetime) -> list[Arrived]:
    """Return the letters received in a period, the earliest first."""
    rows = db.execute(
        f"SELECT unixepoch(v.received_at) / {QUARTER_S}, d.category, v.category, count(*),"  # noqa: S608
        f" sum(d.confidence), sum(d.needs_review), count(v.confirmed_at) FROM {_DECIDED}"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        [stamp(since), stamp(until)],
    )
    return [
        Arrived(
            at=datetime.fromtimestamp(row[0] * QUARTER_S, UTC),
            was=Category(row[1]),
            category=Category(row[2]),
            letters=row[3],
            confidence=row[4],
            unsure=row[5],
            looked_at=row[6],
        )
        for row in rows
    ]


def spoken(db: Database, since: datetime, until: datetime) -> list[Spoken]:
    """Return in which languages the letters came, and by which models they were sorted."""
    rows = db.execute(
        f"SELECT d.language, d.model_version, count(*) FROM {_DECIDED} GROUP BY 1, 2",  # noqa: S608
        [stamp(since), stamp(until)],
    )
    return [Spoken(*row) for row in rows]


def until_acknowledged(db: Database, since: datetime, until: datetime) -> list[Waited]:
    """Return how long letters waited for an acknowledgement that left by itself."""
    return _waited(db, since, until, "o.kind = 'acknowledgement' AND o.created_by IS NULL")


def until_answered(db: Database, since: datetime, until: datetime) -> list[Waited]:
    """Return how long letters waited for the first answer that a person sent from here."""
    return _waited(db, since, until, "o.kind = 'answer'")


def _waited(db: Database, since: datetime, until: datetime, which: str) -> list[Waited]:
    rows = db.execute(
        "SELECT v.category, max(0, min(unixepoch(o.sent_at)) - unixepoch(v.received_at))"  # noqa: S608
        f" FROM {_OF_PERIOD} outbox o INDEXED BY outbox_waited ON o.message_id = v.message_id"
        f" WHERE {_IN_PERIOD} AND o.sent_at IS NOT NULL AND {which}"
        " GROUP BY v.message_id",
        [stamp(since), stamp(until)],
    )
    return [Waited(Category(row[0]), int(row[1])) for row in rows]


def oldest_open(db: Database) -> datetime | None:
    """Return when the letter came that has waited for a person the longest, or None."""
    row = db.execute(
        "SELECT min(received_at) FROM review WHERE state IN ('new', 'claimed', 'reopened')"
    ).fetchone()
    return datetime.fromisoformat(row[0]) if row[0] else None
