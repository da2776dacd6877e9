"""Each letter is decided wholly or not at all, and whatever happens it reaches the staff."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot import faults
from inboxbot.acknowledge import Acknowledger
from inboxbot.classify.category import Category, Classification
from inboxbot.errors import TransientError
from inboxbot.explain import decider
from inboxbot.mail.compose import ComposeMismatchError
from inboxbot.mail.message import Message
from inboxbot.reading import LoadClassifier, Reader, Reading, ReadingFailed, read
from inboxbot.reply.library import Library
from inboxbot.reply.policy import Rules
from inboxbot.reply.reason import Reason
from inboxbot.store import (
    alerts,
    invariants,
    messages,
    outbox,
    people,
    queue,
    reviews,
    settings,
)
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin, Silence
from inboxbot.store.queue import Listing, View
from inboxbot.store.settings import Mode
from tests.conftest import NOW
from tests.crash.pipeline import disk_full
from tests.desk import FACTS, TEMPLATES, ByWords, Desk, Here, decided, letter
from tests.fake_transport import FakeTransport

ACKNOWLEDGED = ("acknowledge", None)
Make = Callable[..., Desk]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Desk] = []

    def desk(**options: object) -> Desk:
        path = tmp_path / f"{len(made)}.sqlite3"
        made.append(Desk(path, NOW, FakeTransport(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield desk
    for each in made:
        each.check()
        each.close()


@pytest.fixture
def desk(make: Make) -> Desk:
    return make()


class Breaks:
    """A classifier with a fault: it raises for every letter."""

    def classify(self, message: Message) -> Classification:
        raise RuntimeError


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


# --- what is known of the person -----------------------------------------------------


def test_the_language_that_staff_noted_is_the_one_that_is_answered_in(make: Make) -> None:
    desk = make(rules=Rules(languages=frozenset({"en", "es"})))
    (first,) = desk.take(letter(1, text="May my profile be seen?"))
    assert desk.recorded(first.message).template_language == "en"
    with write(desk.db):
        row = people.known(desk.db, "ana@person.example")
        people.set_language(desk.db, row, "es")
        people.link(desk.db, row, "ana@work.example")
    desk.pass_(days=8)
    outcomes = desk.take(letter(2), letter(3, sender="Ana <Ana+home@Work.example>"))
    for outcome in outcomes:
        recorded = desk.recorded(outcome.message)
        assert (recorded.template_language, recorded.language_because) == ("es", "person")


def test_a_first_contact_is_one_however_long_ago_the_letter_before_came(
    make: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "templates" / "en"
    folder.mkdir(parents=True)
    (folder / "medication_question.txt.j2").write_text(
        "Subject: We received it\n\n{% if is_first_contact %}Welcome.{% else %}Welcome back."
        "{% endif %}\n\n{{ organisation }} answers within {{ hours_to_answer }} hours."
        " You can call us at {{ phone }}. In an emergency, call your local emergency number.\n"
    )
    desk = make(library=Library(folder.parent, clock=lambda: time.time() + 60))
    desk.take(letter(1))
    desk.pass_(days=300)
    desk.take(letter(2), letter(3, sender="Tom <tom@other.example>"))
    kept = [row[0] for row in desk.db.execute("SELECT raw FROM outbox ORDER BY id")]
    said = [b"Welcome back." in outbox.unpacked(each) for each in kept]
    assert said == [False, True, False]


# --- one transaction -----------------------------------------------------------------


def test_decision_reply_and_review_appear_together(desk: Desk) -> None:
    (outcome,) = desk.take(letter())
    recorded = desk.recorded(outcome.message)
    assert recorded.disposition == "acknowledge"
    assert recorded.category is Category.MEDICATION_QUESTION
    assert desk.states() == [("queued", None)]
    review = reviews.get(desk.db, outcome.message)
    assert review is not None
    assert review.state is reviews.State.NEW


@pytest.mark.parametrize("table", ["reading", "decision", "review", "outbox", "conversation"])
def test_where_any_of_it_cannot_be_stored_nothing_of_it_is(desk: Desk, table: str) -> None:
    desk.db.execute(
        f"CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    assert desk.take(letter()) == []
    for each in ("reading", "decision", "review", "outbox", "conversation", "alert"):
        assert desk.value(f"SELECT count(*) FROM {each}") == 0
    assert desk.value("SELECT count(*) FROM message WHERE decided_at IS NULL") == 1
    desk.db.execute("DROP TRIGGER no")
    assert decided(desk.triage.run()) == [ACKNOWLEDGED]


def test_a_letter_is_decided_on_once(desk: Desk) -> None:
    desk.take(letter())
    assert desk.triage.run() == []
    assert len(desk.replies()) == 1


def test_the_fault_points_are_reached_in_their_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(faults, "point", seen.append)
    desk.take(letter())
    assert [name for name in seen if name.startswith("triage.")] == [
        "triage.attempt",
        "triage.decided",
        "triage.before_commit",
        "triage.committed",
    ]


def test_it_stops_between_two_batches(desk: Desk) -> None:
    for number in range(60):
        sender = f"a{number}@other{number}.example"
        desk.box.deliver(letter(number, sender=sender, message_id=f"<{number}@x.example>"), NOW)
    desk.poll()
    asked = iter([False, False, True, True])
    assert len(desk.triage.run(stop=lambda: next(asked))) == 50
    assert len(desk.triage.run()) == 10


def test_however_many_wait_a_batch_stays_small(make: Make) -> None:
    class Counting(Here):
        sizes: list[int] = []  # noqa: RUF012

        def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
            self.sizes.append(len(raws))
            return super().read_many(raws)

    reader = Counting(ByWords())
    desk = make(reader=reader)
    for number in range(230):
        sender = f"a@other{number}.example"
        desk.box.deliver(letter(number, sender=sender, message_id=f"<{number}@x.example>"), NOW)
    desk.poll()
    assert len(desk.triage.run()) == 230
    assert reader.sizes == [50, 50, 50, 50, 30]


# --- poison --------------------------------------------------------------------------


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


def test_r40_a_process_that_ends_again_and_again_costs_only_the_letter_that_ends_it(
    make: Make,
) -> None:
    class EndsTheProcess(Here):
        def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
            if any(b"poison" in raw for raw in raws):
                raise KeyboardInterrupt
            return super().read_many(raws)

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


# --- replies that cannot be written --------------------------------------------------


class NoTemplates(Library):
    def source(self, name: str, language: str) -> tuple[None, bool]:
        return None, False

    _source = source


def test_a_template_that_cannot_be_filled_in_holds_the_letter_and_tells_staff(
    make: Make,
) -> None:
    desk = make(library=NoTemplates())
    assert decided(desk.take(letter())) == [("hold", "template_error")]
    assert desk.replies() == []
    (alert,) = alerts.unfinished(desk.db)
    assert (alert.code, alert.detail) == (alerts.Code.TEMPLATE, "medication_question")
    desk.triage = desk.new_triage(acknowledger=Acknowledger(TEMPLATES, FACTS, tuple, {}))
    assert decided(desk.take(letter(2, sender="b@b.example"))) == [ACKNOWLEDGED]
    assert alerts.unfinished(desk.db) == []


def test_what_the_guard_refuses_is_held_and_staff_are_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    TEMPLATES.available()
    desk.run(letter())  # The template itself is well: it is what comes out that is refused.
    monkeypatch.setattr("inboxbot.reply.guard.violations", lambda *_: ("dose",))
    other = letter(2, sender="b@b.example", message_id="<2@b.example>")
    assert decided(desk.run(other)) == [("hold", "guard")]
    assert len(desk.replies()) == 1
    assert desk.codes() == ["template"]


def test_a_finished_message_that_is_not_as_meant_is_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs(*_: object, **__: object) -> None:
        raise ComposeMismatchError(("a field that was not meant",))

    monkeypatch.setattr("inboxbot.mail.compose.acknowledgement", differs)
    assert decided(desk.take(letter())) == [("hold", "compose_mismatch")]
    assert desk.replies() == []
    assert reviews.get(desk.db, 1) is not None


# --- modes, silence, danger ----------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.PAUSED])
def test_a_mode_holds_the_finished_reply_and_changes_no_decision(make: Make, mode: Mode) -> None:
    desk = make(mode=mode)
    assert decided(desk.run(letter())) == [ACKNOWLEDGED]
    assert desk.states() == [("held", str(mode))]
    assert desk.sink.message_ids == []


def test_a_robot_fills_no_outbox_with_what_one_release_would_send_while_sending_is_paused(
    make: Make,
) -> None:
    desk = make(mode=Mode.PAUSED)
    for number in range(1, 6):
        desk.take(letter(number, text=f"riluzole {number}"))
        desk.pass_(minutes=1)
    assert [reason for _, reason in desk.states()] == ["paused", *["rate_limited"] * 4]


def test_a_classifier_that_fails_leaves_a_general_inquiry_for_a_look(make: Make) -> None:
    for classifier in (Breaks(), None):
        desk = make(classifier=classifier)
        (outcome,) = desk.take(letter())
        assert decided([outcome]) == [ACKNOWLEDGED]
        recorded = desk.recorded(outcome.message)
        assert recorded.category is Category.GENERAL_INQUIRY
        assert recorded.needs_review
        assert recorded.unsure_because
        assert recorded.model_version == ""
        assert desk.value("SELECT template FROM outbox") == "general_inquiry"


def test_the_worker_whose_classifier_cannot_be_loaded_reads_all_the_same(make: Make) -> None:
    desk = make()
    with Reader(LoadClassifier(kind="light", model=b"no model")) as reader:
        desk.triage = desk.new_triage(reader=reader)
        assert decided(desk.take(letter())) == [ACKNOWLEDGED]
    assert desk.recorded(1).needs_review


def test_danger_opens_an_alert_with_the_decision(desk: Desk) -> None:
    (outcome,) = desk.take(letter(text="Help, he cannot breathe"))
    assert outcome.urgent == ("breathing",)
    (alert,) = alerts.unfinished(desk.db)
    assert (alert.code, alert.message_id) == (alerts.Code.URGENT, outcome.message)
    assert desk.value("SELECT template FROM outbox") == "urgent"


def test_danger_in_a_follow_up_that_is_not_acknowledged_opens_an_alert_too(desk: Desk) -> None:
    desk.run(letter())
    (outcome,) = desk.run(
        letter(2, text="Now she cannot breathe!", replies_to="<1@person.example>")
    )
    assert decided([outcome]) == [("suppress", "in_conversation")]
    assert desk.codes() == ["urgent"]


@pytest.mark.parametrize(
    "machine",
    [
        letter(text="cannot breathe", more="List-Id: <news.example>"),
        letter(text="cannot breathe", more="Auto-Submitted: auto-replied"),
        letter(text="cannot breathe", sender="noreply@shop.example"),
    ],
)
def test_a_machine_that_speaks_of_danger_alarms_nobody(desk: Desk, machine: bytes) -> None:
    (outcome,) = desk.take(machine)
    assert outcome.disposition == "suppress"
    assert outcome.urgent == ()
    assert desk.codes() == []
    review = reviews.get(desk.db, outcome.message)
    assert review is not None
    assert review.urgent


@pytest.mark.parametrize(
    ("origin", "silence", "expected"),
    [
        (Origin.IMAP, Silence.BASELINE, ("suppress", "baseline")),
        (Origin.IMPORT, None, ("suppress", "baseline")),
        (Origin.IMAP, Silence.UIDVALIDITY, ("hold", "uidvalidity")),
        (Origin.IMAP, Silence.RESTORED, ("hold", "restored")),
    ],
)
def test_what_is_known_before_reading_keeps_silent(
    desk: Desk, origin: Origin, silence: Silence | None, expected: tuple[str, str]
) -> None:
    with write(desk.db):
        settings.put_moment(desk.db, "restored_at", NOW + timedelta(minutes=1))
        messages.store(
            desk.db,
            Incoming(
                raw=letter(),
                mailbox_id=1,
                origin=origin,
                received_at=NOW,
                size=len(letter()),
                keep_silent=silence,
            ),
            NOW,
        )
    assert decided(desk.triage.run()) == [expected]
    assert desk.states() == ([("held", expected[1])] if expected[0] == "hold" else [])
    desk.db.execute("DELETE FROM outbox")  # A letter put here by hand has no place.
    desk.db.execute(
        "INSERT INTO place VALUES (1, 1, 1, 'ingested', 0, NULL, 1, NULL, NULL, NULL,"
        " NULL, NULL, ?)",
        [NOW.isoformat()],
    )


def test_an_old_letter_is_shown_and_not_acknowledged(desk: Desk) -> None:
    desk.box.deliver(letter(), NOW)
    desk.pass_(hours=73)
    desk.poll()
    assert decided(desk.triage.run()) == [("suppress", "too_old")]
    assert reviews.get(desk.db, 1) is not None


def test_a_mailbox_that_left_the_configuration_is_decided_on_with_another_identity(
    desk: Desk,
) -> None:
    desk.triage = desk.new_triage(identities={"other": desk.identity})
    assert decided(desk.take(letter())) == [ACKNOWLEDGED]


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("Undisclosed", ("suppress", "invalid_sender")),
        ("ana@localhost", ("suppress", "invalid_sender")),
        ("ana@nowhere", ("suppress", "invalid_sender")),
        ("-oQ/tmp@evil.example", ("suppress", "invalid_sender")),
    ],
)
def test_a_person_without_a_usable_address_is_shown_to_staff(
    desk: Desk, sender: str, expected: tuple[str, str]
) -> None:
    (outcome,) = desk.take(letter(sender=sender))
    assert decided([outcome]) == [expected]
    assert desk.replies() == []
    assert reviews.get(desk.db, outcome.message) is not None


# --- explain -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "letters",
    [
        [letter()],
        [letter(), letter(top="Received: by mx.als.example; 2 Mar 2026 09:00:00 +0000")],
        [letter(), letter(2, text="More of riluzole.", message_id="<2@person.example>")],
        [letter(), letter(2, text="And?", replies_to="<1@person.example>")],
        [letter(more="Auto-Submitted: auto-generated")],
        [letter(to="others@else.example")],
        [letter(n, sender=f"r{n}@one.example", message_id=f"<{n}@r.example>") for n in range(22)],
    ],
)
def test_explain_with_history_says_what_triage_decided(desk: Desk, letters: list[bytes]) -> None:
    for raw in letters[:-1]:
        desk.run(raw)
    reading = read(letters[-1], ByWords())
    decide = decider(desk.db, desk.identity, desk.rules, NOW, NOW)
    before = desk.db.conn.total_changes
    foretold = decide(reading)
    assert desk.db.conn.total_changes == before
    (outcome,) = desk.run(letters[-1])
    assert (foretold.disposition, foretold.reason) == (outcome.disposition, outcome.reason)
    stored = messages.find(desk.db, outcome.message)
    assert stored is not None
    again = decider(desk.db, desk.identity, desk.rules, NOW, NOW, stored=stored)(reading)
    assert (again.disposition, again.reason) == (outcome.disposition, outcome.reason)
    recorded = desk.recorded(outcome.message)
    assert [hit["reason"] for hit in recorded.hits] == [str(hit.reason) for hit in again.hits]


def test_explain_holds_what_could_not_be_read_as_triage_does(desk: Desk) -> None:
    failed = Here(None).give_up(letter())
    decision = decider(None, desk.identity, desk.rules, NOW, NOW)(failed)
    assert (str(decision.disposition), decision.reason) == ("hold", Reason.UNREADABLE)
