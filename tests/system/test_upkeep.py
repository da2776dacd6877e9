"""Backups, restore and faults, with the installed command: what a sysadmin sees and is told."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot.store import settings
from inboxbot.store.database import connect, write
from inboxbot.store.invariants import check, seen_twice
from inboxbot.store.settings import Mode
from tests.conftest import NOW
from tests.installation import Installation, install, run_held_to_modes, until
from tests.outbox_rows import put_reply


def letter(number: int) -> bytes:
    return (
        f"From: Writer {number} <writer{number}@home{number}.test>\r\nTo: support@example.org\r\n"
        f"Subject: a ramp\r\nMessage-ID: <{number}@home.test>\r\n\r\n"
        f"Where can I borrow wheelchair ramp number {number} for my front door?\r\n"
    ).encode()


def deliver(account, numbers) -> None:
    client = account.client()
    for number in numbers:
        client.append("INBOX", letter(number))
    client.logout()


def test_after_a_disaster_nobody_is_answered_twice_and_no_letter_is_lost(tmp_path, account, sink):
    """Back up while a reply is on its way, lose the database, restore, and go on."""
    sent = []
    copied = threading.Event()

    def file_it(accepted) -> None:
        """Do as large providers do: file what is accepted in Sent. Some are forgotten."""
        if len(sent) == 3:
            copied.wait(60)
        if len(sent) % 3:
            client = account.client(None)
            client.append("Sent", accepted.raw)
            client.logout()
        sent.append(accepted)

    sink.on_accepted = file_it
    installation = install(
        tmp_path,
        imap_host="127.0.0.1",
        imap_port=account.server.port,
        imap_user=account.name,
        smtp_port=sink.port,
        mailbox='sent_copy = "server"',
    )
    installation.run("poll")
    installation.run("mode", "live")
    with installation.daemon():
        deliver(account, range(6))
        until(lambda: len(sink.accepted) == 4, within_s=90)
        (copy,) = installation.objects("backup")
        copied.set()
        deliver(account, range(6, 10))
        until(lambda: len(sink.accepted) >= 10, within_s=90)
    answered = set(sink.message_ids)
    assert len(answered) == 10
    installation.store.write_bytes(b"lost")
    for ending in ("-wal", "-shm"):
        installation.store.with_name(installation.store.name + ending).unlink(missing_ok=True)
    assert "restore" in installation.run("status", code=65).stderr
    installation.run("restore", copy["file"])
    restored = datetime.now(UTC)
    with installation.daemon():
        until(lambda: installation.status()["messages"] == 10, within_s=90)
        until(lambda: sum(installation.status()["queue"].values()) == 10, within_s=90)
        # Letters that come from now on are answered as ever. A letter's date has whole seconds:
        # of the very second of the restore nobody knows which came first.
        until(lambda: datetime.now(UTC).replace(microsecond=0) > restored)
        deliver(account, [10])
        until(lambda: len(sink.accepted) == 11, within_s=90)
    assert seen_twice(sink.message_ids) == 0
    with closing(connect(installation.store)) as db:
        assert check(db) == ()
        states = db.execute(
            "SELECT state, reason, rfc_message_id FROM outbox WHERE kind = 'acknowledgement'"
        ).fetchall()
    # The same letter has the same Message-ID as before: that is how it is found in Sent.
    assert {row[2] for row in states} == set(sink.message_ids)
    # Of the one on its way neither the copy nor Sent tells: staff are asked.
    on_its_way = sink.message_ids[3]
    assert [row[:2] for row in states if row[2] == on_its_way] == [("held", "restored")]
    others = {row[:2] for row in states if row[2] != on_its_way}
    assert others <= {("sent", None), ("held", "restored")}


@pytest.fixture
def quiet(tmp_path) -> Installation:
    """Return an installation with a database and without any server."""
    installation = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="u", smtp_port=1)
    installation.run("mode", "shadow")
    with closing(connect(installation.store)) as db:
        put_reply(db, 1, NOW)
    return installation


def test_a_backup_is_made_verified_and_thinned_out(quiet):
    (made,) = quiet.objects("backup")
    assert made["messages"] == 1
    folder = quiet.store.parent / "backups"
    assert Path(made["file"]).parent == folder
    assert quiet.objects("verify-backup")[0]["sha256"] == made["sha256"]
    assert (folder.stat().st_mode & 0o777, Path(made["file"]).stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    old = datetime.now(UTC) - timedelta(days=400)
    for day in range(3):
        at = old - timedelta(days=day * 40)
        for ending in (".sqlite3", ".json"):
            shutil.copy(Path(made["file"]).with_suffix(ending), folder / f"inboxbot-{day}{ending}")
        manifest = folder / f"inboxbot-{day}.json"
        manifest.write_text(
            json.dumps(json.loads(manifest.read_text()) | {"made_at": at.isoformat()})
        )
    text = quiet.configuration.read_text() + "\n[backup]\nkeep_daily = 1\nkeep_weekly = 2\n"
    quiet.configuration.write_text(text)
    (second,) = quiet.objects("backup", code=None)
    removed = {Path(file).name for file in second["removed"]}
    assert {"inboxbot-1.sqlite3", "inboxbot-2.sqlite3"} <= removed
    assert "inboxbot-0.sqlite3" not in removed  # The last of the second newest week.
    assert Path(second["file"]).exists()


def test_a_copy_elsewhere_is_never_thinned_out(quiet):
    for _ in range(2):
        quiet.run("backup", "--to", "elsewhere", code=None)
    assert list((quiet.folder / "elsewhere").glob("*.sqlite3"))


def test_a_copy_that_does_not_hold_is_said_with_exit_code_65(quiet):
    (made,) = quiet.objects("backup")
    content = Path(made["file"]).read_bytes()
    Path(made["file"]).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "checksum differs" in quiet.run("verify-backup", made["file"], code=65).stderr
    assert "checksum differs" in quiet.run("restore", made["file"], code=65).stderr
    assert "There is no copy" in quiet.run("verify-backup", "nowhere", code=65).stderr


def test_an_upgrade_copies_first_and_an_older_program_refuses(quiet):
    with closing(sqlite3.connect(quiet.store)) as db:
        db.execute("DELETE FROM _sqlite_migrations WHERE name = '0030_upkeep'")
        for statement in (
            "DROP INDEX message_erased",
            "ALTER TABLE message DROP COLUMN erased_at",
            "ALTER TABLE raw DROP COLUMN stripped",
            "DROP TABLE legal_hold",
        ):
            db.execute(statement)
        db.commit()
    assert quiet.objects("migrate", "--plan") == [{"plan": True, "steps": ["0030_upkeep"]}]
    assert "older than the program" in quiet.run("check", code=1).stdout
    assert quiet.objects("migrate") == [{"plan": False, "steps": ["0030_upkeep"]}]
    assert len(list((quiet.store.parent / "backups").glob("*.sqlite3"))) == 1
    with closing(sqlite3.connect(quiet.store)) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('inboxbot', '9999_later', '')"
        )
        db.commit()
    for command in (["status"], ["migrate"], ["run"]):
        done = quiet.run(*command, code=65)
        assert "newer inboxbot" in done.stderr
        assert "restore the backup" in done.stderr


def test_every_file_is_for_its_owner_alone_under_any_umask(tmp_path):
    installation = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="u", smtp_port=1)
    old = os.umask(0)
    try:
        installation.run("mode", "shadow")
        installation.run("backup")
        installation.run("person", "export", "nobody@example.test", "--to", "out.zip")
        installation.run("poll", code=69)
    finally:
        os.umask(old)
    folders = [path for path in installation.store.parent.rglob("*") if path.is_dir()]
    files = [path for path in installation.store.parent.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert {path.stat().st_mode & 0o777 for path in [*folders, installation.store.parent]} == {
        0o700
    }
    assert {path.stat().st_mode & 0o777 for path in [*files, installation.folder / "out.zip"]} == {
        0o600
    }


# What goes wrong: what the command says, and its exit code. Each has its row in faults.md.


def test_a_database_that_is_locked_is_tried_later(quiet):
    with closing(sqlite3.connect(quiet.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = quiet.run("mode", "paused", code=69)
    assert "locked by another program" in done.stderr


def test_a_database_that_is_missing_is_not_made_anew(quiet):
    quiet.store.unlink()
    for command in ("status", "poll", "run"):
        done = quiet.run(command, code=65)
        assert "missing though it was there before" in done.stderr
        assert "restore" in done.stderr
    assert not quiet.store.exists()


def test_a_restore_says_which_mode_is_in_force(quiet):
    quiet.run("mode", "live")
    (copy,) = quiet.objects("backup")
    quiet.run("mode", "paused")
    said = quiet.run("restore", copy["file"]).stdout
    assert "The mode is paused" in said
    assert "moved out of" not in said
    assert quiet.status()["mode"] == "paused"


def test_a_restore_says_that_letters_which_a_mark_has_moved_must_be_moved_back(quiet):
    (copy,) = quiet.objects("backup")
    marked = quiet.configuration.read_text().replace("poll_every_s = 1", 'mark = "move:Done"')
    quiet.configuration.write_text(marked)
    said = quiet.run("restore", copy["file"]).stdout
    assert "moved out of INBOX (support) since the copy was made" in said


def test_a_damaged_database_names_restore(quiet):
    quiet.store.write_bytes(b"not a database" * 500)
    assert "inboxbot restore" in quiet.run("status", code=65).stderr


def test_a_read_only_state_folder_is_said(quiet):
    with closing(sqlite3.connect(quiet.store)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    for path in (*quiet.store.parent.iterdir(), quiet.store.parent):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        done = run_held_to_modes(quiet, "mode", "paused")
    finally:
        for path in (quiet.store.parent, *quiet.store.parent.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert done.returncode == 65, done.stderr
    assert "cannot be opened for writing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_can_only_be_read_is_not_well_and_starts_nothing(quiet):
    quiet.store.chmod(0o400)
    for command in ("check", "status", "doctor"):
        done = run_held_to_modes(quiet, command)
        assert done.returncode == 1, done.stdout
        assert f"{quiet.store} cannot be written" in done.stdout
    for command in ("run", "poll", "send"):
        done = run_held_to_modes(quiet, command)
        assert done.returncode == 65, done.stderr
        assert "cannot be opened for writing" in done.stderr


def test_a_configuration_that_may_not_be_read_is_said(quiet):
    quiet.configuration.chmod(0)
    done = run_held_to_modes(quiet, "status")
    quiet.configuration.chmod(0o600)
    assert done.returncode == 78, done.stderr
    assert "check its owner and mode" in done.stderr


def test_too_little_disk_stops_fetching_and_is_said(quiet):
    text = quiet.configuration.read_text().replace("min_free_mb = 1", "min_free_mb = 1000000")
    quiet.configuration.write_text(text)
    assert "min_free_mb" in quiet.run("status", code=1).stdout
    assert "min_free_mb" in quiet.run("doctor", code=1).stdout


def test_a_full_disk_leaves_the_store_whole(quiet, tmp_path):
    """A file system of 3 MB is filled to its end; what was stored before is still there."""
    script = f"""
    set -e
    mount -t tmpfs -o size=3m,mode=700 tmpfs {quiet.folder}/state
    cp {quiet.folder}/kept/* {quiet.folder}/state/
    chmod 600 {quiet.folder}/state/*
    dd if=/dev/zero of={quiet.folder}/state/full bs=1k 2>/dev/null || true
    set +e
    truncate -s -200k {quiet.folder}/state/full
    {sys.executable} -m inboxbot backup; echo "backup $?"
    dd if=/dev/zero of={quiet.folder}/state/fuller bs=1k 2>/dev/null
    {sys.executable} -m inboxbot note 1 {"x" * 9000}; echo "note $?"
    rm {quiet.folder}/state/full*
    {sys.executable} -m inboxbot note 1 kept; echo "note $?"
    {sys.executable} -m inboxbot status --json; echo "status $?"
    """
    shutil.copytree(quiet.store.parent, quiet.folder / "kept")
    done = subprocess.run(
        ["unshare", *(["-r"] if os.geteuid() else []), "-m", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=quiet.folder,
        env=quiet._environment({}),
    )
    assert "backup 69" in done.stdout, done.stderr
    assert "make room" in done.stderr
    assert "note 69" in done.stdout, done.stderr
    assert "is the disk full?" in done.stderr
    assert "note 0" in done.stdout
    assert '"messages": 1' in done.stdout
    assert "Traceback" not in done.stderr


def test_a_missing_credential_says_where_to_put_it(quiet):
    del quiet.environment["INBOXBOT_IMAP_PASSWORD"]
    done = quiet.run("check", code=1)
    assert "LoadCredential=imap-password:/etc/inboxbot/credentials/imap-password" in done.stdout


def test_a_credential_that_others_can_read_is_said(quiet):
    folder = quiet.folder / "credentials"
    folder.mkdir()
    for name in ("imap-password", "smtp-password"):
        (folder / name).write_text("secret")
        (folder / name).chmod(0o644)
    quiet.environment["CREDENTIALS_DIRECTORY"] = str(folder)
    done = quiet.run("check", code=1)
    assert "chmod 600 imap-password" in done.stdout
    assert "secret" not in done.stdout.replace("this secret", "")


def test_a_broken_configuration_is_refused_before_a_reload(quiet):
    assert quiet.run("check", "--settings-only").returncode == 0
    quiet.configuration.write_text(quiet.configuration.read_text().replace("port = ", "prt = "))
    done = quiet.run("check", "--settings-only", code=78)
    assert "mailbox[0].imap.prt" in done.stdout


def test_a_clock_before_the_program_is_found(quiet):
    with closing(connect(quiet.store)) as db, write(db):
        from inboxbot.store import audit

        audit.add(db, "ana", "viewed", datetime.now(UTC) + timedelta(days=30))
        settings.put(db, "mode", Mode.SHADOW)
    assert "yet to come" in quiet.run("doctor", code=1).stdout


def test_litestream_keeps_a_second_copy_that_can_be_restored(quiet):
    """As described in backup.md: replicate while writing, lose the disk, restore."""
    program = Path(sys.executable).with_name("litestream")
    replica = quiet.folder / "replica"
    configuration = quiet.folder / "litestream.yml"
    configuration.write_text(
        f"dbs:\n  - path: {quiet.store}\n    replica:\n      type: file\n      path: {replica}\n"
    )
    process = subprocess.Popen(
        [program, "replicate", "-config", configuration],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    second = quiet.folder / "second.sqlite3"
    try:
        until(lambda: replica.exists(), within_s=30)
        with closing(connect(quiet.store)) as db:
            for number in range(2, 12):
                put_reply(db, number, NOW)

        def complete() -> bool:
            second.unlink(missing_ok=True)
            restored = subprocess.run(
                [program, "restore", "-config", configuration, "-o", second, quiet.store],
                capture_output=True,
            )
            if restored.returncode:
                return False
            with closing(sqlite3.connect(second)) as db:
                return db.execute("SELECT count(*) FROM message").fetchone()[0] == 11

        until(complete, within_s=60)
    finally:
        process.kill()
        process.wait(10)
    quiet.store.unlink()
    quiet.run("restore", str(second))
    with closing(connect(quiet.store)) as db:
        assert check(db) == ()
        assert db.execute("SELECT count(*) FROM outbox WHERE state = 'held'").fetchone()[0] == 11
