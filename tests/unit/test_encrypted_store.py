"""An encrypted store: nothing of it can be read without its key, and what is wrong is said.

That it does all that a plain one does is shown by the tests that run with both
(`ENCRYPTED_TOO` in tests/conftest.py).
"""

import os
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from inboxbot import erasing
from inboxbot.errors import ConfigError, InboxbotError, Locked, StoreError, TransientError
from inboxbot.store import audit, backup, encryption, invariants, restoring, sqlite
from inboxbot.store.database import connect, create, stamp, write
from inboxbot.store.migrations import migrate
from inboxbot.store.sqlite import Database, Key, is_encrypted, vacuum
from tests import letters
from tests.conftest import KEY
from tests.letters import Letter
from tests.new_store import new_store

OTHER = Key.of("next-key", "f0" * 32)
CANARY = "zygomorphic"
WRITER = f"{CANARY}@example.net"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def encrypted(store_path: Path, now):
    """Return an encrypted store with a letter in it whose every part has the canary."""
    with closing(new_store(store_path, KEY)) as db:
        fill(db, now)
        yield db


@pytest.fixture
def plain(store_path: Path, now):
    """Return the path of a store that is not encrypted, with the same letter."""
    with closing(new_store(store_path)) as db:
        fill(db, now)
    return store_path


def fill(db: Database, now) -> None:
    text = f"My {CANARY} father started riluzole."
    for number in range(3):
        letter = Letter(subject=f"{CANARY} {number}", text=text, name=CANARY, address=WRITER)
        place_of(db, letters.add(db, letter, now), now)


def place_of(db: Database, letter: int, now) -> None:
    db.execute(
        "INSERT INTO place (mailbox_id, uidvalidity, uid, state, message_id, first_seen_at)"
        " VALUES (1, 1, ?, 'ingested', ?, ?)",
        [letter, letter, stamp(now)],
    )


def left(folder: Path) -> list[str]:
    """Return the files in which the canary stands, or which say that they are SQLite's."""
    found = []
    for file in folder.rglob("*"):
        content = file.read_bytes().lower() if file.is_file() else b""
        if any(CANARY.encode(code) in content for code in ("utf-8", "utf-16-le")):
            found.append(file.name)
        if content.startswith(b"sqlite format 3"):
            found.append(file.name)
    return found


def letters_in(db: Database) -> list[tuple[str, str]]:
    return db.execute("SELECT subject, sender_name FROM reading ORDER BY 1").fetchall()


def test_nothing_can_be_read_in_database_log_index_and_copies(encrypted, store_path, now):
    assert store_path.with_name(f"{store_path.name}-wal").stat().st_size > 0
    copy = backup.make(encrypted, store_path.parent / "backups", now)
    assert len(letters_in(encrypted)) == 3
    assert left(store_path.parent) == []
    encrypted.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    vacuum(encrypted)
    assert left(store_path.parent) == []
    assert backup.verify(copy.file, KEY).manifest == copy.manifest
    assert {file.stat().st_mode & 0o777 for file in store_path.parent.glob("*.sqlite3*")} == {0o600}


def test_the_canary_would_be_found_without_encryption(plain):
    assert set(left(plain.parent)) == {plain.name}


def test_what_vacuum_puts_down_on_the_way_is_encrypted_and_not_held_in_memory(encrypted):
    with write(encrypted):
        encrypted.execute(
            "INSERT INTO setting SELECT 'n' || value, hex(randomblob(500)) || ? FROM json_each(?)",
            [CANARY, str(list(range(2000)))],
        )
    seen: list[bytes] = []

    def look() -> int:
        for handle in Path("/proc/self/fd").iterdir():
            name = os.readlink(handle) if handle.is_symlink() else ""
            if "etilqs_" in name:
                seen.append(handle.read_bytes())
        return 0

    encrypted.execute("PRAGMA cache_size = 10")
    encrypted.conn.set_progress_handler(look, 1000)
    vacuum(encrypted)
    encrypted.conn.set_progress_handler(None, 0)
    assert max(map(len, seen)) > 1_000_000  # In the folder that SQLITE_TMPDIR names, or /var/tmp.
    assert not any(CANARY.encode() in content for content in seen)
    # What a query puts down would not be encrypted: that stays in memory.
    assert encrypted.execute("PRAGMA temp_store").fetchone()[0] == 0
    options = {row[0] for row in encrypted.execute("PRAGMA compile_options")}
    assert "TEMP_STORE=2" in options


def test_what_was_written_last_is_there_after_a_crash(encrypted, store_path, tmp_path):
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(f"{store_path}{ending}", crashed)
    with closing(connect(crashed / store_path.name, KEY)) as db:
        assert letters_in(db) == letters_in(encrypted)
        assert invariants.check(db) == ()


def test_an_erased_person_is_in_no_page_and_no_index(encrypted, tmp_path, now):
    letters.add(encrypted, Letter(), now)
    erasing.erase(encrypted, erasing.look(encrypted, WRITER), who="ada", now=now)
    path = tmp_path / "state" / "inboxbot.sqlite3"
    encrypted.close()
    encryption.export(path, KEY, tmp_path / "plain.sqlite3", None)
    content = (tmp_path / "plain.sqlite3").read_bytes().lower()
    assert b"riluzole" in content
    assert CANARY.encode() not in content


