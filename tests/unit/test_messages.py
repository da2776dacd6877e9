import base64
import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.errors import StoreError
from inboxbot.store import mailboxes, messages
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin
from inboxbot.store.sqlite import Database
from tests.numbered import letter


@pytest.fixture
def mailbox_id(db: Database, now: datetime) -> int:
    with write(db):
        return mailboxes.archive(db, "support", now)


def store(db: Database, mailbox_id: int, raw: bytes, now: datetime) -> int:
    with write(db):
        incoming = Incoming(
            raw=raw, mailbox_id=mailbox_id, origin=Origin.IMPORT, received_at=now, size=len(raw)
        )
        return messages.store(db, incoming, now)[0]


LARGE_TEXT = b"Subject: x\r\n\r\n" + b"a line of words that repeats itself\r\n" * 20_000
ATTACHMENT = b"Subject: x\r\n\r\n" + base64.encodebytes(random.Random(1).randbytes(500_000))


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (letter(1, "word " * 100), "zlib"),
        (LARGE_TEXT, "zlib"),
        (ATTACHMENT, "plain"),  # It would lose a quarter, for most of the time of an intake.
        (random.Random(2).randbytes(1000), "plain"),
        (b"", "plain"),
    ],
    ids=["text", "large text", "attachment", "noise", "empty"],
)
def test_bytes_come_back_exactly_and_are_compressed_where_it_is_worth_it(
    db: Database, mailbox_id: int, now: datetime, raw: bytes, encoding: str
) -> None:
    message = store(db, mailbox_id, raw, now)
    assert messages.raw(db, message) == raw
    assert db.execute("SELECT encoding FROM raw").fetchone()[0] == encoding
    assert list(messages.damaged(db)) == []


@given(raw=st.binary(max_size=50_000))
def test_any_bytes_are_stored_once_and_come_back(
    db: Database, mailbox_id: int, now: datetime, raw: bytes
) -> None:
    message = store(db, mailbox_id, raw, now)
    assert store(db, mailbox_id, raw, now) == message
    assert messages.raw(db, message) == raw


def test_damaged_bytes_are_found_and_never_handed_out_as_whole(
    db: Database, mailbox_id: int, now: datetime
) -> None:
    changed, broken, whole = (
        store(db, mailbox_id, letter(number, "word " * 50), now) for number in range(3)
    )
    db.execute("UPDATE raw SET encoding = 'plain', bytes = ? WHERE message_id = ?", [b"x", changed])
    db.execute("UPDATE raw SET bytes = ? WHERE message_id = ?", [b"x", broken])
    assert list(messages.damaged(db)) == [changed, broken]
    for each in (changed, broken):
        with pytest.raises(messages.Damaged, match=f"letter {each} are damaged"):
            messages.raw(db, each)
    assert messages.raw(db, whole) == letter(2, "word " * 50)


def test_erased_bytes_are_an_error_that_says_so(
    db: Database, mailbox_id: int, now: datetime
) -> None:
    message = store(db, mailbox_id, letter(1), now)
    db.execute("DELETE FROM raw")
    with pytest.raises(StoreError, match="erased"):
        messages.raw(db, message)
    # Its fingerprint stays: the same letter does not come in again.
    assert store(db, mailbox_id, letter(1), now) == message


def test_undecided_letters_come_oldest_first_and_bounded_by_number_and_bytes(
    db: Database, mailbox_id: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [store(db, mailbox_id, letter(number, "x" * 1000), now) for number in range(10)]
    with write(db):
        messages.count_attempts(db, ids[:2])
    found = messages.undecided(db, limit=4)
    assert [each.id for each in found] == ids[:4]
    assert [each.attempts for each in found] == [1, 1, 0, 0]
    assert found[0].raw == letter(0, "x" * 1000)
    monkeypatch.setattr(messages, "BATCH_BYTES", 2500)
    assert [each.id for each in messages.undecided(db, limit=10)] == ids[:2]
    monkeypatch.setattr(messages, "BATCH_BYTES", 1)
    assert [each.id for each in messages.undecided(db, limit=10)] == ids[:1]
