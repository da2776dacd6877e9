"""Mails that an administrator sends to themselves to see what people get.

The review app writes them, the daemon hands them in. Once that has ended, neither address nor
text is kept.
"""

from datetime import datetime
from enum import StrEnum

from inboxbot.frozen import dataclass
from inboxbot.mail.message import Reply
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


class State(StrEnum):
    """What became of a test mail."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMail:
    """A test mail; `answer` is what the mail server, or the way to it, had to say."""

    __test__ = False

    id: int
    asked_at: datetime
    staff: str
    template: str
    language: str
    state: State
    ended_at: datetime | None
    answer: str


_COLUMNS = "id, asked_at, staff, template, language, state, ended_at, answer"


def add(
    db: Database, reply: Reply, *, staff: str, template: str, language: str, now: datetime
) -> int:
    """Keep a finished mail for the daemon, within the caller's transaction; return its row."""
    cursor = db.execute(
        "INSERT INTO test_mail (asked_at, staff, template, language, recipient, envelope_sender,"
        " rfc_message_id, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            stamp(now),
            staff,
            template,
            language,
            reply.recipient,
            reply.envelope_sender,
            reply.message_id,
            reply.raw,
        ],
    )
    return int(cursor.lastrowid or 0)


def newest(db: Database) -> TestMail | None:
    """Return the test mail that was asked for last, or None; one with a code is none."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM test_mail WHERE template <> 'address' ORDER BY id DESC LIMIT 1"  # noqa: S608
    ).fetchone()
    return _mail(row) if row else None


def asked_since(db: Database, since: datetime) -> int:
    """Return how many were asked for since then."""
    row = db.execute("SELECT count(*) FROM test_mail WHERE asked_at > ?", [stamp(since)])
    return int(row.fetchone()[0])


def waiting(db: Database) -> list[tuple[TestMail, Reply]]:
    """Return what the daemon has yet to hand in, the oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS}, raw, recipient, rfc_message_id, envelope_sender FROM test_mail"  # noqa: S608
        " WHERE state = 'waiting' ORDER BY id"
    )
    return [
        (
            _mail(row[:-4]),
            Reply(
                raw=bytes(row[-4]),
                recipient=row[-3],
                message_id=row[-2],
                envelope_sender=row[-1],
            ),
        )
        for row in rows
    ]


def ended(db: Database, row: int, state: State, answer: str, now: datetime) -> None:
    """Note what became of a mail, and forget whom it went to and what it said."""
    db.execute(
        "UPDATE test_mail SET state = ?, answer = ?, ended_at = ?, recipient = '', raw = x''"
        " WHERE id = ?",
        [state, answer, stamp(now), row],
    )


def goes_on(db: Database, row: int, answer: str) -> None:
    """Note why a mail still waits."""
    db.execute("UPDATE test_mail SET answer = ? WHERE id = ?", [answer, row])


def _mail(row: tuple[object, ...]) -> TestMail:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["state"] = State(str(values["state"]))
    for name in ("asked_at", "ended_at"):
        values[name] = moment(str(values[name])) if values[name] else None
    return TestMail(**values)  # type: ignore[arg-type]
