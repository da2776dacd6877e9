"""The replies to one letter, as staff see them: exactly the stored bytes, and what became of them.

How a reply's state may change is `inboxbot.store.outbox`; here it is read, and put off.
"""

from datetime import datetime

from inboxbot.errors import Conflict
from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.outbox import ANSWERED, WITH_STAFF, State, unpacked
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SentReply:
    """A reply to a letter: an acknowledgement or an answer."""

    id: int
    letter: int
    kind: str
    template: str | None
    template_version: str | None
    recipient: str
    relay: str | None
    raw: bytes
    state: State
    reason: str | None
    attempts: int
    due_at: datetime
    smtp_reply: str | None
    created_by: str | None
    created_at: datetime
    sent_at: datetime | None
    updated_at: datetime


_COLUMNS = (
    "id, message_id, kind, template, template_version, recipient, relay, raw, state, reason,"
    " attempts, due_at, smtp_reply, created_by, created_at, sent_at, updated_at"
)


def of_letter(db: Database, letter: int) -> list[SentReply]:
    """Return the replies to a letter, the oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE message_id = ? ORDER BY id",  # noqa: S608
        [letter],
    )
    return [_reply(row) for row in rows]


def acknowledgement(db: Database, letter: int) -> SentReply | None:
    """Return the acknowledgement of a letter, in whatever state, or None."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE message_id = ? AND kind = 'acknowledgement'",  # noqa: S608
        [letter],
    ).fetchone()
    return _reply(row) if row else None


def get(db: Database, reply: int) -> SentReply | None:
    """Return one reply, or None."""
    row = db.execute(f"SELECT {_COLUMNS} FROM outbox WHERE id = ?", [reply]).fetchone()  # noqa: S608
    return _reply(row) if row else None


def held(db: Database, letter: int) -> SentReply | None:
    """Return the held reply of a letter that is to be decided on, or None.

    An answer that a person wrote comes before an acknowledgement, and the oldest before others.
    """
    row = db.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE message_id = ? AND state = 'held'"  # noqa: S608
        " ORDER BY kind = 'answer' DESC, id LIMIT 1",
        [letter],
    ).fetchone()
    return _reply(row) if row else None


def is_answered(db: Database, letter: int) -> bool:
    """Say whether an answer of a person to this letter has left, or is about to."""
    row = db.execute(
        f"SELECT 1 FROM outbox WHERE message_id = ? AND {ANSWERED} LIMIT 1",  # noqa: S608
        [letter],
    ).fetchone()
    return row is not None


def letters_held(db: Database, reason: str | None = None) -> list[int]:
    """Return the letters whose reply, as `held` finds it, is held for a reason or for any.

    Those with an answer come first, and the newest before others: in one go no acknowledgement
    leaves before an answer in the same conversation.
    """
    rows = db.execute(
        f"SELECT o.message_id FROM outbox o WHERE o.state = 'held' AND o.{WITH_STAFF}"  # noqa: S608
        " AND (?1 IS NULL OR o.reason = ?1) AND o.id = (SELECT id FROM outbox"
        " WHERE message_id = o.message_id AND state = 'held'"
        " ORDER BY kind = 'answer' DESC, id LIMIT 1)"
        " ORDER BY o.kind = 'answer' DESC, o.id DESC",
        [reason],
    )
    return [int(row[0]) for row in rows]


def put_off(db: Database, reply: int, due_at: datetime) -> None:
    """Let a waiting reply leave no earlier than `due_at`: the time to take it back."""
    db.execute(
        "UPDATE outbox SET due_at = ? WHERE id = ? AND state = 'queued'", [stamp(due_at), reply]
    )


def put_back(db: Database, reply: int, reason: str | None, now: datetime) -> None:
    """Hold again what staff released or dropped and has not been offered to the server.

    Raises `Conflict` where it is on its way or gone.
    """
    changed = db.execute(
        "UPDATE outbox SET state = 'held', reason = ?, updated_at = ? WHERE id = ?"
        " AND state IN ('queued', 'deferred', 'cancelled') AND sent_at IS NULL",
        [reason, stamp(now), reply],
    )
    if changed.rowcount != 1:
        raise Conflict("It has left already; it cannot be taken back.")


def remove_unsent(db: Database, reply: int) -> None:
    """Remove a reply that was written by this action and is still only waiting.

    Raises `Conflict` where it is on its way or gone.
    """
    removed = db.execute(
        "DELETE FROM outbox WHERE id = ? AND state = 'queued' AND attempts = 0", [reply]
    )
    if removed.rowcount != 1:
        raise Conflict("It has left already; it cannot be taken back.")


def _reply(row: tuple[object, ...]) -> SentReply:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["letter"] = values.pop("message_id")
    values["raw"] = unpacked(bytes(values["raw"]))  # type: ignore[call-overload]
    values["state"] = State(str(values["state"]))
    for name in ("due_at", "created_at", "sent_at", "updated_at"):
        values[name] = moment(str(values[name])) if values[name] else None
    return SentReply(**values)  # type: ignore[arg-type]
