"""Starts the real `inboxbot` again and again without paying for its imports each time.

One line of JSON on standard input says which command, where its output goes, and which fault it
is to meet; the answer is its process id, and later its exit code. The process is a fork of this
one, made while it has a single thread, and runs the command as the installed script does.
"""

import json
import os
import resource
import signal
import sys
from typing import NoReturn

from tests.command import run

# What the daemon starts imports this module again, and needs nothing of the program for it.


def main() -> None:
    import inboxbot.cli
    import inboxbot.daemon  # noqa: F401  (what the forks share)

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(**json.loads(line))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(output: str, command: str, fault: str, file_size: int, open_files: int) -> NoReturn:
    from inboxbot import faults

    if fault:
        faults.point = faults.armed(fault)
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    if open_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    run([command], output, output)


if __name__ == "__main__":
    main()
