"""Erase letters with everything that hangs on them, so that no byte of them is left here.

The row of a message stays, emptied: its fingerprint keeps the same letter from coming in again,
and the audit goes on saying who read letter 17, which nobody can read any more. Functions that
write do so within the caller's transaction, but for `scrub`, which follows it.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from inboxbot.errors import TransientError
from inboxbot.frozen import dataclass
from inboxbot.mail.traces import GAP, Traces
from inboxbot.store.database import moment, stamp, store_error, write
from inboxbot.store.outbox import packed, unpacked
from inboxbot.store.sqlite import Database, vacuum

# Where staff write freely: a person may be named on a letter of somebody else.
_FREE_TEXT = (
    ("note", "text"),
    ("person_note", "text"),
    ("draft", "text"),
    ("snippet", "text"),
    ("snippet_proposal", "text"),
)
_INDEXES = ("reading_words", "reading_unspaced")
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Written:
    """What a letter left to be found elsewhere; `message_ids` are its own and our replies'."""

    sender_name: str
    sender_address: str
    subject: str
    text: str
    message_ids: tuple[str, ...]
    replies: tuple[bytes, ...]


def letters_of(
    db: Database, addresses: Iterable[str], *, stored_until: datetime | None = None
) -> list[int]:
    """Return every letter from these folded addresses, and what came back of replies to them."""
    rows = db.execute(
        "WITH wanted (address) AS (SELECT value FROM json_each(?1)), own (id) AS ("
        " SELECT message_id FROM reading"
        "  WHERE return_address IN wanted OR lower(sender_address) IN wanted"
        " UNION SELECT message_id FROM outbox WHERE recipient_key IN wanted)"
        " SELECT id FROM message WHERE (?2 IS NULL OR stored_at <= ?2) AND id IN"
        " (SELECT id FROM own UNION SELECT b.message_id FROM bounce b"
        "  JOIN outbox o ON o.id = b.outbox_id WHERE o.message_id IN own) ORDER BY id",
        [json.dumps(list(addresses)), stamp(stored_until) if stored_until else None],
    )
    return [int(row[0]) for row in rows]


def written(db: Database, letter: int) -> Written:
    """Return what is to be looked for elsewhere when a letter is erased."""
    row = db.execute(
        "SELECT sender_name, coalesce(sender_address, ''), subject, text, rfc_message_id"
        " FROM reading WHERE message_id = ?",
        [letter],
    ).fetchone() or ("", "", "", "", None)
    answers = db.execute(
        "SELECT rfc_message_id, raw FROM outbox WHERE message_id = ?", [letter]
    ).fetchall()
    name, address, subject, text, own_id = row
    return Written(
        name,
        address,
        subject,
        text,
        tuple(each for each in (own_id, *(answer[0] for answer in answers)) if each),
        tuple(unpacked(answer[1]) for answer in answers),
    )


def undecided(db: Database) -> int:
    """Return how many letters nobody has looked into yet."""
    return int(db.execute("SELECT count(*) FROM message WHERE decided_at IS NULL").fetchone()[0])


def known_addresses(db: Database) -> list[str]:
    """Return every folded address that something is stored of."""
    rows = db.execute(
        "SELECT return_address FROM reading WHERE return_address IS NOT NULL"
        " UNION SELECT address FROM person_address UNION SELECT address FROM suppression"
    )
    return [str(row[0]) for row in rows]


def letters_with_bytes(db: Database) -> list[int]:
    """Return the letters whose bytes are still here."""
    return [int(row[0]) for row in db.execute("SELECT message_id FROM raw ORDER BY message_id")]


def texts_without_bytes(db: Database, *, and_of: Sequence[int]) -> list[tuple[int, str, str]]:
    """Return number, subject and text of letters whose bytes were erased, and of some others."""
    return db.execute(
        "SELECT message_id, subject, text FROM reading WHERE message_id NOT IN"
        " (SELECT message_id FROM raw) OR message_id IN (SELECT value FROM json_each(?))",
        [json.dumps(and_of)],
    ).fetchall()


def replies(db: Database) -> Iterator[tuple[int, int, bytes]]:
    """Yield every reply with its letter and its bytes."""
    for (row,) in db.execute("SELECT id FROM outbox").fetchall():
        letter, raw = db.execute(
            "SELECT message_id, raw FROM outbox WHERE id = ?", [row]
        ).fetchone()
        yield int(row), int(letter), unpacked(raw)


_OF_ERASED = (
    "UPDATE suppression SET outbox_id = NULL WHERE outbox_id IN"
    " (SELECT id FROM outbox WHERE message_id IN erasing)",
    "DELETE FROM bounce WHERE outbox_id IN (SELECT id FROM outbox WHERE message_id IN erasing)",
    "DELETE FROM undo WHERE EXISTS (SELECT 1 FROM json_each(undo.items)"
    " WHERE json_extract(value, '$[0]') IN erasing)",
)
_EMPTY_CONVERSATIONS = (
    "UPDATE conversation SET related_to = NULL WHERE related_to NOT IN"
    " (SELECT conversation_id FROM reading WHERE conversation_id IS NOT NULL)",
    "DELETE FROM conversation WHERE id NOT IN"
    " (SELECT conversation_id FROM reading WHERE conversation_id IS NOT NULL)",
    # What staff put together may be of two addresses: it goes on under one that is left.
    "UPDATE conversation SET address = (SELECT return_address FROM reading"
    " WHERE conversation_id = conversation.id ORDER BY message_id LIMIT 1) WHERE NOT EXISTS"
    " (SELECT 1 FROM reading WHERE conversation_id = conversation.id"
    " AND return_address = conversation.address)",
)


