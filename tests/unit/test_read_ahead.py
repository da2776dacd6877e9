"""What follows is read while a batch is decided on, and what failed is read beside nothing else."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime

import pytest

from inboxbot import read_ahead
from inboxbot.read_ahead import BATCH, ReadAhead
from inboxbot.reading import Reading, ReadingFailed
from inboxbot.store import mailboxes, messages
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin
from inboxbot.store.sqlite import Database
from tests.desk import ByWords, Here, letter

WITHIN_S = 20.0


class Told(Here):
    """A reader that tells what it was given, and when it was given so many batches."""

    def __init__(self, batches: int = 1) -> None:
        super().__init__(ByWords())
        self.given: list[int] = []
        self.batches = batches
        self.reached = threading.Event()

    def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
        self.given.append(len(raws))
        if len(self.given) >= self.batches:
            self.reached.set()
        return super().read_many(raws)


@pytest.fixture
def mailbox_id(db: Database, now: datetime) -> int:
    with write(db):
        return mailboxes.archive(db, "support", now)


def ahead(db: Database, reader: Here) -> ReadAhead:
    return ReadAhead(db, reader)  # type: ignore[arg-type]


def fill(db: Database, mailbox_id: int, now: datetime, count: int, text: str = "") -> list[int]:
    ids = []
    with write(db):
        for number in range(count):
            raw = letter(number, message_id=f"<{number}@x.example>", text=f"{number} {text}")
            one = Incoming(
                raw=raw,
                mailbox_id=mailbox_id,
                origin=Origin.IMAP,
                received_at=now,
                size=len(raw),
            )
            ids.append(messages.store(db, one, now)[0])
    return ids


def attempts(db: Database) -> list[int]:
    return [row[0] for row in db.execute("SELECT attempts FROM message ORDER BY id")]


def test_the_next_batch_is_read_while_one_is_decided_on(
    db: Database, mailbox_id: int, now: datetime
) -> None:
    fill(db, mailbox_id, now, 2 * BATCH + 1)
    reader = Told(batches=2)
    with ahead(db, reader) as letters:
        first = letters.next()
        # Nobody has asked for the second yet.
        assert reader.reached.wait(WITHIN_S)
        assert first is not None
        assert len(first.answers.result()) == BATCH
        # The third is not begun: two are under way at most.
        assert attempts(db) == [1] * 2 * BATCH + [0]
        rest = [letters.next(), letters.next()]
        assert [len(batch.answers.result()) for batch in rest if batch] == [BATCH, 1]
        assert letters.next() is None
    assert reader.given == [BATCH, BATCH, 1]
    assert attempts(db) == [1] * (2 * BATCH + 1)


def test_what_an_attempt_was_made_on_is_read_alone_and_nothing_beside_it(
    db: Database, mailbox_id: int, now: datetime
) -> None:
    ids = fill(db, mailbox_id, now, 6)
    with write(db):
        messages.count_attempts(db, ids[2:4])
    reader = Told()
    with ahead(db, reader) as letters:
        groups = []
        while (batch := letters.next()) is not None:
            groups.append((batch.ids, attempts(db)))
            assert len(batch.answers.result()) == len(batch.ids)
    first, second, third, last = groups
    assert first == (ids[:2], [1, 1, 1, 1, 0, 0])
    assert second == (ids[2:3], [1, 1, 2, 1, 0, 0])
    assert third == (ids[3:4], [1, 1, 2, 2, 0, 0])
    assert last == (ids[4:], [1, 1, 2, 2, 1, 1])
    assert reader.given == [2, 1, 1, 2]


def stopped_after_one(db: Database, error: BaseException | None) -> None:
    with ahead(db, Told()) as letters:
        letters.next()
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [None, ZeroDivisionError()])
def test_attempts_on_what_nobody_took_are_taken_back(
    db: Database, mailbox_id: int, now: datetime, error: Exception | None
) -> None:
    fill(db, mailbox_id, now, BATCH + 3)
    with nullcontext() if error is None else pytest.raises(type(error)):
        stopped_after_one(db, error)
    assert attempts(db) == [1] * BATCH + [0] * 3


def test_what_ends_the_process_leaves_its_attempts_for_the_next_one(
    db: Database, mailbox_id: int, now: datetime
) -> None:
    fill(db, mailbox_id, now, BATCH + 3)
    with pytest.raises(KeyboardInterrupt):
        stopped_after_one(db, KeyboardInterrupt())
    assert attempts(db) == [1] * (BATCH + 3)


def test_no_more_bytes_are_held_than_fit_into_one_batch(
    db: Database, mailbox_id: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db, mailbox_id, now, 5, "x" * 1000)
    monkeypatch.setattr(read_ahead, "BATCH", 2)
    size = len(messages.undecided(db, limit=1)[0].raw)
    monkeypatch.setattr(messages, "BATCH_BYTES", 3 * size + size // 2)
    with ahead(db, Told()) as letters:
        begun = []
        while (batch := letters.next()) is not None:
            begun.append((len(batch.letters), sum(attempts(db))))
    assert begun == [(2, 3), (1, 5), (2, 5)]
    monkeypatch.setattr(messages, "BATCH_BYTES", 1)  # Each letter is too much, and comes alone.
    with write(db):
        db.execute("UPDATE message SET attempts = 0")
    with ahead(db, Told()) as letters:
        for number in range(1, 6):
            batch = letters.next()
            assert batch is not None
            assert (len(batch.letters), sum(attempts(db))) == (1, number)
        assert letters.next() is None
