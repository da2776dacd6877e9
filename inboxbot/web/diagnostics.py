"""All that helps somebody else to help, as one text to copy: nothing personal, no secret.

What people wrote into the settings as free text, names and addresses and servers, is only said to
be set; where such a text turns up elsewhere, in the sentence of a problem, it is taken out. The
short names of the mailboxes stay, to tell them apart.
"""

import platform
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from inboxbot.frozen import dataclass
from inboxbot.health import Health
from inboxbot.lately import applied, lately
from inboxbot.store import alerts, backup, settings
from inboxbot.store.figures import MailboxFigures
from inboxbot.store.sqlite import Database, library
from inboxbot.web.in_force import Section, Setting

LAST = 20
# Shorter ones are parts of other words.
SHORTEST_TO_HIDE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the text is made of."""

    health: Health
    sections: tuple[Section, ...]
    store: Path
    now: datetime


def text(db: Database, known: Known) -> str:
    """Return the text; the database is only read."""
    parts = (
        _program(db, known),
        _state(known.health),
        ("Mailboxes:", *(_mailbox(box) for box in known.health.figures.mailboxes)),
        _machine(db, known.store),
        ("Alarms that are not over:", *_alarms(db)),
        ("What happened lately:", *_happened(db)),
        ("Settings in force:", *_settings(known.sections)),
    )
    whole = "\n\n".join("\n".join(_block(part)) for part in parts)
    return _without(whole, known) + "\n"


def _block(lines: Sequence[str]) -> Iterator[str]:
    yield from lines
    if len(lines) == 1:
        yield "  none"


def _program(db: Database, known: Known) -> tuple[str, ...]:
    steps = applied(db)
    return (
        f"inboxbot {version('inboxbot')}, Python {platform.python_version()}, "
        f"SQLite {library()}, {platform.system()} {platform.machine()}",
        f"Written {known.now:%Y-%m-%d %H:%M} UTC",
        f"Schema {steps[-1][0]}, {len(steps)} steps, since {steps[-1][1]:%Y-%m-%d %H:%M} UTC",
    )


def _state(health: Health) -> tuple[str, ...]:
    counted = health.figures
    return (
        f"Mode {health.mode}, {'well' if health.healthy else 'not well'}",
        *(f"  ! {sentence}" for sentence in health.problems),
        f"Letters: {counted.messages} stored, {counted.undecided} undecided",
        f"Places: {_counts(counted.places)}",
        f"Outbox: {_counts(counted.outbox)}",
        f"Held: {_counts(counted.held)}",
        f"Queue: {_counts(counted.queue)}",
    )


def _mailbox(box: MailboxFigures) -> str:
    unaccounted = "not swept yet" if box.unaccounted is None else f"{box.unaccounted} unaccounted"
    error = f"; error since {_time(box.last_error_at)}: {box.last_error}" if box.last_error else ""
    return (
        f"  {box.name}: first look {_time(box.started_at)}, last good one "
        f"{_time(box.last_good_poll_at)}, sweep {_time(box.last_sweep_at)}, {unaccounted}{error}"
    )


def _machine(db: Database, store: Path) -> tuple[str, ...]:
    wal = store.with_name(f"{store.name}-wal")
    wal_mb = wal.stat().st_size // 2**20 if wal.exists() else 0
    return (
        f"Database: {store.stat().st_size // 2**20} MB, write-ahead log {wal_mb} MB, "
        f"free on its disk {shutil.disk_usage(store.parent).free // 2**20} MB",
        f"Last verified backup: {_time(settings.get_moment(db, backup.VERIFIED_AT))}",
    )


def _alarms(db: Database) -> Iterator[str]:
    for alert in alerts.unfinished(db):
        detail = f" ({alert.detail})" if alert.detail else ""
        yield f"  {_time(alert.at)} {alert.code}{detail}"


def _happened(db: Database) -> Iterator[str]:
    for each in lately(db, LAST):
        yield f"  {_time(each.at)} {each.text}"


def _settings(sections: tuple[Section, ...]) -> Iterator[str]:
    for section in sections:
        yield f"  [{section.name}]{' # ' + section.of if section.of else ''}"
        for each in section.settings:
            plain = _is_plain(section, each)
            shown = each.value if plain else "…"
            default = f"  # default {each.default}" if each.changed and plain else ""
            yield f"  {each.key} = {shown}{default}"


def _is_plain(section: Section, setting: Setting) -> bool:
    return setting.is_plain or (section.name, setting.key) == ("mailbox", "name")


def _without(whole: str, known: Known) -> str:
    """Take every free text of the settings, and where the database lies, out of the text."""
    private = {
        word
        for section in known.sections
        for each in section.settings
        if not _is_plain(section, each)
        for word in each.words
        if len(word) >= SHORTEST_TO_HIDE
    }
    for word in sorted(private | {str(known.store.parent)}, key=len, reverse=True):
        whole = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "…", whole)
    return whole


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state or 'other'}" for state, count in counts.items()) or "none"


def _time(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "never"
