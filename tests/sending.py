"""A sender over a server in memory, and a clock that is set by hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.pace import UNLIMITED, Pace
from inboxbot.sender import Sender
from inboxbot.store.sqlite import Database
from tests.fake_transport import FakeTransport
from tests.outbox_rows import put_reply, state_of

LATER = Outcome(Verdict.DEFERRED, 451, "4.2.1 later")
NEVER = Outcome(Verdict.REFUSED, 550, "5.1.1 no such user")
CLOSING = Outcome(Verdict.DEFERRED, 421, "4.3.2 closing")


class Clock:
    """A wall clock and a monotonic one, both set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.seconds = 0.0

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()

    def set(self, **time: float) -> None:
        self.now += timedelta(**time)


class Stage:
    """A sender, its server and its clock."""

    def __init__(self, db: Database, server: FakeTransport, clock: Clock) -> None:
        self.db, self.server, self.clock = db, server, clock
        self.copies: list[str] = []
        self.sender = self.new_sender("one")

    def new_sender(
        self,
        owner: str,
        copy: Callable[[str, Reply, datetime], None] | None = None,
        pace_of: Callable[[str], Pace] = lambda _mailbox: UNLIMITED,
    ) -> Sender:
        @contextmanager
        def transport_for(mailbox: str) -> Iterator[FakeTransport]:
            with self.server as transport:
                yield transport

        return Sender(
            self.db,
            transport_for=transport_for,
            owner=owner,
            now=lambda: self.clock.now,
            monotonic=lambda: self.clock.seconds,
            copy=copy,
            pace_of=pace_of,
        )

    def put(self, number: int = 1, **options: str | None) -> int:
        return put_reply(self.db, number, self.clock.now, **options)  # type: ignore[arg-type]

    def state(self, row: int) -> str:
        return state_of(self.db, row)
