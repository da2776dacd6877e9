"""What lay in each mailbox before the first look, and what has happened since."""

from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Beginning:
    """A watched mailbox: since when, how many letters lay there before, and how it is doing."""

    name: str
    started_at: datetime
    baseline: int
    last_good_poll_at: datetime | None
    last_error: str | None


def beginnings(db: Database) -> list[Beginning]:
    """Return every mailbox whose folder was opened once."""
    rows = db.execute(
        # Of the present UIDVALIDITY; letters of before that were imported since count, too.
        "SELECT b.name, b.started_at, (SELECT count(*) FROM place p WHERE p.mailbox_id = b.id"
        "  AND p.uidvalidity = b.uidvalidity AND p.uid <= b.baseline_uid),"
        " b.last_good_poll_at, b.last_error FROM mailbox b WHERE b.uidvalidity IS NOT NULL"
        " ORDER BY b.id"
    )
    return [
        Beginning(row[0], moment(row[1]), row[2], moment(row[3]) if row[3] else None, row[4])
        for row in rows
    ]


def held_for_shadow(db: Database) -> int:
    """Return how many acknowledgements are held because nothing is sent yet."""
    return _one(db, "SELECT count(*) FROM outbox WHERE state = 'held' AND reason = 'shadow'")


def confirmed(db: Database) -> int:
    """Return how many letters had their category confirmed or corrected by a person."""
    return _one(db, "SELECT count(*) FROM review WHERE confirmed_at IS NOT NULL")


def _one(db: Database, query: str) -> int:
    return int(db.execute(query).fetchone()[0])
