"""The process: scheduled jobs, signals, and one instance at a time.

Each mailbox is polled by a job of its own, and its replies are sent by one, so that a server that
hangs never disturbs another mailbox. What is new wakes the triage, and what the triage decides
wakes the senders, batch after batch; correctness rests on neither, since they also run by
themselves.

APScheduler keeps to the wall clock: after a step back it would sleep for as long as the step.
So the main thread counts by the monotonic clock and wakes a job that is overdue.
"""

import gc
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import cache
from importlib.metadata import version

from inboxbot import config, events, notify, opening
from inboxbot.chores import ERASE_EVERY_S, LEARN_EVERY_S, WATCH_EVERY_S, Chores
from inboxbot.clock import utc_now
from inboxbot.config import Config, Mailbox
from inboxbot.errors import ConfigError, InboxbotError, PermanentError, TokenError
from inboxbot.lock import locked
from inboxbot.pause import Pauses, Sweeps
from inboxbot.postman import Postman
from inboxbot.schedule import BackgroundScheduler, IntervalTrigger, ThreadPoolExecutor
from inboxbot.signals import Requests
from inboxbot.store import alerts, sending, settings
from inboxbot.store.database import keep_few_pages, must_be_whole, write
from inboxbot.store.sqlite import Database
from inboxbot.watcher import Watcher

TRIAGE_EVERY_S = 20.0
SEND_EVERY_S = 20.0
RESOLVE_EVERY_S = 600.0
# After the last of the letters that a restore has let come in again.
RESOLVE_RESTORED_IN_S = 20.0
TEMPLATES_EVERY_S = 60.0
STOP_WITHIN_S = 8.0
# A job that did not begin for so many of its intervals is woken by the main thread.
OVERDUE = 3
# At the start the looks at the mailboxes go first; what only another job needs is loaded after.
FIRST_LOOK_S = 0.2
TICK_S = 1.0
# A look that shows no sign of going on for so long hangs; systemd may start us anew.
HANGS_AFTER_S = 900.0
TRY_LATER = 75


@dataclass(slots=True)
class Job:
    """A job of the schedule; `began_at` is by the monotonic clock.

    Being woken while it runs is not forgotten: `wanted` makes it run once more.
    """

    name: str
    every_s: float
    work: Callable[[], None]
    began_at: float
    wanted: threading.Event = field(default_factory=threading.Event)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def take_turns(self, work: Callable[[], None]) -> None:
        """Do `work` until it is not wanted; return at once where another thread is at it."""
        while self.wanted.is_set() and self.turn.acquire(blocking=False):
            try:
                self.wanted.clear()
                self.began_at = time.monotonic()
                work()
            finally:
                self.turn.release()


