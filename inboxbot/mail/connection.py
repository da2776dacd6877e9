"""A connection to an IMAP server, encrypted, checked and logged in.

With `imap.py` the only module that knows IMAPClient. When a password or token may be sent at
all is said in `server.py`.
"""

import imaplib
import io
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError
from imapclient.response_parser import parse_response

from inboxbot.errors import AuthenticationError, PermanentError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.mail import idling, liveness
from inboxbot.mail.idling import Idling
from inboxbot.mail.server import (
    ServerSettings,
    connection_error,
    must_be_this_machine,
    no_starttls,
    tls_context,
    with_a_secret_that_counts,
)

# IMAPClient's debug log quotes whole letters: it stays off, whatever the level of ours.
logging.getLogger("imapclient").setLevel(logging.CRITICAL)

ANSWER_LIMIT = 256 * 1024 * 1024

# Response codes (RFC 5530 and what large providers send) that speak of the server, not of
# the letter that was asked for.
BUSY = {"UNAVAILABLE", "INUSE", "LIMIT", "OVERQUOTA", "THROTTLED"}
_REFUSED = {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"}

_CODE = re.compile(r"\[([A-Z]+)[\] ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServerSettings):
    """Where a mailbox is and how to get in."""

    folder: str = "INBOX"

    @property
    def server(self) -> str:
        """Return who and where, as one text: another one is another mailbox."""
        return server_name(self.username, self.host)


def server_name(username: str, host: str) -> str:
    """Return who and where, as one text."""
    return f"{username}@{host}"


class Deadline:
    """When everything must be done, and how long one read may take."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.move(10 * timeout_s)

    def move(self, seconds: float) -> None:
        """Let everything take `seconds` from now on."""
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return how many seconds are left."""
        return self._at - time.monotonic()

    def check(self) -> float:
        """Return how long the next step may take; raise `TimeoutError` where it is too late."""
        left = self.left
        if left <= 0:
            raise TimeoutError("deadline")
        return min(left, self.timeout_s)


class _Reader(io.RawIOBase):
    """A socket's bytes, where a server that dribbles cannot outlast the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self.count = 0
        self.ended = False

    def readable(self) -> bool:
        """Return that it can be read; `BufferedReader` asks."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there into `buffer`, waiting as long as the deadline allows."""
        if self.count > ANSWER_LIMIT:
            raise OSError("The answer has no end.")
        if self._sock.gettimeout() != 0:  # 0: only what is there already is wanted.
            self._sock.settimeout(self._deadline.check())
        try:
            got = self._sock.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        self.count += got
        self.ended = not got
        return got


class _Protocol(Idling):
    """imaplib over a socket with a deadline, which never waits to fill a packet."""

    def __init__(self, settings: Settings, context: ssl.SSLContext, deadline: Deadline) -> None:
        self._settings = settings
        self._context = context
        self._deadline = deadline
        super().__init__(settings.host, settings.port)

    def _create_socket(self, timeout: float | None) -> socket.socket:  # noqa: ARG002
        where = (self._settings.host, self._settings.port)
        sock = socket.create_connection(where, self._deadline.check())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        liveness.watch(sock)
        if self._settings.security != "tls":
            return sock
        return self._context.wrap_socket(sock, server_hostname=self._settings.host)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connect; every later read goes through our reader."""
        super().open(host, port, timeout)
        self._read_anew()

    def _read_anew(self) -> None:
        # What was read ahead of the TLS handshake is dropped: it was not protected.
        self._raw_reader = _Reader(self.sock, self._deadline)
        self._reader = io.BufferedReader(self._raw_reader, 64 * 1024)

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> Any:
        """Encrypt, then read through the encrypted socket only."""
        typ, data = self._simple_command("STARTTLS")
        if typ != "OK":
            raise self.abort("STARTTLS refused")
        self.sock.settimeout(self._deadline.check())
        self.sock = (ssl_context or self._context).wrap_socket(
            self.sock, server_hostname=self._settings.host
        )
        self._tls_established = True
        self._read_anew()
        self._get_capabilities()
        return typ, data

    def read(self, size: int) -> bytes:
        """Read a literal, of a believable size and to its end."""
        if size > ANSWER_LIMIT:
            raise self.abort("literal too large")
        data = self._reader.read(size)
        if data is None or len(data) < size:
            raise self.abort("literal cut off")
        return data

    def readline(self) -> bytes:
        """Read a line of at most a million bytes."""
        line = self._reader.readline(1_000_001)
        if len(line) > 1_000_000:
            raise self.abort("line too long")
        return line

    def idle_lines(self, seconds: float) -> list[bytes]:
        """Return the lines that the server says while idle, none after so many seconds."""
        if not self._has_unread():
            poller = select.poll()
            poller.register(self.sock.fileno(), select.POLLIN)
            if not poller.poll(seconds * 1000):
                return []
            # What woke us may be no more than a record of TLS itself.
            if not self._has_unread() and not self._raw_reader.ended:
                return []
        lines = [self._get_line()]
        while self._has_unread():
            lines.append(self._get_line())
        return lines

    def _has_unread(self) -> bool:
        self.sock.setblocking(False)
        try:
            return bool(self._reader.peek(1))
        finally:
            self.sock.settimeout(self._deadline.timeout_s)

    def send(self, data: Any) -> None:
        """Send; the answer to it may be as long as `ANSWER_LIMIT`."""
        self._raw_reader.count = 0
        self.sock.settimeout(self._deadline.check())
        self.sock.sendall(data)


class Client(IMAPClient):  # type: ignore[misc]
    """IMAPClient over our protocol class."""

    def __init__(self, settings: Settings, context: ssl.SSLContext, deadline: Deadline) -> None:
        self._parts = (settings, context, deadline)
        super().__init__(
            settings.host,
            settings.port,
            ssl=settings.security == "tls",
            timeout=SocketTimeout(settings.timeout_s, settings.timeout_s),
        )
        # At its own level 5 imaplib makes a repr() of every letter, logged or not.
        self._imap.debug = 0

    def fetch_by_uid(
        self, uids: Sequence[int], items: Sequence[str]
    ) -> dict[int, dict[bytes, Any]]:
        """Fetch `items` of messages; each answer counts for the UID that stands in it.

        IMAPClient's own `fetch` takes an answer without a UID for the message whose UID is
        that sequence number, which is another one.
        """
        which = ",".join(map(str, uids)).encode()
        data = self._raw_command_untagged(b"FETCH", [which, f"({' '.join(items)})".encode()])
        parsed = parse_response([part for part in data if part is not None])
        found: dict[int, dict[bytes, Any]] = {}
        for values in parsed[1::2]:
            answer = {
                name.upper(): value for name, value in zip(values[::2], values[1::2], strict=True)
            }
            uid = answer.get(b"UID")
            if isinstance(uid, int):
                found.setdefault(uid, {}).update(answer)
        return {uid: found[uid] for uid in uids if uid in found}

    @property
    def waits_for_login(self) -> bool:
        """Return whether the server greeted with OK, not with PREAUTH."""
        return bool(self._imap.state == "NONAUTH")

    def forget_counts(self) -> None:
        """Take how many letters there are as known: what is said from now on is news."""
        self._imap.forget_counts()

    def hears_of_letters(
        self,
        folder: str,
        *,
        seconds: float,
        renew_every_s: float,
        renews: bool,
        known: tuple[int, int] | None,
        stop: Callable[[], bool],
        beat: Callable[[], None],
    ) -> bool:
        """Idle until the server tells of letters in `folder`, as `idling` does; say if it did."""
        wait = idling.Wait(
            seconds=seconds,
            renew_every_s=renew_every_s,
            renews=renews,
            folder=self._normalise_folder(folder),
            known=known,
        )
        return idling.hears_of_letters(self._imap, wait, stop, beat)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802  (IMAPClient's name)
        return _Protocol(*self._parts)


def connect(settings: Settings, deadline: Deadline) -> Client:
    """Connect, encrypt and log in; nothing secret is sent before the first two are done."""
    return with_a_secret_that_counts(settings, lambda: _connect(settings, deadline))


def _connect(settings: Settings, deadline: Deadline) -> Client:
    secret = settings.secret()  # What cannot be had costs no connection.
    context = tls_context(settings)
    try:
        client = Client(settings, context, deadline)
    except (IMAPClientError, OSError, ValueError) as error:
        raise _connection_error(error, settings) from error
    try:
        _secure(client, settings, context)
        _log_in(client, settings, secret)
    except BaseException:
        with suppress(IMAPClientError, OSError, ValueError):
            client.shutdown()
        raise
    return client


def _secure(client: Client, settings: Settings, context: ssl.SSLContext) -> None:
    where = settings.where
    if not client.waits_for_login:
        raise PermanentError(f"{where} skips the login, which inboxbot does not accept.")
    if settings.security == "starttls":
        try:
            offered = client.has_capability("STARTTLS")
            if offered:
                client.starttls(context)
        except IMAPClientError as error:
            raise TransientError(
                f"{where} did not go on after STARTTLS, so no password was sent; trying later."
            ) from error
        except (OSError, ValueError) as error:
            raise _connection_error(error, settings) from error
        if not offered:
            raise no_starttls(settings, tls_port=993)
    if settings.security == "none":
        must_be_this_machine(client.socket().getpeername()[0], where)


def _log_in(client: Client, settings: Settings, secret: str) -> None:
    where = settings.where
    try:
        match settings.auth:
            case "password" if client.has_capability("AUTH=PLAIN"):
                client.plain_login(settings.username, secret)
            case "password":
                client.login(f'"{_quotable(settings.username)}"', secret)
            case "xoauth2":
                client.oauth2_login(settings.username, secret)
            case "oauthbearer":
                client.oauthbearer_login(settings.username, secret)
    except (imaplib.IMAP4.abort, OSError) as error:
        raise _connection_error(error, settings) from error
    except LoginError as error:
        code = response_code(error)
        if isinstance(error.__context__, imaplib.IMAP4.abort) or code in BUSY:
            raise TransientError(f"{where} takes no logins now; trying later.") from error
        advice = (
            "check `username`, `auth` and the credential, and that the account allows IMAP."
            if settings.auth == "password"
            else "check that `username` is the mailbox that was allowed with `inboxbot login`, "
            "and that IMAP is switched on for it at the provider."
        )
        raise AuthenticationError(
            f"{where} refused the login ({code if code in _REFUSED else 'NO'}): {advice}"
        ) from error
    except ValueError as error:
        raise AuthenticationError(
            f"The credential for {where} has characters that the server cannot take."
        ) from error


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _connection_error(error: Exception, settings: Settings) -> Exception:
    if isinstance(error, OSError):
        return connection_error(error, settings)
    return TransientError(f"{settings.where} did not greet us as an IMAP server does.")


def response_code(error: Exception) -> str:
    """Return the response code in what the server said, such as INUSE, or nothing."""
    found = _CODE.search(str(error))
    return found.group(1) if found else ""
