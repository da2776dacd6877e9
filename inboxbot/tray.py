"""Where a large letter is laid for the worker process: a pipe would hold it three times more."""

import os
from multiprocessing import reduction
from typing import Any


class Tray:
    """A file in memory, open in both processes; it goes to the worker as the worker starts."""

    def __init__(self) -> None:
        self._file = os.memfd_create("inboxbot-letter")

    def __getstate__(self) -> Any:
        return reduction.DupFd(self._file)

    def __setstate__(self, file: Any) -> None:
        self._file = file.detach()

    def lay(self, raw: bytes) -> int:
        """Lay a letter down; return its size."""
        os.ftruncate(self._file, 0)
        left = memoryview(raw)
        while left:
            left = left[os.pwrite(self._file, left, len(raw) - len(left)) :]
        return len(raw)

    def take(self, size: int) -> bytes:
        """Take the letter up; the tray is empty afterwards."""
        raw = os.pread(self._file, size, 0)
        os.ftruncate(self._file, 0)
        return raw

    def close(self) -> None:
        """Give its memory back."""
        os.close(self._file)
