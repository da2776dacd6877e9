"""What is stored of a decision is what is shown for ever; why a reply is held stands with it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot.dossier import classification_of, decision_of, dossier, why
from inboxbot.mail.parse import parse
from inboxbot.reading import read
from inboxbot.reply.policy import decide, sentence
from inboxbot.reply.reason import Reason
from inboxbot.store import conversations, decisions, messages, outbox
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from tests.conftest import NOW
from tests.desk import ByWords, Desk, letter
from tests.fake_transport import ACCEPTED, UNKNOWN, FakeTransport

ODD = letter(
    subject="=?utf-8?q?na=C3=AFve_=F0=9F=99=82_?=\u200f",
    sender="\"O'Brien; DROP TABLE decision\" <o'brien@person.example>",
    text="She cannot breathe. riluzole \u202e\U0001f642 '; --",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "a.sqlite3", NOW, FakeTransport())
    yield desk
    desk.check()
    desk.close()


@pytest.mark.parametrize(
    "raw",
    [letter(), ODD, letter(more="Auto-Submitted: auto-replied\nList-Id: <x.y>"), b"\r\n"],
    ids=["plain", "odd", "machine", "empty"],
)
def test_what_was_decided_comes_back_as_it_was(desk: Desk, raw: bytes) -> None:
    (outcome,) = desk.take(raw)
    recorded = desk.recorded(outcome.message)
    reading = read(raw, ByWords())
    assert classification_of(recorded) == reading.classification
    decision = decision_of(recorded)
    assert (decision.disposition, decision.reason) == (outcome.disposition, outcome.reason)
    assert recorded.subject == reading.message.subject
    assert recorded.text == reading.message.text
    assert recorded.fingerprint == messages.fingerprint(raw)
    assert recorded.received_at == NOW
    assert recorded.sent_at == reading.message.sent_at


def test_every_rule_that_hit_is_kept_with_what_showed_it(desk: Desk) -> None:
    raw = letter(more="Auto-Submitted: auto-replied\nList-Id: <x.y>", sender="noreply@x.example")
    (outcome,) = desk.take(raw)
    hits = desk.recorded(outcome.message).hits
    assert [hit["reason"] for hit in hits] == ["auto_submitted", "list_mail", "no_reply_address"]
    assert hits[0]["evidence"] == "Auto-Submitted: auto-replied"
    assert all("question" not in hit["evidence"] for hit in hits)


def test_there_is_nothing_recorded_of_a_letter_that_is_not_decided_or_not_there(
    desk: Desk,
) -> None:
    desk.box.deliver(letter(), NOW)
    desk.poll()
    assert decisions.recorded(desk.db, 1) is None
    assert decisions.recorded(desk.db, 99) is None
    assert conversations.of_letter(desk.db, 99) is None
    assert why(desk.db, 99) is None
    assert dossier(desk.db, 1) is None


def test_decided_letters_after_one_come_in_their_order(desk: Desk) -> None:
    for number in range(4):
        desk.take(letter(number, sender=f"p@d{number}.example"))
    assert decisions.decided_after(desk.db, 2) == [3, 4]


def test_what_held_or_waited_in_shadow_counts_toward_the_quiet_period_and_cancelled_does_not(
    desk: Desk,
) -> None:
    desk.set_mode(Mode.SHADOW)
    desk.take(letter())

    def last(**period: float) -> object:
        return decisions.last_of_kind(
            desk.db,
            "ANA+x@person.example",
            "medication_question",
            NOW + timedelta(hours=1),
            timedelta(**period),
        )

    assert last(hours=24) == NOW
    assert last(minutes=59) is None
    with write(desk.db):
        (row,) = outbox.held(desk.db)
        outbox.cancel(desk.db, row, Reason.STAFF, NOW)
    assert last(hours=24) is None


def test_ids_of_another_persons_conversation_are_not_known(desk: Desk) -> None:
    desk.run(letter())
    (sent,) = desk.replies()
    refers = parse(letter(2, replies_to=sent.message_id))
    assert decisions.known_ids(desk.db, refers, "ana+1@Person.example", NOW) == (sent.message_id,)
    assert decisions.known_ids(desk.db, refers, "eve@person.example", NOW) == ()
    assert decisions.known_ids(desk.db, refers, None, NOW) == ()


# --- why, in one sentence ------------------------------------------------------------


def test_why_of_a_letter_that_was_acknowledged(desk: Desk) -> None:
    desk.run(letter())
    assert why(desk.db, 1) == (
        "Acknowledged: a person wrote, and nothing stands against it (Medication question)."
    )


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (Mode.SHADOW, "Held: inboxbot runs in shadow mode and sends nothing yet."),
        (Mode.PAUSED, "Held: sending is paused."),
    ],
)
def test_why_of_a_letter_that_only_the_mode_holds(desk: Desk, mode: Mode, said: str) -> None:
    desk.set_mode(mode)
    desk.run(letter())
    assert desk.recorded(1).disposition == "acknowledge"
    assert why(desk.db, 1) == said
    found = dossier(desk.db, 1)
    assert found is not None
    assert found["why"] == said


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            letter(more="Auto-Submitted: auto-replied"),
            "Not answered: the message says that a machine wrote it"
            " (Auto-Submitted: auto-replied).",
        ),
        (
            letter(to="others@else.example"),
            "Held: it was not addressed to us (no address of ours in To or Cc).",
        ),
        (
            letter(sender="nobody"),
            "Not answered: the letter names no address that an answer could go to"
            " (From holds no usable address).",
        ),
    ],
)
def test_why_of_a_letter_that_a_rule_keeps_back(desk: Desk, raw: bytes, said: str) -> None:
    desk.run(raw)
    assert why(desk.db, 1) == said
    identity, rules = desk.identity, desk.rules
    case = desk.triage._case(messages.find(desk.db, 1), read(raw, ByWords()), identity, NOW)  # type: ignore[arg-type]
    assert sentence(decide(case, identity, rules, NOW)) == said


def test_why_says_what_became_of_the_reply(desk: Desk) -> None:
    assert isinstance(desk.sink, FakeTransport)
    desk.sink.script = [UNKNOWN]
    desk.run(letter())
    assert why(desk.db, 1) == (
        "The acknowledgement may or may not have been sent: staff must look."
    )
    with write(desk.db):
        outbox.was_sent(desk.db, 1, NOW)
    assert str(why(desk.db, 1)).startswith("Acknowledged: a person wrote")
    desk.db.execute("UPDATE outbox SET state = 'bounced'")
    assert why(desk.db, 1) == "Acknowledged, but it came back: the person could not be reached."
    desk.db.execute("UPDATE outbox SET state = 'failed'")
    assert why(desk.db, 1) == "Not answered: the acknowledgement could not be sent."


def test_why_of_a_held_reply_that_staff_let_go(desk: Desk) -> None:
    assert isinstance(desk.sink, FakeTransport)
    desk.sink.script = [ACCEPTED]
    desk.run(letter(to="others@else.example"))
    with write(desk.db):
        (row,) = outbox.held(desk.db)
        outbox.release(desk.db, row, "ana", NOW)
    desk.send()
    assert why(desk.db, 1) == (
        "Acknowledged: a member of staff decided so. By itself: Held: it was not addressed to us"
        " (no address of ours in To or Cc)."
    )


def test_why_of_a_reply_that_staff_dropped(desk: Desk) -> None:
    desk.set_mode(Mode.SHADOW)
    desk.run(letter())
    with write(desk.db):
        (row,) = outbox.held(desk.db)
        outbox.cancel(desk.db, row, Reason.STAFF, NOW)
    assert why(desk.db, 1) == "Not answered: a member of staff decided so."
