"""What staff are told by mail: once, at once where it is urgent, and never a word of a letter."""

from datetime import timedelta

import pytest

from inboxbot import announce, upkeep
from inboxbot.announce import Recipients
from inboxbot.errors import PermanentError, TransientError
from inboxbot.mail.smtp import Outcome, SmtpTransport, Verdict
from inboxbot.store import alerts, backup
from inboxbot.store.alerts import Code
from inboxbot.store.database import stamp, write
from inboxbot.upkeep import Patience
from tests.outbox_rows import put_reply
from tests.smtp_sink import SmtpSink

RECIPIENTS = Recipients(
    to=("ana@staff.test", "ben@staff.test"),
    sender="support@example.org",
    envelope_sender="",
    page="https://inbox.example.org/",
)
TEN = timedelta(minutes=10)


@pytest.fixture
def sink():
    with SmtpSink() as server:
        yield server


@pytest.fixture
def send(sink):
    with SmtpTransport(sink.settings()) as transport:
        yield lambda reply: transport.send(reply, lambda: None)


def open_one(db, code, now, **more):
    with write(db):
        alerts.open_alert(db, code, now, **more)


def test_each_member_of_staff_is_told_once(db, sink, send, now):
    open_one(db, Code.URGENT, now, message=17)
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now) == 1
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now) == 0
    assert [each.recipients for each in sink.accepted] == [
        ("ana@staff.test",),
        ("ben@staff.test",),
    ]
    text = sink.accepted[0].raw.decode()
    assert "Auto-Submitted: auto-generated" in text
    assert "letter 17" in text
    assert "https://inbox.example.org/" in text
    assert sink.accepted[0].envelope_sender == ""


def test_several_matters_are_one_mail(db, sink, send, now):
    open_one(db, Code.URGENT, now, message=17)
    open_one(db, Code.DISK, now)
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now) == 2
    assert len(sink.accepted) == 2


def test_trouble_that_passes_by_itself_wakes_nobody(db, sink, send, now):
    open_one(db, Code.INTAKE_FAILED, now, detail="support")
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now) == 0
    with write(db):
        alerts.end(db, Code.INTAKE_FAILED, now, detail="support")
    later = now + timedelta(hours=1)
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=later) == 0
    assert alerts.unannounced(db) == []
    open_one(db, Code.INTAKE_FAILED, later, detail="support")
    at = later + timedelta(minutes=11)
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=at) == 1
    assert len(sink.accepted) == 2


def test_a_mail_that_could_not_be_handed_in_is_tried_again(db, sink, send, now):
    open_one(db, Code.DISK, now)
    sink.faults["RCPT"] = "550 5.1.1 nobody"
    with pytest.raises(PermanentError):
        announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now)
    sink.faults.clear()
    assert announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now) == 1


def test_a_server_that_is_away_leaves_the_alert_untold(db, now):
    def away(reply):
        raise TransientError("away")

    open_one(db, Code.DISK, now)
    with pytest.raises(TransientError):
        announce.announce(db, away, RECIPIENTS, may_pass_within=TEN, now=now)
    assert len(alerts.unannounced(db)) == 1


def test_without_addresses_nobody_is_told_and_nothing_piles_up(db, now):
    def never(reply):
        raise AssertionError("nothing is to be sent")

    nobody = Recipients(to=(), sender="support@example.org", envelope_sender="")
    open_one(db, Code.DISK, now)
    announce.announce(db, never, nobody, may_pass_within=TEN, now=now)
    assert alerts.unannounced(db) == []


def summarise(db, send, now, hour=7):
    return announce.summarise(db, send, RECIPIENTS, hour=hour, time_zone="America/Chicago", now=now)


def test_the_summary_goes_once_a_day_from_its_hour_on(db, sink, send, now):
    early = now.replace(hour=12)  # 6:00 in Chicago
    assert not summarise(db, send, early)
    assert summarise(db, send, early + timedelta(hours=1))
    assert not summarise(db, send, early + timedelta(hours=5))
    assert summarise(db, send, early + timedelta(hours=25))
    assert len(sink.accepted) == 4


