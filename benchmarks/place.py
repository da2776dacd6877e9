"""Where a measurement happens: a real Dovecot, an SMTP server, and an installation beside them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inboxbot import config, modes
from inboxbot.config import Config
from inboxbot.store.database import connect
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from tests.counting import Line
from tests.dovecot import Account, Dovecot
from tests.installation import Installation, install
from tests.smtp_sink import SmtpSink

# Every letter is to be acknowledged, however many come in an hour.
NO_LIMITS = """
[replies]
per_hour = 1000000
per_day = 1000000
per_domain_hour = 1000000
per_relay_hour = 1000000
"""
SERVED = """
[web]
port = {port}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An installation with its servers; `imap` and `smtp` count where the way leads over them."""

    account: Account
    sink: SmtpSink
    installation: Installation
    imap: Line | None = None
    smtp: Line | None = None

    @property
    def configuration(self) -> Config:
        return config.load(self.installation.configuration)

    @property
    def environment(self) -> dict[str, str]:
        return self.installation.environment | {
            "INBOXBOT_CONFIG": str(self.installation.configuration)
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "inboxbot", *arguments]

    def run(self, *arguments: str) -> None:
        """Run a command of ours to its end."""
        subprocess.run(
            self.command(*arguments),
            env=os.environ | self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def begin(self, mode: Mode = Mode.LIVE) -> None:
        """Look at the empty mailbox, so that whatever comes is new; then go live."""
        self.run("poll")
        with self.store() as db:
            modes.set_mode(db, mode, who="benchmark", now=datetime.now(UTC))

    def fill(self, letters: Iterable[bytes]) -> int:
        return self.account.fill(letters)

    def store(self) -> closing[Database]:
        """Open the store for the length of a block."""
        return closing(connect(self.installation.store))

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command of ours for the length of the block."""
        with (self.installation.folder / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(*arguments), env=os.environ | self.environment, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder on the disk that the operating system gives us for such."""
    with tempfile.TemporaryDirectory(prefix="inboxbot-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def servers() -> Iterator[tuple[Dovecot, SmtpSink]]:
    """Run the two mail servers."""
    with scratch() as folder, ExitStack() as stack:
        dovecot = Dovecot(folder)
        stack.callback(dovecot.stop)
        yield dovecot, stack.enter_context(SmtpSink())


@contextmanager
def place(
    dovecot: Dovecot,
    sink: SmtpSink,
    *,
    model: str = "light",
    counting: bool = False,
    web_port: int = 0,
    more: str = "",
) -> Iterator[Place]:
    """Yield an installation with a mailbox of its own; `counting` leads over counting lines."""
    account = dovecot.account()
    account.fill(())
    with scratch() as folder, ExitStack() as stack:
        imap = stack.enter_context(Line(dovecot.port)) if counting else None
        smtp = stack.enter_context(Line(sink.port)) if counting else None
        installation = install(
            folder,
            imap_host="127.0.0.1",
            imap_port=imap.port if imap else dovecot.port,
            imap_user=account.name,
            smtp_port=smtp.port if smtp else sink.port,
            imap="idle = false",
            more=NO_LIMITS + (SERVED.format(port=web_port) if web_port else "") + more,
        )
        path = installation.configuration
        path.write_text(path.read_text().replace('model = "light"', f'model = "{model}"'))
        yield Place(account, sink, installation, imap, smtp)


def until(condition: Callable[[], object], within_s: float, every_s: float = 0.05) -> None:
    """Return as soon as `condition` holds; raises `TimeoutError`."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        time.sleep(every_s)
