"""A letter that cannot be decided on reaches the staff as it is, and holds up no other."""

import sqlite3
from collections.abc import Iterator, Sequence

import pytest

from inboxbot import faults
from inboxbot.acknowledge import Acknowledger
from inboxbot.errors import TransientError
from inboxbot.reading import Reading, ReadingFailed
from inboxbot.reply.policy import Rules
from inboxbot.store import (
    invariants,
    messages,
    queue,
    reviews,
)
from inboxbot.store.queue import Listing, View
from tests.conftest import NOW
from tests.crash.pipeline import disk_full
from tests.desk import ByWords, Desk, Here, decided, letter
from tests.unit.conftest import Make

ACKNOWLEDGED = ("acknowledge", None)


class Poisoned(Here):
    """A reader whose answer makes deciding fail for letters that hold the word poison.

    With `always`, what is left of such a letter after it was given up does so too.
    """

    always = False

    def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
        for raw, answer in zip(raws, super().read_many(raws), strict=True):
            yield None if b"poison" in raw else answer  # type: ignore[misc]

    def give_up(self, raw: bytes) -> ReadingFailed:
        answer = super().give_up(raw)
        return None if self.always and b"poison" in raw else answer  # type: ignore[return-value]


def poison(number: int = 9) -> bytes:
    return letter(number, sender=f"p{number}@other.example", text="This is poison.")


def attempts(desk: Desk) -> list[int]:
    return [row[0] for row in desk.db.execute("SELECT attempts FROM message ORDER BY id")]


def test_a_letter_that_cannot_be_decided_on_holds_up_none_of_its_neighbours(make: Make) -> None:
    desk = make(reader=Poisoned(ByWords()))
    outcomes = desk.take(
        letter(1), poison(), letter(2, sender="b@b.example", message_id="<2@b.example>")
    )
    assert decided(outcomes) == [ACKNOWLEDGED, ACKNOWLEDGED]
    assert attempts(desk) == [1, 1, 1]


def test_after_three_attempts_staff_see_it_as_it_is(make: Make) -> None:
    desk = make(reader=Poisoned(ByWords()))
    desk.take(poison())
    assert [desk.triage.run() for _ in range(2)] == [[], []]
    (outcome,) = desk.triage.run()
    assert decided([outcome]) == [("hold", "unreadable")]
    assert desk.states() == [("held", "unreadable")]
    recorded = desk.recorded(outcome.message)
    assert recorded.sender_address == "p9@other.example"
    assert recorded.needs_review
    assert reviews.get(desk.db, outcome.message) is not None
    desk.send()
    assert desk.sink.message_ids == []


def test_a_letter_whose_header_alone_is_poison_reaches_staff_all_the_same(make: Make) -> None:
    reader = Poisoned(ByWords())
    reader.always = True
    desk = make(reader=reader)
    desk.take(poison())
    for _ in range(3):
        assert desk.triage.run() == []
    assert decided(desk.triage.run()) == [("hold", "unreadable")]
    assert desk.replies() == []
    assert messages.raw(desk.db, 1) == poison()


@pytest.mark.parametrize("encoding", ["zlib", "plain"])
def test_a_letter_whose_stored_bytes_are_damaged_costs_no_other_letter_its_decision(
    make: Make, encoding: str
) -> None:
    desk = make()
    for number in (1, 2, 3):
        desk.box.deliver(letter(number, sender=f"a@p{number}.example"), NOW)
    desk.poll()
    whole = desk.db.execute("SELECT encoding, bytes FROM raw WHERE message_id = 2").fetchone()
    desk.db.execute(
        "UPDATE raw SET encoding = ?, bytes = ? WHERE message_id = 2", [encoding, b"damaged"]
    )
    first, damaged, last = desk.triage.run()
    assert decided([first, damaged, last]) == [ACKNOWLEDGED, ("hold", "unreadable"), ACKNOWLEDGED]
    recorded = desk.recorded(damaged.message)
    assert recorded.needs_review
    assert "damaged in the database" in recorded.unsure_because
    shown = queue.rows(desk.db, Listing(view=View.PROBLEMS), staff="ana", now=NOW, limit=5)
    assert [row.id for row in shown] == [2]
    assert [violation.invariant for violation in invariants.check(desk.db)] == ["I9"]
    desk.db.execute("UPDATE raw SET encoding = ?, bytes = ? WHERE message_id = 2", whole)


