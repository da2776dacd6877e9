"""The demo: everything at once, on this machine, in a temporary folder that is gone afterwards.

The daemon and the review app run as the processes that they are in earnest; the demo delivers
letters over IMAP, watches the store, and says in plain words what happens.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib.resources import files
from pathlib import Path

import click

from inboxbot import accounts, config, modes
from inboxbot.demo.servers import PASSWORD, USER, ImapServer, SmtpServer, free_port
from inboxbot.errors import TransientError
from inboxbot.frozen import dataclass
from inboxbot.reply.folder import shipped_templates
from inboxbot.store import decisions, figures
from inboxbot.store.database import connect
from inboxbot.store.decisions import Recorded
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database

START_TIMEOUT_S = 30.0
ALL_DONE_TIMEOUT_S = 90.0
LOOK_EVERY_S = 0.2
BETWEEN_LETTERS_S = 0.4


@dataclass(frozen=True, slots=True)
class Ports:
    """Which ports to use; 0 takes a free one."""

    web: int = 0
    imap: int = 0
    smtp: int = 0


def show(*, once: bool, ports: Ports, as_json: bool) -> None:
    """Run the demo; with `once` it ends by itself, else at Ctrl-C.

    Raises `SystemExit` with 1 where not every letter was decided on in time, and `TransientError`
    where a port cannot be used.
    """
    _must_be_free(ports)
    say: Callable[[str], None] = _nothing if as_json else click.echo
    with ExitStack() as stack:
        stack.enter_context(_ended_by_signals())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inboxbot-demo-")))
        say("Starting an IMAP and an SMTP server on this machine ...")
        imap = stack.enter_context(ImapServer(ports.imap))
        smtp = stack.enter_context(SmtpServer(ports.smtp))
        web_port = ports.web or free_port()
        path = _write_configuration(folder, imap.port, smtp.port, web_port)
        configuration = config.load(path)
        say("Starting the daemon and the review page ...")
        store = configuration.store_path
        stack.enter_context(_process("run", path, lambda: _has_looked(store)))
        db = stack.enter_context(closing(connect(store)))
        modes.set_mode(db, Mode.LIVE, who="demo", now=datetime.now(UTC))
        stack.enter_context(_process("web", path, lambda: _answers(web_port)))
        page = f"http://127.0.0.1:{web_port}/"
        address = f"{page}enter/{accounts.visitor_link(db, datetime.now(UTC))}"
        letters = sorted(_letters().iterdir())
        say(f"Delivering {len(letters)} sample letters. Look at them here (the link works once):")
        say(f"  {address}\n")
        watch = _Watch(db, say)
        for letter in letters:
            imap.deliver(_dated(letter.read_bytes()))
            watch.look(for_s=0 if once else BETWEEN_LETTERS_S)
        complete = watch.until(len(letters))
        _summary(db, smtp, len(letters), complete, say, as_json)
        if once:
            raise SystemExit(0 if complete else 1)
        say(f"\nThe review page is at {page}, by the link above the first time.")
        say("Ctrl-C ends everything and leaves nothing behind.")
        while True:
            watch.look(for_s=1.0)


def _nothing(text: str) -> None:
    """Say nothing: what machines read is printed at the end."""


def _letters() -> Path:
    return Path(str(files("inboxbot.demo") / "letters"))


def _dated(raw: bytes) -> bytes:
    """Return a sample letter as if it were written now."""
    date = format_datetime(datetime.now(UTC)).encode()
    return raw.replace(b"Date: Mon, 02 Mar 2026 09:00:00 +0000", b"Date: " + date, 1)


def _write_configuration(folder: Path, imap_port: int, smtp_port: int, web_port: int) -> Path:
    shutil.copytree(shipped_templates(), folder / "templates")
    (folder / "config").mkdir()
    shutil.copyfile(
        shipped_templates().parent / "config" / "knowledge.toml",
        folder / "config" / "knowledge.toml",
    )
    path = folder / "config" / "inboxbot.toml"
    path.write_text(
        f"""\
[organisation]
name = "ALS Worldwide"
website = "https://www.als-demo.example"
phone = "1-608-663-0920"
postal_address = "5808 Dawley Drive, Fitchburg, WI 53711-7209, USA"
profile_form_url = "https://www.als-demo.example/profile"
time_zone = "America/Chicago"
hours_to_answer = 48

[[mailbox]]
name = "support"
address = "{USER}"
own_domains = ["als-demo.example"]
form_relays = ["forms@als-demo.example"]
trusted_authserv_ids = ["mx.als-demo.example"]
poll_every_s = 1

[mailbox.imap]
host = "127.0.0.1"
port = {imap_port}
security = "none"
username = "{USER}"
idle = false

