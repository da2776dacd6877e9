"""The way back from each action of staff: what every letter was before.

The token comes from the form that asked for the action, so the same form sent twice is one
action. It works once, for its maker, for a few minutes.
"""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database

VALID = timedelta(minutes=5)
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Item:
    """One letter of an action: its review's columns before, its version after.

    `back` names what else must be taken back: pairs of a kind and a row.
    """

    letter: int
    before: dict[str, Any]
    version: int
    back: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """An action that may be taken back."""

    token: str
    staff: str
    at: datetime
    action: str
    items: tuple[Item, ...]
    used: bool

    def may_be_undone(self, staff: str, now: datetime) -> bool:
        """Say whether this person may still take it back."""
        return not self.used and staff == self.staff and now - self.at <= VALID


def new_token() -> str:
    """Return a token for an action that no form asked for."""
    return secrets.token_urlsafe(16)


def add(
    db: Database, token: str, staff: str, action: str, items: list[Item], now: datetime
) -> None:
    """Store the way back within the caller's transaction, and forget very old ones."""
    db.execute("DELETE FROM undo WHERE at < ?", [stamp(now - KEPT)])
    content = [[item.letter, item.before, item.version, item.back] for item in items]
    db.execute(
        "INSERT INTO undo (token, staff, at, action, items) VALUES (?, ?, ?, ?, ?)",
        [token, staff, stamp(now), action, json.dumps(content)],
    )


def get(db: Database, token: str) -> Step | None:
    """Return the action with this token, or None."""
    row = db.execute(
        "SELECT token, staff, at, action, items, used_at FROM undo WHERE token = ?", [token]
    ).fetchone()
    if row is None:
        return None
    items = tuple(
        Item(letter, before, version, tuple((kind, at, text) for kind, at, text in back))
        for letter, before, version, back in json.loads(row[4])
    )
    return Step(row[0], row[1], moment(row[2]), row[3], items, row[5] is not None)


def use(db: Database, token: str, now: datetime) -> None:
    """Mark the action as taken back."""
    db.execute("UPDATE undo SET used_at = ? WHERE token = ?", [stamp(now), token])
