"""The process: scheduled jobs, signals, and one instance at a time.

Each mailbox is polled by a job of its own, so that one that hangs never disturbs another. What
is new wakes the triage, and what the triage decides wakes the sender; correctness rests on
neither, since both also run by themselves.

APScheduler keeps to the wall clock: after a step back it would sleep for as long as the step.
So the main thread counts by the monotonic clock and wakes a job that is overdue.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlite_utils import Database

from inboxbot import assembly, events, passes, publishing
from inboxbot.config import Config, Mailbox
from inboxbot.errors import InboxbotError, PermanentError, TokenError
from inboxbot.lock import locked
from inboxbot.pause import Pauses
from inboxbot.postman import Postman
from inboxbot.store import settings
from inboxbot.watcher import Watcher

TRIAGE_EVERY_S = 20.0
SEND_EVERY_S = 20.0
RESOLVE_EVERY_S = 600.0
TEMPLATES_EVERY_S = 60.0
SWEEP_EVERY_S = 6 * 3600.0
STOP_WITHIN_S = 8.0
# A job that did not begin for so many of its intervals is woken by the main thread.
OVERDUE = 3
TICK_S = 1.0


@dataclass(slots=True)
class Job:
    """A job of the schedule; `began_at` and `wanted` are kept by the monotonic clock."""

    name: str
    every_s: float
    work: Callable[[], None]
    began_at: float


def run(configuration: Config) -> None:
    """Run until SIGTERM or SIGINT.

    Raises `Locked` where another instance has the store, and `StoreError` where the store
    cannot be used.
    """
    events.configure()
    stop = threading.Event()

    def ask_to_stop(number: int, _frame: object) -> None:
        events.stopping(signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    with ExitStack() as stack:
        stack.enter_context(locked(configuration.store_path.parent))
        daemon = Daemon(configuration, stop, stack)
        daemon.start()
        daemon.wait()
        finished = daemon.end()
    events.stopped()
    if not finished:
        # What still hangs is a read of a server that says nothing; every step of ours that
        # matters was committed before it.
        os._exit(0)


class Daemon:
    """The jobs and their schedule. `stack` closes what is opened here."""

    def __init__(self, configuration: Config, stop: threading.Event, stack: ExitStack) -> None:
        self._configuration = configuration
        self._stop = stop
        self._stack = stack
        self._pauses = Pauses(time.monotonic)
        self._swept_at: dict[str, float] = {}
        self._jobs: dict[str, Job] = {}
        self._sending = threading.Lock()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(4 + len(configuration.mailbox))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Open everything, take back what an earlier process left, and begin."""
        db = self._open()
        reader = self._stack.enter_context(assembly.reader(self._configuration))
        triage = passes.triage(self._configuration, self._open(), reader)
        postman = Postman(self._configuration, self._open(), _now)
        postman.sender.start()
        for box in self._configuration.mailbox:
            watcher = Watcher(self._configuration, box, self._open(), _now)
            self._stack.callback(watcher.close)
            self._add(f"poll {box.name}", box.poll_every_s, self._polling(box, watcher))

        def decide() -> None:
            if triage.run(stop=self._stop.is_set):
                self._wake("send")

        def send() -> None:
            with self._sending:
                postman.sender.send_due(stop=self._stop.is_set)

        def resolve() -> None:
            with self._sending:
                if postman.resolver.resolve():
                    self._wake("send")

        self._add("triage", TRIAGE_EVERY_S, decide)
        self._add("send", SEND_EVERY_S, send)
        self._add("resolve", RESOLVE_EVERY_S, resolve)
        self._add("templates", TEMPLATES_EVERY_S, self._templates())
        self._scheduler.start()
        for name in self._jobs:
            self._wake(name)
        events.started(version("inboxbot"), settings.mode(db))

    def wait(self) -> None:
        """Return when the process is asked to stop; until then wake what is overdue."""
        while not self._stop.wait(TICK_S):
            moment = time.monotonic()
            for job in self._jobs.values():
                if moment - job.began_at > OVERDUE * job.every_s:
                    job.began_at = moment
                    self._wake(job.name)

    def end(self) -> bool:
        """Let what runs come to its end; say whether all of it did in time."""
        self._scheduler.remove_all_jobs()
        ending = threading.Thread(target=self._scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(STOP_WITHIN_S)
        return not ending.is_alive()

    def _templates(self) -> Callable[[], None]:
        """Return the job that records edits by hand, and raises and ends their alarms."""
        db, library = self._open(), assembly.library(self._configuration)

        def look() -> None:
            publishing.sync(db, library, _now())

        return look

    def _open(self) -> Database:
        return self._stack.enter_context(assembly.store(self._configuration))

    def _add(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        job = Job(name, every_s, work, time.monotonic())
        self._jobs[name] = job
        self._scheduler.add_job(self._run, "interval", [job], seconds=every_s, id=name)

    def _wake(self, name: str) -> None:
        if not self._stop.is_set():
            self._scheduler.modify_job(name, next_run_time=_now())

    def _run(self, job: Job) -> None:
        """Run one job; whatever it meets, the next ones go on."""
        job.began_at = time.monotonic()
        try:
            job.work()
        except InboxbotError as error:
            events.job_failed(job.name, error)
        except Exception as error:  # noqa: BLE001  (around one job)
            events.job_failed(job.name, error)

    def _polling(self, box: Mailbox, watcher: Watcher) -> Callable[[], None]:
        def look() -> None:
            """Look, and as long as the server tells of letters by itself, listen and look again."""
            while self._pauses.over(box.name) and not self._stop.is_set():
                self._look(box, watcher)
                self._pauses.end(box.name)
                if not box.imap.idle or not watcher.listen(self._stop.is_set):
                    return

        def poll() -> None:
            try:
                look()
            except TokenError as error:
                # No server was asked: as soon as somebody has signed in, it goes on.
                events.mailbox_failed(box.name, error, box.poll_every_s)
            except InboxbotError as error:
                hard = isinstance(error, PermanentError)
                wait = self._pauses.add(box.name, hard=hard)
                events.mailbox_failed(box.name, error, wait)

        return poll

    def _look(self, box: Mailbox, watcher: Watcher) -> None:
        result = watcher.poll(self._stop.is_set)
        if result.states:
            self._wake("triage")
        swept_at = self._swept_at.get(box.name)
        if swept_at is None or time.monotonic() - swept_at > SWEEP_EVERY_S:
            self._swept_at[box.name] = time.monotonic()
            if watcher.sweep():
                self._wake("triage")


def _now() -> datetime:
    return datetime.now(UTC)
