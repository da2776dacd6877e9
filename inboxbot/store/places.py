"""Where on the server each message lies, and how far we got with it.

Every UID that the server ever listed above the baseline has a row with a state; nothing is
known from the server's flags. All functions that write do so within the caller's transaction.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from inboxbot.frozen import dataclass
from inboxbot.mail.mailbox import Details
from inboxbot.store import scope
from inboxbot.store.database import moment, stamp
from inboxbot.store.mailboxes import Watched
from inboxbot.store.sqlite import Database

LAST_UID = 2**32 - 1  # RFC 9051, section 2.3.1.1
LONGEST_WAIT = timedelta(minutes=5)


class State(StrEnum):
    """How far we got with a place; all but `listed` and `retry` are final."""

    LISTED = "listed"
    RETRY = "retry"
    INGESTED = "ingested"
    DUPLICATE = "duplicate"
    BASELINE = "baseline"
    QUARANTINED = "quarantined"
    OVERSIZE = "oversize"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Place:
    """An open place: one that still has to be fetched."""

    uid: int
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Unfetched:
    """A letter that was given up: where it lies, what is known of it, and why it is not here."""

    mailbox: str
    uid: int
    received_at: datetime | None
    size: int | None
    since: datetime
    why: str


def list_new(db: Database, mailbox: Watched, uids: Iterable[int], now: datetime) -> int:
    """Make a `listed` row for each UID that has none; return how many there were."""
    before = db.conn.total_changes
    db.conn.executemany(
        "INSERT OR IGNORE INTO place (mailbox_id, uidvalidity, uid, state, first_seen_at)"
        " VALUES (?, ?, ?, 'listed', ?)",
        [(mailbox.id, mailbox.uidvalidity, uid, stamp(now)) for uid in uids],
    )
    return db.conn.total_changes - before


def list_with_details(
    db: Database, mailbox: Watched, details: Iterable[Details], state: State, now: datetime
) -> int:
    """Make a row in `state` with what is known, for each UID that has none; return how many."""
    before = db.conn.total_changes
    db.conn.executemany(
        "INSERT OR IGNORE INTO place (mailbox_id, uidvalidity, uid, state, received_at, size,"
        " email_id, identity, first_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                mailbox.id,
                mailbox.uidvalidity,
                each.uid,
                state,
                stamp(each.received_at) if each.received_at else None,
                each.size,
                each.email_id,
                each.identity,
                stamp(now),
            )
            for each in details
        ],
    )
    return db.conn.total_changes - before


def highest(db: Database, mailbox: Watched) -> int:
    """Return the highest UID that was ever listed in this era, or the end of the baseline."""
    row = db.execute(
        "SELECT max(uid) FROM place WHERE mailbox_id = ? AND uidvalidity = ?",
        [mailbox.id, mailbox.uidvalidity],
    ).fetchone()
    return max(row[0] or 0, mailbox.baseline_uid)


def newest_known(db: Database, mailbox: Watched, below: int, limit: int) -> list[Details]:
    """Return what is known of the letters of this era with the highest UIDs below one."""
    rows = db.execute(
        "SELECT uid, size, received_at, identity FROM place"
        " WHERE mailbox_id = ? AND uidvalidity = ? AND uid < ?"
        " AND size IS NOT NULL AND received_at IS NOT NULL ORDER BY uid DESC LIMIT ?",
        [mailbox.id, mailbox.uidvalidity, below, limit],
    )
    return [Details(uid, size, moment(at), identity=name) for uid, size, at, name in rows]


def put_aside(db: Database, mailbox: Watched, first: int) -> None:
    """Make the rows from the UID `first` on those of an era gone by: the server uses it anew."""
    db.execute(
        "UPDATE place SET uidvalidity ="
        " (SELECT min(0, min(uidvalidity)) - 1 FROM place WHERE mailbox_id = ?1)"
        " WHERE mailbox_id = ?1 AND uidvalidity = ?2 AND uid >= ?3",
        [mailbox.id, mailbox.uidvalidity, first],
    )


def due(db: Database, mailbox: Watched, now: datetime, limit: int) -> list[Place]:
    """Return open places to fetch now: those never tried first, then the least tried.

    A letter that broke a fetch thus waits behind all others and cannot hold them up. What the
    first look after a restore found goes before everything: of two copies of a letter, the first
    that is stored decides whether it may have been answered.
    """
    found: list[Place] = []
    if mailbox.restored_uid > 0:
        found = _due(db, mailbox, now, limit, mailbox.restored_uid)
    return found or _due(db, mailbox, now, limit, LAST_UID)


def _due(db: Database, mailbox: Watched, now: datetime, limit: int, last: int) -> list[Place]:
    # A time further ahead than any wait shows a clock that was ahead when it was written.
    rows = db.execute(
        "SELECT uid, attempts, last_error FROM place WHERE mailbox_id = ? AND uidvalidity = ?"
        " AND state IN ('listed', 'retry')"
        " AND (next_try_at IS NULL OR next_try_at <= ? OR next_try_at > ?)"
        " AND uid <= ? ORDER BY attempts, uid LIMIT ?",
        [mailbox.id, mailbox.uidvalidity, stamp(now), stamp(now + LONGEST_WAIT), last, limit],
    )
    return [Place(*row) for row in rows]


def waiting(db: Database, mailbox: Watched) -> int:
    """Return how many places are still open."""
    row = db.execute(
        "SELECT count(*) FROM place WHERE mailbox_id = ? AND uidvalidity = ?"
        " AND state IN ('listed', 'retry')",
        [mailbox.id, mailbox.uidvalidity],
    ).fetchone()
    return int(row[0])


def count_attempts(db: Database, mailbox: Watched, uids: Iterable[int], change: int = 1) -> None:
    """Count an attempt for each place; -1 takes it back where the letter was not to blame."""
    db.conn.executemany(
        "UPDATE place SET attempts = attempts + ?"
        " WHERE mailbox_id = ? AND uidvalidity = ? AND uid = ?",
        [(change, mailbox.id, mailbox.uidvalidity, uid) for uid in uids],
    )


def finish(
    db: Database,
    mailbox: Watched,
    uid: int,
    state: State,
    *,
    message: int | None = None,
    details: Details | None = None,
    error: str | None = None,
) -> None:
    """Put a place into its final state, with the message that lies there, if it is known."""
    db.execute(
        "UPDATE place SET state = ?, message_id = ?, received_at = coalesce(?, received_at),"
        " size = coalesce(?, size), email_id = coalesce(?, email_id),"
        " identity = coalesce(?, identity), last_error = ?, next_try_at = NULL"
        " WHERE mailbox_id = ? AND uidvalidity = ? AND uid = ?",
        [
            state,
            message,
            stamp(details.received_at) if details and details.received_at else None,
            details.size if details else None,
            details.email_id if details else None,
            details.identity if details else None,
            error,
            mailbox.id,
            mailbox.uidvalidity,
            uid,
        ],
    )


def retry(db: Database, mailbox: Watched, uid: int, error: str, at: datetime) -> None:
    """Let a place be tried again at a time, and say why."""
    db.execute(
        "UPDATE place SET state = 'retry', last_error = ?, next_try_at = ?"
        " WHERE mailbox_id = ? AND uidvalidity = ? AND uid = ?",
        [error, stamp(at), mailbox.id, mailbox.uidvalidity, uid],
    )


def reopen(db: Database, mailbox: Watched, uids: Iterable[int], attempts: int) -> None:
    """Let places that were given up be tried again now, with so many attempts behind them."""
    db.conn.executemany(
        "UPDATE place SET state = 'retry', attempts = ?, next_try_at = NULL"
        " WHERE mailbox_id = ? AND uidvalidity = ? AND uid = ?",
        [(attempts, mailbox.id, mailbox.uidvalidity, uid) for uid in uids],
    )


def set_floor(db: Database, mailbox: Watched) -> None:
    """Set the floor: the highest UID up to which every place above the baseline is final."""
    db.execute(
        "UPDATE mailbox SET floor_uid = max(baseline_uid, coalesce("
        " (SELECT min(uid) - 1 FROM place WHERE mailbox_id = ?1 AND uidvalidity = ?2"
        "  AND state IN ('listed', 'retry') AND uid > baseline_uid),"
        " (SELECT max(uid) FROM place WHERE mailbox_id = ?1 AND uidvalidity = ?2), 0))"
        " WHERE id = ?1",
        [mailbox.id, mailbox.uidvalidity],
    )


def states(db: Database, mailbox: Watched, first: int, last: int) -> dict[int, State]:
    """Return the state of every place from the UID `first` to `last`."""
    rows = db.execute(
        "SELECT uid, state FROM place"
        " WHERE mailbox_id = ? AND uidvalidity = ? AND uid BETWEEN ? AND ?",
        [mailbox.id, mailbox.uidvalidity, first, last],
    )
    return {uid: State(state) for uid, state in rows}


def match(db: Database, mailbox: Watched) -> int:
    """Find the letters of earlier eras again among those listed in this one; return how many.

    The server's own name for a letter counts first, then Message-ID, Date and size together.
    Only what is unique on both sides counts: of two letters that look alike one may be new, so
    those are fetched, and the fingerprint decides. Where the server has kept its names, two that
    have different ones are two letters, however alike (RFC 8474, section 5.1).
    """
    values = [mailbox.id, mailbox.uidvalidity]
    by_name = db.execute(_MATCH.replace("KEY", "email_id"), values).rowcount
    alike = _MATCH.replace("KEY", "identity")
    if by_name:
        alike += " AND (place.email_id IS NULL OR NOT old.is_named)"
    return by_name + db.execute(alike, values).rowcount


_MATCH = """
    UPDATE place SET message_id = old.message_id, state = old.state
    FROM (
        SELECT KEY AS name, max(message_id) AS message_id, max(email_id IS NOT NULL) AS is_named,
            CASE WHEN max(message_id) IS NULL THEN 'baseline'
                WHEN max(state = 'oversize') THEN 'oversize' ELSE 'ingested' END AS state
        FROM place WHERE mailbox_id = ?1 AND uidvalidity <> ?2 AND KEY IS NOT NULL
        GROUP BY KEY
        HAVING count(*) = count(DISTINCT uidvalidity)
            AND count(DISTINCT coalesce(message_id, 0)) = 1
            AND min(state IN ('ingested', 'duplicate', 'oversize', 'baseline')) = 1
    ) AS old
    WHERE mailbox_id = ?1 AND uidvalidity = ?2 AND place.state = 'listed' AND KEY = old.name
        AND NOT EXISTS (
            SELECT 1 FROM place AS twin WHERE twin.mailbox_id = ?1 AND twin.uidvalidity = ?2
                AND twin.KEY = place.KEY AND twin.uid <> place.uid
        )
