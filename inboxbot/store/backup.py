"""Copies of the database: made while everything goes on, verified, and thinned out.

A copy counts only once it was opened, its invariants held and its checksum was written down.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from inboxbot.errors import StoreError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.store import migrations, settings
from inboxbot.store.database import moment, not_opened, stamp, store_error, write
from inboxbot.store.sqlite import Database, Key, is_encrypted, open_connection

VERIFIED_AT = "backup_verified_at"
PREFIX, SUFFIX = "inboxbot-", ".sqlite3"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What stands beside a copy. `steps` are those of the schema; counts are rows."""

    made_at: str
    sha256: str
    size: int
    version: str
    instance: str
    steps: tuple[str, ...]
    messages: int
    replies: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the database on disk; `manifest` is None where there is none beside it."""

    file: Path
    manifest: Manifest | None


def make(db: Database, folder: Path, now: datetime) -> Copy:
    """Copy the open database into `folder`, verify the copy, and note that in the database.

    The copy is one moment of it, whatever others write meanwhile, and has the same key. Raises
    `TransientError` where there is no room or somebody is at it already, and `StoreError` where
    the copy does not hold. What a backup that was killed has left in `folder` is removed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_left(folder)
    name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    unfinished = folder / f"{name}.part"
    _check_room(db, folder)
    at_work = _begin(unfinished)
    try:
        _copy(db, unfinished)
        manifest = _describe(unfinished, db.key, now)
        check(unfinished, db.key)
        _write_manifest(folder / name, manifest)
        unfinished.replace(folder / name)
        sync(folder)
    finally:
        unfinished.unlink(missing_ok=True)
        os.close(at_work)
    with write(db):
        settings.put_moment(db, VERIFIED_AT, now)
    return Copy(folder / name, manifest)


def verify(file: Path, key: Key | None = None) -> Copy:
    """Read a copy to its last byte and check all of it; raises `StoreError` where it fails.

    The key is for a copy that is encrypted. Without a manifest (a copy by other means) only the
    database itself can be checked.
    """
    if not file.is_file():
        raise StoreError(f"There is no copy {file}.")
    copy = Copy(file, _read_manifest(file))
    if copy.manifest is not None and _sha256(file) != copy.manifest.sha256:
        raise StoreError(f"{file} is not the file that was written: its checksum differs.")
    check(file, key_of(file, key))
    return copy


def key_of(file: Path, key: Key | None) -> Key | None:
    """Return the key to open a copy with: one made before the store was encrypted has none."""
    return key if is_encrypted(file) else None


def copies(folder: Path) -> list[Copy]:
    """Return the copies in `folder`, the newest first."""
    files = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"), reverse=True)
    return [Copy(file, _read_manifest(file)) for file in files]


def kept_aside(path: Path) -> list[Path]:
    """Return former databases that a restore or a conversion has kept beside the one at `path`."""
    return sorted(path.parent.glob(f"{path.name}.before-*Z"))


def thin(folder: Path, *, daily: int, weekly: int) -> list[Path]:
    """Remove copies that are no longer kept; return them."""
    made = {moment(copy.manifest.made_at): copy.file for copy in copies(folder) if copy.manifest}
    keep = kept(made, daily=daily, weekly=weekly)
    removed = [file for at, file in made.items() if at not in keep]
    for file in removed:
        file.unlink()
        manifest_of(file).unlink(missing_ok=True)
    return removed


def kept(moments: Iterable[datetime], *, daily: int, weekly: int) -> set[datetime]:
    """Return which copies to keep: the last of each of the newest days, and of the newest weeks."""
    newest = sorted(moments, reverse=True)
    days: dict[object, datetime] = {}
    weeks: dict[object, datetime] = {}
    for at in newest:
        days.setdefault(at.date(), at)
        weeks.setdefault(at.isocalendar()[:2], at)
    return {*newest[:1], *list(days.values())[:daily], *list(weeks.values())[:weekly]}


def upgrade(db: Database, folder: Path, now: datetime) -> list[str]:
    """Bring the schema up to date, with a copy made first where there is anything to lose.

    Returns the steps applied. Raises `StoreError` for a database of a newer program.
    """
    migrations.check_not_newer(db)
    pending = migrations.pending(db)
    if pending and migrations.applied(db):
        make(db, folder, now)
    return migrations.migrate(db) if pending else []


