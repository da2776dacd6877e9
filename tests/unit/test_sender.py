"""Each due reply is sent at most once, whatever the server says and wherever the process ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from inboxbot import modes, review
from inboxbot.actions import Answer, Hold
from inboxbot.errors import (
    AuthenticationError,
    ConfigError,
    PermanentError,
    Problem,
    TokenError,
    TransientError,
)
from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.pace import Pace
from inboxbot.sender import last_error
from inboxbot.store import alerts, breaker, limits, outbox, sending, settings
from inboxbot.store.database import write
from inboxbot.store.outbox import State
from inboxbot.store.settings import Mode
from tests.fake_transport import ACCEPTED, UNKNOWN, UNKNOWN_TAKEN
from tests.outbox_rows import column, go_live, reply_to
from tests.sending import Stage

LATER = Outcome(Verdict.DEFERRED, 451, "4.2.1 later")
NEVER = Outcome(Verdict.REFUSED, 550, "5.1.1 no such user")
CLOSING = Outcome(Verdict.DEFERRED, 421, "4.3.2 closing")


def test_what_is_due_is_sent_over_one_connection(stage: Stage) -> None:
    rows = [stage.put(number) for number in range(5)]
    assert stage.sender.send_due()[State.SENT] == 5
    assert [stage.state(row) for row in rows] == ["sent"] * 5
    assert stage.server.opened == 1
    assert column(stage.db, rows[0], "smtp_reply") == "250 2.0.0 queued"
    assert column(stage.db, rows[0], "lease_owner") is None
    assert stage.sender.send_due().counts == {}
    assert stage.server.opened == 1


def test_r20_a_deferred_reply_is_tried_after_1_5_15_60_and_240_minutes_for_a_day(
    stage: Stage,
) -> None:
    row = stage.put()
    stage.server.script = [LATER] * 100
    tried_after: list[int] = []
    minutes = 0
    while stage.state(row) != "failed" and minutes < 3 * 24 * 60:
        before = stage.server.offered
        stage.sender.send_due()
        if stage.server.offered > before:
            tried_after.append(minutes)
        stage.clock.pass_(minutes=1)
        minutes += 1
    assert tried_after[:7] == [0, 1, 6, 21, 81, 321, 561]
    assert stage.state(row) == "failed"
    assert 24 * 60 <= minutes <= 28 * 60
    assert stage.server.accepted == []


def test_r20_a_421_pauses_the_server_and_lets_the_others_wait(stage: Stage) -> None:
    first, second = stage.put(1), stage.put(2)
    stage.server.script = [CLOSING]
    stage.sender.send_due()
    assert (stage.state(first), stage.state(second)) == ("deferred", "queued")
    assert stage.sender.send_due().counts == {}, "the server is left alone for a while"
    stage.clock.pass_(minutes=2)
    stage.sender.send_due()
    assert (stage.state(first), stage.state(second)) == ("sent", "sent")
    assert alerts.unfinished(stage.db) == []


def test_r21_a_refused_reply_has_failed_and_the_next_one_goes(stage: Stage) -> None:
    first, second = stage.put(1), stage.put(2)
    stage.server.script = [NEVER]
    stage.sender.send_due()
    assert (stage.state(first), stage.state(second)) == ("failed", "sent")
    assert column(stage.db, first, "smtp_reply") == "550 5.1.1 no such user"


def test_a_reply_that_staff_hold_while_the_server_refuses_it_lets_the_next_one_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = stage.put(1), stage.put(2)
    stage.server.script, stage.server.at_envelope = [NEVER], True
    offer = stage.server.send

    def send(reply: Reply, before_dot: Callable[[], None]) -> Outcome:
        if reply.message_id == "<ack-1@example.org>":
            letter = review.Letter(int(str(column(stage.db, first, "message_id"))))
            review.perform(stage.db, Hold(), [letter], staff="ana", now=stage.clock.now)
        return offer(reply, before_dot)

    monkeypatch.setattr(stage.server, "send", send)
    assert stage.sender.send_due().counts == {State.SENT: 1}
    assert (stage.state(first), stage.state(second)) == ("held", "sent")
    assert column(stage.db, first, "reason") == "staff"


def test_r21_a_refused_login_pauses_the_queue_and_costs_no_reply_an_attempt(stage: Stage) -> None:
    rows = [stage.put(number) for number in range(3)]
    stage.server.script = [AuthenticationError("refused")] * 100
    offers: list[int] = []
    for minute in range(120):
        before = stage.server.offered
        stage.sender.send_due()
        if stage.server.offered > before:
            offers.append(minute)
        stage.clock.pass_(minutes=1)
    assert len([minute for minute in offers if minute <= 15]) <= 3, "R12: no hammering"
    assert len(offers) <= 7
    assert [stage.state(row) for row in rows] == ["queued"] * 3
    assert [column(stage.db, row, "attempts") for row in rows] == [0] * 3
    assert [alert.code for alert in alerts.unfinished(stage.db)] == [alerts.Code.AUTHENTICATION]
    assert last_error(stage.db, "support") == "refused"
    stage.server.script = []
    stage.clock.pass_(minutes=31)
    stage.sender.send_due()
    assert [stage.state(row) for row in rows] == ["sent"] * 3
    assert alerts.unfinished(stage.db) == []
    assert last_error(stage.db, "support") is None


def test_r13_a_permission_that_has_ended_is_told_as_such_until_replies_go_again(
    stage: Stage,
) -> None:
    row = stage.put()
    stage.server.script = [TokenError("run `inboxbot login support`")]
    stage.sender.send_due()
    assert [alert.code for alert in alerts.unfinished(stage.db)] == [alerts.Code.TOKEN]
    assert [stage.state(row), column(stage.db, row, "attempts")] == ["queued", 0]
    stage.clock.pass_(minutes=31)
    stage.sender.send_due()
    assert stage.state(row) == "sent"
    assert alerts.unfinished(stage.db) == []


@pytest.mark.parametrize(
    "error",
    [
        TransientError("down"),
        PermanentError("certificate"),
        ConfigError((Problem("credential", "missing"),)),
    ],
)
def test_r39_a_server_that_cannot_be_used_costs_no_reply_an_attempt(
    stage: Stage, error: Exception
) -> None:
    row = stage.put()
    stage.server.script = [error]
    stage.sender.send_due()
    assert (stage.state(row), column(stage.db, row, "attempts")) == ("queued", 0)
    assert [alert.code for alert in alerts.unfinished(stage.db)] == [alerts.Code.MAIL_OUT_FAILED]


def test_r10_a_server_that_is_down_is_asked_twelve_times_an_hour_at_most(stage: Stage) -> None:
    stage.put()
    stage.server.script = [TransientError("down")] * 1000
    for _ in range(6 * 60):
        stage.sender.send_due()
        stage.clock.pass_(seconds=10)
    assert stage.server.offered <= 12
    for _ in range(6 * 60):
        stage.sender.send_due()
        stage.clock.pass_(seconds=10)
    assert stage.server.offered <= 17


@pytest.mark.parametrize("outcome", [UNKNOWN, UNKNOWN_TAKEN])
def test_r22_an_unknown_outcome_is_never_tried_again_by_itself(
    stage: Stage, outcome: Exception
) -> None:
    first, second = stage.put(1), stage.put(2)
    stage.server.script = [outcome]
    stage.sender.send_due()
    for _ in range(100):
        stage.clock.pass_(hours=1)
        stage.sender.send_due()
    assert stage.state(first) == "uncertain"
    assert stage.server.message_ids.count("<ack-1@example.org>") == (outcome is UNKNOWN_TAKEN)
    codes = {alert.code for alert in alerts.unfinished(stage.db)}
    assert alerts.Code.UNCERTAIN in codes
    assert stage.state(second) in ("sent", "held")


def test_one_unknown_outcome_stops_the_pass_before_it_becomes_many(stage: Stage) -> None:
    rows = [stage.put(number) for number in range(20)]
    stage.server.script = [UNKNOWN] * 20
    stage.sender.send_due()
    assert [stage.state(row) for row in rows] == ["uncertain", *["queued"] * 19]


def test_a_server_without_smtputf8_makes_the_reply_held(stage: Stage) -> None:
    row = stage.put()
    stage.server.at_envelope = True
    stage.server.script = [Outcome(Verdict.UNABLE, 0, "It does not offer SMTPUTF8.")]
    stage.sender.send_due()
    assert (stage.state(row), column(stage.db, row, "reason")) == ("held", "invalid_sender")


def test_a_fault_that_nobody_foresaw_in_one_reply_lets_the_next_one_go(stage: Stage) -> None:
    first, second = stage.put(1), stage.put(2)
    stage.server.script = [LookupError("a bug")]
    stage.sender.send_due()
    assert (stage.state(first), stage.state(second)) == ("deferred", "sent")


# The look again at the moment of sending


def test_in_shadow_mode_nothing_is_sent_and_everything_is_held(stage: Stage) -> None:
    with write(stage.db):
        settings.put(stage.db, "mode", Mode.SHADOW)
    rows = [stage.put(1), stage.put(2, created_by="ana")]
    stage.sender.send_due()
    assert [stage.state(row) for row in rows] == ["held", "held"]
    assert column(stage.db, rows[0], "reason") == "shadow"
    assert stage.server.opened <= 1
    assert stage.server.offered == 0


def test_while_paused_everything_stays_queued(stage: Stage) -> None:
    row = stage.put()
    with write(stage.db):
        settings.put(stage.db, "mode", Mode.PAUSED)
    stage.sender.send_due()
    assert stage.state(row) == "queued"
    go_live(stage.db)
    stage.sender.send_due()
    assert stage.state(row) == "sent"


def test_paused_in_the_midst_of_a_pass_what_was_not_yet_claimed_stays_queued(stage: Stage) -> None:
    rows = [stage.put(number) for number in range(5)]

    def pause(_mailbox: str, _reply: Reply, now: datetime) -> None:
        modes.set_mode(stage.db, Mode.PAUSED, who="ana", now=now)

    stage.new_sender("one", copy=pause).send_due()
    assert [stage.state(row) for row in rows] == ["sent"] + ["queued"] * 4


def test_what_a_process_had_claimed_a_day_ago_waits_for_a_person_and_blocks_nobody(
    stage: Stage,
) -> None:
    row = stage.put(1)
    with write(stage.db):
        sending.claim(stage.db, row, "dead", stage.clock.now)
    stage.sender.start()
    stage.clock.pass_(hours=25)
    new = stage.put(2)
    stage.sender.send_due()
    assert (stage.state(row), stage.state(new)) == ("held", "sent")


def test_an_acknowledgement_older_than_a_day_waits_for_a_person(stage: Stage) -> None:
    row = stage.put()
    stage.clock.pass_(hours=25)
    stage.sender.send_due()
    assert (stage.state(row), column(stage.db, row, "reason")) == ("held", "too_old")
    with write(stage.db):
        outbox.release(stage.db, row, "ana", stage.clock.now)
    stage.sender.send_due()
    assert stage.state(row) == "sent"


@pytest.mark.parametrize(
    ("review", "reason"), [("answered", "in_conversation"), ("closed", "staff")]
)
def test_what_staff_answered_or_closed_meanwhile_is_not_acknowledged(
    stage: Stage, review: str, reason: str
) -> None:
    row = stage.put()
    released = stage.put(2, created_by="ana")
    with write(stage.db):
        stage.db.execute("UPDATE review SET state = ?", [review])
    stage.sender.send_due()
    assert (stage.state(row), column(stage.db, row, "reason")) == ("cancelled", reason)
    assert stage.state(released) == "sent", "what a person asked for is sent"


def test_an_address_that_was_blocked_meanwhile_gets_nothing_by_itself(stage: Stage) -> None:
    row = stage.put()
    with write(stage.db):
        limits.suppress(stage.db, "ana@example.net", stage.clock.now)
    stage.sender.send_due()
    assert (stage.state(row), column(stage.db, row, "reason")) == ("held", "address_blocked")


def test_an_open_breaker_holds_what_was_queued_before_it(stage: Stage) -> None:
    row = stage.put()
    with write(stage.db):
        breaker.trip(stage.db, "bounces", stage.clock.now)
    stage.sender.send_due()
    assert (stage.state(row), column(stage.db, row, "reason")) == ("held", "breaker_open")


def test_a_breaker_that_opened_at_the_limit_lets_go_what_was_within_it(stage: Stage) -> None:
    row = stage.put()
    with write(stage.db):
        breaker.trip(stage.db, "limit", stage.clock.now)
    stage.sender.send_due()
    assert stage.state(row) == "sent"


# The copy for the Sent folder


def test_a_copy_is_filed_after_the_server_has_accepted(stage: Stage) -> None:
    filed: list[str] = []

    def copy(mailbox: str, reply: Reply, now: datetime) -> None:
        assert stage.server.message_ids == [reply.message_id]
        filed.append(f"{mailbox} {reply.message_id}")

    stage.put()
    stage.new_sender("one", copy).send_due()
    assert filed == ["support <ack-1@example.org>"]


def test_what_staff_answer_while_a_copy_is_filed_is_not_acknowledged_after_it(stage: Stage) -> None:
    _, row = stage.put(1), stage.put(2, recipient="tom@other.example")

    def copy(_mailbox: str, reply: Reply, now: datetime) -> None:
        if reply.message_id == "<ack-1@example.org>":
            letter = review.Letter(int(str(column(stage.db, row, "message_id"))))
            answer = Answer(reply_to(9, "tom@other.example"))
            review.perform(stage.db, answer, [letter], staff="ana", now=now)

    stage.new_sender("one", copy).send_due()
    assert stage.server.message_ids == ["<ack-1@example.org>", "<ack-9@example.org>"]


def test_a_copy_that_cannot_be_filed_changes_nothing(stage: Stage) -> None:
    def copy(mailbox: str, reply: Reply, now: datetime) -> None:
        raise TransientError("the IMAP server is down")

    rows = [stage.put(1), stage.put(2)]
    stage.new_sender("one", copy).send_due()
    assert [stage.state(row) for row in rows] == ["sent", "sent"]


@pytest.mark.parametrize(
    ("pace", "wait"),
    [(Pace(per_minute=3), timedelta(minutes=1)), (Pace(per_day=3), timedelta(days=1))],
)
def test_what_the_provider_takes_no_more_of_waits_and_goes_by_itself(
    stage: Stage, caplog: pytest.LogCaptureFixture, pace: Pace, wait: timedelta
) -> None:
    caplog.set_level("INFO", "inboxbot")
    sender = stage.new_sender("two", pace_of=lambda _mailbox: pace)
    rows = [stage.put(number) for number in range(5)]
    for _ in range(3):
        sender.send_due()
        stage.clock.pass_(seconds=1)
    assert [stage.state(row) for row in rows] == ["sent"] * 3 + ["queued"] * 2
    assert [column(stage.db, row, "attempts") for row in rows] == [1] * 3 + [0] * 2
    assert stage.server.opened == 1, "a server that takes no more is left alone"
    assert [record.msg for record in caplog.records].count("sending-paced") == 1
    stage.clock.pass_(seconds=wait.total_seconds() - 4)
    sender.send_due()
    assert stage.state(rows[3]) == "queued"
    stage.clock.pass_(seconds=1)
    sender.send_due()
    assert [stage.state(row) for row in rows[3:]] == ["sent"] * 2


def test_mailboxes_have_servers_of_their_own(stage: Stage) -> None:
    first = stage.put(1, mailbox="office")
    second = stage.put(2, mailbox="support")
    stage.server.script = [TransientError("down"), ACCEPTED]
    stage.sender.send_due()
    assert (stage.state(first), stage.state(second)) == ("queued", "sent")
