"""An installation of the program in a temporary folder, used as its sysadmin does: by commands.

The mailbox is an account of the real Dovecot, the mail server a real SMTP server on a socket.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import command, dovecot, smtp_sink

CONFIGURATION = """\
[organisation]
name = "ALS Worldwide"
website = "https://www.example.org"
phone = "1-608-663-0920"
postal_address = "5808 Dawley Drive, Fitchburg, WI 53711-7209, USA"
profile_form_url = "https://www.example.org/profile"
time_zone = "America/Chicago"
hours_to_answer = 48

[[mailbox]]
name = "support"
address = "support@example.org"
own_domains = ["example.org"]
form_relays = ["forms@example.org"]
trusted_authserv_ids = ["mx.example.org"]
poll_every_s = 1
{mailbox}

[mailbox.imap]
host = "{imap_host}"
port = {imap_port}
security = "{imap_security}"
username = "{imap_user}"
{imap}

[mailbox.smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
username = "{smtp_user}"

[classify]
model = "light"

[store]
path = "state/inboxbot.sqlite3"
min_free_mb = 1
{more}
"""


@dataclass
class Installation:
    """A folder with a configuration, and the commands run in it."""

    folder: Path
    environment: dict[str, str]

    @property
    def store(self) -> Path:
        return self.folder / "state" / "inboxbot.sqlite3"

    @property
    def configuration(self) -> Path:
        return self.folder / "inboxbot.toml"

    def run(
        self, *arguments: str, code: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its exit code must be `code`, or any for None."""
        done = command.SERVER.run(arguments, self.folder, self._environment(environment), 120)
        assert code in (None, done.returncode), f"{done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def objects(self, *arguments: str, code: int | None = 0) -> list[dict[str, Any]]:
        """Run a command with --json and return the objects that it prints."""
        lines = self.run(*arguments, "--json", code=code).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def begin(self, **environment: str) -> command.Process:
        """Start the daemon; whoever calls ends it."""
        return command.SERVER.start(
            ["run"], self.folder, self._environment(environment), self._log, self._log
        )

    @contextmanager
    def daemon(self, **environment: str) -> Iterator[command.Process]:
        """Run the daemon for the length of the block; SIGTERM must end it within 10 s."""
        process = self.begin(**environment)
        with ended(process):
            yield process

    @contextmanager
    def script(self) -> Iterator[subprocess.Popen[str]]:
        """Run the daemon as `daemon` does, by the very script that is installed."""
        with (
            self._log.open("a") as log,
            subprocess.Popen(
                [Path(sys.executable).parent / "inboxbot", "run"],
                stdout=log,
                stderr=log,
                text=True,
                cwd=self.folder,
                env=self._environment({}),
            ) as process,
            ended(process),
        ):
            yield process

    @property
    def _log(self) -> Path:
        return self.folder / "daemon.log"

    def log(self) -> str:
        """Return what the daemons have said so far."""
        return self._log.read_text() if self._log.exists() else ""

    def status(self) -> dict[str, Any]:
        return self.objects("status", code=None)[0]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return os.environ | {"INBOXBOT_CONFIG": str(self.configuration)} | self.environment | more


def run_held_to_modes(
    installation: Installation, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as somebody whom file modes hold, also where root tests."""
    return command.SERVER.run(
        arguments,
        installation.folder,
        installation._environment({}),
        120,
        held_to_modes=True,
    )


@contextmanager
def ended(process: "command.Process | subprocess.Popen[str]") -> Iterator[None]:
    """Ask it to end after the block, which must take less than 10 s; it never outlives it."""
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)


def install(
    folder: Path,
    *,
    imap_host: str,
    imap_port: int,
    imap_user: str,
    smtp_port: int,
    imap_security: str = "none",
    imap: str = "",
    mailbox: str = "",
    more: str = "",
) -> Installation:
    """Write a configuration into `folder`."""
    text = CONFIGURATION.format(
        imap_host=imap_host,
        imap_port=imap_port,
        imap_user=imap_user,
        imap_security=imap_security,
        imap=imap,
        smtp_port=smtp_port,
        smtp_user=smtp_sink.USER,
        mailbox=mailbox,
        more=more,
    )
    installation = Installation(
        folder,
        {
            "INBOXBOT_IMAP_PASSWORD": dovecot.PASSWORD,
            "INBOXBOT_SMTP_PASSWORD": smtp_sink.PASSWORD,
        },
    )
    installation.configuration.write_text(text)
    return installation


def until(condition: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Return as soon as `condition` holds; fail where it does not within the time."""
    deadline = time.monotonic() + within_s
    while True:
        began = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        assert now < deadline, "it did not happen in time"
        # A look that runs a command takes time from what it waits for.
        time.sleep(max(0.05, 4 * (now - began)))
