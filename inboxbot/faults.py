"""Places where a test may stop the program, or let it fail, by name.

`INBOXBOT_FAULT=name:kill|raise|enospc|sleep` arms one of them for the process and what it
starts; `name@3:kill` strikes the third time that the place is reached. Without the variable
`point` is an empty function. Callers write `faults.point("sender.dot")`, never a bare `point`,
so that a test can listen.
"""

import errno
import os
import signal
import time
from collections.abc import Callable

NAMES = (
    "intake.listed",
    "intake.attempt",
    "intake.fetched",
    "intake.before_commit",
    "intake.stored",
    "triage.attempt",
    "triage.decided",
    "triage.before_commit",
    "triage.committed",
    "sender.claimed",
    "sender.connected",
    "sender.envelope",
    "sender.text",
    "sender.sending",
    "sender.dot",
    "sender.answered",
    "sender.recorded",
)
# Not on the way of a letter: between what a token server said and its file.
TOKEN_NAMES = ("tokens.received", "tokens.written", "tokens.saved")
SLEEP_S = 3.0


class InjectedFault(Exception):  # noqa: N818  (it is the fault, not a report of one)
    """The error that an armed place raises: one that no part of the program expects."""


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise InjectedFault


def _enospc() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sleep() -> None:
    time.sleep(SLEEP_S)


ACTIONS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "raise": _raise,
    "enospc": _enospc,
    "sleep": _sleep,
}


def _nothing(name: str) -> None:
    """Do nothing: what `point` is in normal use."""


def armed(setting: str) -> Callable[[str], None]:
    """Return the `point` that `setting` (`name[@n]:action`) asks for.

    Raises `ValueError` where the name or the action is not one of the closed lists.
    """
    place, _, action = setting.partition(":")
    wanted, _, nth = place.partition("@")
    if (
        wanted not in NAMES + TOKEN_NAMES
        or action not in ACTIONS
        or not (nth.isdecimal() or not nth)
    ):
        raise ValueError(f"INBOXBOT_FAULT={setting} names no fault point and action")
    remaining = int(nth or 1)

    def strike(name: str) -> None:
        nonlocal remaining
        if name != wanted:
            return
        remaining -= 1
        if remaining == 0:
            ACTIONS[action]()

    return strike


_setting = os.environ.get("INBOXBOT_FAULT", "")
point: Callable[[str], None] = armed(_setting) if _setting else _nothing
