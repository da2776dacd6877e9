"""Letters and replies in the store without a server: what the tests of the outbox start from."""

import hashlib
from datetime import UTC, datetime

from inboxbot.mail.message import Reply
from inboxbot.store import outbox, settings
from inboxbot.store.database import stamp, write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database


def letter_rows(
    db: Database, number: int, now: datetime, *, mailbox: str = "support", raw: bytes | None = None
) -> int:
    """Store a decided letter with its place and its review, within the caller's transaction."""
    raw = raw if raw is not None else f"Subject: letter {number} to {mailbox}\r\n\r\nHello".encode()
    at = stamp(now)
    row = db.execute("SELECT id FROM mailbox WHERE name = ?", [mailbox]).fetchone()
    box = (
        row[0]
        if row
        else db.execute(
            "INSERT INTO mailbox (name, server, folder, uidvalidity, started_at)"
            " VALUES (?, 's', 'INBOX', 1, ?) RETURNING id",
            [mailbox, at],
        ).fetchone()[0]
    )
    letter = db.execute(
        "INSERT INTO message (fingerprint, mailbox_id, origin, received_at, stored_at, size,"
        " decided_at) VALUES (?, ?, 'imap', ?, ?, ?, ?) RETURNING id",
        [hashlib.sha256(raw).hexdigest(), box, at, at, len(raw), at],
    ).fetchone()[0]
    db.execute(
        "INSERT INTO raw (message_id, encoding, bytes) VALUES (?, 'plain', ?)", [letter, raw]
    )
    db.execute(
        "INSERT INTO place (mailbox_id, uidvalidity, uid, state, message_id, first_seen_at)"
        " VALUES (?, 1, ?, 'ingested', ?, ?)",
        [box, number, letter, at],
    )
    db.execute(
        "INSERT INTO decision (message_id, decided_at, category, confidence, runner_up,"
        " runner_up_confidence, needs_review, unsure_because, evidence, urgent, sensitive,"
        " medicines, suggestions, language_confidence, model_version, disposition, hits,"
        " authenticated) VALUES (?, ?, 'general_inquiry', 0.9, 'profile_request', 0.1, 0, '',"
        " '[]', '[]', '[]', '[]', '[]', 1, 'v', 'acknowledge', '[]', 0)",
        [letter, at],
    )
    db.execute(
        "INSERT INTO review (message_id, category, confidence, received_at, updated_at)"
        " VALUES (?, 'general_inquiry', 0.9, ?, ?)",
        [letter, at, at],
    )
    return int(letter)


def give_up(db: Database, uid: int) -> None:
    """Let the mailbox of the last letter hold one that could not be fetched."""
    db.execute("UPDATE mailbox SET uidvalidity = coalesce(uidvalidity, 1)")
    db.execute(
        "INSERT INTO place (mailbox_id, uidvalidity, uid, state, attempts, last_error,"
        " first_seen_at) SELECT id, uidvalidity, ?, 'quarantined', 3, 'The server left it out.',"
        " ? FROM mailbox ORDER BY id DESC LIMIT 1",
        [uid, stamp(datetime.now(UTC))],
    )


def put_letter(db: Database, number: int, now: datetime, *, mailbox: str = "support") -> int:
    """Store a decided letter with its place and its review; return its row."""
    with write(db):
        return letter_rows(db, number, now, mailbox=mailbox)


def reply_to(number: int, recipient: str = "ana@example.net") -> Reply:
    message_id = f"<ack-{number}@example.org>"
    raw = f"To: {recipient}\r\nMessage-ID: {message_id}\r\n\r\nThank you.\r\n".encode()
    return Reply(raw=raw, recipient=recipient, message_id=message_id)


def put_reply(
    db: Database,
    number: int,
    now: datetime,
    *,
    recipient: str = "ana@example.net",
    mailbox: str = "support",
    state: str = "queued",
    reason: str | None = None,
    kind: str = "acknowledgement",
    relay: str | None = None,
    created_by: str | None = None,
) -> int:
    """Store a letter and the reply to it; return the reply's row."""
    letter = put_letter(db, number, now, mailbox=mailbox)
    with write(db):
        return outbox.add(
            db,
            message=letter,
            kind=kind,
            reply=reply_to(number, recipient),
            template="general",
            relay=relay,
            state=state,
            reason=reason,
            created_by=created_by,
            now=now,
        )


def go_live(db: Database) -> None:
    with write(db):
        settings.put(db, "mode", Mode.LIVE)


def state_of(db: Database, row: int) -> str:
    return str(db.execute("SELECT state FROM outbox WHERE id = ?", [row]).fetchone()[0])


def column(db: Database, row: int, name: str) -> object:
    return db.execute(f"SELECT {name} FROM outbox WHERE id = ?", [row]).fetchone()[0]
