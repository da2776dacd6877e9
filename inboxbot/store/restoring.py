"""Put a copy in the place of the database.

A copy does not know what was sent after it was made. So what it holds back stays held, and every
letter that is new to it and lies on the server at the first look, or was received before this
moment, is held as well, until the Sent folder or a person has said whether it was answered
(`inboxbot.uncertain`). The first look counts by the server's numbers, whatever the clock says.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from inboxbot.errors import Locked, StoreError, TransientError
from inboxbot.store import audit, mailboxes, migrations, sending, settings
from inboxbot.store.backup import must_hold, sync, verify
from inboxbot.store.database import connect, marker, moment, write
from inboxbot.store.sqlite import Database

RESTORED_AT = "restored_at"
CLOCK_TOLERANCE = timedelta(hours=1)
# Where every connection in WAL mode holds a lock for as long as it is open (SQLite's os.h).
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_CHUNK = 1024 * 1024
_PARTS = ("", "-wal", "-shm")


def restore(
    file: Path,
    path: Path,
    now: datetime,
    *,
    who: str,
    prepare: Callable[[Database], None] = lambda db: None,  # noqa: ARG005
) -> Path | None:
    """Put a copy in the place of the database at `path`; return where the old one lies now.

    The caller has the state folder. `prepare` may change the copy before it counts. From now
    on no letter received earlier and no reply of the copy goes out by itself: whether it was
    sent is looked up in the Sent folder, or said by a person. Raises `Locked` where a process
    has the database open, and `StoreError` where the copy does not hold; then nothing changed.
    """
    verify(file)
    if _in_use(path):
        raise Locked(
            f"Another process has {path} open: stop it first "
            "(`systemctl stop inboxbot-web inboxbot`)."
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.restoring")
    _remove(staged)
    try:
        _duplicate(file, staged)
        with closing(connect(staged)) as db:
            migrations.migrate(db)
            _check_clock(db, now)
            _forget_what_is_over(db, who, now)
            prepare(db)
            must_hold(db, staged)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        aside = _put_aside(path, now)
        staged.replace(path)
    finally:
        _remove(staged)
    marker(path).touch(mode=0o600)
    sync(path.parent)
    return aside


def _duplicate(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with source.open("rb") as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _CHUNK)
    except OSError as error:
        raise TransientError(f"{target} cannot be written ({error.strerror}).") from error
    sync(target)


def _forget_what_is_over(db: Database, who: str, now: datetime) -> None:
    """Hold what the copy would send, and let nobody in who was let in when it was made."""
    with write(db):
        settings.put_moment(db, RESTORED_AT, now)
        held = sending.hold_restored(db, now)
        mailboxes.restored(db)
        # Stored and not yet decided when the copy was made: decided, and answered, since.
        db.execute(
            "UPDATE message SET keep_silent = 'restored'"
            " WHERE decided_at IS NULL AND keep_silent IS NULL"
        )
        audit.add(db, who, "restored backup", now, detail=f"{held} held")
        db.execute("DELETE FROM session")
        db.execute("DELETE FROM sign_in_link")


def _check_clock(db: Database, now: datetime) -> None:
    """Refuse where the clock is behind the copy: what came in since would not be held."""
    newest = db.execute("SELECT max(received_at) FROM message WHERE origin = 'imap'").fetchone()[0]
    if newest is not None and moment(newest) > now + CLOCK_TOLERANCE:
        raise StoreError(
            f"The clock of this machine says {now:%Y-%m-%d %H:%M} UTC, and the backup has a letter "
            "that came later: set the clock, then restore again."
        )


def _put_aside(path: Path, now: datetime) -> Path | None:
    aside = path.with_name(f"{path.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    found = path.exists()
    for ending in _PARTS:  # Together: the -wal may hold what was committed last.
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    return aside if found else None


def _in_use(path: Path) -> bool:
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _remove(path: Path) -> None:
    for ending in _PARTS:
        path.with_name(path.name + ending).unlink(missing_ok=True)
    marker(path).unlink(missing_ok=True)
