"""Intake, triage and sender over one database, with servers in memory that outlive a crash.

The stages are the real ones, and so is the database file; only the two servers and the worker
process are replaced, so that thousands of crashes fit into a minute.
"""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from inboxbot import faults, intake, reading
from inboxbot.acknowledge import Acknowledger, Facts
from inboxbot.errors import InboxbotError, TransientError
from inboxbot.fetching import Limits
from inboxbot.intake import Source
from inboxbot.mail.message import Identity
from inboxbot.reading import Reading
from inboxbot.reply.library import Library
from inboxbot.reply.policy import Rules
from inboxbot.sender import Sender
from inboxbot.store import database, invariants, messages, settings
from inboxbot.store.database import write
from inboxbot.store.migrations import migrate
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from inboxbot.triage import Triage
from inboxbot.uncertain import PATIENCE_S, Resolver
from inboxbot.writing import Writer
from tests.fake_transport import FakeTransport
from tests.fakes import FakeMailbox

SOURCE = Source(name="support", server="support@als.example", folder="INBOX")
FACTS = Facts(
    name="ALS Worldwide",
    website="https://www.als.example",
    phone="1",
    postal_address="5808 Dawley Drive",
    profile_form_url="https://www.als.example/profile",
    time_zone="UTC",
    hours_to_answer=48,
)
NO_LIMITS = Rules(per_hour=10**6, per_day=10**6, per_domain_hour=10**6)
TEMPLATES = Library()
# A process that dies leaves the same files in memory as on a disk, and much sooner.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Crash(BaseException):
    """The process ends here."""


class HereReader:
    """Reads in this process: the worker has tests of its own."""

    def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading]:
        return (reading.read(raw, None) for raw in raws)

    def give_up(self, raw: bytes) -> Reading:
        return reading.read(raw, None)


@dataclass
class Outside:
    """What does not end with the process: the servers, the people, the clocks, the disk.

    `now` is the clock of our machine, which may be wrong; the IMAP server has `truth`.
    """

    path: Path
    now: datetime
    mailbox: FakeMailbox = field(default_factory=FakeMailbox)
    server: FakeTransport = field(default_factory=FakeTransport)
    seconds: float = 0.0
    letters: dict[str, str] = field(default_factory=dict)
    written: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.truth = self.now

    def deliver(self, raw: bytes, kind: str) -> None:
        """Let a letter come in."""
        self.letters.setdefault(messages.fingerprint(raw), kind)
        self.written.append(raw)
        self.mailbox.deliver(raw, self.truth)

    def pass_(self, **time: float) -> None:
        """Let time pass by every clock."""
        self.now += timedelta(**time)
        self.truth += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()


def letter(number: int, kind: str = "person", words: str = "") -> bytes:
    """Write the letter of one person, or of one robot."""
    mark = "Auto-Submitted: auto-replied\r\n" if kind == "robot" else ""
    name = f"{number}{'-'.join(words.split())}".rstrip(".")
    return (
        f"{mark}From: Ana <ana@p{number}.example.net>\r\nTo: support@als.example\r\n"
        f"Subject: Question {number}\r\nMessage-ID: <{name}@example.net>\r\n\r\n"
        f"May my mother take riluzole? {words} Thank you, number {number}.\r\n"
    ).encode()


