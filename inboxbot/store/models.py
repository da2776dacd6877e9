"""The models that were trained here: rows, and files in the folder `models` beside the database.

No model outlives the words that it learned from: `stale` finds those that learned from a letter
whose words were erased or changed since, and the caller removes them in the same transaction.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from inboxbot.classify.category import Category
from inboxbot.errors import PermanentError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.store.database import file_of, moment, stamp
from inboxbot.store.sqlite import Database

FOLDER = "models"
SHIPPED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A letter that staff judged: what it says, and the category that they gave it."""

    message: int
    fingerprint: str
    subject: str
    text: str
    language: str
    category: Category
    corrected: bool

    @property
    def words(self) -> str:
        """Return the digest by which a change of its words is known."""
        return _digest(self.subject, self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A model trained here. `letters` and `corrections` are how many it learned from."""

    id: int
    at: datetime
    kind: str
    version: str
    fingerprint: str
    shipped: str
    compared_with: int
    comparison: dict[str, Any]
    letters: int
    corrections: int
    promoted: bool

    @property
    def file_name(self) -> str:
        """Return what its file is called."""
        return f"{self.id}-{self.fingerprint[:16]}.model"


def folder_of(db: Database) -> Path:
    """Return the folder of the model files."""
    return file_of(db).parent / FOLDER


def lessons(db: Database) -> list[Lesson]:
    """Return every letter that staff corrected or confirmed and whose words are still here.

    The last word of staff counts; what they took back does not.
    """
    rows = db.execute(
        "SELECT m.id, m.fingerprint, r.subject, r.text, coalesce(d.language, ''), c.to_category,"
        " EXISTS (SELECT 1 FROM correction e WHERE e.message_id = m.id AND e.undone = 0"
        "  AND e.from_category <> e.to_category)"
        " FROM correction c JOIN message m ON m.id = c.message_id"
        " JOIN reading r ON r.message_id = m.id JOIN decision d ON d.message_id = m.id"
        " WHERE c.id IN (SELECT max(id) FROM correction WHERE undone = 0 GROUP BY message_id)"
        " AND r.parser <> 'erased' AND m.erased_at IS NULL AND trim(r.subject || r.text) <> ''"
        " ORDER BY m.id"
    )
    return [
        Lesson(
            message=row[0],
            fingerprint=row[1],
            subject=row[2],
            text=row[3],
            language=row[4],
            category=Category(row[5]),
            corrected=bool(row[6]),
        )
        for row in rows
    ]


def learned(db: Database, model: int) -> dict[int, Category]:
    """Return the letters that a model learned from, and the category it was told of each."""
    rows = db.execute("SELECT message_id, category FROM model_letter WHERE model_id = ?", [model])
    return {int(row[0]): Category(row[1]) for row in rows}


_SELECT = (
    "SELECT m.id, m.at, m.kind, m.version, m.fingerprint, m.shipped, m.compared_with,"
    " m.comparison, count(l.message_id), coalesce(sum(l.corrected), 0),"
    " EXISTS (SELECT 1 FROM promotion p WHERE p.model_id = m.id)"
    " FROM model m LEFT JOIN model_letter l ON l.model_id = m.id"
)


def all_models(db: Database) -> list[Stored]:
    """Return every model that is here, the oldest first."""
    return [_stored(row) for row in db.execute(f"{_SELECT} GROUP BY m.id ORDER BY m.id")]


def find(db: Database, model: int) -> Stored | None:
    """Return the model of this number, or None."""
    row = db.execute(f"{_SELECT} WHERE m.id = ? GROUP BY m.id", [model]).fetchone()
    return None if row is None else _stored(row)


def in_force(db: Database, kind: str) -> Stored | None:
    """Return the model of a kind that was promoted last, or None for the shipped one."""
    promoted = _promoted(db, kind)
    number = promoted[-1][1] if promoted else None
    return None if number is None else find(db, number)


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(
        id=row[0],
        at=moment(row[1]),
        kind=row[2],
        version=row[3],
        fingerprint=row[4],
        shipped=row[5],
        compared_with=row[6],
        comparison=json.loads(row[7]),
        letters=row[8],
        corrections=row[9],
        promoted=bool(row[10]),
    )


def add(
    db: Database,
    content: bytes,
    *,
    kind: str,
    version: str,
    shipped: str,
    compared_with: int,
    comparison: dict[str, Any],
    learned_from: Iterable[Lesson],
    now: datetime,
) -> Stored:
    """Store a model and its file within the caller's transaction; return it.

    A file whose row is never committed is removed by the next `sweep`. Raises `TransientError`
    where it cannot be written.
    """
    cursor = db.execute(
        "INSERT INTO model (at, kind, version, fingerprint, shipped, compared_with, comparison)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            stamp(now),
            kind,
            version,
            hashlib.sha256(content).hexdigest(),
            shipped,
            compared_with,
            json.dumps(comparison),
        ],
    )
    number = int(cursor.lastrowid or 0)
    db.conn.executemany(
        "INSERT INTO model_letter (model_id, message_id, words, category, corrected)"
        " VALUES (?, ?, ?, ?, ?)",
        [
            (number, lesson.message, lesson.words, lesson.category, lesson.corrected)
            for lesson in learned_from
        ],
    )
    stored = find(db, number)
    assert stored is not None, "it was just stored"  # noqa: S101
    _write(folder_of(db) / stored.file_name, content)
    return stored


def _write(file: Path, content: bytes) -> None:
    """Write a file for this user alone; it is there whole, or not at all."""
    part = file.with_suffix(".part")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as writing:
            writing.write(content)
            writing.flush()
            os.fsync(handle)
        part.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise TransientError(f"{file} cannot be written ({error.strerror}).") from error


def content(db: Database, stored: Stored) -> bytes:
    """Return the bytes of a model as they were stored.

    Raises PermanentError where the file is missing or is not what was stored.
    """
    file = folder_of(db) / stored.file_name
    try:
        found = file.read_bytes()
    except OSError as error:
        raise PermanentError(f"The model {file} cannot be read ({error.strerror}).") from error
    if hashlib.sha256(found).hexdigest() != stored.fingerprint:
        raise PermanentError(f"The model {file} is damaged: it is not what was stored.")
    return found


def promote(db: Database, kind: str, model: int, now: datetime) -> None:
    """Put a model in force within the caller's transaction; SHIPPED is the shipped one."""
    db.execute(
        "INSERT INTO promotion (at, kind, model_id) VALUES (?, ?, ?)",
        [stamp(now), kind, None if model == SHIPPED else model],
    )


def roll_back(db: Database, kind: str) -> bool:
    """Put in force what was so before, within the caller's transaction; say whether it could."""
    present = _promoted(db, kind)
    if not present:
        return False
    last = present[-1]
    while present and present[-1][1] == last[1]:  # One that was removed may lie in between.
        row, _ = present.pop()
        db.execute("DELETE FROM promotion WHERE id = ?", [row])
    return True


def _promoted(db: Database, kind: str) -> list[tuple[int, int | None]]:
    rows = db.execute("SELECT id, model_id FROM promotion WHERE kind = ? ORDER BY id", [kind])
    return [(int(row[0]), row[1]) for row in rows]


def stale(db: Database) -> list[int]:
    """Return the models that learned from words which are no longer here as they were."""
    rows = db.execute(
        "SELECT l.model_id, l.words, r.subject, r.text FROM model_letter l"
        " LEFT JOIN reading r ON r.message_id = l.message_id ORDER BY l.model_id"
    )
    return list(
        dict.fromkeys(
            int(model)
            for model, words, subject, text in rows
            if subject is None or _digest(subject, text) != words
        )
    )


def learned_from(db: Database, letters: Sequence[int]) -> list[int]:
    """Return the models that learned from one of these letters."""
    rows = db.execute(
        "SELECT DISTINCT model_id FROM model_letter"
        " WHERE message_id IN (SELECT value FROM json_each(?)) ORDER BY model_id",
        [json.dumps(list(letters))],
    )
    return [int(row[0]) for row in rows]


def remove(db: Database, numbers: Sequence[int]) -> None:
    """Remove models within the caller's transaction; their files go with the next `sweep`."""
    for number in numbers:
        db.execute("DELETE FROM model WHERE id = ?", [number])


def sweep(db: Database) -> None:
    """Remove every file that belongs to no model, in a transaction after that which removed it.

    Being in one keeps it from taking away what another process is just storing.
    """
    folder = folder_of(db)
    known = {model.file_name for model in all_models(db)}
    for file in (*folder.glob("*.model"), *folder.glob("*.part")):
        if file.name not in known:
            with suppress(FileNotFoundError):
                file.unlink()


def _digest(subject: str, text: str) -> str:
    return hashlib.sha256(f"{subject}\0{text}".encode("utf-8", "replace")).hexdigest()
