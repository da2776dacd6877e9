"""Correspondents: everything from one person, and what staff know of them.

A person is an address, and further addresses only where staff linked them: names are not
identity. A row is made when staff first note something.
"""

import json
from datetime import datetime
from typing import Any

from inboxbot.classify.category import Category
from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import folded
from inboxbot.store import scope
from inboxbot.store.database import moment, stamp
from inboxbot.store.reviews import Note
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote; `id` is None until staff note something."""

    id: int | None
    addresses: tuple[str, ...]
    language: str | None
    do_not_acknowledge: bool


@dataclass(frozen=True, slots=True)
class Correspondent:
    """An address that somebody wrote from, with the newest letter from it."""

    address: str
    name: str
    letters: int
    newest: int
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class FromPerson:
    """A letter of a person, for the list of them."""

    id: int
    received_at: datetime
    subject: str
    sender_name: str
    language: str | None
    category: Category
    state: str
    disposition: str
    reason: str | None
    outbox_state: str | None
    answered_by: str | None
    conversation: int | None


def person(db: Database, address: str) -> Person:
    """Return the person who writes from this address."""
    key = folded(address)
    row = db.execute(
        "SELECT p.id, p.language FROM person p JOIN person_address a ON a.person_id = p.id"
        " WHERE a.address = ?",
        [key],
    ).fetchone()
    addresses = (key,)
    if row is not None:
        linked = db.execute(
            "SELECT address FROM person_address WHERE person_id = ? ORDER BY address", [row[0]]
        )
        addresses = tuple(each[0] for each in linked)
    blocked = db.execute(
        "SELECT 1 FROM suppression WHERE reason = 'staff'"
        " AND address IN (SELECT value FROM json_each(?))",
        [json.dumps(addresses)],
    ).fetchone()
    return Person(row[0] if row else None, addresses, row[1] if row else None, blocked is not None)


def language(db: Database, address: str) -> str | None:
    """Return the language that staff noted for whoever writes from this address, or None."""
    row = db.execute(
        "SELECT p.language FROM person p JOIN person_address a ON a.person_id = p.id"
        " WHERE a.address = ?",
        [folded(address)],
    ).fetchone()
    return row[0] if row else None


def known(db: Database, address: str) -> int:
    """Return the person's row, made within the caller's transaction if need be."""
    found = person(db, address)
    if found.id is not None:
        return found.id
    row = int(db.execute("INSERT INTO person DEFAULT VALUES").lastrowid or 0)
    db.execute("INSERT INTO person_address VALUES (?, ?)", [folded(address), row])
    return row


def correspondents(db: Database, *, limit: int, before: int | None = None) -> list[Correspondent]:
    """Return who wrote, the newest letter first; `before` is the letter that a page ended with."""
    rows = db.execute(
        "SELECT w.address, r.sender_name, w.letters, w.newest, m.received_at FROM ("  # noqa: S608
        " SELECT return_address AS address, count(*) AS letters, max(message_id) AS newest"
        f" FROM reading WHERE return_address IS NOT NULL{scope.letters(db, 'message_id')}"
        " GROUP BY return_address"
        " HAVING ?1 IS NULL OR max(message_id) < ?1 ORDER BY newest DESC LIMIT ?2) w"
        " JOIN reading r ON r.message_id = w.newest JOIN message m ON m.id = w.newest"
        " ORDER BY w.newest DESC",
        [before, limit],
    )
    return [Correspondent(row[0], row[1], row[2], row[3], moment(row[4])) for row in rows]


# Which letters, and in which order, is decided before anything else of them is read.
_LETTERS = (
    "SELECT m.id, m.received_at, r.subject, r.sender_name, d.language, v.category, v.state,"
    " d.disposition, d.reason, o.state, (SELECT a.created_by FROM outbox a"
    "  WHERE a.message_id = m.id AND a.kind = 'answer' ORDER BY a.id DESC LIMIT 1),"
    " r.conversation_id FROM ({}) w JOIN reading r ON r.message_id = w.id"
    " JOIN message m ON m.id = r.message_id"
    " JOIN decision d ON d.message_id = m.id JOIN review v ON v.message_id = m.id"
    " LEFT JOIN outbox o ON o.message_id = m.id AND o.kind = 'acknowledgement'"
    " ORDER BY m.received_at DESC, m.id DESC"
)
_NEWEST = (
    "SELECT m.id FROM reading r JOIN message m ON m.id = r.message_id WHERE {}"
    " ORDER BY m.received_at DESC, m.id DESC LIMIT :limit"
)


def letters(
    db: Database, addresses: tuple[str, ...], *, limit: int, before: datetime | None = None
) -> list[FromPerson]:
    """Return the letters from these addresses, the newest first."""
    return _letters(
        db,
        "r.return_address IN (SELECT value FROM json_each(:addresses)) AND m.received_at < :before",
        {"addresses": json.dumps(addresses), "before": stamp(before) if before else "9"},
        limit,
    )


def conversation(db: Database, conversation: int, *, limit: int) -> list[FromPerson]:
    """Return the newest letters of a conversation, in the order in which they came."""
    found = _letters(db, "r.conversation_id = :it", {"it": conversation}, limit)
    return found[::-1]


def _letters(
    db: Database, condition: str, values: dict[str, object], limit: int
) -> list[FromPerson]:
    newest = _NEWEST.format(f"{condition}{scope.letters(db, 'm.id')}")
    rows = db.execute(_LETTERS.format(newest), values | {"limit": limit})
    return [_from_person(row) for row in rows]


def _from_person(row: tuple[Any, ...]) -> FromPerson:
    return FromPerson(row[0], moment(row[1]), row[2], row[3], row[4], Category(row[5]), *row[6:])


def letters_counted(db: Database, addresses: tuple[str, ...]) -> tuple[int, datetime | None]:
    """Return how many letters came from these addresses, and when the first did."""
    row = db.execute(
        "SELECT count(*), min(m.received_at) FROM reading r"  # noqa: S608
        " JOIN message m ON m.id = r.message_id"
        " WHERE r.return_address IN (SELECT value FROM json_each(?))"
        f"{scope.letters(db, 'm.id')}",
        [json.dumps(addresses)],
    ).fetchone()
    return int(row[0]), moment(row[1]) if row[1] else None


def notes(db: Database, person: int | None) -> list[Note]:
    """Return the notes on a person, the oldest first; a note is in sight where its letter is."""
    rows = db.execute(
        "SELECT id, at, staff, text FROM person_note WHERE person_id IS ?"  # noqa: S608
        f"{scope.letters(db, 'message_id')} ORDER BY id",
        [person],
    )
    return [Note(row[0], moment(row[1]), row[2], row[3]) for row in rows]


def add_note(
    db: Database, person: int, staff: str, text: str, now: datetime, *, letter: int
) -> None:
    """Store a note on a person, written on a letter of theirs, in the caller's transaction."""
    db.execute(
        "INSERT INTO person_note (person_id, at, staff, text, message_id) VALUES (?, ?, ?, ?, ?)",
        [person, stamp(now), staff, text, letter],
    )


