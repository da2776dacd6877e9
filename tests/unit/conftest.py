"""What the unit tests of the joints share: a mailbox in memory, desks, a sender with its clock."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from inboxbot.store import invariants
from inboxbot.store.sqlite import Database
from tests.conftest import NOW
from tests.desk import Desk
from tests.fake_transport import FakeTransport
from tests.fakes import FakeMailbox
from tests.outbox_rows import go_live
from tests.sending import Clock, Stage
from tests.taking_in import TakingIn

Make = Callable[..., Desk]


@pytest.fixture
def box() -> FakeMailbox:
    return FakeMailbox()


@pytest.fixture
def taking(db: Database, box: FakeMailbox, now: datetime) -> TakingIn:
    """Return a mailbox that was polled once while it was empty."""
    taking = TakingIn(db, box, now)
    taking.poll()
    taking.later(hours=1)
    return taking


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Desk] = []

    def desk(**options: object) -> Desk:
        path = tmp_path / f"{len(made)}.sqlite3"
        made.append(Desk(path, NOW, FakeTransport(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield desk
    for each in made:
        each.check()
        each.close()


@pytest.fixture
def desk(make: Make) -> Desk:
    return make()


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def server() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def stage(db: Database, server: FakeTransport, clock: Clock) -> Iterator[Stage]:
    go_live(db)
    stage = Stage(db, server, clock)
    yield stage
    assert invariants.check(db, now=clock.now) == ()
    assert invariants.seen_twice(server.message_ids) == 0
