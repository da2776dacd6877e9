"""Releasing many held acknowledgements at once: the limits hold, and nobody gets two."""

from datetime import datetime, timedelta

import pytest

from inboxbot import review
from inboxbot.actions import Answer, Release, Reopen
from inboxbot.errors import Conflict
from inboxbot.reply.case import Rules
from inboxbot.store import limits, outbox, replies, reviews
from inboxbot.store.database import write
from inboxbot.store.reviews import State
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter
from tests.outbox_rows import reply_to

DAY = 24 * 60


def held(db: Database, now: datetime, days_ago: float = 0, **more: object) -> int:
    values: dict[str, object] = {"reply": "held", "reply_reason": "shadow"}
    letter = Letter(minutes_ago=days_ago * DAY, **(values | more))  # type: ignore[arg-type]
    return letters.add(db, letter, now)


def release(db: Database, now: datetime, rules: Rules | None = None) -> review.Done:
    return review.perform(
        db,
        Release(rules=rules or Rules()),
        [review.Letter(each) for each in replies.letters_held(db)],
        staff="jo",
        now=now,
    )


def test_a_person_with_several_held_ones_gets_the_newest_alone(db: Database, now: datetime) -> None:
    rows = [held(db, now, days_ago) for days_ago in (20, 10, 3)]
    other = held(db, now, 5, address="tom@other.example")
    done = release(db, now)
    assert set(done.letters) == {rows[2], other}
    assert set(done.refused) == {rows[0], rows[1]}
    assert all("gets another acknowledgement already" in why for why in done.refused.values())


def test_plus_tags_and_case_make_no_other_person(db: Database, now: datetime) -> None:
    held(db, now, 9, address="ana@example.net")
    newest = held(db, now, 2, address="Ana+form@Example.net")
    assert release(db, now).letters == (newest,)


def test_pressing_again_releases_no_second_one_within_the_quiet_period(
    db: Database, now: datetime
) -> None:
    rows = [held(db, now, days_ago) for days_ago in (20, 10)]
    assert release(db, now).letters == (rows[1],)
    with pytest.raises(Conflict, match="another acknowledgement already"):
        release(db, now + timedelta(hours=23))
    assert release(db, now + timedelta(hours=25)).letters == (rows[0],)


def test_what_the_person_got_by_itself_counts(db: Database, now: datetime) -> None:
    letters.add(db, Letter(minutes_ago=60), now)
    waiting = held(db, now, 3)
    with pytest.raises(Conflict, match="the same was sent 1 hour ago"):
        release(db, now)
    assert replies.letters_held(db) == [waiting]


def test_the_limits_of_the_domain_and_of_all_hold_too(db: Database, now: datetime) -> None:
    for number in range(6):
        held(db, now, 1, address=f"person{number}@small.example")
    assert len(release(db, now, Rules(per_domain_hour=4)).letters) == 4
    for number in range(6):
        held(db, now, 1, address=f"person@domain{number}.example")
    assert len(release(db, now, Rules(per_hour=7)).letters) == 3


def test_whom_a_person_answered_or_nobody_may_write_to_gets_nothing(
    db: Database, now: datetime
) -> None:
    answered = held(db, now, 1)
    blocked = held(db, now, 1, address="tom@other.example")
    with write(db):
        reviews.change(db, answered, now, state=State.ANSWERED)
        limits.suppress(db, "tom@other.example", now)
    done = release(db, now)
    assert done.letters == ()
    assert "has answered" in done.refused[answered]
    assert "nothing is sent to this address" in done.refused[blocked]


def test_what_a_person_answered_gets_nothing_once_it_is_opened_anew(
    db: Database, now: datetime
) -> None:
    answered = held(db, now, 1)
    review.perform(db, Answer(reply_to(9)), [review.Letter(answered)], staff="jo", now=now)
    review.perform(db, Reopen(), [review.Letter(answered)], staff="jo", now=now)
    with pytest.raises(Conflict, match="has answered"):
        release(db, now)


def test_one_click_on_one_letter_is_a_persons_decision(db: Database, now: datetime) -> None:
    rows = [held(db, now, days_ago) for days_ago in (4, 3)]
    for row in rows:
        review.perform(db, Release(), [review.Letter(row)], staff="jo", now=now)
    assert [str(each.state) for each in outbox.listed(db)] == ["queued", "queued"]


def test_a_released_one_counts_for_the_letters_after_it_from_its_release_on(
    db: Database, now: datetime
) -> None:
    held(db, now, 20)
    release(db, now)
    counts = limits.reserved(
        db,
        recipient_key="ana@example.net",
        recipient_domain="example.net",
        relay=None,
        now=now + timedelta(minutes=1),
    )
    assert (counts.address_day, counts.hour) == (1, 1)
