"""The breaker: when far too much would be answered, replies are held and staff are told.

It opens for a cause, holds and never drops, and after an hour lets one reply through to see
whether all is well; once that was sent it closes by itself.
"""

import json
from datetime import datetime, timedelta

from inboxbot.frozen import dataclass
from inboxbot.store import alerts, settings
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database

REST = timedelta(hours=1)
LIMIT = "limit"
BOUNCES = "bounces"
_NAME = "breaker"
_LAST_OPENED = "breaker_last_opened_at"
_UNDER_WAY = ("queued", "claimed", "sending", "deferred")


@dataclass(frozen=True, slots=True)
class Breaker:
    """An open breaker; `probe` is the outbox row that was let through, if there is one."""

    cause: str
    opened_at: datetime
    probe: int | None


def state(db: Database) -> Breaker | None:
    """Return the breaker if it is open."""
    text = settings.get(db, _NAME)
    if text is None:
        return None
    value = json.loads(text)
    return Breaker(value["cause"], moment(value["opened_at"]), value["probe"])


def last_opened_at(db: Database) -> datetime | None:
    """Return when it opened last: what came back of earlier replies was paid for then."""
    return settings.get_moment(db, _LAST_OPENED)


def trip(db: Database, cause: str, now: datetime) -> bool:
    """Open the breaker within the caller's transaction; False where it is open already.

    Bounces weigh more than a limit: they open it anew, and what is queued is held as well.
    """
    breaker = state(db)
    if breaker is not None and cause in (breaker.cause, LIMIT):
        return False
    _put(db, Breaker(cause, now, None))
    settings.put_moment(db, _LAST_OPENED, now)
    alerts.open_alert(db, alerts.Code.BREAKER_OPEN, now)
    return True


def close(db: Database, now: datetime) -> None:
    """Close the breaker within the caller's transaction."""
    settings.put(db, _NAME, None)
    alerts.end(db, alerts.Code.BREAKER_OPEN, now)


def settle(db: Database, now: datetime) -> None:
    """Act on what became of the probe, within the caller's transaction.

    Sent: the breaker closes. Not to be sent any more: it rests again before it tries another.
    """
    breaker = state(db)
    if breaker is None or breaker.probe is None:
        return
    probe = _state_of(db, breaker.probe)
    if probe == "sent":
        close(db, now)
    elif probe not in _UNDER_WAY:
        _put(db, Breaker(breaker.cause, now, None))


def holds(db: Database, now: datetime) -> str:
    """Return why the next reply must be held, or "" where it may go. Writes nothing."""
    breaker = state(db)
    if breaker is None:
        return ""
    if breaker.probe is not None:
        return "" if _state_of(db, breaker.probe) == "sent" else breaker.cause
    # Opened later than that shows a clock that was set back since: it would never have rested.
    return breaker.cause if abs(now - breaker.opened_at) < REST else ""


def let_through(db: Database, outbox: int) -> None:
    """Note within the caller's transaction which reply tries whether all is well again."""
    breaker = state(db)
    if breaker is not None and breaker.probe is None:
        _put(db, Breaker(breaker.cause, breaker.opened_at, outbox))


def _state_of(db: Database, outbox: int) -> str | None:
    row = db.execute("SELECT state FROM outbox WHERE id = ?", [outbox]).fetchone()
    return None if row is None else str(row[0])


def _put(db: Database, breaker: Breaker) -> None:
    value = {
        "cause": breaker.cause,
        "opened_at": stamp(breaker.opened_at),
        "probe": breaker.probe,
    }
    settings.put(db, _NAME, json.dumps(value))
