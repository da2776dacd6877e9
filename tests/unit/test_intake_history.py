"""Old letters: history from the server, imports from files, and the rows of the baseline."""

from datetime import datetime, timedelta
from pathlib import Path

from inboxbot import history, intake
from inboxbot.fetching import Limits
from inboxbot.store import messages, places
from inboxbot.store.sqlite import Database
from tests.fakes import FakeMailbox
from tests.numbered import letter
from tests.taking_in import SOURCE, TakingIn


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
    # They are not asked for again, but for a look at whether the same letters lie there.
    assert box.operations.count("details") == 1


def test_windows_cover_every_uid_once() -> None:
    split = list(intake.windows(3, 12_001))
    assert split == [(3, 5002), (5003, 10_002), (10_003, 12_001)]
    assert list(intake.windows(5, 4)) == []
