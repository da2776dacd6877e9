"""Replies decided and not finished: their states, and the one table of how these may change.

Every change is one UPDATE that names the states it may start from, so a process that lost its
lease changes nothing. Every function that writes does so within the caller's transaction.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files

from inboxbot.classify.category import Category
from inboxbot.errors import Conflict, NotPossible
from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import domain_of, folded
from inboxbot.mail.message import Reply
from inboxbot.store import alerts
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


class State(StrEnum):
    """Where a reply stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    HELD = "held"
    CANCELLED = "cancelled"


S = State
TRANSITIONS: dict[State, frozenset[State]] = {
    S.QUEUED: frozenset({S.CLAIMED, S.HELD, S.CANCELLED}),
    S.DEFERRED: frozenset({S.CLAIMED, S.HELD, S.CANCELLED, S.FAILED}),
    # Before the final dot: nothing left, so everything may be tried again.
    S.CLAIMED: frozenset({S.QUEUED, S.SENDING, S.DEFERRED, S.FAILED, S.HELD}),
    # After it: only the server's answer, or the lack of one.
    S.SENDING: frozenset({S.SENT, S.DEFERRED, S.FAILED, S.QUEUED, S.UNCERTAIN}),
    # The answer may still be recorded by whoever heard it; else evidence, or a person.
    S.UNCERTAIN: frozenset({S.SENT, S.BOUNCED, S.QUEUED, S.DEFERRED, S.FAILED, S.CANCELLED}),
    S.HELD: frozenset({S.QUEUED, S.CANCELLED, S.SENT}),
    S.FAILED: frozenset({S.QUEUED, S.CANCELLED}),
    S.SENT: frozenset({S.BOUNCED}),
    S.BOUNCED: frozenset(),
    S.CANCELLED: frozenset(),
}

# The condition of an index: a query that has it, word for word, looks at these alone.
WITH_STAFF = "state IN ('uncertain', 'held', 'failed')"
# What a person wrote, and has left or is about to: unlike the review of the letter this stays so
# where it is opened anew.
ANSWERED = "kind = 'answer' AND state NOT IN ('held', 'failed', 'cancelled')"

_SOURCES = {
    to: tuple(state for state, following in TRANSITIONS.items() if to in following) for to in State
}

_KINDS = frozenset(Category)
_PACKED = b"\0"
# 16 KB, which hold what is usual and a reply: the largest takes three times as long to make.
_WINDOW = 14
# Whose lease a reply is under, and until when: what ends an attempt ends both.
NO_LEASE = "lease_owner = NULL, lease_until = NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of `outbox list`."""

    id: int
    letter: int
    recipient: str
    message_id: str
    in_reply_to: str | None
    state: State
    reason: str | None
    attempts: int
    updated_at: datetime


def packed(raw: bytes) -> bytes:
    """Return the bytes of a reply as they are kept: behind a NUL, which begins no reply."""
    if not raw:
        return b""
    packing = zlib.compressobj(wbits=_WINDOW, zdict=_usual())
    return _PACKED + packing.compress(raw) + packing.flush()


def unpacked(kept: bytes) -> bytes:
    """Return the bytes of a reply exactly as written; b"" where they were erased or are damaged.

    Those of before this program packed them are kept as they are.
    """
    if not kept.startswith(_PACKED):
        return kept
    unpacking = zlib.decompressobj(zdict=_usual())
    try:
        raw = unpacking.decompress(kept[len(_PACKED) :])
    except zlib.error:
        return b""
    return raw if unpacking.eof else b""


@cache
def _usual() -> bytes:
    """Return three acknowledgements, which are most of what any of them says.

    The file is never changed: what was packed with it cannot be had without it.
    """
    return files("inboxbot.store").joinpath("usual_replies.bin").read_bytes()


