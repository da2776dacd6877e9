"""Read the letters that wait, batch after batch, while those before them are decided on.

An attempt is counted before a letter is read, so that one which kills the process is noticed.
What an attempt was made on comes alone, nothing else being under way: it takes no neighbour
with it a second time.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from inboxbot import faults
from inboxbot.errors import InboxbotError
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Message
from inboxbot.reader import GIVEN_UP, Reader
from inboxbot.reading import Reading, ReadingFailed, unclassified
from inboxbot.store import messages
from inboxbot.store.database import write
from inboxbot.store.messages import Undecided
from inboxbot.store.sqlite import Database

ATTEMPTS = 3
BATCH = 50
# One is decided on and one is read: a third would only wait.
UNDER_WAY = 2
DAMAGED = "found its bytes damaged in the database"

Answer = Reading | ReadingFailed


@dataclass(frozen=True, slots=True)
class Batch:
    """Letters on which an attempt is counted, and their answers as soon as they are read."""

    letters: Sequence[Undecided]
    answers: Future[list[Answer]]

    @property
    def ids(self) -> list[int]:
        """Return the numbers of the letters."""
        return [stored.id for stored in self.letters]

    @property
    def held(self) -> int:
        """Return how many bytes of letters it keeps in memory."""
        return sum(len(stored.raw) for stored in self.letters)


class ReadAhead:
    """The letters that wait, oldest first and each once, for the length of a block.

    A thread of its own asks the reader, which nobody else may use meanwhile. When the block ends
    early, attempts on letters that nobody has taken are taken back.
    """

    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader
        self._begun: deque[Batch] = deque()
        self._after = 0
        self._thread = ThreadPoolExecutor(1, "read-ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
        # What ends the process itself leaves all as it is: the next one must know.
        if self._begun and (error is None or isinstance(error, Exception)):
            ids = [number for batch in self._begun for number in batch.ids]
            with suppress(InboxbotError):
                self.take_back(ids)

    def next(self) -> Batch | None:
        """Return the next letters, and have those after them read meanwhile; None: no more.

        Raises `TransientError` where the attempts cannot be counted now.
        """
        while len(self._begun) < UNDER_WAY and (letters := self._waiting()):
            self._begin(letters)
        return self._begun.popleft() if self._begun else None

    def again(self, stored: Undecided) -> list[Answer]:
        """Read a letter of a batch once more, after what is being read now."""
        return self._thread.submit(self._read, [stored]).result()

    def take_back(self, ids: Sequence[int]) -> None:
        """Uncount an attempt that ended through no fault of the letters."""
        with write(self._db):
            messages.take_back_attempts(self._db, ids)

    def _waiting(self) -> list[Undecided]:
        """Return the letters of the next batch; none where it has to wait for those under way."""
        if self._begun and self._begun[-1].letters[-1].attempts:
            return []
        room = messages.BATCH_BYTES - sum(batch.held for batch in self._begun)
        found = messages.undecided(self._db, limit=BATCH, after=self._after, at_most=room)
        tried = [position for position, stored in enumerate(found) if stored.attempts]
        if tried and tried[0] > 0:
            return found[: tried[0]]
        too_much = sum(len(stored.raw) for stored in found) > room
        if self._begun and (tried or too_much):
            return []
        return found[:1] if tried else found

    def _begin(self, letters: Sequence[Undecided]) -> None:
        with write(self._db):
            messages.count_attempts(self._db, [stored.id for stored in letters])
        faults.point("triage.attempt")
        self._after = letters[-1].id
        answers = self._thread.submit(self._read, letters)
        self._begun.append(Batch(letters, answers))

    def _read(self, letters: Sequence[Undecided]) -> list[Answer]:
        return list(_answers(self._reader, letters))


def _answers(reader: Reader, letters: Sequence[Undecided]) -> Iterator[Answer]:
    readable = [
        stored.raw for stored in letters if stored.attempts < ATTEMPTS and not stored.damaged
    ]
    readings = reader.read_many(readable)
    for stored in letters:
        if stored.damaged:
            yield _nothing_read(DAMAGED)
        elif stored.attempts < ATTEMPTS:
            yield next(readings)
        elif stored.attempts == ATTEMPTS:
            yield reader.give_up(stored.raw)
        else:
            # Even its header made deciding fail.
            yield _nothing_read(GIVEN_UP)


def _nothing_read(why: str) -> ReadingFailed:
    sentence = f"The message could not be read safely: reading it {why}."
    return ReadingFailed(Message(defects=(sentence,)), unclassified(sentence), why)
