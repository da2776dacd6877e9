"""A connection to an SMTP server, encrypted, checked and logged in (RFC 6409, RFC 4954).

With `smtp.py` the only module that knows smtplib. A password or token is sent only over a
connection that is encrypted and whose certificate was checked, or to this very machine.
"""

import base64
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from inboxbot.errors import AuthenticationError, PermanentError, TokenError, TransientError

# RFC 5321, section 4.5.3.2.6: giving up sooner makes letters that went out look uncertain.
ANSWER_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where replies are handed in, and how to get in. `secret` is asked anew at each attempt.

    `renew` is called when the server refused it, and says whether it is another one now. An
    empty `username` means that the server asks for none: a local mail server.
    """

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    auth: Literal["password", "xoauth2", "oauthbearer"]
    secret: Callable[[], str]
    renew: Callable[[], bool] = lambda: False
    ca_file: str | None = None
    timeout_s: float = 60.0
    answer_timeout_s: float = ANSWER_TIMEOUT_S


def connect(settings: Settings) -> smtplib.SMTP:
    """Connect, encrypt and log in; a token that is refused is renewed once."""
    try:
        return _connect_once(settings)
    except TokenError:
        raise
    except AuthenticationError:
        if not settings.renew():
            raise
    return _connect_once(settings)


def _connect_once(settings: Settings) -> smtplib.SMTP:
    """Connect, encrypt and log in; nothing secret is sent before the first two are done."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:
        raise PermanentError(
            f"The file in `ca_file` for {_where(settings)} cannot be used."
        ) from error
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
        raise connection_error(error, settings) from error
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
        peer = ipaddress.ip_address(sock.getpeername()[0].partition("%")[0])
        if not peer.is_loopback:
            raise PermanentError(
                f'{_where(settings)} is not this machine, so nothing was sent: `security = "none"` '
                'is for loopback only. Write "tls" or "starttls".'
            )
    server.ehlo_or_helo_if_needed()
    if settings.security == "starttls":
        if not server.has_extn("starttls"):
            raise PermanentError(
                f"{_where(settings)} does not offer STARTTLS, so no password was sent. Set "
                '`security` to "tls" with port 465, or find out who stands between.'
            )
        code, _ = server.starttls(context=context)
        if code != 220:
            raise TransientError(f"{_where(settings)} refused STARTTLS ({code}); trying later.")
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
        raise TransientError(f"{_where(settings)} takes no logins now ({answer}); trying later.")
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
    return AuthenticationError(
        f"{_where(settings)} refused the login ({code}): check `username`, `auth` and the "
        "credential, and that the account may send over SMTP."
    )


def connection_error(error: Exception, settings: Settings) -> Exception:
    """Return the error of ours for a server that could not be used."""
    where = _where(settings)
    match error:
        case ssl.SSLCertVerificationError():
            return PermanentError(
                f"The certificate of {where} is not accepted ({error.verify_message}), so no "
                "password was sent: check `host`, the clock, and `ca_file` for a private authority."
            )
        case ssl.SSLError():
            return TransientError(
                f"No encrypted connection to {where} ({error.reason}): check `port` and "
                f'`security` (now "{settings.security}").'
            )
        case TimeoutError():
            return TransientError(f"{where} did not answer in time: is it the right `port`?")
        case socket.gaierror():
            return TransientError(f"The name in `host`, {settings.host}, was not found.")
        case smtplib.SMTPResponseException():
            return TransientError(f"{where} takes no mail now ({error.smtp_code}); trying later.")
        case smtplib.SMTPException():
            return TransientError(f"{where} broke off, or is no SMTP server; trying later.")
        case OSError():
            return TransientError(f"No connection to {where} ({error.strerror or 'broken off'}).")
        case _:
            return TransientError(f"{where} cannot be used; trying later.")


def _where(settings: Settings) -> str:
    return f"{settings.host}:{settings.port}"
