"""Tags: words that staff put on letters, to find them again.

Functions that write do so within the caller's transaction.
"""

import json
from collections.abc import Sequence

from inboxbot.store import scope
from inboxbot.store.sqlite import Database

OFFERED = 100


def of_letters(db: Database, letters: Sequence[int]) -> dict[int, list[str]]:
    """Return the tags of each of these letters that has any, by the alphabet."""
    rows = db.execute(
        "SELECT message_id, name FROM tag WHERE message_id IN (SELECT value FROM json_each(?))"
        " ORDER BY message_id, name",
        [json.dumps(list(letters))],
    )
    found: dict[int, list[str]] = {}
    for letter, name in rows:
        found.setdefault(letter, []).append(name)
    return found


def known(db: Database) -> list[str]:
    """Return the tags that are on any letter in sight, those on most letters first."""
    rows = db.execute(
        f"SELECT name FROM tag WHERE 1{scope.letters(db, 'message_id')}"  # noqa: S608
        " GROUP BY name ORDER BY count(*) DESC, name LIMIT ?",
        [OFFERED],
    )
    return [str(row[0]) for row in rows]


def add(db: Database, letter: int, name: str) -> bool:
    """Put a tag on a letter; False where it was there already."""
    return (
        db.execute(
            "INSERT OR IGNORE INTO tag (message_id, name) VALUES (?, ?)", [letter, name]
        ).rowcount
        > 0
    )


def remove(db: Database, letter: int, name: str) -> bool:
    """Take a tag off a letter; False where it was not there."""
    cursor = db.execute("DELETE FROM tag WHERE message_id = ? AND name = ?", [letter, name])
    return cursor.rowcount > 0
