"""A mailbox in memory with the power to fail on demand.

The contract tests show that, left alone, it does what Dovecot does.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inboxbot.errors import PermanentError, TransientError
from inboxbot.mail.mailbox import Details, Status, identity


@dataclass
class Kept:
    """A letter in the fake mailbox; `flags` are what others set."""

    raw: bytes
    received_at: datetime
    flags: set[str] = field(default_factory=set)


@dataclass
class FakeMailbox:
    """A `Mailbox` in memory.

    `trouble` is called before each operation with its name and the UIDs in it, and may raise or
    change the mailbox; `hidden` UIDs are left out of answers to `fetch`.
    """

    letters: dict[int, Kept] = field(default_factory=dict)
    uidvalidity: int = 1
    uidnext: int = 1
    trouble: Callable[[str, Sequence[int]], None] = lambda operation, uids: None
    hidden: set[int] = field(default_factory=set)
    email_ids: bool = False
    operations: list[str] = field(default_factory=list)
    marked: dict[int, str] = field(default_factory=dict)

    def deliver(self, raw: bytes, received_at: datetime) -> int:
        """Put a letter in, as the server does when it comes; return its UID."""
        uid = self.uidnext
        self.letters[uid] = Kept(raw, received_at)
        self.uidnext += 1
        return uid

    def reset(self, order: Iterable[int] | None = None) -> None:
        """Number the letters anew under another UIDVALIDITY, in the `order` of their UIDs."""
        kept = [self.letters[uid] for uid in (order or sorted(self.letters))]
        self.letters = dict(enumerate(kept, 1))
        self.uidnext = len(kept) + 1
        self.uidvalidity += 1

    def allow(self, seconds: float) -> None:
        """Accept any time: nothing here takes long."""

    def close(self) -> None:
        self._note("close", ())

    def open(self, *, anew: bool = False) -> Status:
        self._note("open", ())
        return Status(self.uidvalidity, self.uidnext, len(self.letters))

    def uids(self, first: int, last: int | None, since: datetime | None = None) -> list[int]:
        self._note("uids", ())
        return sorted(
            uid
            for uid, kept in self.letters.items()
            if first <= uid
            and (last is None or uid <= last)
            and (since is None or kept.received_at.date() >= since.date())
        )

    def details(self, uids: Sequence[int], *, identity: bool = False) -> list[Details]:
        self._note("details", uids)
        return [self._details(uid, identity) for uid in uids if uid in self.letters]

    def _details(self, uid: int, with_identity: bool) -> Details:
        kept = self.letters[uid]
        size = len(kept.raw)
        return Details(
            uid,
            size,
            kept.received_at,
            f"E{hash(kept.raw)}" if self.email_ids else None,
            identity(kept.raw, size) if with_identity else None,
        )

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        self._note("fetch", uids)
        return {
            uid: self.letters[uid].raw
            for uid in uids
            if uid in self.letters and uid not in self.hidden
        }

    def fetch_start(self, uid: int, size: int) -> bytes | None:
        self._note("fetch_start", [uid])
        return self.letters[uid].raw[:size] if uid in self.letters else None

    def mark(self, uids: Iterable[int], how: str, uidvalidity: int) -> None:
        wanted = list(uids)
        self._note("mark", wanted)
        if uidvalidity != self.uidvalidity:
            raise TransientError("UIDVALIDITY changed before the mark; none is set.")
        if how.startswith("move:"):
            for uid in wanted:
                self.letters.pop(uid, None)
        elif not how.startswith("keyword:"):
            raise PermanentError("no such mark")
        self.marked.update(dict.fromkeys(wanted, how))

    def _note(self, operation: str, uids: Sequence[int]) -> None:
        self.operations.append(operation)
        self.trouble(operation, uids)
