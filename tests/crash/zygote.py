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
from typing import Any


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


def _become(output: str, command: str, fault: str, file_size: int, open_files: int) -> Any:
    import inboxbot.cli
    from inboxbot import faults

    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (handle, 1), (handle, 2)):
        os.dup2(source, target)
    if fault:
        faults.point = faults.armed(fault)
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    if open_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    sys.argv = ["inboxbot", command]
    try:
        inboxbot.cli.main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


if __name__ == "__main__":
    main()
