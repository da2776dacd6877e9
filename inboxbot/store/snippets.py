"""Ready-made replies: what staff write again and again, under a short word.

Staff propose, an administrator approves; until then nothing of a proposal goes into an answer.
Functions that write do so within the caller's transaction.
"""

import json
from datetime import datetime
from typing import Any

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Snippet:
    """A ready-made reply, or one that is proposed; `used` counts the answers it was sent in."""

    id: int
    shortcut: str
    title: str
    language: str
    text: str
    staff: str
    updated_at: datetime
    used: int = 0


_PROPOSED = "id, shortcut, title, language, text, staff, updated_at"
_COLUMNS = f"{_PROPOSED}, used"


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
    """Store a ready-made reply under its short word; a proposal for it is settled with that."""
    refuse(db, shortcut)
    db.execute(
        "INSERT INTO snippet (shortcut, title, language, text, staff, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (shortcut) DO UPDATE SET title = excluded.title,"
        " language = excluded.language, text = excluded.text, staff = excluded.staff,"
        " updated_at = excluded.updated_at",
        [shortcut, title, language, text, staff, stamp(now)],
    )


def proposals(db: Database) -> list[Snippet]:
    """Return what was proposed and nobody has approved yet, by its short word."""
    rows = db.execute(f"SELECT {_PROPOSED} FROM snippet_proposal ORDER BY shortcut")  # noqa: S608
    return [_snippet(row) for row in rows]


def proposal(db: Database, shortcut: str) -> Snippet | None:
    """Return the proposal for a short word, or None."""
    row = db.execute(
        f"SELECT {_PROPOSED} FROM snippet_proposal WHERE shortcut = ?",  # noqa: S608
        [shortcut],
    ).fetchone()
    return _snippet(row) if row else None


def propose(
    db: Database, shortcut: str, title: str, language: str, text: str, staff: str, now: datetime
) -> None:
    """Keep a text for an administrator to approve; the newest proposal for a word counts."""
    db.execute(
        "INSERT INTO snippet_proposal (shortcut, title, language, text, staff, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (shortcut) DO UPDATE SET title = excluded.title,"
        " language = excluded.language, text = excluded.text, staff = excluded.staff,"
        " updated_at = excluded.updated_at",
        [shortcut, title, language, text, staff, stamp(now)],
    )


def approve(db: Database, found: Snippet, now: datetime) -> None:
    """Make a proposal a ready-made reply; whose words they are stays."""
    save(db, found.shortcut, found.title, found.language, found.text, found.staff, now)


def refuse(db: Database, shortcut: str) -> None:
    """Remove a proposal."""
    db.execute("DELETE FROM snippet_proposal WHERE shortcut = ?", [shortcut])


def count_used(db: Database, shortcuts: list[str]) -> None:
    """Note that these were sent in one more answer."""
    db.execute(
        "UPDATE snippet SET used = used + 1 WHERE shortcut IN (SELECT value FROM json_each(?))",
        [json.dumps(shortcuts)],
    )


def remove(db: Database, shortcut: str) -> None:
    """Remove a ready-made reply."""
    db.execute("DELETE FROM snippet WHERE shortcut = ?", [shortcut])


def _snippet(row: tuple[Any, ...]) -> Snippet:
    number, shortcut, title, language, text, staff, updated_at, *used = row
    return Snippet(number, shortcut, title, language, text, staff, moment(updated_at), *used)
