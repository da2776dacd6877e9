"""Every alert ends when what it tells of is over, and not before."""

from datetime import datetime, timedelta

import pytest

from inboxbot import consequences
from inboxbot.store import alerts, reviews
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.reviews import State
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter


def opened(db: Database, code: Code, at: datetime, **more: object) -> None:
    with write(db):
        alerts.open_alert(db, code, at, **more)  # type: ignore[arg-type]


def left(db: Database, now: datetime) -> list[tuple[Code, str]]:
    """Close what is over, and return which alerts are not."""
    consequences.settle(db, now)
    return [(alert.code, alert.detail) for alert in alerts.unfinished(db)]


@pytest.mark.parametrize("state", [State.ANSWERED, State.CLOSED])
def test_an_urgent_letter_alarms_until_a_person_has_seen_to_it(
    db: Database, now: datetime, state: State
) -> None:
    one, other = (letters.add(db, Letter(), now) for _ in range(2))
    for letter in (one, other):
        opened(db, Code.URGENT, now, message=letter)
    with write(db):
        reviews.change(db, one, now, state=State.CLAIMED)
        reviews.change(db, other, now, state=state)
    consequences.settle(db, now)
    assert [alert.message_id for alert in alerts.unfinished(db)] == [one]
    with write(db):
        db.execute("DELETE FROM review WHERE message_id = ?", [one])  # As an erasure does.
    assert left(db, now) == []


def test_letters_cut_short_alarm_until_each_was_seen_to(db: Database, now: datetime) -> None:
    big, bigger = (letters.add(db, Letter(truncated=True), now) for _ in range(2))
    letters.add(db, Letter(), now)
    opened(db, Code.OVERSIZE, now, detail="support")
    opened(db, Code.OVERSIZE, now, detail="another")
    for letter in (big, bigger):
        assert left(db, now) == [(Code.OVERSIZE, "support")]
        with write(db):
            reviews.change(db, letter, now, state=State.CLOSED)
    assert left(db, now) == []


def test_a_letter_cut_short_alarms_before_it_is_decided(db: Database, now: datetime) -> None:
    letter = letters.add(db, Letter(truncated=True), now)
    with write(db):
        db.execute("DELETE FROM review WHERE message_id = ?", [letter])
    opened(db, Code.OVERSIZE, now, detail="support")
    assert left(db, now) == [(Code.OVERSIZE, "support")]


def test_what_a_sweep_had_to_find_alarms_until_a_sweep_of_that_mailbox_finds_nothing(
    db: Database, now: datetime
) -> None:
    with write(db):
        for mailbox, missing in (("one", 3), ("two", 1), ("one", 2)):
            consequences.swept(db, mailbox, missing, now)
    assert left(db, now) == [(Code.MISSING, "one"), (Code.MISSING, "two")]
    with write(db):
        consequences.swept(db, "one", 0, now)
    assert left(db, now + timedelta(days=30)) == [(Code.MISSING, "two")]


def test_a_rebuilt_mailbox_alarms_for_a_day_and_while_a_reply_is_held_for_it(
    db: Database, now: datetime
) -> None:
    letters.add(db, Letter(reply="held", reply_reason="uidvalidity"), now)
    opened(db, Code.UIDVALIDITY, now, detail="support")
    later = now + timedelta(hours=25)
    assert left(db, later) == [(Code.UIDVALIDITY, "support")]
    with write(db):
        db.execute("UPDATE outbox SET state = 'cancelled'")
    assert left(db, now + timedelta(hours=23)) == [(Code.UIDVALIDITY, "support")]
    assert left(db, later) == []
