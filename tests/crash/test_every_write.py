"""Each write and each commit fails in turn, or is the last thing that the process does."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from inboxbot import faults
from inboxbot.errors import InboxbotError
from inboxbot.store import alerts
from tests.crash.pipeline import (
    Crash,
    Outside,
    Process,
    crash,
    disk_full,
    failing_at,
    install,
    letter,
    listening,
)
from tests.fake_transport import UNKNOWN_TAKEN

KINDS = ("person", "person", "robot")


def outside_with_letters(folder: Path, now: datetime) -> Outside:
    """Return a live installation to which three letters have just come."""
    outside = Outside(folder / "inboxbot.sqlite3", now)
    install(outside)
    for number, kind in enumerate(KINDS):
        outside.deliver(letter(number, kind), kind)
    return outside


def one_life(outside: Outside) -> None:
    """Start, make two passes, and end, in whatever way."""
    process = None
    try:
        process = Process(outside)
        process.run()
        process.run()
    except (Crash, InboxbotError, sqlite3.Error):
        pass  # What fails at the start ends the process, and the service starts it again.
    finally:
        if process is not None:
            process.close()


@pytest.mark.parametrize("fail", [disk_full, crash])
def test_r24_r07_each_write_fails_in_turn_and_nothing_is_lost_or_doubled(
    in_memory: Path, now: datetime, fail: Callable[[], None]
) -> None:
    number = acknowledged = 0
    reached = True
    while reached:
        number += 1
        folder = in_memory / str(number)
        outside = outside_with_letters(folder, now)
        with failing_at(number, fail) as failing:
            one_life(outside)
            reached = failing.writes >= number
        process = Process(outside)
        assert process.broken() == [], number
        process.settle()
        assert process.broken() == [], number
        assert process.unaccounted() == [], number
        acknowledged += len(outside.server.accepted)
        process.close()
        shutil.rmtree(folder)
    assert number > 50, "the writes of every stage were met"
    assert acknowledged >= number, "most letters were acknowledged all the same"


def test_every_fault_point_is_reached(in_memory: Path, now: datetime) -> None:
    reached: set[str] = set()
    outside = outside_with_letters(in_memory, now)
    with listening(reached.add):
        one_life(outside)
    # Those of the connection itself are met by the whole daemon, in `tests/crash/test_daemon.py`.
    over_a_socket = {
        name for name in faults.NAMES if name.startswith("sender.") and name not in reached
    }
    assert over_a_socket == {
        "sender.connected",
        "sender.envelope",
        "sender.text",
        "sender.dot",
        "sender.answered",
    }
    assert reached | over_a_socket == set(faults.NAMES)


@pytest.mark.parametrize("action", ["raise", "enospc"])
@pytest.mark.parametrize(
    "name", [name for name in faults.NAMES if not name.startswith("sender.") or name[7:] in
             ("claimed", "sending", "recorded")]
)  # fmt: skip
def test_a_fault_that_is_no_end_is_survived(
    in_memory: Path, now: datetime, name: str, action: str
) -> None:
    outside = outside_with_letters(in_memory, now)
    process = Process(outside)
    with listening(faults.armed(f"{name}:{action}")):
        for _ in range(3):
            with suppress(faults.InjectedFault, OSError):  # The job failed; the next goes on.
                process.run()
            assert process.broken() == []
    process.settle()
    assert process.broken() == []
    assert process.unaccounted() == []
    process.close()


def test_uncertain_replies_are_shown_to_staff(in_memory: Path, now: datetime) -> None:
    outside = outside_with_letters(in_memory, now)
    outside.server.script = [UNKNOWN_TAKEN]
    process = Process(outside)
    process.poll()
    process.triage.run()
    process.sender.send_due()
    assert alerts.Code.UNCERTAIN in {alert.code for alert in alerts.unfinished(process.db)}
    assert process.broken() == []
    process.close()
