"""What a start loads: counted in modules, which are the same on any machine, and never in time.

A library that is loaded by all costs each command, and the tests start hundreds of them.
"""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from inboxbot.store.database import connect
from tests.dovecot import Account
from tests.installation import Installation, install, until

SETTINGS = {
    "annotated_types", "click", "pydantic", "pydantic_core", "typing_extensions",
    "typing_inspection",
}  # fmt: skip
# Asked for by Python's own `copy` and `site` (the last by Debian's), and not ours to choose.
ASKED_FOR = {"org", "sitecustomize", "apport_python_hook"}
DAEMON = SETTINGS | {"apscheduler", "imapclient", "tzlocal"}
# What only comes after the first look at a mailbox.
LETTERS = {
    f"inboxbot.{name}"
    for name in ("triage", "reading", "acknowledge", "reply.library", "reply.policy", "announce")
}
# Of Python's own, what is large and belongs to a network that is not asked, or to a worker.
NETWORK = {"asyncio", "http", "imaplib", "smtplib", "ssl", "multiprocessing", "concurrent"}


def loaded(said: str) -> list[str]:
    """Return the modules that a process loaded, of what `-X importtime` said."""
    names = [
        line.rpartition("|")[2].strip()
        for line in said.splitlines()
        if line.startswith("import time:")
    ]
    return [name for name in names if name != "imported package"]


def ours(modules: list[str]) -> list[str]:
    return [name for name in modules if name.split(".")[0] == "inboxbot"]


def others(modules: list[str]) -> set[str]:
    """Return the packages among the modules that are neither ours nor Python's own."""
    found = {name.partition(".")[0] for name in modules}
    return {
        name
        for name in found - set(sys.stdlib_module_names) - ASKED_FOR - {"inboxbot"}
        if not name.startswith("_")
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-X", "importtime", "-m", "inboxbot", *arguments]


def ran(installation: Installation, *arguments: str) -> list[str]:
    done = subprocess.run(
        command(*arguments),
        env=os.environ
        | installation.environment
        | {"INBOXBOT_CONFIG": str(installation.configuration)},
        capture_output=True,
        text=True,
        check=True,
    )
    return loaded(done.stderr)


def installed(folder: Path, port: int = 1, user: str = "kim") -> Installation:
    return install(folder, imap_host="127.0.0.1", imap_port=port, imap_user=user, smtp_port=1)


def test_help_loads_the_command_line_and_nothing_else(tmp_path: Path) -> None:
    modules = ran(installed(tmp_path), "--help")
    assert others(modules) == {"click"}
    assert len(ours(modules)) <= 5


def test_a_command_on_the_store_loads_no_mail_program_and_no_server(tmp_path: Path) -> None:
    place = installed(tmp_path)
    ran(place, "mode")  # It makes the store.
    for arguments in (["queue", "--json"], ["mode"], ["user", "list"], ["outbox", "list"]):
        modules = ran(place, *arguments)
        assert others(modules) == SETTINGS, arguments
        assert not NETWORK & set(modules), arguments
        assert len(ours(modules)) <= 58, arguments


def test_the_daemon_looks_at_its_mailbox_before_it_loads_what_reads_sorts_and_writes_letters(
    tmp_path: Path, account: Account
) -> None:
    account.client().logout()
    place = installed(tmp_path, account.server.port, account.name)
    ran(place, "mode")  # It makes the store.
    said = tmp_path / "said"
    with (
        said.open("wb") as file,
        subprocess.Popen(
            command("run"),
            env=os.environ | place.environment | {"INBOXBOT_CONFIG": str(place.configuration)},
            stdout=file,  # Its events, in between.
            stderr=file,
        ) as daemon,
    ):
        try:
            until(lambda: place.store.exists() and polled(place.store))
        finally:
            daemon.terminate()
            assert daemon.wait(20) == 0
    text = said.read_text("utf-8")
    modules, at_first = loaded(text), loaded(text.partition('"started"')[0])
    assert others(modules) == DAEMON  # No template engine, and no worker without a letter.
    assert "asyncio" not in modules
    assert len(ours(modules)) <= 160
    assert not LETTERS & set(at_first)
    assert 50 < len(ours(at_first)) <= 86
    assert not {"asyncio", "multiprocessing", "difflib"} & set(at_first)


def polled(store: Path) -> bool:
    with closing(connect(store)) as db:
        if "mailbox" not in db.tables():
            return False
        found = db.execute("SELECT last_good_poll_at FROM mailbox").fetchone()
        return found is not None and found[0] is not None
