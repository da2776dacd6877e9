"""store.database: modes of files, transactions, and a database that is gone."""

import os
import stat

import pytest

from inboxbot.errors import NotAllowed, StoreError, TransientError
from inboxbot.store import database
from inboxbot.store.database import connect, create, keep_few_pages, moment, stamp, write
from inboxbot.store.migrations import migrate, pending


def test_only_the_owner_can_read_the_files_under_any_umask(store_path):
    before = os.umask(0)
    try:
        db = create(store_path)
        migrate(db)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store_path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(store_path.parent.stat().st_mode) == 0o700


def test_power_may_fail_after_a_commit(db):
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert db.execute("PRAGMA secure_delete").fetchone()[0] == 1


def test_one_connection_of_many_remembers_half_a_megabyte_of_pages(db):
    keep_few_pages(db)
    assert db.execute("PRAGMA cache_size").fetchone()[0] == -512


def test_a_block_that_fails_leaves_nothing(db):
    def half_done():
        with write(db):
            db.execute("INSERT INTO setting VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert db.execute("SELECT count(*) FROM setting").fetchone()[0] == 0


def test_a_writer_waits_for_another_and_then_says_so(db, store_path, store_key, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    other = connect(store_path, store_key)
    with write(db), pytest.raises(TransientError, match="locked"), write(other):
        pytest.fail("two writers at once")


def test_a_database_that_was_there_once_is_not_made_anew(db, store_path, store_key):
    db.close()
    for path in store_path.parent.glob("*.sqlite3*"):
        if not path.name.endswith("initialised"):
            path.unlink()
    for opening in (connect, create):
        with pytest.raises(StoreError, match="inboxbot restore"):
            opening(store_path, store_key)
    assert not store_path.exists()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4080]
)
def test_a_damaged_database_is_refused(tmp_path, content):
    path = tmp_path / "damaged.sqlite3"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="inboxbot restore"):
        connect(path)


def test_a_schema_of_a_newer_program_is_refused(db):
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('inboxbot', '9999_future', '2030-01-01')"
    )
    with pytest.raises(StoreError, match="newer inboxbot"):
        migrate(db)


def test_migrating_twice_changes_nothing(db):
    assert migrate(db) == []
    assert pending(db) == []


def test_times_sort_as_text_and_come_back(now):
    later = now.replace(microsecond=1)
    assert stamp(now) < stamp(later)
    assert moment(stamp(later)) == later


def test_root_does_not_work_on_the_files_of_the_service(db, store_path, monkeypatch):
    db.close()
    if os.geteuid() == 0:
        os.chown(store_path, 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(NotAllowed, match="runuser -u inboxbot"):
        connect(store_path)
