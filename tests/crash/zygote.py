"""Starts the real `inboxbot run` again and again without paying for its imports each time.

One line on standard input is the path that the new process's output goes to; the answer is its
process id. The process is a fork of this one, made while it has a single thread, and runs the
command exactly as the installed script does.
"""

import os
import signal
import sys


def main() -> None:
    import inboxbot.cli
    import inboxbot.daemon  # noqa: F401  (what the forks share)

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become_daemon(line.strip())
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become_daemon(output: str) -> None:
    import inboxbot.cli

    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    sys.argv = ["inboxbot", "run"]
    try:
        inboxbot.cli.main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


if __name__ == "__main__":
    main()