def erase_letters(db: Database, letters: Sequence[int], now: datetime) -> None:
    """Erase these letters, their replies and all that was noted on them.

    Raises `TransientError` where a reply to one of them is just being handed in.
    """
    db.execute("CREATE TEMP TABLE IF NOT EXISTS erasing (id INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM erasing")
    db.execute("INSERT INTO erasing SELECT value FROM json_each(?)", [json.dumps(list(letters))])
    busy = db.execute(
        "SELECT 1 FROM outbox WHERE message_id IN erasing AND state IN ('claimed', 'sending')"
    ).fetchone()
    if busy:
        raise TransientError("A reply is just being handed in: try again in a minute.")
    for statement in _OF_ERASED:
        db.execute(statement)
    for table in _tables_of_messages(db):
        db.execute(f"DELETE FROM {table} WHERE message_id IN erasing")  # noqa: S608  (of ours)
    for statement in _EMPTY_CONVERSATIONS:
        db.execute(statement)
    _empty_rows(db, letters, now)


def _tables_of_messages(db: Database) -> Iterator[str]:
    """Yield every table whose rows belong to a message; places lie on the server and stay."""
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if table != "place" and any(
            key[2] == "message" and key[3] == "message_id"
            for key in db.execute(f"PRAGMA foreign_key_list('{table}')")
        ):
            yield str(table)


def _empty_rows(db: Database, letters: Sequence[int], now: datetime) -> None:
    for letter in letters:
        row = db.execute("SELECT received_at FROM message WHERE id = ?", [letter]).fetchone()
        if row is None:
            continue
        # The day is enough to know whether the same letter is old.
        day = moment(row[0]).replace(hour=0, minute=0, second=0, microsecond=0)
        db.execute(
            "UPDATE message SET erased_at = :now, decided_at = coalesce(decided_at, :now),"
            " rfc_message_id = NULL, received_at = :day WHERE id = :id",
            {"now": stamp(now), "day": stamp(day), "id": letter},
        )


def erase_person(db: Database, addresses: Sequence[str], names: Iterable[str]) -> None:
    """Erase what is known of a person beside the letters; `names` are as they signed."""
    wanted = {"wanted": json.dumps(list(addresses))}
    db.execute(
        "DELETE FROM person WHERE id IN (SELECT person_id FROM person_address"
        " WHERE address IN (SELECT value FROM json_each(:wanted)))",
        wanted,
    )
    db.execute(
        "DELETE FROM suppression WHERE address IN (SELECT value FROM json_each(:wanted))", wanted
    )
    for word in (*addresses, *(name for name in names if len(name) > 2)):
        db.execute("DELETE FROM search WHERE instr(lower(query), lower(?)) > 0", [word])


def take_out(db: Database, letters: Sequence[int], traces: Traces) -> None:
    """Take a person's words out of letters of others, whose bytes as received are erased."""
    for letter in letters:
        db.execute("DELETE FROM raw WHERE message_id = ?", [letter])
        row = db.execute(
            "SELECT text, subject FROM reading WHERE message_id = ?", [letter]
        ).fetchone()
        if row is not None:
            text, subject = traces.taken_out(row[0]), traces.taken_out_of_subject(row[1])
            if (text, subject) != tuple(row):
                db.execute(
                    "UPDATE reading SET text = ?, subject = ? WHERE message_id = ?",
                    [text, subject, letter],
                )
        # What decided may be a word of theirs; that it was urgent, and which kind, stays.
        db.execute(
            "UPDATE decision SET evidence = '[]', suggestions = '[]', medicines = '[]',"
            " urgent = (SELECT json_group_array(json_set(value, '$.reason', ?1))"
            "  FROM json_each(urgent)),"
            " sensitive = (SELECT json_group_array(json_set(value, '$.reason', ?1))"
            "  FROM json_each(sensitive)) WHERE message_id = ?2",
            [GAP, letter],
        )


def take_out_of_replies(db: Database, replies: Sequence[int], traces: Traces) -> None:
    """Erase the bytes of replies to others that hold a person's words.

    One that has yet to leave keeps its text, without the Message-IDs that it refers to.
    """
    for reply in replies:
        state, raw = db.execute("SELECT state, raw FROM outbox WHERE id = ?", [reply]).fetchone()
        done = state in ("sent", "bounced", "failed", "cancelled")
        db.execute(
            "UPDATE outbox SET raw = ?, state = iif(state = 'failed', 'cancelled', state),"
            " reason = iif(state = 'failed', 'too_old', reason) WHERE id = ?",
            [b"" if done else packed(traces.taken_out_of_header(unpacked(raw))), reply],
        )


def take_out_of_notes(db: Database, traces: Traces) -> int:
    """Take addresses and quoted lines out of what staff wrote elsewhere; return how many."""
    changed = 0
    for table, column in _FREE_TEXT:
        for row, text in db.execute(f"SELECT id, {column} FROM {table}").fetchall():  # noqa: S608
            left = traces.taken_out(text)
            if left != text:
                db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", [left, row])  # noqa: S608
                changed += 1
    return changed


def scrub(db: Database) -> None:
    """Leave nothing of erased rows in the file, its index, or the write-ahead log.

    Raises `TransientError` where somebody reads all the while; what was erased stays so, and
    the next call finishes.
    """
    with write(db):
        for index in _INDEXES:
            # Deleted words stay in the index until its parts are written anew as one.
            db.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")  # noqa: S608
    deadline = time.monotonic() + _PATIENCE_S
    try:
        vacuum(db)
        while db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise TransientError(
                    "Erased; but another process reads the database, and until it is done the "
                    "write-ahead log still holds a copy. Run the command again."
                )
            time.sleep(0.1)
    except sqlite3.Error as error:
        raise store_error(error) from error