@pytest.mark.parametrize(
    ("statement", "kind", "name"),
    [
        ("INSERT INTO setting VALUES ('a', NULL)", sqlite3.IntegrityError, "SQLITE_CONSTRAINT"),
        ("SELECT * FROM nowhere", sqlite3.OperationalError, "SQLITE_ERROR"),
        ("SELECT ?", sqlite3.ProgrammingError, ""),
        ("SELECT json_extract('{', '$')", sqlite3.OperationalError, "SQLITE_ERROR"),
    ],
)
def test_its_errors_are_those_of_the_standard_library(encrypted, statement, kind, name):
    with pytest.raises(kind) as raised:
        encrypted.execute(statement).fetchall()
    assert getattr(raised.value, "sqlite_errorname", "").startswith(name)


def test_a_full_disk_a_lock_and_a_read_only_file_are_told_as_ever(encrypted, store_path):
    encrypted.execute("PRAGMA max_page_count = 1")
    with pytest.raises(TransientError, match=r"SQLITE_FULL.*disk full"), write(encrypted):
        encrypted.execute("INSERT INTO setting VALUES ('a', hex(zeroblob(2000000)))")
    assert not encrypted.conn.in_transaction
    with closing(connect(store_path, KEY)) as other:
        other.execute("PRAGMA busy_timeout = 20")
        encrypted.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="locked"), write(other):
            pytest.fail("two writers at once")
        encrypted.execute("ROLLBACK")
    encrypted.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="READONLY"), write(encrypted):
        encrypted.execute("INSERT INTO setting VALUES ('a', 'b')")


def test_only_one_module_knows_of_sqlcipher():
    knows = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "inboxbot").rglob("*.py")
        if re.search(r"(import|from) sqlcipher3", file.read_text())
    ]
    assert knows == ["inboxbot/store/sqlite.py"]


@pytest.mark.parametrize(
    "secret", ["", "secret", "ab" * 31, "ab" * 33, "xy" * 32, "ab" * 32 + "\n"]
)
def test_a_key_is_32_bytes_and_nothing_else(secret):
    with pytest.raises(ConfigError, match="openssl rand -hex 32") as raised:
        Key.of("store-key", secret)
    assert raised.value.problems[0].place == "credential store-key"
    assert not secret.strip() or secret.strip() not in str(raised.value)


def test_a_key_is_shown_by_nothing(encrypted):
    assert KEY.digits not in repr(KEY) + str(KEY) + repr(encrypted) + repr(vars(encrypted))


def test_without_sqlcipher_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    sqlite._sqlcipher.cache_clear()
    with pytest.raises(ConfigError, match=r"inboxbot\[sqlcipher\]"):
        Key.of("store-key", KEY.digits)


def test_a_wrong_key_is_told_from_a_store_without_one(encrypted, store_path, tmp_path, capfd):
    encrypted.close()
    before = store_path.read_bytes()
    with pytest.raises(StoreError, match="key in the credential next-key") as raised:
        connect(store_path, OTHER)
    assert OTHER.digits not in str(raised.value)
    with pytest.raises(StoreError, match=r"or encrypted.*store\.key_credential"):
        connect(store_path)
    assert store_path.read_bytes() == before
    unencrypted = tmp_path / "plain.sqlite3"
    create(unencrypted).close()
    with pytest.raises(StoreError, match=r"not encrypted.*`inboxbot store encrypt`"):
        connect(unencrypted, KEY)
    # SQLCipher itself would say so on standard error, in words that are not ours.
    assert capfd.readouterr() == ("", "")


def test_a_damaged_store_is_refused_with_its_key(encrypted, store_path):
    encrypted.close()
    content = bytearray(store_path.read_bytes())
    content[100] ^= 1
    store_path.write_bytes(content)
    with pytest.raises(StoreError, match="inboxbot restore"):
        connect(store_path, KEY)


def test_a_store_is_encrypted_given_another_key_and_decrypted(plain, now):
    with closing(connect(plain)) as db:
        before = letters_in(db)
    for old, new, said in (
        (None, KEY, "encrypt"),
        (KEY, OTHER, "rekey"),
        (OTHER, None, "decrypt"),
    ):
        aside = encryption.convert(plain, old, new, now, who="root")
        assert is_encrypted(plain) == (new is not None)
        assert is_encrypted(aside) == (old is not None)
        assert plain.stat().st_mode & 0o777 == 0o600
        with closing(connect(plain, new)) as db:
            assert letters_in(db) == before
            assert invariants.check(db) == ()
            assert migrate(db) == []
            assert [e.detail for e in audit.entries(db, limit=1)] == [said]
            assert db.execute(
                "SELECT count(*) FROM reading_words WHERE reading_words MATCH ?", [CANARY]
            ).fetchone() == (3,)
        with closing(connect(aside, old)) as db:
            assert letters_in(db) == before


