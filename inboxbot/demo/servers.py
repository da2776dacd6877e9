"""The two mail servers of the demo, inside this process: pymap for IMAP, aiosmtpd for SMTP.

Real protocols over real sockets on loopback, so that the demo shows the real daemon. They keep
everything in memory and speak no TLS; nothing outside this machine can reach them.
"""

import argparse
import asyncio
import logging
import socket
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import field
from datetime import UTC, datetime
from email import message_from_bytes
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from imapclient import IMAPClient
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPService

from inboxbot.frozen import dataclass

USER = "support@als-demo.example"
PASSWORD = "demo"  # noqa: S105  (of a server that lives in memory for a minute)
START_TIMEOUT_S = 15.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Unhashed:
    """How pymap keeps the one password, which everybody knows: a hash takes it half a second."""

    def copy(self, **_: object) -> Self:
        """Return the same again: there is nothing to set."""
        return self

    def hash(self, secret: str) -> str:
        """Return the password as it is."""
        return secret

    def verify(self, secret: str, kept: str) -> bool:
        """Say whether it is the password."""
        return secret == kept


class ImapServer:
    """An IMAP server with one empty mailbox; `deliver` puts letters into it."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="demo-imap", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise RuntimeError("the demo's IMAP server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT_S)

    def deliver(self, raw: bytes) -> None:
        """Append one letter to the inbox, as a mail server would on its arrival."""
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10) as client:
            client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.login(USER, PASSWORD)
            client.append("INBOX", raw, msg_time=datetime.now(UTC))

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._keep_tasks()
        parser = argparse.ArgumentParser()
        backends = parser.add_subparsers(dest="backend")
        DictBackend.add_subparser("dict", backends)
        IMAPService.add_arguments(parser)
        command = f"--host 127.0.0.1 --port {self.port} --no-tls dict"
        command += f" --demo-user {USER} --demo-password {PASSWORD}"
        arguments = parser.parse_args(command.split())
        # pymap's own main() sets these two.
        arguments.debug, arguments.passlib_cfg = False, None
        backend, config = await DictBackend.init(arguments, hash_context=_Unhashed())
        config.apply_context()
        async with AsyncExitStack() as stack:
            await backend.start(stack)
            await IMAPService(backend, config).start(stack)
            self._ready.set()
            await self._stop.wait()

    def _keep_tasks(self) -> None:
        # From Python 3.13 on, pymap's connections would be garbage-collected in mid-session.
        kept: set[asyncio.Task[Any]] = set()

        def factory(
            loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
        ) -> asyncio.Task[Any]:
            task = asyncio.Task(coroutine, loop=loop, **options)
            kept.add(task)
            task.add_done_callback(kept.discard)
            return task

        self._loop.set_task_factory(factory)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the SMTP server took: envelope and bytes."""

    envelope_sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def subject(self) -> str:
        """Return the Subject as the reader's program shows it."""
        return str(message_from_bytes(self.raw)["Subject"] or "")


@dataclass
class _Sink:
    accepted: list[Accepted] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.accepted.append(Accepted(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
        return "250 2.0.0 queued"


class SmtpServer:
    """An SMTP server that keeps what it is given in `accepted` and passes nothing on."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self._sink = _Sink()
        self._controller = Controller(
            self._sink,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=_authenticate,
            auth_require_tls=False,
        )

    def __enter__(self) -> Self:
        # At each sign-in it warns of an attribute of its own that nobody here uses.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()

    @property
    def accepted(self) -> list[Accepted]:
        """Return what was taken so far, in its order."""
        return list(self._sink.accepted)


def _authenticate(
    server: SMTP,  # noqa: ARG001
    session: Session,  # noqa: ARG001
    envelope: Envelope,  # noqa: ARG001
    mechanism: str,  # noqa: ARG001
    data: Any,
) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=known)
