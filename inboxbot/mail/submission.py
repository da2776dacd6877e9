"""A connection to an SMTP server, encrypted, checked and logged in (RFC 6409, RFC 4954).

With `smtp.py` the only module that knows smtplib. When a password or token may be sent at all
is said in `server.py`.
"""

import base64
import ipaddress
import smtplib
import socket
import ssl

from inboxbot.errors import AuthenticationError, InboxbotError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.mail.server import (
    ServerSettings,
    connection_error,
    must_be_this_machine,
    no_starttls,
    tls_context,
    with_a_secret_that_counts,
)

# RFC 5321, section 4.5.3.2.6: giving up sooner makes letters that went out look uncertain.
ANSWER_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServerSettings):
    """Where replies are handed in, and how to get in.

    An empty `username` means that the server asks for none: a local mail server.
    """

    answer_timeout_s: float = ANSWER_TIMEOUT_S


def connect(settings: Settings) -> smtplib.SMTP:
    """Connect, encrypt and log in; nothing secret is sent before the first two are done."""
    return with_a_secret_that_counts(settings, lambda: _connect(settings))


def _connect(settings: Settings) -> smtplib.SMTP:
    context = tls_context(settings)
    server: smtplib.SMTP | None = None
    try:
        if settings.security == "tls":
            server = smtplib.SMTP_SSL(
                settings.host,
                settings.port,
                local_hostname="localhost",
                timeout=settings.timeout_s,
                context=context,
            )
        else:
            server = smtplib.SMTP(
                settings.host, settings.port, local_hostname="localhost", timeout=settings.timeout_s
            )
        _greet(server, settings, context)
        _log_in(server, settings)
    except (smtplib.SMTPException, OSError) as error:
        if server is not None:
            server.close()
        raise submission_error(error, settings) from error
    except BaseException:
        if server is not None:
            server.close()
        raise
    return server


def _greet(server: smtplib.SMTP, settings: Settings, context: ssl.SSLContext) -> None:
    sock = server.sock
    if sock is None:
        raise smtplib.SMTPServerDisconnected
    # The dot is a small packet after another: Nagle's rule would hold it back for 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    here = ipaddress.ip_address(sock.getsockname()[0].partition("%")[0])
    server.local_hostname = f"[IPv6:{here}]" if here.version == 6 else f"[{here}]"
    if settings.security == "none":
        must_be_this_machine(sock.getpeername()[0], settings.where)
    server.ehlo_or_helo_if_needed()
    if settings.security == "starttls":
        if not server.has_extn("starttls"):
            raise no_starttls(settings, tls_port=465)
        code, _ = server.starttls(context=context)
        if code != 220:
            raise TransientError(f"{settings.where} refused STARTTLS ({code}); trying later.")
        server.ehlo_or_helo_if_needed()


def _log_in(server: smtplib.SMTP, settings: Settings) -> None:
    """Authenticate (RFC 4954); skipped where there is no user name to give.

    A server on this machine that offers no AUTH at all asks nobody who they are: a local relay.
    """
    offered = server.esmtp_features.get("auth", "").upper().split()
    if not settings.username or (settings.security == "none" and not offered):
        return
    secret = settings.secret()
    user = settings.username
    match settings.auth:
        case "xoauth2":
            first = f"user={user}\x01auth=Bearer {secret}\x01\x01"
            answer = _exchange(server, "XOAUTH2", first, ("",))
        case "oauthbearer":  # RFC 7628
            first = f"n,a={user},\x01auth=Bearer {secret}\x01\x01"
            answer = _exchange(server, "OAUTHBEARER", first, ("\x01",))
        case "password" if "LOGIN" in offered and "PLAIN" not in offered:
            answer = _exchange(server, "LOGIN", None, (user, secret))
        case "password":
            answer = _exchange(server, "PLAIN", f"\0{user}\0{secret}", ())
    if 400 <= answer < 500:
        raise TransientError(f"{settings.where} takes no logins now ({answer}); trying later.")
    if not 200 <= answer < 300:
        raise not_authenticated(settings, answer)


def _exchange(
    server: smtplib.SMTP, mechanism: str, first: str | None, further: tuple[str, ...]
) -> int:
    command = mechanism if first is None else f"{mechanism} {_base64(first)}"
    code, _ = server.docmd("AUTH", command)
    for text in further:
        if code != 334:
            break
        code, _ = server.docmd(_base64(text))
    return code


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def not_authenticated(settings: Settings, code: int) -> AuthenticationError:
    """Return the error for a server that wants another login than ours, or one at all."""
    advice = (
        "check `username`, `auth` and the credential, and that the account may send over SMTP."
        if settings.auth == "password"
        else "check that `username` is the mailbox that was allowed with `inboxbot login`, and "
        "that sending over SMTP is switched on for it at the provider."
    )
    return AuthenticationError(f"{settings.where} refused the login ({code}): {advice}")


def submission_error(error: OSError, settings: Settings) -> InboxbotError:
    """Return the error of ours for a server that could not be used."""
    match error:
        case smtplib.SMTPResponseException():
            return TransientError(
                f"{settings.where} takes no mail now ({error.smtp_code}); trying later."
            )
        case smtplib.SMTPException():
            return TransientError(
                f"{settings.where} broke off, or is no SMTP server; trying later."
            )
        case _:
            return connection_error(error, settings)