def test_what_is_in_the_log_is_taken_along(plain, now):
    with closing(connect(plain)) as db:
        place_of(db, letters.add(db, Letter(subject="the last"), now), now)
        # As after a crash: the log is there, and was not written into the file.
        shutil.copy(f"{plain}-wal", f"{plain}.kept")
        kept = plain.read_bytes()
    plain.write_bytes(kept)
    Path(f"{plain}.kept").rename(f"{plain}-wal")
    encryption.convert(plain, None, KEY, now, who="root")
    with closing(connect(plain, KEY)) as db:
        assert "the last" in dict(letters_in(db))


def test_a_conversion_that_fails_at_any_step_changes_nothing(plain, now, monkeypatch):
    before = {file.name: file.read_bytes() for file in plain.parent.iterdir()}
    fail = pytest.MonkeyPatch()
    for place, name in (
        (encryption, "export"),
        (invariants, "check"),
        (os, "link"),
        (backup, "sync"),
    ):
        with fail.context() as patched:
            patched.setattr(place, name, broken)
            with pytest.raises(ZeroDivisionError):
                encryption.convert(plain, None, KEY, now, who="root")
        assert {file.name: file.read_bytes() for file in plain.parent.iterdir()} == before


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_a_difference_is_found_and_nothing_counts(plain, now, monkeypatch):
    monkeypatch.setattr(encryption, "_same_rows", lambda db, table: table != "raw")
    with pytest.raises(StoreError, match=r"differs from .* in raw"):
        encryption.convert(plain, None, KEY, now, who="root")
    assert not is_encrypted(plain)


def test_a_missing_or_changed_row_is_a_difference():
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("ATTACH ':memory:' AS target")
        for name in ("main", "target"):
            db.execute(f"CREATE TABLE {name}.t (a, b)")
            db.executemany(f"INSERT INTO {name}.t VALUES (?, ?)", [(1, b"x"), (2, b"y")])
        assert list(encryption._differences(db)) == []
        for statement in (
            "UPDATE target.t SET b = x'00' WHERE a = 2",
            "INSERT INTO target.t VALUES (3, 'z')",
            "DELETE FROM target.t WHERE a = 2",
        ):
            db.execute("SAVEPOINT one")
            db.execute(statement)
            assert list(encryption._differences(db)) == ["t"]
            db.execute("ROLLBACK TO one")
        db.execute("CREATE INDEX target.i ON t (a)")
        assert list(encryption._differences(db)) == ["the schema"]


def test_a_store_is_not_encrypted_twice_and_not_with_a_wrong_key(encrypted, store_path, now):
    encrypted.close()
    with pytest.raises(StoreError, match="encrypted already"):
        encryption.convert(store_path, None, KEY, now, who="root")
    with pytest.raises(StoreError, match="key in the credential next-key"):
        encryption.convert(store_path, OTHER, None, now, who="root")
    with pytest.raises(StoreError, match="no database"):
        encryption.convert(store_path.with_name("none"), None, KEY, now, who="root")


def test_a_store_that_a_process_has_open_is_not_converted(plain, now):
    child = os.fork()
    if child == 0:  # Has it open until it is ended.
        db = connect(plain)
        db.execute("SELECT count(*) FROM message").fetchone()
        os.kill(os.getpid(), 19)
    try:
        os.waitpid(child, os.WUNTRACED)
        with pytest.raises(Locked, match="stop it first"):
            encryption.convert(plain, None, KEY, now, who="root")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_copies_of_before_are_restored_with_the_key_of_now(plain, now, tmp_path):
    made = []
    for old, new in ((None, KEY), (KEY, OTHER)):
        with closing(connect(plain, old)) as db:
            made.append(backup.make(db, tmp_path / f"{len(made)}", now).file)
        encryption.convert(plain, old, new, now, who="root")
    for file, former in ((made[0], None), (made[1], KEY)):
        restoring.restore(file, plain, now, who="root", key=OTHER, key_of_copy=former)
        with closing(connect(plain, OTHER)) as db:
            assert len(letters_in(db)) == 3
    before = plain.read_bytes()
    with pytest.raises(StoreError, match="--key"):
        restoring.restore(made[1], plain, now, who="root", key=OTHER)
    assert plain.read_bytes() == before
    # And an encrypted copy into a store that is not to be encrypted any more.
    restoring.restore(made[1], plain, now, who="root", key_of_copy=KEY)
    assert not is_encrypted(plain)


def test_copies_that_anybody_could_read_are_named(plain, now):
    folder = plain.parent / "backups"
    with closing(connect(plain)) as db:
        old = backup.make(db, folder, now).file
    aside = encryption.convert(plain, None, KEY, now, who="root")
    with closing(connect(plain, KEY)) as db:
        backup.make(db, folder, now.replace(hour=now.hour + 1))
    assert encryption.plain_copies(plain, folder) == [aside, old]


def test_an_error_of_ours_never_holds_the_key(encrypted, store_path):
    encrypted.close()
    store_path.write_bytes(b"garbage" * 1000)
    with pytest.raises(InboxbotError) as raised:
        connect(store_path, KEY)
    cause = raised.value.__cause__
    assert KEY.digits not in f"{raised.value!r} {cause!r} {vars(cause)}"
