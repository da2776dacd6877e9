"""What everybody got is counted once in a transaction, and stays as exact as if counted anew."""

import random
from contextlib import closing
from dataclasses import astuple
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from inboxbot.store import decisions, limits, migrations, outbox
from inboxbot.store.database import create, stamp, write
from inboxbot.store.outbox import State
from inboxbot.store.sqlite import Database
from tests.counting import counted
from tests.outbox_rows import letter_rows, put_letter, put_reply, reply_to

HELD = ("shadow", "breaker_open")


def counts(
    db: Database,
    now: datetime,
    letter: int | None,
    everybodys: limits.Everybodys | None,
    judged_since: datetime | None = None,
) -> limits.Reserved:
    return limits.reserved(
        db,
        recipient_key="ana@example.org",
        recipient_domain="example.org",
        relay=None,
        now=now,
        apart_from=letter,
        judged_since=judged_since,
        everybodys=everybodys,
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_a_transaction_has_counted_stays_exact_as_it_adds_and_as_time_passes(
    db: Database, now: datetime, seed: int
) -> None:
    dice = random.Random(seed)
    old = range(1, 40)
    for number in old:
        at = now - timedelta(minutes=dice.choice((1, 59, 61, 1439, 1441)))
        put_reply(db, number, at, state=dice.choice(("queued", "sent", "bounced")))
    letters = [put_letter(db, number, now) for number in range(100, 120)]
    at = now
    with write(db):
        everybodys = limits.Everybodys(db)
        for number, letter in enumerate(letters, 100):
            at += timedelta(seconds=dice.choice((0, 1, 30, 90)))
            asked_for = dice.choice((None, letter, dice.choice(old)))
            judged = dice.choice((None, None, now - timedelta(hours=2)))
            seen = counts(db, at, asked_for, everybodys, judged)
            assert seen == counts(db, at, asked_for, None, judged)
            assert seen.recent_sent > seen.recent_bounced > 0
            state = dice.choice((State.QUEUED, State.HELD))
            outbox.add(
                db,
                message=letter,
                kind=dice.choice(("acknowledgement", "answer")),
                reply=reply_to(number),
                state=state,
                reason=dice.choice(HELD) if state is State.HELD else None,
                now=at,
            )
        # A clock that is set back, and a reply of before that counts no more.
        assert counts(db, now, None, everybodys) == counts(db, now, None, None)
        db.execute("UPDATE outbox SET state = 'cancelled' WHERE created_at > ?", [stamp(now)])
        everybodys.forget()
        assert counts(db, now, None, everybodys) == counts(db, now, None, None)


def test_after_the_first_look_no_reply_of_before_is_counted_again(
    db: Database, now: datetime
) -> None:
    everybodys = limits.Everybodys(db)
    counts(db, now, None, everybodys)
    with counted(db, keep=True) as asked:
        counts(db, now + timedelta(seconds=1), None, everybodys)
    [statement] = asked.kept
    plan = "\n".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
    everybody = [line for line in plan.splitlines() if "goes_at" in line and "=?" not in line]
    assert "SCAN outbox" not in plan
    assert plan.count("USING INTEGER PRIMARY KEY (rowid>?)") == 2
    assert len(everybody) == 2
    assert all("goes_at>? AND goes_at<?" in line for line in everybody), plan


COUNTED = (
    "kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent', 'deferred',"
    " 'uncertain', 'bounced') OR (state = 'held' AND coalesce(reason, '') IN ('shadow', 'paused')))"
)
WAYS = tuple(product(State, ("acknowledgement", "answer"), (None, "shadow", "paused", "staff")))


def test_a_reply_counts_from_when_it_is_put_in_and_after_each_change(
    db: Database, now: datetime
) -> None:
    wrong = f"SELECT state, kind, reason FROM outbox WHERE reserved <> ({COUNTED})"
    with write(db):
        for number, (state, kind, reason) in enumerate(WAYS, 1):
            outbox.add(
                db,
                message=letter_rows(db, number, now),
                kind=kind,
                reply=reply_to(number),
                state=state,
                reason=reason,
                now=now,
            )
        assert db.execute(wrong).fetchall() == []
        for state, kind, reason in WAYS:
            db.execute("UPDATE outbox SET state = ?, kind = ?, reason = ?", [state, kind, reason])
            assert db.execute(wrong).fetchall() == []
            db.execute("UPDATE outbox SET state = CASE id % 2 WHEN 0 THEN 'held' ELSE 'sent' END")
            assert db.execute(wrong).fetchall() == []


def test_what_counted_before_it_had_a_column_counts_after(tmp_path: Path, now: datetime) -> None:
    steps = list(migrations.STEPS)
    with closing(create(tmp_path / "store")) as db:
        with write(db):
            migrations.apply(db, steps[: steps.index("0091_reserved")])
            for number, (state, kind, reason) in enumerate(WAYS, 1):
                # As the program put it in that knew no such column.
                db.execute(
                    "INSERT INTO outbox (message_id, kind, recipient, recipient_key,"
                    " recipient_domain, envelope_sender, rfc_message_id, raw, state, reason,"
                    " due_at, created_at, updated_at)"
                    " VALUES (?1, ?2, '', '', '', '', ?1, x'', ?3, ?4, ?5, ?5, ?5)",
                    [letter_rows(db, number, now), kind, state, reason, stamp(now)],
                )
        migrations.migrate(db)
        found = db.execute(f"SELECT sum(reserved <> ({COUNTED})), sum(reserved) FROM outbox")
        assert found.fetchone() == (0, 7 * 4 + 2)


@pytest.mark.parametrize(("ahead", "count"), [(timedelta(minutes=50), 1), (timedelta(days=365), 0)])
def test_r28_what_went_under_a_clock_that_was_far_ahead_lies_in_no_period(
    db: Database, now: datetime, ahead: timedelta, count: int
) -> None:
    row = put_reply(db, 1, now + ahead, state="bounced", recipient="ana@example.org")
    itself = put_letter(db, 2, now)
    db.execute("INSERT INTO bounce SELECT ?, ?, ?", [itself, row, stamp(now + ahead)])
    nothing = db.execute("SELECT message_id FROM outbox").fetchone()[0]
    for everybodys in (None, limits.Everybodys(db)):
        seen = counts(db, now, itself, everybodys, judged_since=now - timedelta(days=1))
        assert set(astuple(seen)) == {0, count}
        assert (seen.address_week, seen.day, seen.bounces_hour, seen.recent_sent) == (count,) * 4
        assert counts(db, now, nothing, everybodys, now + ahead).day == 0
    kind = db.execute("SELECT template FROM outbox").fetchone()[0]
    last = decisions.last_of_kind(db, "ana@example.org", kind, now, timedelta(days=1))
    assert (last is not None) == bool(count)
    db.execute("UPDATE outbox SET requeued_at = created_at")
    assert limits.released(db, "ana@example.org", now, now) == bool(count)


def test_r28_a_clock_that_leaps_within_a_transaction_has_everything_counted_anew(
    db: Database, now: datetime
) -> None:
    put_reply(db, 1, now + timedelta(days=1), recipient="ana@example.org")
    everybodys = limits.Everybodys(db)
    for at in (now, now + timedelta(days=1, minutes=1), now):
        assert counts(db, at, None, everybodys) == counts(db, at, None, None)
