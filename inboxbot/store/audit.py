"""Who did, and who read, what and when; append only.

Each row carries a hash over itself and the row before, so that a changed or missing row shows.
`detail` holds codes and numbers, never content.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit; `at` is UTC in ISO 8601."""

    id: int
    at: str
    who: str
    what: str
    message_id: int | None
    detail: str
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """Return the hash that this row must carry."""
        return _hash(self.previous, self.at, self.who, self.what, self.message_id, self.detail)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which rows are wanted; None is any. `since` counts, `until` no longer does."""

    who: str | None = None
    what: str | None = None
    message: int | None = None
    since: datetime | None = None
    until: datetime | None = None


_EVERYTHING = Narrowed()


def add(
    db: Database,
    who: str,
    what: str,
    now: datetime,
    *,
    message: int | None = None,
    detail: str = "",
) -> None:
    """Write one row within the caller's transaction."""
    last = db.execute("SELECT hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    previous = "" if last is None else str(last[0])
    at = stamp(now)
    db.execute(
        "INSERT INTO audit (at, who, what, message_id, detail, previous, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [at, who, what, message, detail, previous, _hash(previous, at, who, what, message, detail)],
    )


def entries(
    db: Database,
    narrowed: Narrowed = _EVERYTHING,
    *,
    message: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[Entry]:
    """Yield rows, the newest first; of one message, and older than the row `before`, if given."""
    conditions, values = ["TRUE"], list[object]()
    for condition, value in (
        ("who = ?", narrowed.who),
        ("what = ?", narrowed.what),
        ("message_id = ?", message or narrowed.message),
        ("at >= ?", narrowed.since and stamp(narrowed.since)),
        ("at < ?", narrowed.until and stamp(narrowed.until)),
        ("id < ?", before),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    rows = db.execute(
        "SELECT id, at, who, what, message_id, detail, previous, hash FROM audit"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?",
        [*values, -1 if limit is None else limit],
    )
    for row in rows:
        yield Entry(*row)


def people(db: Database) -> list[str]:
    """Return everybody who ever did something, by name."""
    # From name to name along the index, not over all rows.
    rows = db.execute(
        "WITH RECURSIVE known (who) AS (SELECT min(who) FROM audit UNION ALL"
        " SELECT (SELECT min(who) FROM audit WHERE who > known.who) FROM known"
        " WHERE known.who IS NOT NULL) SELECT who FROM known WHERE who IS NOT NULL"
    )
    return [str(row[0]) for row in rows]


def count(db: Database) -> int:
    """Return how many rows there are."""
    return int(db.execute("SELECT count(*) FROM audit").fetchone()[0])


def verify(db: Database, *, after: int = 0) -> list[int]:
    """Return the ids of the rows at which the chain is broken; empty when it is whole.

    `after` is a row whose hash is taken for right: only what follows it is looked at.
    """
    broken: list[int] = []
    row = db.execute("SELECT hash FROM audit WHERE id = ?", [after]).fetchone()
    previous, expected_id = str(row[0]) if row else "", after + 1
    rows = db.execute(
        "SELECT id, at, who, what, message_id, detail, previous, hash FROM audit WHERE id > ?"
        " ORDER BY id",
        [after],
    )
    for row in rows:
        entry = Entry(*row)
        whole = (
            entry.id == expected_id
            and entry.previous == previous
            and entry.hash == entry.expected_hash()
        )
        if not whole:
            broken.append(entry.id)
        previous, expected_id = entry.hash, entry.id + 1
    return broken


def _hash(previous: str, at: str, who: str, what: str, message_id: int | None, detail: str) -> str:
    fields = (previous, at, who, what, str(message_id or ""), detail)
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(field)}:{field}" for field in fields)
    return hashlib.sha256(text.encode()).hexdigest()
