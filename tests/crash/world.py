"""Everything around the daemon: a real IMAP server, a mail server that records what it accepts
and files it in the Sent folder as large providers do, a configuration, and letters to deliver."""

import os
import random
import resource
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Self
from unittest.mock import patch

from inboxbot import config
from inboxbot.config import Config
from inboxbot.store import database, messages, settings
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from tests.command import SERVER, Process
from tests.dovecot import PASSWORD as IMAP_PASSWORD
from tests.dovecot import Account, Dovecot
from tests.smtp_sink import PASSWORD as SMTP_PASSWORD
from tests.smtp_sink import USER, Accepted, SmtpSink

CONFIGURATION = """
[organisation]
name = "ALS Worldwide"
website = "https://www.als.example"
phone = "1-608-663-0920"
postal_address = "5808 Dawley Drive"
profile_form_url = "https://www.als.example/profile"

[[mailbox]]
name = "support"
address = "support@als.example"
own_domains = ["als.example"]
poll_every_s = 1
sent_copy = "{sent_copy}"

[mailbox.imap]
host = "127.0.0.1"
port = {imap}
security = "none"
username = "{account}"

[mailbox.smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
username = "{user}"
timeout_s = 10

[replies]
{replies}

[classify]
model = "light"

[store]
path = "{path}"
min_free_mb = 1
"""
REPOSITORY = Path(__file__).parents[2]
NO_LIMITS = "per_hour = 1000000\nper_day = 1000000\nper_domain_hour = 1000000"


