"""Commands as somebody types them, run in this process."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inboxbot import events
from inboxbot.cli import main

CONFIG = """
[organisation]
name = "ALS Worldwide"
website = "https://www.example.org"
phone = "1-608-663-0920"
postal_address = "5808 Dawley Drive, Fitchburg"
profile_form_url = "https://www.example.org/profile"

[[mailbox]]
name = "support"
address = "support@example.org"
[mailbox.imap]
host = "127.0.0.1"
security = "none"
username = "support"
[mailbox.smtp]
host = "127.0.0.1"
security = "none"
username = "support"

[store]
path = "state/inboxbot.sqlite3"
"""


@contextmanager
def logging_kept() -> Iterator[None]:
    """Log afterwards as before: a command that serves sends all events to its own output."""
    loggers = [logging.getLogger(name) for name in (None, events.log.name, *events.TALKATIVE)]
    before = [(each, each.handlers[:], each.level) for each in loggers]
    try:
        yield
    finally:
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)


class Terminal:
    """Runs commands as somebody types them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], *, more: str = "") -> None:
        self._config = folder / "inboxbot.toml"
        self._config.write_text(CONFIG + more)
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Return the exit code and what was printed, errors too."""
        with logging_kept(), pytest.raises(SystemExit) as ended:
            main([*arguments, "--config", str(self._config)])
        printed = self._capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    def json(self, *arguments: str) -> list[dict[str, object]]:
        """Return what a command prints for machines."""
        code, text = self(*arguments, "--json")
        assert code == 0, text
        return [json.loads(line) for line in text.splitlines()]
