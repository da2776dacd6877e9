"""Hand a reply to an SMTP server (RFC 5321), and know what became of it.

What matters is the final dot: before it nothing was sent and everything may be tried again;
after it, until the answer is read, nobody knows (RFC 1047). So the text is sent without its end,
the caller notes durably that the end follows, and only then does the dot go out.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from inboxbot import faults
from inboxbot.errors import AuthenticationError, OutcomeUnknownError, PermanentError
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Reply
from inboxbot.mail.submission import Settings as Settings
from inboxbot.mail.submission import connect, not_authenticated, submission_error

QUIT_TIMEOUT_S = 2.0
NOT_AUTHENTICATED = (530, 534, 535, 538)  # RFC 4954, section 6
CLOSING = 421
NO_ANSWER = 0
_NO_END = re.compile(rb"\r\n|\r|\n")


class Verdict(StrEnum):
    """What the server said to one reply. `UNABLE`: it lacks an extension that the reply needs."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNABLE = "unable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, with the reply code (`NO_ANSWER` if the line broke off) and its text."""

    verdict: Verdict
    code: int
    text: str

    @property
    def server_left(self) -> bool:
        """Return whether the server ended the connection rather than judged the reply."""
        return self.verdict is Verdict.DEFERRED and self.code in (NO_ANSWER, CLOSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What `doctor` asks: extensions, when the certificate ends, and whether <> may send."""

    extensions: tuple[str, ...]
    certificate_until: datetime | None
    null_sender: bool


