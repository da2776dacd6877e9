"""What only a real SMTP server can do to us: bytes, envelope, connections, refusals."""

import pytest

from inboxbot.errors import (
    AuthenticationError,
    OutcomeUnknownError,
    PermanentError,
    TransientError,
)
from inboxbot.mail.smtp import SmtpTransport, Verdict, wire_text
from tests.handing_in import nothing, reply, settings
from tests.smtp_sink import (
    ACCEPT_AND_DROP,
    DROP,
    GARBAGE,
    PASSWORD,
    STALL,
    USER,
    Once,
    SmtpSink,
)

# The bytes


def test_the_bytes_arrive_as_they_were_stored(sink: SmtpSink, transport: SmtpTransport) -> None:
    transport.send(reply(), nothing)
    assert sink.accepted[0].raw == reply().raw


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n"),
        (b".a\r\n", b"..a\r\n"),
        (b"a\rb\r\n", b"a\r\nb\r\n"),
        (b"", b"\r\n"),
        (b"a\r\n.\r\nMAIL FROM:<x@y>\r\n", b"a\r\n..\r\nMAIL FROM:<x@y>\r\n"),
    ],
)
def test_no_line_of_a_text_can_end_it(raw: bytes, sent: bytes) -> None:
    assert wire_text(raw) == sent
    assert b"\r\n.\r\n" not in b"\r\n" + wire_text(raw)


def test_an_address_with_a_line_break_never_becomes_a_command(
    sink: SmtpSink, transport: SmtpTransport
) -> None:
    with pytest.raises(PermanentError):
        transport.send(reply(recipient="ana@example.net>\r\nRCPT TO:<eve@example.com"), nothing)
    assert sink.accepted == []


# The envelope


def test_the_null_sender_asks_for_no_bounce(sink: SmtpSink, transport: SmtpTransport) -> None:
    transport.send(reply(), nothing)
    assert sink.accepted[0].envelope_sender == ""
    assert sink.accepted[0].recipients == ("ana@example.net",)
    assert sink.rcpt_options == [("NOTIFY=NEVER",)]


def test_another_envelope_sender_is_told_of_bounces(
    sink: SmtpSink, transport: SmtpTransport
) -> None:
    transport.send(reply(envelope_sender="bounces@example.org"), nothing)
    assert sink.accepted[0].envelope_sender == "bounces@example.org"
    assert sink.rcpt_options == [()]


def test_a_server_without_dsn_gets_no_parameters_that_it_does_not_know() -> None:
    with SmtpSink(extensions=()) as sink, SmtpTransport(settings(sink.port)) as transport:
        assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED


def test_an_internationalised_address_uses_smtputf8(
    sink: SmtpSink, transport: SmtpTransport
) -> None:
    transport.send(reply(recipient="änä@example.net"), nothing)
    assert "SMTPUTF8" in sink.accepted[0].mail_options
    assert sink.accepted[0].recipients == ("änä@example.net",)


def test_without_smtputf8_such_a_reply_is_not_offered() -> None:
    with (
        SmtpSink(faults={"SMTPUTF8": "off"}) as sink,
        SmtpTransport(settings(sink.port)) as transport,
    ):
        outcome = transport.send(reply(recipient="änä@example.net"), nothing)
        assert outcome.verdict is Verdict.UNABLE
        assert "SMTPUTF8" in outcome.text.upper()
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED


# One connection, few turns


def test_one_connection_carries_many_replies(sink: SmtpSink, transport: SmtpTransport) -> None:
    for number in range(50):
        transport.send(reply(number), nothing)
    assert sink.connections == 1
    assert sink.logins == 1
    assert len(sink.accepted) == 50


def test_a_connection_that_the_server_closed_meanwhile_is_made_again(
    sink: SmtpSink, transport: SmtpTransport
) -> None:
    assert transport.send(reply(1), nothing).verdict is Verdict.ACCEPTED
    for fault in (DROP, "421 4.7.0 too many messages"):
        sink.faults["MAIL"] = Once(fault)
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert sink.message_ids == ["<ack-1@example.org>", *["<ack-2@example.org>"] * 2]


def test_r13_a_token_that_ends_between_two_replies_costs_one_login_and_no_reply(
    sink: SmtpSink, transport: SmtpTransport
) -> None:
    assert transport.send(reply(1), nothing).verdict is Verdict.ACCEPTED
    sink.faults["MAIL"] = Once("530 5.7.0 token has ended")
    assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert sink.message_ids == ["<ack-1@example.org>", "<ack-2@example.org>"]
    assert sink.logins == 2


