"""The way of a reply through the sender: due, claimed, sending, and what became of it.

A reply is taken with a lease; whoever lost the lease can no longer note that the final dot
follows, and so does not send it. Functions that write do so within the caller's transaction.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from inboxbot.frozen import dataclass
from inboxbot.mail.message import Reply
from inboxbot.store import alerts, settings
from inboxbot.store.database import moment, stamp
from inboxbot.store.outbox import ANSWERED, NO_LEASE, WITH_STAFF, State, move, unpacked
from inboxbot.store.sqlite import Database

LEASE = timedelta(minutes=15)  # More than the longest wait for a server's answer.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
UNDO = timedelta(minutes=10)  # More than the time in which staff can take a reply back.
# By row, since a clock may be set back: the newest reply of a restored copy, and with the name of a
# mailbox behind it the newest that was looked up in its Sent folder since.
NEWEST_OF_COPY = "newest_of_copy"
LOOKED_UP = "looked_up:"
_NEWEST_OF_COPY = f"(SELECT CAST(value AS INTEGER) FROM setting WHERE name = '{NEWEST_OF_COPY}')"  # noqa: S608
_LOOKED_UP = (
    "coalesce((SELECT CAST(value AS INTEGER) FROM setting"  # noqa: S608
    f" WHERE name = '{LOOKED_UP}' || b.name), 0)"
)
_AWAITING = (
    "FROM outbox o JOIN message m ON m.id = o.message_id"
    f" JOIN mailbox b ON b.id = m.mailbox_id WHERE o.state = 'held' AND o.id > {_LOOKED_UP}"
)
ALL = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A reply that is due, with what decides whether it may still go.

    `waiting_since` is when it was decided, or put into the queue again by staff, whose name is
    `created_by` then. `review` and `category` are what the review of its letter says, if there is
    one; `answered` says whether a person's answer to the letter has left or is about to.
    """

    id: int
    message: int
    kind: str
    state: State
    attempts: int
    reply: Reply
    recipient_key: str
    waiting_since: datetime
    created_by: str | None
    review: str | None
    template: str | None
    category: str | None
    answered: bool


@dataclass(frozen=True, slots=True)
class Recovered:
    """Which replies were in flight when their process ended, and what became of them."""

    queued: tuple[int, ...]
    uncertain: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unproven:
    """A reply that the Sent folder of its mailbox may tell about."""

    id: int
    mailbox: str
    message_id: str
    state: State


# The condition of the index `outbox_open` stands in these word for word, beside the narrower one:
# without it every reply ever written is looked at, for each one that is sent.


def due_mailboxes(db: Database, now: datetime) -> list[str]:
    """Return the mailboxes that have replies due."""
    rows = db.execute(
        "SELECT DISTINCT b.name FROM outbox o JOIN message m ON m.id = o.message_id"
        " JOIN mailbox b ON b.id = m.mailbox_id WHERE o.state IN ('queued', 'deferred')"
        " AND o.state IN ('queued', 'claimed', 'sending', 'deferred')"
        " AND (o.due_at <= :now OR o.due_at > iif(o.state = 'queued', :undo, :latest))"
        " ORDER BY b.name",
        _times(now),
    )
    return [str(row[0]) for row in rows]


def next_due(db: Database, mailbox: str, now: datetime) -> Entry | None:
    """Return the reply of `mailbox` that has been due longest."""
    row = db.execute(
        "SELECT o.id, o.message_id, o.kind, o.state, o.attempts, o.raw, o.recipient,"  # noqa: S608
        " o.rfc_message_id, o.envelope_sender, o.recipient_key,"
        " coalesce(o.requeued_at, o.created_at), o.created_by, r.state,"
        " o.template, r.category,"
        f" EXISTS (SELECT 1 FROM outbox WHERE message_id = o.message_id AND {ANSWERED})"
        " FROM outbox o JOIN message m ON m.id = o.message_id"
        " JOIN mailbox b ON b.id = m.mailbox_id LEFT JOIN review r ON r.message_id = o.message_id"
        " WHERE b.name = :mailbox AND o.state IN ('queued', 'deferred')"
        " AND o.state IN ('queued', 'claimed', 'sending', 'deferred')"
        " AND (o.due_at <= :now OR o.due_at > iif(o.state = 'queued', :undo, :latest))"
        " ORDER BY o.due_at, o.id LIMIT 1",
        {"mailbox": mailbox, **_times(now)},
    ).fetchone()
    if row is None:
        return None
    return Entry(
        id=row[0],
        message=row[1],
        kind=row[2],
        state=State(row[3]),
        attempts=row[4],
        reply=Reply(
            raw=unpacked(row[5]), recipient=row[6], message_id=row[7], envelope_sender=row[8]
        ),
        recipient_key=row[9],
        waiting_since=moment(row[10]),
        created_by=row[11],
        review=row[12],
        template=row[13],
        category=row[14],
        answered=bool(row[15]),
    )


