"""An answer that a person wrote and that is held: it can be sent as it was written, or dropped."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import review
from inboxbot.actions import Action, Answer, Drop, Release
from inboxbot.errors import Conflict
from inboxbot.reply.policy import Rules
from inboxbot.store import outbox, replies, reviews
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from inboxbot.store.users import Role
from tests import letters
from tests.desk import Desk, letter
from tests.letters import Letter
from tests.outbox_rows import reply_to
from tests.signed_in import SignedIn
from tests.stand import make_app, new_store
from tests.unit.conftest import Make

ANSWER = "<ack-99@example.org>"
FROM_A_LIST = "List-Id: <friends.als.example>"


def perform(desk: Desk, action: Action, number: int = 1) -> review.Done:
    return review.perform(desk.db, action, [review.Letter(number)], staff="kim", now=desk.now)


def release_all(desk: Desk, reason: str | None = None) -> review.Done:
    held = [review.Letter(each) for each in replies.letters_held(desk.db, reason)]
    return review.perform(desk.db, Release(rules=Rules()), held, staff="jo", now=desk.now)


def answered_in(desk: Desk, mode: Mode, number: int = 1) -> None:
    """Answer a letter while nothing is sent, then let the desk send again."""
    desk.set_mode(mode)
    answer = Answer(reply_to(98 + number, "ana@person.example"))
    perform(desk, answer, number)
    desk.send()
    if mode is Mode.PAUSED:
        desk.pass_(hours=25)
    desk.set_mode(Mode.LIVE)
    desk.send()


def test_it_stays_held_until_a_person_releases_it_and_goes_as_it_was_written(make: Make) -> None:
    for mode, reason in ((Mode.SHADOW, "shadow"), (Mode.PAUSED, "too_old")):
        desk = make()
        desk.run(letter(1))
        answered_in(desk, mode)
        assert desk.states() == [("sent", None), ("held", reason)]
        perform(desk, Release())
        desk.send()
        assert desk.sink.message_ids[-1] == ANSWER
        assert replies.of_letter(desk.db, 1)[1].created_by == "kim"


def test_of_an_answer_and_an_acknowledgement_that_are_held_the_answer_goes_alone(
    make: Make,
) -> None:
    desk = make(mode=Mode.SHADOW)
    desk.run(letter(1))
    answered_in(desk, Mode.SHADOW)
    perform(desk, Release(written=desk.writer().acknowledgement))
    desk.send()
    with pytest.raises(Conflict, match="has answered letter 1 already"):
        perform(desk, Release(written=desk.writer().acknowledgement))
    desk.send()
    assert desk.sink.message_ids == [ANSWER]
    assert desk.states() == [("held", "shadow"), ("sent", None)]


def test_a_letter_that_got_no_acknowledgement_gets_none_in_place_of_its_answer(make: Make) -> None:
    desk = make(mode=Mode.SHADOW)
    desk.run(letter(1, top=FROM_A_LIST))
    answered_in(desk, Mode.SHADOW)
    for _ in range(2):
        with suppress(Conflict):  # The second time.
            perform(desk, Release(written=desk.writer().acknowledgement))
        desk.send()
    assert desk.sink.message_ids == [ANSWER]
    assert desk.value("SELECT count(*) FROM verdict") == 0


def test_released_with_many_it_goes_before_the_acknowledgements_of_its_conversation(
    make: Make,
) -> None:
    desk = make(mode=Mode.SHADOW)
    desk.run(letter(1))
    desk.run(letter(2, replies_to="<1@person.example>"), letter(3, sender="tom@other.example"))
    answered_in(desk, Mode.SHADOW)
    done = release_all(desk, "shadow")
    desk.send()
    assert set(done.letters) == {1, 3}
    sent = [each for each in desk.replies() if each.state == "sent"]
    assert [each.message_id for each in sent if each.recipient == "ana@person.example"] == [ANSWER]
    assert len(desk.sink.message_ids) == len(sent) == 2


def test_many_are_chosen_by_the_reason_of_the_reply_that_would_go(make: Make) -> None:
    desk = make(mode=Mode.SHADOW)
    desk.run(letter(1))
    answered_in(desk, Mode.PAUSED)
    assert desk.states() == [("held", "shadow"), ("held", "too_old")]
    assert replies.letters_held(desk.db, "shadow") == []
    assert replies.letters_held(desk.db, "too_old") == replies.letters_held(desk.db) == [1]


def test_dropped_it_opens_its_letter_again_and_both_can_be_taken_back(make: Make) -> None:
    desk = make()
    desk.run(letter(1))
    answered_in(desk, Mode.SHADOW)
    for action, state, of_letter in (
        (Drop(), "cancelled", "reopened"),
        (Release(), "queued", "answered"),
    ):
        done = perform(desk, action)
        assert desk.states()[1][0] == state
        assert desk.value("SELECT state FROM review") == of_letter
        review.take_back(desk.db, done.token, staff="kim", now=desk.now)
        assert desk.states()[1] == ("held", "shadow")
        assert desk.value("SELECT state FROM review") == "answered"
    assert desk.value("SELECT count(*) FROM verdict") == 0


def test_the_page_of_the_letter_sends_it_or_drops_it(store_path: Path) -> None:
    now, db = datetime.now(UTC), new_store(store_path)
    jo = SignedIn(make_app(store_path), db, "jo", Role.STAFF)
    first, second = (
        letters.add(
            db, Letter(reply="held", reply_reason="shadow", address=f"{name}@x.example"), now
        )
        for name in ("ana", "bea")
    )
    rows = {}
    for each in (first, second):
        with write(db):
            rows[each] = outbox.add(
                db,
                message=each,
                kind="answer",
                reply=reply_to(90 + each),
                state="held",
                reason="shadow",
                created_by="kim",
                now=now - timedelta(minutes=1),
            )
            reviews.change(db, each, now, state=reviews.State.ANSWERED)
    shown = jo.get(f"/m/{first}").text
    assert "This answer has not left." in shown
    assert shown.count(f"/m/{first}/do/release") == shown.count(f"/m/{first}/do/drop") == 1
    jo.post(f"/m/{first}/do/release", version="2", once="a")
    jo.post(f"/m/{second}/do/drop", version="2", once="b")
    states = [[str(each.state) for each in replies.of_letter(db, one)] for one in rows]
    assert states == [["held", "queued"], ["held", "cancelled"]]
    shown = jo.get(f"/m/{first}").text
    assert "/do/release" not in shown
    assert f"/m/{first}/do/drop" in shown
