"""What the app says after something was done, refused or mistyped, and its files: translated too.

The pages that a browser comes to by links are looked at in tests/browser/test_languages.py.
"""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from inboxbot.store import users
from inboxbot.store.database import stamp, write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from inboxbot.web import reports
from tests import letters, pseudo
from tests.letters import Letter
from tests.somebody import Somebody
from tests.stand import make_app, new_store

PLAIN = re.compile(r"[A-Za-z]{3,}")
# As in the browser's test: what people wrote, and what has a name of its own.
NAMES = {"bdi", "code", "kbd", "textarea", "script", "style"}
SHOWN = {"title", "aria-label", "placeholder", "alt"}
VOID = {"meta", "link", "input", "br", "img", "hr", "path", "circle", "rect"}


class Untranslated(HTMLParser):
    """Collects the texts of a page without the marks of the language."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        named = tag in NAMES or given.get("dir") == "auto" or bool(classes & {"tag", "name"})
        if tag not in VOID:
            self._open.append((tag, named))
        if not named:
            for name in SHOWN & given.keys():
                self._look(given[name] or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(named for _, named in self._open):
            self._look(data)

    def _look(self, text: str) -> None:
        # Between these stands what somebody typed or may type.
        text = re.sub("“[^”]*”", "", text)
        for name in ("inboxbot", "support", "kim", "ada", "ALS Worldwide"):
            text = text.replace(name, "")
        if PLAIN.search(text):
            self.found.append(text.strip())


def untranslated(page: str) -> list[str]:
    parser = Untranslated()
    parser.feed(page)
    return parser.found


@pytest.fixture
def db(store_path: Path) -> Database:
    return new_store(store_path)


@pytest.fixture
def app(db: Database, store_path: Path) -> Flask:
    made = make_app(store_path)
    site = made.extensions["inboxbot"]
    made.extensions["inboxbot"] = replace(site, languages=pseudo.spoken())
    return made


def post(who: Somebody, path: str, *letters: str, **form: str) -> str:
    """Send a form that names several letters; return the page that comes of it."""
    session = users.session(who.db, who.token)
    assert session is not None
    sent = {"form_token": session.form_token, "letter": list(letters)} | form
    return who.client.post(path, data=sent, follow_redirects=True).text


def speaking(who: Somebody) -> Somebody:
    who.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = pseudo.CODE
    return who


@pytest.fixture
def ada(app: Flask, db: Database) -> Somebody:
    return speaking(Somebody(app, db, "ada", Role.ADMINISTRATOR))


@pytest.fixture
def kim(app: Flask, db: Database) -> Somebody:
    return speaking(Somebody(app, db, "kim", Role.STAFF))


@pytest.fixture
def both(db: Database) -> tuple[int, int]:
    now = datetime.now(UTC)
    return (
        letters.add(db, Letter(subject="1", reply="held", reply_reason="staff"), now),
        letters.add(db, Letter(subject="2", reply="sent"), now),
    )


def test_what_was_done_with_many_letters_is_said(kim: Somebody, both: tuple[int, int]) -> None:
    shown = [
        f"{row[0]}:{row[1]}" for row in kim.db.execute("SELECT message_id, version FROM review")
    ]
    assert untranslated(post(kim, "/queue/bulk", *shown, do="release", once="a")) == []
    refused = post(kim, "/queue/bulk", *shown, do="hold", once="b")
    assert pseudo.pseudo("{} letters could not be.").format(2) in refused
    assert untranslated(refused) == []
    done = post(kim, "/queue/bulk", *shown, do="close", once="c")
    assert pseudo.pseudo("{} letters done.").format(2) in done
    assert untranslated(done) == []


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("reopen", {}),
        ("hold", {}),
        ("drop", {}),
        ("untag", {"tag": "no"}),
        ("tag", {"tag": "!"}),
        ("note", {"text": " "}),
        ("merge", {"into": "999"}),
        ("split", {}),
        ("snooze", {"until": "day", "day": "x"}),
        ("correct", {"kind": "none"}),
        ("claim", {"assignee": "nobody"}),
        ("resolve", {"reply": "999"}),
        ("nothing", {}),
    ],
)
def test_what_cannot_be_done_with_a_letter_says_why(
    kim: Somebody, both: tuple[int, int], action: str, form: dict[str, str]
) -> None:
    for version in ("1", "99", "x"):
        path = f"/m/{both[1]}/do/{action}"
        page = post(kim, path, version=version, once=action + version, **form)
        assert untranslated(page) == []


def test_each_thing_done_with_a_letter_is_said(kim: Somebody, both: tuple[int, int]) -> None:
    for action, form in (
        ("take", {}), ("unclaim", {}), ("confirm", {}), ("correct", {"kind": "general_inquiry"}),
        ("tag", {"tag": "a"}), ("untag", {"tag": "a"}), ("note", {"text": "b"}),
        ("snooze", {"until": "tomorrow"}), ("wake", {}), ("release", {}), ("close", {}),
        ("reopen", {}), ("settle", {"kind": "general_inquiry"}),
    ):  # fmt: skip
        (version,) = kim.db.execute(
            "SELECT version FROM review WHERE message_id = ?", [both[0]]
        ).fetchone()
        page = post(kim, f"/m/{both[0]}/do/{action}", version=str(version), once=action, **form)
        assert untranslated(page) == [], action
    assert untranslated(post(kim, "/undo", token="no")) == []


@pytest.mark.parametrize(
    "query",
    [
        "ack:maybe",
        "after:yesterday",
        "older:x",
        "(a",
        '"a',
        "is:nothing",
        "colour:red",
        "form:ana",
        "()",
    ],
)
def test_a_search_that_is_not_understood_says_why(kim: Somebody, query: str) -> None:
    page = kim.get(kim.post("/search", q=query).headers["Location"])
    assert page.status_code == 400
    assert untranslated(page.text) == []


def test_the_list_of_problems_and_the_lists_that_are_empty_are_translated(
    kim: Somebody, db: Database
) -> None:
    now = datetime.now(UTC)
    letters.mailbox(db, now)
    assert untranslated(kim.get("/queue?view=done").text) == []
    with write(db):
        db.execute("UPDATE mailbox SET uidvalidity = 1")
        db.execute(
            "INSERT INTO place (mailbox_id, uidvalidity, uid, state, first_seen_at, last_error)"
            " VALUES (1, 1, 1, 'quarantined', ?, 'The server left it out.')",
            [stamp(now)],
        )
    page = kim.get("/queue?view=problems").text
    assert pseudo.pseudo("{} letter could not be fetched").format(1) in page
    assert untranslated(page) == []


def test_the_data_of_a_person_is_searched_and_erased_in_the_language(
    ada: Somebody, both: tuple[int, int]
) -> None:
    for path, form in (
        ("/person/1/data/hold", {"why": ""}),
        ("/person/1/data/look", {}),
    ):
        assert untranslated(post(ada, path, **form)) == [], path


@pytest.mark.parametrize("table", list(reports.TABLES))
def test_a_file_speaks_the_language_in_its_heads_and_kinds(
    ada: Somebody, db: Database, table: str
) -> None:
    letters.a_few_hundred(db, datetime.now(UTC), 30)
    text = ada.get(f"/reports/{table}.csv?days=30").text.removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    ours = [*rows[0], *(row[0] for row in rows if table in ("waiting", "corrections", "weekdays"))]
    assert [cell for cell in ours if PLAIN.search(cell)] == []


def test_the_file_of_the_record_has_heads_in_the_language(ada: Somebody) -> None:
    text = ada.post("/audit/file").text.removeprefix("\ufeff")
    assert [head for head in next(csv.reader(io.StringIO(text))) if PLAIN.search(head)] == []
