"""Copies of the database: whole whatever goes on meanwhile, verified, thinned out, put back."""

import fcntl
import json
import os
import threading
from contextlib import closing
from datetime import datetime, timedelta
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot import modes
from inboxbot.errors import Locked, StoreError, TransientError
from inboxbot.store import audit, backup, migrations, restoring, settings
from inboxbot.store.database import connect, create, stamp, write
from inboxbot.store.invariants import check
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import open_connection
from tests.conftest import NOW
from tests.installation import until
from tests.outbox_rows import put_letter, put_reply, state_of


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "copies"


def rows(db):
    return db.execute("SELECT count(*) FROM message").fetchone()[0]


def test_a_copy_is_one_private_file_with_what_it_holds_written_beside_it(db, folder, now):
    old = os.umask(0)
    try:
        put_reply(db, 1, now)
        copy = backup.make(db, folder, now)
    finally:
        os.umask(old)
    assert sorted(path.name for path in folder.iterdir()) == [
        "inboxbot-20260302T090000Z.json",
        "inboxbot-20260302T090000Z.sqlite3",
    ]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (copy.manifest.messages, copy.manifest.replies) == (1, 1)
    assert backup.verify(copy.file, db.key) == copy
    assert settings.get_moment(db, "backup_verified_at") == now


def test_a_copy_is_one_moment_of_a_database_that_is_written_to(
    db, store_path, store_key, folder, now
):
    stop, written = threading.Event(), []

    def load():
        with closing(connect(store_path, store_key)) as own:
            while not stop.is_set():
                with write(own):
                    for name in ("first", "second"):
                        settings.put(own, name, str(len(written)))
                written.append(name)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        made = []
        for number in range(5):
            before = len(written)
            until(lambda: len(written) > before + 5)  # noqa: B023
            made.append(backup.make(db, folder, now + timedelta(seconds=number)))
    finally:
        stop.set()
        thread.join()
    seen = []
    for copy in made:
        with closing(open_connection(copy.file, store_key)) as read:
            first, second = (
                read.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()[0]
                for name in ("first", "second")
            )
        assert first == second
        seen.append(int(first))
    assert seen == sorted(set(seen))


def test_a_copy_that_was_changed_is_refused(db, folder, now):
    copy = backup.make(db, folder, now)
    content = bytearray(copy.file.read_bytes())
    content[-1] ^= 1
    copy.file.write_bytes(content)
    with pytest.raises(StoreError, match="checksum differs"):
        backup.verify(copy.file, db.key)


def test_a_damaged_copy_without_a_manifest_is_refused(db, folder, now):
    for number in range(50):
        put_reply(db, number, now)
    copy = backup.make(db, folder, now)
    backup.manifest_of(copy.file).unlink()
    content = bytearray(copy.file.read_bytes())
    content[8192:20480] = b"\xff" * 12288
    copy.file.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|does not hold"):
        backup.verify(copy.file, db.key)


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0"])
def test_what_is_no_copy_is_refused(tmp_path, content):
    file = tmp_path / "copy.sqlite3"
    file.write_bytes(content)
    with pytest.raises(StoreError):
        backup.verify(file)
    assert [path.name for path in tmp_path.iterdir()] == ["copy.sqlite3"]


def test_a_copy_that_breaks_an_invariant_does_not_count(db, folder, now):
    put_reply(db, 1, now)
    db.execute("DELETE FROM review")
    with pytest.raises(StoreError, match="in front of nobody"):
        backup.make(db, folder, now)
    assert list(folder.iterdir()) == []
    assert settings.get(db, "backup_verified_at") is None


def test_a_copy_of_a_newer_program_says_so(db, folder, now):
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('inboxbot', '9999_later', '')"
    )
    copy = folder / "later.sqlite3"
    folder.mkdir()
    db.execute("VACUUM INTO ?", [str(copy)])
    with pytest.raises(StoreError, match="newer inboxbot"):
        backup.verify(copy, db.key)


def test_a_backup_that_is_being_made_is_not_disturbed(db, folder, now):
    folder.mkdir()
    part = folder / "inboxbot-20260302T090000Z.sqlite3.part"
    with part.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # As whoever makes it holds it.
        with pytest.raises(TransientError, match="being made"):
            backup.make(db, folder, now)
        backup.make(db, folder, now + timedelta(minutes=1))
        assert part.exists()


def test_what_a_killed_backup_left_goes_with_the_next_and_nothing_else_does(db, folder, now):
    folder.mkdir()
    killed = "inboxbot-20260301T023000Z.sqlite3.part"
    for name in (killed, f"{killed}-journal", "mine.sqlite3.part", "inboxbot-mine.part"):
        (folder / name).write_bytes(b"x")
    made = backup.make(db, folder, now).file
    left = {file.name for file in folder.iterdir()}
    expected = {made.name, backup.manifest_of(made).name, "mine.sqlite3.part", "inboxbot-mine.part"}
    assert left == expected


