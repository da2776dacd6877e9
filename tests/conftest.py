"""What all tests share: a real database on disk, a clock that stands still, Hypothesis profiles."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from inboxbot.store.database import connect, create, marker
from inboxbot.store.migrations import migrate
from inboxbot.store.sqlite import Database
from tests.dovecot import account, dovecot  # noqa: F401  (fixtures for all tests)
from tests.lessons import taught, trained  # noqa: F401

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "inboxbot.sqlite3"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one store of the present schema, of which each test has a copy of its own."""
    path = tmp_path_factory.mktemp("empty") / "inboxbot.sqlite3"
    database = create(path)
    migrate(database)
    database.close()
    return path


@pytest.fixture
def db(store_path: Path, empty_store: Path) -> Iterator[Database]:
    store_path.parent.mkdir(mode=0o700)
    for file in (empty_store, marker(empty_store)):
        shutil.copy(file, store_path.with_name(file.name))
    database = connect(store_path)
    yield database
    database.close()
