"""What intake needs of a mailbox on a server, and nothing more.

Pure values and one protocol, so that a mailbox in memory and one behind IMAP are the same to
intake. The rule that matters: nothing here changes the mailbox except `mark` and `append_sent`.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Protocol

from inboxbot.errors import TransientError
from inboxbot.frozen import dataclass


class FetchError(TransientError):
    """A command about letters got no usable answer: one of the letters may be the cause.

    Other `TransientError`s are the server's own trouble, whatever was asked.
    """


@dataclass(frozen=True, slots=True)
class Status:
    """A mailbox as it was opened (RFC 9051, section 7.4.1).

    `modseq` is HIGHESTMODSEQ where the server has it (RFC 7162). Where the server does not tell
    UIDNEXT, `uidnext` is what follows the last letter: it goes back when that one is moved.
    """

    uidvalidity: int
    uidnext: int
    exists: int
    modseq: int | None = None
    uidnext_told: bool = True


@dataclass(frozen=True, slots=True)
class Details:
    """What is asked about a message before its bytes: how large, how old, which one.

    `received_at` is INTERNALDATE in UTC, or None where it could not be read; `identity` is
    set where the header was looked at (see `identity`).
    """

    uid: int
    size: int
    received_at: datetime | None
    email_id: str | None = None
    identity: str | None = None


class Mailbox(Protocol):
    """One folder on one server, read only.

    After any error the connection is gone; `open` makes a new one. Every method raises
    `FetchError` where an answer was cut off or makes no sense, another `TransientError`
    where the server has trouble of its own, `AuthenticationError` where it refuses us, and
    `PermanentError` where a person must look.
    """

    def allow(self, seconds: float) -> None:
        """Let everything until the next call of `allow` take no longer than this."""

    def open(self, *, anew: bool = False) -> Status:
        """Open the folder read only and say what is there; `anew` on a new connection."""

    def close(self) -> None:
        """End the connection, if there is one."""

    def uids(self, first: int, last: int | None, since: datetime | None = None) -> list[int]:
        """Return the UIDs from `first` to `last` (None: all), received on `since` or later."""

    def details(self, uids: Sequence[int], *, identity: bool = False) -> list[Details]:
        """Return what is known about those of `uids` that are still there."""

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Return the bytes of those of `uids` that the server gave."""

    def fetch_start(self, uid: int, size: int) -> bytes | None:
        """Return the first `size` bytes of a message, or None where it is gone."""

    def mark(self, uids: Iterable[int], how: str, uidvalidity: int) -> None:
        """Set a keyword on messages (`keyword:$Name`) or move them (`move:Folder`).

        Where the folder has another UIDVALIDITY by now, other messages have these UIDs: then
        none is touched.
        """


def identity(header: bytes, size: int) -> str | None:
    """Return what tells a message again under another UIDVALIDITY, from its header.

    It is a hash over the Message-ID and Date fields and the size on the server; None where
    there is no Message-ID. It is a hint: two different messages may share it.
    """
    message_id = field(header, b"message-id")
    if not message_id:
        return None
    parts = (message_id, field(header, b"date") or b"", str(size).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def field(header: bytes, name: bytes) -> bytes | None:
    """Return the first field called `name` (lower case), unfolded; None where there is none.

    Only the header is looked at: what stands before the first empty line.
    """
    end = _END_OF_HEADER.search(header)
    head = b"\n" + header[: end.start() + 1 if end else len(header)]
    found = _field_start(name).search(head.lower())
    if found is None:
        return None
    return b" ".join(_FIELD_END.split(head[found.end() :], 1)[0].split())


@cache
def _field_start(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"\n" + re.escape(name) + rb"[ \t]*:")


_FIELD_END = re.compile(rb"\n(?![ \t])")
_END_OF_HEADER = re.compile(rb"\n\r?\n|\A\r?\n")