def test_the_summary_counts_the_day_before_by_the_calendar_of_the_place(db, sink, send, now):
    morning = now.replace(hour=13)
    midnight = now.replace(hour=6)  # in Chicago
    for number, at in enumerate((-1, 1, 60, 24 * 60 - 1, 24 * 60 + 1)):
        put_reply(db, number, midnight - timedelta(minutes=at), state="sent")
    db.execute("UPDATE outbox SET sent_at = created_at")
    put_reply(db, 10, midnight - timedelta(hours=2), state="held", reason="shadow")
    assert summarise(db, send, morning)
    text = sink.accepted[0].raw.decode()
    assert "Yesterday: 4 in, 3 acknowledged, 1 held, 0 failed." in text
    assert "Mode: shadow." in text


def test_a_day_of_23_hours_is_a_day(db, sink, send, now):
    # In Chicago the clocks went forward on 8 March 2026: that day ended 23 hours after it began.
    end = now.replace(month=3, day=9, hour=5)
    put_reply(db, 1, end - timedelta(hours=22, minutes=59), state="sent")
    put_reply(db, 2, end - timedelta(hours=23, minutes=1), state="sent")
    assert summarise(db, send, end.replace(hour=13))
    assert "Yesterday: 1 in" in sink.accepted[0].raw.decode()


def test_no_mail_to_staff_tells_anything_of_a_letter(db, sink, send, now):
    put_reply(db, 1, now, recipient="canary@kanari.test", state="held", reason="shadow")
    for code in Code:
        open_one(db, code, now - timedelta(hours=1), message=1)
    announce.announce(db, send, RECIPIENTS, may_pass_within=TEN, now=now)
    summarise(db, send, now.replace(hour=20))
    assert len(sink.accepted) == 4
    for mail in sink.accepted:
        assert b"kanari" not in mail.raw
        assert b"Subject: letter" not in mail.raw


def test_a_refusal_is_no_success(db, now):
    open_one(db, Code.DISK, now)
    with pytest.raises(PermanentError):
        announce.announce(
            db,
            lambda reply: Outcome(Verdict.DEFERRED, 451, "later"),
            RECIPIENTS,
            may_pass_within=TEN,
            now=now,
        )


PATIENCE = Patience(intake=timedelta(minutes=15), backup=timedelta(hours=48), min_free_mb=1)


def codes(db):
    return {alert.code for alert in alerts.unfinished(db)}


def test_silence_is_noticed_and_its_end_as_well(db, store_path, now, tmp_path):
    put_reply(db, 1, now)
    upkeep.watch(db, store_path, PATIENCE, now)
    assert codes(db) == set()
    late = now + timedelta(hours=49)
    upkeep.watch(db, store_path, PATIENCE, late)
    assert codes(db) == {Code.INTAKE_SILENT, Code.BACKUP}
    upkeep.watch(db, store_path, PATIENCE, late)
    assert len(alerts.unfinished(db)) == 2
    db.execute("UPDATE mailbox SET last_good_poll_at = ?", [stamp(late)])
    backup.make(db, tmp_path / "copies", late)
    upkeep.watch(db, store_path, PATIENCE, late)
    assert codes(db) == set()


def test_a_disk_that_fills_is_noticed(db, store_path, now):
    full = Patience(intake=timedelta(days=9), backup=timedelta(), min_free_mb=10**9)
    upkeep.watch(db, store_path, full, now)
    assert codes(db) == {Code.DISK}
    upkeep.watch(db, store_path, PATIENCE, now)
    assert codes(db) == set()


def test_backups_are_not_missed_where_nobody_asked_for_them(db, store_path, now):
    put_reply(db, 1, now)
    none = Patience(intake=timedelta(days=9000), backup=timedelta(), min_free_mb=1)
    upkeep.watch(db, store_path, none, now + timedelta(days=400))
    assert codes(db) == set()
