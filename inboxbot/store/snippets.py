"""Ready-made replies: what staff write again and again, under a short word."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Snippet:
    """A ready-made reply."""

    id: int
    shortcut: str
    title: str
    language: str
    text: str
    staff: str
    updated_at: datetime


_COLUMNS = "id, shortcut, title, language, text, staff, updated_at"


def everything(db: Database) -> list[Snippet]:
    """Return every ready-made reply, by its short word."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM snippet ORDER BY shortcut")  # noqa: S608
    return [_snippet(row) for row in rows]


def get(db: Database, shortcut: str) -> Snippet | None:
    """Return one ready-made reply, or None."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM snippet WHERE shortcut = ?",  # noqa: S608
        [shortcut],
    ).fetchone()
    return _snippet(row) if row else None


def save(
    db: Database, shortcut: str, title: str, language: str, text: str, staff: str, now: datetime
) -> None:
    """Store a ready-made reply under its short word, within the caller's transaction."""
    db.execute(
        "INSERT INTO snippet (shortcut, title, language, text, staff, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (shortcut) DO UPDATE SET title = excluded.title,"
        " language = excluded.language, text = excluded.text, staff = excluded.staff,"
        " updated_at = excluded.updated_at",
        [shortcut, title, language, text, staff, stamp(now)],
    )


def remove(db: Database, shortcut: str) -> None:
    """Remove a ready-made reply."""
    db.execute("DELETE FROM snippet WHERE shortcut = ?", [shortcut])


def _snippet(row: tuple[Any, ...]) -> Snippet:
    number, shortcut, title, language, text, staff, updated_at = row
    return Snippet(number, shortcut, title, language, text, staff, moment(updated_at))
