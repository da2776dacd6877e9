"""Open the database, and write to it safely from more than one process.

The daemon and the review app share one SQLite file in WAL mode. Readers never wait.
Writers take the lock at the start (`BEGIN IMMEDIATE`): a transaction that reads first and
writes then would otherwise fail at once, without waiting for the busy timeout, whenever the
other process wrote in between.

A database that was there once and is missing now is never made anew: an empty one would
treat every letter in the mailbox as unknown.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import RLock

from inboxbot.errors import Locked, NotAllowed, StoreError, TransientError
from inboxbot.store.sqlite import Database, Key, open_connection, open_without_key

BUSY_TIMEOUT_S = 10.0
# The files that a database may consist of: the -wal may hold what was committed last.
PARTS = ("", "-wal", "-shm")
# One for each database that this process has open: whose thread may write.
_turns: "dict[Path, RLock]" = {}
# Where every connection in WAL mode holds a lock for as long as it is open (SQLite's os.h).
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510


def marker(path: Path) -> Path:
    """Return the file beside the database that says that it once had its tables."""
    return path.with_name(path.name + ".initialised")


def connect(path: Path, key: Key | None = None) -> Database:
    """Open an existing database, encrypted where there is a key; the schema is not looked at.

    Raises `StoreError` where there is no usable database at `path` or the key is not its key, and
    `NotAllowed` where root would work on another user's.
    """
    if not path.exists():
        lost = marker(path).exists()
        raise StoreError(
            f"The database {path} is missing though it was there before: put it back or run "
            "`inboxbot restore`. It is not made anew, because every letter would be new again."
            if lost
            else f"There is no database at {path} yet: run `inboxbot poll` or `inboxbot run`."
        )
    if path.stat().st_size == 0 and marker(path).exists():
        raise StoreError(emptied(path))
    _must_be_ours(path)
    return _open(path, key)


def emptied(path: Path) -> str:
    """Return what is said of a database that had its tables once and has none now."""
    return (
        f"The database {path} is empty though it was not before: put it back, or run "
        "`inboxbot restore` with the newest backup. It is not filled anew, because every letter "
        "would be new again."
    )


def create(path: Path, key: Key | None = None) -> Database:
    """Open the database, making an empty file (mode 0600) where there never was one.

    Raises `StoreError` where a database was there once and is missing now.
    """
    if not path.exists() and not marker(path).exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return connect(path, key)


def file_of(db: Database) -> Path:
    """Return the file that an open database lies in."""
    return Path(db.execute("PRAGMA database_list").fetchone()[2])


def must_not_be_open(path: Path) -> None:
    """Raise `Locked` where another process has the database open; ours must not have it either."""
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except BlockingIOError:
        raise Locked(
            f"Another process has {path} open: stop it first "
            "(`systemctl stop inboxbot-web inboxbot`)."
        ) from None
    except OSError:
        return


def remove(path: Path) -> None:
    """Remove a database that nobody has open, and all that lies beside it, if it is there."""
    for ending in PARTS:
        path.with_name(path.name + ending).unlink(missing_ok=True)
    marker(path).unlink(missing_ok=True)


def unwritable(path: Path) -> str | None:
    """Return, as a sentence, which file of a database this process may not write; else None."""
    files = (path.with_name(path.name + ending) for ending in PARTS)
    for file in (path.parent, *filter(Path.exists, files)):
        if not os.access(file, os.W_OK):
            return (
                f"{file} cannot be written, so nothing can be stored: run as its owner, or "
                f"`chown -R inboxbot: {path.parent}`."
            )
    return None


def must_be_writable(db: Database) -> None:
    """Raise `StoreError` where the database can only be read, `TransientError` where it is busy."""
    try:
        # SQLite opens what it may only read without a word, and begins a transaction on it.
        db.execute("UPDATE setting SET value = value WHERE 0")
    except sqlite3.Error as error:
        raise store_error(error, file_of(db)) from error


def must_be_whole(db: Database) -> None:
    """Raise `StoreError` where what decides on the sending of replies is damaged, or only read.

    The bytes of letters are left out: they are most of the database, each has its fingerprint,
    and one that is damaged stops no other.
    """
    must_be_writable(db)
    for table in ("setting", "mailbox", "place", "message", "decision", "review", "outbox"):
        try:
            found = db.execute(f"PRAGMA quick_check('{table}')").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise store_error(error, file_of(db)) from error
        if found != "ok":
            raise StoreError(
                f"The database {file_of(db)} is damaged (table {table}): stop, keep the file, and "
                "run `inboxbot restore` with the newest backup."
            )


def _must_be_ours(path: Path) -> None:
    """Refuse to work as root on the service's files: what root makes the service cannot use."""
    owner = path.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        raise NotAllowed(
            f"{path} belongs to the service (user {owner}), and files that root makes beside it "
            "would stop the service: run `runuser -u inboxbot -- inboxbot ...`."
        )


