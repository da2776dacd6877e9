"""The letters: their bytes as received, each stored once, whatever places it has.

The fingerprint is the letter's identity. It stays when the bytes are erased, so that the same
letter is known again.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from inboxbot.errors import StoreError
from inboxbot.frozen import dataclass
from inboxbot.store.database import file_of, moment, stamp
from inboxbot.store.sqlite import Database

SAMPLE = 8 * 1024
WORTH_IT = 0.7
BATCH_BYTES = 8 * 1024 * 1024


class Damaged(StoreError):  # noqa: N818  (it is what happened)
    """The bytes of a letter are no longer those that were received."""

    def __init__(self, message: int) -> None:
        super().__init__(
            f"The stored bytes of letter {message} are damaged: run `inboxbot doctor`, and restore "
            "a backup."
        )


class Origin(StrEnum):
    """How a letter came to us."""

    IMAP = "imap"
    IMPORT = "import"


class Silence(StrEnum):
    """Why a letter is never acknowledged by itself, known before anybody reads it."""

    BASELINE = "baseline"
    UIDVALIDITY = "uidvalidity"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A letter about to be stored. `size` is the server's, more than `raw` where truncated."""

    raw: bytes
    mailbox_id: int
    origin: Origin
    received_at: datetime
    size: int
    truncated: bool = False
    keep_silent: Silence | None = None
    rfc_message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A stored letter that triage has yet to decide on; `attempts` counts earlier ones.

    `damaged`: its bytes are no longer those that were received, and `raw` is empty.
    """

    id: int
    fingerprint: str
    mailbox: str
    origin: Origin
    received_at: datetime
    raw: bytes
    size: int
    truncated: bool
    keep_silent: Silence | None
    attempts: int
    damaged: bool = False


def fingerprint(raw: bytes) -> str:
    """Return the SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def store(db: Database, letter: Incoming, now: datetime) -> tuple[int, bool]:
    """Store a letter within the caller's transaction; return its id and whether it is new.

    A letter with the same bytes is the same letter: nothing of it is changed.
    """
    mark = fingerprint(letter.raw)
    known = db.execute("SELECT id FROM message WHERE fingerprint = ?", [mark]).fetchone()
    if known is not None:
        return int(known[0]), False
    row = db.execute(
        "INSERT INTO message (fingerprint, mailbox_id, origin, received_at, stored_at, size,"
        " truncated, rfc_message_id, keep_silent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        [
            mark,
            letter.mailbox_id,
            letter.origin,
            stamp(letter.received_at),
            stamp(now),
            letter.size,
            letter.truncated,
            letter.rfc_message_id,
            letter.keep_silent,
        ],
    ).fetchone()[0]
    encoding, content = _packed(letter.raw)
    db.execute(
        "INSERT INTO raw (message_id, encoding, bytes) VALUES (?, ?, ?)", [row, encoding, content]
    )
    return int(row), True


