"""What all tests share: a real database on disk, a clock that stands still, Hypothesis profiles."""

import gc
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from inboxbot import accounts
from inboxbot.store.sqlite import Database, Key
from tests.dealing import dealt
from tests.dovecot import account, dovecot  # noqa: F401  (fixtures for all tests)
from tests.lessons import taught, trained  # noqa: F401
from tests.new_store import new_store

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = Key.of("store-key", "0123456789abcdef" * 4)
# The tests of these are run with an encrypted store as well.
ENCRYPTED_TOO = {
    "test_audit",
    "test_backup",
    "test_database",
    "test_erasing",
    "test_outbox",
    "test_search",
    "test_sender",
    "test_uncertain",
}

# `make test` tries some examples, `make test-long` ten times as many; more of them by hand.
settings.register_profile(
    "default",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", settings.get_profile("default"), max_examples=500)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# What is made while tests are gathered is kept to the end: looking through it for garbage, again
# and again, took a tenth of gathering, and a part of each test that makes much garbage.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if processes := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
        items[:] = dealt(items, int(processes))


def pytest_collection_finish() -> None:
    gc.freeze()
    # What a test makes is garbage at its end: looking for some less often spares a thirtieth.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


if "PYTEST_XDIST_WORKER" in os.environ:

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Tell what came of a test, and of its fixtures what failed: a third as much to send."""
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed:
                hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


@pytest.fixture(scope="session")
def shipped_hasher() -> PasswordHasher:
    return accounts._hasher


@pytest.fixture(scope="session", autouse=True)
def quick_passwords(shipped_hasher: PasswordHasher) -> Iterator[None]:
    """Hash with the least work: the shipped hasher takes long on purpose, for each sign-in."""
    with pytest.MonkeyPatch.context() as patch:
        use_hasher(patch, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


def use_hasher(patch: pytest.MonkeyPatch, hasher: PasswordHasher) -> None:
    patch.setattr(accounts, "_hasher", hasher)
    patch.setattr(accounts, "_NOBODY", hasher.hash("a password that nobody has"))


@pytest.fixture
def shipped_passwords(monkeypatch: pytest.MonkeyPatch, shipped_hasher: PasswordHasher) -> None:
    """Hash as the program does."""
    use_hasher(monkeypatch, shipped_hasher)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "inboxbot.sqlite3"


@pytest.fixture
def store_key(request: pytest.FixtureRequest) -> Key | None:
    """Return the key of the store: None but where a test is run with an encrypted store, too."""
    return getattr(request, "param", None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what matters most for the store once more with an encrypted one."""
    module = metafunc.module.__name__.rpartition(".")[2]
    own = signature(metafunc.function).parameters
    opens_it_again = "store_path" in own and "store_key" not in own
    if module in ENCRYPTED_TOO and "store_key" in metafunc.fixturenames and not opens_it_again:
        metafunc.parametrize("store_key", [None, KEY], ids=["plain", "encrypted"], indirect=True)


@pytest.fixture
def db(store_path: Path, store_key: Key | None) -> Iterator[Database]:
    database = new_store(store_path, store_key)
    yield database
    database.close()
