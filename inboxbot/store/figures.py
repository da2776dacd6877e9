"""Counts over the whole store, for `status`, the health page and the metrics."""

from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.store import scope
from inboxbot.store.database import moment
from inboxbot.store.sqlite import Database

# Counting all rows looks at no row, and those that were erased are in an index of their own.
_MESSAGES = (
    "SELECT (SELECT count(*) FROM message)"
    " - (SELECT count(*) FROM message WHERE erased_at IS NOT NULL)"
)
# The second condition is that of the index, which only it makes usable.
_REPLIES = (
    "SELECT count(*) FROM outbox WHERE state = ? AND state IN ('uncertain', 'held', 'failed')"
)


@dataclass(frozen=True, slots=True)
class MailboxFigures:
    """How one mailbox is doing; times are UTC, `unaccounted` None before the first sweep."""

    name: str
    started_at: datetime
    last_good_poll_at: datetime | None
    last_sweep_at: datetime | None
    unaccounted: int | None
    last_error: str | None
    last_error_at: datetime | None
    baseline_uid: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How many of what there are."""

    messages: int
    undecided: int
    places: dict[str, int]
    outbox: dict[str, int]
    held: dict[str, int]
    queue: dict[str, int]
    mailboxes: tuple[MailboxFigures, ...]
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Troubles:
    """What among the figures tells that something is wrong; found by indexes of just that."""

    uncertain: int
    failed: int
    quarantined: int
    oldest_due_at: datetime | None
    mailboxes: tuple[MailboxFigures, ...]


@dataclass(frozen=True, slots=True)
class Glance:
    """The few figures that are looked at every minute."""

    messages: int
    not_looked_at: int
    held: int
    mailboxes: tuple[MailboxFigures, ...]


def glance(db: Database) -> Glance:
    """Take a look that costs next to nothing, however many letters there are."""
    return Glance(
        messages=_one(db, _MESSAGES),
        not_looked_at=_one(
            db,
            "SELECT count(*) FROM review WHERE state = 'new' AND state IN"
            " ('new', 'claimed', 'reopened')",
        ),
        held=_one(db, _REPLIES, "held"),
        mailboxes=mailboxes(db),
    )


def troubles(db: Database) -> Troubles:
    """Look for what is wrong; it takes no longer with a million letters than with ten."""
    db.execute("BEGIN")
    try:
        return Troubles(
            uncertain=_one(db, _REPLIES, "uncertain"),
            failed=_one(db, _REPLIES, "failed"),
            quarantined=_one(
                db,
                # The second condition is that of the index, which only it makes usable.
                "SELECT count(*) FROM place JOIN mailbox ON mailbox.id = place.mailbox_id"
                " AND mailbox.uidvalidity = place.uidvalidity WHERE state = 'quarantined'"
                " AND state IN ('quarantined', 'oversize', 'vanished')",
            ),
            oldest_due_at=_oldest_due_at(db),
            mailboxes=mailboxes(db),
        )
    finally:
        db.execute("COMMIT")


def figures(db: Database) -> Figures:
    """Count everything in one read transaction, so that the figures belong together."""
    db.execute("BEGIN")
    try:
        return Figures(
            messages=_one(db, _MESSAGES),
            undecided=_one(db, "SELECT count(*) FROM message WHERE decided_at IS NULL"),
            places=_by(
                db,
                # Places of an earlier UIDVALIDITY are kept, and are nowhere any more.
                "SELECT state, count(*) FROM place JOIN mailbox ON mailbox.id = place.mailbox_id"
                " AND mailbox.uidvalidity = place.uidvalidity GROUP BY state ORDER BY state",
            ),
            outbox=replies_by_state(db),
            held=_by(
                db,
                "SELECT coalesce(reason, ''), count(*) FROM outbox WHERE state = 'held'"
                " GROUP BY reason ORDER BY reason",
            ),
            queue=_by_state(db, "review", most_are="closed"),
            mailboxes=mailboxes(db),
            oldest_due_at=_oldest_due_at(db),
        )
    finally:
        db.execute("COMMIT")


def _oldest_due_at(db: Database) -> datetime | None:
    return _time(
        db.execute(
            # The second condition is that of the index, as above.
            "SELECT min(due_at) FROM outbox WHERE state IN ('queued', 'deferred')"
            " AND state IN ('queued', 'claimed', 'sending', 'deferred')"
        ).fetchone()[0]
    )


def mailboxes(db: Database) -> tuple[MailboxFigures, ...]:
    """Return how each mailbox is doing that this connection may look into."""
    rows = db.execute(
        "SELECT name, started_at, last_good_poll_at, last_sweep_at, unaccounted, last_error,"  # noqa: S608
        " last_error_at, baseline_uid FROM mailbox WHERE uidvalidity IS NOT NULL"
        f"{scope.mailboxes(db, 'id')} ORDER BY id"
    )
    return tuple(
        MailboxFigures(
            row[0],
            moment(row[1]),
            _time(row[2]),
            _time(row[3]),
            row[4],
            row[5],
            _time(row[6]),
            row[7],
        )
        for row in rows
    )


def _time(text: str | None) -> datetime | None:
    return moment(text) if text else None


def _one(db: Database, query: str, *values: str) -> int:
    return int(db.execute(query, values).fetchone()[0])


def replies_by_state(db: Database) -> dict[str, int]:
    """Count the replies in each state that any is in."""
    return _by_state(db, "outbox", most_are="sent")


def _by_state(db: Database, table: str, *, most_are: str) -> dict[str, int]:
    """Count rows by state: those in the one that most are in are what remains of all."""
    # An index of `state || ''` is for counting alone; in it each state is looked for once.
    counts: dict[str, int | None] = dict(
        db.execute(
            f"WITH RECURSIVE found (state) AS (SELECT min(state || '') FROM {table} UNION ALL"  # noqa: S608
            f" SELECT (SELECT min(state || '') FROM {table} WHERE state || '' > found.state)"
            " FROM found WHERE found.state IS NOT NULL)"
            " SELECT found.state, CASE WHEN found.state <> :most THEN (SELECT count(*)"
            f" FROM {table} WHERE state || '' = found.state) END"
            " FROM found WHERE found.state IS NOT NULL",
            {"most": most_are},
        ).fetchall()
    )
    total = _one(db, f"SELECT count(*) FROM {table}")  # noqa: S608
    rest = total - sum(count or 0 for count in counts.values())
    return {state: rest if count is None else count for state, count in counts.items()}


def _by(db: Database, query: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in db.execute(query)}
