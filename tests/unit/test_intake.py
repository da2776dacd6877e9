"""Intake over a mailbox in memory: what becomes of each letter, whatever happens to it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from inboxbot import faults
from inboxbot.errors import PermanentError, TransientError
from inboxbot.fetching import Limits, batches
from inboxbot.mail.mailbox import Details
from inboxbot.store import messages
from inboxbot.store.sqlite import Database
from tests.fakes import FakeMailbox
from tests.numbered import letter
from tests.taking_in import SOURCE, TakingIn


def test_the_first_start_records_the_baseline_and_lists_nothing(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    for number in range(3):
        box.deliver(letter(number), now)
    taking = TakingIn(db, box, now)
    result = taking.poll()
    assert result.first
    assert box.operations == ["open"]
    assert (taking.stored(), taking.places()) == ([], {})
    assert taking.poll().listed == 0


def test_a_new_letter_is_stored_byte_for_byte_with_its_place(
    taking: TakingIn, box: FakeMailbox
) -> None:
    raw = b"Subject: \xff\r\n\r\nbare \r and \n and \x00" * 100
    uid = box.deliver(raw, taking.now)
    result = taking.poll()
    assert taking.stored() == [raw]
    assert taking.places() == {uid: "ingested"}
    assert (result.listed, result.waiting) == (1, 0)
    assert taking.silences() == [None]
    taking.check()


def test_an_idle_poll_asks_the_server_once(taking: TakingIn, box: FakeMailbox) -> None:
    box.deliver(letter(1), taking.now)
    result = taking.poll()
    box.operations.clear()
    taking.poll(previous=result.status)
    assert box.operations == ["open"]


def test_a_letter_that_was_read_elsewhere_is_taken_in_all_the_same(
    taking: TakingIn, box: FakeMailbox
) -> None:
    uid = box.deliver(letter(1), taking.now)
    box.letters[uid].flags.add("\\Seen")
    taking.poll()
    assert taking.stored() == [letter(1)]


def test_gaps_in_the_uids_never_wait(taking: TakingIn, box: FakeMailbox) -> None:
    box.deliver(letter(1), taking.now)
    box.uidnext += 7_000
    last = box.deliver(letter(2), taking.now)
    taking.poll()
    assert taking.places() == {1: "ingested", last: "ingested"}


def test_r02_what_was_fetched_but_not_committed_is_fetched_once_more(
    taking: TakingIn, box: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        box.deliver(letter(number), taking.now)

    def ends(name: str) -> None:
        if name == "intake.before_commit":
            raise KeyboardInterrupt

    monkeypatch.setattr(faults, "point", ends)
    with pytest.raises(KeyboardInterrupt):
        taking.poll()
    monkeypatch.undo()
    assert taking.stored() == []
    taking.check()
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(5))
    taking.check()


def test_each_step_commits_so_that_stopping_at_any_of_them_loses_nothing(
    taking: TakingIn, box: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name in faults.NAMES if name.startswith("intake.")]
    hit = set()
    for number, name in enumerate(names):
        box.deliver(letter(number), taking.now)

        def ends(reached: str, wanted: str = name) -> None:
            if reached == wanted:
                hit.add(reached)
                raise KeyboardInterrupt

        monkeypatch.setattr(faults, "point", ends)
        with pytest.raises(KeyboardInterrupt):
            taking.poll()
        taking.check()
    monkeypatch.undo()
    assert hit == set(names)
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(len(names)))
    assert taking.sweep() == 0


def test_an_oversize_letter_keeps_its_beginning_and_is_shown(
    taking: TakingIn, box: FakeMailbox
) -> None:
    taking.limits = Limits(min_free=0, max_size=10_000, start_size=1_000)
    raw = letter(1, "x" * 20_000)
    box.deliver(raw, taking.now)
    box.deliver(letter(2), taking.now)
    taking.poll()
    assert taking.places() == {1: "oversize", 2: "ingested"}
    assert taking.stored() == [raw[:1_000], letter(2)]
    row = taking.db.execute("SELECT truncated, size FROM message ORDER BY id").fetchone()
    assert row == (1, len(raw))


def test_a_batch_is_bounded_by_bytes_and_number_and_an_oversize_letter_is_alone() -> None:
    limits = Limits(batch_bytes=100, batch_count=3, max_size=200)
    sizes = [60, 60, 10, 10, 10, 10, 300, 150, 5]
    split = batches((Details(uid, size, None) for uid, size in enumerate(sizes)), limits)
    assert [[each.size for each in batch] for batch in split] == [
        [60],
        [60, 10, 10],
        [10, 10],
        [300],
        [150],
        [5],
    ]


def test_r19_letters_with_the_same_message_id_and_other_content_are_all_stored(
    taking: TakingIn, box: FakeMailbox
) -> None:
    long = "<" + "x" * 10_000 + "@sender.test>"
    raws = [
        letter(1, message_id="<same@sender.test>"),
        letter(2, message_id="<same@sender.test>"),
        letter(3, message_id=""),
        letter(4, message_id=""),
        letter(5, message_id=long),
        letter(6, message_id="\r\n <folded@sender.test>\r\n"),
    ]
    for raw in raws:
        box.deliver(raw, taking.now)
    taking.poll()
    assert taking.stored() == raws
    assert set(taking.places().values()) == {"ingested"}
    taking.check()


def test_a_copy_of_a_letter_is_a_second_place_of_the_same_message(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    taking.poll()
    box.deliver(letter(1), taking.now)
    taking.poll()
    assert taking.places() == {1: "ingested", 2: "duplicate"}
    assert taking.stored() == [letter(1)]
    taking.check()


def test_r18_what_others_do_with_the_mailbox_changes_nothing(
    taking: TakingIn, box: FakeMailbox
) -> None:
    for number in range(1, 6):
        box.deliver(letter(number), taking.now)
    taking.poll()
    box.letters[1].flags = {"\\Seen", "\\Answered"}
    del box.letters[2]
    moved_away = box.letters.pop(3)
    taking.poll()
    box.deliver(moved_away.raw, moved_away.received_at)  # Moved back: under a new UID.
    taking.poll()
    assert len(taking.stored()) == 5
    assert taking.places() == {
        1: "ingested",
        2: "ingested",
        3: "ingested",
        4: "ingested",
        5: "ingested",
        6: "duplicate",
    }
    assert taking.sweep() == 0


@pytest.mark.parametrize(
    ("before_start", "expected"),
    [
        (timedelta(days=30), "baseline"),
        (timedelta(minutes=6), "baseline"),
        (timedelta(minutes=4), None),  # The server's clock is behind ours.
    ],
)
def test_a_letter_dated_before_the_first_start_is_recorded_and_kept_silent(
    taking: TakingIn,
    box: FakeMailbox,
    now: datetime,
    before_start: timedelta,
    expected: str | None,
) -> None:
    box.deliver(letter(1), now - before_start)
    taking.poll()
    assert taking.silences() == [expected]


def test_after_a_restore_letters_from_before_it_are_kept_silent(
    taking: TakingIn, box: FakeMailbox
) -> None:
    taking.later(days=3)
    box.deliver(letter(1), taking.now - timedelta(hours=1))
    box.deliver(letter(2), taking.now + timedelta(seconds=1))
    taking.restored_at = taking.now
    taking.poll()
    assert taking.silences() == ["restored", None]


def test_r33_another_folder_or_account_has_its_own_baseline(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    taking.poll()
    other = FakeMailbox(uidvalidity=9)
    for number in range(2, 5):
        other.deliver(letter(number), taking.now)
    for source in (
        replace(SOURCE, folder="Help"),
        replace(SOURCE, server="help@mail.test"),
    ):
        moved = TakingIn(taking.db, other, taking.now, source)
        assert moved.poll().first
        assert moved.places() == {}
    assert taking.stored() == [letter(1)]
    taking.poll()
    assert taking.places() == {1: "ingested"}


def test_another_name_in_the_configuration_is_the_same_mailbox(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    taking.source = replace(SOURCE, name="helpdesk")
    assert not taking.poll().first
    assert taking.stored() == [letter(1)]
    assert messages.undecided(taking.db, limit=5)[0].mailbox == "helpdesk"


def test_a_nearly_full_disk_stops_the_fetching_and_keeps_what_is_there(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    taking.poll()
    box.deliver(letter(2), taking.now)
    more_than_any_disk_has = 2**60
    taking.limits = Limits(min_free=more_than_any_disk_has)
    box.operations.clear()
    with pytest.raises(TransientError, match=r"Only \d+ MiB are free where the database lies"):
        taking.poll()
    assert "fetch" not in box.operations
    assert taking.places() == {1: "ingested", 2: "listed"}
    assert taking.attempts(2) == 0
    taking.limits = Limits(min_free=0)
    taking.poll()
    assert taking.places() == {1: "ingested", 2: "ingested"}


def test_a_letter_that_our_own_code_cannot_store_is_quarantined_and_the_others_are_stored(
    taking: TakingIn, box: FakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        box.deliver(letter(number), taking.now)
    store = messages.store

    def fails(db: Database, incoming: messages.Incoming, now: datetime) -> tuple[int, bool]:
        if incoming.raw == letter(2):
            raise ZeroDivisionError
        return store(db, incoming, now)

    monkeypatch.setattr(messages, "store", fails)
    for _ in range(2):
        taking.poll()
        taking.later(minutes=6)
    assert taking.places() == {1: "ingested", 2: "quarantined", 3: "ingested"}
    error = taking.db.execute("SELECT last_error FROM place WHERE uid = 2").fetchone()[0]
    assert error == "It could not be stored (ZeroDivisionError)."


def test_a_cosmetic_mark_is_set_after_the_commit_and_its_failure_changes_nothing(
    taking: TakingIn, box: FakeMailbox
) -> None:
    box.deliver(letter(1), taking.now)
    taking.poll(mark="keyword:$Inboxbot")
    assert box.marked == {1: "keyword:$Inboxbot"}
    box.deliver(letter(2), taking.now)

    def fails(operation: str, uids: Sequence[int]) -> None:
        if operation == "mark":
            raise PermanentError("no")

    box.trouble = fails
    taking.poll(mark="keyword:$Inboxbot")
    assert taking.places() == {1: "ingested", 2: "ingested"}


def test_a_poll_stops_when_asked_and_the_next_one_goes_on(
    taking: TakingIn, box: FakeMailbox
) -> None:
    taking.limits = Limits(min_free=0, batch_count=10)
    for number in range(25):
        box.deliver(letter(number), taking.now)
    answers = iter([False, True])
    result = taking.poll(stop=lambda: next(answers))
    assert (len(taking.stored()), result.waiting) == (10, 15)
    assert taking.poll().waiting == 0
    assert len(taking.stored()) == 25


def test_r28_a_first_start_under_a_clock_that_was_ahead_silences_no_later_letter(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    box.deliver(letter(1), now)
    taking = TakingIn(db, box, now)
    taking.later(days=365)
    assert taking.poll().first
    taking.later(days=-365, hours=1)
    for number in (2, 3):
        box.deliver(letter(number), taking.now)
        box.deliver(letter(10 + number), now - timedelta(days=2))
        taking.poll()
        taking.later(days=1)
    # What was there already, or is older than the first start, stays silent all the same.
    rows = db.execute("SELECT id, keep_silent FROM message ORDER BY id").fetchall()
    assert [(messages.raw(db, row), silence) for row, silence in rows] == [
        (letter(2), None),
        (letter(12), "baseline"),
        (letter(3), None),
        (letter(13), "baseline"),
    ]
