"""Damage in the store keeps nobody from being forgotten, and is told."""

import json
import zipfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import erasing, exporting
from inboxbot.errors import NotAllowed, StoreError, TransientError
from inboxbot.store import backup, decisions, holds, messages, people, restoring, sending, settings
from inboxbot.store.database import connect, write
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter


def damage(db: Database, letter: int) -> None:
    db.execute("UPDATE raw SET bytes = zeroblob(100) WHERE message_id = ?", [letter])


@pytest.mark.parametrize("encoding", ["zlib", "plain"])
def test_bytes_that_are_not_those_received_are_never_handed_out(
    db: Database, now: datetime, encoding: str
) -> None:
    letter = letters.add(db, Letter(), now)
    raw = messages.raw(db, letter)
    db.execute("UPDATE raw SET encoding = 'plain', bytes = ?", [raw])
    assert messages.raw(db, letter) == raw
    db.execute("UPDATE raw SET encoding = ?, bytes = ?", [encoding, raw[:-1]])
    with pytest.raises(messages.Damaged, match=f"letter {letter} are damaged"):
        messages.raw(db, letter)
    db.execute("DELETE FROM raw")
    with pytest.raises(StoreError, match="not kept"):
        messages.raw(db, letter)


def test_an_erasure_goes_past_damaged_letters_of_others_and_lists_them(
    db: Database, now: datetime
) -> None:
    ana = letters.add(db, Letter(address="ana@example.net"), now)
    bob = {"name": "Bob", "address": "bob@example.net"}
    silent = letters.add(db, Letter(text="Where is a ramp?", **bob), now)
    naming = letters.add(db, Letter(text="I write for ana@example.net.", **bob), now)
    whole = letters.add(db, Letter(text="Greetings from ana@example.net!", **bob), now)
    for letter in (silent, naming, ana):
        damage(db, letter)
    found = erasing.look(db, "ana@example.net")
    assert (found.letters, found.damaged) == ((ana,), (silent,))
    assert sorted(found.quoting) == [naming, whole]
    erasing.erase(db, found, who="ada", now=now)
    assert decisions.recorded(db, ana) is None
    recorded = decisions.recorded(db, naming)
    assert recorded is not None
    assert "ana@" not in recorded.text
    kept = db.execute("SELECT message_id FROM raw").fetchall()
    assert kept == [(silent,)]


def test_an_export_says_which_letter_could_not_be_handed_over(
    db: Database, now: datetime, tmp_path: Path
) -> None:
    damaged, whole = (letters.add(db, Letter(address="ana@example.net"), now) for _ in range(2))
    damage(db, damaged)
    exporting.export(db, "ana@example.net", tmp_path / "ana.zip", now)
    with zipfile.ZipFile(tmp_path / "ana.zip") as made:
        assert {f"letters/{damaged}.txt", f"letters/{whole}.eml"} <= set(made.namelist())
        assert b"are damaged" in made.read(f"letters/{damaged}.txt")
        assert len(json.loads(made.read("data.json"))["letters"]) == 2


def restored(copy: Path, path: Path, now: datetime) -> tuple[int, int]:
    """Restore a copy; return how many letters were erased again, and how many a hold keeps."""
    again = (0, 0)

    def forget(staged: Database) -> None:
        nonlocal again
        again = erasing.erase_again(staged, erasing.remembered_beside(path), now)

    restoring.restore(copy, path, now, who="ada", prepare=forget)
    return again


def put(db: Database, name: str, now: datetime, *, reply: str = "sent") -> int:
    """Store a letter that came as a file, and so has no place on a server."""
    letter = Letter(address=f"{name}@example.net", text=f"I am {name}, hello.", reply=reply)
    row = letters.add(db, letter, now)
    db.execute("UPDATE message SET origin = 'import' WHERE id = ?", [row])
    return row


def left(path: Path) -> list[int]:
    with closing(connect(path)) as db:
        rows = db.execute("SELECT id FROM message WHERE erased_at IS NULL").fetchall()
    return [row[0] for row in rows]


def test_an_erasure_that_was_refused_does_not_happen_at_the_next_restore(
    db: Database, store_path: Path, now: datetime
) -> None:
    letter = put(db, "ana", now, reply="queued")
    found = erasing.look(db, "ana@example.net")
    settings.instance(db)
    with write(db):
        sending.claim(db, 1, "sender", now)
        sending.begin(db, 1, "sender", now)
    with pytest.raises(TransientError, match="just being handed in"):
        erasing.erase(db, found, who="ada", now=now)
    with write(db):
        sending.sent(db, 1, "sender", "250 ok", now)
    copy = backup.make(db, store_path.parent / "backup", now).file
    db.close()
    assert restored(copy, store_path, now + timedelta(hours=1)) == (0, 0)
    assert left(store_path) == [letter]


def test_a_hold_put_on_after_the_look_refuses_the_erasure(
    db: Database, store_path: Path, now: datetime
) -> None:
    letter = put(db, "ana", now)
    found = erasing.look(db, "ana@example.net")
    with write(db):
        holds.put(db, "ana@example.net", who="ada", why="case 7", now=now)
    with pytest.raises(NotAllowed, match="legal hold"):
        erasing.erase(db, found, who="ada", now=now)
    assert left(store_path) == [letter]
    assert not erasing.remembered_beside(store_path).exists()


def test_a_hold_of_the_copy_keeps_whom_a_restore_would_erase_again(
    db: Database, store_path: Path, now: datetime
) -> None:
    settings.instance(db)  # Whose key the copy shares.
    ana, _ = (put(db, name, now) for name in ("ana", "bob"))
    with write(db):
        people.link(db, people.known(db, "ana@example.net"), "ana@work.example")
        holds.put(db, "ana@work.example", who="ada", why="case 7", now=now)
    copy = backup.make(db, store_path.parent / "backup", now).file
    with write(db):
        holds.lift(db, "ana@work.example", who="ada", now=now)
    for address in ("ana@example.net", "bob@example.net"):
        erasing.erase(db, erasing.look(db, address), who="ada", now=now + timedelta(hours=1))
    db.close()
    assert left(store_path) == []
    assert restored(copy, store_path, now + timedelta(hours=2)) == (1, 1)
    assert left(store_path) == [ana]
