"""Reading a letter (parse and classify) in a process that may be killed.

The one rule: no message stops the program or its neighbours. A worker process reads under
limits of time and memory that the kernel holds; what exceeds them, or crashes it, costs
that one message its reading and nothing else. The pure functions know nothing of it.
"""

import contextlib
import gc
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as Overdue
from ctypes import Array, c_ubyte
from dataclasses import field, replace
from multiprocessing import connection
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from inboxbot import heap, parcel
from inboxbot.classify.category import (
    Category,
    Classification,
    Evidence,
    Flag,
    Medicine,
    Suggestion,
)
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Address, Attachment, Message, Part
from inboxbot.tray import Tray

if TYPE_CHECKING:
    from pebble import ProcessPool

CHUNK_MESSAGES = 32
CHUNK_BYTES = 1024 * 1024
# How much later than its limit an answer may come before the whole pool is given up.
_GRACE_S = 10.0
# How long a worker may take to start and to load the classifier.
_START_S = 60.0
# So many more objects than before make the worker look for garbage: a few letters' worth.
_GARBAGE_FROM = 20_000

TOO_LONG = "took too long"
TOO_MUCH_MEMORY = "needed too much memory"
CRASHED = "crashed"
GIVEN_UP = "failed again and again"
# The limit by the clock holds for a chunk as a whole: which message it was, nobody knows.
_TOO_LONG_TOGETHER = "took too long together"

_Depth = Literal["whole", "message", "header"]


class Classifies(Protocol):
    """What classifies: `inboxbot.classify.Classifier`."""

    def classify(self, message: Message) -> Classification:
        """Return what kind of letter it is."""
        ...


Factory = Callable[[], Classifies]


