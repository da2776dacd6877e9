"""`import_since` in the configuration: old letters come in once, whenever it is set, to the end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import config, opening
from inboxbot.errors import TransientError
from inboxbot.watcher import Watcher
from tests.imap_script import PASSWORD, ScriptedServer
from tests.installation import install
from tests.numbered import letter

SINCE = 'import_since = "2026-01-31"'

Watching = Callable[[str], AbstractContextManager[Watcher]]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def watching(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watching:
    """Return what watches the mailbox of the server, five old letters in it, as a process does."""
    for number in range(5):
        server.deliver(letter(number), datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=number))
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", PASSWORD)
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", PASSWORD)

    @contextmanager
    def watch(setting: str) -> Iterator[Watcher]:
        made = install(
            tmp_path,
            imap_host="127.0.0.1",
            imap_port=server.port,
            imap_user="support",
            smtp_port=1,
            mailbox=setting,
        )
        found = config.load(made.configuration)
        with (
            opening.store(found) as db,
            closing(Watcher(found, found.mailbox[0], db, now)) as watcher,
        ):
            yield watcher

    return watch


def stored(watcher: Watcher) -> int:
    return int(watcher._db.execute("SELECT count(*) FROM message").fetchone()[0])


def searches(server: ScriptedServer) -> int:
    return sum(b" SINCE " in command for command in server.commands)


def test_letters_of_before_come_in_once(server: ScriptedServer, watching: Watching) -> None:
    for _ in range(2):
        with watching(SINCE) as watcher:
            watcher.poll()
            watcher.sweep()
            assert stored(watcher) == 5
    assert searches(server) == 1


def test_the_setting_may_come_later_and_be_changed(
    server: ScriptedServer, watching: Watching
) -> None:
    with watching("") as watcher:
        watcher.poll()
        watcher.sweep()
        assert stored(watcher) == 0
    for day, count in (("2026-02-04", 2), ("2026-02-03", 3), ("2026-01-01", 5)):
        with watching(f'import_since = "{day}"') as watcher:
            watcher.poll()
            assert stored(watcher) == count
            found = watcher._db.execute("SELECT DISTINCT keep_silent FROM message").fetchall()
            assert found == [("baseline",)]


def test_what_breaks_off_goes_on_after_a_sweep_and_new_letters_do_not_wait_for_it(
    server: ScriptedServer, watching: Watching
) -> None:
    def refuses(tag: bytes, line: bytes) -> list[bytes] | None:
        return [tag + b" NO [UNAVAILABLE] later\r\n"] if b" SINCE " in line else None

    server.answer = refuses
    with watching(SINCE) as watcher:
        with pytest.raises(TransientError):
            watcher.poll()
        server.deliver(letter(9), now())
        watcher.poll()
        assert stored(watcher) == 1
        with pytest.raises(TransientError):
            watcher.sweep()
        server.answer = lambda tag, line: None
        watcher.sweep()
        assert stored(watcher) == 6


def test_an_import_that_was_stopped_goes_on_in_the_next_process(
    server: ScriptedServer, watching: Watching
) -> None:
    with watching(SINCE) as watcher:
        watcher.poll(lambda: True)
        assert stored(watcher) == 0
    with watching(SINCE) as watcher:
        watcher.poll()
        assert stored(watcher) == 5