def made_late(make: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    """Return a job that is made when it is first run: what it needs is loaded and opened then.

    That stays for good, as what was loaded before: no garbage is looked for in it.
    """

    @cache
    def made() -> Callable[[], None]:
        work = make()
        gc.freeze()
        return work

    return lambda: made()()


def run(configuration: Config) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration anew.

    A changed configuration that cannot be used, or that no daemon can start with, leaves the
    previous one in force. Raises `Locked` where another instance has the store, and `StoreError`
    where the store cannot be used.
    """
    events.configure()
    requests = Requests()
    former: Config | None = None  # What was in force before a reload.
    refused: Exception | None = None
    changed: Config | None
    with locked(configuration.store_path.parent):
        while True:
            with ExitStack() as stack:
                daemon = Daemon(configuration, requests.halt, stack, refused=refused is not None)
                try:
                    daemon.start()
                except Exception as error:
                    if former is None:
                        raise
                    refused, changed = error, former
                else:
                    _say_of_reload(former, refused)
                    refused, changed = None, _work(daemon, requests)
            if changed is None or requests.wait(0):
                break
            former = configuration if refused is None else None
            configuration = changed
            requests.halt.clear()
    events.stopped()


def _say_of_reload(former: Config | None, refused: Exception | None) -> None:
    """Log what became of a reload, now that a daemon runs after it."""
    if refused is not None:
        events.reload_refused(1, refused)
    elif former is not None:
        events.reloaded()


def _work(daemon: "Daemon", requests: Requests) -> Config | None:
    """Let a started daemon work; return what its `wait` returns.

    When it returns or raises, no thread of the daemon runs: what they use may be closed.
    """
    changed, code = None, TRY_LATER
    try:
        changed = daemon.wait(requests)
        notify.stopping() if changed is None else notify.reloading()
        code = 0 if changed is None else TRY_LATER
    except Exception as error:
        events.job_failed("main", error)
        raise
    finally:
        if not daemon.end():
            # What still hangs is a read of a server that says nothing; every step of
            # ours that matters was committed before it.
            events.stopped()
            os._exit(code)
    return changed


def reloaded(configuration: Config) -> Config | None:
    """Return the configuration as its file has it now, or None where it cannot be used."""
    try:
        found = config.load(configuration.source)
    except ConfigError as error:
        events.reload_refused(len(error.problems))
        return None
    if (found.store_path, found.store.key_credential) != (
        configuration.store_path,
        configuration.store.key_credential,
    ):
        events.reload_refused(1)  # Another store is another lock: that takes a restart.
        return None
    return found


class Daemon:
    """The jobs and their schedule. `stack` closes what is opened here.

    `refused` says that a changed configuration could not be used, and this is the one before it.
    """

    def __init__(
        self, configuration: Config, halt: threading.Event, stack: ExitStack, *, refused: bool
    ) -> None:
        self._configuration = configuration
        self._refused = refused
        self._halt = halt
        self._stack = stack
        self._pauses = Pauses(time.monotonic)
        self._sweeps = Sweeps(time.monotonic)
        self._jobs: dict[str, Job] = {}
        self._sending = threading.Lock()
        self._seen_at: dict[str, float] = {}
        self._db: Database
        self._count: Callable[[str, float, bool], None]
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(4 + 2 * len(configuration.mailbox))},
            # Of several instances one works and the others leave at once (`Job.take_turns`).
            job_defaults={"coalesce": True, "max_instances": 4, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Open everything, take back what an earlier process left, and begin."""
        # This connection brings the schema up to date; the others need not look at it.
        self._db = self._stack.enter_context(opening.store(self._configuration))
        must_be_whole(self._db)
        chores = Chores(self._configuration, self._open, utc_now)
        self._count = chores.serve_figures(self._stack)
        first, *others = self._postmen()
        first.sender.start()
        for box in self._configuration.mailbox:
            watcher = Watcher(self._configuration, box, self._open(), utc_now)
            self._stack.callback(watcher.close)
            self._add(f"poll {box.name}", box.poll_every_s, self._polling(box, watcher))

        def send() -> None:
            with self._sending:
                first.sender.send_due(stop=self._halt.is_set)

        def resolve() -> None:
            with self._sending:
                if first.resolver.resolve():
                    self._wake_senders()

        self._add("triage", TRIAGE_EVERY_S, made_late(self._triage))
        self._add("send", SEND_EVERY_S, send)
        for number, other in enumerate(others, 2):
            self._add(f"send {number}", SEND_EVERY_S, self._sending_of(other))
        self._add("resolve", RESOLVE_EVERY_S, resolve)
        self._add("templates", TEMPLATES_EVERY_S, made_late(self._templates))
        self._add("configuration", WATCH_EVERY_S, self._tell_of_configuration)
        self._add("watch", WATCH_EVERY_S, made_late(chores.watch))
        self._add("erase", ERASE_EVERY_S, made_late(chores.erase))
        self._add("learn", LEARN_EVERY_S, made_late(lambda: chores.learn(self._halt.is_set)))
        mode = settings.mode(self._db)
        self._scheduler.start()
        for name in self._jobs:
            self._wake(name, 0.0 if name.startswith("poll ") else FIRST_LOOK_S)
        events.started(version("inboxbot"), mode)
        notify.ready()

    def wait(self, requests: Requests) -> Config | None:
        """Return None when the process is asked to stop, or a changed configuration.

        Until then wake what is overdue, and tell systemd that the work goes on.
        """
        while not requests.wait(TICK_S):
            if requests.take_reload():
                changed = reloaded(self._configuration)
                if changed is not None:
                    self._halt.set()
                    return changed
                self._refused = True
                self._wake("configuration")
            moment = time.monotonic()
            for job in self._jobs.values():
                if moment - job.began_at > OVERDUE * job.every_s:
                    job.began_at = moment
                    self._wake(job.name)
            self._feed_watchdog(moment)
        return None

    def _tell_of_configuration(self) -> None:
        """Open the alert that a changed configuration was refused, or end it.

        A job, since it has to wait where another program writes: the main thread never does.
        """
        with write(self._db):
            if self._refused:
                alerts.open_alert(self._db, alerts.Code.CONFIGURATION, utc_now())
            else:
                alerts.end(self._db, alerts.Code.CONFIGURATION, utc_now())

    def _feed_watchdog(self, moment: float) -> None:
        """Tell systemd that we live, but only while every mailbox is being looked after.

        A mailbox whose server is down is looked after; one whose look hangs is not.
        """
        for box in self._configuration.mailbox:
            if moment - self._seen_at.get(box.name, moment) > HANGS_AFTER_S + box.poll_every_s:
                return
        notify.watchdog()

    def end(self) -> bool:
        """Let what runs come to its end; say whether all of it did in time."""
        self._halt.set()
        self._scheduler.remove_all_jobs()
        ending = threading.Thread(target=self._scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(STOP_WITHIN_S)
        return not ending.is_alive()

    def _triage(self) -> Callable[[], None]:
        """Return the job that decides on letters, always with the model in force."""
        from inboxbot import assembly, promotion

        reader = self._stack.enter_context(assembly.reader(self._configuration))
        db = self._open()
        triage = assembly.triage(self._configuration, db, reader)
        model = promotion.Watch(self._open(), self._configuration.classify.model)

        def decided() -> None:
            self._wake_senders()
            if sending.some_await_look(db):
                self._wake("resolve", RESOLVE_RESTORED_IN_S)

        def decide() -> None:
            found = model.changed(utc_now())
            if found is not None:
                reader.use(assembly.classifier(self._configuration, found))
            triage.run(stop=self._halt.is_set, decided=lambda _: decided())

        return decide

    def _templates(self) -> Callable[[], None]:
        """Return the job that records edits by hand, and raises and ends their alarms."""
        from inboxbot import assembly, publishing

        db, library = self._open(), assembly.library(self._configuration)

        def look() -> None:
            publishing.sync(db, library, utc_now())

        return look

    def _postmen(self) -> list[Postman]:
        """Return one for each mailbox; the first also serves those that are configured no more."""
        others = [box.name for box in self._configuration.mailbox[1:]]

        def postman(name: str, serves: Callable[[str], bool]) -> Postman:
            return Postman(self._configuration, self._open(), utc_now, name=name, serves=serves)

        return [
            postman("", lambda mailbox: mailbox not in others),
            *(postman(name, name.__eq__) for name in others),
        ]

    def _sending_of(self, postman: Postman) -> Callable[[], None]:
        def send() -> None:
            postman.sender.send_due(stop=self._halt.is_set)

        return send

    def _wake_senders(self) -> None:
        for name in self._jobs:
            if name.startswith("send"):
                self._wake(name)

    def _open(self) -> Database:
        """Open the store for one job: there are many, and each comes back to few of its pages."""
        db = opening.connect(self._configuration)
        keep_few_pages(db)
        self._stack.callback(db.close)
        return db

    def _add(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        job = Job(name, every_s, work, time.monotonic())
        self._jobs[name] = job
        every = IntervalTrigger(seconds=every_s, timezone=UTC)
        self._scheduler.add_job(self._run, every, [job], id=name)

    def _wake(self, name: str, in_s: float = 0.0) -> None:
        if not self._halt.is_set():
            self._jobs[name].wanted.set()
            self._scheduler.modify_job(name, next_run_time=utc_now() + timedelta(seconds=in_s))

    def _run(self, job: Job) -> None:
        job.wanted.set()
        job.take_turns(lambda: self._attempt(job))

    def _attempt(self, job: Job) -> None:
        """Run one job; whatever it meets, the next ones go on."""
        try:
            job.work()
        except InboxbotError as error:
            events.job_failed(job.name, error)
        except Exception as error:  # noqa: BLE001  (around one job)
            events.job_failed(job.name, error)

    def _polling(self, box: Mailbox, watcher: Watcher) -> Callable[[], None]:
        def halting() -> bool:
            """Say whether to end; being asked shows that the look goes on."""
            self._seen_at[box.name] = time.monotonic()
            return self._halt.is_set()

        def look() -> None:
            """Look, and as long as the server tells of letters by itself, listen and look again."""
            while self._pauses.over(box.name) and not halting():
                self._look(box, watcher, halting)
                self._pauses.end(box.name)
                if not box.imap.idle or not watcher.listen(halting, self._sweeps.due_in(box.name)):
                    return

        def poll() -> None:
            began = time.monotonic()
            halting()
            try:
                look()
            except TokenError as error:
                # No server was asked: as soon as somebody has signed in, it goes on.
                events.mailbox_failed(box.name, error, box.poll_every_s)
            except InboxbotError as error:
                hard = isinstance(error, PermanentError)
                wait = self._pauses.add(box.name, hard=hard)
                events.mailbox_failed(box.name, error, wait)
                if wait < box.poll_every_s:
                    self._wake(f"poll {box.name}", wait)
                self._count(box.name, time.monotonic() - began, False)

        return poll

    def _look(self, box: Mailbox, watcher: Watcher, halting: Callable[[], bool]) -> None:
        began = time.monotonic()
        result = watcher.poll(halting)
        self._count(box.name, time.monotonic() - began, True)
        if result.states:
            self._wake("triage")
        if self._sweeps.due_in(box.name) <= 0:
            self._sweeps.begins(box.name)
            watcher.sweep(halting)
            self._sweeps.done(box.name)
            self._wake("triage")  # A sweep takes in whatever came since the look before it.
