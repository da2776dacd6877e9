from datetime import datetime, timedelta

import pytest

from inboxbot import review
from inboxbot.actions import (
    AddNote,
    Answer,
    Claim,
    Close,
    Confirm,
    Correct,
    Drop,
    Hold,
    Merge,
    Release,
    Renew,
    Reopen,
    Resolve,
    Settle,
    Snooze,
    Split,
    Tag,
    Unclaim,
    Untag,
    Wake,
)
from inboxbot.classify.category import Category
from inboxbot.errors import Conflict
from inboxbot.mail.message import Reply
from inboxbot.reply.case import Acknowledgement
from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store import audit, conversations, people, queue, replies, reviews, search, tags
from inboxbot.store.queue import Listing, View
from inboxbot.store.reviews import State
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter
from tests.outbox_rows import reply_to

GENERAL = Category.GENERAL_INQUIRY


@pytest.fixture
def letter(db: Database, now: datetime) -> int:
    return letters.add(db, Letter(), now)


@pytest.fixture
def held(db: Database, now: datetime) -> int:
    return letters.add(
        db,
        Letter(
            reply="held",
            reply_reason="not_addressed",
            disposition=Disposition.HOLD,
            reason=Reason.NOT_ADDRESSED,
        ),
        now,
    )


def act(
    db: Database, action: object, letter: int, now: datetime, staff: str = "jo", **more: object
) -> review.Done:
    return review.perform(
        db,
        action,
        [review.Letter(letter)],
        staff=staff,
        now=now,
        **more,  # type: ignore[arg-type]
    )


def audited(db: Database, letter: int) -> list[str]:
    return [entry.what for entry in audit.entries(db, message=letter)][::-1]


def snapshot(db: Database, letter: int) -> tuple[object, ...]:
    found = reviews.get(db, letter)
    assert found is not None
    reply = replies.acknowledgement(db, letter)
    return (
        found.state,
        found.category,
        found.assignee,
        found.confirmed_at,
        found.snoozed_until,
        found.closed_as,
        len(reviews.corrections(db, letter)),
        len(reviews.notes(db, letter)),
        tags.of_letters(db, [letter]),
        conversations.of_letter(db, letter),
        reply and (reply.state, reply.reason),
    )


def test_a_correction_is_stored_to_learn_from(db: Database, letter: int, now: datetime) -> None:
    act(db, Correct(GENERAL, "medicine"), letter, now)
    found = reviews.get(db, letter)
    assert found is not None
    assert found.category is GENERAL
    assert found.confirmed_at == now
    (correction,) = reviews.corrections(db, letter)
    assert (correction.from_category, correction.to_category, correction.why) == (
        Category.MEDICATION_QUESTION,
        GENERAL,
        "medicine",
    )
    assert audited(db, letter) == ["corrected"]


def test_a_confirmation_takes_the_letter_off_the_review_list_but_keeps_it_open(
    db: Database, letter: int, now: datetime
) -> None:
    act(db, Confirm(), letter, now)
    assert queue.ids(db, Listing(), staff="jo", now=now, limit=9) == []
    assert queue.ids(db, Listing(view=View.OPEN), staff="jo", now=now, limit=9) == [letter]


def test_a_stale_version_changes_nothing(db: Database, letter: int, now: datetime) -> None:
    act(db, Claim(), letter, now, staff="kim")
    with pytest.raises(Conflict, match="somebody else"):
        review.perform(db, Close(), [review.Letter(letter, 1)], staff="jo", now=now)
    found = reviews.get(db, letter)
    assert found is not None
    assert (found.state, found.assignee, found.version) == (State.CLAIMED, "kim", 2)
    assert audited(db, letter) == ["claimed"]


def test_the_same_form_sent_twice_is_one_action(db: Database, letter: int, now: datetime) -> None:
    first = act(db, AddNote("called back"), letter, now, token="form-1")
    second = act(db, AddNote("called back"), letter, now, token="form-1")
    assert second.again
    assert not first.again
    assert [note.text for note in reviews.notes(db, letter)] == ["called back"]


def test_a_form_sent_again_after_it_was_taken_back_is_not_said_to_be_done(
    db: Database, letter: int, now: datetime
) -> None:
    answer = Answer(reply_to(9), delay=timedelta(seconds=10))
    done = act(db, answer, letter, now, token="form-1")
    review.take_back(db, done.token, staff="jo", now=now)
    with pytest.raises(Conflict, match="taken back"):
        act(db, answer, letter, now, token="form-1")
    assert not act(db, answer, letter, now, token="form-2").again
    assert [each.kind for each in replies.of_letter(db, letter)][-1] == "answer"


