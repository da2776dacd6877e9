"""Reads letters (parse and classify) in a process that may be killed.

The one rule: no message stops the program or its neighbours. A worker process reads under
limits of time and memory that the kernel holds; what exceeds them, or crashes it, costs
that one message its reading and nothing else.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as Overdue
from ctypes import Array, c_ubyte
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from inboxbot.mail.message import Message
from inboxbot.reading import Factory, Reading, ReadingFailed, unclassified
from inboxbot.reading_worker import (
    CLASSIFYING,
    NOT_BEGUN,
    TOO_MUCH_MEMORY,
    Depth,
    Limits,
    start,
    work,
)
from inboxbot.tray import Tray

if TYPE_CHECKING:
    from pebble import ProcessPool

CHUNK_MESSAGES = 32
CHUNK_BYTES = 1024 * 1024
# How much later than its limit an answer may come before the whole pool is given up.
_GRACE_S = 10.0
# How long a worker may take to start and to load the classifier.
_START_S = 60.0

TOO_LONG = "took too long"
CRASHED = "crashed"
GIVEN_UP = "failed again and again"
# The limit by the clock holds for a chunk as a whole: which message it was, nobody knows.
_TOO_LONG_TOGETHER = "took too long together"


class Reader:
    """Reads letters in a worker process, started when first needed and again when it dies.

    `factory` makes the classifier inside the worker, so it must be picklable, as
    `LoadClassifier` is. One thread at a time uses a reader.
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
        if stage == CLASSIFYING:
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

    def _ask(self, raws: Sequence[bytes], depth: Depth) -> list[Reading | str] | str:
        """Have the worker read; returns its answers, or why it died.

        A worker that was dead before it began (somebody killed it) says nothing about the
        messages: they are handed to the next one.
        """
        answers = self._ask_once(raws, depth)
        if isinstance(answers, str) and self._progress[0] == NOT_BEGUN:
            answers = self._ask_once(raws, depth)
        return answers

    def _ask_once(self, raws: Sequence[bytes], depth: Depth) -> list[Reading | str] | str:
        # It brings asyncio along: it is loaded when the first letter is read.
        from pebble import ProcessExpired

        pool, tray = self._ready_pool()
        self._progress[:] = [NOT_BEGUN, 0]
        # A letter above the size of a chunk is always alone in it.
        alone = len(raws) == 1 and len(raws[0]) > CHUNK_BYTES
        given = tray.lay(raws[0]) if alone else raws
        self._is_ready = False  # Until it has shown that it lives.
        try:
            future = pool.schedule(work, args=(given, depth), timeout=self._limits.wall_s)
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
                initializer=start,
                initargs=(self._factory, self._limits, self._progress, self._tray),
                context=self._context,
            )
            self._is_ready = False
        if not self._is_ready:
            # Where this fails, the letters that follow meet the same and are told of.
            with contextlib.suppress(
                ProcessExpired, Overdue, MemoryError, RuntimeError, OSError, EOFError
            ):
                loaded = self._pool.schedule(work, args=((), "whole"), timeout=_START_S)
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