def test_a_backup_is_no_leftover_while_it_is_made(db, folder, now, monkeypatch):
    check = backup.check

    def meanwhile(file, key):
        monkeypatch.setattr(backup, "check", check)
        backup.make(db, folder, now + timedelta(minutes=1))
        check(file, key)

    monkeypatch.setattr(backup, "check", meanwhile)
    backup.make(db, folder, now)
    assert len(backup.copies(folder)) == 2


def test_a_disk_without_room_is_said_before_anything_is_written(db, folder, now, monkeypatch):
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(TransientError, match="only 0 MB are free"):
        backup.make(db, folder, now)
    assert list(folder.iterdir()) == []


def test_fourteen_days_and_eight_weeks_are_kept(db, folder, now):
    folder.mkdir()
    for day in range(100):
        at = now - timedelta(days=day)
        file = folder / f"inboxbot-{at:%Y%m%dT%H%M%SZ}.sqlite3"
        file.touch()
        manifest = {
            "made_at": at.isoformat(), "sha256": "", "size": 0, "version": "", "instance": "",
            "steps": [], "messages": 0, "replies": 0,
        }  # fmt: skip
        backup.manifest_of(file).write_text(json.dumps(manifest))
    backup.thin(folder, daily=14, weekly=8)
    left = sorted(copy.file.name[9:17] for copy in backup.copies(folder))
    # The last days of the three newest weeks are among the fourteen.
    assert len(left) == 14 + 8 - 3
    assert left[-14:] == [f"{now - timedelta(days=day):%Y%m%d}" for day in range(13, -1, -1)]
    assert all(datetime.fromisoformat(day).isoweekday() == 7 for day in left[:5])
    assert len(list(folder.iterdir())) == 2 * 19


@given(
    st.lists(st.integers(0, 700 * 24).map(lambda hours: NOW + timedelta(hours=hours)), min_size=1),
    st.integers(1, 20),
    st.integers(0, 10),
)
def test_the_newest_copy_is_always_kept_and_never_more_than_asked_for(moments, daily, weekly):
    kept = backup.kept(moments, daily=daily, weekly=weekly)
    assert max(moments) in kept
    assert kept <= set(moments)
    assert len(kept) <= daily + weekly
    assert kept == backup.kept(kept, daily=daily, weekly=weekly)


def test_what_a_restored_copy_would_send_is_held(db, store_path, store_key, folder, now):
    replies = {
        state: put_reply(db, number, now, state=state, reason="shadow" if state == "held" else None)
        for number, state in enumerate(
            ("queued", "deferred", "claimed", "sending", "uncertain", "sent", "held")
        )
    }
    db.execute(
        "UPDATE outbox SET lease_owner = 'a:1', lease_until = ?"
        " WHERE state IN ('claimed', 'sending')",
        [stamp(now + timedelta(minutes=15))],
    )
    copy = backup.make(db, folder, now)
    db.close()
    aside = restoring.restore(
        copy.file, store_path, now + timedelta(days=3), who="root", key=store_key
    )
    with closing(connect(store_path, store_key)) as restored:
        found = {state: state_of(restored, row) for state, row in replies.items()}
        assert found == {
            "queued": "held",
            "deferred": "held",
            "claimed": "held",
            "sending": "held",
            "uncertain": "held",
            "sent": "sent",
            "held": "held",
        }
        assert settings.get_moment(restored, "restored_at") == now + timedelta(days=3)
        assert check(restored) == ()
        assert [entry.what for entry in audit.entries(restored)] == ["restored backup"]
    with closing(connect(aside, store_key)) as old:
        assert rows(old) == 7
    assert store_path.stat().st_mode & 0o777 == 0o600


LIVE, PAUSED, SHADOW = Mode.LIVE, Mode.PAUSED, Mode.SHADOW


@pytest.mark.parametrize(
    ("copied", "since", "restored", "resumed"),
    [
        ([LIVE], [PAUSED], PAUSED, LIVE),
        ([LIVE], [SHADOW], SHADOW, SHADOW),
        ([LIVE], [SHADOW, PAUSED], PAUSED, SHADOW),
        ([SHADOW], [LIVE], SHADOW, SHADOW),
        ([SHADOW, PAUSED], [LIVE, PAUSED], PAUSED, SHADOW),
        ([LIVE], [PAUSED, LIVE], LIVE, LIVE),
        ([LIVE, PAUSED], [LIVE], PAUSED, LIVE),
        ([LIVE], None, LIVE, LIVE),  # A damaged one.
    ],
)
def test_a_restore_starts_nothing_that_was_stopped(
    db, store_path, store_key, folder, now, copied, since, restored, resumed
):
    for mode in copied:
        modes.set_mode(db, mode, who="ana", now=now)
    copy = backup.make(db, folder, now)
    for mode in since or []:
        modes.set_mode(db, mode, who="ana", now=now)
    db.close()
    if since is None:
        store_path.write_bytes(b"damaged")
    restoring.restore(copy.file, store_path, now, who="root", key=store_key)
    with closing(connect(store_path, store_key)) as after:
        assert settings.mode(after) is restored
        modes.resume(after, who="ana", now=now)
        assert settings.mode(after) is resumed