class World:
    """Servers, configuration and store of one run; use it as a context manager."""

    def __init__(
        self,
        dovecot: Dovecot | None = None,
        *,
        sent_copy: str = "server",
        replies: str = NO_LIMITS,
        delay: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._dovecot = dovecot
        self._sent_copy = sent_copy
        self._replies = replies
        self.sink = SmtpSink(delay=delay, on_accepted=self._file)
        self.delivered: dict[str, str] = {}  # Fingerprint: what kind of letter it is.
        self.letters: list[bytes] = []
        self.count = 0  # Letters on the server.
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.root = Path(tempfile.mkdtemp(prefix="inboxbot-crash-"))
        self._stack.callback(shutil.rmtree, self.root, ignore_errors=True)
        if self._dovecot is None:
            home = Path(tempfile.mkdtemp(prefix="inboxbot-dovecot-"))
            self._stack.callback(shutil.rmtree, home, ignore_errors=True)
            self._dovecot = Dovecot(home)
            self._stack.callback(self._dovecot.stop)
        self._stack.enter_context(self.sink)
        self.account: Account = self._dovecot.account()
        for folder in ("INBOX", "Sent"):
            self.account.client(folder).logout()  # Makes the folder.
        self.path = self.root / "state" / "inboxbot.sqlite3"
        self.file = self.root / "inboxbot.toml"
        self.file.write_text(
            CONFIGURATION.format(
                sent_copy=self._sent_copy,
                imap=self._dovecot.port,
                account=self.account.name,
                smtp=self.sink.port,
                user=USER,
                replies=self._replies,
                path=self.path,
            )
        )
        passwords = {
            "INBOXBOT_IMAP_PASSWORD": IMAP_PASSWORD,
            "INBOXBOT_SMTP_PASSWORD": SMTP_PASSWORD,
        }
        self._stack.enter_context(patch.dict(os.environ, passwords))
        self.environment = {**os.environ, "INBOXBOT_CONFIG": str(self.file)}
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # The store

    @property
    def configuration(self) -> Config:
        return config.load(self.file)

    def begin(self, zygote: "Zygote") -> None:
        """Make the first start on the empty mailbox, and go live."""
        assert zygote.run("poll") == 0
        with self.store() as db, write(db):
            settings.put(db, "mode", Mode.LIVE)

    def store(self) -> "Store":
        return Store(self.path)

    # The command

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one `inboxbot` command to its end."""
        return SERVER.run(arguments, REPOSITORY, self.environment | environment, 120)

    # Letters

    def deliver(self, raw: bytes, kind: str) -> None:
        """Put a letter into INBOX as a mail server does: written aside, then renamed."""
        self.delivered[messages.fingerprint(raw)] = kind
        self.letters.append(raw)
        self.deliver_again(raw)

    def deliver_again(self, raw: bytes) -> None:
        """Put the same bytes into INBOX once more."""
        self.count += 1
        self._put(self.account.maildir, raw)

    def person(self, rng: random.Random) -> bytes:
        """Write a letter of somebody who has never written before."""
        token = f"{rng.getrandbits(64):x}"
        return _letter(
            f"ana@{token}.example.net",
            token,
            "Question about riluzole",
            "Dear team,\r\n\r\nmay my mother take riluzole in the evening? "
            f"Our number is {token}.\r\n\r\nThank you, Ana",
        )

    def robot(self, rng: random.Random) -> bytes:
        """Write what a machine sends: never to be answered."""
        token = f"{rng.getrandbits(64):x}"
        raw = _letter(f"robot@{token}.example.net", token, "Out of office", "I am away.")
        return b"Auto-Submitted: auto-replied\r\n" + raw

    def _file(self, accepted: Accepted) -> None:
        if self._sent_copy == "server":
            self._put(self.account.maildir / ".Sent", accepted.raw)

    def _put(self, folder: Path, raw: bytes) -> None:
        name = f"{time.time_ns()}.{secrets.token_hex(6)}.test"
        aside = folder / "tmp" / name
        aside.write_bytes(raw)
        aside.chmod(0o644)
        if os.geteuid() == 0:
            owner = folder.stat()
            os.chown(aside, owner.st_uid, owner.st_gid)
        aside.rename(folder / "new" / name)

    # The daemon

    def zygote(self) -> "Zygote":
        return Zygote(self)


class Store:
    """The database, opened by the test and closed again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Database:
        self._db = database.connect(self._path)
        return self._db

    def __exit__(self, *_: object) -> None:
        self._db.close()


class Zygote:
    """Starts `inboxbot run` many times, each a fork of a process that has it loaded."""

    def __init__(self, world: World) -> None:
        self.log = world.root / f"{secrets.token_hex(4)}.log"
        self.log.touch()
        self.pid = 0
        self._environment = world.environment
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            self.kill()

    def start(
        self, *, command: str = "run", fault: str = "", file_size: int = 0, open_files: int = 0
    ) -> None:
        """Start a command; `fault` is what INBOXBOT_FAULT would be, the others are limits."""
        self._process = SERVER.start(
            [command],
            REPOSITORY,
            self._environment,
            self.log,
            self.log,
            fault=fault,
            file_size=file_size,
            open_files=open_files,
        )
        self.pid = self._process.pid

    def run(self, command: str) -> int:
        """Run a command to its end and return its exit code."""
        self.start(command=command)
        return self.wait(60)

    def lift_file_size(self) -> None:
        """Let files grow again: there is room on the disk."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, unlimited)

    def worker(self) -> int:
        """Return the process in which the daemon reads letters, or 0."""
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text() == "spawn_main\n":
                    return int(child)
        return 0

    def wait(self, seconds: float) -> int:
        """Wait until the command has ended by itself and return its exit code."""
        assert self._process is not None
        code = self._process.wait(seconds)
        self.pid = 0
        return code

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End the daemon and return its exit code; one that does not end says where it is."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self.wait(60)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)
            self.wait(10)
            raise AssertionError(f"{number.name} did not end it:\n{self.log.read_text()}") from None


def wait_for(
    condition: Callable[[], bool], seconds: float, what: str, *, every: float = 0.05
) -> None:
    """Wait until something is so, looking each `every` seconds; fail where it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def _letter(sender: str, token: str, subject: str, text: str) -> bytes:
    return (
        f"Return-Path: <{sender}>\r\nFrom: Ana <{sender}>\r\nTo: support@als.example\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{token}@example.net>\r\n"
        f"Date: {format_datetime(datetime.now(UTC))}\r\n\r\n{text}\r\n"
    ).encode()