def add(
    db: Database,
    *,
    message: int,
    kind: str,
    reply: Reply,
    template: str | None = None,
    template_version: str | None = None,
    in_reply_to: str | None = None,
    relay: str | None = None,
    state: str = S.QUEUED,
    reason: str | None = None,
    created_by: str | None = None,
    now: datetime,
) -> int:
    """Put a finished reply into the outbox; return its row."""
    cursor = db.execute(
        "INSERT INTO outbox (message_id, kind, template, template_version, recipient,"
        " recipient_key, recipient_domain, relay, envelope_sender, rfc_message_id, in_reply_to,"
        " raw, state, reason, reserved, due_at, created_by, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            message,
            kind,
            template,
            template_version,
            reply.recipient,
            folded(reply.recipient),
            domain_of(reply.recipient),
            relay,
            reply.envelope_sender,
            reply.message_id,
            in_reply_to,
            packed(reply.raw),
            State(state),
            reason,
            int(_counts(kind, State(state), reason)),
            stamp(now),
            created_by,
            stamp(now),
            stamp(now),
        ],
    )
    row = cursor.lastrowid
    assert row is not None  # noqa: S101  (an INSERT that did not raise has a row)
    return row


def _counts(kind: str, state: State, reason: str | None) -> bool:
    """Say whether a new reply counts towards the limits; from then on a trigger sees to it."""
    if kind != "acknowledgement" or state in (S.FAILED, S.CANCELLED):
        return False
    return state is not S.HELD or reason in ("shadow", "paused")


def is_of_another_kind(
    db: Database, letter: int, template: str | None, category: str | None
) -> bool:
    """Say whether an acknowledgement was written for another category than staff say it is.

    As long as they say what was decided, it is right as it was decided: a letter of which the
    classifier was unsure gets general words, whatever it most likely is.
    """
    if category in (None, template) or template not in _KINDS:
        return False
    row = db.execute(
        "SELECT 1 FROM decision WHERE message_id = ? AND category = ? AND template = ?",
        [letter, category, template],
    ).fetchone()
    return row is None


def rewrite(
    db: Database, row: int, reply: Reply, *, template: str, template_version: str, now: datetime
) -> None:
    """Put another text in place of one that waits; it goes to the same person.

    Raises `Conflict` where it does not wait any more.
    """
    changed = db.execute(
        "UPDATE outbox SET raw = ?, rfc_message_id = ?, template = ?, template_version = ?,"
        " updated_at = ? WHERE id = ? AND state IN ('held', 'queued', 'deferred')"
        " AND recipient_key = ?",
        [
            packed(reply.raw),
            reply.message_id,
            template,
            template_version,
            stamp(now),
            row,
            folded(reply.recipient),
        ],
    )
    if changed.rowcount != 1:
        raise Conflict("It does not wait any more, or would go to somebody else.")


def hold(db: Database, row: int, reason: str, now: datetime, *, answer: str | None = None) -> None:
    """Keep a reply that was not offered to the server until a person has looked."""
    also = f"reason = :reason, smtp_reply = coalesce(:answer, smtp_reply), {NO_LEASE}"
    move(db, row, State.HELD, now, also=also, values={"reason": reason, "answer": answer})


def too_old(db: Database, rows: Iterable[int], now: datetime) -> None:
    """Say of held replies that they are too old: a person may still let each of them go."""
    db.conn.executemany(
        "UPDATE outbox SET reason = 'too_old', updated_at = ? WHERE id = ? AND state = 'held'",
        [(stamp(now), row) for row in rows],
    )


def cancel(db: Database, row: int, reason: str, now: datetime) -> None:
    """Give up a reply that is not in flight and was not sent; `Conflict` where it is or was."""
    move(db, row, State.CANCELLED, now, also="reason = :reason", values={"reason": reason})


def release(db: Database, row: int, who: str, now: datetime) -> None:
    """Let a held reply go; `Conflict` where it is not held."""
    _queue(db, row, who, now, (State.HELD,))


def send_again(db: Database, row: int, who: str, now: datetime) -> None:
    """Send an uncertain or failed reply again: the same bytes under the same Message-ID."""
    _queue(db, row, who, now, (State.UNCERTAIN, State.FAILED))


