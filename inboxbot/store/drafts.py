"""Answers that staff are writing, and who is looking at what.

No draft is ever overwritten by an older page: a save that is not based on the newest text
becomes a draft of its own, and both are shown.
"""

from datetime import datetime, timedelta

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database

GONE_AFTER = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer in the making."""

    id: int
    letter: int
    staff: str
    text: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is looking at a letter, or writing."""

    staff: str
    writing: bool


_COLUMNS = "id, message_id, staff, text, version, updated_at"


def of_letter(db: Database, letter: int) -> list[Draft]:
    """Return the drafts on a letter, the newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM draft WHERE message_id = ? ORDER BY updated_at DESC, id DESC",  # noqa: S608
        [letter],
    )
    return [_draft(row) for row in rows]


def get(db: Database, draft: int) -> Draft | None:
    """Return a draft, or None."""
    row = db.execute(f"SELECT {_COLUMNS} FROM draft WHERE id = ?", [draft]).fetchone()  # noqa: S608
    return _draft(row) if row else None


def save(
    db: Database, letter: int, staff: str, text: str, *, draft: int, version: int, now: datetime
) -> Draft:
    """Save a text within the caller's transaction; `draft` 0 begins a new one.

    Where the draft is gone, somebody else's or newer than `version`, a new one is made.
    """
    changed = db.execute(
        "UPDATE draft SET text = ?, version = version + 1, updated_at = ?"
        " WHERE id = ? AND message_id = ? AND staff = ? AND version = ?",
        [text, stamp(now), draft, letter, staff, version],
    )
    if changed.rowcount != 1:
        cursor = db.execute(
            "INSERT INTO draft (message_id, staff, text, updated_at) VALUES (?, ?, ?, ?)",
            [letter, staff, text, stamp(now)],
        )
        draft = int(cursor.lastrowid or 0)
    saved = get(db, draft)
    assert saved is not None  # noqa: S101  (it was written a line above)
    return saved


def remove(db: Database, draft: int, staff: str) -> None:
    """Remove a draft that its writer sent or threw away."""
    db.execute("DELETE FROM draft WHERE id = ? AND staff = ?", [draft, staff])


def touch(db: Database, letter: int, staff: str, *, writing: bool, now: datetime) -> None:
    """Note that somebody is looking at a letter."""
    db.execute("DELETE FROM presence WHERE seen_at < ?", [stamp(now - GONE_AFTER)])
    db.execute(
        "INSERT INTO presence (message_id, staff, writing, seen_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (message_id, staff) DO UPDATE SET writing = excluded.writing,"
        " seen_at = excluded.seen_at",
        [letter, staff, writing, stamp(now)],
    )


def leave(db: Database, letter: int, staff: str) -> None:
    """Note that somebody looks at a letter no more."""
    db.execute("DELETE FROM presence WHERE message_id = ? AND staff = ?", [letter, staff])


def present(
    db: Database, letters: list[int], *, other_than: str, now: datetime
) -> dict[int, list[Present]]:
    """Return who else is looking at each of these letters."""
    found: dict[int, list[Present]] = {}
    rows = db.execute(
        "SELECT message_id, staff, writing FROM presence WHERE seen_at >= ? AND staff <> ?"
        " ORDER BY staff",
        [stamp(now - GONE_AFTER), other_than],
    )
    wanted = set(letters)
    for letter, staff, writing in rows:
        if letter in wanted:
            found.setdefault(letter, []).append(Present(staff, bool(writing)))
    return found


def _draft(row: tuple[object, ...]) -> Draft:
    values = list(row)
    values[5] = moment(str(values[5]))
    return Draft(*values)  # type: ignore[arg-type]
