"""Intake when something is in the way: letters that break the fetch, servers that are gone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from inboxbot.errors import AuthenticationError, TransientError
from inboxbot.mail.mailbox import FetchError
from inboxbot.store import places
from tests.fakes import FakeMailbox
from tests.numbered import letter
from tests.taking_in import ROOMY, TakingIn


def poisoned(*bad: int) -> Callable[[str, Sequence[int]], None]:
    """Return a trouble: the connection breaks whenever one of these is fetched."""

    def trouble(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch" and set(bad) & set(uids):
            raise FetchError("The connection broke off.")

    return trouble


def test_r15_one_letter_that_breaks_each_fetch_is_quarantined_and_the_others_come_at_once(
    taking: TakingIn, box: FakeMailbox
) -> None:
    for number in range(1, 8):
        box.deliver(letter(number), taking.now)
    box.trouble = poisoned(3)
    result = taking.poll()
    assert len(taking.stored()) == 6
    assert taking.places()[3] == "retry"
    assert result.waiting == 1
    taking.later(minutes=6)
    taking.poll()
    assert taking.places()[3] == "quarantined"
    assert taking.attempts(3) == 3
    taking.check()


def test_a_quarantined_letter_gets_one_more_try_at_each_sweep(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)
    box.trouble = poisoned(uid)
    for _ in range(3):
        taking.poll()
        taking.later(minutes=6)
    assert taking.places()[uid] == "quarantined"
    taking.sweep()
    assert taking.places()[uid] == "quarantined"
    box.trouble = poisoned()
    assert taking.sweep() == 0
    assert taking.places()[uid] == "ingested"
    taking.check()


def test_a_quarantined_letter_that_people_took_out_of_the_folder_is_no_open_matter_any_more(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)
    box.trouble = poisoned(uid)
    for _ in range(3):
        taking.poll()
        taking.later(minutes=6)
    (shown,) = places.unfetched(taking.db)
    assert (shown.mailbox, shown.uid, shown.why) == ("support", uid, "The connection broke off.")
    box.letters.pop(uid)
    assert taking.sweep() == 0
    assert taking.places() == {uid: "vanished"}
    assert places.unfetched(taking.db) == []
    taking.check()


def test_a_letter_that_ended_the_program_three_times_is_quarantined(
    taking: TakingIn, box: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = box.deliver(letter(1), taking.now)
    box.deliver(letter(2), taking.now)

    def kills(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch" and uid in uids:
            raise KeyboardInterrupt

    box.trouble = kills
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            taking.poll()
    taking.poll()
    assert taking.places() == {1: "quarantined", 2: "ingested"}


def test_a_server_that_is_gone_after_a_fetch_is_not_the_fault_of_the_letter(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)

    def down(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch":
            box.trouble = refused
            raise FetchError("The connection broke off.")

    def refused(operation: str, uids: Sequence[int]) -> None:
        raise TransientError("No connection.")

    for _ in range(10):
        box.trouble = down
        with pytest.raises(TransientError):
            taking.poll()
        taking.later(minutes=6)
    assert taking.attempts(uid) == 0
    box.trouble = poisoned()
    taking.poll()
    assert taking.stored() == [letter(1)]


def test_r10_a_busy_server_ends_the_poll_and_costs_no_letter_its_attempts(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)

    def busy(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch":
            raise TransientError("The server is busy (OVERQUOTA).")

    box.trouble = busy
    for _ in range(5):
        box.operations.clear()
        with pytest.raises(TransientError):
            taking.poll()
        assert box.operations.count("open") == 1
        taking.later(minutes=6)
    assert taking.places() == {uid: "retry"}
    box.trouble = poisoned()
    taking.poll()
    assert taking.places() == {uid: "ingested"}


def test_a_connection_that_breaks_again_and_again_ends_the_poll(
    taking: TakingIn, box: FakeMailbox
) -> None:
    for number in range(1, 30):
        box.deliver(letter(number), taking.now)
    box.trouble = poisoned(*range(1, 30))
    box.operations.clear()
    with pytest.raises(TransientError, match="6 times"):
        taking.poll()
    assert box.operations.count("open") == 6
    taking.check()


def test_a_refused_login_leaves_everything_as_it_is_and_is_noted(
    taking: TakingIn, box: FakeMailbox
) -> None:
    def refused(operation: str, uids: Sequence[int]) -> None:
        raise AuthenticationError("mail.test:993 refused the login.")

    box.trouble = refused
    with pytest.raises(AuthenticationError):
        taking.poll()
    row = taking.db.execute("SELECT last_error FROM mailbox").fetchone()
    assert row[0] == "mail.test:993 refused the login."
    box.trouble = poisoned()
    taking.poll()
    assert taking.db.execute("SELECT last_error FROM mailbox").fetchone()[0] is None


def test_r18_a_letter_removed_before_it_was_fetched_is_vanished_after_a_second_look(
    taking: TakingIn, box: FakeMailbox
) -> None:
    for number in range(1, 4):
        box.deliver(letter(number), taking.now)

    def removes(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch":
            box.letters.pop(2, None)

    box.trouble = removes
    box.operations.clear()
    taking.poll()
    assert taking.places() == {1: "ingested", 2: "vanished", 3: "ingested"}
    assert box.operations.count("open") == 2
    taking.check()


def test_r15_a_letter_that_the_server_leaves_out_is_asked_for_again(
    taking: TakingIn, box: FakeMailbox
) -> None:
    for number in range(1, 4):
        box.deliver(letter(number), taking.now)
    box.hidden = {2}

    def shows(operation: str, uids: Sequence[int]) -> None:
        if box.operations.count("fetch") == 3:
            box.hidden = set()

    box.trouble = shows
    box.operations.clear()
    taking.poll()
    assert taking.places() == {1: "ingested", 2: "ingested", 3: "ingested"}
    assert taking.attempts(2) == 3


def test_a_letter_that_the_server_lists_and_never_gives_is_quarantined_not_vanished(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)
    box.hidden = {uid}
    taking.poll()
    assert taking.places() == {uid: "quarantined"}


@pytest.mark.parametrize("oversize", [False, True])
def test_r15_letters_that_have_a_size_and_come_empty_are_asked_for_again(
    taking: TakingIn, box: FakeMailbox, oversize: bool
) -> None:
    if oversize:
        taking.limits = replace(ROOMY, max_size=10)
    kept = {box.deliver(letter(number), taking.now): letter(number) for number in (1, 2)}

    def empties(operation: str, uids: Sequence[int]) -> None:
        for uid in kept if operation.startswith("fetch") else ():
            box.letters[uid].raw = b""
        for uid in kept if operation == "details" else ():
            box.letters[uid].raw = kept[uid]

    box.trouble = empties
    taking.poll()
    assert taking.stored() == []
    box.trouble = poisoned()
    for uid, raw in kept.items():
        box.letters[uid].raw = raw
    taking.sweep()
    assert sorted(taking.stored()) == sorted(kept.values())
    taking.check()


def test_a_letter_without_a_size_is_stored_empty(taking: TakingIn, box: FakeMailbox) -> None:
    box.deliver(b"", taking.now)
    taking.poll()
    assert taking.stored() == [b""]


def test_r28_a_letter_put_off_under_a_clock_that_was_ahead_waits_no_longer_than_any(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    box.trouble = poisoned(1)
    taking.later(days=3650)
    taking.poll()
    assert taking.places() == {1: "retry"}
    box.operations.clear()
    taking.later(minutes=4)
    taking.poll()
    assert "fetch" not in box.operations
    box.trouble = poisoned()
    taking.later(days=-3650)
    taking.poll()
    assert taking.places() == {1: "ingested"}


def test_the_sweep_takes_in_what_the_listing_missed_and_says_how_many(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    skipped = box.letters.pop(1)
    box.deliver(letter(2), taking.now)
    taking.poll()
    box.letters[1] = skipped  # The server's list of letters lacked one.
    assert taking.sweep() == 1
    assert taking.places() == {1: "ingested", 2: "ingested"}
    assert taking.sweep() == 0
    row = taking.db.execute("SELECT unaccounted, healed FROM mailbox").fetchone()
    assert row == (0, 1)
    taking.check()


def test_the_sweep_brings_back_what_was_thought_gone_and_is_there(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)
    kept = box.letters[uid]

    def hides(operation: str, uids: Sequence[int]) -> None:
        if operation == "details":
            box.letters.pop(uid, None)

    box.trouble = hides
    taking.poll()
    assert taking.places() == {uid: "vanished"}
    box.trouble = poisoned()
    box.letters[uid] = kept
    assert taking.sweep() == 1
    assert taking.places() == {uid: "ingested"}
