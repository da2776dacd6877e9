"""Runs `inboxbot` as processes of its own, without paying for the imports each time.

A server process has the program loaded and forks for each command: the fork takes the folder,
environment, arguments and output that it is told, and runs the program as its script does. All
processes that test share one server, over a Unix socket: one line of JSON is one order, one line
the answer. It ends with the last of them. That the script itself starts is shown elsewhere: the
tests of the main job, and of the wheel, start it in the plain way.
"""

import atexit
import contextlib
import ctypes
import errno
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, TextIO

from tests.forked import fork_instead

NOT_TO_LOAD = "inboxbot.__main__"
# A name without a file, that goes with the server.
ADDRESS = f"\0inboxbot-tests-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
GREETING = "ready\n"
EXAMPLE = Path(__file__).parent.parent / "config" / "inboxbot.example.toml"
# What is imported where it is first needed: by each command, and by a daemon that has a letter.
FIRST_NEEDED = (
    "encodings.utf_8_sig",
    "multiprocessing.popen_spawn_posix",
    "multiprocessing.sharedctypes",
    "multiprocessing.synchronize",
    "pebble.pool.process",
)
START_S = 60
END_S = 5
PAUSE_S = 0.05
# What lets root read and write whatever a file's mode says (capabilities(7), capset(2)).
CAPABILITIES_VERSION = 0x20080522
WHATEVER_THE_MODE = 1 << 1 | 1 << 2


class Server:
    """The forking process, as the tests see it; started by whoever needs it first."""

    def __init__(self) -> None:
        self._lines: TextIO | None = None
        self._started: list[subprocess.Popen[bytes]] = []
        self._turn = threading.Lock()

    def run(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        timeout_s: float,
        *,
        held_to_modes: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; raises TimeoutExpired, and kills it, where it does not end."""
        with TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            process = self.start(arguments, cwd, environment, out, err, held_to_modes=held_to_modes)
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
        held_to_modes: bool = False,
    ) -> "Process":
        """Start a command; `fault` is what INBOXBOT_FAULT would be, the numbers are limits.

        Where `held_to_modes`, file modes hold it as they hold anybody, also where root tests.
        """
        order = {
            "arguments": list(arguments),
            "cwd": str(cwd),
            "environment": dict(environment),
            "out": str(out),
            "err": str(err),
            "fault": fault,
            "file_size": file_size,
            "open_files": open_files,
            "held_to_modes": held_to_modes,
        }
        return Process(self, self.ask(order))

    def ask(self, order: Mapping[str, Any]) -> Any:
        """Have an order carried out, and return the answer."""
        with self._turn:
            if self._lines is None:
                self._lines = self._reached()
            self._lines.write(json.dumps(order) + "\n")
            self._lines.flush()
            return json.loads(self._lines.readline())

    def _reached(self) -> TextIO:
        """Return a connection to the server, which is started where there is none."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self._start_unless_there()
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(START_S)
            # It may not listen yet, or be about to end since nobody else is left.
            with contextlib.suppress(ConnectionError):
                client.connect(ADDRESS)
                lines = client.makefile("rw")
                if lines.readline() == GREETING:
                    client.settimeout(None)
                    client.close()  # As soon as the lines are.
                    atexit.register(self._leave)
                    return lines
            client.close()
            time.sleep(PAUSE_S)
        raise TimeoutError(f"No server of commands within {START_S} s")

    def _leave(self) -> None:
        """Go, and see the server end where nobody else is left."""
        if self._lines is not None:
            self._lines.close()
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)

    def _start_unless_there(self) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            try:
                listener.bind(ADDRESS)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return  # Somebody else has started it.
            listener.listen()
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.command", str(listener.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[listener.fileno()],
                    cwd=Path(__file__).parent.parent,
                )
            )


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


class Client:
    """A process that tests, as the server sees it, and the commands that it started."""

    def __init__(self, connection: socket.socket) -> None:
        self._lines = connection.makefile("rw")
        self._running: set[int] = set()

    def greet(self) -> None:
        """Say that orders are taken."""
        self._say(GREETING)

    def serve(self, inherited: Iterable[socket.socket]) -> bool:
        """Carry out one order; return False where there is none to come.

        A command keeps nothing of what is open in `inherited`.
        """
        line = self._lines.readline()
        if not line.endswith("\n"):  # Nothing, or the half of an order.
            return False
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            self._running.discard(pid)
            self._say(json.dumps(os.waitstatus_to_exitcode(status) if pid else None) + "\n")
            return True
        pid = os.fork()
        if pid == 0:
            for each in inherited:
                os.close(each.fileno())
            _become(**order)
        self._running.add(pid)
        self._say(f"{pid}\n")
        return True

    def end(self) -> None:
        """End the commands that it left behind."""
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)

    def _say(self, line: str) -> None:
        self._lines.write(line)
        self._lines.flush()


def main() -> None:
    """Serve on the socket whose number is given, until everybody has gone who came."""
    import inboxbot

    for module in pkgutil.walk_packages(inboxbot.__path__, "inboxbot."):
        if module.name != NOT_TO_LOAD:
            importlib.import_module(module.name)
    _warm_up()
    fork_instead()
    # As an exception it would be lost where a fork has only begun, and the command would go on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    listener = socket.socket(fileno=int(sys.argv[1]))
    clients: dict[socket.socket, Client] = {}
    # Without an open file of its own, which a command would inherit.
    with selectors.PollSelector() as ready:
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    clients[connection] = Client(connection)
                    ready.register(connection, selectors.EVENT_READ)
                    with contextlib.suppress(ConnectionError):
                        clients[connection].greet()
                    continue
                goes_on = False
                # One that was killed in the middle of an order takes none of the others along.
                with contextlib.suppress(ConnectionError):
                    goes_on = clients[key.fileobj].serve([listener, *clients])
                if not goes_on:
                    clients.pop(key.fileobj).end()
                    ready.unregister(key.fileobj)
            if not clients:
                return


def _warm_up() -> None:
    """Do once what each command would do for itself; what is kept never changes."""
    from inboxbot import config
    from inboxbot.classify.classifier import Classifier
    from inboxbot.errors import ConfigError
    from inboxbot.reading import read
    from inboxbot.reply import guard
    from inboxbot.reply.library import BUILT_IN

    for name in FIRST_NEEDED:
        importlib.import_module(name)
    # The example is to be filled in yet: its models are built all the same.
    with contextlib.suppress(ConfigError):
        config.load(EXAMPLE)
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
    held_to_modes: bool,
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
    if held_to_modes:
        _hold_to_modes()
    _run(arguments, out, err)


def _hold_to_modes() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # Effective, permitted, inheritable; then what is above 31.
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for number in range(3):
        sets[number] &= ~WHATEVER_THE_MODE
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


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
    faulthandler.enable()  # SIGABRT asks one that hangs where it is.
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