def sent_since(db: Database, mailbox: str, since: datetime, now: datetime) -> int:
    """Return how many replies of `mailbox` its server has taken since then."""
    row = db.execute(
        "SELECT count(*) FROM outbox o JOIN message m ON m.id = o.message_id"
        " JOIN mailbox b ON b.id = m.mailbox_id"
        " WHERE o.sent_at > ? AND o.sent_at <= ? AND b.name = ?",
        [stamp(since), stamp(now), mailbox],
    ).fetchone()
    return int(row[0])


def _times(now: datetime) -> dict[str, str]:
    # A time further ahead than any back-off, or than staff can take a reply back, shows a clock
    # that was set back since, and counts as past: no reply waits for a year that was never meant.
    return {
        "now": stamp(now),
        "undo": stamp(now + UNDO),
        "latest": stamp(now + BACK_OFF[-1]),
    }


def claim(db: Database, row: int, owner: str, now: datetime) -> None:
    """Take a due reply; the attempt counts from here, whatever becomes of the process."""
    move(
        db,
        row,
        State.CLAIMED,
        now,
        also="attempts = attempts + 1, lease_owner = :owner, lease_until = :until",
        values={"owner": owner, "until": stamp(now + LEASE)},
    )


def begin(db: Database, row: int, owner: str, now: datetime) -> None:
    """Note that the final dot follows; raise `Conflict` where somebody else took the reply."""
    until = {"until": stamp(now + LEASE)}
    move(db, row, State.SENDING, now, owner=owner, also="lease_until = :until", values=until)


def sent(db: Database, row: int, owner: str, answer: str, now: datetime) -> None:
    """Note that the server has accepted the reply."""
    also = f"reason = NULL, smtp_reply = :answer, sent_at = :now, {NO_LEASE}"
    move(db, row, State.SENT, now, owner=owner, also=also, values={"answer": answer})


def deferred(db: Database, row: int, owner: str, answer: str, due: datetime, now: datetime) -> None:
    """Note that the server wants the reply later."""
    also = f"smtp_reply = :answer, due_at = :due, {NO_LEASE}"
    values = {"answer": answer, "due": stamp(due)}
    move(db, row, State.DEFERRED, now, owner=owner, also=also, values=values)


def failed(db: Database, row: int, owner: str, answer: str, now: datetime) -> None:
    """Note that the server will never take the reply."""
    also = f"smtp_reply = :answer, {NO_LEASE}"
    move(db, row, State.FAILED, now, owner=owner, also=also, values={"answer": answer})


def gave_up(db: Database, row: int, now: datetime) -> None:
    """Note that the server did not take a deferred reply for as long as we try."""
    move(db, row, State.FAILED, now, sources=(State.DEFERRED,), also=NO_LEASE)


def uncertain(db: Database, row: int, owner: str, now: datetime) -> None:
    """Note that nobody knows; the owner may still record an answer that it hears."""
    move(db, row, State.UNCERTAIN, now, owner=owner, also="lease_until = NULL")


def give_back(db: Database, row: int, owner: str, now: datetime) -> None:
    """Put a reply back: the server as a whole cannot be used, so no attempt counts."""
    also = f"attempts = attempts - 1, {NO_LEASE}"
    sources = (State.CLAIMED, State.SENDING)
    move(db, row, State.QUEUED, now, owner=owner, sources=sources, also=also)


def recover(db: Database, owner: str, now: datetime, *, alone: bool = False) -> Recovered:
    """Take back what `owner` left in flight, and what others hold beyond their lease.

    With `alone` (the caller has the state folder, so no other process lives) everything in
    flight is taken back. What was `claimed` is queued again; what was `sending` is uncertain.
    """
    rows = db.execute(
        "SELECT id, state FROM outbox INDEXED BY outbox_open WHERE state IN ('claimed', 'sending')"
        " AND state IN ('queued', 'claimed', 'sending', 'deferred') AND (:alone"
        " OR lease_owner = :owner OR lease_until < :now OR lease_until > :latest) ORDER BY id",
        {"alone": alone, "owner": owner, "now": stamp(now), "latest": stamp(now + LEASE)},
    ).fetchall()
    queued = tuple(row for row, state in rows if state == State.CLAIMED)
    unknown = tuple(row for row, state in rows if state == State.SENDING)
    for row in queued:
        move(db, row, State.QUEUED, now, sources=(State.CLAIMED,), also=NO_LEASE)
    for row in unknown:
        # Its owner stays named: should it live after all, the answer it hears still counts.
        move(db, row, State.UNCERTAIN, now, also="lease_until = NULL")
    return Recovered(queued, unknown)


