"""Counts what the program costs others: round trips and bytes on a line, statements and commits.

The figures are the same on any machine, so that a test can hold the program to them.
"""

import select
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from inboxbot.store.sqlite import Database

PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went over the line: a round trip is a turn to the client after the server spoke."""

    round_trips: int = 0
    up: int = 0
    down: int = 0
    connections: int = 0

    def since(self, before: "Traffic") -> "Traffic":
        return Traffic(
            self.round_trips - before.round_trips,
            self.up - before.up,
            self.down - before.down,
            self.connections - before.connections,
        )


class Line:
    """A way to a server on this machine that passes everything on, and counts it."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._round_trips = self._up = self._down = self._connections = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            ends = [self._listener, *self._ends]
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    @property
    def traffic(self) -> Traffic:
        """Return what went over the line so far."""
        with self._lock:
            return Traffic(self._round_trips, self._up, self._down, self._connections)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._start(partial(self._connected, client))

    def _connected(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to_port)) as server:
            ends = {client: server, server: client}
            with self._lock:
                self._connections += 1
                self._ends |= ends.keys()
            for end in ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):
                self._carry(client, server)
            with self._lock:
                self._ends -= ends.keys()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on whatever comes from either end, until one of them ends."""
        spoke = server
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(PIECE)
                if not data:
                    return
                with self._lock:
                    if source is client:
                        self._up += len(data)
                        self._round_trips += spoke is server
                    else:
                        self._down += len(data)
                spoke = source
                (server if source is client else client).sendall(data)


@dataclass
class Statements:
    """The SQL that a connection ran, by its first word, and in full where it is `kept`."""

    by_verb: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    keep: bool = False

    def __call__(self, statement: str) -> None:
        # What triggers do is told as a comment: it belongs to the statement that set them off.
        if statement.startswith("--"):
            return
        self.by_verb[statement.split(None, 1)[0].upper()] += 1
        if self.keep:
            self.kept.append(statement)

    @property
    def commits(self) -> int:
        return self.by_verb["COMMIT"]

    @property
    def all(self) -> int:
        """Return how many statements there were, without the borders of transactions."""
        return sum(self.by_verb.values()) - self.by_verb["BEGIN"] - self.by_verb["COMMIT"]


@contextmanager
def counted(*databases: Database, keep: bool = False) -> Iterator[Statements]:
    """Count the statements of connections for the length of the block."""
    found = Statements(keep=keep)
    trace: Callable[[str], None] | None = found
    for db in databases:
        db.conn.set_trace_callback(trace)
    try:
        yield found
    finally:
        for db in databases:
            db.conn.set_trace_callback(None)


def steps(db: Database, look: Callable[[], object]) -> int:
    """Return how many steps of its virtual machine SQLite takes for a look."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    db.conn.set_progress_handler(count, 1)
    try:
        look()
    finally:
        db.conn.set_progress_handler(None, 0)
    return taken
