"""store.breaker: holds, tells once, and closes after a reply got through."""

from datetime import timedelta

import pytest

from inboxbot.mail.message import Reply
from inboxbot.store import alerts, breaker, outbox
from inboxbot.store.database import stamp, write


@pytest.fixture
def reply(db, now):
    """An outbox row that may serve as the probe."""
    db.execute(
        "INSERT INTO mailbox (name, server, folder, started_at) VALUES ('m', 's', 'INBOX', ?)",
        [stamp(now)],
    )
    db.execute(
        "INSERT INTO message (fingerprint, mailbox_id, origin, received_at, stored_at, size)"
        " VALUES ('f', 1, 'imap', ?1, ?1, 1)",
        [stamp(now)],
    )
    with write(db):
        return outbox.add(
            db,
            message=1,
            kind="acknowledgement",
            reply=Reply(raw=b"x", recipient="a@b.org", message_id="<1@x.org>"),
            now=now,
        )


def test_it_holds_and_tells_staff_once(db, now):
    with write(db):
        assert breaker.trip(db, "limit", now)
        assert not breaker.trip(db, "limit", now)
        assert breaker.holds(db, now + timedelta(minutes=59)) == "limit"
    assert [alert.code for alert in alerts.unfinished(db)] == [alerts.Code.BREAKER_OPEN]


def test_after_an_hour_one_reply_is_let_through_and_closes_it(db, now, reply):
    later = now + timedelta(hours=1)
    with write(db):
        breaker.trip(db, "limit", now)
        assert breaker.holds(db, later) == ""
        breaker.let_through(db, reply)
        assert breaker.holds(db, later) == "limit"
        db.execute("UPDATE outbox SET state = 'sent'")
        assert breaker.holds(db, later) == ""
        breaker.settle(db, later)
    assert breaker.state(db) is None
    assert alerts.unfinished(db) == []


@pytest.mark.parametrize("state", ["failed", "cancelled", "bounced", "uncertain", "held"])
def test_a_reply_that_did_not_get_through_lets_it_rest_and_try_another(db, now, reply, state):
    tried = now + timedelta(hours=1)
    with write(db):
        breaker.trip(db, "bounces", now)
        breaker.let_through(db, reply)
        db.execute("UPDATE outbox SET state = ?", [state])
        breaker.settle(db, tried)
        assert breaker.holds(db, tried + timedelta(minutes=59)) == "bounces"
        assert breaker.holds(db, tried + timedelta(minutes=60)) == ""
    assert [alert.code for alert in alerts.unfinished(db)] == [alerts.Code.BREAKER_OPEN]


def test_bounces_open_it_anew_though_a_limit_had_opened_it(db, now, reply):
    with write(db):
        breaker.trip(db, "limit", now)
        breaker.let_through(db, reply)
        assert breaker.trip(db, "bounces", now + timedelta(minutes=70))
        assert not breaker.trip(db, "limit", now + timedelta(minutes=71))
        assert breaker.holds(db, now + timedelta(minutes=129)) == "bounces"
    assert len(alerts.unfinished(db)) == 1


def test_asking_whether_it_holds_writes_nothing(db, now, reply):
    with write(db):
        breaker.trip(db, "limit", now)
        breaker.let_through(db, reply)
        db.execute("UPDATE outbox SET state = 'sent'")
    before = db.conn.total_changes
    assert breaker.holds(db, now) == ""
    assert db.conn.total_changes == before


def test_r28_one_that_opened_under_a_clock_far_ahead_has_rested(db, now):
    with write(db):
        breaker.trip(db, "limit", now + timedelta(days=3650))
    assert breaker.holds(db, now) == ""


def test_r28_one_that_opened_under_a_clock_somewhat_ahead_rests(db, now):
    with write(db):
        breaker.trip(db, "limit", now + timedelta(minutes=59))
    assert breaker.holds(db, now) == "limit"
