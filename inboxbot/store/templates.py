"""Every version of every reply template, and the drafts that administrators work on.

Versions are never changed and never removed: a sent acknowledgement names the one it came
from. At most one version of a template is `live`; `pending` is one whose file is not written
yet.
"""

import json
from datetime import datetime, timedelta

from inboxbot.errors import Conflict
from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database

GONE_AFTER = timedelta(seconds=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version: who made it, when, why, and what it says."""

    id: int
    name: str
    language: str
    number: int
    text: str
    html: str | None
    fingerprint: str
    who: str
    comment: str
    at: datetime
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An administrator's unpublished text; `based_on` is the version it began with."""

    name: str
    language: str
    staff: str
    text: str
    html: str | None
    based_on: int
    revision: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A letter that was answered with a template; `earlier`: the same address wrote before."""

    letter: int
    received_at: datetime
    language: str | None
    earlier: bool


_VERSION = "id, name, language, number, text, html, fingerprint, who, comment, at, state"
_DRAFT = "name, language, staff, text, html, based_on, revision, updated_at"


def live(db: Database, name: str, language: str) -> Version | None:
    """Return the version in use, or None where none was ever recorded."""
    return _one(db, "name = ? AND language = ? AND state = 'live'", [name, language])


def pending(db: Database, name: str, language: str) -> Version | None:
    """Return the version whose file is still to be written, or None."""
    return _one(db, "name = ? AND language = ? AND state = 'pending'", [name, language])


def get(db: Database, name: str, language: str, number: int) -> Version | None:
    """Return one version, or None."""
    return _one(db, "name = ? AND language = ? AND number = ?", [name, language, number])


def history(db: Database, name: str, language: str) -> list[Version]:
    """Return all versions of a template, the newest first."""
    rows = db.execute(
        f"SELECT {_VERSION} FROM template_version WHERE name = ? AND language = ?"  # noqa: S608
        " ORDER BY number DESC",
        [name, language],
    )
    return [_version(row) for row in rows]


def all_live(db: Database) -> list[Version]:
    """Return every version that is in use."""
    rows = db.execute(f"SELECT {_VERSION} FROM template_version WHERE state = 'live'")  # noqa: S608
    return [_version(row) for row in rows]


def add(
    db: Database,
    name: str,
    language: str,
    *,
    text: str,
    html: str | None,
    fingerprint: str,
    who: str,
    comment: str,
    state: str,
    now: datetime,
) -> Version:
    """Record a version within the caller's transaction; a `live` one retires the one before."""
    if state == "live":
        _retire(db, name, language)
    cursor = db.execute(
        "INSERT INTO template_version (name, language, number, text, html, fingerprint, who,"
        " comment, at, state) VALUES (?1, ?2, 1 + (SELECT coalesce(max(number), 0) FROM"
        " template_version WHERE name = ?1 AND language = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        [name, language, text, html, fingerprint, who, comment, stamp(now), state],
    )
    version = _one(db, "id = ?", [cursor.lastrowid])
    assert version is not None  # noqa: S101  (written in this transaction)
    return version


def go_live(db: Database, version: Version) -> None:
    """Say, within the caller's transaction, that the version's file is written."""
    _retire(db, version.name, version.language)
    db.execute("UPDATE template_version SET state = 'live' WHERE id = ?", [version.id])


def give_up(db: Database, version: Version) -> None:
    """Say, within the caller's transaction, that a pending version was never written."""
    db.execute(
        "UPDATE template_version SET state = 'past' WHERE id = ? AND state = 'pending'",
        [version.id],
    )


def times_sent(db: Database, version: Version) -> int:
    """Return how many acknowledgements went out with this version."""
    row = db.execute(
        "SELECT count(*) FROM outbox WHERE kind = 'acknowledgement'"
        " AND state IN ('sent', 'bounced') AND template = ?1"
        " AND (template_version = ?2 OR template_version LIKE '%+' || ?2)",
        [version.name, version.fingerprint],
    ).fetchone()
    return int(row[0])


def sent_since(db: Database, since: datetime) -> dict[tuple[str, str], int]:
    """Return how many acknowledgements went out since then, by template and language."""
    rows = db.execute(
        "SELECT o.template, d.template_language, count(*) FROM outbox o"
        " JOIN decision d ON d.message_id = o.message_id WHERE o.kind = 'acknowledgement'"
        " AND o.state IN ('sent', 'bounced') AND o.sent_at >= ? GROUP BY 1, 2",
        [stamp(since)],
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def waiting(db: Database, name: str) -> int:
    """Return how many acknowledgements of a template are written and have not left yet."""
    row = db.execute(
        "SELECT count(*) FROM outbox WHERE kind = 'acknowledgement' AND template = ?"
        " AND state IN ('queued', 'claimed', 'deferred', 'held')",
        [name],
    ).fetchone()
    return int(row[0])


def answered_with(
    db: Database, names: tuple[str, ...], languages: tuple[str, ...], *, limit: int
) -> list[Answered]:
    """Return the last letters that these templates were chosen for, the newest first."""
    rows = db.execute(
        "SELECT m.id, m.received_at, d.language, EXISTS (SELECT 1 FROM reading e JOIN message f"
        " ON f.id = e.message_id WHERE e.return_address = r.return_address"
        " AND f.received_at < m.received_at) FROM decision d JOIN message m ON m.id = d.message_id"
        " JOIN reading r ON r.message_id = m.id"
        " WHERE d.template IN (SELECT value FROM json_each(?))"
        " AND d.template_language IN (SELECT value FROM json_each(?))"
        " ORDER BY m.received_at DESC, m.id DESC LIMIT ?",
        [json.dumps(names), json.dumps(languages), limit],
    )
    return [
        Answered(letter=row[0], received_at=moment(row[1]), language=row[2], earlier=bool(row[3]))
        for row in rows
    ]


def touch(db: Database, name: str, language: str, staff: str, now: datetime) -> None:
    """Note, within the caller's transaction, that somebody has a template open."""
    db.execute("DELETE FROM template_presence WHERE seen_at < ?", [stamp(now - GONE_AFTER)])
    db.execute(
        "INSERT INTO template_presence (name, language, staff, seen_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name, language, staff) DO UPDATE SET seen_at = excluded.seen_at",
        [name, language, staff, stamp(now)],
    )


def present(
    db: Database, name: str, language: str, *, other_than: str, now: datetime
) -> dict[str, bool]:
    """Return who else has a template open, and whether they are writing."""
    rows = db.execute(
        "SELECT p.staff, d.updated_at >= ?5 FROM template_presence p LEFT JOIN template_draft d"
        " ON d.name = p.name AND d.language = p.language AND d.staff = p.staff"
        " WHERE p.name = ?1 AND p.language = ?2 AND p.staff <> ?3 AND p.seen_at >= ?4"
        " ORDER BY p.staff",
        [name, language, other_than, stamp(now - GONE_AFTER), stamp(now - GONE_AFTER)],
    )
    return {row[0]: bool(row[1]) for row in rows}


def all_drafts(db: Database) -> list[Draft]:
    """Return every draft, the newest first."""
    rows = db.execute(f"SELECT {_DRAFT} FROM template_draft ORDER BY updated_at DESC")  # noqa: S608
    return [_draft(row) for row in rows]


def drafts(db: Database, name: str, language: str) -> list[Draft]:
    """Return all drafts of a template, the newest first."""
    rows = db.execute(
        f"SELECT {_DRAFT} FROM template_draft WHERE name = ? AND language = ?"  # noqa: S608
        " ORDER BY updated_at DESC",
        [name, language],
    )
    return [_draft(row) for row in rows]


def draft_of(db: Database, name: str, language: str, staff: str) -> Draft | None:
    """Return an administrator's own draft of a template, or None."""
    mine = [draft for draft in drafts(db, name, language) if draft.staff == staff]
    return mine[0] if mine else None


def save_draft(
    db: Database,
    name: str,
    language: str,
    staff: str,
    *,
    text: str,
    html: str | None,
    based_on: int,
    revision: int,
    now: datetime,
) -> Draft:
    """Save a draft within the caller's transaction; `revision` 0 begins a new one.

    Raises `Conflict` where the draft was saved meanwhile, from another page of the same
    person: nothing is overwritten, the page shows both.
    """
    known = draft_of(db, name, language, staff)
    if (known.revision if known else 0) != revision:
        raise Conflict("This draft was saved from another page meanwhile.")
    db.execute(
        "INSERT INTO template_draft (name, language, staff, text, html, based_on, updated_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (name, language, staff) DO UPDATE SET"
        " text = ?4, html = ?5, based_on = ?6, updated_at = ?7, revision = revision + 1",
        [name, language, staff, text, html, based_on, stamp(now)],
    )
    saved = draft_of(db, name, language, staff)
    assert saved is not None  # noqa: S101  (written in this transaction)
    return saved


def discard_draft(db: Database, name: str, language: str, staff: str) -> None:
    """Remove a person's own draft within the caller's transaction."""
    db.execute(
        "DELETE FROM template_draft WHERE name = ? AND language = ? AND staff = ?",
        [name, language, staff],
    )


def _retire(db: Database, name: str, language: str) -> None:
    db.execute(
        "UPDATE template_version SET state = 'past'"
        " WHERE name = ? AND language = ? AND state = 'live'",
        [name, language],
    )


def _one(db: Database, where: str, values: list[object]) -> Version | None:
    query = f"SELECT {_VERSION} FROM template_version WHERE {where}"  # noqa: S608
    row = db.execute(query, values).fetchone()
    return _version(row) if row else None


def _version(row: tuple[object, ...]) -> Version:
    values = dict(zip(_VERSION.split(", "), row, strict=True))
    return Version(**values | {"at": moment(str(values["at"]))})  # type: ignore[arg-type]


def _draft(row: tuple[object, ...]) -> Draft:
    values = dict(zip(_DRAFT.split(", "), row, strict=True))
    return Draft(**values | {"updated_at": moment(str(values["updated_at"]))})  # type: ignore[arg-type]
