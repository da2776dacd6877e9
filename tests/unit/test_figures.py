"""The counts of `status`, the metrics and the minute's glance, against counting row by row."""

from datetime import datetime
from itertools import product

from inboxbot.store import figures, reviews, tallies
from inboxbot.store.database import stamp, write
from inboxbot.store.outbox import State
from inboxbot.store.sqlite import Database
from tests.outbox_rows import put_reply


def counted(db: Database, query: str) -> dict[str, int]:
    return dict(db.execute(query).fetchall())


def a_bit_of_everything(db: Database, now: datetime) -> None:
    """Put in a letter for each state of a reply and of a review, and some more of a few."""
    ways = [*product(State, reviews.State), *product((State.SENT, State.HELD), reviews.OPEN)]
    for number, (reply, review) in enumerate(ways, 1):
        put_reply(db, number, now, state=reply)
        with write(db):
            db.execute(
                "UPDATE review SET state = ? WHERE message_id = (SELECT max(id) FROM message)",
                [review],
            )
    with write(db):
        db.execute("UPDATE message SET erased_at = ? WHERE id % 7 = 0", [stamp(now)])


def test_the_counts_are_those_of_counting_row_by_row(db: Database, now: datetime) -> None:
    a_bit_of_everything(db, now)
    found = figures.figures(db)
    by_state = "SELECT state, count(*) FROM {} GROUP BY state"
    assert found.outbox == counted(db, by_state.format("outbox"))
    assert set(found.outbox) == set(State)
    assert found.queue == counted(db, by_state.format("review"))
    assert set(found.queue) == set(reviews.State)
    [(letters, erased)] = db.execute("SELECT count(*), count(erased_at) FROM message").fetchall()
    assert 0 < erased < letters
    assert found.messages == letters - erased
    glance = figures.glance(db)
    assert glance.messages == found.messages
    assert glance.held == found.outbox["held"]
    assert glance.not_looked_at == found.queue["new"]
    assert glance.mailboxes == found.mailboxes


def test_states_that_nothing_is_in_are_not_named(db: Database, now: datetime) -> None:
    assert figures.figures(db).outbox == figures.figures(db).queue == {}
    put_reply(db, 1, now, state="held", reason="shadow")
    assert figures.figures(db).outbox == {"held": 1}
    assert figures.figures(db).queue == {"new": 1}


def test_letters_with_staff_are_counted_open_and_done(db: Database, now: datetime) -> None:
    a_bit_of_everything(db, now)
    every = tallies.of_every_letter(db)
    rows = tallies.queue_depth(db, every.done).rows
    found = db.execute("SELECT state, category, count(*) FROM review GROUP BY 1, 2").fetchall()
    assert sorted(rows) == sorted(found)
    assert {state for state, _, _ in every.done} == {"answered", "closed"}
