"""Training by night: when it is due, and a process that neither lasts nor outlives the daemon."""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import nightly
from inboxbot.config import Config, load
from inboxbot.promotion import LEARN_AGAIN
from inboxbot.store import settings
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from tests.conftest import NOW
from tests.installation import install

AT_THREE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # In Chicago.


def configuration(folder: Path, learn: str) -> Config:
    installation = install(folder, imap_host="h", imap_port=1, imap_user="u", smtp_port=2)
    text = installation.configuration.read_text()
    installation.configuration.write_text(
        text.replace('model = "light"', f'model = "light"\nlearn = "{learn}"').replace(
            'security = "none"', 'security = "tls"'
        )
    )
    return load(installation.configuration)


def python(line: str) -> list[str]:
    return [sys.executable, "-c", line]


@pytest.mark.parametrize(
    ("hour", "learned_on", "due"),
    [(3, None, True), (3, "2026-03-01", True), (3, "2026-03-02", False), (4, None, False)],
)
def test_it_is_due_once_a_night(hour: int, learned_on: str | None, due: bool) -> None:
    assert nightly.due(datetime(2026, 3, 2, hour, 59), learned_on) is due  # noqa: DTZ001


def test_nothing_is_trained_unless_so_configured(db: Database, tmp_path: Path) -> None:
    for learn, at in (("off", AT_THREE), ("nightly", AT_THREE + timedelta(hours=2))):
        found = nightly.look(configuration(tmp_path, learn), db, at, lambda: False)
        assert found is None
    assert settings.get(db, nightly.LEARNED_ON) is None


@pytest.mark.parametrize("why", ["nightly", "a model in force was forgotten"])
def test_where_it_is_due_the_command_runs_once(db: Database, tmp_path: Path, why: str) -> None:
    configured = configuration(tmp_path, "nightly" if why == "nightly" else "off")
    at = AT_THREE if why == "nightly" else NOW
    if why != "nightly":
        with write(db):
            settings.put(db, LEARN_AGAIN, "1")
    # Staff judged nothing: that is no fault by night, and one where training was asked for.
    code = 0 if why == "nightly" else 1
    assert nightly.look(configured, db, at, lambda: False) == code
    assert settings.get(db, nightly.LEARNED_ON) == "2026-03-02"
    assert settings.get(db, LEARN_AGAIN) is None
    assert nightly.look(configured, db, at, lambda: False) is None


def test_the_command_is_for_the_same_configuration(tmp_path: Path) -> None:
    configured = configuration(tmp_path, "nightly")
    call = nightly.command(configured, if_new=True)
    assert call[1:] == [
        "-m", "inboxbot", "train", "--promote", "--who", "nightly", "--if-new",
        "--config", str(configured.source),
    ]  # fmt: skip


def test_the_exit_code_is_handed_on() -> None:
    assert nightly.apart(python("raise SystemExit(3)"), lambda: False, 30) == 3


def test_the_daemon_ends_it_when_it_ends_itself() -> None:
    halt = threading.Event()
    threading.Timer(0.3, halt.set).start()
    began = time.monotonic()
    sleeping = python("import time; time.sleep(60)")
    assert nightly.apart(sleeping, halt.is_set, 60) is None
    assert time.monotonic() - began < 20


def test_what_takes_too_long_is_killed() -> None:
    sleeping = python("import time; time.sleep(60)")
    assert nightly.apart(sleeping, lambda: False, 0.1) == -9
