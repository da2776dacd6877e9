"""Damage in the store keeps nobody from being forgotten, and is told."""

import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from inboxbot import erasing, exporting
from inboxbot.errors import StoreError
from inboxbot.store import decisions, messages
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