def test_a_letter_that_is_not_there_is_said_to_be_missing(db: Database, now: datetime) -> None:
    with pytest.raises(review.NoSuchLetter):
        act(db, Close(), 77, now)


@pytest.mark.parametrize(
    "action",
    [
        Claim(),
        Claim("kim"),
        Correct(GENERAL),
        Settle(GENERAL),
        Confirm(),
        Close(),
        Close("not_for_us"),
        Snooze(datetime.fromisoformat("2026-03-05T09:00:00+00:00")),
        AddNote("a word"),
        Tag("Equipment"),
        Drop(),
        Release(timedelta(seconds=10)),
    ],
)
def test_every_action_can_be_undone(db: Database, held: int, now: datetime, action: object) -> None:
    before = snapshot(db, held)
    done = act(db, action, held, now)
    assert snapshot(db, held) != before
    review.take_back(db, done.token, staff="jo", now=now + timedelta(seconds=5))
    assert snapshot(db, held) == before
    assert audited(db, held)[-1] == "undone"


@pytest.mark.parametrize(
    ("first", "action"),
    [
        (Claim(), Unclaim()),
        (Close(), Reopen()),
        (Claim(), Renew()),
        (Tag("equipment"), Untag("equipment")),
        (Snooze(datetime.fromisoformat("2026-03-05T09:00:00+00:00")), Wake()),
        (Release(timedelta(hours=1)), Hold()),
    ],
)
def test_every_way_back_can_be_undone_too(
    db: Database, held: int, now: datetime, first: object, action: object
) -> None:
    act(db, first, held, now)
    before = snapshot(db, held)
    done = act(db, action, held, now)
    assert snapshot(db, held) != before
    review.take_back(db, done.token, staff="jo", now=now)
    assert snapshot(db, held) == before


def test_an_undo_works_once_for_its_maker_and_for_five_minutes(
    db: Database, letter: int, now: datetime
) -> None:
    done = act(db, Close(), letter, now)
    with pytest.raises(Conflict):
        review.take_back(db, done.token, staff="kim", now=now)
    with pytest.raises(Conflict):
        review.take_back(db, done.token, staff="jo", now=now + timedelta(minutes=6))
    review.take_back(db, done.token, staff="jo", now=now)
    with pytest.raises(Conflict):
        review.take_back(db, done.token, staff="jo", now=now)


def test_an_undo_does_not_overwrite_what_a_colleague_did_since(
    db: Database, letter: int, now: datetime
) -> None:
    done = act(db, Close(), letter, now)
    act(db, AddNote("not yet!"), letter, now, staff="kim")
    with pytest.raises(Conflict, match="somebody else"):
        review.take_back(db, done.token, staff="jo", now=now)
    found = reviews.get(db, letter)
    assert found is not None
    assert found.state is State.CLOSED


def test_an_answer_is_taken_back_also_where_a_colleague_changed_the_letter_since(
    db: Database, letter: int, now: datetime
) -> None:
    act(db, Claim(), letter, now, staff="kim")
    done = act(db, answer(1), letter, now)
    act(db, AddNote("not yet!"), letter, now, staff="kim")
    act(db, Correct(Category.PROFILE_REQUEST), letter, now, staff="kim")
    review.take_back(db, done.token, staff="jo", now=now)
    assert answered_by(db, letter) == []
    found = reviews.get(db, letter)
    assert found is not None
    assert (found.state, found.assignee) == (State.CLAIMED, "kim")
    assert found.category is Category.PROFILE_REQUEST
    assert [note.text for note in reviews.notes(db, letter)] == ["not yet!"]


def test_an_answer_that_is_taken_back_leaves_that_of_a_colleague(
    db: Database, letter: int, now: datetime
) -> None:
    done = act(db, answer(1), letter, now)
    act(db, answer(2), letter, now, staff="kim")
    review.take_back(db, done.token, staff="jo", now=now)
    assert answered_by(db, letter) == ["kim"]
    found = reviews.get(db, letter)
    assert found is not None
    assert (found.state, found.assignee) == (State.ANSWERED, "kim")


def test_an_answer_that_has_left_is_not_taken_back_whoever_changed_the_letter(
    db: Database, letter: int, now: datetime
) -> None:
    done = act(db, answer(1), letter, now)
    act(db, AddNote("not yet!"), letter, now, staff="kim")
    db.execute("UPDATE outbox SET state = 'sending'")
    with pytest.raises(Conflict, match="left"):
        review.take_back(db, done.token, staff="jo", now=now)


