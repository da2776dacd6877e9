"""Fault points cost nothing in normal use, and strike where and when they are told to."""

import errno
import signal
import subprocess
import sys

import pytest

from inboxbot import faults


def test_in_normal_use_a_point_does_nothing() -> None:
    assert faults.point is faults._nothing
    for name in faults.NAMES:
        faults.point(name)


@pytest.mark.parametrize(
    "setting", ["", "sender.dot", "sender.dot:burn", "x:kill", "sender.dot@a:kill"]
)
def test_a_setting_that_names_nothing_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="INBOXBOT_FAULT"):
        faults.armed(setting)


def test_it_strikes_at_its_own_place_and_turn_only() -> None:
    point = faults.armed("sender.dot@3:raise")
    for _ in range(5):
        point("sender.text")
    point("sender.dot")
    point("sender.dot")
    with pytest.raises(faults.InjectedFault):
        point("sender.dot")
    point("sender.dot")


def test_it_can_fill_the_disk() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        faults.armed("intake.stored:enospc")("intake.stored")
    assert caught.value.errno == errno.ENOSPC


def test_it_can_kill_the_process() -> None:
    code = "from inboxbot import faults; faults.point('sender.dot'); print('alive')"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={"INBOXBOT_FAULT": "sender.dot:kill"},
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert process.stdout == b""
