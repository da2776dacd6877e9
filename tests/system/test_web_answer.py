"""An answer in the making and its form: sent once, its words never lost."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from inboxbot.store import drafts, replies
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.signed_in import SignedIn
from tests.stand import make_app, new_store


@pytest.fixture
def db(store_path: Path) -> Database:
    return new_store(store_path)


@pytest.fixture
def app(db: Database, store_path: Path) -> Flask:
    return make_app(store_path)


@pytest.fixture
def jo(app: Flask, db: Database) -> SignedIn:
    return SignedIn(app, db, "jo", Role.STAFF)


@pytest.fixture
def letter(db: Database) -> int:
    return letters.add(db, Letter(), datetime.now(UTC))


def form(page: str) -> dict[str, str]:
    """Return what the form of an answer holds beside the text."""
    part = page[page.index("data-draft=") :]
    names = ("version", "once", "draft", "draft_version", "answers")
    return {name: re.findall(rf'name="{name}" value="([^"]*)"', part)[0] for name in names}


def answers(db: Database, letter: int) -> int:
    return len([each for each in replies.of_letter(db, letter) if each.kind == "answer"])


def texts(db: Database, letter: int) -> list[str]:
    return [each.text for each in drafts.of_letter(db, letter)]


def test_an_answer_that_is_sent_twice_by_one_form_asks_nothing_and_is_one(
    jo: SignedIn, db: Database, letter: int
) -> None:
    sent = form(jo.get(f"/m/{letter}").text) | {"text": "Dear Ana. Call us."}
    for _ in range(2):
        answer = jo.post(f"/m/{letter}/answer", **sent)
        assert answer.status_code == 303
        assert f"done={sent['once']}-answer" in answer.location
    assert answers(db, letter) == 1
    assert texts(db, letter) == ["Dear Ana. Call us."]


def test_other_words_in_a_form_that_was_sent_are_kept_and_not_sent(
    jo: SignedIn, db: Database, letter: int
) -> None:
    sent = form(jo.get(f"/m/{letter}").text)
    for text in ("Dear Ana. Call us.", "Dear Ana. Write to us."):
        assert jo.post(f"/m/{letter}/answer", text=text, **sent).status_code == 303
    assert answers(db, letter) == 1
    assert "Dear Ana. Write to us." in texts(db, letter)
    assert "Dear Ana. Write to us.</textarea>" in jo.get(f"/m/{letter}").text


def test_a_form_whose_answer_was_taken_back_is_not_said_to_have_sent_it(
    jo: SignedIn, db: Database, letter: int
) -> None:
    sent = form(jo.get(f"/m/{letter}").text) | {"text": "Dear Ana. Call us."}
    assert jo.post(f"/m/{letter}/answer", **sent).status_code == 303
    assert jo.post("/undo", token=f"{sent['once']}-answer").status_code == 303
    again = jo.post(f"/m/{letter}/answer", **sent)
    assert again.status_code == 409
    assert "taken back" in again.text
    assert answers(db, letter) == 0


def test_an_answer_of_a_colleague_or_of_another_form_is_told_before_one_is_sent(
    jo: SignedIn, app: Flask, db: Database, letter: int
) -> None:
    kim = SignedIn(app, db, "kim", Role.STAFF)
    pages = [form(each.get(f"/m/{letter}").text) for each in (jo, jo, kim)]
    assert jo.post(f"/m/{letter}/answer", text="One.", **pages[0]).status_code == 303
    for each, page in ((jo, pages[1]), (kim, pages[2])):
        answer = each.post(f"/m/{letter}/answer", text="Two.", **page)
        assert answer.status_code == 422
        assert "jo answered this letter" in answer.text
    assert answers(db, letter) == 1
