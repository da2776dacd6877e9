"""Intake over a mailbox in memory: what becomes of each letter, whatever happens to it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import faults, history, intake
from inboxbot.errors import AuthenticationError, PermanentError, TransientError
from inboxbot.fetching import Limits, batches
from inboxbot.mail.mailbox import Details, FetchError
from inboxbot.store import messages, places
from inboxbot.store.sqlite import Database
from tests.fakes import FakeMailbox
from tests.numbered import letter
from tests.taking_in import SOURCE, TakingIn


@pytest.fixture
def box() -> FakeMailbox:
    return FakeMailbox()


@pytest.fixture
def taking(db: Database, box: FakeMailbox, now: datetime) -> TakingIn:
    """Return a mailbox that was polled once while it was empty."""
    taking = TakingIn(db, box, now)
    taking.poll()
    taking.later(hours=1)
    return taking


def poisoned(*bad: int) -> Callable[[str, Sequence[int]], None]:
    """Return a trouble: the connection breaks whenever one of these is fetched."""

    def trouble(operation: str, uids: Sequence[int]) -> None:
        if operation == "fetch" and set(bad) & set(uids):
            raise FetchError("The connection broke off.")

    return trouble


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


def test_history_comes_in_on_request_and_is_never_acknowledged(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    for number in range(10):
        box.deliver(letter(number), now - timedelta(days=10 * (10 - number)))
    taking = TakingIn(db, box, now)
    taking.poll()
    seen: list[tuple[int, int]] = []
    count = history.import_since(
        db,
        box,
        SOURCE,
        now - timedelta(days=45),
        now=now,
        limits=Limits(min_free=0, batch_count=2),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert count == 4
    assert seen == [(2, 4), (4, 4)]
    assert sorted(taking.stored()) == [letter(number) for number in range(6, 10)]
    assert set(taking.silences()) == {"baseline"}
    assert {each.origin for each in messages.undecided(db, limit=50)} == {"import"}
    # Again, and further back: only what is not there yet.
    assert history.import_since(db, box, SOURCE, now - timedelta(days=45), now=now) == 0
    assert history.import_since(db, box, SOURCE, now - timedelta(days=85), now=now) == 4
    taking.check()


def test_an_import_that_was_stopped_goes_on_by_itself_at_the_next_poll(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    for number in range(10):
        box.deliver(letter(number), now - timedelta(days=5))
    taking = TakingIn(db, box, now)
    taking.poll()
    answers = iter([False, True])
    history.import_since(
        db,
        box,
        SOURCE,
        now - timedelta(days=45),
        now=now,
        limits=Limits(min_free=0, batch_count=4),
        stop=lambda: next(answers),
    )
    assert len(taking.stored()) == 4
    taking.poll()
    assert len(taking.stored()) == 10
    assert set(taking.silences()) == {"baseline"}


def test_files_come_in_once_however_often_they_are_imported(
    db: Database, tmp_path: Path, now: datetime
) -> None:
    tmp_path = tmp_path / "old"
    tmp_path.mkdir()
    for number in range(5):
        (tmp_path / f"{number}.eml").write_bytes(letter(number))
    (tmp_path / "broken.eml").symlink_to(tmp_path / "nowhere")
    seen: list[int] = []
    troubles: list[str] = []
    first = history.import_files(
        db,
        [tmp_path],
        mailbox="support",
        now=now,
        progress=seen.append,
        unreadable=lambda source, why: troubles.append(source),
    )
    assert first == history.Imported(stored=5, known=0, unreadable=1)
    assert sum(seen) == 6
    assert troubles == [str(tmp_path / "broken.eml")]
    again = history.import_files(db, [tmp_path], mailbox="support", now=now)
    assert again == history.Imported(stored=0, known=5, unreadable=1)
    (oldest, *_) = messages.undecided(db, limit=5)
    assert (oldest.keep_silent, oldest.origin, oldest.mailbox) == ("baseline", "import", "support")


def test_an_imported_letter_that_comes_again_is_known(
    db: Database, box: FakeMailbox, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "a.eml").write_bytes(letter(1))
    history.import_files(db, [tmp_path / "a.eml"], mailbox="support", now=now)
    taking = TakingIn(db, box, now)
    assert taking.poll().first
    box.deliver(letter(1), now)
    taking.poll()
    assert taking.places() == {1: "duplicate"}
    assert taking.silences() == ["baseline"]


def test_the_baseline_gets_its_rows_at_the_first_sweep(
    db: Database, box: FakeMailbox, now: datetime
) -> None:
    for number in range(12):
        box.deliver(letter(number), now)
    taking = TakingIn(db, box, now)
    taking.poll()
    assert taking.sweep() == 0
    assert places.counts(db) == {"baseline": 12}
    assert taking.stored() == []
    box.operations.clear()
    taking.sweep()
    assert "details" not in box.operations


def test_windows_cover_every_uid_once() -> None:
    split = list(intake.windows(3, 12_001))
    assert split == [(3, 5002), (5003, 10_002), (10_003, 12_001)]
    assert list(intake.windows(5, 4)) == []
