"""What the database says: whether it is whole, in use, and copied."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from inboxbot import opening
from inboxbot.config import Config
from inboxbot.doctor.finding import Finding, Level
from inboxbot.errors import InboxbotError
from inboxbot.health import health
from inboxbot.store import audit, backup, invariants, migrations, settings
from inboxbot.store.database import moment, must_be_writable, store_error
from inboxbot.store.sqlite import Database

CLOCK_TOLERANCE = timedelta(minutes=5)


def of_database(configuration: Config, now: datetime) -> Iterator[Finding]:
    """Yield what is found where the database lies, whether or not it can be opened."""
    path = configuration.store_path
    try:
        there = path.exists()
    except PermissionError:
        return  # `checks` has said so.
    if not there:
        try:
            opening.connect(configuration).close()
        except InboxbotError as error:
            lost = "missing though" in str(error)
            yield Finding(Level.FAIL if lost else Level.WARN, "database", str(error))
        return
    try:
        with closing(opening.connect(configuration)) as db:
            yield from _opened(db, configuration, now)
    except InboxbotError as error:
        yield Finding(Level.FAIL, "database", str(error))
    except sqlite3.Error as error:
        yield Finding(Level.FAIL, "database", str(store_error(error, path)))


def _opened(db: Database, configuration: Config, now: datetime) -> Iterator[Finding]:
    migrations.check_not_newer(db)
    if migrations.pending(db):
        return  # `checks` has said so; what follows needs the present schema.
    must_be_writable(db)
    broken = invariants.check(db)
    for violation in broken:
        fix = (
            "Somebody changed it by hand: keep the file, and compare it with a backup."
            if violation.invariant == "I8"
            else "Keep a copy of the file, then run `inboxbot restore` with the newest backup."
        )
        yield Finding(Level.FAIL, f"database {violation.invariant}", f"{violation}.", fix)
    if not broken:
        yield Finding(
            Level.PASS, "database", f"Whole, with {audit.count(db)} rows of an unbroken audit."
        )
    newest = max((entry.at for entry in audit.entries(db, limit=1)), default=None)
    if newest and moment(newest) > now + CLOCK_TOLERANCE:
        yield Finding(
            Level.FAIL,
            "clock",
            f"The database was written at {newest[:16]} UTC, which is yet to come.",
            "The clock is, or was, wrong: `timedatectl set-ntp true`.",
        )
    found = health(
        db,
        store=configuration.store_path,
        min_free_mb=0,
        silent_after=timedelta(minutes=configuration.alerts.intake_silent_minutes),
        now=now,
    )
    for sentence in found.problems:
        yield Finding(Level.WARN, "service", sentence)
    yield from _backup(db, configuration, now)


def _backup(db: Database, configuration: Config, now: datetime) -> Iterator[Finding]:
    hours = configuration.alerts.backup_silent_hours
    at = settings.get_moment(db, backup.VERIFIED_AT)
    if at is None or (hours and now - at > timedelta(hours=hours)):
        yield Finding(
            Level.WARN,
            "backup",
            f"The last verified one was made {at:%Y-%m-%d %H:%M} UTC." if at else "There is none.",
            "`systemctl enable --now inboxbot-backup.timer`, or run `inboxbot backup`.",
        )
    else:
        yield Finding(Level.PASS, "backup", f"Verified {at:%Y-%m-%d %H:%M} UTC.")
