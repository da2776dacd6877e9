"""What is looked after by itself: erasing by age, and alerts of silence, disk and backups."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from inboxbot import events, promotion
from inboxbot.frozen import dataclass
from inboxbot.store import alerts, audit, backup, erasure, figures, people, retention, settings
from inboxbot.store.alerts import Code
from inboxbot.store.audit import Entry
from inboxbot.store.database import write
from inboxbot.store.figures import Glance
from inboxbot.store.retention import Report, Rules
from inboxbot.store.sqlite import Database

RETENTION = "retention"
# When erasing by age last trusted the clock, and since when it does not.
_TRUSTED_AT, _DOUBTED_AT = "retention_trusted_at", "retention_doubted_at"
# It is looked at every day and at each start. Whoever erases a month too early of months or years
# does little harm, and hardly any machine is off for so long.
LEAP = timedelta(days=30)
STANDS = timedelta(hours=20)  # Less than a day: the next daily look is to find it so.


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things may take before somebody is told; `backup` of 0 is never."""

    intake: timedelta
    backup: timedelta
    min_free_mb: int


def erase_daily(db: Database, rules: Rules, now: datetime) -> Report | None:
    """Erase what is old enough, where the clock can be trusted; else open an alert, return None.

    A clock that is years ahead for a moment would have every letter that was ever dealt with
    erased. Where the machine was truly off for so long, the next day's look goes on.
    """
    with write(db):
        doubted_at = settings.get_moment(db, _DOUBTED_AT)
        sure = is_sure(now, settings.get_moment(db, _TRUSTED_AT), doubted_at)
        _hold(db, Code.CLOCK, not sure, now)
        if sure:
            settings.put_moment(db, _TRUSTED_AT, now)
            settings.put(db, _DOUBTED_AT, None)
        elif doubted_at is None or not timedelta(0) <= now - doubted_at <= LEAP:
            settings.put_moment(db, _DOUBTED_AT, now)
    return erase_by_age(db, rules, now) if sure else None


def is_sure(now: datetime, trusted_at: datetime | None, doubted_at: datetime | None) -> bool:
    """Say whether to erase by a clock that says `now`: it goes on from what it said before.

    Either it does so from when it was last trusted, or it has leapt and gone on for a day since.
    """
    if trusted_at is None or now - trusted_at <= LEAP:
        return True
    return doubted_at is not None and STANDS <= now - doubted_at <= LEAP


def erase_by_age(db: Database, rules: Rules, now: datetime) -> Report:
    """Erase what is old enough, saying first what that is; return it.

    Raises `TransientError` where the database cannot be written now; the rest waits.
    """
    report = retention.due(db, rules, now)
    counts = {part: len(getattr(report, part)) for part in retention.PARTS}
    events.retention_due(**counts)
    if report.letters:
        with write(db):
            detail = ", ".join(f"{count} {part}" for part, count in counts.items() if count)
            audit.add(db, RETENTION, "erased by age", now, detail=detail)
        retention.erase(db, report, now)
        events.retention_done(len(report.letters))
        promotion.forget_now(db, RETENTION, now)
    return report


def watch(db: Database, store: Path, patience: Patience, now: datetime) -> Glance:
    """Open the alerts that come from silence, end them when it is over; return what was counted."""
    counted = figures.glance(db)
    free_mb = shutil.disk_usage(store.parent).free // 2**20
    backed_up_at = settings.get_moment(db, backup.VERIFIED_AT)
    started = [box.started_at for box in counted.mailboxes]
    since = backed_up_at or min(started, default=now)
    with write(db):
        for box in counted.mailboxes:
            silent = now - (box.last_good_poll_at or box.started_at) > patience.intake
            _hold(db, Code.INTAKE_SILENT, silent, now, detail=box.name)
        _hold(db, Code.DISK, free_mb < patience.min_free_mb, now)
        late = bool(patience.backup) and now - since > patience.backup
        _hold(db, Code.BACKUP, late, now)
    return counted


def entries(
    db: Database, *, letter: int | None = None, person: str | None = None, limit: int
) -> list[Entry]:
    """Return rows of the audit, the newest first: of a letter, or of a person's letters."""
    if person is None:
        return list(audit.entries(db, message=letter, limit=limit))
    found = [
        entry
        for each in erasure.letters_of(db, people.person(db, person).addresses)
        if letter in (None, each)
        for entry in audit.entries(db, message=each)
    ]
    return sorted(found, key=lambda entry: entry.id, reverse=True)[:limit]


def _hold(db: Database, code: Code, wrong: bool, now: datetime, *, detail: str = "") -> None:
    if wrong:
        alerts.open_alert(db, code, now, detail=detail)
    else:
        alerts.end(db, code, now, detail=detail)
