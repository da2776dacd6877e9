"""R42: a restored backup does not know what was sent after it was made."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import review
from inboxbot.actions import Correct, Release, Resolve
from inboxbot.classify.category import Category
from inboxbot.review import Letter
from inboxbot.store import alerts, backup, outbox, replies, restoring, sending
from inboxbot.store.database import write
from tests.crash.pipeline import (
    NO_LIMITS,
    Crash,
    Outside,
    Process,
    crash,
    failing_at,
    install,
    letter,
    listening,
)
from tests.fake_transport import UNKNOWN


@pytest.mark.parametrize("known_to_the_copy", ["nothing", "stored", "decided"])
def test_r42_what_was_answered_after_the_backup_is_not_answered_again(
    in_memory: Path, now: datetime, known_to_the_copy: str
) -> None:
    outside = Outside(in_memory / "state" / "inboxbot.sqlite3", now)
    process = Process(outside)
    process.go_live()
    process.poll()
    outside.deliver(letter(1), "person")
    if known_to_the_copy != "nothing":
        process.poll()
    if known_to_the_copy == "decided":
        process.triage.run()
    copy = backup.make(process.db, in_memory / "backup", now).file
    process.run()
    assert len(outside.server.accepted) == 1
    process.close()
    outside.pass_(minutes=1)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    process.poll()
    process.triage.run()
    process.sender.send_due()
    assert len(outside.server.accepted) == 1
    process.settle()
    assert len(outside.server.accepted) == 1
    assert process.broken() == []
    assert process.unaccounted() == []
    states = [row[0] for row in process.db.execute("SELECT state FROM outbox")]
    assert states == ["sent"], "the Sent folder has told"
    process.close()


@pytest.mark.parametrize("renumbered", [False, True])
def test_r42_a_clock_that_is_behind_at_the_restore_lets_nobody_be_answered_again(
    in_memory: Path, now: datetime, renumbered: bool
) -> None:
    outside, copy = answered_since_the_copy(in_memory, now)
    outside.now -= timedelta(minutes=59)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    if renumbered:
        outside.mailbox.reset()
    process = Process(outside)
    process.poll()
    outside.deliver(letter(2), "person")
    process.run()
    replies = process.db.execute("SELECT state, reason FROM outbox ORDER BY message_id").fetchall()
    # What comes after the first look is new for certain, and goes.
    assert replies == [("sent", None), ("sent", None)], "the first by the Sent folder"
    assert len(outside.server.accepted) == 2
    assert process.broken() == []
    process.close()


def test_r42_a_look_that_ends_between_the_listing_and_the_fetch_forgets_no_restore(
    in_memory: Path, now: datetime
) -> None:
    outside, copy = answered_since_the_copy(in_memory, now)
    outside.now -= timedelta(minutes=59)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    with listening(ends_at("intake.listed")), suppress(Crash):
        process.poll()
    process.close()
    outside.mailbox.reset()
    process = Process(outside)
    process.poll()
    process.triage.run()
    process.sender.send_due()
    assert len(outside.server.accepted) == 1
    process.settle()
    assert len(outside.server.accepted) == 1
    assert process.unaccounted() == []
    process.close()


def test_r42_a_copy_that_arrives_after_a_first_look_that_broke_off_is_not_answered_again(
    in_memory: Path, now: datetime
) -> None:
    outside, copy = answered_since_the_copy(in_memory, now)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    with listening(ends_at("intake.attempt")), suppress(Crash):
        process.poll()
    process.close()
    # Never tried yet, it would be fetched before the first, and taken for new.
    outside.pass_(minutes=30)
    outside.deliver(letter(1), "again")
    process = Process(outside)
    process.settle()
    assert len(outside.server.accepted) == 1
    assert process.unaccounted() == []
    process.close()


@pytest.mark.parametrize("renumbered", [False, True])
def test_r42_a_first_look_that_ends_at_any_write_forgets_no_restore(
    in_memory: Path, now: datetime, renumbered: bool
) -> None:
    world, made = answered_since_the_copy(in_memory / "0", now)
    at, reached = 0, True
    while reached:
        at += 1
        outside, copy = the_same(world, made, in_memory / "0", in_memory / str(at))
        # So that the time of its arrival does not tell.
        outside.now -= timedelta(minutes=59)
        restoring.restore(copy, outside.path, outside.now, who="ana")
        if renumbered:
            outside.mailbox.reset()
        process = Process(outside)
        process.close()
        with failing_at(0, crash) as failing:
            process = Process(outside)
            failing.writes, failing.fail_at = 0, at
            with suppress(Crash):
                process.poll()
            reached = failing.writes >= at
        process.close()
        outside.mailbox.reset()
        process = Process(outside)
        process.poll()
        process.triage.run()
        process.sender.send_due()
        assert len(outside.server.accepted) == 1, at
        process.close()
    assert at > 10, "the writes of a whole look were met"


def test_r42_a_reply_in_doubt_that_left_under_another_id_since_the_copy_waits_for_a_person(
    in_memory: Path, now: datetime
) -> None:
    outside = Outside(in_memory / "state" / "inboxbot.sqlite3", now)
    install(outside)
    outside.deliver(letter(1), "person")
    outside.server.script = [UNKNOWN]
    process = Process(outside)
    process.run()
    copy = backup.make(process.db, in_memory / "backup", outside.now).file
    for action in (Correct(Category.PROFILE_REQUEST), Resolve(1, again=True)):
        review.perform(process.db, action, [Letter(1)], staff="ana", now=outside.now)
    outside.pass_(minutes=5)
    process.run()
    assert len(outside.server.accepted) == 1
    process.close()
    outside.pass_(minutes=1)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    process.settle()
    found = process.db.execute("SELECT state, reason FROM outbox").fetchall()
    assert found == [("held", "restored")]
    assert len(outside.server.accepted) == 1
    assert alerts.Code.UNCERTAIN not in [each.code for each in alerts.unfinished(process.db)]
    process.close()


@pytest.mark.parametrize("reason", ["shadow", "rate_limited", "breaker_open"])
def test_r42_what_was_held_in_the_copy_and_released_since_is_known_to_be_sent(
    in_memory: Path, now: datetime, reason: str
) -> None:
    outside = Outside(in_memory / "state" / "inboxbot.sqlite3", now)
    install(outside)
    process = Process(outside)
    for number in (1, 2):
        outside.deliver(letter(number), "person")
    process.poll()
    process.triage.run()
    with write(process.db):
        for row in (1, 2):
            outbox.hold(process.db, row, reason, outside.now)
    copy = backup.make(process.db, in_memory / "backup", outside.now).file
    review.perform(process.db, Release(), [Letter(1)], staff="ana", now=outside.now)
    process.run()
    assert len(outside.server.accepted) == 1
    process.close()
    # A clock that is behind: what the copy has seems to be written after the restore.
    outside.now -= timedelta(minutes=30)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    process.settle()
    found = process.db.execute("SELECT state, reason FROM outbox ORDER BY id").fetchall()
    assert found == [("sent", None), ("held", reason)]
    assert sending.unproven(process.db) == [], "once each"
    process.close()


def test_r42_nothing_that_may_have_left_is_released_before_the_sent_folder_was_looked_into(
    in_memory: Path, now: datetime
) -> None:
    outside, copy = answered_since_the_copy(in_memory, now)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    outside.deliver(letter(2), "person")
    process.poll()
    process.triage.run()
    held = [Letter(each) for each in replies.letters_held(process.db, "restored")]
    assert len(held) == 2
    assert sending.some_await_look(process.db)

    def release(letters: list[Letter]) -> review.Done:
        everybodys = Release(rules=NO_LIMITS)
        return review.perform(process.db, everybodys, letters, staff="ana", now=outside.now)

    done = release(held)
    assert done.letters == ()
    assert all("looked up in the Sent folder first" in why for why in done.refused.values())
    process.resolver.resolve()
    assert not sending.some_await_look(process.db)
    release([Letter(each) for each in replies.letters_held(process.db, "restored")])
    process.sender.send_due()
    assert len(outside.server.accepted) == 2
    assert process.broken() == []
    process.close()


def test_r42_a_letter_that_was_moved_away_since_the_copy_is_held_once_it_is_moved_back(
    in_memory: Path, now: datetime
) -> None:
    outside, copy = answered_since_the_copy(in_memory, now)
    (uid,) = outside.mailbox.letters
    moved = outside.mailbox.letters.pop(uid)
    outside.pass_(minutes=1)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    process.settle()
    outside.mailbox.deliver(moved.raw, moved.received_at)
    process.poll()
    process.triage.run()
    assert process.db.execute("SELECT state, reason FROM outbox").fetchall() == [
        ("held", "restored")
    ]
    process.settle()
    assert len(outside.server.accepted) == 1
    assert process.unaccounted() == []
    process.close()


def answered_since_the_copy(folder: Path, now: datetime) -> tuple[Outside, Path]:
    """Make a backup, then answer a letter that it does not know; return the world and the copy."""
    outside = Outside(folder / "state" / "inboxbot.sqlite3", now)
    install(outside)
    process = Process(outside)
    copy = backup.make(process.db, folder / "backup", now).file
    outside.pass_(minutes=30)
    outside.deliver(letter(1), "person")
    process.run()
    assert len(outside.server.accepted) == 1
    process.close()
    return outside, copy


def the_same(world: Outside, made: Path, folder: Path, other: Path) -> tuple[Outside, Path]:
    """Return the same world and copy once more, with files of their own in another folder."""
    shutil.copytree(folder, other)
    again = deepcopy(world)
    again.path = other / world.path.relative_to(folder)
    return again, other / made.relative_to(folder)


def ends_at(place: str) -> Callable[[str], None]:
    def listen(name: str) -> None:
        if name == place:
            raise Crash

    return listen
