"""Runs `inboxbot` as processes of its own, without paying for the imports each time.

A server process has the program loaded and forks for each command: the fork takes the folder,
environment, arguments and output that it is told, and runs the program as its script does. One
line of JSON on standard input is one order, one line the answer. That the script itself starts
is shown elsewhere: the tests of the main job, and of the wheel, start it in the plain way.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from tests.forked import fork_instead

NOT_TO_LOAD = "inboxbot.__main__"
END_S = 5


class Server:
    """The forking process, as the tests see it; started when first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; raises TimeoutExpired, and kills it, where it does not end."""
        with TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            process = self.start(arguments, cwd, environment, out, err)
            try:
                code = process.wait(timeout_s)
            finally:
                process.kill()
            return subprocess.CompletedProcess(
                ["inboxbot", *arguments], code, out.read_text(), err.read_text()
            )

    def start(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        *,
        fault: str = "",
        file_size: int = 0,
        open_files: int = 0,
    ) -> "Process":
        """Start a command; `fault` is what INBOXBOT_FAULT would be, the numbers are limits."""
        order = {
            "arguments": list(arguments),
            "cwd": str(cwd),
            "environment": dict(environment),
            "out": str(out),
            "err": str(err),
            "fault": fault,
            "file_size": file_size,
            "open_files": open_files,
        }
        return Process(self, self.ask(order))

    def ask(self, order: Mapping[str, Any]) -> Any:
        """Have an order carried out, and return the answer."""
        with self._turn:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.command"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=Path(__file__).parent.parent,
                )
                atexit.register(self._close)
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def _close(self) -> None:
        assert self._process is not None
        try:
            self._process.communicate(timeout=END_S)  # It ends with its standard input.
        except subprocess.TimeoutExpired:
            self._process.kill()


class Process:
    """A command that runs, with what `subprocess.Popen` offers for it."""

    def __init__(self, server: Server, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code (below zero: the signal that ended it), or None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait until it has ended; raises TimeoutExpired where that takes longer."""
        code = self.poll()
        if code is None:
            # The server alone takes its exit code, when asked: until then the number is its own.
            handle = os.pidfd_open(self.pid)
            try:
                select.select([handle], [], [], timeout)
            finally:
                os.close(handle)
            code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("inboxbot", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, unless it has ended."""
        self.send_signal(signal.SIGKILL)


SERVER = Server()


def main() -> None:
    """Serve until standard input ends."""
    import inboxbot

    for module in pkgutil.walk_packages(inboxbot.__path__, "inboxbot."):
        if module.name != NOT_TO_LOAD:
            importlib.import_module(module.name)
    _warm_up()
    fork_instead()
    # As an exception it would be lost where a fork has only begun, and the command would go on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            running.discard(pid)
            print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _become(**order)
        running.add(pid)
        print(pid, flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _warm_up() -> None:
    """Do once what each command would do for its first letter; what is kept never changes."""
    from inboxbot.classify.classifier import Classifier
    from inboxbot.reading import read
    from inboxbot.reply import guard
    from inboxbot.reply.library import BUILT_IN

    read(b"Subject: Riluzole\n\nMay my mother take it with milk?\n", Classifier.load("light"))
    guard.violations("Thank you.", BUILT_IN)
    gc.collect()
    gc.freeze()  # Else each fork would copy what it looks through for garbage.


def _become(
    arguments: list[str],
    cwd: str,
    environment: dict[str, str],
    out: str,
    err: str,
    fault: str,
    file_size: int,
    open_files: int,
) -> NoReturn:
    from inboxbot import faults

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    if fault:
        faults.point = faults.armed(fault)
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    if open_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    _run(arguments, out, err)


def _run(arguments: Sequence[str], out: str, err: str) -> NoReturn:
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
        signal.signal(signal.SIGINT, signal.default_int_handler)
        program()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:  # Nobody caught it: Python lets the signal end the process.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except Exception:  # noqa: BLE001  (told as Python tells what a program lets through)
        sys.excepthook(*sys.exc_info())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
