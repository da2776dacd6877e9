"""Is the service well? One answer for `status`, `doctor`, the review app and the watchdog.

A problem is a plain sentence that says what is wrong and, where there is something to do, what.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from inboxbot.store import alerts, decisions, figures, settings
from inboxbot.store.figures import Figures, MailboxFigures
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
    """Look at the store and say how the service is doing."""
    counted = figures.figures(db)
    problems = [
        *(sentence for box in counted.mailboxes for sentence in _mailbox(box, silent_after, now)),
        *_classifying(db),
        *_replies(counted, now),
        *_alerts(db, {box.name for box in counted.mailboxes}),
        *_disk(store, min_free_mb),
    ]
    return Health(settings.mode(db), tuple(problems), counted)


def _mailbox(box: MailboxFigures, silent_after: timedelta, now: datetime) -> list[str]:
    found = []
    if box.last_error is not None:
        found.append(f"Mailbox {box.name}: {box.last_error}")
    last = box.last_good_poll_at or box.started_at
    if now - last > silent_after:
        minutes = int((now - last).total_seconds() // 60)
        found.append(
            f"Mailbox {box.name}: no look into it has succeeded for {minutes} minutes. "
            "Is the daemon running? `systemctl status inboxbot`"
        )
    if box.unaccounted:
        found.append(
            f"Mailbox {box.name}: {_letters(box.unaccounted)} on the server without a row yet; "
            "the next poll fetches what is missing."
        )
    return found


def _classifying(db: Database) -> list[str]:
    if not decisions.unclassified(db, newest=NEWEST):
        return []
    return ["Letters are not being classified: run `inboxbot check`."]


def _replies(counted: Figures, now: datetime) -> list[str]:
    found = []
    uncertain, failed = counted.outbox.get("uncertain", 0), counted.outbox.get("failed", 0)
    if uncertain:
        found.append(
            f"{_counted(uncertain, 'reply', 'replies')} may or may not have been sent: "
            "`inboxbot outbox list`"
        )
    if failed:
        found.append(
            f"{_counted(failed, 'reply', 'replies')} could not be sent: `inboxbot outbox list`"
        )
    if counted.oldest_due_at and now - counted.oldest_due_at > SLOW_OUTBOX:
        minutes = int((now - counted.oldest_due_at).total_seconds() // 60)
        found.append(f"A reply has been waiting to be sent for {minutes} minutes.")
    quarantined = counted.places.get("quarantined", 0)
    if quarantined:
        found.append(
            f"{_letters(quarantined)} could not be fetched: `inboxbot queue --view problems`"
        )
    return found


def _letters(count: int) -> str:
    return _counted(count, "letter", "letters")


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


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
