"""Wherever the process ends, the disk is full or the clock jumps: at most once, never blindly."""

import pytest

from inboxbot import faults
from inboxbot.errors import (
    TransientError,
)
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.pace import Pace
from inboxbot.store import alerts
from inboxbot.store.outbox import State
from tests.sending import Stage

LATER = Outcome(Verdict.DEFERRED, 451, "4.2.1 later")
NEVER = Outcome(Verdict.REFUSED, 550, "5.1.1 no such user")
CLOSING = Outcome(Verdict.DEFERRED, 421, "4.3.2 closing")


def full(*_: object) -> None:
    raise TransientError("the disk is full")


@pytest.mark.parametrize(
    ("point", "state_after", "taken"),
    [
        ("sender.claimed", "sent", 1),
        ("sender.sending", "uncertain", 0),
        ("sender.recorded", "sent", 1),
    ],
)
def test_r04_r05_where_the_process_ends_decides_whether_it_may_be_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str, state_after: str, taken: int
) -> None:
    row = stage.put()
    other = stage.put(2)

    class Killed(BaseException):
        pass

    def kill(name: str) -> None:
        if name == point:
            raise Killed

    monkeypatch.setattr(faults, "point", kill)
    with pytest.raises(Killed):
        stage.sender.send_due()
    monkeypatch.undo()
    sender = stage.new_sender("another process")
    sender.start()
    sender.send_due()
    assert stage.state(row) == state_after
    assert stage.server.message_ids.count("<ack-1@example.org>") == taken
    assert stage.state(other) == "sent"


def test_r03_what_was_decided_before_the_end_is_sent_by_the_next_process(stage: Stage) -> None:
    row = stage.put()
    sender = stage.new_sender("another process")
    sender.start()
    assert sender.send_due()[State.SENT] == 1
    assert stage.state(row) == "sent"


def test_r24_an_answer_that_could_not_be_written_down_is_written_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = stage.put()
    with monkeypatch.context() as patch:
        patch.setattr("inboxbot.store.sending.sent", full)
        with pytest.raises(TransientError):
            stage.sender.send_due()
        assert stage.state(row) == "sending"
        with pytest.raises(TransientError):
            stage.sender.send_due()
    stage.sender.send_due()
    assert stage.state(row) == "sent"
    assert stage.server.message_ids == ["<ack-1@example.org>"]


def test_r24_without_room_for_the_note_before_the_dot_nothing_is_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = stage.put()
    with monkeypatch.context() as patch:
        patch.setattr("inboxbot.store.sending.begin", full)
        with pytest.raises(TransientError):
            stage.sender.send_due()
    assert stage.server.accepted == []
    assert alerts.unfinished(stage.db) == [], "the mail server is not to blame"
    stage.sender.send_due()
    assert stage.state(row) == "sent"


def test_r30_asked_to_stop_it_ends_between_two_replies(stage: Stage) -> None:
    rows = [stage.put(number) for number in range(5)]
    stage.sender.send_due(stop=lambda: len(stage.server.accepted) >= 2)
    assert [stage.state(row) for row in rows] == ["sent"] * 2 + ["queued"] * 3


# Clock


@pytest.mark.parametrize("step", [-3650, -1 / 24, 1 / 24, 3650])
def test_r28_a_clock_that_jumps_neither_stops_it_nor_sends_twice(stage: Stage, step: float) -> None:
    old = stage.put(1)
    stage.server.script = [LATER]
    stage.sender.send_due()
    stage.clock.set(days=step)
    new = stage.put(2)
    stage.sender.send_due()
    assert stage.state(new) == "sent"
    stage.clock.pass_(hours=5)
    stage.sender.send_due()
    assert stage.state(old) == ("failed" if step > 1 else "sent")


def test_r28_a_pause_ends_by_the_monotonic_clock(stage: Stage) -> None:
    row = stage.put()
    stage.server.script = [TransientError("down")]
    stage.sender.send_due()
    stage.clock.set(days=-365)
    stage.clock.pass_(minutes=1)
    stage.sender.send_due()
    assert stage.state(row) == "sent"


def test_r28_a_clock_that_was_set_back_does_not_count_what_is_yet_to_come(stage: Stage) -> None:
    sender = stage.new_sender("two", pace_of=lambda _mailbox: Pace(per_day=1))
    stage.put(1)
    sender.send_due()
    stage.clock.set(days=-300)
    row = stage.put(2)
    sender.send_due()
    assert stage.state(row) == "sent"