class SmtpTransport:
    """Replies to one server over one connection, made at the first reply and reused.

    Not to be shared between threads. `certificate_until` is known once there was an encrypted
    connection.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None
        self.certificate_until: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say QUIT without waiting long, and hang up."""
        server = self._server
        if server is not None and server.sock is not None:
            with suppress(smtplib.SMTPException, OSError):
                server.sock.settimeout(QUIT_TIMEOUT_S)
                server.docmd("QUIT")
        self._drop()

    def send(self, reply: Reply, before_dot: Callable[[], None]) -> Outcome:
        """Hand in `reply`; `before_dot` runs between its text and the final dot.

        What `before_dot` raises ends the attempt before the dot. Raises `OutcomeUnknownError`
        where the dot went out and no answer was understood; `AuthenticationError`,
        `PermanentError` or `TransientError` where the server as a whole cannot be used.
        """
        try:
            return self._send(reply, before_dot)
        except BaseException:
            self._drop()
            raise

    def probe(self) -> Probe:
        """Log in and offer the null sender, then take it back: no mail is sent."""
        server = self._connected()
        try:
            code, _ = server.docmd("MAIL", "FROM:<>")
            server.docmd("RSET")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise submission_error(error, self._settings) from error
        return Probe(
            extensions=tuple(sorted(name.upper() for name in server.esmtp_features)),
            certificate_until=self.certificate_until,
            null_sender=code == 250,
        )

    def _send(self, reply: Reply, before_dot: Callable[[], None]) -> Outcome:
        reused = self._server is not None
        needed = _extension_needed(reply)
        if needed and not self._connected().has_extn(needed):
            return Outcome(Verdict.UNABLE, NO_ANSWER, f"The mail server does not offer {needed}.")
        try:
            refused = self._envelope(self._connected(), reply)
            again = reused and refused is not None and refused.server_left
        except AuthenticationError:
            if not reused:
                raise
            again = True
        if again:
            # It waited too long, carried many letters, or its token has ended meanwhile.
            refused = self._envelope(self._connected(), reply)
        if refused is not None:
            return refused
        server = self._connected()
        faults.point("sender.envelope")
        try:
            server.send(wire_text(reply.raw))
        except (smtplib.SMTPException, OSError):
            return self._lost()
        faults.point("sender.text")
        before_dot()
        return self._end(server)

    def _envelope(self, server: smtplib.SMTP, reply: Reply) -> Outcome | None:
        """Offer sender, recipient and DATA; None where the server waits for the text."""
        commands = (_mail(server, reply), _rcpt(server, reply), "DATA")
        try:
            answers = _ask(server, commands)
        except (smtplib.SMTPException, OSError):
            return self._lost()
        wanted = (range(200, 300), range(200, 300), (354,))
        judged = zip(answers, wanted, strict=False)
        refusal = next((answer for answer, good in judged if answer[0] not in good), None)
        if refusal is None:
            return None
        if answers[-1][0] == 354 or refusal[0] == CLOSING:
            self._drop()  # It waits for a text that nobody is to get: no dot may follow.
        else:
            self._reset(server)
        return self._verdict(*refusal)

    def _end(self, server: smtplib.SMTP) -> Outcome:
        try:
            server.send(b".\r\n")
            faults.point("sender.dot")
            if server.sock is not None:
                server.sock.settimeout(self._settings.answer_timeout_s)
            answer = server.getreply()
            if server.sock is not None:
                server.sock.settimeout(self._settings.timeout_s)
        except (smtplib.SMTPException, OSError) as error:
            raise OutcomeUnknownError(
                "The mail server did not answer after it had the whole reply."
            ) from error
        faults.point("sender.answered")
        if not (200 <= answer[0] < 300 or 400 <= answer[0] < 600):
            raise OutcomeUnknownError("The mail server answered with what is not SMTP.")
        if answer[0] == CLOSING:
            self._drop()
        return self._verdict(*answer)

    def _verdict(self, code: int, text: bytes) -> Outcome:
        words = _printable(text)
        if code in NOT_AUTHENTICATED:
            self._drop()
            raise not_authenticated(self._settings, code)
        if 200 <= code < 300:
            return Outcome(Verdict.ACCEPTED, code, words)
        if 500 <= code < 600:
            return Outcome(Verdict.REFUSED, code, words)
        return Outcome(Verdict.DEFERRED, code if 400 <= code < 500 else NO_ANSWER, words)

    def _lost(self) -> Outcome:
        self._drop()
        return Outcome(Verdict.DEFERRED, NO_ANSWER, "The connection broke off before the end.")

    def _reset(self, server: smtplib.SMTP) -> None:
        try:
            code, _ = server.docmd("RSET")
        except (smtplib.SMTPException, OSError):
            code = NO_ANSWER
        if code != 250:
            self._drop()

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = connect(self._settings)
            self.certificate_until = _certificate_until(self._server)
            faults.point("sender.connected")
        return self._server

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _certificate_until(server: smtplib.SMTP) -> datetime | None:
    certificate = server.sock.getpeercert() if isinstance(server.sock, ssl.SSLSocket) else None
    ends = (certificate or {}).get("notAfter")
    if not isinstance(ends, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def wire_text(raw: bytes) -> bytes:
    """Return `raw` as it follows DATA, without the final dot (RFC 5321, section 4.5.2)."""
    rest = raw.replace(b"\r\n", b"")
    lines = _NO_END.sub(b"\r\n", raw) if b"\r" in rest or b"\n" in rest else raw
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    # `[1:]` of a line end put before it: the first line may begin with a dot as well.
    return (b"\n" + lines).replace(b"\n.", b"\n..")[1:]


def _extension_needed(reply: Reply) -> str:
    header = reply.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if not (reply.recipient + reply.envelope_sender).isascii() or not header.isascii():
        return "smtputf8"  # RFC 6531
    return "" if reply.raw.isascii() else "8bitmime"  # RFC 6152


def _mail(server: smtplib.SMTP, reply: Reply) -> str:
    command = f"MAIL FROM:<{reply.envelope_sender}>"
    if server.has_extn("size"):
        command += f" SIZE={len(wire_text(reply.raw))}"
    if not reply.raw.isascii():
        command += " BODY=8BITMIME"
    if _extension_needed(reply) == "smtputf8":
        command += " SMTPUTF8"
    return command


def _rcpt(server: smtplib.SMTP, reply: Reply) -> str:
    command = f"RCPT TO:<{reply.recipient}>"
    # Nobody reads a bounce to <>: ask for none (RFC 3461, section 4.1).
    return (
        command + " NOTIFY=NEVER"
        if not reply.envelope_sender and server.has_extn("dsn")
        else command
    )


def _ask(server: smtplib.SMTP, commands: tuple[str, ...]) -> list[tuple[int, bytes]]:
    """Return the answers to the commands.

    With PIPELINING (RFC 2920) all are asked at once; without, up to the first that is refused.
    """
    for command in commands:
        if "\r" in command or "\n" in command:
            raise PermanentError("An address with a line break cannot be written to.")
    lines = [command.encode() + b"\r\n" for command in commands]
    if server.has_extn("pipelining"):
        server.send(b"".join(lines))
        return [server.getreply() for _ in lines]
    answers = []
    for line in lines:
        server.send(line)
        answers.append(server.getreply())
        if answers[-1][0] >= 400 or answers[-1][0] < 200:
            break
    return answers


def _printable(text: bytes) -> str:
    words = "".join(c if c.isprintable() else " " for c in text.decode("utf-8", "replace"))
    return words[:500]
