"""Runs `inboxbot` commands as processes of their own, without paying for the imports each time.

A server process has the program loaded and forks for each command: the fork takes the folder,
environment, arguments and output that it is told, and runs the program as its script does. One
line of JSON on standard input is one command; the answer is its exit code. That the script itself
starts is shown elsewhere: the daemons of the tests, and the wheel, are started in the plain way.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

NOT_TO_LOAD = "inboxbot.__main__"


class Server:
    """The forking process, as the tests see it; started when first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; raises TimeoutExpired, and kills it, where it does not end."""
        with self._turn, TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            order = {
                "arguments": list(arguments),
                "cwd": str(cwd),
                "environment": dict(environment),
                "out": str(out),
                "err": str(err),
            }
            code = self._ask(json.dumps(order), timeout_s)
            return subprocess.CompletedProcess(
                ["inboxbot", *arguments], code, out.read_text(), err.read_text()
            )

    def _ask(self, order: str, timeout_s: float) -> int:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.command"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parent.parent,
                process_group=0,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(order + "\n")
        process.stdin.flush()
        alarm = threading.Timer(timeout_s, os.killpg, (process.pid, 9))
        alarm.start()
        answer = process.stdout.readline()
        alarm.cancel()
        if not answer:
            self._process = None
            process.wait()
            process.stdin.close()
            process.stdout.close()
            raise subprocess.TimeoutExpired(order, timeout_s)
        return int(answer)


SERVER = Server()


def main() -> None:
    """Serve until standard input ends."""
    import inboxbot

    for module in pkgutil.walk_packages(inboxbot.__path__, "inboxbot."):
        if module.name != NOT_TO_LOAD:
            importlib.import_module(module.name)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(**json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(
    arguments: list[str], cwd: str, environment: dict[str, str], out: str, err: str
) -> NoReturn:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    run(arguments, out, err)


def run(arguments: Sequence[str], out: str, err: str) -> NoReturn:
    """Run the program in this very process, as its script does, and end with its exit code.

    What it says is added to the files `out` and `err`, which may be the same.
    """
    from inboxbot.cli import main as program

    for target, path in ((1, out), (2, err)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(handle, target)
        os.close(handle)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    sys.argv = ["inboxbot", *arguments]
    code: object = 1
    try:
        program()
    except SystemExit as end:
        code = end.code
    except Exception:  # noqa: BLE001  (told as Python tells what a program lets through)
        sys.excepthook(*sys.exc_info())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
