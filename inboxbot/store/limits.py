"""How much a person, a domain and everybody got already, and who must not be written to.

Limits count reservations: an acknowledgement counts from the transaction that puts it into the
outbox, so two letters that are decided together cannot both be the last that fits. Functions
that write do so within the caller's transaction.
"""

from datetime import datetime, timedelta

from inboxbot.frozen import dataclass
from inboxbot.store.database import stamp
from inboxbot.store.outbox import State, move
from inboxbot.store.sqlite import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COOL_DOWN = timedelta(days=60)
# What counts at all is written down as it happens. A time further ahead than this shows a clock
# that was set back since, and counts as long past: else it would lie in every period for years.
AHEAD = timedelta(hours=1)
_GOES = " AND state <> 'held'"
RECENT = 50
# Acknowledgements that went, will go, may have gone, or but for the mode would have gone: `add` of
# the outbox sees to it, and a trigger whenever the state changes.
RESERVED = "reserved = 1"


@dataclass(frozen=True, slots=True)
class Reserved:
    """Acknowledgements reserved in the periods that end now, and what came back of them.

    To this address, relay and domain first, then to everybody; in the order of the statements.
    """

    address_day: int
    address_week: int
    relay_hour: int
    domain_hour: int
    bounces_hour: int
    recent_sent: int
    recent_bounced: int
    hour: int
    day: int


class Everybodys:
    """What is reserved for everybody, counted once for the length of a transaction that writes.

    Nobody else writes meanwhile: after the first look only what was added since, and what fell
    out of the periods, is counted; nothing that was added was sent or came back. It is forgotten
    where a reply changes that was there before.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: tuple[datetime, str, int, int, int, int, int] | None = None

    def forget(self) -> None:
        """Count everything anew at the next look."""
        self._known = None

    def as_known(self, now: datetime, judged: str) -> dict[str, str | int]:
        """Return what was counted and when, for the statement that counts the rest."""
        if (
            self._known is None
            or not self._known[0] <= now <= self._known[0] + AHEAD
            or judged != self._known[1]
        ):
            times = {
                "hour": stamp(now - HOUR),
                "day": stamp(now - DAY),
                "ahead": stamp(now + AHEAD),
                "judged": judged,
            }
            self._known = (now, judged, *self._db.execute(_EVERYBODYS, times).fetchone())
        since, _, hour, day, newest, sent, bounced = self._known
        return {
            "known_hour": hour,
            "known_day": day,
            "known_sent": sent,
            "known_bounced": bounced,
            "newest": newest,
            "hour_then": stamp(since - HOUR),
            "day_then": stamp(since - DAY),
            "ahead_then": stamp(since + AHEAD),
        }


def reserved(
    db: Database,
    *,
    recipient_key: str,
    recipient_domain: str,
    relay: str | None,
    now: datetime,
    apart_from: int | None = None,
    judged_since: datetime | None = None,
    held_too: bool = True,
    everybodys: Everybodys | None = None,
) -> Reserved:
    """Count what bears on one more acknowledgement to this folded address.

    `apart_from` is the letter that it is for, where it may have its own already. Of what came
    back only replies made after `judged_since` count among the recent ones. Without `held_too`
    those count that go or went, and none that the mode holds. `everybodys` (with those
    held too) has counted most of it already.
    """
    judged = stamp(judged_since) if judged_since and judged_since <= now + AHEAD else ""
    known = everybodys.as_known(now, judged) if everybodys is not None else {}
    counts = db.execute(
        _WITH_KNOWN if known else _RESERVED.replace("HELD", "" if held_too else _GOES),
        {
            "key": recipient_key,
            "domain": recipient_domain,
            "relay": relay,
            "itself": apart_from,
            "hour": stamp(now - HOUR),
            "day": stamp(now - DAY),
            "week": stamp(now - timedelta(days=7)),
            "ahead": stamp(now + AHEAD),
            "judged": judged,
            **known,
        },
    ).fetchone()
    return Reserved(*counts)


def _count(condition: str) -> str:
    return (
        f"(SELECT count(*) FROM outbox WHERE {RESERVED} AND {condition}"  # noqa: S608
        " AND goes_at <= :ahead AND message_id IS NOT :itselfHELD)"
    )


# As one statement, a count for each field of `Reserved`: asking costs more than counting.
_JUDGED = (
    "WITH judged AS (SELECT state FROM outbox WHERE kind = 'acknowledgement'"  # noqa: S608
    " AND state IN ('sent', 'bounced') AND created_at > :judged AND created_at <= :ahead"
    f" ORDER BY created_at DESC LIMIT {RECENT})"
)
_RECENT = "(SELECT count(*) FROM judged), (SELECT coalesce(sum(state = 'bounced'), 0) FROM judged)"
_TO_THIS_ONE = (
    f" SELECT {_count('recipient_key = :key AND goes_at > :day')},"  # noqa: S608
    f" {_count('recipient_key = :key AND goes_at > :week')},"
    f" iif(:relay IS NULL, 0, {_count('relay = :relay AND goes_at > :hour')}),"
    f" {_count('recipient_domain = :domain AND goes_at > :hour')},"
    " (SELECT count(*) FROM bounce WHERE at > :hour AND at <= :ahead)"
)
_RESERVED = (
    f"{_JUDGED}{_TO_THIS_ONE}, {_RECENT}, {_count('goes_at > :hour')}, {_count('goes_at > :day')}"
)
_EVERYBODYS = (
    f"{_JUDGED} SELECT coalesce(sum(goes_at > :hour), 0), count(*),"  # noqa: S608
    f" (SELECT coalesce(max(id), 0) FROM outbox), {_RECENT}"
    f" FROM outbox WHERE {RESERVED} AND goes_at > :day AND goes_at <= :ahead"
)


def _change(period: str) -> str:
    """Return the SQL for: those added since, without those gone since, without the letter's own."""
    new, old = "id > :newest AND message_id IS NOT :itself", "id <= :newest"
    mine = f"{RESERVED} AND message_id = :itself AND {old} AND goes_at <= :ahead_then"
    return (
        f"(SELECT count(*) FROM outbox NOT INDEXED WHERE {RESERVED} AND {new}"  # noqa: S608
        f" AND goes_at > {period})"
        f" - (SELECT count(*) FROM outbox WHERE {RESERVED} AND {old}"
        f" AND goes_at > {period}_then AND goes_at <= {period})"
        f" - (SELECT count(*) FROM outbox INDEXED BY outbox_message WHERE {mine}"
        f" AND goes_at > {period})"
    )


