"""Each letter is decided wholly or not at all, and whatever happens it reaches the staff."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot import faults
from inboxbot.acknowledge import Acknowledger
from inboxbot.classify.category import Category, Classification
from inboxbot.explain import decider
from inboxbot.mail.compose import ComposeMismatchError
from inboxbot.mail.message import Message
from inboxbot.reader import Reader
from inboxbot.reading import LoadClassifier, Reading, ReadingFailed, read
from inboxbot.reply.library import Library
from inboxbot.reply.policy import Rules
from inboxbot.reply.reason import Reason
from inboxbot.store import (
    alerts,
    messages,
    outbox,
    people,
    reviews,
    settings,
)
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin, Silence
from inboxbot.store.settings import Mode
from tests.conftest import NOW
from tests.desk import FACTS, TEMPLATES, ByWords, Desk, Here, decided, letter
from tests.unit.conftest import Make

ACKNOWLEDGED = ("acknowledge", None)


class Breaks:
    """A classifier with a fault: it raises for every letter."""

    def classify(self, message: Message) -> Classification:
        raise RuntimeError


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

    def one_is_decided() -> bool:
        return bool(desk.db.execute("SELECT count(*) FROM decision").fetchone()[0])

    assert len(desk.triage.run(stop=one_is_decided)) == 50
    # What was read ahead and not decided on has no attempt behind it.
    attempts = [row[0] for row in desk.db.execute("SELECT attempts FROM message ORDER BY id")]
    assert attempts == [1] * 50 + [0] * 10
    assert len(desk.triage.run()) == 10


def test_it_tells_after_each_batch_so_that_replies_leave_while_others_are_decided_on(
    desk: Desk,
) -> None:
    for number in range(60):
        sender = f"a{number}@other{number}.example"
        desk.box.deliver(letter(number, sender=sender, message_id=f"<{number}@x.example>"), NOW)
    desk.poll()
    told: list[int] = []
    kept = desk.triage.run(decided=lambda batch: told.extend([len(batch), len(desk.replies())]))
    assert told == [50, 50, 10, 60]
    assert kept == []


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
