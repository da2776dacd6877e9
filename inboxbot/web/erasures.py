"""Searches for a person, and erasures, that go on while the browser shows how far they are.

Every stored letter is read once for it, which may take minutes: longer than a request should.
They live in this process; one that is ended with it has erased all or nothing.
"""

import secrets
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from inboxbot import erasing, events
from inboxbot.erasing import Found
from inboxbot.errors import InboxbotError
from inboxbot.store import erasure
from inboxbot.store.sqlite import Database

OpenStore = Callable[[], Database]
KEPT = timedelta(hours=1)
# Most stores are small: the page can show the result at once.
WAIT_S = 2.0


class Stage(StrEnum):
    """How far it is."""

    LOOKING = "looking"
    FOUND = "found"
    ERASING = "erasing"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Erasure:
    """One person being looked for, then perhaps erased; only who began it may see it."""

    staff: str
    address: str
    began_at: datetime
    stage: Stage = Stage.LOOKING
    letters: int = 0
    looked_at: int = 0
    found: Found | None = None
    pseudonym: str = ""
    problem: str = ""


@dataclass(slots=True)
class Erasures:
    """All that are going on, by their token."""

    all: dict[str, Erasure] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, token: str, staff: str) -> Erasure | None:
        """Return one of somebody's own, or None."""
        with self._lock:
            found = self.all.get(token)
        return found if found is not None and found.staff == staff else None

    def look(self, open_store: OpenStore, address: str, *, staff: str, now: datetime) -> str:
        """Begin to look for a person; return the token."""
        token, begun = secrets.token_urlsafe(16), Erasure(staff, address, now)
        with self._lock:
            for old in [key for key, each in self.all.items() if now - each.began_at > KEPT]:
                del self.all[old]
            self.all[token] = begun

        def work(db: Database) -> None:
            begun.found = _look(db, begun)
            begun.stage = Stage.FOUND

        _run(open_store, begun, work)
        return token

    def erase(self, open_store: OpenStore, begun: Erasure, now: datetime) -> None:
        """Erase whom `begun` has found; looks again first, for letters that came since."""
        with self._lock:
            if begun.stage is not Stage.FOUND:
                return  # A second click.
            begun.stage, begun.looked_at = Stage.ERASING, 0

        def work(db: Database) -> None:
            begun.found = _look(db, begun)
            begun.pseudonym = erasing.erase(db, begun.found, who=begun.staff, now=now)
            begun.address, begun.stage = "", Stage.DONE

        _run(open_store, begun, work)


def _look(db: Database, begun: Erasure) -> Found:
    begun.letters = len(erasure.letters_with_bytes(db))

    def count(more: int) -> None:
        begun.looked_at += more

    return erasing.look(db, begun.address, progress=count)


def _run(open_store: OpenStore, begun: Erasure, work: Callable[[Database], None]) -> None:
    def job() -> None:
        try:
            with closing(open_store()) as db:
                work(db)
        except InboxbotError as error:
            begun.problem, begun.stage = str(error), Stage.FAILED
        except Exception as error:  # noqa: BLE001  (around one job)
            events.job_failed("erasure", error)
            begun.problem = "That did not work. Nothing was erased, or all of it: look again."
            begun.stage = Stage.FAILED

    thread = threading.Thread(target=job, name="erasure")
    thread.start()
    thread.join(WAIT_S)
