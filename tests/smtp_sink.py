"""A real SMTP server on loopback that keeps what it accepts and misbehaves where told.

What it does is told per verb: `sink.faults["RCPT"] = "451 4.2.1 later"` answers so until it is
taken away; `Once("...")` answers so one time. The special answers are `DROP` (the connection ends
without a word), `STALL` (no answer at all) and `ACCEPT_AND_DROP` (taken, and nobody hears it).
"""

# ruff: noqa: N802  (the names are aiosmtpd's)

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from inboxbot.mail.submission import Settings

# It warns of its own deprecated attributes at each login.
logging.getLogger("mail.log").setLevel(logging.ERROR)

USER = "support@example.org"
PASSWORD = "only for tests"

DROP = "drop"
STALL = "stall"
ACCEPT_AND_DROP = "accept and drop"
GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Once:
    """An answer that is given one time."""

    answer: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the server took: envelope with its options, and the bytes."""

    envelope_sender: str
    recipients: tuple[str, ...]
    mail_options: tuple[str, ...]
    raw: bytes

    @property
    def message_id(self) -> str:
        for line in self.raw.splitlines():
            if line.lower().startswith(b"message-id:"):
                return line.partition(b":")[2].strip().decode()
        return ""


class _Server(SMTP):
    """aiosmtpd, with PIPELINING and DSN told or not, and without Nagle's delay."""

    def __init__(self, handler: "_Handler", **options: Any) -> None:
        super().__init__(handler, **options)
        self._sink = handler.sink

    def connection_made(self, transport: Any) -> None:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    async def smtp_AUTH(self, arg: str) -> None:
        self._sink.logins += 1
        answer = await self._sink.answer("AUTH", self)
        if answer is not None:
            await self.push(answer)
            return
        if arg.upper().startswith(("XOAUTH2 ", "OAUTHBEARER ")):
            self._sink.bearers.append(arg)
            await self.push("235 2.7.0 ok" if self._sink.token_good else "334 e30=")
            if not self._sink.token_good:
                await self._reader.readline()
                await self.push("535 5.7.8 bad token")
            else:
                self.session.authenticated = True
            return
        await super().smtp_AUTH(arg)

    async def smtp_RCPT(self, arg: str) -> None:
        # aiosmtpd knows no parameters of RCPT; RFC 3461 has some.
        address, *options = arg.split()
        if "DSN" in self._sink.extensions and all(
            option.upper().startswith(("NOTIFY=", "ORCPT=")) for option in options
        ):
            self._sink.rcpt_options.append(tuple(options))
            arg = address
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        answer = await self._sink.answer("DATA", self)
        if answer is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(answer)


class _Handler:
    def __init__(self, sink: "SmtpSink") -> None:
        self.sink = sink

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sink.connections += 1
        session.host_name = hostname
        extra = [f"250-{name}" for name in self.sink.extensions]
        return [responses[0], *extra, *responses[1:]]

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = await self.sink.answer("MAIL", server)
        if answer is None or answer[0] == "2":
            envelope.mail_from = address
            envelope.mail_options = list(options)
        return answer or "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = await self.sink.answer("RCPT", server)
        if answer is None or answer[0] == "2":
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        answer = await self.sink.answer("DOT", server, lambda: self._take(envelope))
        if answer is None or answer[0] == "2":
            self._take(envelope)
        return answer or "250 2.0.0 queued"

    def _take(self, envelope: Any) -> None:
        accepted = Accepted(
            "" if envelope.mail_from == "<>" else envelope.mail_from or "",
            tuple(envelope.rcpt_tos),
            tuple(envelope.mail_options),
            bytes(envelope.content),
        )
        self.sink.accepted.append(accepted)
        self.sink.on_accepted(accepted)


@dataclass
class SmtpSink:
    """The server; use it as a context manager. `accepted` is what was taken, in its order."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    starttls: ssl.SSLContext | None = None
    login: bool = True
    extensions: tuple[str, ...] = ("PIPELINING", "DSN")
    delay: Callable[[], float] = lambda: 0.0
    faults: dict[str, str | Once] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    rcpt_options: list[tuple[str, ...]] = field(default_factory=list)
    token_good: bool = True
    connections: int = 0
    logins: int = 0
    on_accepted: Callable[[Accepted], None] = lambda _: None
    password: str = PASSWORD

    def __enter__(self) -> Self:
        self.port = self.port or free_port()
        sink = self
        handler = _Handler(self)
        options: dict[str, Any] = {"hostname": "localhost", "enable_SMTPUTF8": True}
        if self.starttls is not None:
            options["tls_context"] = self.starttls
        if self.login:
            options |= {
                "authenticator": self._authenticate,
                "auth_require_tls": False,
            }

        class _Controller(Controller):
            def factory(self) -> SMTP:
                if "SMTPUTF8" in sink.faults:
                    options["enable_SMTPUTF8"] = False
                return _Server(handler, **options)

        self._release = threading.Event()
        self._controller = _Controller(
            handler, hostname="127.0.0.1", port=self.port, ssl_context=self.tls
        )
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()

    def settings(self) -> Settings:
        """Return how inboxbot hands its replies in here."""
        return Settings(
            host="127.0.0.1",
            port=self.port,
            security="none",
            username=USER,
            auth="password",
            secret=lambda: self.password,
            timeout_s=10.0,
        )

    def _authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            self.password.encode(),
        )
        return AuthResult(success=known, handled=False)

    async def answer(
        self, verb: str, server: SMTP, take: Callable[[], None] = lambda: None
    ) -> str | None:
        """Return what to say to `verb` instead of the usual answer, or None."""
        await asyncio.sleep(self.delay()) if verb == "DOT" else None
        fault = self.faults.get(verb)
        if isinstance(fault, Once):
            del self.faults[verb]
            fault = fault.answer
        if fault == ACCEPT_AND_DROP:
            take()
            server.transport.abort()
            return "421 gone"
        if fault == DROP:
            server.transport.abort()
            return "421 gone"
        if fault == STALL:
            await asyncio.sleep(3600)
        if fault == GARBAGE:
            take()
            return "!! what is this"
        return fault

    @property
    def message_ids(self) -> list[str]:
        return [one.message_id for one in self.accepted]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
