"""What every transport does: the fake, and SmtpTransport over real sockets; then what only
a real server can do to us."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from inboxbot.errors import (
    AuthenticationError,
    OutcomeUnknownError,
    PermanentError,
    TransientError,
)
from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Outcome, Settings, SmtpTransport, Verdict, wire_text
from inboxbot.sender import Transport
from tests.fake_transport import UNKNOWN, UNKNOWN_TAKEN, FakeTransport
from tests.smtp_sink import (
    ACCEPT_AND_DROP,
    DROP,
    GARBAGE,
    PASSWORD,
    STALL,
    USER,
    Once,
    SmtpSink,
    free_port,
)


def reply(number: int = 1, **changes: str | bytes) -> Reply:
    message_id = f"<ack-{number}@example.org>"
    raw = (
        f"From: support@example.org\r\nTo: ana@example.net\r\nMessage-ID: {message_id}\r\n"
        "Subject: We have your letter\r\n\r\nThank you.\r\n.\r\n..two dots\r\n"
    ).encode()
    values = {"raw": raw, "recipient": "ana@example.net", "message_id": message_id}
    return Reply(**(values | changes))  # type: ignore[arg-type]


def settings(port: int, **changes: object) -> Settings:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": USER,
        "auth": "password",
        "secret": lambda: PASSWORD,
        "timeout_s": 5.0,
        "answer_timeout_s": 5.0,
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]


def nothing() -> None:
    pass


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def transport(sink: SmtpSink) -> Iterator[SmtpTransport]:
    with SmtpTransport(settings(sink.port)) as opened:
        yield opened


class Stage:
    """A transport, and the ways to make its server do what a contract test is about."""

    def __init__(
        self,
        transport: AbstractContextManager[Transport],
        answer: Callable[[str], None],
        drop_after_dot: Callable[[bool], None],
        taken: Callable[[], list[str]],
    ) -> None:
        self.transport = transport
        self.answer = answer
        self.drop_after_dot = drop_after_dot
        self.taken = taken


def fake_stage() -> Stage:
    fake = FakeTransport()

    def answer(text: str) -> None:
        verdict = Verdict.DEFERRED if text[0] == "4" else Verdict.REFUSED
        fake.script.append(Outcome(verdict, int(text[:3]), text[4:]))

    return Stage(
        fake,
        answer,
        lambda taken: fake.script.append(UNKNOWN_TAKEN if taken else UNKNOWN),
        lambda: fake.message_ids,
    )


def real_stage(sink: SmtpSink) -> Stage:
    return Stage(
        SmtpTransport(settings(sink.port)),
        lambda text: sink.faults.update(DOT=Once(text)),
        lambda taken: sink.faults.update(DOT=Once(ACCEPT_AND_DROP if taken else DROP)),
        lambda: sink.message_ids,
    )


@pytest.fixture(params=["fake", "pipelining", "one by one"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield fake_stage()
        return
    extensions = ("PIPELINING", "DSN") if request.param == "pipelining" else ()
    with SmtpSink(extensions=extensions) as server:
        yield real_stage(server)


# The contract


def test_an_accepted_reply_is_taken_once_and_the_note_is_made_before_it_is(stage: Stage) -> None:
    taken_at_note: list[list[str]] = []
    with stage.transport as transport:
        outcome = transport.send(reply(), lambda: taken_at_note.append(stage.taken()))
    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.code == 250
    assert taken_at_note == [[]]
    assert stage.taken() == ["<ack-1@example.org>"]


def test_many_replies_go_through_one_transport(stage: Stage) -> None:
    with stage.transport as transport:
        verdicts = [transport.send(reply(n), nothing).verdict for n in range(20)]
    assert verdicts == [Verdict.ACCEPTED] * 20
    assert stage.taken() == [f"<ack-{n}@example.org>" for n in range(20)]


def test_a_note_that_cannot_be_made_sends_nothing(stage: Stage) -> None:
    class NoteError(Exception):
        pass

    def fail() -> None:
        raise NoteError

    with stage.transport as transport:
        with pytest.raises(NoteError):
            transport.send(reply(1), fail)
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert stage.taken() == ["<ack-2@example.org>"]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("451 4.3.0 later", Verdict.DEFERRED), ("554 5.6.0 no", Verdict.REFUSED)],
)
def test_a_verdict_on_the_whole_text_is_definite(
    stage: Stage, answer: str, verdict: Verdict
) -> None:
    with stage.transport as transport:
        stage.answer(answer)
        outcome = transport.send(reply(1), nothing)
        assert (outcome.verdict, outcome.code) == (verdict, int(answer[:3]))
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert stage.taken() == ["<ack-2@example.org>"]


@pytest.mark.parametrize("taken", [False, True])
def test_no_answer_after_the_dot_is_an_unknown_outcome(stage: Stage, taken: bool) -> None:
    with stage.transport as transport:
        stage.drop_after_dot(taken)
        with pytest.raises(OutcomeUnknownError):
            transport.send(reply(1), nothing)
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert stage.taken() == [*(["<ack-1@example.org>"] if taken else []), "<ack-2@example.org>"]


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


# Encryption, and what is never sent in the clear


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_reply_goes_over_an_encrypted_connection(
    authority: trustme.CA, ca_file: str, security: str
) -> None:
    context = server_context(authority)
    with SmtpSink(**{security: context}) as sink:  # type: ignore[arg-type]
        chosen = settings(sink.port, security=security, ca_file=ca_file)
        with SmtpTransport(chosen) as transport:
            assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED
            assert transport.certificate_until is not None
            probe = transport.probe()
    assert probe.certificate_until is not None
    assert probe.null_sender
    assert "PIPELINING" in probe.extensions
    assert len(sink.accepted) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["unknown authority", "other host"])
def test_r14_a_certificate_that_is_not_accepted_ends_it_before_the_password(
    authority: trustme.CA, ca_file: str, security: str, fault: str
) -> None:
    other = fault == "unknown authority"
    context = server_context(trustme.CA() if other else authority, "127.0.0.1" if other else "a.b")
    with SmtpSink(**{security: context}) as sink:  # type: ignore[arg-type]
        asked: list[str] = []
        chosen = settings(
            sink.port,
            security=security,
            ca_file=ca_file,
            secret=lambda: asked.append("asked") or PASSWORD,
        )
        with SmtpTransport(chosen) as transport, pytest.raises(PermanentError) as caught:
            transport.send(reply(), nothing)
        assert "certificate" in str(caught.value)
        assert asked == []
        assert sink.logins == 0


def test_r14_a_server_that_offers_no_starttls_gets_no_password(sink: SmtpSink) -> None:
    with (
        SmtpTransport(settings(sink.port, security="starttls")) as transport,
        pytest.raises(PermanentError, match="STARTTLS"),
    ):
        transport.send(reply(), nothing)
    assert sink.logins == 0
    assert sink.accepted == []


# Servers that cannot be used


def test_a_server_that_is_not_there_is_transient() -> None:
    with SmtpTransport(settings(free_port())) as transport, pytest.raises(TransientError):
        transport.send(reply(), nothing)


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with (
            SmtpTransport(settings(silent.getsockname()[1], timeout_s=0.3)) as transport,
            pytest.raises(TransientError),
        ):
            transport.send(reply(), nothing)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("username", ["", "support@example.org"])
def test_a_local_server_without_logins_is_asked_for_none(username: str) -> None:
    with SmtpSink(login=False) as sink:
        with SmtpTransport(settings(sink.port, username=username)) as transport:
            assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED
        assert sink.logins == 0


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_a_token_logs_in_and_a_bad_one_is_an_authentication_error(
    sink: SmtpSink, auth: str
) -> None:
    chosen = settings(sink.port, auth=auth, secret=lambda: "a-token")
    with SmtpTransport(chosen) as transport:
        assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED
    sink.token_good = False
    with SmtpTransport(replace(chosen)) as transport, pytest.raises(AuthenticationError):
        transport.send(reply(), nothing)


def test_the_probe_sends_no_mail(sink: SmtpSink, transport: SmtpTransport) -> None:
    probe = transport.probe()
    assert probe.null_sender
    assert sink.accepted == []
    assert transport.send(reply(), nothing).verdict is Verdict.ACCEPTED
