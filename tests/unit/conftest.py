"""The mailbox in memory that the tests of intake share."""

from datetime import datetime

import pytest

from inboxbot.store.sqlite import Database
from tests.fakes import FakeMailbox
from tests.taking_in import TakingIn


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