def test_a_release_is_taken_back_unless_a_colleague_stopped_it_already(
    db: Database, held: int, now: datetime
) -> None:
    done = act(db, Release(), held, now)
    act(db, AddNote("not yet!"), held, now, staff="kim")
    review.take_back(db, done.token, staff="jo", now=now)
    reply = replies.acknowledgement(db, held)
    assert reply is not None
    assert (reply.state, reply.reason) == ("held", "not_addressed")

    done = act(db, Release(), held, now)
    act(db, Hold(), held, now, staff="kim")
    act(db, Drop(), held, now, staff="kim")
    with pytest.raises(Conflict, match="somebody else"):
        review.take_back(db, done.token, staff="jo", now=now)


def answered_by(db: Database, letter: int) -> list[str | None]:
    sent = replies.of_letter(db, letter)
    return [each.created_by for each in sent if each.kind == "answer"]


def answer(number: int) -> Answer:
    raw, message_id = b"To: x\r\n\r\nHello.\r\n", f"<{number}@example.org>"
    return Answer(Reply(raw=raw, recipient="ana@person.example", message_id=message_id))


def test_many_letters_are_done_together_and_undone_together(db: Database, now: datetime) -> None:
    rows = [letters.add(db, Letter(subject=str(n)), now) for n in range(4)]
    act(db, Close(), rows[1], now, staff="kim")
    done = review.perform(db, Close(), [review.Letter(row, 1) for row in rows], staff="jo", now=now)
    assert done.letters == (rows[0], rows[2], rows[3])
    assert list(done.refused) == [rows[1]]
    review.take_back(db, done.token, staff="jo", now=now)
    open_ = queue.ids(db, Listing(view=View.OPEN), staff="jo", now=now, limit=9)
    assert set(open_) == {rows[0], rows[2], rows[3]}


def test_a_released_acknowledgement_waits_for_its_delay_and_is_a_verdict_on_the_gate(
    db: Database, held: int, now: datetime
) -> None:
    act(db, Release(timedelta(seconds=10)), held, now)
    reply = replies.acknowledgement(db, held)
    assert reply is not None
    assert (reply.state, reply.created_by) == ("queued", "jo")
    assert reply.due_at == now + timedelta(seconds=10)
    assert db.execute("SELECT reason, released FROM verdict").fetchall() == [("not_addressed", 1)]


def test_a_dropped_acknowledgement_is_audited_and_a_verdict_that_the_gate_was_right(
    db: Database, held: int, now: datetime
) -> None:
    done = act(db, Drop(), held, now)
    reply = replies.acknowledgement(db, held)
    assert reply is not None
    assert (reply.state, reply.reason) == ("cancelled", "staff")
    query = "SELECT reason, released, staff FROM verdict"
    assert db.execute(query).fetchall() == [("not_addressed", 0, "jo")]
    assert audited(db, held) == ["dropped"]
    review.take_back(db, done.token, staff="jo", now=now)
    assert db.execute(query).fetchall() == []


def test_what_was_sorted_anew_is_never_released_in_the_words_of_the_old_kind(
    db: Database, held: int, now: datetime
) -> None:
    before = replies.acknowledgement(db, held)
    assert before is not None
    db.execute("UPDATE outbox SET template = 'general_inquiry'")
    act(db, Correct(Category.MEDICATION_QUESTION), held, now)
    with pytest.raises(Conflict, match="another kind"):
        act(db, Release(), held, now)

    def written(_letter: int) -> Acknowledgement:
        return Acknowledgement(
            reply=Reply(
                raw=b"To: x\r\n\r\nAsk your doctor.\r\n",
                recipient=before.recipient,
                message_id="<other@example.org>",
            ),
            template="medication_question",
            version="v2",
            in_reply_to=None,
        )

    act(db, Release(written=written), held, now)
    after = replies.acknowledgement(db, held)
    assert after is not None
    assert (after.id, after.state, after.template) == (before.id, "queued", "medication_question")
    assert b"Ask your doctor." in after.raw


def test_what_is_on_its_way_cannot_be_taken_back(db: Database, held: int, now: datetime) -> None:
    done = act(db, Release(), held, now)
    db.execute("UPDATE outbox SET state = 'sending'")
    with pytest.raises(Conflict, match="left"):
        review.take_back(db, done.token, staff="jo", now=now)


