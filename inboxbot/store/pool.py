"""Open connections that wait for the next request: to open one costs more than most of its queries.

Nothing of one request reaches the next. What is still being read from a connection ends when it
is given back, and one with an open transaction, or limited to some mailboxes, is closed.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakSet, finalize

from inboxbot.store import scope
from inboxbot.store.database import connect
from inboxbot.store.sqlite import Database, Key

# As many as there are requests at a time.
KEPT = 8

# Which file lies at a path: its device, its number, its owner. One that is open keeps its number.
File = tuple[int, int, int]


class Lent(Database):
    """A connection that can be used by one request after the other."""

    def __init__(self, opened: Database, file: File | None) -> None:
        super().__init__(opened.conn, opened.key, opened.turn)
        self.file = file
        self._read: WeakSet[sqlite3.Cursor] = WeakSet()
        self.execute = self._execute

    def _execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        cursor = self.conn.execute(statement, values)
        self._read.add(cursor)
        return cursor

    def is_clean(self) -> bool:
        """End whatever is still being read; say whether nothing else is left of a request."""
        for cursor in list(self._read):
            cursor.close()
        self._read.clear()
        return not (self.conn.in_transaction or scope.is_limited(self))


class Pool:
    """The connections to one database; a file that takes its place is opened anew."""

    def __init__(self, path: Path, key: Key | None = None) -> None:
        self._path, self._key = path, key
        self._waiting: list[Lent] = []
        self._lock = Lock()
        finalize(self, _close, self._waiting)

    def take(self) -> Lent:
        """Return a connection, one that waits or a new one. Raises as `connect` does."""
        file = _file(self._path)
        while waiting := self._last():
            if file is not None and waiting.file == file:
                return waiting
            waiting.close()
        return Lent(connect(self._path, self._key), file)

    def give_back(self, lent: Lent) -> None:
        """Let a connection wait for the next request, or close it."""
        with suppress(sqlite3.Error):
            if lent.is_clean():
                with self._lock:
                    if len(self._waiting) < KEPT:
                        self._waiting.append(lent)
                        return
        lent.close()

    def _last(self) -> Lent | None:
        """Return the one that was used last, whose pages of the database are still in memory."""
        with self._lock:
            return self._waiting.pop() if self._waiting else None


def _file(path: Path) -> File | None:
    """Return which file lies at a path; None where there is none, or nothing in it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_uid) if found.st_size else None


def _close(waiting: Sequence[Lent]) -> None:
    for lent in waiting:
        lent.close()
