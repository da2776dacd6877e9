"""An answer in the making and its form: sent once, its words never lost."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask

from inboxbot.store import drafts, replies, reviews, users
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role, Stage
from inboxbot.web.auth import COOKIE
from tests import letters
from tests.letters import Letter
from tests.signed_in import SignedIn


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


OURS = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


def end_sessions(db: Database, who: SignedIn) -> None:
    with write(db):
        users.end_sessions(db, who.id)


def sign_in_again(db: Database, who: SignedIn) -> None:
    with write(db):
        who.token = users.open_session(db, who.id, Stage.OPEN, "test", datetime.now(UTC))
    who.client.set_cookie(COOKIE, who.token, domain="localhost", secure=True)


def test_whoever_was_signed_out_while_they_wrote_gets_their_words_back_and_keeps_them(
    jo: SignedIn, db: Database, letter: int
) -> None:
    page = form(jo.get(f"/m/{letter}").text)
    end_sessions(db, jo)
    path, text = f"/m/{letter}/answer", "Dear Ana, <b>half</b> a sentence"
    answer = jo.client.post(path, data=page | {"text": text, "form_token": "old"}, headers=OURS)
    assert answer.status_code == 401
    assert "You were signed out while you wrote" in answer.text
    assert "Dear Ana, &lt;b&gt;half&lt;/b&gt; a sentence</textarea>" in answer.text

    sign_in_again(db, jo)
    kept = jo.client.post(path, data=page | {"text": text, "form_token": ""}, headers=OURS)
    assert kept.status_code == 403
    assert "You are signed in again" in kept.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', kept.text))
    assert hidden.items() >= page.items()
    again = jo.client.post(path, data=hidden | {"text": text, "keep": "1"}, headers=OURS)
    assert again.status_code == 303
    assert texts(db, letter) == [text]
    assert answers(db, letter) == 0


@pytest.mark.parametrize("path", ["/m/1/do/note", "/person/1/note"])
def test_a_note_of_somebody_who_was_signed_out_comes_back_too(
    jo: SignedIn, db: Database, letter: int, path: str
) -> None:
    end_sessions(db, jo)
    answer = jo.client.post(path, data={"text": "Call her back."}, headers=OURS)
    assert answer.status_code == 401
    assert "Call her back.</textarea>" in answer.text


def test_words_of_a_forged_form_are_never_shown(jo: SignedIn, db: Database, letter: int) -> None:
    end_sessions(db, jo)
    for site in ("cross-site", "same-site", "none", None):
        headers = {"Sec-Fetch-Site": site} if site else {}
        answer = jo.client.post("/m/1/answer", data={"text": "Call 555"}, headers=headers)
        assert answer.status_code in (401, 403)
        assert "Call 555" not in answer.text


def test_a_form_without_words_leads_to_the_sign_in_and_the_script_gets_a_code(
    jo: SignedIn, db: Database, letter: int
) -> None:
    end_sessions(db, jo)
    answer = jo.client.post("/m/1/do/close", data={"version": "1"}, headers=OURS)
    assert answer.status_code == 401
    assert 'href="/login?next=/m/1"' in answer.text
    for more in ({"X-Form-Token": "old"}, {"Sec-Fetch-Mode": "cors"}):
        answer = jo.client.post("/m/1/draft", data={"text": "Dear Ana"}, headers=OURS | more)
        assert (answer.status_code, answer.json) == (401, {"error": 401})


def test_of_a_very_long_draft_nothing_is_cut_and_too_long_a_note_is_refused_in_words(
    jo: SignedIn, db: Database, letter: int
) -> None:
    long = "y" * 300_000
    page = form(jo.get(f"/m/{letter}").text)
    assert jo.post(f"/m/{letter}/answer", text=long, keep="1", **page).status_code == 303
    assert texts(db, letter) == [long]
    note = "z" * 20_001
    for path in (f"/m/{letter}/do/note", f"/person/{letter}/note"):
        refused = jo.post(path, text=note, **page)
        assert refused.status_code in (409, 422)
        assert "This note is too long" in refused.text
        assert note in refused.text
    assert jo.post(f"/m/{letter}/do/note", text=note[1:], **page).status_code == 303
    assert [each.text for each in reviews.notes(db, letter)] == [note[1:]]


def test_the_time_of_keeping_is_told_as_the_page_of_the_letter_tells_it(
    jo: SignedIn, db: Database, letter: int
) -> None:
    kept = jo.post(f"/m/{letter}/draft", text="Dear Ana").json
    assert kept is not None
    assert kept["said"].startswith("Kept ")
    assert f">{kept['said']}</span>" in jo.get(f"/m/{letter}").text
