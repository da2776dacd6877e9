"""What is never sent in the clear, and servers that cannot be used."""

import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from inboxbot.errors import (
    AuthenticationError,
    PermanentError,
    TransientError,
)
from inboxbot.mail.smtp import SmtpTransport, Verdict
from tests.handing_in import nothing, reply, settings
from tests.smtp_sink import (
    PASSWORD,
    SmtpSink,
    free_port,
)


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