def was_sent(db: Database, row: int, now: datetime) -> None:
    """Note that staff know that an uncertain reply was sent."""
    also = f"reason = NULL, sent_at = coalesce(sent_at, :now), {NO_LEASE}"
    move(db, row, State.SENT, now, sources=(State.UNCERTAIN,), also=also)


def held(db: Database, reason: str | None = None, *, before: datetime | None = None) -> list[int]:
    """Return the rows that are held, for one reason or for any, the oldest first.

    With `before`, only those that have been held since then or longer.
    """
    why = "" if reason is None else " AND reason = :reason"
    rows = db.execute(
        f"SELECT id FROM outbox WHERE state = 'held' AND {WITH_STAFF}{why}"  # noqa: S608
        " AND (:before IS NULL OR updated_at < :before) ORDER BY id",
        {"reason": reason, "before": stamp(before) if before else None},
    )
    return [int(row[0]) for row in rows]


def listed(db: Database, *states: State) -> Iterator[Listed]:
    """Yield the replies in these states, or all of them, the oldest first."""
    rows = db.execute(
        "SELECT id, message_id, recipient, rfc_message_id, in_reply_to, state, reason, attempts,"
        " updated_at FROM outbox WHERE state IN (SELECT value FROM json_each(?)) ORDER BY id",
        [json.dumps(states or tuple(State))],
    )
    for row in rows:
        yield Listed(
            id=row[0],
            letter=row[1],
            recipient=row[2],
            message_id=row[3],
            in_reply_to=row[4],
            state=State(row[5]),
            reason=row[6],
            attempts=row[7],
            updated_at=moment(row[8]),
        )


def _queue(db: Database, row: int, who: str, now: datetime, sources: tuple[State, ...]) -> None:
    # Whoever wrote an answer stays its writer.
    also = (
        "reason = NULL, attempts = 0, created_by = iif(kind = 'answer', created_by, :who),"
        f" requeued_at = :now, due_at = :now, {NO_LEASE}"
    )
    move(db, row, State.QUEUED, now, sources=sources, also=also, values={"who": who})


def move(
    db: Database,
    row: int,
    to: State,
    now: datetime,
    *,
    also: str,
    sources: tuple[State, ...] = (),
    owner: str | None = None,
    values: dict[str, str | None] | dict[str, str] | None = None,
) -> None:
    """Change a reply's state from one of `sources`, or from any that the table allows.

    `also` sets further columns; `owner` must have the lease, where it is given. Raises
    `Conflict` where the reply is not, or no longer, as that asks; `NotPossible` where it waits
    in another state.
    """
    allowed = _SOURCES[to]
    if not set(sources) <= set(allowed):
        raise ValueError(f"no reply becomes {to} from all of {sources}")
    cursor = db.execute(
        f"UPDATE outbox SET state = :to, updated_at = :now, {also} WHERE id = :row"  # noqa: S608
        " AND state IN (SELECT value FROM json_each(:sources))"
        " AND (:lease IS NULL OR lease_owner = :lease)",
        {
            "to": to,
            "now": stamp(now),
            "row": row,
            "sources": json.dumps(sources or allowed),
            "lease": owner,
            **(values or {}),
        },
    )
    if cursor.rowcount != 1:
        raise _not_moved(db, row, sources or allowed)
    if State.UNCERTAIN in (sources or allowed):
        alerts.end_of_reply(db, alerts.Code.UNCERTAIN, row, now)


def _not_moved(db: Database, row: int, sources: tuple[State, ...]) -> Conflict:
    found = db.execute("SELECT state FROM outbox WHERE id = ?", [row]).fetchone()
    state = State(found[0]) if found else None
    if state in (None, State.CLAIMED, State.SENDING, *sources):
        return Conflict(f"Reply {row} was changed by somebody else meanwhile.")
    return NotPossible(f"Reply {row} is in a state in which this cannot be done.")
