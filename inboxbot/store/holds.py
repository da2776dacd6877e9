"""Legal holds: while one is on a person, nothing of theirs is erased, by age or by request."""

from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import folded
from inboxbot.store import audit
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Who is held, since when, by whom, and why in a few words."""

    address: str
    at: datetime
    staff: str
    why: str


def put(db: Database, address: str, *, who: str, why: str, now: datetime) -> None:
    """Put a hold on whoever writes from `address`, within the caller's transaction."""
    db.execute(
        "INSERT INTO legal_hold (address, at, staff, why) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (address) DO UPDATE SET why = excluded.why",
        [folded(address), stamp(now), who, why],
    )
    audit.add(db, who, "legal hold", now)


def lift(db: Database, address: str, *, who: str, now: datetime) -> bool:
    """Lift a hold within the caller's transaction; say whether there was one."""
    lifted = db.execute("DELETE FROM legal_hold WHERE address = ?", [folded(address)]).rowcount > 0
    if lifted:
        audit.add(db, who, "lifted legal hold", now)
    return lifted


def held(db: Database, address: str) -> bool:
    """Say whether a hold is on this address."""
    found = db.execute("SELECT 1 FROM legal_hold WHERE address = ?", [folded(address)])
    return found.fetchone() is not None


def all_holds(db: Database) -> list[LegalHold]:
    """Return every hold, the oldest first."""
    rows = db.execute("SELECT address, at, staff, why FROM legal_hold ORDER BY at, address")
    return [LegalHold(row[0], moment(row[1]), row[2], row[3]) for row in rows]