def manifest_of(file: Path) -> Path:
    """Return where the manifest of a copy lies."""
    return file.with_suffix(".json")


def _begin(unfinished: Path) -> int:
    """Make the file and lock it; it is no leftover while the handle returned is open."""
    try:
        handle = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise TransientError(f"Another backup is being made: {unfinished} is there.") from None
    except OSError as error:
        raise StoreError(
            f"Nothing can be written into {unfinished.parent} ({error.strerror})."
        ) from error
    with suppress(OSError):  # A file system without locks: there nothing is taken for a leftover.
        fcntl.flock(handle, fcntl.LOCK_EX)
    if not os.fstat(handle).st_nlink:  # Taken for a leftover before it was locked.
        os.close(handle)
        raise TransientError(f"Another backup is being made in {unfinished.parent}.")
    return handle


def _remove_left(folder: Path) -> None:
    for part in folder.glob(f"{PREFIX}*{SUFFIX}.part"):
        with suppress(OSError), part.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.glob(f"{part.name}*"):  # And what SQLite has put beside it.
                left.unlink(missing_ok=True)


def _copy(db: Database, target: Path) -> None:
    try:
        with closing(open_connection(target, db.key)) as copy:
            db.conn.backup(copy)
            # One file that is whole by itself: without this it would want a -wal beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise store_error(error, target) from error
    sync(target)


def _describe(file: Path, key: Key | None, now: datetime) -> Manifest:
    with closing(_read_only(file, key)) as db:
        return Manifest(
            made_at=stamp(now),
            sha256=_sha256(file),
            size=file.stat().st_size,
            version=version("inboxbot"),
            instance=settings.get(db, "instance_id") or "",
            steps=tuple(migrations.applied(db)),
            messages=_count(db, "message"),
            replies=_count(db, "outbox"),
        )


def _count(db: Database, table: str) -> int:
    if table not in db.tables():  # A schema of before there was such a table.
        return 0
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  (ours)


def check(file: Path, key: Key | None) -> None:
    """Raise `StoreError` where a copy is damaged, or holds what cannot be."""
    with closing(_read_only(file, key)) as db:
        try:
            migrations.check_not_newer(db)
            if not migrations.applied(db):
                raise StoreError(f"{file} is no database of inboxbot.")
            if migrations.pending(db):
                # Its invariants are checked after `restore` has brought it up to date.
                if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                    raise StoreError(f"{file} is damaged (PRAGMA integrity_check).")
                return
            must_hold(db, file)
        except sqlite3.Error as error:
            raise store_error(error, file) from error


def must_hold(db: Database, file: Path) -> None:
    """Raise `StoreError` where an invariant of the store is broken in `file`."""
    from inboxbot.store import invariants  # For a copy alone: opening a store checks none.

    broken = invariants.check(db)
    if broken:
        raise StoreError(f"{file} does not hold: {'; '.join(map(str, broken))}.")


def _read_only(file: Path, key: Key | None) -> Database:
    # Immutable: nothing is made beside the copy, wherever it lies.
    address = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
    connection = open_connection(address, key, uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise not_opened(error, file, key) from error
    return Database(connection, key)


def _check_room(db: Database, folder: Path) -> None:
    pages, size = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size")
    )
    free = shutil.disk_usage(folder).free
    if free < pages * size * 1.1:
        raise TransientError(
            f"A copy needs {pages * size // 2**20 + 1} MB and only {free // 2**20} MB are free in "
            f"{folder}: make room, or name another folder in backup.folder."
        )


def _write_manifest(file: Path, manifest: Manifest) -> None:
    target = manifest_of(file)
    with open(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:  # noqa: PTH123
        json.dump(asdict(manifest), out, indent=1)
    sync(target)


def _read_manifest(file: Path) -> Manifest | None:
    try:
        values = json.loads(manifest_of(file).read_text("utf-8"))
        return Manifest(**(values | {"steps": tuple(values["steps"])}))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"The manifest {manifest_of(file)} cannot be read.") from error


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have a file or a folder on the disk before anything else happens."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
