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
    assert breaker.state(db) is None
    assert alerts.unfinished(db) == []
