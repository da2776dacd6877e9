"""Looks into one mailbox, again and again, and tells staff when it cannot.

The connection is kept from one look to the next; after any error the next look makes a new one.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from inboxbot import intake, servers
from inboxbot.config import Config, Mailbox
from inboxbot.errors import AuthenticationError, InboxbotError, TokenError, TransientError
from inboxbot.intake import PollResult
from inboxbot.mail.imap import ImapMailbox
from inboxbot.push import BELIEVED_S, Push
from inboxbot.store import alerts, mailboxes, places, settings
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.places import State
from inboxbot.store.sqlite import Database
from inboxbot.tokens import EARLY

T = TypeVar("T")
BEAT_S = 60.0


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
        self._source = servers.source(box)
        self._limits = servers.limits(configuration, box)
        self._import_since = box.import_since
        # Also where only replies are sent with a token: that it ends is told in time.
        self._tokens = servers.access_tokens(configuration, box) if box.uses_tokens else None
        self._mailbox = ImapMailbox(servers.imap_settings(configuration, box, self._tokens))
        self._last: PollResult | None = None
        self._every_s = float(box.poll_every_s)
        self._token_lasts_s = 0.0
        self._push = Push(self._every_s)
        self._beat_at = 0.0
        self._certificate_until: datetime | None = None

    def poll(self, stop: Callable[[], bool] = lambda: False) -> PollResult:
        """Fetch what is new. Raises the errors of `intake.poll`."""
        return self._telling(lambda: self._poll(stop))

    def sweep(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Account for every letter on the server; return how many had no row."""
        return self._telling(lambda: self._sweep(stop))

    def listen(
        self, stop: Callable[[], bool] = lambda: False, at_most_s: float = BELIEVED_S
    ) -> bool:
        """Wait until the server tells of a letter, or it is time to look all the same.

        False where it tells nothing, or what it tells is of no use: then the schedule looks.
        """
        if not self._mailbox.can_wait() or self._push.cries_wolf():
            return False
        began = self._beat_at = time.monotonic()
        try:
            patience = min(self._patience_s(), at_most_s)
            self._push.waited(self._mailbox.wait(patience, stop, self._beat))
        except TransientError:
            # Dead connections are made anew by the next look; one that dies at once can wait.
            return time.monotonic() - began > self._every_s
        return True

    def close(self) -> None:
        """End the connection."""
        self._mailbox.close()

    def _patience_s(self) -> float:
        patience = self._push.patience_s()
        if self._tokens is None:
            return patience
        return max(min(patience, self._token_lasts_s), self._every_s)

    def _beat(self) -> None:
        """Record each minute that a silent server is there, and would have told of letters."""
        if self._push.is_believed and self._last and time.monotonic() - self._beat_at > BEAT_S:
            self._beat_at = time.monotonic()
            with suppress(InboxbotError), write(self._db):
                mailboxes.good_poll(self._db, self._last.mailbox, self._now())

    def _keep_token_fresh(self) -> None:
        """Renew the token before it ends; tell staff where that fails, while mail still comes."""
        if self._tokens is None:
            self._end_of_token_trouble()  # It may be of a time when a token was needed.
            return
        try:
            tokens = self._tokens.check()
        except (TokenError, TransientError):
            self._token_lasts_s = 0.0
            with write(self._db):
                alerts.open_alert(self._db, Code.TOKEN, self._now(), detail=self.name)
            return
        self._token_lasts_s = (tokens.access_until - self._now() - EARLY).total_seconds()
        self._end_of_token_trouble()

    def _end_of_token_trouble(self) -> None:
        if alerts.is_open(self._db, Code.TOKEN, detail=self.name):
            with write(self._db):
                alerts.end(self._db, Code.TOKEN, self._now(), detail=self.name)

    def _poll(self, stop: Callable[[], bool]) -> PollResult:
        self._keep_token_fresh()
        is_first = self._last is None
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
        self._push.looked(self._last.listed, self._last.waiting)
        self._note_certificate()
        for state, code in (
            (State.QUARANTINED, Code.QUARANTINED),
            (State.OVERSIZE, Code.OVERSIZE),
        ):
            if self._last.states.get(state):
                with write(self._db):
                    alerts.open_alert(self._db, code, self._now(), detail=self.name)
        self._all_fetched()
        if is_first:
            self._bring_in_history(self._last.mailbox, stop)
        return self._last

    def _note_certificate(self) -> None:
        """Keep when the server's certificate ends, where it is not known yet or is a new one."""
        until = self._mailbox.certificate_until()
        if until is None or until == self._certificate_until:
            return
        with write(self._db):
            settings.put_moment(self._db, f"{settings.CERTIFICATE_UNTIL}{self.name}", until)
        self._certificate_until = until

    def _all_fetched(self) -> None:
        """End the alert of letters that could not be fetched, once there are none left."""
        if not alerts.is_open(self._db, Code.QUARANTINED, detail=self.name):
            return
        if all(each.mailbox != self.name for each in places.unfetched(self._db)):
            with write(self._db):
                alerts.end(self._db, Code.QUARANTINED, self._now(), detail=self.name)

    def _bring_in_history(self, mailbox: int, stop: Callable[[], bool]) -> None:
        """Bring old letters in, where that is wanted and was not done to its end yet.

        What breaks off goes on after the next sweep: new letters do not wait for it.
        """
        done = f"{settings.IMPORTED_SINCE}{mailbox}"
        if not self._import_since or settings.get(self._db, done) == self._import_since:
            return
        from inboxbot import history

        history.import_since(
            self._db,
            self._mailbox,
            self._source,
            servers.day(self._import_since),
            now=self._now(),
            limits=self._limits,
            stop=stop,
        )
        if not stop():
            with write(self._db):
                settings.put(self._db, done, self._import_since)

    def _sweep(self, stop: Callable[[], bool]) -> int:
        missing = intake.sweep(
            self._db,
            self._mailbox,
            self._source,
            now=self._now(),
            limits=self._limits,
            restored_at=settings.get_moment(self._db, "restored_at"),
        )
        from inboxbot import consequences  # It knows all that follows from a decision, too.

        with write(self._db):
            consequences.swept(self._db, self.name, missing, self._now())
        self._push.swept(missing)
        self._all_fetched()
        if self._last is not None:
            self._bring_in_history(self._last.mailbox, stop)
        return missing

    def _telling(self, work: Callable[[], T]) -> T:
        """Do `work`; while it fails an alert is open."""
        try:
            result = work()
        except TokenError:
            raise  # An alert of its own is open.
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
