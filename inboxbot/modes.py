"""Set and show the mode: shadow, live or paused.

`live` releases nothing by itself: what was held in shadow mode stays held until somebody looks.
"""

import getpass
import os
from datetime import datetime

from inboxbot import events
from inboxbot.frozen import dataclass
from inboxbot.store import audit, figures, settings
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class ModeState:
    """The mode, and how many acknowledgements are held, by reason."""

    mode: Mode
    held: dict[str, int]


def state(db: Database) -> ModeState:
    """Return the mode and what is held."""
    return ModeState(settings.mode(db), figures.figures(db).held)


def set_mode(db: Database, mode: Mode, *, who: str, now: datetime) -> None:
    """Set the mode and write it into the audit."""
    with write(db):
        before = settings.mode(db)
        settings.put(db, "mode", mode)
        if mode is Mode.PAUSED and before is not Mode.PAUSED:
            settings.put(db, settings.PAUSED_FROM, before)
        audit.add(db, who, "mode", now, detail=f"{before} -> {mode}")
    events.mode_changed(mode, sum(figures.figures(db).held.values()))


def resume(db: Database, *, who: str, now: datetime) -> None:
    """End a pause: the mode is what it was before; nothing is done where there is no pause."""
    if settings.mode(db) is Mode.PAUSED:
        set_mode(db, settings.before_pause(db), who=who, now=now)


def operator() -> str:
    """Return who sits at the terminal, for the audit."""
    try:
        return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@terminal"
    except (KeyError, OSError):
        return "terminal"
