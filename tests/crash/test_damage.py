"""R26 and R27: a database that is damaged, lost, too new, or half brought up to date."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import pytest

from inboxbot.errors import StoreError
from inboxbot.store import database, invariants, migrations, restoring
from inboxbot.store.backup import copies, upgrade
from inboxbot.store.migrations import migrate
from inboxbot.store.sqlite import Database
from tests.crash.pipeline import (
    Crash,
    Failing,
    Outside,
    Process,
    copied,
    crash,
    failing_at,
    letter,
)
from tests.installation import install
from tests.outbox_rows import put_reply

REFUSED = 65


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_in_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


def lost(path: Path) -> None:
    path.unlink()


def a_page_of(table: str) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            size = db.execute("PRAGMA page_size").fetchone()[0]
            query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
            page = db.execute(query, [table]).fetchone()[0]
        with path.open("r+b") as file:
            file.seek((page - 1) * size)
            old = file.read(size)
            file.seek((page - 1) * size)
            file.write(bytes(byte ^ 0xFF for byte in old))

    return flip


@pytest.fixture
def store(db: Database, store_path: Path, now: datetime) -> Path:
    """Return a store with replies in it, closed as a process that ends well closes it."""
    for number in range(20):
        put_reply(db, number, now)
    db.close()
    return store_path


@pytest.mark.parametrize(
    ("command", "damage"),
    [
        ("run", emptied),
        ("run", cut_in_half),
        ("run", overwritten),
        ("run", lost),
        ("run", a_page_of("outbox")),
        ("poll", a_page_of("place")),
        ("send", a_page_of("setting")),
    ],
    ids=["emptied", "cut", "overwritten", "lost", "replies", "places", "settings"],
)
def test_r26_a_damaged_database_is_refused_and_nothing_is_made_in_its_place(
    store: Path, damage: Callable[[Path], None], command: str
) -> None:
    home = install(
        store.parents[1], imap_host="127.0.0.1", imap_port=1, imap_user="support", smtp_port=1
    )
    damage(store)
    before = store.read_bytes() if store.exists() else None
    refused = home.run(command, code=REFUSED)
    assert "inboxbot restore" in refused.stderr
    assert (store.read_bytes() if store.exists() else None) == before


def test_r26_without_the_last_of_its_log_the_store_is_whole_and_no_letter_is_lost(
    tmp_path: Path, now: datetime
) -> None:
    outside = Outside(tmp_path / "inboxbot.sqlite3", now)
    process = Process(outside)
    process.go_live()
    process.poll()
    process.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(3):
        outside.deliver(letter(number), "person")
    process.poll()
    kept = tmp_path / "kept.sqlite3"
    shutil.copyfile(outside.path, kept)
    process.close()
    for ending in ("-wal", "-shm"):
        outside.path.with_name(outside.path.name + ending).unlink(missing_ok=True)
    kept.replace(outside.path)
    process = Process(outside)
    assert process.broken() == []
    process.settle()
    assert process.broken() == []
    assert process.unaccounted() == []
    assert len(outside.server.accepted) == 3
    process.close()


def test_r26_a_log_that_was_deleted_before_anything_was_in_the_file_is_noticed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "inboxbot.sqlite3"
    db = database.create(path)
    migrate(db)
    before = path.read_bytes()  # All of it is in the log yet.
    db.close()
    path.write_bytes(before)
    with (
        closing(database.connect(path)) as emptied_one,
        pytest.raises(StoreError, match="empty though it was not before"),
    ):
        migrate(emptied_one)


def test_r27_a_schema_of_a_newer_program_is_refused_by_name(store: Path) -> None:
    with closing(database.connect(store)) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('inboxbot', '9999_future', '2030-01-01')"
        )
        with pytest.raises(StoreError, match=r"9999_future.*restore the backup"):
            upgrade(db, store.parent / "backup", datetime(2026, 3, 2))  # noqa: DTZ001


def test_r27_a_migration_that_ends_at_any_of_its_statements_is_all_or_nothing(
    in_memory: Path, now: datetime
) -> None:
    path = in_memory / "inboxbot.sqlite3"
    with closing(database.create(path)) as db:
        with database.write(db):
            migrations.apply(db, takewhile(lambda step: step != "0003_reviews", migrations.STEPS))
        at_first = schema(db)

    def is_as_at_first(file: Path) -> None:
        with closing(database.connect(file)) as db:
            assert migrations.pending(db) != []
            assert schema(db) == at_first
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

    looked_at = []

    def look() -> None:
        looked_at.append(Failing.writes)
        left = copied(path, in_memory / "left")
        is_as_at_first(left)
        shutil.rmtree(left.parent)
        Failing.fail_at += 1  # And so at the next one.

    older = in_memory / "older.sqlite3"
    shutil.copyfile(path, older)
    with failing_at(1, look) as failing, closing(database.connect(path)) as db:
        migrate(db)
    assert looked_at == list(range(1, failing.writes + 1))
    assert failing.writes > 100, "the statements of every step were met"
    with closing(database.connect(path)) as db:
        assert migrations.pending(db) == []
        assert invariants.check(db) == ()
    # Also where the process lives on, and takes back what it had done.
    for number in (1, failing.writes // 2, failing.writes):
        with (
            failing_at(number, crash),
            pytest.raises(Crash),
            closing(database.connect(older)) as db,
        ):
            migrate(db)
        is_as_at_first(older)


def test_r27_before_a_migration_a_copy_is_made_that_can_be_restored(
    tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "state" / "inboxbot.sqlite3"
    with closing(database.create(path)) as db:
        with database.write(db):
            migrations.apply(db, takewhile(lambda step: step != "0030_upkeep", migrations.STEPS))
        upgrade(db, tmp_path / "backup", now)
    (copy,) = copies(tmp_path / "backup")
    restoring.restore(copy.file, path, now, who="ana")
    with closing(database.connect(path)) as db:
        assert migrations.pending(db) == []
        assert invariants.check(db) == ()


def schema(db: Database) -> list[str]:
    rows = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return [row[0] for row in rows]
