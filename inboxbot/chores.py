"""The daemon's upkeep beside the letters: watch, announce, erase by age, serve figures.

Each chore is a function that the schedule calls; none of them touches a mailbox. What only one of
them needs is loaded when that one is made.
"""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from inboxbot import events, notify, opening, servers
from inboxbot.config import Config
from inboxbot.store import settings as store_settings
from inboxbot.store.sqlite import Database

if TYPE_CHECKING:
    from inboxbot.mail.message import Reply
    from inboxbot.mail.smtp import Outcome

WATCH_EVERY_S = 60.0
ERASE_EVERY_S = 24 * 3600.0
LEARN_EVERY_S = 600.0
# Trouble that ends by itself within this time is not told by mail.
MAY_PASS_WITHIN = timedelta(minutes=15)


class Chores:
    """The chores of one daemon; `open_store` gives each of them its own connection."""

    def __init__(
        self,
        configuration: Config,
        open_store: Callable[[], Database],
        now: Callable[[], datetime],
    ) -> None:
        self._configuration = configuration
        self._open_store = open_store
        self._now = now

    def watch(self) -> Callable[[], None]:
        """Return the job that opens alerts of silence, and tells staff of what is open."""
        from inboxbot import announce, assembly, trial, upkeep
        from inboxbot.health import in_a_line

        db, configuration = self._open_store(), self._configuration
        recipients = assembly.recipients(configuration)

        def look() -> None:
            now = self._now()
            trial.hand_in(db, self._send, now)
            patience = assembly.patience(configuration)
            counts = upkeep.watch(db, configuration.store_path, patience, now)
            notify.status(in_a_line(store_settings.mode(db), counts))
            announce.announce(db, self._send, recipients, may_pass_within=MAY_PASS_WITHIN, now=now)
            if configuration.alerts.daily_summary:
                announce.summarise(
                    db,
                    self._send,
                    recipients,
                    hour=configuration.alerts.summary_hour,
                    time_zone=configuration.organisation.time_zone,
                    now=now,
                )

        return look

    def erase(self) -> Callable[[], None]:
        """Return the job that erases what is old enough, unless the clock has leapt."""
        from inboxbot import assembly, upkeep

        db, configuration = self._open_store(), self._configuration

        def by_age() -> None:
            upkeep.erase_daily(db, assembly.retention_rules(configuration), self._now())

        return by_age

    def learn(self, stop: Callable[[], bool]) -> Callable[[], None]:
        """Return the job that forgets models of erased letters, and trains where it is due."""
        from inboxbot import nightly

        db, configuration = self._open_store(), self._configuration

        def train() -> None:
            nightly.look(configuration, db, self._now(), stop)

        return train

    def serve_figures(self, stack: ExitStack) -> Callable[[str, float, bool], None]:
        """Serve metrics and readiness where a port is set; return what counts a look.

        The counter takes the mailbox, how long the look took in seconds, and whether it was
        well. Raises `StoreError` where the port is taken.
        """
        configuration = self._configuration
        if not configuration.metrics.port:
            return _count_nothing
        # Loaded only where somebody asks for figures.
        from prometheus_client import CollectorRegistry

        from inboxbot import assembly, metrics, pulse
        from inboxbot.store import figures

        registry = CollectorRegistry()
        figures_of_store = partial(opening.store, configuration, create=False)
        registry.register(
            metrics.StoreFigures(figures_of_store, configuration.store_path, self._now)
        )
        counted = metrics.Counted(registry)
        events.log.addHandler(counted)
        stack.callback(events.log.removeHandler, counted)
        patience = assembly.patience(configuration)

        def not_ready() -> list[str]:
            with figures_of_store() as db:
                counts = figures.troubles(db)
            return pulse.not_ready(
                counts,
                silent_after=patience.intake,
                free_mb=shutil.disk_usage(configuration.store_path.parent).free // 2**20,
                min_free_mb=patience.min_free_mb,
                now=self._now(),
            )

        stack.enter_context(pulse.served(configuration.metrics.port, registry, not_ready))
        return lambda mailbox, seconds, well: counted.polled(mailbox, seconds, well=well)

    def _send(self, reply: "Reply") -> "Outcome":
        """Hand in a mail to staff; it is not a reply, and may arrive twice after a stop."""
        from inboxbot.mail.smtp import SmtpTransport

        configuration = self._configuration
        settings = servers.smtp_settings(configuration, configuration.mailbox[0])
        with SmtpTransport(settings) as transport:
            return transport.send(reply, lambda: None)


def _count_nothing(mailbox: str, seconds: float, well: bool) -> None:
    """Count nothing: nobody asks for figures."""