@cache
def _installed() -> dict[str, bytes]:
    """Return the files of a store after the first start on an empty mailbox, gone live."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        process = Process(
            Outside(Path(folder) / "inboxbot.sqlite3", datetime(2026, 1, 1, tzinfo=UTC))
        )
        process.go_live()
        process.close()
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def install(outside: Outside) -> None:
    """Make the first start on what is an empty mailbox yet, and go live."""
    outside.path.parent.mkdir(parents=True, exist_ok=True)
    for name, content in _installed().items():
        (outside.path.parent / name).write_bytes(content)
    process = Process(outside)
    process.poll()
    process.close()


class Process:
    """One life of the program: opened database, stages, and what it does until it ends."""

    def __init__(self, outside: Outside, owner: str = "process") -> None:
        self.outside = outside
        self.db: Database = database.create(outside.path)
        migrate(self.db)
        instance = settings.instance(self.db)
        identity = Identity(
            mailbox="support",
            name="ALS Worldwide",
            address="support@als.example",
            addresses=frozenset({"support@als.example"}),
            own_domains=frozenset({"als.example"}),
            instance_id=instance.id,
            secret=instance.secret,
        )
        acknowledger, identities = Acknowledger(TEMPLATES, FACTS, tuple, {}), {"support": identity}
        self.triage = Triage(
            self.db,
            reader=HereReader(),  # type: ignore[arg-type]
            acknowledger=acknowledger,
            identities=identities,
            rules=NO_LIMITS,
            now=lambda: outside.now,
        )
        self.sender = Sender(
            self.db,
            transport_for=lambda _: outside.server,
            owner=owner,
            now=lambda: outside.now,
            monotonic=lambda: outside.seconds,
            written_anew=lambda letter: Writer(self.db, acknowledger, identities, outside.now).anew(
                letter
            ),
        )
        self.resolver = Resolver(
            self.db,
            lookup=lambda _, ids: set(outside.server.message_ids) & set(ids),
            files_all=lambda _: True,
            now=lambda: outside.now,
            monotonic=lambda: outside.seconds,
        )
        self.sender.start()

    def go_live(self) -> None:
        with write(self.db):
            settings.put(self.db, "mode", Mode.LIVE)

    def poll(self) -> None:
        intake.poll(
            self.db,
            self.outside.mailbox,
            SOURCE,
            now=self.outside.now,
            limits=Limits(min_free=0),
            restored_at=settings.get_moment(self.db, "restored_at"),
        )

    def run(self) -> None:
        """Make one pass of everything; what the stages report as trouble is for the next one."""
        for stage in (self.poll, self.triage.run, self.sender.send_due, self.resolver.resolve):
            try:
                stage()
            except InboxbotError as error:
                if not isinstance(error, TransientError):
                    raise

    def close(self) -> None:
        """End; what was not committed is gone."""
        self.db.close()

    def settle(self) -> None:
        """Let everything come to its end, undisturbed.

        A reply that was put off is due in four hours at the latest, or so it seems by a clock that
        was set back since.
        """
        for _ in range(13):
            self.outside.pass_(minutes=20)
            self.run()
            if self._is_still():
                return
        self.outside.pass_(seconds=PATIENCE_S)
        for _ in range(2):
            self.run()

    def _is_still(self) -> bool:
        """Say whether no further pass has anything to do, or to find out."""
        return not self.db.execute(
            "SELECT EXISTS (SELECT 1 FROM place WHERE state IN ('listed', 'retry'))"
            " OR EXISTS (SELECT 1 FROM message WHERE decided_at IS NULL)"
            " OR EXISTS (SELECT 1 FROM outbox WHERE state IN"
            " ('queued', 'claimed', 'sending', 'deferred', 'uncertain'))"
        ).fetchone()[0]

    def broken(self) -> list[str]:
        """Return every promise that is broken at this moment."""
        found = [str(each) for each in invariants.check(self.db)]
        twice = invariants.seen_twice(self.outside.server.message_ids)
        if twice:
            found.append(f"{twice} replies were taken twice")
        machines = {
            mark for mark, kind in self.outside.letters.items() if kind == "robot"
        } & self._answered()
        if machines:
            found.append(f"{len(machines)} machines were answered")
        return found

    def unaccounted(self) -> list[str]:
        """Return the letters of persons that are lost, or of which nobody would ever hear."""
        stored = {
            mark: (state, reason)
            for mark, state, reason in self.db.execute(
                "SELECT m.fingerprint, o.state, coalesce(o.reason, d.reason) FROM message m"
                " JOIN decision d ON d.message_id = m.id JOIN review r ON r.message_id = m.id"
                " LEFT JOIN outbox o ON o.message_id = m.id AND o.kind = 'acknowledgement'"
            )
        }
        answered = self._answered()
        found = []
        for mark in self.outside.letters:
            if mark not in stored:
                found.append(f"{mark[:8]} is lost")
                continue
            state, reason = stored[mark]
            told = reason or state in ("uncertain", "failed")
            if not (told or (state in ("sent", "bounced") and mark in answered)):
                found.append(f"{mark[:8]} is {state} ({reason}) and was never acknowledged")
        return found

    def _answered(self) -> set[str]:
        taken = set(self.outside.server.message_ids)
        return {
            mark
            for mark, message_id in self.db.execute(
                "SELECT m.fingerprint, o.rfc_message_id FROM outbox o"
                " JOIN message m ON m.id = o.message_id"
            )
            if message_id in taken
        }


@contextmanager
def listening(listen: Callable[[str], None]) -> Iterator[None]:
    """Have `listen` called at every fault point."""
    with patch.object(faults, "point", listen):
        yield


class Failing(sqlite3.Connection):
    """A connection whose n-th write fails: a statement that changes something, or a COMMIT."""

    WRITES = (
        "INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE", "COMMIT", "SAVEPOINT", "RELEASE",
        "CREATE", "ALTER", "DROP",
    )  # fmt: skip
    writes = 0
    fail_at = 0
    fail: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self._count(sql)
        return super().execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self._count(sql)
        return super().executemany(sql, *parameters)

    def _count(self, sql: str) -> None:
        if sql.lstrip().upper().startswith(self.WRITES):
            kind = Failing
            kind.writes += 1
            if kind.writes == kind.fail_at:
                kind.fail()


@contextmanager
def failing_at(number: int, fail: Callable[[], None]) -> Iterator[type[Failing]]:
    """Let the write `number` (from 1; 0 for none) of every connection together fail."""
    Failing.writes, Failing.fail_at, Failing.fail = 0, number, staticmethod(fail)
    try:
        with patch("sqlite3.connect", partial(sqlite3.connect, factory=Failing)):
            yield Failing
    finally:
        Failing.fail_at = 0


def copied(path: Path, to: Path) -> Path:
    """Copy the database and its log, as a process that ended now would leave them."""
    log = path.with_name(f"{path.name}-wal")
    to.mkdir()
    shutil.copyfile(path, to / path.name)
    shutil.copyfile(log, to / log.name)
    return to / path.name


def disk_full() -> None:
    """Fail as SQLite does where there is no room."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"
    raise error


def crash() -> None:
    """End the process."""
    raise Crash


def shuffled(items: Sequence[int], seed: int) -> list[int]:
    """Return `items` in another order."""
    return random.Random(seed).sample(list(items), len(items))
