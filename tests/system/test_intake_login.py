"""Intake, before the first letter: logins that are refused, certificates, and STARTTLS."""

import ssl
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from inboxbot.errors import AuthenticationError, PermanentError, TransientError
from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.server import must_be_this_machine, tls_context
from tests.imap_script import PASSWORD, ScriptedServer


def test_r12_a_refused_login_is_one_try_and_the_password_is_read_anew_each_time(
    server: ScriptedServer,
) -> None:
    passwords = iter(["wrong", "wrong again", PASSWORD])
    box = ImapMailbox(server.settings(secret=lambda: next(passwords)))
    for _ in range(2):
        before = server.connections
        with pytest.raises(AuthenticationError, match="username") as caught:
            box.open()
        assert server.connections == before + 1
        assert "wrong" not in str(caught.value)
        assert "support" not in str(caught.value)
    assert box.open().exists == 0
    box.close()


def test_r12_a_login_refused_because_the_server_is_busy_is_no_question_of_the_password(
    server: ScriptedServer,
) -> None:
    server.answer = lambda tag, line: (
        [tag + b" NO [UNAVAILABLE] try later\r\n"] if b"AUTHENTICATE" in line else None
    )
    with pytest.raises(TransientError):
        ImapMailbox(server.settings()).open()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["expired", "wrong host", "unknown authority"])
def test_r14_a_certificate_that_is_not_right_is_refused_before_any_password(
    authority: trustme.CA, ca_file: str, security: str, fault: str
) -> None:
    issuer = trustme.CA() if fault == "unknown authority" else authority
    if fault == "expired":
        certificate = issuer.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1))  # noqa: DTZ001
    else:
        certificate = issuer.issue_cert("elsewhere.test" if fault == "wrong host" else "127.0.0.1")
    with ScriptedServer(
        tls=server_context(certificate),
        implicit_tls=security == "tls",
        capabilities=b"IMAP4rev1 STARTTLS AUTH=PLAIN",
    ) as server:
        with pytest.raises(PermanentError, match="certificate"):
            ImapMailbox(server.settings(security=security, ca_file=ca_file)).open()
        assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in server.commands)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_r14_nothing_older_than_tls_1_2_is_spoken(
    authority: trustme.CA, ca_file: str, security: str
) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # That is what the test is about.
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with ScriptedServer(
        tls=context,
        implicit_tls=security == "tls",
        capabilities=b"IMAP4rev1 STARTTLS AUTH=PLAIN",
    ) as server:
        settings = server.settings(security=security, ca_file=ca_file)
        assert tls_context(settings).minimum_version is ssl.TLSVersion.TLSv1_2
        with pytest.raises(TransientError, match="No encrypted connection"):
            ImapMailbox(settings).open()
        assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in server.commands)


StripsTls = Callable[[bytes, bytes], Sequence[bytes] | None]


@pytest.mark.parametrize(
    ("capabilities", "answer"),
    [
        (b"IMAP4rev1 AUTH=PLAIN", lambda tag, line: None),
        (
            b"IMAP4rev1 STARTTLS AUTH=PLAIN",
            lambda tag, line: [tag + b" NO not now\r\n"] if line == b"STARTTLS" else None,
        ),
        (
            b"IMAP4rev1 STARTTLS AUTH=PLAIN",
            lambda tag, line: (
                [tag + b" OK begin\r\n* OK no TLS\r\n"] if line == b"STARTTLS" else None
            ),
        ),
    ],
    ids=["stripped", "refused", "pretended"],
)
def test_r14_without_starttls_no_password_is_sent(
    server: ScriptedServer, ca_file: str, capabilities: bytes, answer: StripsTls
) -> None:
    server.capabilities, server.answer = capabilities, answer
    box = ImapMailbox(server.settings(security="starttls", ca_file=ca_file, timeout_s=1.0))
    with pytest.raises((PermanentError, TransientError), match=r"STARTTLS|No encrypted|in time"):
        box.open()
    assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in server.commands)


def test_r14_a_server_that_greets_as_logged_in_is_refused_under_starttls(
    server: ScriptedServer,
) -> None:
    server.greeting = b"* PREAUTH welcome"
    with pytest.raises(PermanentError):
        ImapMailbox(server.settings(security="starttls")).open()


def test_starttls_with_a_good_certificate_works(authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    with (
        ScriptedServer(tls=context, capabilities=b"IMAP4rev1 STARTTLS AUTH=PLAIN") as server,
        ImapMailbox(server.settings(security="starttls", ca_file=ca_file)) as box,
    ):
        assert box.open().exists == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_an_unprotected_connection_may_go_to_this_machine(address: str) -> None:
    must_be_this_machine(address, "the server")


@pytest.mark.parametrize(
    "address", ["192.0.2.2", "10.0.0.1", "fe80::1%eth0", "2001:db8::1", "128.0.0.1"]
)
def test_r14_an_unprotected_connection_to_another_machine_is_refused(address: str) -> None:
    with pytest.raises(PermanentError, match="loopback only"):
        must_be_this_machine(address, "the server")
