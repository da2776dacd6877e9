"""A mail server that is put back to an older copy of itself, and gives out numbers again."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest

from inboxbot.store import mailboxes
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from tests.fakes import FakeMailbox
from tests.numbered import letter
from tests.taking_in import TakingIn

PutBack = Callable[[], None]


def text(number: int) -> bytes:
    return letter(number, "Hello" + "!" * number)


def deliver(box: FakeMailbox, numbers: Iterable[int], when: datetime) -> None:
    for number in numbers:
        box.deliver(text(number), when + timedelta(seconds=number))


def copy(box: FakeMailbox) -> PutBack:
    """Return what puts the mailbox back to what it is now."""
    letters, uidnext, uidvalidity = dict(box.letters), box.uidnext, box.uidvalidity

    def put_back() -> None:
        box.letters, box.uidnext, box.uidvalidity = dict(letters), uidnext, uidvalidity

    return put_back


@pytest.fixture
def put_back(taking: TakingIn, box: FakeMailbox) -> PutBack:
    """Take in ten letters; return what puts the server back to when it had five."""
    deliver(box, range(1, 6), taking.now)
    put_back = copy(box)
    deliver(box, range(6, 11), taking.now)
    taking.poll()
    taking.sweep()
    taking.later(hours=1)
    return put_back


def holds(taking: TakingIn, numbers: Iterable[int]) -> None:
    """Check that these letters are stored, each once, and that none has a reason for silence."""
    assert taking.sweep() == 0
    assert sorted(taking.stored()) == sorted(text(number) for number in numbers)
    assert set(taking.silences()) == {None}
    assert not set(taking.places().values()) & {"listed", "retry", "quarantined"}
    taking.check()


@pytest.mark.parametrize("new", [1, 3, 5, 15])
@pytest.mark.parametrize("email_ids", [False, True])
def test_new_letters_under_the_numbers_of_known_ones_are_taken_in(
    taking: TakingIn, box: FakeMailbox, put_back: PutBack, new: int, email_ids: bool
) -> None:
    box.email_ids = email_ids
    put_back()
    deliver(box, range(21, 21 + new), taking.now)
    taking.poll()
    assert taking.places() == dict.fromkeys(range(1, 6 + new), "ingested")
    holds(taking, [*range(1, 11), *range(21, 21 + new)])


def test_a_copy_that_lacks_many_letters_hides_none_of_the_few_new_ones(
    taking: TakingIn, box: FakeMailbox, put_back: PutBack
) -> None:
    deliver(box, range(30, 90), taking.now)
    taking.poll()
    put_back()
    deliver(box, (21, 22, 23), taking.now)
    taking.poll()
    assert set(taking.stored()) >= {text(number) for number in (21, 22, 23)}
    holds(taking, [*range(1, 11), *range(30, 90), 21, 22, 23])


def test_a_look_before_the_first_new_letter_lists_nothing_anew(
    taking: TakingIn, box: FakeMailbox, put_back: PutBack
) -> None:
    put_back()
    box.operations.clear()
    taking.poll()
    assert "fetch" not in box.operations
    assert taking.places() == dict.fromkeys(range(1, 6), "ingested")
    for number in (21, 22, 23):
        taking.later(minutes=5)
        deliver(box, [number], taking.now)
        taking.poll()
    holds(taking, [*range(1, 11), 21, 22, 23])


def test_a_letter_that_comes_again_after_the_step_back_is_known_by_its_bytes(
    taking: TakingIn, box: FakeMailbox, put_back: PutBack
) -> None:
    put_back()
    deliver(box, [8, 21], taking.now)
    taking.poll()
    assert set(taking.places().values()) <= {"ingested", "duplicate"}
    holds(taking, [*range(1, 11), 21])


@pytest.mark.parametrize("swept", [True, False])
def test_new_letters_under_numbers_of_the_baseline_are_taken_in(
    db: Database, box: FakeMailbox, now: datetime, swept: bool
) -> None:
    deliver(box, range(1, 6), now - timedelta(days=9))
    put_back = copy(box)
    deliver(box, range(6, 11), now - timedelta(days=8))
    taking = TakingIn(db, box, now)
    taking.poll()
    if swept:
        taking.sweep()
    taking.later(hours=1)
    put_back()
    deliver(box, (21, 22, 23), taking.now)
    taking.poll()
    stored = dict(zip(taking.stored(), taking.silences(), strict=True))
    assert [stored[text(number)] for number in (21, 22, 23)] == [None] * 3
    # What is old was not recorded; where it had no rows, it is stored rather than lost.
    assert len(stored) == (3 if swept else 8)
    assert taking.sweep() == 0
    taking.check()


@pytest.mark.parametrize("look", [TakingIn.poll, TakingIn.sweep])
def test_numbers_given_out_again_are_seen_where_uidnext_has_caught_up(
    taking: TakingIn, box: FakeMailbox, put_back: PutBack, look: Callable[[TakingIn], object]
) -> None:
    put_back()
    deliver(box, range(21, 29), taking.now)
    look(taking)
    holds(taking, [*range(1, 11), *range(21, 29)])


def test_a_copy_from_before_the_letters_were_numbered_anew_hides_nothing(
    taking: TakingIn, box: FakeMailbox, put_back: PutBack
) -> None:
    box.reset()
    taking.poll()
    put_back()
    deliver(box, (21, 22, 23), taking.now)
    taking.poll()
    holds(taking, [*range(1, 11), 21, 22, 23])


def test_letters_moved_away_or_a_server_that_tells_uidnext_late_are_no_step_back(
    taking: TakingIn, box: FakeMailbox
) -> None:
    deliver(box, range(1, 11), taking.now)
    taking.poll()
    for uid in (8, 9, 10):
        del box.letters[uid]
    deliver(box, [11], taking.now)
    box.uidnext -= 1
    for _ in range(3):
        taking.later(minutes=1)
        taking.poll()
    assert taking.places() == dict.fromkeys(range(1, 12), "ingested")
    holds(taking, range(1, 12))


@pytest.mark.parametrize("restored", ["size", "date"])
def test_a_size_or_a_date_that_the_server_tells_anew_makes_no_other_letter(
    taking: TakingIn, box: FakeMailbox, restored: str
) -> None:
    deliver(box, range(1, 4), taking.now)
    taking.poll()
    for kept in box.letters.values():
        if restored == "size":
            kept.raw += b"\r\n"
        else:
            kept.received_at += timedelta(hours=1)
    box.operations.clear()
    taking.sweep()
    assert box.operations.count("details") == 1
    assert "fetch" not in box.operations


def test_a_step_back_does_not_make_new_letters_those_that_a_restored_store_first_saw(
    taking: TakingIn, box: FakeMailbox
) -> None:
    deliver(box, range(1, 6), taking.now)
    put_back = copy(box)
    deliver(box, range(6, 11), taking.now)
    with write(taking.db):
        mailboxes.restored(taking.db)
    taking.poll()
    assert taking.silences() == ["restored"] * 10
    put_back()
    taking.later(hours=1)
    taking.poll()
    deliver(box, [21], taking.now)
    taking.poll()
    assert taking.silences()[10:] == [None]
    taking.check()
