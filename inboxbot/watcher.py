"""Looks into one mailbox, again and again, and tells staff when it cannot.

The connection is kept from one look to the next; after any error the next look makes a new one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlite_utils import Database

from inboxbot import assembly, history, intake
from inboxbot.config import Config, Mailbox
from inboxbot.errors import AuthenticationError, InboxbotError
from inboxbot.intake import PollResult
from inboxbot.mail.imap import ImapMailbox
from inboxbot.store import alerts, settings
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.places import State

T = TypeVar("T")


class Watcher:
    """One mailbox of the configuration. Not to be shared between threads."""

    def __init__(
        self, configuration: Config, box: Mailbox, db: Database, now: Callable[[], datetime]
    ) -> None:
        self.name = box.name
        self.idle = box.imap.idle
        self._db = db
        self._now = now
        self._mark = box.mark
        self._source = assembly.source(box)
        self._limits = assembly.limits(configuration, box)
        self._import_since = box.import_since
        self._mailbox = ImapMailbox(assembly.imap_settings(box))
        self._last: PollResult | None = None

    def poll(self, stop: Callable[[], bool] = lambda: False) -> PollResult:
        """Fetch what is new. Raises the errors of `intake.poll`."""
        return self._telling(lambda: self._poll(stop))

    def sweep(self) -> int:
        """Account for every letter on the server; return how many had no row."""
        return self._telling(self._sweep)

    def wait(self, seconds: float) -> bool:
        """Wait until the server says that something came; False where it said nothing."""
        return self._mailbox.wait(seconds)

    def close(self) -> None:
        """End the connection."""
        self._mailbox.close()

    def _poll(self, stop: Callable[[], bool]) -> PollResult:
        # A look that left something undone must not take its shortcut the next time.
        settled = self._last is not None and not self._last.waiting
        self._last = intake.poll(
            self._db,
            self._mailbox,
            self._source,
            now=self._now(),
            limits=self._limits,
            restored_at=settings.get_moment(self._db, "restored_at"),
            previous=self._last.status if self._last and settled else None,
            mark=self._mark,
            stop=stop,
        )
        for state, code in (
            (State.QUARANTINED, Code.QUARANTINED),
            (State.OVERSIZE, Code.OVERSIZE),
        ):
            if self._last.states.get(state):
                with write(self._db):
                    alerts.open_alert(self._db, code, self._now(), detail=self.name)
        if self._last.first and self._import_since:
            self._bring_in_history(stop)
        return self._last

    def _bring_in_history(self, stop: Callable[[], bool]) -> None:
        history.import_since(
            self._db,
            self._mailbox,
            self._source,
            assembly.day(self._import_since),
            now=self._now(),
            limits=self._limits,
            stop=stop,
        )

    def _sweep(self) -> int:
        missing = intake.sweep(
            self._db,
            self._mailbox,
            self._source,
            now=self._now(),
            limits=self._limits,
            restored_at=settings.get_moment(self._db, "restored_at"),
        )
        if missing:
            with write(self._db):
                alerts.open_alert(self._db, Code.MISSING, self._now(), detail=str(missing))
        return missing

    def _telling(self, work: Callable[[], T]) -> T:
        """Do `work`; while it fails an alert is open."""
        try:
            result = work()
        except InboxbotError as error:
            refused = isinstance(error, AuthenticationError)
            code = Code.AUTHENTICATION if refused else Code.INTAKE_FAILED
            with write(self._db):
                alerts.open_alert(self._db, code, self._now(), detail=self.name)
            raise
        if alerts.is_open(self._db, Code.AUTHENTICATION, Code.INTAKE_FAILED, detail=self.name):
            with write(self._db):
                for code in (Code.AUTHENTICATION, Code.INTAKE_FAILED):
                    alerts.end(self._db, code, self._now(), detail=self.name)
        return result
