"""Ready-made replies: staff propose them, an administrator approves, and each use is counted."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from inboxbot.store import audit, snippets
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.signed_in import SignedIn


class Somebody(SignedIn):
    def write(self, text: str, shortcut: str = "call", seen: str | None = None) -> TestResponse:
        """Save a text, over the one that the page shows to be changed unless `seen` says other."""
        seen = self.to_change(shortcut) if seen is None else seen
        form = {"shortcut": shortcut, "title": "Call us", "language": "en", "text": text}
        return self.post("/replies", seen=seen, **form)

    def to_change(self, shortcut: str) -> str:
        return form_of(self.client.get(f"/replies?edit={shortcut}").text)

    def seen(self) -> str:
        found = re.search(r'name="seen" value="([^"]+)"', self.client.get("/replies").text)
        assert found is not None
        return found[1]


@pytest.fixture
def jo(app: Flask, db: Database) -> Somebody:
    return Somebody(app, db, "jo", Role.STAFF)


@pytest.fixture
def ada(app: Flask, db: Database) -> Somebody:
    return Somebody(app, db, "ada", Role.ADMINISTRATOR)


def form_of(page: str) -> str:
    """Return what the form says that its writer has seen."""
    found = re.findall(r'name="seen" value="([^"]*)"', page)
    return str(found[-1])


def texts(db: Database) -> list[str]:
    return [each.text for each in snippets.everything(db)]


def test_what_staff_propose_is_used_once_an_administrator_approves(
    jo: Somebody, ada: Somebody, db: Database
) -> None:
    letter = letters.add(db, Letter(), datetime.now(UTC))
    assert jo.write("Please call us.").status_code == 303
    assert texts(db) == []
    assert "Please call us." not in jo.client.get(f"/m/{letter}").text
    assert jo.post("/replies/approve", shortcut="call", seen=jo.seen()).status_code == 403
    assert ada.post("/replies/approve", shortcut="call", seen=ada.seen()).status_code == 303
    assert texts(db) == ["Please call us."]
    assert snippets.everything(db)[0].staff == "jo"
    assert "Please call us." in jo.client.get(f"/m/{letter}").text
    whats = [(entry.who, entry.what) for entry in audit.entries(db)]
    assert ("jo", "snippet proposed") in whats
    assert ("ada", "snippet approved") in whats


def test_a_change_is_a_proposal_too_and_what_is_in_use_stays_meanwhile(
    jo: Somebody, ada: Somebody, db: Database
) -> None:
    ada.write("Please call us.")
    jo.write("Please call us before noon.")
    assert texts(db) == ["Please call us."]
    shown = jo.seen()
    jo.write("Please call us after noon.")
    assert ada.post("/replies/approve", shortcut="call", seen=shown).status_code == 409
    assert ada.post("/replies/approve", shortcut="call", seen=ada.seen()).status_code == 303
    assert texts(db) == ["Please call us after noon."]
    assert snippets.proposals(db) == []


def test_a_proposal_is_thrown_away_by_its_writer_or_an_administrator_alone(
    jo: Somebody, ada: Somebody, app: Flask, db: Database
) -> None:
    kim = Somebody(app, db, "kim", Role.STAFF)
    jo.write("One.", "one")
    seen = jo.seen()
    assert kim.post("/replies/refuse", shortcut="one", seen=seen).status_code == 403
    assert jo.post("/replies/refuse", shortcut="one", seen=seen).status_code == 303
    jo.write("Two.", "two")
    assert ada.post("/replies/refuse", shortcut="two", seen=ada.seen()).status_code == 303
    assert snippets.proposals(db) == []


def test_they_are_found_by_their_words(ada: Somebody) -> None:
    ada.write("Please call us.", "call")
    ada.write("Ask your doctor.", "doctor")
    page = ada.client.get("/replies?q=ASK+doctor").text
    assert "Ask your doctor." in page
    assert "Please call us." not in page
    assert "None fits." in ada.client.get("/replies?q=nothing").text


def test_an_answer_counts_what_went_into_it_once(jo: Somebody, ada: Somebody, db: Database) -> None:
    letter = letters.add(db, Letter(), datetime.now(UTC))
    ada.write("Please call us.")
    form = {"text": "Dear Ana. Please call us.", "version": "1", "answers": "0", "once": "o"}
    for _ in range(2):  # A double click.
        jo.post(f"/m/{letter}/answer", used="call", **form)
    assert [each.used for each in snippets.everything(db)] == [1]
    assert "sent in 1 answer" in jo.client.get("/replies").text


def test_a_text_that_was_not_shown_is_not_replaced(
    jo: Somebody, ada: Somebody, app: Flask, db: Database
) -> None:
    eve = Somebody(app, db, "eve", Role.ADMINISTRATOR)
    new = ada.to_change("call")
    ada.write("Please call us.")
    shown = eve.to_change("call")
    for seen in (new, "of another page"):
        refused = eve.write("Ring us.", seen=seen)
        assert refused.status_code == 409
        assert "Please call us." in refused.text
        assert "Ring us.</textarea>" in refused.text
        assert texts(db) == ["Please call us."]
    ada.write("Please call us before noon.")
    refused = eve.write("Ring us.", seen=shown)
    assert refused.status_code == 409
    assert eve.write("Ring us.", seen=form_of(refused.text)).status_code == 303
    assert texts(db) == ["Ring us."]


def test_a_proposal_that_was_not_shown_is_neither_replaced_nor_settled(
    jo: Somebody, ada: Somebody, app: Flask, db: Database
) -> None:
    kim = Somebody(app, db, "kim", Role.STAFF)
    ada.write("Please call us.")
    new, shown = kim.to_change("hello"), ada.to_change("call")
    jo.write("Hello.", "hello")
    jo.write("Please call us after noon.")
    assert kim.write("Good day.", "hello", seen=new).status_code == 409
    assert ada.write("Ring us.", seen=shown).status_code == 409
    assert [each.text for each in snippets.proposals(db)] == [
        "Please call us after noon.", "Hello."
    ]  # fmt: skip
    # Under another short word it takes the place of none.
    assert kim.write("Good day.", "good-day", seen=shown).status_code == 303