def _packed(raw: bytes) -> tuple[str, bytes]:
    """Return the bytes as they are kept: compressed where that saves enough to be worth it.

    Attachments in base64 lose a quarter at most, for most of the time that an intake takes: of
    a large letter a piece from the middle is tried first.
    """
    if len(raw) > 2 * SAMPLE:
        piece = raw[len(raw) // 2 :][:SAMPLE]
        if len(zlib.compress(piece, 1)) > WORTH_IT * len(piece):
            return "plain", raw
    packed = zlib.compress(raw, 1)
    return ("zlib", packed) if len(packed) < len(raw) else ("plain", raw)


def raw(db: Database, message: int) -> bytes:
    """Return the bytes of a letter exactly as received.

    Raises `StoreError` where they were erased, or there is no such letter, and `Damaged`.
    """
    row = db.execute(
        "SELECT m.fingerprint, r.encoding, r.bytes, r.stripped FROM raw r"
        " JOIN message m ON m.id = r.message_id WHERE r.message_id = ?",
        [message],
    ).fetchone()
    if row is None:
        raise StoreError(f"The bytes of message {message} are not kept: erased, or never stored.")
    content = _whole(row[0], row[1], row[2], stripped=row[3])
    if content is None:
        raise Damaged(message)
    return content


_STORED = (
    "SELECT m.id, m.fingerprint, b.name, m.origin, m.received_at, r.encoding, r.bytes, m.size,"
    " m.truncated, m.keep_silent, m.attempts, r.stripped FROM message m"
    " JOIN mailbox b ON b.id = m.mailbox_id JOIN raw r ON r.message_id = m.id"
)


def undecided(
    db: Database, *, limit: int, after: int = 0, at_most: int | None = None
) -> list[Undecided]:
    """Return the oldest letters without a decision, of those with a number above `after`.

    They are at most `limit`, and hold at most so many bytes (8 MiB) together, but for the first.
    """
    rows = db.execute(
        f"{_STORED} WHERE m.decided_at IS NULL AND m.id > ? ORDER BY m.id LIMIT ?", [after, limit]
    )
    found: list[Undecided] = []
    held = 0
    for row in rows:
        letter = _stored(row)
        held += len(letter.raw)
        if found and held > (BATCH_BYTES if at_most is None else at_most):
            break
        found.append(letter)
    return found


def find(db: Database, message: int) -> Undecided | None:
    """Return a letter as triage sees it, decided or not; None where there is none."""
    row = db.execute(f"{_STORED} WHERE m.id = ?", [message]).fetchone()
    return None if row is None else _stored(row)


def is_undecided(db: Database, message: int) -> bool:
    """Say whether a letter is stored, and nothing was decided on it yet."""
    waits = "SELECT 1 FROM message WHERE id = ? AND decided_at IS NULL AND erased_at IS NULL"
    return db.execute(waits, [message]).fetchone() is not None


def _stored(row: tuple[Any, ...]) -> Undecided:
    content = _whole(row[1], row[5], row[6], stripped=row[11])
    return Undecided(
        id=row[0],
        fingerprint=row[1],
        mailbox=row[2],
        origin=Origin(row[3]),
        received_at=moment(row[4]),
        raw=content or b"",
        size=row[7],
        truncated=bool(row[8]),
        keep_silent=Silence(row[9]) if row[9] else None,
        attempts=row[10],
        damaged=content is None,
    )


def _whole(mark: str, encoding: str, content: bytes, *, stripped: bool) -> bytes | None:
    """Return the bytes of a letter, or None where they are not those that were received."""
    try:
        unpacked = zlib.decompress(content) if encoding == "zlib" else content
    except zlib.error:
        return None
    return unpacked if stripped or fingerprint(unpacked) == mark else None


def count_attempts(db: Database, ids: Iterable[int]) -> None:
    """Count an attempt to decide on each letter, within the caller's transaction."""
    db.conn.executemany(
        "UPDATE message SET attempts = attempts + 1 WHERE id = ?", [(each,) for each in ids]
    )


def take_back_attempts(db: Database, ids: Iterable[int]) -> None:
    """Uncount an attempt that ended through no fault of the letters, as a full disk ends it."""
    db.conn.executemany(
        "UPDATE message SET attempts = max(attempts - 1, 0) WHERE id = ?", [(each,) for each in ids]
    )


def damaged(db: Database) -> Iterator[int]:
    """Yield the ids of letters whose bytes are no longer those that were received."""
    for message, mark, encoding, content in db.execute(
        "SELECT m.id, m.fingerprint, r.encoding, r.bytes FROM message m"
        " JOIN raw r ON r.message_id = m.id WHERE NOT r.stripped"
    ):
        if _whole(mark, encoding, content, stripped=False) is None:
            yield message


def folder(db: Database) -> Path:
    """Return the folder that the database lies in: its disk is the one that must not fill."""
    return file_of(db).parent


def usual_day(db: Database, mailbox_id: int, now: datetime) -> float:
    """Return the median number of letters a day that a mailbox got in the last 30 days."""
    counts = [
        row[0]
        for row in db.execute(
            "SELECT count(*) FROM message WHERE mailbox_id = ?1 AND origin = 'imap'"
            " AND julianday(received_at) BETWEEN julianday(?2) - 30 AND julianday(?2)"
            " GROUP BY date(received_at) ORDER BY 1",
            [mailbox_id, stamp(now)],
        )
    ]
    return float(counts[len(counts) // 2]) if counts else 0.0