# R20 to R23: refusals at each verb


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", [421, 450, 451, 452])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_r20_a_4xx_at_each_verb_is_deferred_and_the_next_reply_goes(
    verb: str, code: int, extensions: tuple[str, ...]
) -> None:
    with SmtpSink(extensions=extensions) as sink:
        with SmtpTransport(settings(sink.port)) as transport:
            sink.faults[verb] = Once(f"{code} 4.2.1 later")
            outcome = transport.send(reply(1), nothing)
            assert (outcome.verdict, outcome.code) == (Verdict.DEFERRED, code)
            assert outcome.server_left is (code == 421)
            assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
        assert sink.message_ids == ["<ack-2@example.org>"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", [550, 552, 554])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_r21_a_5xx_at_each_verb_is_refused_and_the_next_reply_goes(
    verb: str, code: int, extensions: tuple[str, ...]
) -> None:
    with SmtpSink(extensions=extensions) as sink:
        with SmtpTransport(settings(sink.port)) as transport:
            sink.faults[verb] = Once(f"{code} 5.1.1 no")
            outcome = transport.send(reply(1), nothing)
            assert (outcome.verdict, outcome.code) == (Verdict.REFUSED, code)
            assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
        assert sink.message_ids == ["<ack-2@example.org>"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("code", [530, 535])
def test_r21_a_server_that_wants_a_login_is_no_verdict_on_the_reply(
    sink: SmtpSink, transport: SmtpTransport, verb: str, code: int
) -> None:
    sink.faults[verb] = f"{code} 5.7.0 authentication required"
    with pytest.raises(AuthenticationError):
        transport.send(reply(), nothing)
    assert sink.accepted == []


def test_r21_a_wrong_password_is_an_authentication_error(sink: SmtpSink) -> None:
    with (
        SmtpTransport(settings(sink.port, secret=lambda: "wrong")) as transport,
        pytest.raises(AuthenticationError) as caught,
    ):
        transport.send(reply(), nothing)
    assert "wrong" not in str(caught.value)
    assert USER not in str(caught.value)


def test_r12_the_secret_is_asked_anew_at_each_attempt(sink: SmtpSink) -> None:
    secrets = iter(["wrong", PASSWORD])
    with SmtpTransport(settings(sink.port, secret=lambda: next(secrets))) as transport:
        with pytest.raises(AuthenticationError):
            transport.send(reply(), nothing)
        assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED


def test_r12_a_login_that_is_refused_for_now_is_transient(sink: SmtpSink) -> None:
    sink.faults["AUTH"] = Once("454 4.7.0 later")
    with SmtpTransport(settings(sink.port)) as transport:
        with pytest.raises(TransientError):
            transport.send(reply(), nothing)
        assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_r22_a_connection_lost_before_the_dot_is_no_doubt(
    sink: SmtpSink, transport: SmtpTransport, verb: str
) -> None:
    sink.faults[verb] = Once(DROP)
    outcome = transport.send(reply(), nothing)
    assert outcome.verdict is Verdict.DEFERRED
    assert outcome.server_left
    assert sink.accepted == []


@pytest.mark.parametrize("fault", [DROP, ACCEPT_AND_DROP, STALL, GARBAGE, "354 go on", "250-half"])
def test_r22_whatever_is_no_answer_after_the_dot_is_unknown(sink: SmtpSink, fault: str) -> None:
    sink.faults["DOT"] = fault
    with (
        SmtpTransport(settings(sink.port, answer_timeout_s=0.3)) as transport,
        pytest.raises(OutcomeUnknownError),
    ):
        transport.send(reply(), nothing)


def test_r22_a_250_that_was_read_counts_whatever_follows() -> None:
    with SmtpSink() as sink:
        transport = SmtpTransport(settings(sink.port))
        outcome = transport.send(reply(), nothing)
    transport.close()
    assert outcome.verdict is Verdict.ACCEPTED


def test_r23_a_reply_has_one_recipient_in_the_envelope(
    sink: SmtpSink, transport: SmtpTransport
) -> None:
    for number in range(3):
        transport.send(reply(number), nothing)
    assert [len(one.recipients) for one in sink.accepted] == [1, 1, 1]