def in_state(db: Database, row: int, state: State) -> bool:
    """Say whether a reply is in this state."""
    found = db.execute("SELECT state = ? FROM outbox WHERE id = ?", [state, row]).fetchone()
    return bool(found and found[0])


def letters(db: Database, rows: Sequence[int]) -> list[int]:
    """Return the letters that these replies answer."""
    found = db.execute(
        "SELECT message_id FROM outbox WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        [json.dumps(rows)],
    )
    return [int(row[0]) for row in found]


def unproven(db: Database) -> list[Unproven]:
    """Return what the Sent folder may tell about: uncertain, or held as a backup was restored.

    What the copy held for another reason, and staff may have released since, is among them until
    it was looked up.
    """
    rows = db.execute(
        "SELECT o.id, b.name, o.rfc_message_id, o.state FROM outbox o"  # noqa: S608
        " JOIN message m ON m.id = o.message_id JOIN mailbox b ON b.id = m.mailbox_id"
        f" WHERE o.id IN (SELECT id FROM outbox WHERE state = 'uncertain' AND {WITH_STAFF}"
        f" UNION ALL SELECT id FROM outbox WHERE state = 'held' AND {WITH_STAFF}"
        f" AND reason = 'restored' UNION ALL SELECT id FROM outbox WHERE state = 'held'"
        f" AND {WITH_STAFF} AND id <= {_NEWEST_OF_COPY})"
        f" AND (o.state = 'uncertain' OR o.reason = 'restored' OR o.id > {_LOOKED_UP})"
        " ORDER BY o.id"
    )
    return [Unproven(row[0], row[1], row[2], State(row[3])) for row in rows]


def looked_up(db: Database, mailbox: str, newest: int) -> None:
    """Note that the replies of a mailbox were looked up in its Sent folder, up to this row.

    `ALL` says that there is no such folder: nothing has to wait for it.
    """
    settings.put(db, f"{LOOKED_UP}{mailbox}", str(newest))


def awaits_look(db: Database, row: int) -> bool:
    """Say whether a held reply may have left before a restore, and was not looked up since."""
    return bool(
        db.execute(
            f"SELECT 1 {_AWAITING} AND o.id = ?"
            f" AND (o.reason = 'restored' OR o.id <= {_NEWEST_OF_COPY})",
            [row],
        ).fetchone()
    )


def some_await_look(db: Database) -> bool:
    """Say whether replies are held as a backup was restored, and were not looked up since."""
    return bool(
        db.execute(
            f"SELECT 1 {_AWAITING} AND o.id IN (SELECT id FROM outbox"  # noqa: S608
            f" WHERE state = 'held' AND reason = 'restored' AND {WITH_STAFF}) LIMIT 1"
        ).fetchone()
    )


def found(db: Database, row: int, now: datetime) -> None:
    """Note that a reply lies in the Sent folder: it was sent."""
    also = f"reason = NULL, sent_at = coalesce(sent_at, :now), {NO_LEASE}"
    move(db, row, State.SENT, now, sources=(State.UNCERTAIN, State.HELD), also=also)


def absent(db: Database, row: int, now: datetime) -> None:
    """Queue an uncertain reply again: the server files all that it accepts, and has it not."""
    also = f"due_at = :now, {NO_LEASE}"
    move(db, row, State.QUEUED, now, sources=(State.UNCERTAIN,), also=also)


def hold_restored(db: Database, now: datetime) -> int:
    """Hold what a restored backup would send: it may have been sent since. Return how many.

    An uncertain one too: after the backup was made it may have left under another Message-ID, so
    that its own is not in the Sent folder proves nothing.
    """
    alerts.end(db, alerts.Code.UNCERTAIN, now)
    newest = db.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()[0]
    settings.put(db, NEWEST_OF_COPY, str(newest))
    db.execute("DELETE FROM setting WHERE name GLOB ? || '*'", [LOOKED_UP])
    cursor = db.execute(
        f"UPDATE outbox SET state = 'held', reason = 'restored', updated_at = ?, {NO_LEASE}"  # noqa: S608
        " WHERE state IN ('queued', 'deferred', 'claimed', 'sending', 'uncertain')",
        [stamp(now)],
    )
    return cursor.rowcount
