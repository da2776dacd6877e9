"""What staff say a letter is counts for its acknowledgement until the moment that it leaves."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from inboxbot import review
from inboxbot.actions import Action, Correct, Hold
from inboxbot.classify.category import Category, Classification
from inboxbot.mail.message import Message
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.reply.case import Rules
from inboxbot.reply.reason import Reason
from tests.conftest import NOW
from tests.desk import ByWords, Desk, letter
from tests.fake_transport import FakeTransport

WARNING = "your own doctor"  # What an answer on medicines says, and no other does.
LATER = Outcome(Verdict.DEFERRED, 451, "4.3.0 come back later")
MEDICATION = Correct(Category.MEDICATION_QUESTION)


@pytest.fixture
def server() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def desk(tmp_path: Path, server: FakeTransport) -> Iterator[Desk]:
    desk = Desk(tmp_path / "a.sqlite3", NOW, server)
    yield desk
    desk.check()
    desk.close()


def act(desk: Desk, action: Action) -> str:
    return review.perform(desk.db, action, [review.Letter(1)], staff="jo", now=desk.now).token


def said(server: FakeTransport) -> list[str]:
    texts = []
    for reply in server.accepted:
        body = message_from_bytes(reply.raw, policy=policy.default).get_body(("plain",))
        assert body is not None
        texts.append(" ".join(body.get_content().split()))
    return texts


def template(desk: Desk) -> object:
    return desk.value("SELECT template FROM outbox WHERE message_id = 1")


def question(desk: Desk) -> None:
    """Take a question on a medicine that the classifier takes for a general one."""
    desk.take(letter(text="May he have the new drops with his food?"))
    assert template(desk) == "general_inquiry"


def test_what_waits_in_the_queue_leaves_in_the_words_of_the_kind_that_staff_say(
    desk: Desk, server: FakeTransport
) -> None:
    question(desk)
    act(desk, MEDICATION)
    desk.send()
    assert [WARNING in text for text in said(server)] == [True]
    assert template(desk) == "medication_question"


def test_what_the_server_put_off_leaves_in_the_words_of_the_kind_that_staff_say(
    desk: Desk, server: FakeTransport
) -> None:
    question(desk)
    server.script = [LATER]
    desk.send()
    assert desk.states() == [("deferred", None)]
    act(desk, MEDICATION)
    desk.pass_(hours=1)
    desk.send()
    assert [WARNING in text for text in said(server)] == [True]


def test_what_an_undo_sends_after_all_leaves_in_the_words_of_the_kind_that_staff_say(
    desk: Desk, server: FakeTransport
) -> None:
    question(desk)
    act(desk, MEDICATION)
    held = act(desk, Hold())
    review.take_back(desk.db, held, staff="jo", now=desk.now)
    desk.pass_(minutes=1)
    desk.send()
    assert [WARNING in text for text in said(server)] == [True]


def test_what_is_sorted_back_in_time_leaves_as_it_was_written(
    desk: Desk, server: FakeTransport
) -> None:
    question(desk)
    written = desk.db.execute("SELECT raw FROM outbox").fetchone()
    act(desk, MEDICATION)
    act(desk, Correct(Category.GENERAL_INQUIRY))
    desk.send()
    assert len(server.accepted) == 1
    assert desk.db.execute("SELECT raw FROM outbox").fetchone() == written


def test_a_kind_that_is_never_answered_by_itself_is_held_when_staff_say_it(
    desk: Desk, server: FakeTransport
) -> None:
    writer = desk.writer()
    rules = Rules(disabled=frozenset({"medication_question"}))
    desk.writer = lambda: replace(writer, rules=rules)  # type: ignore[method-assign]
    question(desk)
    act(desk, MEDICATION)
    desk.send()
    assert server.accepted == []
    assert desk.states() == [("held", Reason.DISABLED)]


def test_what_cannot_be_written_anew_is_held_and_the_others_go(
    desk: Desk, server: FakeTransport
) -> None:
    question(desk)
    desk.take(letter(2, sender="Ben <ben@person.example>", text="Do you hold a meeting?"))
    act(desk, MEDICATION)
    [(whole,)] = desk.db.execute("SELECT bytes FROM raw WHERE message_id = 1").fetchall()
    desk.db.execute("UPDATE raw SET bytes = x'00' WHERE message_id = 1")
    desk.send()
    assert desk.states() == [("held", Reason.UNREADABLE), ("sent", None)]
    desk.db.execute("UPDATE raw SET bytes = ? WHERE message_id = 1", [whole])


def test_what_the_classifier_was_unsure_of_leaves_as_decided_and_is_not_read_again(
    desk: Desk, server: FakeTransport
) -> None:
    class Unsure(ByWords):
        def classify(self, message: Message) -> Classification:
            return replace(super().classify(message), needs_review=True)

    assert desk.reader is not None
    desk.reader.classifier = Unsure()
    desk.take(letter(text="How does he take riluzole?"))
    assert desk.value("SELECT category FROM review") == "medication_question"
    assert template(desk) == "general_inquiry"
    whole = desk.value("SELECT bytes FROM raw")
    desk.db.execute("UPDATE raw SET bytes = x'00'")  # Nobody needs them any more.
    server.script = [LATER]
    desk.send()
    act(desk, MEDICATION)  # Staff say what was decided.
    desk.pass_(hours=1)
    desk.send()
    assert desk.states() == [("sent", None)]
    assert [WARNING in text for text in said(server)] == [False]
    desk.db.execute("UPDATE raw SET bytes = ?", [whole])


def test_what_the_classifier_was_unsure_of_gets_general_words_again_when_sorted_back(
    desk: Desk, server: FakeTransport
) -> None:
    question(desk)
    desk.db.execute("UPDATE decision SET category = 'profile_request', needs_review = 1")
    desk.db.execute("UPDATE review SET category = 'profile_request'")
    act(desk, MEDICATION)
    server.script = [LATER]
    desk.send()
    assert template(desk) == "medication_question"
    act(desk, Correct(Category.PROFILE_REQUEST))
    desk.pass_(hours=1)
    desk.send()
    assert template(desk) == "general_inquiry"
    assert [WARNING in text for text in said(server)] == [False]
