"""The worker's side of reading: a process that the kernel ends where a message takes too much.

It says how far it came in shared memory, since a process that was ended cannot answer.
"""

import gc
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Sequence
from ctypes import Array, c_ubyte
from multiprocessing import connection
from typing import Literal

from inboxbot import heap, parcel
from inboxbot.classify.category import Classification, Evidence, Flag, Medicine, Suggestion
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Address, Attachment, Message, Part
from inboxbot.reading import Classifies, Factory, Reading, classified
from inboxbot.tray import Tray

# So many more objects than before make the worker look for garbage: a few letters' worth.
_GARBAGE_FROM = 20_000

TOO_MUCH_MEMORY = "needed too much memory"

Depth = Literal["whole", "message", "header"]
# What the progress holds: the position of the message, and what is done with it.
NOT_BEGUN = 255
PARSING, CLASSIFYING = 1, 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may cost: seconds by the clock, seconds of CPU, bytes of memory."""

    wall_s: float = 20.0
    cpu_s: float = 5.0
    memory: int = 1024 * 1024 * 1024


class _Worker:
    """What the worker process holds: its limits, its progress, the classifier once loaded."""

    def __init__(
        self, factory: Factory, limits: Limits, progress: "Array[c_ubyte]", tray: Tray
    ) -> None:
        self.factory = factory
        self.limits = limits
        self.progress = progress
        self.tray = tray
        # Before any letter is read, which would be charged for it; the daemon never loads it.
        from inboxbot.mail import parse as parsing

        self.parsing = parsing
        self.loaded = False
        self.classifier: Classifies | None = None

    def read(self, raws: Sequence[bytes], depth: Depth) -> list[Reading | str]:
        """Read each message; a string stands for one whose reading failed."""
        if depth == "whole" and not self.loaded:
            self.loaded = True
            try:
                self.classifier = self.factory()
            except Exception:  # noqa: BLE001  (a missing model must not stop the mail)
                self.classifier = None
            _look_for_garbage_seldom()
        results: list[Reading | str] = []
        for position, raw in enumerate(raws):
            self.progress[:] = [position, PARSING]
            signal.setitimer(signal.ITIMER_PROF, self.limits.cpu_s)
            try:
                results.append(self._one(raw, depth))
            except MemoryError:
                results.append(TOO_MUCH_MEMORY)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        return results

    def _one(self, raw: bytes, depth: Depth) -> Reading:
        parsing = self.parsing
        message = parsing.parse_header(raw) if depth == "header" else parsing.parse(raw)
        self.progress[1] = CLASSIFYING
        classifier = self.classifier if depth == "whole" else None
        before = time.thread_time()
        classification = classified(message, classifier)
        return Reading(message, classification, time.thread_time() - before)


def _look_for_garbage_seldom() -> None:
    """Leave what is loaded out of every search; a letter leaves none that refers to itself."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_FROM)


_HANDED_OVER = (
    *(Reading, Message, Address, Attachment, Part),
    *(Classification, Evidence, Flag, Medicine, Suggestion),
)
_worker: _Worker | None = None


def start(factory: Factory, limits: Limits, progress: "Array[c_ubyte]", tray: Tray) -> None:
    """Begin the worker's life, under its limits; `progress` is two bytes of shared memory."""
    global _worker
    heap.share()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    # The default action of the timer's signal is to end the process, whatever it is doing.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    parcel.pickle_in_a_row(_HANDED_OVER)
    _worker = _Worker(factory, limits, progress, tray)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(0)


def work(given: Sequence[bytes] | int, depth: Depth) -> tuple[int, list[Reading | str]]:
    """Read what is given; a number is the size of a letter in the tray."""
    assert _worker is not None, "the worker was started"  # noqa: S101
    raws = [_worker.tray.take(given)] if isinstance(given, int) else given
    return os.getpid(), _worker.read(raws, depth)
