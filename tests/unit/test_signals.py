"""Wherever in its wait a signal finds the main thread, the daemon hears it."""

import subprocess
import sys
from pathlib import Path

# Each turn raises the signal one line further on, also within what the wait calls.
EVERY_LINE = """
import signal, sys, time
from inboxbot.signals import Requests

def heard_at(line, number):
    requests, seen = Requests(), 0

    def trace(frame, event, _):
        nonlocal seen
        if event == "line":
            seen += 1
            if seen == line:
                signal.raise_signal(number)
        return trace

    began = time.monotonic()
    sys.settrace(trace)
    stops = requests.wait(0.01) or requests.take_reload() or requests.wait(0.01)
    sys.settrace(None)
    if seen < line:
        return False
    stops = stops or requests.take_reload() or requests.wait(5)
    assert stops and time.monotonic() - began < 2, (line, number)
    assert requests.halt.is_set() == (number != signal.SIGHUP), (line, number)
    return True

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    line = 1
    while heard_at(line, number):
        line += 1
    print(line)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


def test_a_signal_at_any_line_of_the_wait_is_heard() -> None:
    done = run(EVERY_LINE)
    assert done.returncode == 0, done.stderr
    assert all(int(lines) > 10 for lines in done.stdout.split())
    assert len(done.stdout.split()) == 3