def test_a_writer_that_fails_again_and_again_leaves_the_letter_to_staff(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Acknowledger, "prepare", broken)
    desk.take(letter())
    for _ in range(3):
        assert desk.triage.run() == []
    assert decided(desk.triage.run()) == [("hold", "unreadable")]


class EndsTheProcess(Here):
    def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
        if any(b"poison" in raw for raw in raws):
            raise KeyboardInterrupt
        return super().read_many(raws)


def test_r40_a_process_that_ends_again_and_again_costs_only_the_letter_that_ends_it(
    make: Make,
) -> None:
    desk = make(reader=EndsTheProcess(ByWords()))
    others = [
        letter(n, sender=f"a@b{n}.example", message_id=f"<{n}@b.example>") for n in range(1, 8)
    ]
    for raw in (*others[:4], poison(), *others[4:]):
        desk.box.deliver(raw, NOW)
    desk.poll()
    outcomes = []
    for _ in range(6):
        try:
            outcomes += desk.triage.run()
        except KeyboardInterrupt:
            continue
    assert decided(outcomes) == [("hold", "unreadable"), *[ACKNOWLEDGED] * 3]
    assert [state for state, _ in desk.states()].count("queued") == 7


def test_r40_a_process_that_ends_costs_no_letter_that_was_read_ahead_of_its_turn(
    make: Make,
) -> None:
    rules = Rules(per_hour=1000, per_domain_hour=1000)
    desk = make(reader=EndsTheProcess(ByWords()), rules=rules)
    for number in range(120):
        sender = f"a@b{number}.example"
        raw = letter(number, sender=sender, message_id=f"<{number}@b.example>")
        desk.box.deliver(poison() if number == 60 else raw, NOW)
    desk.poll()
    outcomes = []
    ended = 0
    for _ in range(5):
        try:
            outcomes = desk.triage.run()
        except KeyboardInterrupt:
            ended += 1
            waiting = dict(
                desk.db.execute("SELECT id, attempts FROM message WHERE decided_at IS NULL")
            )
            assert waiting.pop(61) == ended
            assert max(waiting.values()) <= 1
    assert ended == 3
    assert outcomes == []
    held = [message for message, state in states(desk) if state != "queued"]
    assert held == [61]
    assert len(states(desk)) == 120


def states(desk: Desk) -> list[tuple[int, str]]:
    return list(desk.db.execute("SELECT message_id, state FROM outbox ORDER BY message_id"))


def test_a_full_disk_counts_against_no_letter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str) -> None:
        if name == "triage.before_commit":
            disk_full()

    desk.box.deliver(letter(), NOW)
    desk.poll()
    monkeypatch.setattr(faults, "point", full)
    for _ in range(5):
        with pytest.raises(TransientError):
            desk.triage.run()
    monkeypatch.undo()
    assert attempts(desk) == [0]
    assert decided(desk.triage.run()) == [ACKNOWLEDGED]


def test_a_locked_database_is_for_later(desk: Desk) -> None:
    desk.box.deliver(letter(), NOW)
    desk.poll()
    other = sqlite3.connect(desk.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    desk.db.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(TransientError):
        desk.triage.run()
    other.execute("ROLLBACK")
    other.close()
    assert decided(desk.triage.run()) == [ACKNOWLEDGED]


def test_letters_that_fail_do_not_hold_up_those_that_come_after(make: Make) -> None:
    desk = make(reader=Poisoned(ByWords()), rules=Rules(per_hour=1000, per_domain_hour=1000))
    for number in range(120):
        desk.box.deliver(poison(number), NOW)
    desk.box.deliver(letter(500, message_id="<500@x.example>"), NOW)
    desk.poll()
    assert decided(desk.triage.run()) == [ACKNOWLEDGED]