@dataclass(frozen=True, slots=True)
class LoadClassifier:
    """How the worker comes to its classifier: the arguments of `Classifier.load`.

    The program itself never loads it, nor the library that its figures are in.
    """

    kind: Literal["encoder", "light"] = "encoder"
    model: bytes | None = None
    medicines: tuple[str, ...] = ()
    unsure_below: float | None = None

    def __call__(self) -> Classifies:
        """Load it; raises PermanentError where the model is missing or damaged."""
        from inboxbot.classify.classifier import Classifier

        loaded = Classifier.load(self.kind, self.model, self.medicines)
        return (
            loaded if self.unsure_below is None else replace(loaded, unsure_below=self.unsure_below)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may cost: seconds by the clock, seconds of CPU, bytes of memory."""

    wall_s: float = 20.0
    cpu_s: float = 5.0
    memory: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """A message, and what it was taken for, which took `classified_s` of work."""

    message: Message
    classification: Classification
    classified_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class ReadingFailed:
    """What is left of a message that could not be read safely, and why, in plain words.

    `message` holds what its header said, where at least that could be read.
    """

    message: Message
    classification: Classification
    reason: str


def read(raw: bytes, classifier: Classifies | None) -> Reading:
    """Parse and classify here and now, without limits: for small jobs on trusted mail.

    A classifier that is missing or fails leaves the letter a general inquiry for review.
    """
    from inboxbot.mail.parse import parse  # As in the worker: the daemon itself never parses.

    message = parse(raw)
    return Reading(message, _classified(message, classifier))


def unclassified(because: str) -> Classification:
    """Return the classification of a letter that could not be classified: people look."""
    return Classification(
        category=Category.GENERAL_INQUIRY,
        confidence=0.0,
        runner_up=Category.PROFILE_REQUEST,
        runner_up_confidence=0.0,
        unsure_because=because,
        needs_review=True,
    )


def _classified(message: Message, classifier: Classifies | None) -> Classification:
    if classifier is None:
        return unclassified("The classifier could not be used on this letter.")
    try:
        return classifier.classify(message)
    except Exception:  # noqa: BLE001  (around one message; staff see that it was not classified)
        return unclassified("The classifier failed on this letter.")


# --- in the worker -------------------------------------------------------------------


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

    def read(self, raws: Sequence[bytes], depth: _Depth) -> list[Reading | str]:
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
            self.progress[:] = [position, _PARSING]
            signal.setitimer(signal.ITIMER_PROF, self.limits.cpu_s)
            try:
                results.append(self._one(raw, depth))
            except MemoryError:
                results.append(TOO_MUCH_MEMORY)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        return results

    def _one(self, raw: bytes, depth: _Depth) -> Reading:
        parsing = self.parsing
        message = parsing.parse_header(raw) if depth == "header" else parsing.parse(raw)
        self.progress[1] = _CLASSIFYING
        classifier = self.classifier if depth == "whole" else None
        before = time.thread_time()
        classification = _classified(message, classifier)
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
_PARSING, _CLASSIFYING = 1, 2
_NOT_BEGUN = 255
_worker: _Worker | None = None


def _start_worker(factory: Factory, limits: Limits, progress: "Array[c_ubyte]", tray: Tray) -> None:
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


def _work(given: Sequence[bytes] | int, depth: _Depth) -> tuple[int, list[Reading | str]]:
    """Read what is given; a number is the size of a letter in the tray."""
    assert _worker is not None, "the worker was started"  # noqa: S101
    raws = [_worker.tray.take(given)] if isinstance(given, int) else given
    return os.getpid(), _worker.read(raws, depth)


# --- in the program ------------------------------------------------------------------


class Reader:
    """Reads letters in a worker process, started when first needed and again when it dies.

    `factory` makes the classifier inside the worker, so it must be picklable:
    `functools.partial(Classifier.load, kind, model)`. One thread at a time uses a reader.
    """

    def __init__(self, factory: Factory, limits: Limits | None = None) -> None:
        self._factory = factory
        self._limits = limits or Limits()
        # Spawned, never forked: the daemon has threads, and their locks would be copied.
        self._context = multiprocessing.get_context("spawn")
        self._progress: Array[c_ubyte] = self._context.RawArray(c_ubyte, 2)
        self._pool: ProcessPool | None = None
        self._tray: Tray | None = None
        self._is_ready = False
        self.worker_pid: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def use(self, factory: Factory) -> None:
        """Classify with another classifier from the next message on."""
        self.close()
        self._factory = factory

    def close(self) -> None:
        """End the worker. The reader may be used again: it starts another."""
        if self._pool is not None:
            pool, self._pool, self.worker_pid = self._pool, None, None
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()
        self._put_tray_away()

    def read(self, raw: bytes) -> Reading | ReadingFailed:
        """Read one message."""
        return next(self.read_many([raw]))

    def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
        """Read messages; yields one answer for each, in their order."""
        for chunk in _chunks(raws):
            yield from self._read_chunk(chunk)

    def give_up(self, raw: bytes) -> ReadingFailed:
        """Return what the header says of a message whose reading failed too often."""
        return self._failed(raw, GIVEN_UP)

    def _read_chunk(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
        answers = self._ask(raws, "whole")
        if not isinstance(answers, str):
            for raw, answer in zip(raws, answers, strict=True):
                yield self._failed(raw, answer) if isinstance(answer, str) else answer
            return
        position, stage = self._progress[:]
        if len(raws) == 1:
            yield self._after_death(raws[0], answers, stage)
        elif answers == _TOO_LONG_TOGETHER or position >= len(raws):
            for raw in raws:
                yield from self._read_chunk([raw])
        else:
            yield from self._read_chunk(raws[:position]) if position else ()
            yield self._after_death(raws[position], answers, stage)
            if position + 1 < len(raws):
                yield from self._read_chunk(raws[position + 1 :])

    def _after_death(self, raw: bytes, reason: str, stage: int) -> Reading | ReadingFailed:
        """Read a message that cost a worker its life once more, and less deeply."""
        if stage == _CLASSIFYING:
            answers = self._ask([raw], "message")
            if not isinstance(answers, str) and isinstance(answers[0], Reading):
                return answers[0]
        return self._failed(raw, TOO_LONG if reason == _TOO_LONG_TOGETHER else reason)

    def _failed(self, raw: bytes, reason: str) -> ReadingFailed:
        answers = self._ask([raw], "header")
        message = Message()
        if not isinstance(answers, str) and isinstance(answers[0], Reading):
            message = answers[0].message
        sentence = f"The message could not be read safely: reading it {reason}."
        message = replace(message, defects=(*message.defects, sentence))
        return ReadingFailed(message, unclassified(sentence), reason)

    def _ask(self, raws: Sequence[bytes], depth: _Depth) -> list[Reading | str] | str:
        """Have the worker read; returns its answers, or why it died.

        A worker that was dead before it began (somebody killed it) says nothing about the
        messages: they are handed to the next one.
        """
        answers = self._ask_once(raws, depth)
        if isinstance(answers, str) and self._progress[0] == _NOT_BEGUN:
            answers = self._ask_once(raws, depth)
        return answers

    def _ask_once(self, raws: Sequence[bytes], depth: _Depth) -> list[Reading | str] | str:
        # It brings asyncio along: it is loaded when the first letter is read.
        from pebble import ProcessExpired

        pool, tray = self._ready_pool()
        self._progress[:] = [_NOT_BEGUN, 0]
        # A letter above the size of a chunk is always alone in it.
        alone = len(raws) == 1 and len(raws[0]) > CHUNK_BYTES
        given = tray.lay(raws[0]) if alone else raws
        self._is_ready = False  # Until it has shown that it lives.
        try:
            future = pool.schedule(_work, args=(given, depth), timeout=self._limits.wall_s)
        except RuntimeError:
            self._abandon()
            return CRASHED
        try:
            self.worker_pid, answers = future.result(self._limits.wall_s + _GRACE_S)
        except ProcessExpired as death:
            return TOO_LONG if death.exitcode == -signal.SIGPROF else CRASHED
        except Overdue:
            if not future.done():
                self._abandon()
            return _TOO_LONG_TOGETHER
        except MemoryError:
            return TOO_MUCH_MEMORY
        except (RuntimeError, OSError, EOFError):
            self._abandon()
            return CRASHED
        self._is_ready = True
        return answers

    def _ready_pool(self) -> "tuple[ProcessPool, Tray]":
        """Return the pool with a worker that has loaded everything.

        On a machine that is busy this takes longer than a letter may, and is no letter's fault.
        """
        from pebble import ProcessExpired, ProcessPool

        if self._pool is None or self._tray is None:
            self._tray = Tray()
            self._pool = ProcessPool(
                max_workers=1,
                initializer=_start_worker,
                initargs=(self._factory, self._limits, self._progress, self._tray),
                context=self._context,
            )
            self._is_ready = False
        if not self._is_ready:
            # Where this fails, the letters that follow meet the same and are told of.
            with contextlib.suppress(
                ProcessExpired, Overdue, MemoryError, RuntimeError, OSError, EOFError
            ):
                loaded = self._pool.schedule(_work, args=((), "whole"), timeout=_START_S)
                self.worker_pid, _ = loaded.result(_START_S + _GRACE_S)
        return self._pool, self._tray

    def _abandon(self) -> None:
        """Let go of a pool that does not answer any more; waiting for it might never end."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            threading.Thread(target=self._pool.join, daemon=True).start()
            self._pool = None
        self._put_tray_away()
        if self.worker_pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.worker_pid, signal.SIGKILL)
            self.worker_pid = None

    def _put_tray_away(self) -> None:
        if self._tray is not None:
            tray, self._tray = self._tray, None
            tray.close()


def _chunks(raws: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Split messages into chunks that are cheap to hand over and cheap to read again."""
    start = size = 0
    for number, raw in enumerate(raws):
        full = number - start >= CHUNK_MESSAGES or size + len(raw) > CHUNK_BYTES
        if number > start and full:
            yield raws[start:number]
            start, size = number, 0
        size += len(raw)
    if start < len(raws):
        yield raws[start:]
