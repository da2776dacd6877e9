"""What the two mail servers have in common: how to get in, and what it means when we cannot.

A password or token is sent only over a connection that is encrypted and whose certificate was
checked, or to this very machine.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from inboxbot.errors import (
    AuthenticationError,
    InboxbotError,
    PermanentError,
    TokenError,
    TransientError,
)
from inboxbot.frozen import dataclass

Connection = TypeVar("Connection")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where a server is and how to get in. `secret` is asked anew at each attempt.

    `renew` is called when the server refused it, and says whether it is another one now.
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

    @property
    def where(self) -> str:
        """Return the server as messages name it."""
        return f"{self.host}:{self.port}"


def with_a_secret_that_counts(
    settings: ServerSettings, connect: Callable[[], Connection]
) -> Connection:
    """Connect; a token that is refused is renewed once: it may have been taken back early."""
    try:
        return connect()
    except TokenError:
        raise
    except AuthenticationError:
        if not settings.renew():
            raise
    return connect()


def tls_context(settings: ServerSettings) -> ssl.SSLContext:
    """Return what checks the server's certificate; raise `PermanentError` without its file.

    Reading the certificates of all authorities takes longer than sending a reply: it is done once,
    and again when their file has changed. Without encryption there is nothing to check.
    """
    if settings.security == "none":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file = settings.ca_file or ssl.get_default_verify_paths().cafile
    try:
        return _trusting(settings.ca_file, Path(file).stat().st_mtime_ns if file else 0)
    except OSError as error:
        raise PermanentError(
            f"The file in `ca_file` for {settings.where} cannot be used."
        ) from error


@lru_cache(maxsize=4)
def _trusting(ca_file: str | None, changed_at: int) -> ssl.SSLContext:  # noqa: ARG001  (a new file, anew)
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # Whatever the machine's own settings allow.
    return context


def must_be_this_machine(peer: str, where: str) -> None:
    """Raise `PermanentError` unless an unprotected connection goes to this machine itself."""
    if not ipaddress.ip_address(peer.partition("%")[0]).is_loopback:
        raise PermanentError(
            f'{where} is not this machine, so nothing was sent: `security = "none"` is for '
            'loopback only. Write "tls" or "starttls".'
        )


def no_starttls(settings: ServerSettings, tls_port: int) -> PermanentError:
    """Return the error for a server that does not offer to encrypt."""
    return PermanentError(
        f"{settings.where} does not offer STARTTLS, so no password was sent. Set `security` to "
        f'"tls" with port {tls_port}, or find out who stands between.'
    )


def connection_error(error: OSError, settings: ServerSettings) -> InboxbotError:
    """Return the error of ours for a connection that could not be made, or broke off."""
    where = settings.where
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
        case _:
            return TransientError(f"No connection to {where} ({error.strerror or 'broken off'}).")
