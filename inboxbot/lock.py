"""One process that works on the state folder at a time.

The lock belongs to the process: the kernel gives it back however the process ends, so a lock
file that is left behind is no obstacle.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inboxbot.errors import Locked, StoreError

FILE = "inboxbot.lock"
PATIENCE_S = 1.0  # A daemon that is just ending is waited for; a second one ends within 2 s.
PAUSE_S = 0.05


@contextmanager
def locked(folder: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Have the state folder for the length of the block.

    Raises `Locked`, which names the process that has it, and `StoreError` where the lock file
    cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"No lock file can be made in {folder}: {error.strerror}.") from error
    try:
        _wait_for(handle, folder, time.monotonic() + patience_s)
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                pid = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
                raise Locked(
                    f"Another inboxbot (process {pid}) is working on {folder}: stop it first, or "
                    "let it do the work."
                ) from None
            time.sleep(PAUSE_S)
        else:
            return
