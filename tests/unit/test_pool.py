"""Connections that one request after the other uses: quick, and nothing of one reaches the next."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inboxbot.errors import StoreError
from inboxbot.store import pool, scope, settings
from inboxbot.store.database import connect, write
from inboxbot.store.pool import Lent, Pool
from inboxbot.store.sqlite import Database, Key
from tests.conftest import KEY
from tests.new_store import new_store


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> Key | None:
    found: Key | None = request.param
    return found


@pytest.fixture
def other(store_path: Path, key: Key | None) -> Iterator[Database]:
    """Return a connection of another program's."""
    with closing(new_store(store_path, key)) as db:
        yield db


@pytest.fixture
def connections(other: Database, store_path: Path, key: Key | None) -> Pool:
    return Pool(store_path, key)


def is_open(lent: Lent) -> bool:
    try:
        lent.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def put(db: Database, value: str) -> None:
    with write(db):
        settings.put(db, "colour", value)


def test_a_connection_is_used_by_one_request_after_the_other(connections: Pool) -> None:
    first, second = connections.take(), connections.take()
    assert first is not second
    connections.give_back(second)
    assert connections.take() is second


def test_what_others_wrote_meanwhile_is_seen(connections: Pool, other: Database) -> None:
    lent = connections.take()
    assert settings.get(lent, "colour") is None
    connections.give_back(lent)
    put(other, "green")
    again = connections.take()
    assert again is lent
    assert settings.get(again, "colour") == "green"


def test_what_was_still_being_read_holds_the_next_request_to_nothing_old(
    connections: Pool, other: Database
) -> None:
    put(other, "green")
    lent = connections.take()
    half_read = lent.execute("SELECT name FROM sqlite_master UNION ALL SELECT value FROM setting")
    half_read.fetchone()
    connections.give_back(lent)
    put(other, "blue")
    # A reader in its midst would keep the write-ahead log from being emptied.
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    again = connections.take()
    assert again is lent
    assert settings.get(again, "colour") == "blue"


def test_a_transaction_that_was_left_open_is_rolled_back_and_its_connection_closed(
    connections: Pool, other: Database
) -> None:
    lent = connections.take()
    lent.execute("BEGIN IMMEDIATE")
    settings.put(lent, "colour", "red")
    connections.give_back(lent)
    assert not is_open(lent)
    assert connections.take() is not lent
    put(other, "green")
    assert settings.get(other, "colour") == "green"


def test_a_limit_to_some_mailboxes_ends_with_its_request(connections: Pool) -> None:
    lent = connections.take()
    scope.limit(lent, ["support"])
    connections.give_back(lent)
    assert not is_open(lent)
    again = connections.take()
    assert not scope.is_limited(again)
    scope.limit(again, ["board"])  # There is no table of another limit.


def test_what_was_closed_by_its_user_is_not_used_again(connections: Pool) -> None:
    lent = connections.take()
    lent.close()
    connections.give_back(lent)
    assert is_open(connections.take())


def test_no_more_wait_than_are_used_at_a_time(connections: Pool) -> None:
    taken = [connections.take() for _ in range(pool.KEPT + 2)]
    for lent in taken:
        connections.give_back(lent)
    assert sum(map(is_open, taken)) == pool.KEPT


def test_a_database_that_was_put_in_its_place_is_opened(
    connections: Pool, other: Database, store_path: Path, key: Key | None, tmp_path: Path
) -> None:
    lent = connections.take()
    connections.give_back(lent)
    other.close()
    with closing(new_store(tmp_path / "other" / "store.sqlite3", key)) as restored:
        put(restored, "restored")
        restored.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for ending in ("", "-wal", "-shm"):
        aside = store_path.with_name(store_path.name + ending)
        aside.replace(aside.with_name("aside" + ending))
    (tmp_path / "other" / "store.sqlite3").replace(store_path)
    again = connections.take()
    assert settings.get(again, "colour") == "restored"
    assert not is_open(lent)


def test_a_database_that_is_missing_is_not_read_on_from_memory(
    connections: Pool, other: Database, store_path: Path
) -> None:
    connections.give_back(connections.take())
    other.close()
    store_path.rename(store_path.with_name("elsewhere"))
    with pytest.raises(StoreError, match="is missing though it was there before"):
        connections.take()


def test_a_database_that_was_emptied_is_not_read_on_from_memory(
    connections: Pool, other: Database, store_path: Path
) -> None:
    lent = connections.take()
    connections.give_back(lent)
    other.close()
    store_path.write_bytes(b"")
    with pytest.raises(StoreError, match="is empty though it was not before"):
        connections.take()
    assert not is_open(lent)


def test_all_are_closed_with_the_pool(store_path: Path, key: Key | None) -> None:
    new_store(store_path, key).close()
    connections = Pool(store_path, key)
    lent = connections.take()
    connections.give_back(lent)
    del connections
    assert not is_open(lent)
    with closing(connect(store_path, key)) as db:
        assert settings.get(db, "colour") is None
