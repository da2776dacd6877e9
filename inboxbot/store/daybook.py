"""What happened on one day, in numbers."""

from datetime import datetime, timedelta

from inboxbot.frozen import dataclass
from inboxbot.store import settings
from inboxbot.store.database import stamp
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's counts; `waiting`, `urgent` and `mode` are as of now."""

    arrived: int
    acknowledged: int
    held: int
    failed: int
    waiting: int
    urgent: int
    mode: Mode


def day_before(db: Database, now: datetime) -> Day:
    """Return the counts of the calendar day before `now`, by the time zone of `now`."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # By the calendar and not by 24 hours: some days have 23 or 25.
    span = [stamp(midnight - timedelta(days=1)), stamp(midnight)]
    row = db.execute(
        "SELECT (SELECT count(*) FROM message WHERE origin = 'imap' AND erased_at IS NULL"
        "  AND stored_at >= ?1 AND stored_at < ?2),"
        " (SELECT count(*) FROM outbox WHERE kind = 'acknowledgement' AND sent_at >= ?1"
        "  AND sent_at < ?2),"
        " (SELECT count(*) FROM outbox WHERE state = 'held' AND updated_at >= ?1"
        "  AND updated_at < ?2),"
        " (SELECT count(*) FROM outbox WHERE state = 'failed' AND updated_at >= ?1"
        "  AND updated_at < ?2),"
        " (SELECT count(*) FROM review WHERE state IN ('new', 'claimed', 'reopened')),"
        " (SELECT count(*) FROM review WHERE state IN ('new', 'claimed', 'reopened') AND urgent)",
        span,
    ).fetchone()
    return Day(
        arrived=row[0],
        acknowledged=row[1],
        held=row[2],
        failed=row[3],
        waiting=row[4],
        urgent=row[5],
        mode=settings.mode(db),
    )