def test_what_was_never_held_cannot_be_released(db: Database, letter: int, now: datetime) -> None:
    with pytest.raises(Conflict, match="not held"):
        act(db, Release(), letter, now)
    with pytest.raises(Conflict):
        act(db, Drop(), letter, now)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (Resolve(1, sent=True), "sent"),
        (Resolve(1, again=True), "queued"),
        (Resolve(1), "cancelled"),
    ],
)
def test_staff_settle_what_became_of_an_uncertain_reply(
    db: Database, now: datetime, action: Resolve, state: str
) -> None:
    row = letters.add(db, Letter(reply="uncertain"), now)
    act(db, action, row, now)
    reply = replies.acknowledgement(db, row)
    assert reply is not None
    assert reply.state == state


def test_a_closed_letter_must_be_reopened_before_anything_else(
    db: Database, letter: int, now: datetime
) -> None:
    act(db, Close(), letter, now)
    for action in (Close(), Claim(), Snooze(now + timedelta(days=1))):
        with pytest.raises(Conflict, match="reopen"):
            act(db, action, letter, now)
    act(db, Reopen(), letter, now)
    act(db, Claim(), letter, now)


def test_an_empty_note_and_a_past_time_are_refused(
    db: Database, letter: int, now: datetime
) -> None:
    for action in (AddNote("  \n"), Snooze(now)):
        with pytest.raises(Conflict):
            act(db, action, letter, now)
    assert audited(db, letter) == []


def test_a_tag_is_a_plain_word_found_by_the_search_and_put_on_once(
    db: Database, letter: int, now: datetime
) -> None:
    act(db, Tag("  Feeding   Tube "), letter, now)
    assert tags.of_letters(db, [letter]) == {letter: ["feeding tube"]}
    assert tags.known(db) == ["feeding tube"]
    listing = search.narrowed(Listing(view=View.OPEN), 'tag:"Feeding tube"', now)
    assert queue.ids(db, listing, staff="jo", now=now, limit=9) == [letter]
    for typed in ("feeding tube", "", "x" * 31, "<b>", "a,b"):
        with pytest.raises(Conflict):
            act(db, Tag(typed), letter, now)
    with pytest.raises(Conflict):
        act(db, Untag("nothing"), letter, now)


def test_a_letter_is_put_into_another_conversation_and_taken_out_of_it(
    db: Database, held: int, now: datetime
) -> None:
    other = letters.add(db, Letter(), now)
    apart = snapshot(db, other)
    done = act(db, Merge(held), other, now)
    together = snapshot(db, other)
    assert conversations.of_letter(db, other) == conversations.of_letter(db, held)
    assert next(iter(audit.entries(db, message=other))).detail == f"into {held}"
    split = act(db, Split(), other, now)
    assert conversations.of_letter(db, other) != conversations.of_letter(db, held)
    review.take_back(db, split.token, staff="jo", now=now)
    assert snapshot(db, other) == together
    assert audited(db, other) == ["merged", "split", "undone"]
    again = act(db, Split(), other, now)
    act(db, Merge(held), other, now)
    with pytest.raises(Conflict, match="somebody else"):
        review.take_back(db, again.token, staff="jo", now=now)
    with pytest.raises(Conflict, match="somebody else"):
        review.take_back(db, done.token, staff="jo", now=now)
    assert apart != together


def test_only_letters_of_one_person_go_together(db: Database, letter: int, now: datetime) -> None:
    bob = letters.add(db, Letter(address="bob@example.net"), now)
    nobody = letters.add(db, Letter(address=None), now)
    mate = letters.add(db, Letter(), now)
    act(db, Merge(letter), mate, now)
    for moved, into in ((letter, bob), (letter, 99), (letter, nobody), (nobody, letter)):
        with pytest.raises(Conflict):
            act(db, Merge(into), moved, now)
    for moved, into in ((letter, letter), (letter, mate)):
        with pytest.raises(Conflict, match="already"):
            act(db, Merge(into), moved, now)
    with pytest.raises(Conflict, match="in no conversation"):
        act(db, Split(), bob, now)
    people.link(db, people.known(db, "ana@example.net"), "bob@example.net")
    act(db, Merge(bob), letter, now)
    assert conversations.of_letter(db, letter) == conversations.of_letter(db, bob)


def test_a_merge_of_a_stale_page_changes_nothing(db: Database, letter: int, now: datetime) -> None:
    other = letters.add(db, Letter(), now)
    before = conversations.of_letter(db, other)
    act(db, Claim(), other, now, staff="kim")
    with pytest.raises(Conflict, match="somebody else"):
        review.perform(db, Merge(letter), [review.Letter(other, 1)], staff="jo", now=now)
    assert conversations.of_letter(db, other) == before
