"""Who gets an answer: the cases on which the peers were measured, and the gate's own rules."""

from datetime import UTC, datetime, timedelta

import pytest

from inboxbot.mail.message import Address, Identity, Message
from inboxbot.mail.parse import parse
from inboxbot.reply.case import History, Rules
from inboxbot.reply.gate import authenticated, gate, primary, relay_of, return_address
from inboxbot.reply.reason import Disposition, Hit, Reason

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
US = Identity(
    mailbox="support",
    name="ALS Worldwide",
    address="support@als.example",
    addresses=frozenset({"support@als.example"}),
    own_domains=frozenset({"als.example"}),
    form_relays=frozenset({"forms@als.example"}),
    trusted_authserv_ids=frozenset({"mx.als.example"}),
    instance_id="instance-1",
    secret=b"s" * 32,
)


def letter(
    *fields: str,
    sender: str = "Maria Lopez <maria.lopez@clinic.example>",
    to: str = "support@als.example",
    subject: str = "A question",
    content_type: str = "text/plain; charset=utf-8",
    body: str = "My father has ALS. Whom can I call?\n",
) -> Message:
    head = [*fields, f"From: {sender}", f"To: {to}", f"Subject: {subject}"]
    head += ["Message-ID: <1@clinic.example>", f"Content-Type: {content_type}", "", body]
    return parse("\n".join(head).encode())


def hits(message: Message, *, history: History | None = None, **rules: object) -> tuple[Hit, ...]:
    return gate(
        message,
        US,
        received_at=NOW - timedelta(hours=1),
        now=NOW,
        history=history or History(),
        rules=Rules(**rules),  # type: ignore[arg-type]
    )


def outcome(message: Message) -> tuple[str, str | None]:
    hit = primary(hits(message))
    return (hit.disposition, hit.reason) if hit else (Disposition.ACKNOWLEDGE, None)


REPORT = 'multipart/report; report-type={}; boundary="b"'
PARTS = "--b\nContent-Type: text/plain\n\nBelow.\n--b\nContent-Type: message/{}\n\nX: y\n--b--\n"
ROBOT = "Clinic system <system@clinic.example>"

# Each machine deviates in one signal only; a mark that programs also put on people's letters
# comes from a machine's address here, and from a person's among the cases to hold.
MACHINES = {
    "auto-replied": (letter("Auto-Submitted: auto-replied"), "auto_submitted"),
    "auto-replied with comment": (
        letter("Auto-Submitted: auto-replied (vacation)"),
        "auto_submitted",
    ),
    "auto-generated": (letter("Auto-Submitted: auto-generated", sender=ROBOT), "auto_submitted"),
    "auto-notified": (letter("Auto-Submitted: auto-notified"), "auto_submitted"),
    "bulk": (letter("Precedence: bulk"), "bulk_precedence"),
    "junk": (letter("Precedence: junk"), "bulk_precedence"),
    "Bulk": (letter("Precedence: Bulk"), "bulk_precedence"),
    "list": (letter("Precedence: list"), "bulk_precedence"),
    "auto_reply": (letter("Precedence: auto_reply"), "bulk_precedence"),
    "List-Id": (letter("List-Id: <news.clinic.example>"), "list_mail"),
    "List-Unsubscribe": (letter("List-Unsubscribe: <mailto:off@clinic.example>"), "list_mail"),
    "null return path first": (letter("Return-Path: <>"), "null_return_path"),
    "null return path second": (
        letter("Delivered-To: support@als.example", "Return-Path: <>"),
        "null_return_path",
    ),
    "mailer-daemon": (letter(sender="MAILER-DAEMON@clinic.example"), "system_address"),
    "postmaster": (letter(sender="postmaster@clinic.example"), "system_address"),
    "delivery report": (
        letter(content_type=REPORT.format("delivery-status"), body=PARTS.format("delivery-status")),
        "bounce",
    ),
    "read receipt": (
        letter(
            content_type=REPORT.format("disposition-notification"),
            body=PARTS.format("disposition-notification"),
        ),
        "read_receipt",
    ),
    "noreply": (letter(sender="noreply@clinic.example"), "no_reply_address"),
    "do-not-reply": (letter(sender="do-not-reply@clinic.example"), "no_reply_address"),
    "owner-list": (letter(sender="owner-list@clinic.example"), "system_address"),
    "list-request": (letter(sender="list-request@clinic.example"), "system_address"),
    "suppress All": (
        letter("X-Auto-Response-Suppress: All", sender=ROBOT),
        "auto_response_suppress",
    ),
    "suppress OOF, AutoReply": (
        letter("X-Auto-Response-Suppress: OOF, AutoReply", sender=ROBOT),
        "auto_response_suppress",
    ),
    "X-Autoreply": (letter("X-Autoreply: yes"), "auto_reply_header"),
    "X-Autorespond": (letter("X-Autorespond: yes"), "auto_reply_header"),
    "X-Loop": (letter("X-Loop: yes"), "auto_reply_header"),
    "Automatic reply": (letter(subject="Automatic reply: A question"), "auto_reply_subject"),
    "calendar reply": (
        letter(content_type="text/calendar; method=REPLY", body="BEGIN:VCALENDAR\n"),
        "calendar",
    ),
    "own address": (letter(sender="support@als.example"), "own_address"),
}
PEOPLE = {
    "plain": letter(),
    "our address second in To": letter(to="Jo <jo@park.example>, support@als.example"),
    "no": letter("Auto-Submitted: no"),
    "No": letter("Auto-Submitted: No"),
    "first-class": letter("Precedence: first-class"),
}
PERHAPS = {
    "forwarded by a rule": (letter("Auto-Submitted: auto-generated"), "auto_submitted"),
    "out of a ticket system": (
        letter("Auto-Submitted: auto-generated", sender="Dr Ann Chen <a.chen@hospital.example>"),
        "auto_submitted",
    ),
    "marked by Exchange": (letter("X-Auto-Response-Suppress: All"), "auto_response_suppress"),
    "our own web form": (
        letter("Reply-To: maria.lopez@clinic.example", sender="Website <noreply@als.example>"),
        "untrusted_relay",
    ),
    "not addressed to us": (letter(to="undisclosed-recipients:;"), "not_addressed"),
}