"""


def unmatched_since(db: Database, mailbox: Watched, since: datetime) -> int:
    """Return how many listed letters of this era were received at `since` or later."""
    row = db.execute(
        "SELECT count(*) FROM place WHERE mailbox_id = ? AND uidvalidity = ?"
        " AND state = 'listed' AND received_at >= ?",
        [mailbox.id, mailbox.uidvalidity, stamp(since)],
    ).fetchone()
    return int(row[0])


def counts(db: Database) -> dict[State, int]:
    """Return how many places of the present eras are in each state."""
    rows = db.execute(
        "SELECT p.state, count(*) FROM place p JOIN mailbox b"
        " ON b.id = p.mailbox_id AND b.uidvalidity = p.uidvalidity GROUP BY p.state"
    )
    return {State(state): count for state, count in rows}


def unfetched(db: Database) -> list[Unfetched]:
    """Return the letters that could not be fetched, the oldest first: people must look there."""
    rows = db.execute(
        "SELECT b.name, p.uid, p.received_at, p.size, p.first_seen_at, p.last_error"  # noqa: S608
        " FROM place p"
        " JOIN mailbox b ON b.id = p.mailbox_id AND b.uidvalidity = p.uidvalidity"
        f" WHERE p.state = 'quarantined'{scope.mailboxes(db, 'b.id')}"
        " ORDER BY p.first_seen_at, p.uid"
    )
    return [
        Unfetched(name, uid, moment(at) if at else None, size, moment(since), why or "")
        for name, uid, at, size, since, why in rows
    ]


def below_floor(db: Database) -> list[tuple[int, int]]:
    """Return the open places (mailbox, UID) below their mailbox's floor: there must be none."""
    return [
        (mailbox, uid)
        for mailbox, uid in db.execute(
            "SELECT b.id, p.uid FROM mailbox b JOIN place p"
            " ON p.mailbox_id = b.id AND p.uidvalidity = b.uidvalidity"
            " WHERE p.state IN ('listed', 'retry') AND p.uid > b.baseline_uid"
            " AND p.uid <= b.floor_uid"
        )
    ]
