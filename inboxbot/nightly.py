"""Train by night, in a process of its own: the daemon neither waits for it nor feels it.

The process is the command `inboxbot train --promote`. It may be killed at any moment: until its
one transaction nothing has changed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from inboxbot import events, promotion
from inboxbot.config import Config
from inboxbot.promotion import LEARN_AGAIN
from inboxbot.store import settings
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database

WHO = "nightly"
HOUR = 3
LEARNED_ON = "learned_on"
LONGEST_S = 2 * 3600.0
_LOOK_S = 0.5
_NICE = 10


def look(
    configuration: Config, db: Database, now: datetime, stop: Callable[[], bool]
) -> int | None:
    """Forget what must be forgotten, and train where it is due.

    Returns the exit code of the training, or None where there was none or `stop` ended it.
    """
    promotion.forget_now(db, WHO, now)
    local = now.astimezone(ZoneInfo(configuration.organisation.time_zone))
    again = settings.get(db, LEARN_AGAIN) is not None
    nightly = configuration.classify.learn == "nightly" and due(local, settings.get(db, LEARNED_ON))
    if not again and not nightly:
        return None
    code = apart(command(configuration, if_new=not again), stop, LONGEST_S)
    if code is not None:
        with write(db):
            settings.put(db, LEARNED_ON, f"{local:%Y-%m-%d}")
            settings.put(db, LEARN_AGAIN, None)
        events.learning_ended(code)
    return code


def due(local: datetime, learned_on: str | None) -> bool:
    """Say whether it is the hour to train, and today nobody has."""
    return local.hour == HOUR and learned_on != f"{local:%Y-%m-%d}"


def command(configuration: Config, *, if_new: bool) -> list[str]:
    """Return the command that trains and puts in force what is better."""
    call = [sys.executable, "-m", "inboxbot", "train", "--promote", "--who", WHO]
    return [*call, *(["--if-new"] if if_new else []), "--config", str(configuration.source)]


def apart(call: Sequence[str], stop: Callable[[], bool], longest_s: float) -> int | None:
    """Run a command to its end and return its exit code; None where `stop` said to kill it.

    One that takes longer than `longest_s` is killed, too.
    """
    silent = subprocess.DEVNULL
    with subprocess.Popen(call, stdin=silent, stdout=silent, stderr=silent) as process:  # noqa: S603
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        deadline = time.monotonic() + longest_s
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_S)
            if stop() or time.monotonic() > deadline:
                process.kill()
                code = process.wait()
                return None if stop() else code