def test_there_are_as_many_cases_as_were_measured() -> None:
    assert (len(MACHINES), len(PEOPLE), len(PERHAPS)) == (29, 5, 5)


@pytest.mark.parametrize("case", MACHINES)
def test_a_machine_is_never_answered(case: str) -> None:
    message, reason = MACHINES[case]
    assert outcome(message) == ("suppress", reason)


@pytest.mark.parametrize("case", PEOPLE)
def test_a_person_is_answered(case: str) -> None:
    assert outcome(PEOPLE[case]) == ("acknowledge", None)


@pytest.mark.parametrize("case", PERHAPS)
def test_where_a_person_may_be_waiting_the_acknowledgement_is_held(case: str) -> None:
    message, reason = PERHAPS[case]
    assert outcome(message) == ("hold", reason)
    assert return_address(message, US) not in (None, "noreply@als.example")


def test_every_hit_is_kept_in_the_order_of_the_table() -> None:
    message = letter(
        "Return-Path: <>",
        "Precedence: bulk",
        "Auto-Submitted: auto-replied",
        sender="noreply@clinic.example",
        to="somebody@clinic.example",
    )
    assert [hit.reason for hit in hits(message, history=History(duplicate=True, blocked="x"))] == [
        Reason.DUPLICATE,
        Reason.NULL_RETURN_PATH,
        Reason.AUTO_SUBMITTED,
        Reason.BULK_PRECEDENCE,
        Reason.NO_REPLY_ADDRESS,
        Reason.NOT_ADDRESSED,
        Reason.ADDRESS_BLOCKED,
    ]


def test_a_suppressing_rule_is_the_reason_even_after_a_holding_one() -> None:
    message = letter("In-Reply-To: <1@x.example>", to="somebody@clinic.example")
    found = hits(message, history=History(ours=("<1@x.example>",)))
    assert [hit.reason for hit in found] == [Reason.NOT_ADDRESSED, Reason.IN_CONVERSATION]
    first = primary(found)
    assert first is not None
    assert first.reason is Reason.IN_CONVERSATION


