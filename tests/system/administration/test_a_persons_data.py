"""One person's data: handed over, held, and erased after a look."""

import io
import json
import re
import zipfile
from datetime import UTC, datetime

import pytest
from flask import Flask

from inboxbot.store import holds
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.somebody import Somebody, recorded


@pytest.fixture
def person(db: Database) -> int:
    now = datetime.now(UTC)
    letters.add(db, Letter(address="other@example.net", text="Something else altogether."), now)
    return letters.add(
        db, Letter(address="ana@example.net", text="My very own words of today."), now
    )


def test_everything_of_a_person_is_handed_over(ada: Somebody, db: Database, person: int) -> None:
    answer = ada.post(f"/person/{person}/export")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as file:
        assert f"letters/{person}.eml" in file.namelist()
        assert json.loads(file.read("data.json"))["addresses"] == ["ana@example.net"]
    assert recorded(db, "exported person") == [("ada", "1")]


def test_erasing_shows_first_and_wants_the_address(
    ada: Somebody, db: Database, person: int
) -> None:
    begun = ada.post(f"/person/{person}/erase")
    where = begun.headers["Location"]
    assert "ana" not in where
    page = ada.get(where).text
    assert "What would be erased" in page
    assert "ana@example.net" in page
    assert "the mailbox on the mail server" in page
    wrong = ada.post(where, address="other@example.net")
    assert wrong.status_code == 422
    assert db.execute("SELECT count(*) FROM reading").fetchone() == (2,)
    ada.post(where, address="Ana@example.net")
    page = ada.get(where).text
    assert "<h1>Erased</h1>" in page
    assert "ana@example.net" not in page
    assert re.search(r"person-[0-9a-f]{12}", page)
    assert db.execute("SELECT count(*) FROM reading").fetchone() == (1,)
    ((who, detail),) = recorded(db, "erased person")
    assert who == "ada"
    assert "ana" not in detail
    assert ada.post(where, address="ana@example.net").status_code == 303  # Once is enough.
    assert len(recorded(db, "erased person")) == 1


def test_what_was_found_is_for_whoever_looked(
    ada: Somebody, app: Flask, db: Database, person: int
) -> None:
    where = ada.post(f"/person/{person}/erase").headers["Location"]
    eve = Somebody(app, db, "eve", Role.ADMINISTRATOR)
    assert eve.get(where).status_code == 404
    assert eve.post(where, address="ana@example.net").status_code == 404


def test_a_hold_keeps_a_person_until_it_is_lifted(ada: Somebody, db: Database, person: int) -> None:
    ada.post(f"/person/{person}/hold", why="  case\n 7 ")
    assert [(each.address, each.why) for each in holds.all_holds(db)] == [
        ("ana@example.net", "case 7")
    ]
    assert "The legal hold forbids it." in ada.get(f"/person/{person}/data").text
    where = ada.post(f"/person/{person}/erase").headers["Location"]
    assert "nothing can be erased" in ada.get(where).text
    ada.post(where, address="ana@example.net")
    assert "A legal hold is on this person" in ada.get(where).text
    assert db.execute("SELECT count(*) FROM reading").fetchone() == (2,)
    ada.post(f"/person/{person}/hold", lift="1")
    assert holds.all_holds(db) == []


def test_letters_that_nobody_has_read_yet_stop_the_search(
    ada: Somebody, db: Database, person: int
) -> None:
    with write(db):
        db.execute("UPDATE message SET decided_at = NULL WHERE id <> ?", [person])
    where = ada.post(f"/person/{person}/erase").headers["Location"]
    page = ada.get(where).text
    assert "Not done" in page
    assert "1 letter has not been read yet" in page


def test_who_opened_a_persons_letters_is_shown(
    ada: Somebody, kim: Somebody, db: Database, person: int
) -> None:
    kim.get(f"/m/{person}")
    page = ada.get(f"/person/{person}/data").text
    assert re.search(r"<bdi>kim</bdi></td><td>opened the letter</td>", page)


def test_a_browser_that_was_left_open_hands_nothing_over(
    ada: Somebody, db: Database, person: int
) -> None:
    begun = ada.post(f"/person/{person}/erase").headers["Location"]
    ada.grow_old()
    for path in ("export", "hold", "erase"):
        answer = ada.post(f"/person/{person}/{path}")
        assert answer.headers["Location"] == f"/person/{person}/data"
    ada.post(begun, address="ana@example.net")
    assert db.execute("SELECT count(*) FROM reading").fetchone() == (2,)
    assert holds.all_holds(db) == []
