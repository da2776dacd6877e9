"""Is the service well? One answer for `status`, `doctor`, the review app and the watchdog.

A problem is a plain sentence that says what is wrong and, where there is something to do, what.
"""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from inboxbot.counted import counted
from inboxbot.frozen import dataclass
from inboxbot.store import alerts, decisions, figures, scope, settings
from inboxbot.store.database import unwritable
from inboxbot.store.figures import Figures, Glance, MailboxFigures, Troubles
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database

SLOW_OUTBOX = timedelta(minutes=30)
# So many of the newest letters without a classification are no accident of one letter.
NEWEST = 5


@dataclass(frozen=True, slots=True)
class Health:
    """How the service is doing; well when there are no problems."""

    mode: Mode
    problems: tuple[str, ...]
    figures: Figures

    @property
    def healthy(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.problems

    @property
    def unaccounted(self) -> int | None:
        """Return how many UIDs on the servers have no row, or None before the first sweep."""
        known = [box.unaccounted for box in self.figures.mailboxes if box.unaccounted is not None]
        return sum(known) if known else None

    @property
    def last_good_poll_at(self) -> datetime | None:
        """Return when the mailbox that waits longest was last read without an error."""
        times = [box.last_good_poll_at for box in self.figures.mailboxes]
        known = [time for time in times if time is not None]
        return min(known) if known else None


def health(
    db: Database,
    *,
    store: Path,
    min_free_mb: int,
    silent_after: timedelta,
    now: datetime,
) -> Health:
    """Look at the store and say how the service is doing, with all counts."""
    found = problems(db, store=store, min_free_mb=min_free_mb, silent_after=silent_after, now=now)
    return Health(settings.mode(db), found, figures.figures(db))


def problems(
    db: Database,
    *,
    store: Path,
    min_free_mb: int,
    silent_after: timedelta,
    now: datetime,
) -> tuple[str, ...]:
    """Look at the store and say what is wrong: a small look, which a page may take often."""
    found = figures.troubles(db)
    return (
        *(sentence for box in found.mailboxes for sentence in _mailbox(box, silent_after, now)),
        *_classifying(db),
        *_replies(found, now),
        *_alerts(db, {box.name for box in found.mailboxes}),
        *_disk(store, min_free_mb),
        *filter(None, [unwritable(store)]),
    )


def in_a_line(mode: Mode, counts: Glance) -> str:
    """Return how things stand, for `systemctl status`."""
    looks = [box.last_good_poll_at for box in counts.mailboxes if box.last_good_poll_at]
    return ", ".join(
        (
            f"Mode {mode}",
            f"last good look {min(looks):%Y-%m-%d %H:%M} UTC" if looks else "no good look yet",
            f"letters stored: {counts.messages}",
            f"not looked at by staff: {counts.not_looked_at}",
            f"replies held: {counts.held}",
        )
    )


def _mailbox(box: MailboxFigures, silent_after: timedelta, now: datetime) -> list[str]:
    found = []
    if box.last_error is not None:
        found.append(box.last_error)
    last = box.last_good_poll_at or box.started_at
    if now - last > silent_after:
        found.append(
            counted(
                "no look into it has succeeded for {} minute. "
                "Is the daemon running? `systemctl status inboxbot`",
                "no look into it has succeeded for {} minutes. "
                "Is the daemon running? `systemctl status inboxbot`",
                _minutes(now - last),
            )
        )
    if box.unaccounted:
        found.append(
            counted(
                "{} letter on the server has no row yet; the next poll fetches what is missing.",
                "{} letters on the server have no row yet; the next poll fetches what is missing.",
                box.unaccounted,
            )
        )
    return [f"Mailbox {box.name}: {sentence}" for sentence in found]


def _classifying(db: Database) -> list[str]:
    if not decisions.unclassified(db, newest=NEWEST):
        return []
    return ["Letters are not being classified: run `inboxbot check`."]


def _replies(counts: Troubles, now: datetime) -> list[str]:
    found = []
    if uncertain := counts.uncertain:
        found.append(
            counted(
                "{} reply may or may not have been sent: `inboxbot outbox list`",
                "{} replies may or may not have been sent: `inboxbot outbox list`",
                uncertain,
            )
        )
    if failed := counts.failed:
        found.append(
            counted(
                "{} reply could not be sent: `inboxbot outbox list`",
                "{} replies could not be sent: `inboxbot outbox list`",
                failed,
            )
        )
    if counts.oldest_due_at and now - counts.oldest_due_at > SLOW_OUTBOX:
        found.append(
            counted(
                "A reply has been waiting to be sent for {} minute.",
                "A reply has been waiting to be sent for {} minutes.",
                _minutes(now - counts.oldest_due_at),
            )
        )
    if quarantined := counts.quarantined:
        found.append(
            counted(
                "{} letter could not be fetched: `inboxbot queue --view problems`",
                "{} letters could not be fetched: `inboxbot queue --view problems`",
                quarantined,
            )
        )
    return found


def _minutes(period: timedelta) -> int:
    return int(period.total_seconds() // 60)


def _alerts(db: Database, known: set[str]) -> list[str]:
    # What the counts above say already is not said twice; an urgent letter is no fault.
    said = {
        alerts.Code.URGENT,
        alerts.Code.UNCERTAIN,
        alerts.Code.QUARANTINED,
        alerts.Code.OVERSIZE,
    }
    of_a_mailbox = {alerts.Code.INTAKE_FAILED, alerts.Code.INTAKE_SILENT}
    found: dict[str, None] = {}
    for alert in alerts.unfinished(db):
        if alert.code in of_a_mailbox and alert.detail not in known:
            if scope.is_limited(db):
                continue  # It may be out of sight, and its name with it.
            # It was never opened, so nothing above tells of it.
            text = f"Mailbox {alert.detail}: {alert.sentence} `inboxbot doctor` says why."
            found[text] = None
        elif alert.code not in said | of_a_mailbox:
            found[alert.sentence] = None
    return list(found)


def _disk(store: Path, min_free_mb: int) -> list[str]:
    free = shutil.disk_usage(store.parent).free // 2**20
    if free >= min_free_mb:
        return []
    return [
        f"Only {free} MB are free on the disk of {store.parent}, below the {min_free_mb} MB of "
        "store.min_free_mb: nothing more is fetched until there is room."
    ]
