"""Counts and waiting times of the letters of a period, for the reports.

Every query goes along `received_at` and returns what can be added up. Days and hours are local: a
period is asked for in pieces between which the clocks are not changed, each with its offset from
UTC. Erased letters are in none of them.
"""

from datetime import date, datetime, timedelta

from inboxbot.classify.category import Category
from inboxbot.frozen import dataclass
from inboxbot.store import scope
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database

DAY_S, HOUR_S = 86_400, 3_600
_EPOCH = date(1970, 1, 1)

# Along the letters of the period, whatever the planner knows of the tables. The second index
# holds all that is asked of a decision, or of a reply: evidence and bytes stay unread.
_OF_PERIOD = "review v INDEXED BY review_figures"
_IN_PERIOD = "v.received_at >= :since AND v.received_at < :until"
_LOCAL = "(unixepoch(v.received_at) + :offset)"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a period in which the local time is `offset` ahead of UTC."""

    since: datetime
    until: datetime
    offset: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Letters that came on a day and were sorted alike, by one model, in one language.

    `was` is the category as sorted, `category` as staff left it. `confidence` is the sum over
    them; `unsure` were marked for a look; of `looked_at` a person confirmed or corrected it.
    """

    day: date
    was: Category
    category: Category
    language: str | None
    model: str
    letters: int
    confidence: float
    unsure: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class Waited:
    """How many letters of a category waited for so many seconds."""

    category: Category
    seconds: int
    letters: int = 1


def arrived(db: Database, piece: Piece) -> list[Arrived]:
    """Return the letters received in a piece of a period, the earliest day first."""
    rows = db.execute(
        f"SELECT {_LOCAL} / {DAY_S}, d.category, v.category, d.language, d.model_version,"  # noqa: S608
        " count(*), sum(d.confidence), sum(d.needs_review), count(v.confirmed_at)"
        f" FROM {_OF_PERIOD} CROSS JOIN decision d INDEXED BY decision_figures"
        f" ON d.message_id = v.message_id WHERE {_IN_PERIOD}{_seen(db)}"
        " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3",
        _bounds(piece),
    )
    return [
        Arrived(
            day=_EPOCH + timedelta(days=row[0]),
            was=Category(row[1]),
            category=Category(row[2]),
            language=row[3],
            model=row[4],
            letters=row[5],
            confidence=row[6],
            unsure=row[7],
            looked_at=row[8],
        )
        for row in rows
    ]


def by_hour(db: Database, piece: Piece) -> dict[int, int]:
    """Return how many letters came in each hour of the local day."""
    rows = db.execute(
        f"SELECT {_LOCAL} % {DAY_S} / {HOUR_S}, count(*) FROM {_OF_PERIOD}"  # noqa: S608
        f" WHERE {_IN_PERIOD}{_seen(db)} GROUP BY 1",
        _bounds(piece),
    )
    return dict(rows.fetchall())


def until_acknowledged(db: Database, since: datetime, until: datetime) -> list[Waited]:
    """Return how long letters waited for an acknowledgement that left by itself."""
    return _waited(
        db,
        f"{_OF_PERIOD} CROSS JOIN outbox o INDEXED BY outbox_waited"
        " ON o.message_id = v.message_id AND o.kind = 'acknowledgement'"
        " AND o.created_by IS NULL AND o.sent_at IS NOT NULL",
        since,
        until,
    )


def until_answered(db: Database, since: datetime, until: datetime) -> list[Waited]:
    """Return how long letters waited for the first answer that a person sent from here."""
    first = (
        "SELECT message_id, min(sent_at) AS sent_at FROM outbox INDEXED BY outbox_waited"
        " WHERE kind = 'answer' AND sent_at IS NOT NULL GROUP BY message_id"
    )
    # Few letters are answered from here: along the answers, each to its letter.
    return _waited(
        db, f"({first}) o CROSS JOIN review v ON v.message_id = o.message_id", since, until
    )


def _waited(db: Database, source: str, since: datetime, until: datetime) -> list[Waited]:
    rows = db.execute(
        "SELECT v.category, max(0, unixepoch(o.sent_at) - unixepoch(v.received_at)), count(*)"  # noqa: S608
        f" FROM {source} WHERE {_IN_PERIOD}{_seen(db)} GROUP BY 1, 2",
        {"since": stamp(since), "until": stamp(until)},
    )
    return [Waited(Category(row[0]), int(row[1]), row[2]) for row in rows]


def oldest_open(db: Database) -> datetime | None:
    """Return when the letter came that has waited for a person the longest, or None."""
    row = db.execute(
        "SELECT min(v.received_at) FROM review v"  # noqa: S608
        f" WHERE v.state IN ('new', 'claimed', 'reopened'){_seen(db)}"
    ).fetchone()
    return datetime.fromisoformat(row[0]) if row[0] else None


def _bounds(piece: Piece) -> dict[str, object]:
    return {
        "since": stamp(piece.since),
        "until": stamp(piece.until),
        "offset": int(piece.offset.total_seconds()),
    }


def _seen(db: Database) -> str:
    return scope.letters(db, "v.message_id")