def test_the_mode_of_a_copy_is_in_force_where_nobody_has_said_another(
    db, store_path, store_key, folder, now
):
    modes.set_mode(db, LIVE, who="ana", now=now)
    copy = backup.make(db, folder, now)
    with write(db):
        settings.put(db, "mode", None)
    db.close()
    restoring.restore(copy.file, store_path, now, who="root", key=store_key)
    with closing(connect(store_path, store_key)) as after:
        assert settings.mode(after) is LIVE


def test_nobody_is_signed_in_after_a_restore(db, store_path, store_key, folder, now):
    db.execute("INSERT INTO user (name, role, created_at) VALUES ('ana', 'staff', '')")
    db.execute("INSERT INTO session VALUES ('h', 1, 'open', 't', 'agent', '', '', '')")
    db.execute("INSERT INTO sign_in_link VALUES ('h', 1, 'enter', '', NULL)")
    copy = backup.make(db, folder, now)
    db.close()
    restoring.restore(copy.file, store_path, now, who="root", key=store_key)
    with closing(connect(store_path, store_key)) as restored:
        for table, count in (("user", 1), ("session", 0), ("sign_in_link", 0)):
            assert restored.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == count


def test_a_database_that_a_process_has_open_is_not_replaced(db, store_path, folder, now, tmp_path):
    import subprocess
    import sys

    copy = backup.make(db, folder, now)
    db.close()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from inboxbot.store.database import connect\n"
            "db = connect(Path(sys.argv[1])); print(flush=True); sys.stdin.read()",
            str(store_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        holder.stdout.readline()
        with pytest.raises(Locked, match="stop it first"):
            restoring.restore(copy.file, store_path, now, who="root")
        holder.communicate(b"", timeout=10)
        restoring.restore(copy.file, store_path, now, who="root")
    finally:
        holder.kill()
        holder.wait()


def test_a_copy_that_does_not_hold_changes_nothing(db, store_path, store_key, folder, now):
    put_reply(db, 1, now)
    copy = backup.make(db, folder, now)
    copy.file.write_bytes(copy.file.read_bytes()[:-4096])
    put_reply(db, 2, now)
    db.close()
    with pytest.raises(StoreError):
        restoring.restore(copy.file, store_path, now, who="root", key=store_key)
    with closing(connect(store_path, store_key)) as same:
        assert rows(same) == 2
    assert sorted(path.name for path in store_path.parent.iterdir()) == [
        "inboxbot.sqlite3",
        "inboxbot.sqlite3.initialised",
    ]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_or_missing_database_is_replaced_by_its_copy(
    db, store_path, store_key, folder, now, damage
):
    put_reply(db, 1, now)
    copy = backup.make(db, folder, now)
    db.close()
    if damage is None:
        store_path.unlink()
    else:
        store_path.write_bytes(damage)
    restoring.restore(copy.file, store_path, now, who="root", key=store_key)
    with closing(connect(store_path, store_key)) as restored:
        assert rows(restored) == 1


def test_a_copy_of_an_older_schema_is_brought_up_to_date(tmp_path, folder, now):
    old = tmp_path / "old.sqlite3"
    with closing(create(old)) as db:
        with write(db):
            migrations.apply(db, takewhile(lambda step: step != "0030_upkeep", migrations.STEPS))
        put_letter(db, 1, now)
        db.execute("UPDATE decision SET disposition = 'suppress', reason = 'auto_submitted'")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    place = tmp_path / "state" / "inboxbot.sqlite3"
    restoring.restore(old, place, now, who="root")
    with closing(connect(place)) as db:
        assert migrations.pending(db) == []
        assert rows(db) == 1


def test_before_an_upgrade_a_copy_of_the_older_schema_is_made(store_path, folder, now):
    with closing(create(store_path)) as db:
        with write(db):
            migrations.apply(db, takewhile(lambda step: step != "0030_upkeep", migrations.STEPS))
        put_letter(db, 1, now)
        later = migrations.pending(db)
        assert later[0] == "0030_upkeep"
        assert backup.upgrade(db, folder, now) == later
        (copy,) = backup.copies(folder)
        assert copy.manifest.steps[-1] == "0020_templates"
        assert backup.upgrade(db, folder, now) == []
        assert len(backup.copies(folder)) == 1


def test_a_new_database_is_made_without_a_copy_of_nothing(store_path, folder, now):
    with closing(create(store_path)) as db:
        assert backup.upgrade(db, folder, now)
    assert not folder.exists()