def test_the_second_letter_of_the_same_kind_waits_until_the_quiet_period_is_over() -> None:
    def after(hours: float) -> list[Reason]:
        history = History(same_kind_at=NOW - timedelta(hours=hours), address_day=1)
        return [hit.reason for hit in hits(letter(), history=history)]

    assert after(23.9) == [Reason.RATE_LIMITED]
    assert after(24) == []


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (History(address_day=1), None),
        (History(address_day=2), "rate_limited"),
        (History(address_week=4), "rate_limited"),
        (History(domain_hour=20), "rate_limited"),
        (History(hour=59), None),
        (History(hour=60), "breaker_open"),
        (History(day=300), "breaker_open"),
        (History(bounces_hour=4), None),
        (History(bounces_hour=5), "breaker_open"),
        (History(recent_sent=50, recent_bounced=10), None),
        (History(recent_sent=50, recent_bounced=11), "breaker_open"),
        (History(breaker_open="limit"), "breaker_open"),
        (History(paused=True), "paused"),
        (History(epoch_changed=True), "uidvalidity"),
        (History(restored=True), "restored"),
    ],
)
def test_a_limit_holds_and_never_drops(history: History, reason: str | None) -> None:
    found = hits(letter(), history=history)
    assert [hit.reason for hit in found] == ([reason] if reason else [])
    assert all(hit.disposition is Disposition.HOLD for hit in found)


def test_the_limit_of_a_domain_does_not_count_for_a_provider_of_everybody() -> None:
    message = letter(sender="maria@gmail.com")
    assert hits(message, history=History(domain_hour=500)) == ()


def test_the_limit_of_a_form_counts_only_behind_a_form() -> None:
    vouched = "Authentication-Results: mx.als.example; dmarc=pass header.from=als.example"
    form = letter(vouched, "Reply-To: maria@clinic.example", sender="Web <forms@als.example>")
    assert [hit.reason for hit in hits(form, history=History(relay_hour=30))] == ["rate_limited"]
    assert hits(letter(), history=History(relay_hour=30)) == ()
    assert relay_of(form, US) == "forms@als.example"
    assert relay_of(letter(), US) is None


def test_age_is_by_the_servers_time() -> None:
    def reasons(received_at: datetime) -> list[Reason]:
        found = gate(
            letter("Date: Thu, 1 Jan 1970 00:00:00 +0000"),
            US,
            received_at=received_at,
            now=NOW,
            history=History(),
            rules=Rules(),
        )
        return [hit.reason for hit in found]

    assert reasons(NOW - timedelta(hours=72)) == []
    assert reasons(NOW - timedelta(hours=72, seconds=1)) == [Reason.TOO_OLD]
    assert reasons(NOW + timedelta(days=1)) == []


def test_personal_words_need_a_server_that_vouches() -> None:
    def with_verdict(value: str) -> bool:
        return authenticated(letter(f"Authentication-Results: {value}"), US)

    assert with_verdict("mx.als.example; dmarc=pass header.from=clinic.example")
    assert with_verdict("mx.als.example; dmarc=pass")
    assert not with_verdict("mx.als.example; spf=pass smtp.mailfrom=clinic.example")
    assert not with_verdict("mx.als.example; dmarc=pass header.from=als.example")
    assert not with_verdict("mx.evil.example; dmarc=pass header.from=clinic.example")
    assert not authenticated(letter(), US)


def test_behind_a_form_nobody_vouches_for_the_person() -> None:
    form = letter(
        "Authentication-Results: mx.als.example; dmarc=pass header.from=als.example",
        "Reply-To: maria@clinic.example",
        sender="forms@als.example",
    )
    assert return_address(form, US) == "maria@clinic.example"
    assert not authenticated(form, US)


def test_a_message_without_anything_is_no_reason_to_fail() -> None:
    assert [hit.reason for hit in hits(Message())] == [
        Reason.INVALID_SENDER,
        Reason.NOT_ADDRESSED,
    ]


def test_an_address_that_is_none_is_refused_wherever_it_stands() -> None:
    message = Message(sender=Address("x", "a@b\r\nBcc: c@d.example"), from_fields=1)
    assert return_address(message, US) is None
    assert hits(message)[0].reason is Reason.INVALID_SENDER


ORDINARY = (
    "Sender: x@clinic.example",
    "X-Mailer: Outlook",
    "Disposition-Notification-To: maria.lopez@clinic.example",
    "Importance: high",
    "X-Originating-IP: [192.0.2.1]",
    "DKIM-Signature: v=1; a=rsa-sha256; d=clinic.example; s=s1; bh=x; b=y",
    "X-Google-Smtp-Source: abc",
    "Thread-Topic: A question",
    "X-MS-Has-Attach: yes",
    "Reply-To: maria.lopez@clinic.example",
)


@pytest.mark.parametrize("field", ORDINARY)
def test_fields_of_ordinary_programs_are_no_marks(field: str) -> None:
    assert hits(letter(field)) == ()