def set_language(db: Database, person: int, language: str | None) -> None:
    """Set the language that a person prefers."""
    db.execute("UPDATE person SET language = ? WHERE id = ?", [language, person])


def set_silent(db: Database, addresses: tuple[str, ...], silent: bool, now: datetime) -> None:
    """Set or lift "do not acknowledge" for a person."""
    for address in addresses:
        if silent:
            db.execute(
                "INSERT INTO suppression (address, reason, created_at) VALUES (?, 'staff', ?)"
                " ON CONFLICT (address) DO UPDATE SET reason = 'staff', until = NULL",
                [address, stamp(now)],
            )
        else:
            db.execute("DELETE FROM suppression WHERE address = ? AND reason = 'staff'", [address])


def link(db: Database, person: int, address: str) -> None:
    """Say that another address is the same person; whoever it was before becomes this one."""
    key = folded(address)
    row = db.execute("SELECT person_id FROM person_address WHERE address = ?", [key]).fetchone()
    if row is None:
        db.execute("INSERT INTO person_address VALUES (?, ?)", [key, person])
    elif row[0] != person:
        db.execute("UPDATE person_note SET person_id = ? WHERE person_id = ?", [person, row[0]])
        db.execute("UPDATE person_address SET person_id = ? WHERE person_id = ?", [person, row[0]])
        db.execute("DELETE FROM person WHERE id = ?", [row[0]])


def unlink(db: Database, person: int, address: str) -> None:
    """Say that an address is somebody else after all; the notes on its letters go with it."""
    key = folded(address)
    taken = db.execute(
        "DELETE FROM person_address WHERE person_id = ? AND address = ?", [person, key]
    )
    if taken.rowcount == 0:
        return
    written = [
        row[0]
        for row in db.execute(
            "SELECT n.id FROM person_note n JOIN reading r ON r.message_id = n.message_id"
            " WHERE n.person_id = ? AND r.return_address = ?",
            [person, key],
        )
    ]
    if written:
        db.execute(
            "UPDATE person_note SET person_id = ? WHERE id IN (SELECT value FROM json_each(?))",
            [known(db, key), json.dumps(written)],
        )


def exists(db: Database, address: str) -> bool:
    """Say whether anybody ever wrote from this address."""
    row = db.execute(
        "SELECT 1 FROM reading WHERE return_address = ?"  # noqa: S608
        f"{scope.letters(db, 'message_id')} LIMIT 1",
        [folded(address)],
    ).fetchone()
    return row is not None
