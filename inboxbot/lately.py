"""What happened to the service lately, as the store remembers it: alarms, changes, upgrades.

Of the service alone: sentences from closed lists, with codes and numbers; never of a letter that
somebody wrote, and never who on the team did it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, zip_longest

from inboxbot.frozen import dataclass
from inboxbot.store import alerts, audit, backup, migrations, scope, settings
from inboxbot.store.alerts import SENTENCES, Code
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import moment
from inboxbot.store.sqlite import Database

# What the audit calls it, as a sentence. What people do with letters is not among them.
CHANGES = {
    "mode": "The mode was changed.",
    "published template": "A reply template was published.",
    "edited template": "A reply template was edited in its folder.",
    "templates approved": "The reply templates were approved.",
    "test mail": "A test mail was asked for.",
    "erased by age": "Parts of old letters were erased by their age.",
    "restored backup": "A backup was restored.",
    "converted store": "The database was encrypted, decrypted, or given another key.",
    "trained model": "A model was trained.",
    "promoted model": "A model was put in force.",
    "rolled back model": "The model before was put in force again.",
    "removed models": "Models were removed.",
}
UPGRADED = "The database was brought up to the schema of a program."
# So long after the step before, a step of the schema is of another upgrade.
APART = timedelta(minutes=10)
BACKED_UP = "A backup was made and verified."
FRAMES = {"": "{}", "began": "It began: {}", "ended": "It is over: {}"}


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: when, a sentence, and codes or numbers beside it.

    `phase` is "", or says of an alarm whether it began or ended.
    """

    at: datetime
    sentence: str
    detail: str = ""
    phase: str = ""

    @property
    def text(self) -> str:
        """Return all of it but the time, in one line."""
        said = FRAMES[self.phase].format(self.sentence)
        return f"{said} ({self.detail})" if self.detail else said


def lately(db: Database, limit: int) -> list[Happened]:
    """Return the last things that happened, the newest first."""
    found = [
        *_alarms(db, limit),
        *_changes(db, limit),
        *_upgrades(db),
        *_backup(db),
    ]
    return list(islice(sorted(found, key=lambda each: each.at, reverse=True), limit))


def _alarms(db: Database, limit: int) -> Iterator[Happened]:
    # An urgent letter is no matter of the service.
    for alert, ended_at in alerts.newest(db, limit, but=Code.URGENT):
        letter = f"letter {alert.message_id}" if alert.message_id else ""
        # It may name a mailbox that somebody may not know of.
        named = "" if scope.is_limited(db) else alert.detail
        detail = ", ".join(filter(None, (named, letter)))
        yield Happened(alert.at, SENTENCES[alert.code], detail, "began")
        if ended_at is not None:
            yield Happened(ended_at, SENTENCES[alert.code], detail, "ended")


def _changes(db: Database, limit: int) -> Iterator[Happened]:
    for what, sentence in CHANGES.items():
        for entry in audit.entries(db, Narrowed(what=what), limit=limit):
            yield Happened(moment(entry.at), sentence, entry.detail)


def _upgrades(db: Database) -> Iterator[Happened]:
    """Yield the last step of each upgrade: its steps follow each other closely."""
    steps = applied(db)
    for (step, at), following in zip_longest(steps, steps[1:]):
        if following is None or following[1] - at > APART:
            yield Happened(at, UPGRADED, step)


def applied(db: Database) -> list[tuple[str, datetime]]:
    """Return the steps of the schema and when each was made, the oldest first."""
    return [
        (step, datetime.fromisoformat(at).astimezone(UTC))
        for step, at in migrations.applied(db).items()
    ]


def _backup(db: Database) -> Iterator[Happened]:
    verified_at = settings.get_moment(db, backup.VERIFIED_AT)
    if verified_at is not None:
        yield Happened(verified_at, BACKED_UP)