[mailbox.smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
username = "{USER}"

[store]
path = "state/inboxbot.sqlite3"
min_free_mb = 20

[web]
port = {web_port}
""",
        "utf-8",
    )
    return path


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM into the same orderly end as Ctrl-C."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _must_be_free(ports: Ports) -> None:
    """Raise `TransientError` where a port that was asked for cannot be had."""
    asked = {"--port": ports.web, "--imap-port": ports.imap, "--smtp-port": ports.smtp}
    with ExitStack() as stack:
        for option, port in asked.items():
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen()
            except OSError as error:
                raise TransientError(
                    f"{option} {port} cannot be used ({error.strerror}): name another one, or "
                    "leave it out, and a free one is taken."
                ) from error


@contextmanager
def _process(command: str, path: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    """Run `inboxbot command` as a process of its own, from when it is ready to the block's end.

    Raises `click.ClickException` with what it said where it ends before, or takes too long.
    """
    environment = os.environ | {
        config.credential_variable("imap-password"): PASSWORD,
        config.credential_variable("smtp-password"): PASSWORD,
    }
    said = path.parent / f"{command}.log"
    with said.open("w") as log:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            [sys.executable, "-m", "inboxbot", command, "--config", str(path)],
            stdout=log,
            stderr=log,
            text=True,
            env=environment,
        )
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    text = said.read_text("utf-8", "replace")
                    raise click.ClickException(f"`inboxbot {command}` did not start:\n{text}")
                time.sleep(LOOK_EVERY_S)
            yield
        finally:
            process.terminate()
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _has_looked(store: Path) -> bool:
    """Say whether the daemon has recorded its first look into the mailbox."""
    if not store.exists():
        return False
    with closing(connect(store)) as db:
        return "mailbox" in db.tables() and bool(figures.figures(db).mailboxes)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Watch:
    """Looks into the store and says a line for each letter that was decided on."""

    def __init__(self, db: Database, say: Callable[[str], None]) -> None:
        self._db = db
        self._say = say
        self._seen = 0
        self._count = 0

    def look(self, *, for_s: float) -> None:
        """Say what is new; go on looking for `for_s` seconds."""
        deadline = time.monotonic() + for_s
        while True:
            self._say_new()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_EVERY_S))

    def until(self, count: int) -> bool:
        """Look until `count` letters are decided and no reply is on its way; False in vain."""
        deadline = time.monotonic() + ALL_DONE_TIMEOUT_S
        while time.monotonic() < deadline:
            self._say_new()
            states = figures.figures(self._db).outbox
            moving = sum(states.get(state, 0) for state in ("queued", "claimed", "sending"))
            if self._count >= count and not moving:
                return True
            time.sleep(LOOK_EVERY_S)
        return False

    def _say_new(self) -> None:
        for number in decisions.decided_after(self._db, self._seen):
            letter = decisions.recorded(self._db, number)
            if letter is not None:
                self._say(_line(letter))
                self._count += 1
            self._seen = number


def _line(letter: Recorded) -> str:
    """Return what happened to one letter, in a line."""
    kind = letter.category.replace("_", " ")
    unsure = ", unsure" if letter.needs_review else ""
    urgent = (
        "  URGENT: " + ", ".join(flag["code"] for flag in letter.urgent) if letter.urgent else ""
    )
    what = {
        "acknowledge": f"acknowledged ({letter.template}, {letter.template_language})",
        "hold": f"held: {letter.reason}",
        "suppress": f"not answered: {letter.reason}",
    }[letter.disposition]
    subject = letter.subject or "(no subject)"
    if len(subject) > 38:
        subject = subject[:37] + "…"
    return f"{letter.id:>3}  {subject:<38}  {kind} {letter.confidence:.0%}{unsure} · {what}{urgent}"


def _summary(
    db: Database,
    smtp: SmtpServer,
    letters: int,
    complete: bool,
    say: Callable[[str], None],
    as_json: bool,
) -> None:
    found = figures.figures(db)
    accepted = smtp.accepted
    recipients = [mail.recipients for mail in accepted]
    twice = len(recipients) - len(set(recipients))
    if as_json:
        summary = {
            "letters": letters,
            "stored": found.messages,
            "complete": complete,
            "outbox": found.outbox,
            "accepted_by_smtp": len(accepted),
            "recipients_answered_twice": twice,
        }
        click.echo(json.dumps(summary))
        return
    states = ", ".join(f"{count} {state}" for state, count in found.outbox.items())
    say(
        f"\n{letters} letters delivered, {found.messages} stored with their bytes intact.\n"
        f"Replies: {states}. The SMTP server accepted {len(accepted)}, "
        f"{twice} of them for somebody who had one already."
    )
    if not complete:
        say("Not every letter was decided on in time.")
