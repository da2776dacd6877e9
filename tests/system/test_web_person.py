"""What the team knows of a person is changed by whoever changes it, and by nobody else."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask

from inboxbot.store import audit, limits, people
from inboxbot.store.audit import Narrowed
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.signed_in import SignedIn


@pytest.fixture
def kim(app: Flask, db: Database) -> SignedIn:
    return SignedIn(app, db, "kim", Role.STAFF)


def add(db: Database, address: str) -> int:
    return letters.add(db, Letter(address=address), datetime.now(UTC))


def shown(who: SignedIn, letter: int) -> dict[str, str]:
    """Return what the form of a person's page holds, as a browser would send it."""
    page = who.get(f"/person/{letter}").text
    form = re.search(r'action="[^"]*/change">(.*?)</form>', page, re.DOTALL)
    assert form is not None
    fields = re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', form[1])
    ticked = {"silent": "on"} if re.search(r'name="silent" checked', form[1]) else {}
    return {name: value for name, value in fields if name != "form_token"} | ticked


def test_what_somebody_did_not_change_stays_as_a_colleague_set_it(
    jo: SignedIn, kim: SignedIn, db: Database
) -> None:
    letter = add(db, "ana@example.net")
    early = shown(jo, letter)
    kim.post(f"/person/{letter}/change", **(shown(kim, letter) | {"silent": "on"}))
    jo.post(f"/person/{letter}/change", **(early | {"language": "es"}))
    person = people.person(db, "ana@example.net")
    assert person.do_not_acknowledge
    assert person.language == "es"
    kim.post(f"/person/{letter}/change", **early)  # Nothing was changed on it.
    assert people.person(db, "ana@example.net") == person
    done = [(each.who, each.detail) for each in audit.entries(db, Narrowed(what="person changed"))]
    assert done == [("jo", "language es"), ("kim", "silent")]
    late = shown(jo, letter)
    assert late.pop("silent") == "on"
    jo.post(f"/person/{letter}/change", **(late | {"language": ""}))
    person = people.person(db, "ana@example.net")
    assert (person.language, person.do_not_acknowledge) == (None, False)


def test_an_address_that_is_somebody_else_after_all_takes_its_notes_along(
    jo: SignedIn, db: Database
) -> None:
    ana, tom = add(db, "ana@example.net"), add(db, "Tom+news@Example.net")
    jo.post(f"/person/{ana}/note", text="Her husband is ill.")
    jo.post(f"/person/{tom}/note", text="A journalist.")
    page = jo.get(f"/person/{ana}").text
    assert "one noted for the other address is not kept" in page
    jo.post(f"/person/{ana}/link", address="tom@example.net")
    jo.post(f"/person/{ana}/note", text="Call her at noon.")
    assert on(db, "tom") == ["Her husband is ill.", "A journalist.", "Call her at noon."]
    jo.post(f"/person/{ana}/unlink", address="tom@example.net")
    assert on(db, "ana") == ["Her husband is ill.", "Call her at noon."]
    assert on(db, "tom") == ["A journalist."]
    assert people.person(db, "tom@example.net").addresses == ("tom@example.net",)


def on(db: Database, name: str) -> list[str]:
    """Return the notes on whoever writes from an address."""
    return [note.text for note in people.notes(db, people.person(db, f"{name}@example.net").id)]


def test_nothing_changes_where_an_address_is_not_of_the_person(jo: SignedIn, db: Database) -> None:
    ana, tom = add(db, "ana@example.net"), add(db, "tom@example.net")
    jo.post(f"/person/{tom}/note", text="A journalist.")
    jo.post(f"/person/{ana}/unlink", address="tom@example.net")
    assert on(db, "tom") == ["A journalist."]


def test_who_is_not_to_be_acknowledged_is_not_from_a_further_address_either(
    jo: SignedIn, db: Database
) -> None:
    ana, tom = add(db, "ana@example.net"), add(db, "tom@example.net")
    jo.post(f"/person/{tom}/change", silent="on")
    jo.post(f"/person/{ana}/link", address="tom@example.net")
    assert "silent" in shown(jo, ana)
    assert limits.suppressed(db, "ana@example.net", datetime.now(UTC)) == "staff"