def _open(path: Path, key: Key | None) -> Database:
    try:
        connection = open_connection(path, key, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        raise not_opened(error, path, key) from error
    return Database(connection, key, _turns.setdefault(path.resolve(), RLock()))


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    # SQLite gives the -wal and -shm files the mode of the database (os_unix.c,
    # findCreateFileMode), so no umask is needed here: it is the process's, and two threads
    # that open at once would leave each other's behind.
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(f"The database {path} cannot use WAL: is the file system a network?")
    # FULL, not NORMAL: after a power failure NORMAL may lose the last commits, and with
    # them the mark that a reply had left.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def keep_few_pages(db: Database) -> None:
    """Have a connection that is one of many remember at most 512 KiB of pages, not SQLite's 2 MB.

    What it needs again lies in the memory of the operating system, once for all of them.
    """
    db.execute("PRAGMA cache_size = -512")


def not_opened(error: sqlite3.Error, path: Path, key: Key | None) -> Exception:
    """Return the error of ours that says why the database at `path` could not be opened."""
    if getattr(error, "sqlite_errorname", "") != "SQLITE_NOTADB":
        return store_error(error, path)
    if key is None:
        return StoreError(
            f"The database {path} is damaged (SQLITE_NOTADB), or encrypted: if it is encrypted, "
            "name the credential with its key in store.key_credential; if not, stop, keep the "
            "file, and run `inboxbot restore` with the newest backup."
        )
    if _is_plain(path):
        return StoreError(
            f"The database {path} is not encrypted, and store.key_credential asks for it: run "
            "`inboxbot store encrypt`, or take the setting out."
        )
    return StoreError(
        f"The database {path} cannot be read with the key in the credential {key.credential}: it "
        "has another key, or is damaged (SQLITE_NOTADB). Put back the key that it was encrypted "
        "with, for a copy name it with --key; if it is that one, stop, keep the file, and run "
        "`inboxbot restore` with the newest backup."
    )


def _is_plain(path: Path) -> bool:
    try:
        with closing(open_without_key(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True


def store_error(error: sqlite3.Error, path: Path | None = None) -> Exception:
    """Return the error of ours that says what to do about `error`."""
    name = getattr(error, "sqlite_errorname", "") or ""
    where = f" {path}" if path else ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TransientError(f"The database{where} is locked by another program; trying later.")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return TransientError(f"The database{where} cannot be written ({name}): is the disk full?")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreError(f"The database{where} cannot be opened for writing ({name}).")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(
            f"The database{where} is damaged ({name}): stop, keep the file, and run "
            "`inboxbot restore` with the newest backup."
        )
    return StoreError(f"The database{where} cannot be used ({name or type(error).__name__}).")


@contextmanager
def write(db: Database) -> Iterator[Database]:
    """Run the block as one write transaction: all of it happens, or none of it.

    Threads of this process take turns: who waits for another program asks it again and again, and
    a thread that writes much would hardly ever be met between two transactions. Raises
    `TransientError` where the lock or the disk space could not be had.
    """
    if not db.turn.acquire(timeout=BUSY_TIMEOUT_S):
        raise TransientError("The database is busy in this program; trying later.")
    try:
        yield from _transaction(db)
    finally:
        db.turn.release()


def _transaction(db: Database) -> Iterator[Database]:
    connection = db.conn
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise store_error(error) from error
    try:
        yield db
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        _roll_back(connection)
        raise store_error(error) from error
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # A full disk rolls back by itself.
        connection.execute("ROLLBACK")


@lru_cache(maxsize=16)  # What is written of a letter has few times, and each many times over.
def stamp(moment: datetime) -> str:
    """Return an aware `moment` as text in UTC, of fixed width so that it sorts as time."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")


def moment(text: str) -> datetime:
    """Return the aware UTC time that `stamp` wrote."""
    return datetime.fromisoformat(text)
