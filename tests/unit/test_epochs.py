"""A server that numbers its letters anew: a new UIDVALIDITY (RFC 9051, section 2.3.1.1)."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from inboxbot.errors import TransientError
from inboxbot.fetching import silence
from inboxbot.intake import too_many_unknown
from inboxbot.store import alerts, mailboxes
from inboxbot.store.sqlite import Database
from tests.fakes import FakeMailbox
from tests.numbered import letter
from tests.taking_in import SOURCE, TakingIn


def deliver(box: FakeMailbox, numbers: Sequence[int], when: datetime) -> None:
    for number in numbers:
        box.deliver(letter(number), when)


def test_r17_the_same_letters_under_new_numbers_are_found_again_without_a_fetch(
    taking: TakingIn, box: FakeMailbox
) -> None:
    deliver(box, range(20), taking.now)
    taking.poll()
    box.reset()
    box.operations.clear()
    result = taking.poll()
    assert "fetch" not in box.operations
    assert set(taking.places().values()) == {"ingested"}
    assert (len(taking.places()), len(taking.stored()), result.waiting) == (20, 20, 0)
    assert taking.sweep() == 0
    taking.check()


@pytest.mark.parametrize(
    ("count", "email_ids"),
    [
        (1_000, True),
        (1_000, False),
        pytest.param(10_000, False, marks=pytest.mark.long),
    ],
)
def test_r17_letters_shuffled_and_partly_new_are_each_there_once(
    taking: TakingIn, box: FakeMailbox, count: int, email_ids: bool
) -> None:
    dice = random.Random(17)
    box.email_ids = email_ids
    deliver(box, range(count - 20), taking.now)
    taking.poll()
    assert len(taking.stored()) == count - 20
    taking.later(minutes=1)
    deliver(box, range(count - 20, count), taking.now)
    order = list(box.letters)
    dice.shuffle(order)
    box.reset(order)
    box.operations.clear()
    taking.poll()
    assert box.operations.count("fetch") == 1
    assert len(taking.places()) == count
    assert set(taking.places().values()) == {"ingested"}
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(count))
    # The new ones, and only they, may be acknowledged; the others were decided before.
    assert taking.silences() == [None] * count
    assert taking.sweep() == 0
    taking.check()


def test_r17_letters_without_a_message_id_are_known_by_their_fingerprint(
    taking: TakingIn, box: FakeMailbox
) -> None:
    for number in range(10):
        box.deliver(letter(number, message_id=""), taking.now)
    taking.poll()
    box.reset()
    taking.poll()
    assert set(taking.places().values()) == {"duplicate"}
    assert len(taking.stored()) == 10
    taking.check()


def test_r17_a_new_letter_that_looks_like_a_known_one_is_not_taken_for_it(
    taking: TakingIn, box: FakeMailbox
) -> None:
    known, twin = letter(1, "Hello"), letter(1, "Jello")
    box.deliver(known, taking.now)
    taking.poll()
    box.deliver(twin, taking.now)
    box.reset([2, 1])
    taking.poll()
    assert sorted(taking.stored()) == sorted([known, twin])
    assert sorted(taking.places().values()) == ["duplicate", "ingested"]


def test_r17_where_the_server_kept_its_names_letters_that_look_alike_are_told_apart_by_them(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.email_ids = True
    known, twin, other = letter(1, "Hello"), letter(1, "Jello"), letter(2)
    for raw in (known, other):
        box.deliver(raw, taking.now)
    taking.poll()
    box.deliver(twin, taking.now)
    box.reset([3, 2])  # The known one was moved away, and then all were numbered anew.
    box.operations.clear()
    taking.poll()
    assert sorted(taking.stored()) == sorted([known, twin, other])
    assert box.operations.count("fetch") == 1


def test_r17_letters_that_got_other_names_are_found_again_by_what_they_look_like(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.email_ids = True
    deliver(box, range(5), taking.now)
    taking.poll()
    # As after a move to a server that has none: these keep none of their names.
    box.email_ids = False
    box.reset()
    box.operations.clear()
    taking.poll()
    assert "fetch" not in box.operations
    assert set(taking.places().values()) == {"ingested"}


def test_r17_the_one_thing_that_is_not_told_apart_is_a_letter_never_seen_that_looks_like_one_gone(
    taking: TakingIn, box: FakeMailbox
) -> None:
    known, twin = letter(1, "Hello"), letter(1, "Jello")
    box.deliver(known, taking.now)
    taking.poll()
    box.deliver(twin, taking.now)
    box.reset([2])  # The known one was moved away, and then all were numbered anew.
    taking.poll()
    # docs/operations/intake.md says so; whoever mends it changes both.
    assert taking.stored() == [known]


def test_r17_an_old_letter_that_is_not_found_again_is_stored_and_kept_silent(
    taking: TakingIn, box: FakeMailbox
) -> None:
    taking.later(days=3)
    taking.poll()
    deliver(box, [1], taking.now - timedelta(hours=30))
    deliver(box, [2], taking.now - timedelta(hours=2))
    box.reset()
    taking.poll()
    assert taking.stored() == [letter(1), letter(2)]
    assert taking.silences() == ["uidvalidity", None]


def test_r17_more_unknown_letters_than_can_be_new_are_all_kept_silent(
    taking: TakingIn, box: FakeMailbox
) -> None:
    taking.poll()
    taking.later(minutes=5)
    deliver(box, range(21), taking.now - timedelta(minutes=2))
    box.reset()
    taking.poll()
    assert len(taking.stored()) == 21
    assert set(taking.silences()) == {"uidvalidity"}
    assert alerts.is_open(taking.db, alerts.Code.UIDVALIDITY, detail="support")


def test_twenty_or_three_usual_days_may_be_new() -> None:
    assert not too_many_unknown(20, 0)
    assert too_many_unknown(21, 0)
    assert not too_many_unknown(120, 40)
    assert too_many_unknown(121, 40)


def test_a_letter_of_the_baseline_stays_one_under_new_numbers_once_it_has_its_row(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    deliver(box, range(50), now - timedelta(days=100))
    taking = TakingIn(db, box, now)
    taking.poll()
    taking.sweep()
    box.reset()
    taking.later(minutes=1)
    taking.poll()
    assert set(taking.places().values()) == {"baseline"}
    assert taking.stored() == []
    assert taking.sweep() == 0


def test_a_baseline_without_rows_is_stored_silently_rather_than_lost(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    deliver(box, range(5), now - timedelta(days=100))
    taking = TakingIn(db, box, now)
    taking.poll()
    box.reset()
    taking.later(minutes=1)
    taking.poll()
    assert len(taking.stored()) == 5
    assert set(taking.silences()) == {"baseline"}


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_matching_that_was_interrupted_goes_on_at_the_next_poll(
    taking: TakingIn, box: FakeMailbox, nth: int
) -> None:
    deliver(box, range(600), taking.now)
    taking.poll()
    deliver(box, range(600, 605), taking.now)
    box.reset(sorted(box.letters, reverse=True))
    box.operations.clear()

    def breaks(operation: str, uids: Sequence[int]) -> None:
        if len(box.operations) == nth:
            raise TransientError("gone")

    box.trouble = breaks
    with pytest.raises(TransientError):
        taking.poll()
    taking.check()
    box.trouble = lambda operation, uids: None
    taking.later(minutes=6)
    taking.poll()
    assert len(taking.stored()) == 605
    assert len(taking.places()) == 605
    assert taking.silences() == [None] * 605
    taking.check()


def test_a_server_that_goes_back_and_forth_between_two_eras_doubles_nothing(
    taking: TakingIn, box: FakeMailbox
) -> None:
    deliver(box, range(30), taking.now)
    for validity in (5, 6, 5, 7, 5):
        box.uidvalidity = validity
        taking.poll()
        taking.check()
    assert len(taking.stored()) == 30
    assert taking.sweep() == 0


def test_a_second_reset_during_the_first_loses_nothing(taking: TakingIn, box: FakeMailbox) -> None:
    deliver(box, range(30), taking.now)
    taking.poll()
    deliver(box, range(30, 35), taking.now)
    box.reset(sorted(box.letters, reverse=True))

    def resets(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch":
            box.trouble = lambda operation, uids: None
            box.reset()
            raise TransientError("The connection broke off.")

    box.trouble = resets
    with pytest.raises(TransientError):
        taking.poll()
    taking.later(minutes=6)
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(35))
    assert taking.sweep() == 0
    taking.check()


def test_the_reasons_for_silence_are_told_apart(db: Database, now: datetime) -> None:
    TakingIn(db, FakeMailbox(uidnext=10), now).poll()
    watched = mailboxes.find(db, SOURCE.name, SOURCE.server, SOURCE.folder)
    assert watched is not None
    later = now + timedelta(days=1)
    assert silence(9, later, watched, None) == "baseline"
    assert silence(10, now - timedelta(days=1), watched, later) == "baseline"
    assert silence(10, later, watched, later + timedelta(seconds=1)) == "restored"
    assert silence(10, later, watched, later) is None
