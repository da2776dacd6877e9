"""Processes that the program starts of itself, without paying for a fresh interpreter each time.

The daemon reads letters in a worker, which `multiprocessing` starts as a new interpreter: half a
second of imports for each daemon of the tests. In a program that was forked from one that has all
modules loaded (`tests.command`) the worker is forked, too. It is given what the new interpreter
would have been given, and nothing else: the same order over the same pipe, no other open file, no
handler of signals or of the log. That a worker of its own interpreter does its work is shown by
tests/unit/test_reading.py, and wherever the installed script itself is started.
"""

import logging
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from multiprocessing import util
from pathlib import Path
from typing import NoReturn

from inboxbot import faults

HANDLED = (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
NO_FAULT = faults.point


def fork_instead() -> None:
    """Let `multiprocessing` fork the processes that it starts from here on."""
    util.spawnv_passfds = _start  # type: ignore[attr-defined]


def _start(path: str, arguments: Sequence[str], handles: Sequence[int]) -> int:
    """Start what `multiprocessing` would: the program behind `-c`; return its number."""
    pid = os.fork()
    if pid == 0:
        _become(arguments, handles)
    return pid


def _become(arguments: Sequence[str], handles: Sequence[int]) -> NoReturn:
    code: object = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        logging.getLogger().handlers.clear()
        # At its end it would wait for the program's threads, one of which it is.
        threading._threading_atexits.clear()  # type: ignore[attr-defined]
        faults.point = NO_FAULT
        # Its own: a thread that is not here may have had those of the program locked.
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        _close_all_but(handles)
        program = arguments[arguments.index("-c") + 1]
        # So that it can be told from others, as by its command line.
        Path("/proc/self/comm").write_text(re.findall(r"import (\w+)", program)[0])
        sys.argv = ["-c", *arguments[arguments.index("-c") + 2 :]]
        exec(program, {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  (told as Python tells what a program lets through)
        traceback.print_exc()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _close_all_but(handles: Sequence[int]) -> None:
    first = 3
    for handle in sorted({*handles, os.sysconf("SC_OPEN_MAX")}):
        if handle >= first:
            os.closerange(first, handle)
            first = handle + 1
