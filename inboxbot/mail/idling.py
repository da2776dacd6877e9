"""Waiting until the server tells of letters: IDLE (RFC 2177), which imaplib lacks.

A wait is renewed in one write, which ends it, opens the folder anew and begins the next one: one
round trip, in which everything is asked that a look asks. What the server tells is heard wherever
it stands among its answers; and since the folder is opened anew, what it does not tell is seen.
"""

import imaplib
import re
import time
from collections.abc import Callable, Sequence

from inboxbot.frozen import dataclass
from inboxbot.mail import liveness

SLICE_S = 1.0

_EXISTS = re.compile(rb"\* \d+ EXISTS", re.IGNORECASE)


class RenewalRefusedError(imaplib.IMAP4.abort):
    """The server did not take three commands at once; it is not asked so again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long to wait for letters, and what is known of the folder.

    `folder` is its name as it goes over the line, `known` its UIDVALIDITY and UIDNEXT. A wait is
    renewed every `renew_every_s`, or ends there where the server does not take that.
    """

    seconds: float
    renew_every_s: float
    renews: bool
    folder: bytes
    known: tuple[int, int] | None


class Idling(imaplib.IMAP4):
    """The part of the protocol that waits; how lines are waited for is left to a subclass."""

    _idle_tag: bytes

    def idle_lines(self, seconds: float) -> list[bytes]:
        """Return the lines that the server says while idle, none after so many seconds."""
        raise NotImplementedError

    def forget_counts(self) -> None:
        """Forget how many letters there are: what is said from now on is news."""
        self.untagged_responses.pop("EXISTS", None)

    def begin_idle(self) -> bool:
        """Begin to idle; say whether the server told of letters before its go-ahead."""
        self._idle_tag = self._command("IDLE")
        return self._go_ahead()

    def end_idle(self) -> bool:
        """End the wait; say whether the server told of letters with its answer."""
        self.send(b"DONE\r\n")
        self._answer(self._idle_tag)
        return self._told()

    def renew_idle(self, folder: bytes, known: tuple[int, int] | None) -> tuple[bool, bool]:
        """Begin the next wait in the same write that ends this one and opens `folder` anew.

        Return whether the server told of letters, and whether the folder is not as it was `known`.
        Raises `RenewalRefusedError` where the server ended the wait and did not go on.
        """
        ended, opened = self._idle_tag, self._new_tag()
        self._idle_tag = self._new_tag()
        self.send(
            b"DONE\r\n" + opened + b" EXAMINE " + folder + b"\r\n" + self._idle_tag + b" IDLE\r\n"
        )
        self._answer(ended)
        told = self._told()
        self.untagged_responses.clear()
        try:
            self._answer(opened)
            found = tuple(map(self._number, ("UIDVALIDITY", "UIDNEXT")))
            self.untagged_responses.clear()  # How many letters there are is no news.
            return self._go_ahead() or told, found != known
        except (imaplib.IMAP4.error, OSError) as error:
            raise RenewalRefusedError("the wait was not renewed") from error

    def _go_ahead(self) -> bool:
        while self._get_response() is not None:
            if self.tagged_commands[self._idle_tag]:
                raise self.error("IDLE refused")
            if "BYE" in self.untagged_responses:
                raise self.abort("BYE instead of IDLE")
        return self._told()

    def _answer(self, tag: bytes) -> None:
        while not self.tagged_commands[tag]:
            self._get_response()
            if "BYE" in self.untagged_responses:
                raise self.abort("BYE while idle")
        kind, _ = self.tagged_commands.pop(tag) or ("BAD", [])
        if kind != "OK":
            raise self.error("IDLE, or what belongs to it, refused")

    def _told(self) -> bool:
        told = [name for name in self.untagged_responses if name.upper() == "EXISTS"]
        return any(self.untagged_responses.pop(name) for name in told)

    def _number(self, name: str) -> int | None:
        said = self.untagged_responses.get(name, [None])[-1]
        return int(said) if isinstance(said, bytes) and said.isdigit() else None


def hears_of_letters(
    server: Idling, wait: Wait, stop: Callable[[], bool], beat: Callable[[], None]
) -> bool:
    """Idle until the server tells of letters; say whether it did.

    It ends without where the time is over, where the folder has changed and nothing was told, and
    within a second where `stop` says so. About every second in which the other side is there,
    `beat` is called. A machine that was asleep in between has lost the connection.
    """
    now = time.monotonic()
    until, renew_at, slept = now + wait.seconds, now + wait.renew_every_s, liveness.Sleep()
    told, changed = server.begin_idle(), False
    while not (told or changed or stop()):
        now = time.monotonic()
        if now >= (until if wait.renews else min(until, renew_at)):
            break
        if now >= renew_at:
            told, changed = server.renew_idle(wait.folder, wait.known)
            renew_at = now + wait.renew_every_s
            beat()
            continue
        lines = server.idle_lines(min(until - now, renew_at - now, SLICE_S))
        told = _tells_of_letters(lines)
        if slept.happened():
            raise imaplib.IMAP4.abort("the machine was asleep")
        if not lines and liveness.is_there(server.socket()):
            beat()
    return server.end_idle() or told


def _tells_of_letters(lines: Sequence[bytes]) -> bool:
    if any(line.upper().startswith(b"* BYE") for line in lines):
        raise imaplib.IMAP4.abort("BYE while idle")
    return any(_EXISTS.match(line) for line in lines)
