"""What staff searched for: kept under a token for a day, or by a name for good."""

import secrets
from datetime import datetime, timedelta

from inboxbot.frozen import dataclass
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Search:
    """A search; with a name it is a saved view, which the whole team sees where it is shared."""

    token: str
    staff: str
    query: str
    name: str | None
    shared: bool


def add(db: Database, staff: str, query: str, now: datetime) -> str:
    """Keep a search within the caller's transaction; return its token. Forgets old ones."""
    db.execute("DELETE FROM search WHERE name IS NULL AND created_at < ?", [stamp(now - KEPT)])
    token = secrets.token_urlsafe(9)
    db.execute(
        "INSERT INTO search (token, staff, query, created_at) VALUES (?, ?, ?, ?)",
        [token, staff, query, stamp(now)],
    )
    return token


def get(db: Database, token: str, staff: str) -> Search | None:
    """Return a search that this person may see, or None."""
    row = db.execute(
        "SELECT token, staff, query, name, shared FROM search WHERE token = ?"
        " AND (staff = ? OR shared = 1)",
        [token, staff],
    ).fetchone()
    return _search(row) if row else None


def saved(db: Database, staff: str) -> list[Search]:
    """Return the saved views that this person sees, by name."""
    rows = db.execute(
        "SELECT token, staff, query, name, shared FROM search WHERE name IS NOT NULL"
        " AND (staff = ? OR shared = 1) ORDER BY name COLLATE NOCASE",
        [staff],
    )
    return [_search(row) for row in rows]


def save(db: Database, token: str, staff: str, name: str, *, shared: bool) -> None:
    """Give a search of one's own a name, within the caller's transaction."""
    db.execute(
        "UPDATE search SET name = ?, shared = ? WHERE token = ? AND staff = ?",
        [name, shared, token, staff],
    )


def remove(db: Database, token: str, staff: str) -> None:
    """Remove a saved view of one's own."""
    db.execute("DELETE FROM search WHERE token = ? AND staff = ?", [token, staff])


def _search(row: tuple[object, ...]) -> Search:
    token, staff, query, name, shared = row
    return Search(str(token), str(staff), str(query), str(name) if name else None, bool(shared))
