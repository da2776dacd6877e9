"""Put a copy in the place of the database.

A copy does not know what was sent after it was made. So what it holds back stays held, and every
letter that is new to it and lies on the server at the first look, or was received before this
moment, is held as well, until the Sent folder or a person has said whether it was answered
(`inboxbot.uncertain`). The first look counts by the server's numbers, whatever the clock says.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from inboxbot.errors import InboxbotError, StoreError, TransientError
from inboxbot.store import audit, mailboxes, migrations, sending, settings
from inboxbot.store.backup import key_of, must_hold, sync, verify
from inboxbot.store.database import (
    PARTS,
    connect,
    marker,
    moment,
    must_not_be_open,
    remove,
    write,
)
from inboxbot.store.encryption import export
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database, Key

RESTORED_AT = "restored_at"
_STRICTNESS = (Mode.LIVE, Mode.PAUSED, Mode.SHADOW)
CLOCK_TOLERANCE = timedelta(hours=1)
_CHUNK = 1024 * 1024


def restore(
    file: Path,
    path: Path,
    now: datetime,
    *,
    who: str,
    prepare: Callable[[Database], None] = lambda db: None,  # noqa: ARG005
    key: Key | None = None,
    key_of_copy: Key | None = None,
) -> Path | None:
    """Put a copy in the place of the database at `path`; return where the old one lies now.

    The caller has the state folder. `prepare` may change the copy before it counts. The database
    gets the `key` whatever the copy has: none, the same, or `key_of_copy`, a former one. From now
    on no letter received earlier and no reply of the copy goes out by itself: whether it was
    sent is looked up in the Sent folder, or said by a person. Of the mode of the copy and that of
    the database before, where it can be read, the stricter one is in force. Raises `Locked` where
    a process has the database open, and `StoreError` where the copy does not hold; then nothing
    changed.
    """
    former = key_of_copy or key
    verify(file, former)
    must_not_be_open(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.restoring")
    remove(staged)
    try:
        former = key_of(file, former)
        if former == key:
            _duplicate(file, staged)
        else:
            export(file, former, staged, key)
        with closing(connect(staged, key)) as db:
            migrations.migrate(db)
            _check_clock(db, now)
            _forget_what_is_over(db, who, now, _modes_of(path, key))
            prepare(db)
            must_hold(db, staged)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        aside = _put_aside(path, now)
        staged.replace(path)
    finally:
        remove(staged)
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


def _modes_of(path: Path, key: Key | None) -> tuple[Mode, Mode] | None:
    """Return the mode of a database and the one that comes after a pause.

    None where it cannot be read, and where nobody has said any.
    """
    try:
        with closing(connect(path, key)) as db:
            return _modes(db) if settings.get(db, "mode") else None
    except (InboxbotError, sqlite3.Error):
        return None


def _modes(db: Database) -> tuple[Mode, Mode]:
    mode = settings.mode(db)
    return mode, settings.before_pause(db) if mode is Mode.PAUSED else mode


def _forget_what_is_over(
    db: Database, who: str, now: datetime, modes: tuple[Mode, Mode] | None
) -> None:
    """Hold what the copy would send, and let nobody in who was let in when it was made.

    `modes` are those of the database before: what was stopped since stays so.
    """
    with write(db):
        both = zip(_modes(db), modes or _modes(db), strict=True)
        mode, after_pause = (max(each, key=_STRICTNESS.index) for each in both)
        settings.put(db, "mode", mode)
        settings.put(db, settings.PAUSED_FROM, after_pause)
        settings.put_moment(db, RESTORED_AT, now)
        held = sending.hold_restored(db, now)
        mailboxes.restored(db)
        # Stored and not yet decided when the copy was made: decided, and answered, since.
        db.execute(
            "UPDATE message SET keep_silent = 'restored'"
            " WHERE decided_at IS NULL AND keep_silent IS NULL"
        )
        audit.add(db, who, "restored backup", now, detail=f"{held} held, mode {mode}")
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
    for ending in PARTS:  # Together: the -wal may hold what was committed last.
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    return aside if found else None
