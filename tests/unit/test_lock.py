"""One process has the state folder; a lock that was left behind is no obstacle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inboxbot.errors import Locked
from inboxbot.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from inboxbot.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_r29_the_second_ends_within_two_seconds_and_names_the_first(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(Locked, match=rf"\b{process.pid}\b"), locked(tmp_path):
            raise AssertionError("both have it")
        assert time.monotonic() - started < 2
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        with locked(tmp_path):
            pass
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def test_the_lock_is_given_back_at_the_end_of_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "made"):
            pass
