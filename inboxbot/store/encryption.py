"""Encrypt a database, give it another key, or take the encryption off it.

The database is written anew with the other key, compared with the old one row by row, and put in
its place in one step. So whatever ends the program, one of the two is there and whole.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from inboxbot.errors import StoreError, TransientError
from inboxbot.store import audit, backup, migrations
from inboxbot.store.database import (
    connect,
    must_not_be_open,
    remove,
    store_error,
    write,
)
from inboxbot.store.sqlite import Key, is_encrypted, open_connection, open_without_key


def convert(path: Path, old: Key | None, new: Key | None, now: datetime, *, who: str) -> Path:
    """Give the database at `path` the key `new`, None for no encryption; return the old one's file.

    The caller has the state folder. Raises `Locked` where a process has the database open, and
    `StoreError` where `old` is not its key or what was written does not hold; then nothing changed.
    """
    must_not_be_open(path)
    if new is not None and path.exists() and is_encrypted(path) and old is None:
        raise StoreError(f"The database {path} is encrypted already.")
    _into_one_file(path, old)
    staged = path.with_name(f"{path.name}.converting")
    remove(staged)
    try:
        export(path, old, staged, new)
        with closing(connect(staged, new)) as db:
            migrations.migrate(db)
            with write(db):
                audit.add(db, who, "converted store", now, detail=_what(old, new))
            backup.must_hold(db, staged)
        _into_one_file(staged, new)
        must_not_be_open(path)
        aside = path.with_name(f"{path.name}.before-{_what(old, new)}-{now:%Y%m%dT%H%M%SZ}")
        os.link(path, aside)  # And not moved: at every moment there is a database at `path`.
        staged.replace(path)
        backup.sync(path.parent)
    finally:
        remove(staged)
    return aside


def export(source: Path, old: Key | None, target: Path, new: Key | None) -> None:
    """Write the database `source`, which has the key `old`, into `target` with the key `new`.

    The source is one file that nobody has open, and nothing is made beside it. Raises
    `StoreError` where the two differ afterwards, `TransientError` where the disk is full.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    address = f"{source.resolve().as_uri()}?mode=ro&immutable=1"
    opened = open_connection(address, old, uri=True) if old else open_without_key(address, uri=True)
    try:
        with closing(opened) as db:
            key = new.as_sqlcipher_wants_it() if new else ""
            db.execute("ATTACH DATABASE ? AS target KEY ?", [str(target), key])
            db.execute("SELECT sqlcipher_export('target')")
            different = list(_differences(db))
    except sqlite3.DatabaseError as error:
        raise store_error(error, target) from error
    if different:
        raise StoreError(f"{target} differs from {source} in {', '.join(different)}.")
    backup.sync(target)


def plain_copies(path: Path, folder: Path) -> list[Path]:
    """Return the copies of the database at `path` that anybody could read who has the disk.

    They are what a conversion or a restore has left beside it, and the backups in `folder`.
    """
    copies = sorted(folder.glob(f"{backup.PREFIX}*{backup.SUFFIX}"))
    return [file for file in (*backup.kept_aside(path), *copies) if not is_encrypted(file)]


def _into_one_file(path: Path, key: Key | None) -> None:
    """Write what a database that nobody has open has in its log into its file."""
    with closing(connect(path, key)) as db:
        waiting = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if waiting:
        raise TransientError(f"Somebody reads {path}: try again when it is over.")


def _differences(db: sqlite3.Connection) -> Iterator[str]:
    """Yield the tables that differ between the attached database and the main one."""
    schema = "SELECT name, sql FROM {}.sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
    tables = db.execute(schema.format("main")).fetchall()
    if tables != db.execute(schema.format("target")).fetchall():
        yield "the schema"
        return
    for name, sql in tables:
        # The rows of a virtual table lie in tables of their own.
        if (sql or "").startswith("CREATE TABLE") and not _same_rows(db, name):
            yield name


def _same_rows(db: sqlite3.Connection, table: str) -> bool:
    ours, theirs = (
        db.execute(f"SELECT * FROM {name}.[{table}] NOT INDEXED")  # noqa: S608  (our own names)
        for name in ("main", "target")
    )
    return all(row == theirs.fetchone() for row in ours) and theirs.fetchone() is None


def _what(old: Key | None, new: Key | None) -> str:
    if new is None:
        return "decrypt"
    return "encrypt" if old is None else "rekey"
