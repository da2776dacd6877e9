"""Set and show the mode: shadow, live or paused.

`live` releases nothing by itself: what was held in shadow mode stays held until somebody looks.
"""

import getpass
from dataclasses import dataclass
from datetime import datetime

from inboxbot import events
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
        audit.add(db, who, "mode", now, detail=f"{before} -> {mode}")
    events.mode_changed(mode, sum(figures.figures(db).held.values()))


def operator() -> str:
    """Return who sits at the terminal, for the audit."""
    try:
        return f"{getpass.getuser()}@terminal"
    except (KeyError, OSError):
        return "terminal"