_WITH_KNOWN = (
    f"{_TO_THIS_ONE}, :known_sent, :known_bounced,"
    f" :known_hour + {_change(':hour')}, :known_day + {_change(':day')}"
).replace("HELD", "")


def released(db: Database, recipient_key: str, since: datetime, now: datetime) -> bool:
    """Say whether staff let an acknowledgement to this folded address go after `since`."""
    row = db.execute(
        f"SELECT 1 FROM outbox WHERE {RESERVED} AND recipient_key = ? AND goes_at > ?"  # noqa: S608
        " AND goes_at <= ? AND requeued_at IS NOT NULL AND state <> 'held' LIMIT 1",
        [recipient_key, stamp(since), stamp(now + AHEAD)],
    ).fetchone()
    return row is not None


def suppressed(db: Database, recipient_key: str, now: datetime) -> str | None:
    """Return why nothing may be sent to this folded address by itself, or None."""
    row = db.execute(
        "SELECT reason FROM suppression WHERE address = ? AND (until IS NULL OR until > ?)",
        [recipient_key, stamp(now)],
    ).fetchone()
    return None if row is None else str(row[0])


def suppress(db: Database, recipient_key: str, now: datetime) -> None:
    """Send nothing more to this folded address by itself, until staff lift it."""
    _suppress(db, recipient_key, "staff", None, None, now)


def lift(db: Database, recipient_key: str) -> bool:
    """Let acknowledgements to this folded address go again; False where nothing stopped them."""
    cursor = db.execute("DELETE FROM suppression WHERE address = ?", [recipient_key])
    return cursor.rowcount > 0


def link_bounce(db: Database, *, message: int, rfc_message_id: str, now: datetime) -> int | None:
    """Link a bounce (the letter `message`) to the reply that came back; return that one's row.

    The address gets nothing more by itself for `COOL_DOWN`. None where the id is not that of a
    reply that may have been sent.
    """
    row = db.execute(
        "SELECT id, recipient_key, state FROM outbox WHERE rfc_message_id = ?"
        " AND state IN ('sending', 'sent', 'uncertain', 'bounced')",
        [rfc_message_id],
    ).fetchone()
    if row is None:
        return None
    outbox_row, recipient_key, state = int(row[0]), str(row[1]), State(row[2])
    db.execute(
        "INSERT OR IGNORE INTO bounce (message_id, outbox_id, at) VALUES (?, ?, ?)",
        [message, outbox_row, stamp(now)],
    )
    # `sending` is left to the sender, which is about to hear the answer.
    if state in (State.SENT, State.UNCERTAIN):
        move(db, outbox_row, State.BOUNCED, now, also="lease_until = NULL")
    _suppress(db, recipient_key, "bounced", now + COOL_DOWN, outbox_row, now)
    return outbox_row


def _suppress(
    db: Database,
    recipient_key: str,
    reason: str,
    until: datetime | None,
    outbox: int | None,
    now: datetime,
) -> None:
    # What staff have set stays: a bounce neither shortens nor renames it.
    db.execute(
        "INSERT INTO suppression (address, reason, until, created_at, outbox_id)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (address) DO UPDATE SET reason = excluded.reason,"
        " until = excluded.until, created_at = excluded.created_at,"
        " outbox_id = excluded.outbox_id WHERE suppression.reason <> 'staff'"
        " OR excluded.reason = 'staff'",
        [recipient_key, reason, stamp(until) if until else None, stamp(now), outbox],
    )
