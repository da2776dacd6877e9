"""Which letters belong together, and which are the same: nobody's letter joins another's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot import erasing, review
from inboxbot.actions import (
    Action,
    Answer,
    Close,
    Drop,
    Hold,
    Merge,
    Release,
    Reopen,
    Settle,
    Split,
)
from inboxbot.classify.category import Category
from inboxbot.errors import Conflict
from inboxbot.mail.conversation import domain_of, folded, identity_key
from inboxbot.mail.message import Reply
from inboxbot.mail.parse import parse
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.store import conversations as stored
from inboxbot.store import people, reviews
from inboxbot.store.database import write
from tests.conftest import NOW
from tests.desk import Desk, decided, letter
from tests.fake_transport import FakeTransport

IN_CONVERSATION = ("suppress", "in_conversation")
ACKNOWLEDGED = ("acknowledge", None)
LATER = Outcome(Verdict.DEFERRED, 451, "4.7.1 greylisted")
WROTE = Reply(
    raw=b"To: ana@person.example\r\nMessage-ID: <a@als.example>\r\n\r\nCall us.\r\n",
    recipient="ana@person.example",
    message_id="<a@als.example>",
    envelope_sender="",
)
LATE_ANSWER = Answer(WROTE, delay=timedelta(minutes=1))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "a.sqlite3", NOW, FakeTransport())
    yield desk
    desk.check()
    desk.close()


def conversations(desk: Desk) -> list[int | None]:
    return [
        row[0] for row in desk.db.execute("SELECT conversation_id FROM reading ORDER BY message_id")
    ]


def act(desk: Desk, action: Action, number: int) -> str:
    done = review.perform(desk.db, action, [review.Letter(number)], staff="jo", now=desk.now)
    return done.token


def two_matters(desk: Desk) -> None:
    """Take two letters of one person that are each acknowledged; neither has left."""
    desk.take(letter(), letter(2, subject="My profile", text="Here is my profile."))
    assert desk.states() == [("queued", None), ("queued", None)]


@pytest.mark.parametrize(
    ("written", "person"),
    [
        ("Ana@Example.NET", "ana@example.net"),
        ("ana+als@example.net", "ana@example.net"),
        (" ana@example.net ", "ana@example.net"),
        ("+tag@example.net", "+tag@example.net"),
        ("ana@sub+domain.example", "ana@sub+domain.example"),
    ],
)
def test_one_person_writes_in_any_case_and_with_any_plus_tag(written: str, person: str) -> None:
    assert folded(written) == person


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once_and_nothing_raises(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert domain_of(text) == domain_of(text).lower()


def test_the_same_message_is_known_under_other_transport_fields() -> None:
    one = parse(letter())
    other = parse(letter(top="Received: from mx2.example by mx.als.example; 2 Mar 2026"))
    assert identity_key(one) == identity_key(other)


@pytest.mark.parametrize(
    "other",
    [
        letter(text="Another text."),
        letter(sender="Bob <bob@person.example>"),
        letter(message_id="<other@person.example>"),
        letter(reply_to="Bob <bob@person.example>"),
    ],
)
def test_another_author_text_id_or_form_visitor_makes_it_another_message(other: bytes) -> None:
    assert identity_key(parse(letter())) != identity_key(parse(other))


def test_without_a_message_id_the_date_tells_two_letters_apart() -> None:
    one = parse(letter(message_id=None))
    assert identity_key(one) == identity_key(parse(letter(message_id=None)))
    assert identity_key(one) != identity_key(replace(one, sent_at=NOW))


def test_a_reply_to_our_acknowledgement_is_of_its_conversation(desk: Desk) -> None:
    desk.run(letter())
    (sent,) = desk.replies()
    outcomes = desk.run(letter(2, subject="And", text="Thanks!", replies_to=sent.message_id))
    assert decided(outcomes) == [IN_CONVERSATION]
    assert len(set(conversations(desk))) == 1
    assert len(desk.sink.message_ids) == 1


def test_a_reply_to_ones_own_earlier_letter_is_of_its_conversation(desk: Desk) -> None:
    desk.run(letter())
    outcomes = desk.run(letter(2, text="I forgot: profile.", replies_to="<1@person.example>"))
    assert decided(outcomes) == [IN_CONVERSATION]
    assert len(set(conversations(desk))) == 1


def test_a_further_letter_reopens_what_staff_had_closed(desk: Desk) -> None:
    (first,) = desk.run(letter())
    with write(desk.db):
        reviews.change(desk.db, first.message, desk.now, state=reviews.State.CLOSED)
    (second,) = desk.run(letter(2, replies_to="<1@person.example>", text="One more thing."))
    reopened = reviews.get(desk.db, first.message)
    assert reopened is not None
    assert reopened.state is reviews.State.REOPENED
    fresh = reviews.get(desk.db, second.message)
    assert fresh is not None
    assert fresh.state is reviews.State.NEW


def test_a_stranger_who_quotes_a_message_id_starts_a_conversation_of_their_own(
    desk: Desk,
) -> None:
    (first,) = desk.run(letter())
    with write(desk.db):
        reviews.change(desk.db, first.message, desk.now, state=reviews.State.CLOSED)
    eve = letter(
        2, sender="Eve <eve@other.example>", text="Tell me more.", replies_to="<1@person.example>"
    )
    assert decided(desk.run(eve)) == [ACKNOWLEDGED]
    one, other = conversations(desk)
    assert one != other
    assert desk.value("SELECT related_to FROM conversation WHERE id = ?", other) == one
    closed = reviews.get(desk.db, first.message)
    assert closed is not None
    assert closed.state is reviews.State.CLOSED
    assert [reply.recipient for reply in desk.replies()] == [
        "ana@person.example",
        "eve@other.example",
    ]


def test_a_stranger_with_the_same_message_id_takes_nobodys_follow_ups(desk: Desk) -> None:
    eve = letter(sender="Eve <eve@other.example>", text="Mine.", message_id="<1@person.example>")
    desk.run(eve)
    desk.run(letter())
    follow_up = letter(2, text="More.", replies_to="<1@person.example>")
    assert decided(desk.run(follow_up)) == [IN_CONVERSATION]
    his, hers, again = conversations(desk)
    assert his != hers
    assert again == hers


def test_a_reply_without_its_fields_is_known_by_our_subject_that_it_repeats(desk: Desk) -> None:
    desk.run(letter())
    away = letter(2, subject="Away: RE: We have  received your message", text="Back on Monday.")
    assert decided(desk.run(away)) == [IN_CONVERSATION]
    assert len(set(conversations(desk))) == 1


def test_our_subject_from_somebody_whom_we_never_wrote_to_is_a_new_letter(desk: Desk) -> None:
    desk.run(letter())
    other = letter(2, sender="bob@other.example", subject="Re: We have received your message")
    assert decided(desk.run(other)) == [ACKNOWLEDGED]


def test_what_was_never_sent_is_answered_by_nobody(desk: Desk) -> None:
    desk.take(letter())
    same = letter(2, subject="Re: We have received your message", text="Hello.")
    assert decided(desk.take(same)) == [ACKNOWLEDGED]


def test_the_same_letter_under_other_bytes_lies_with_the_first(desk: Desk) -> None:
    again = letter(top="Received: from mx2.example by mx.als.example; 2 Mar 2026 09:00:00 +0000")
    assert decided(desk.run(letter(), again)) == [ACKNOWLEDGED, ("suppress", "duplicate")]
    assert len(set(conversations(desk))) == 1


def test_letters_of_which_nothing_could_be_read_are_not_each_others_copies(desk: Desk) -> None:
    outcomes = desk.run(b"\r\n", b"\r\n\r\n")
    assert all(each.reason != "duplicate" for each in outcomes)
    assert conversations(desk) == [None, None]


def test_of_two_letters_that_staff_put_together_one_is_acknowledged(desk: Desk) -> None:
    two_matters(desk)
    act(desk, Merge(1), 2)
    desk.send()
    assert sorted(desk.states()) == [("cancelled", "in_conversation"), ("sent", None)]
    assert len(desk.sink.message_ids) == 1
    act(desk, Split(), 2)
    desk.send()
    assert len(desk.sink.message_ids) == 1


def test_a_letter_put_to_one_that_was_acknowledged_or_answered_gets_nothing(desk: Desk) -> None:
    two_matters(desk)
    act(desk, Answer(WROTE), 1)
    act(desk, Merge(1), 2)
    desk.send()
    assert [str(each.state) for each in desk.replies() if each.message_id != "<a@als.example>"] == [
        "cancelled",
        "cancelled",
    ]
    assert desk.sink.message_ids == ["<a@als.example>"]


@pytest.mark.parametrize("opened", ["by the person", "by staff"])
def test_an_acknowledgement_that_the_server_put_off_never_follows_the_answer(
    desk: Desk, opened: str
) -> None:
    desk.sink.script = [LATER]
    desk.run(letter())
    act(desk, Answer(WROTE), 1)
    desk.send()
    if opened == "by staff":
        act(desk, Reopen(), 1)
    else:
        desk.take(letter(2, text="Thank you!", replies_to=WROTE.message_id))
    assert getattr(reviews.get(desk.db, 1), "state", "") == "reopened"
    desk.pass_(minutes=5)
    desk.send()
    assert desk.states() == [("cancelled", "in_conversation"), ("sent", None)]
    assert desk.sink.message_ids == [WROTE.message_id]


def test_taking_a_merge_back_acknowledges_after_all(desk: Desk) -> None:
    two_matters(desk)
    token = act(desk, Merge(1), 2)
    desk.send()
    review.take_back(desk.db, token, staff="jo", now=desk.now)
    desk.send()
    assert desk.states() == [("sent", None), ("sent", None)]
    assert len(set(desk.sink.message_ids)) == len(desk.sink.message_ids) == 2


@pytest.mark.parametrize("action", [Close(), Settle(Category.MEDICATION_QUESTION), LATE_ANSWER])
def test_taking_back_what_ended_a_letter_acknowledges_it_after_all(
    desk: Desk, action: Action
) -> None:
    desk.take(letter())
    token = act(desk, action, 1)
    desk.send()
    assert desk.states()[0][0] == "cancelled"
    review.take_back(desk.db, token, staff="jo", now=desk.now)
    desk.send()
    assert desk.states() == [("sent", None)]


def test_taking_an_answer_back_acknowledges_the_other_letters_of_its_conversation_too(
    desk: Desk,
) -> None:
    two_matters(desk)
    act(desk, Merge(1), 2)
    token = act(desk, LATE_ANSWER, 1)
    desk.send()
    review.take_back(desk.db, token, staff="jo", now=desk.now)
    desk.send()
    assert sorted(state for state, _ in desk.states()) == ["cancelled", "sent"]


def test_taking_back_a_closing_brings_back_nothing_that_staff_had_dropped(desk: Desk) -> None:
    desk.take(letter())
    for action in (Hold(), Drop()):
        act(desk, action, 1)
    token = act(desk, Close(), 1)
    review.take_back(desk.db, token, staff="jo", now=desk.now)
    desk.send()
    assert desk.states() == [("cancelled", "staff")]


def test_a_merge_that_cost_nothing_sends_nothing_when_taken_back(desk: Desk) -> None:
    two_matters(desk)
    desk.send()
    token = act(desk, Merge(1), 2)
    review.take_back(desk.db, token, staff="jo", now=desk.now)
    desk.send()
    assert len(desk.sink.message_ids) == 2


def test_what_is_held_in_a_conversation_that_was_acknowledged_goes_by_one_click_alone(
    desk: Desk,
) -> None:
    two_matters(desk)
    act(desk, Merge(1), 2)
    with write(desk.db):
        desk.db.execute("UPDATE outbox SET state = 'held', reason = 'shadow' WHERE message_id = 2")
    desk.send()
    with pytest.raises(Conflict, match="conversation"):
        act(desk, Release(rules=desk.rules), 2)
    act(desk, Release(), 2)
    desk.send()
    assert desk.states() == [("sent", None), ("sent", None)]


def test_a_further_letter_lies_where_staff_put_the_one_that_it_goes_on_from(desk: Desk) -> None:
    desk.run(letter(), letter(2, subject="My profile", text="Here is my profile."))
    act(desk, Merge(1), 2)
    with write(desk.db):
        reviews.change(desk.db, 1, desk.now, state=reviews.State.CLOSED)
    more = letter(3, text="I forgot something.", replies_to="<2@person.example>")
    assert decided(desk.run(more)) == [IN_CONVERSATION]
    assert len(set(conversations(desk))) == 1
    reopened = reviews.get(desk.db, 1)
    assert reopened is not None
    assert reopened.state is reviews.State.REOPENED
    act(desk, Split(), 2)
    desk.run(letter(4, text="And this.", replies_to="<2@person.example>"))
    first, apart, third, fourth = conversations(desk)
    assert first == third
    assert apart == fourth != first


def test_a_conversation_of_two_addresses_forgets_the_one_that_is_erased(desk: Desk) -> None:
    bob = letter(2, sender="Bob <bob@other.example>", subject="My profile", text="My profile.")
    desk.run(letter(), bob)
    with write(desk.db):
        people.link(desk.db, people.known(desk.db, "ana@person.example"), "bob@other.example")
    act(desk, Merge(1), 2)
    with write(desk.db):
        person = people.known(desk.db, "ana@person.example")
        people.unlink(desk.db, person, "bob@other.example")
    erasing.erase(desk.db, erasing.look(desk.db, "ana@person.example"), who="ada", now=desk.now)
    together = stored.of_letter(desk.db, 2)
    assert desk.value("SELECT address FROM conversation WHERE id = ?", together) == (
        "bob@other.example"
    )
    more = letter(
        3, sender="Bob <bob@other.example>", text="More.", replies_to="<2@person.example>"
    )
    assert decided(desk.run(more)) == [IN_CONVERSATION]
    assert stored.of_letter(desk.db, 3) == together
