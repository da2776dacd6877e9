"""Copies of the letters in a store: a store that was used for years, made in minutes.

Only filling is quick, by what no running program does: without the triggers and indexes, which
are built at the end, and without waiting for the disk. What comes out is a store like any other.
"""

from inboxbot.store.database import write
from inboxbot.store.sqlite import Database

_TABLES = ("message", "raw", "reading", "decision", "review", "outbox")
# People write a few letters each, and the words of letters are not always the same ones.
_OTHERS_AT = "CASE WHEN n < 10 THEN '@' ELSE '.' || (n / 10) || '@' END"
_WORDS = (
    "' case' || ((n * 7919 + message_id * 104729) % 20011)"
    " || ' group' || ((n * 31 + message_id * 17) % 101)"
)
_CHANGED = {
    "id": "id + n * :offset",
    "message_id": "message_id + n * :offset",
    "fingerprint": "fingerprint || '-' || n",
    "rfc_message_id": "rfc_message_id || '-' || n",
    # Those that came in last are the newest, but for the letters that were there before; what was
    # done with each was done in its time.
    **{
        name: f"strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', {name},"
        " ((:times - n) * -11) || ' hours')"
        for name in (
            "received_at",
            "stored_at",
            "decided_at",
            "created_at",
            "due_at",
            "sent_at",
            "updated_at",
        )
    },
    "conversation_id": "NULL",
    "stripped": "1",  # Bytes as those of another letter are not held against its fingerprint.
    ("reading", "text"): f"text || {_WORDS}",
    ("reading", "sender_address"): f"replace(sender_address, '@', {_OTHERS_AT})",
    ("reading", "return_address"): f"replace(return_address, '@', {_OTHERS_AT})",
    ("decision", "reply_to"): f"replace(reply_to, '@', {_OTHERS_AT})",
    ("outbox", "recipient"): f"replace(recipient, '@', {_OTHERS_AT})",
    ("outbox", "recipient_key"): f"replace(recipient_key, '@', {_OTHERS_AT})",
    ("outbox", "state"): "'sent'",
    ("review", "state"): "CASE WHEN :open OR n % 40 = 0 THEN state ELSE 'closed' END",
}


def multiply(db: Database, times: int, *, everything_open: bool = False) -> None:
    """Make `times` of each letter in the store, spread over the time before.

    Nearly all copies are done, as in a store that was used; or none is, as after an import.
    """
    offset = int(db.execute("SELECT max(id) FROM message").fetchone()[0])
    values: dict[str, object] = {"offset": offset, "times": times, "open": everything_open}
    ours = ", ".join(f"'{name}'" for name in _TABLES)
    built = db.execute(
        f"SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        f" AND type IN ('index', 'trigger') AND tbl_name IN ({ours})"
    ).fetchall()
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -400000")
    with write(db):
        for kind, name, _ in built:
            db.execute(f"DROP {kind} {name}")
        for table in _TABLES:
            _copy(db, table, values)
        db.execute("INSERT INTO reading_words (reading_words) VALUES ('rebuild')")
        _index_unspaced(db, offset)
        for _, _, statement in built:
            db.execute(statement)
    db.execute("PRAGMA cache_size = -2000")
    db.execute("PRAGMA synchronous = FULL")


def _copy(db: Database, table: str, values: dict[str, object]) -> None:
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    changed = [_CHANGED.get((table, name), _CHANGED.get(name, name)) for name in names]
    key = "id" if table == "message" else "message_id"
    db.execute(
        "WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy"
        f" WHERE n + 1 < :times) INSERT INTO {table} ({', '.join(names)})"
        f" SELECT {', '.join(changed)} FROM copy CROSS JOIN {table}"
        f" WHERE :times > 1 AND {key} BETWEEN 1 AND :offset",
        values,
    )


def _index_unspaced(db: Database, offset: int) -> None:
    """Index the copies of what stands in this index already: by what the copies are of."""
    columns = "subject, text, sender_name, sender_address"
    db.execute(
        f"INSERT INTO reading_unspaced (rowid, {columns}) SELECT message_id, {columns} FROM reading"
        " WHERE message_id > :offset AND (message_id - 1) % :offset + 1 IN"
        " (SELECT id FROM reading_unspaced_docsize)",
        {"offset": offset},
    )
