"""Every page and every form over real HTTP semantics: headers, roles, forged requests."""

import hashlib
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import inboxbot.web
from inboxbot import accounts
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role, Stage
from inboxbot.web import headers, roles
from tests import letters
from tests.letters import Letter
from tests.outbox_rows import give_up
from tests.signed_in import SignedIn
from tests.stand import make_app

# For every page: the values that its address needs.
VALUES = {
    "letter": "1",
    "index": "1",
    "action": "note",
    "token": "no-such-link",
    "filename": "app.css",
    "name": "general_inquiry",
    "language": "en",
    "user": "1",
    "table": "volumes",
}


@pytest.fixture
def app(db: Database, store_path: Path) -> Flask:
    letters.add(db, Letter(html="<p>Hello <b>there</b></p>"), datetime.now(UTC))
    return make_app(store_path)


def signed_in(app: Flask, db: Database, role: Role, stage: Stage = Stage.OPEN) -> FlaskClient:
    return SignedIn(app, db, f"{role}-{stage}", role, stage=stage).client


def form_token(client: FlaskClient, path: str = "/me") -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def pages(app: Flask) -> list[tuple[str, str, str]]:
    """Every (endpoint, method, path) that the app answers."""
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: VALUES[match[1]], rule.rule)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            found.append((rule.endpoint, method, path))
    return found


def test_every_page_stands_in_the_table_of_roles(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints == roles.OPEN | set(roles.ROLES)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_exactly_its_pages(app: Flask, db: Database, role: Role) -> None:
    client = signed_in(app, db, role)
    for endpoint, method, path in pages(app):
        if endpoint in roles.OPEN or endpoint in ("auth.sign_out", "account.end_sessions"):
            continue
        sent = client.open(
            path, method=method, data={"form_token": form_token(client)}, buffered=True
        )
        denied = sent.status_code == 403 and "may not do that" in sent.text
        assert denied is (role not in roles.ROLES[endpoint]), (role, method, path)


def test_every_page_says_in_its_title_what_it_is_and_nothing_of_a_letter_or_a_person(
    app: Flask, db: Database
) -> None:
    client = signed_in(app, db, Role.ADMINISTRATOR)
    titles = {}
    for _, method, path in pages(app):
        answer = client.get(path, buffered=True) if method == "GET" else None
        if answer is not None and 'class="top"' in answer.text:
            titles[path] = re.findall("<title>(.*)</title>", answer.text)[0]
    assert len(titles) > 20
    for page in (Path(inboxbot.web.__file__).parent / "pages").glob("*.html"):
        text = page.read_text("utf-8")
        assert 'extends "base.html"' not in text or "{% block title %}" in text, page.name
    for path, title in titles.items():
        assert re.fullmatch(r"\S.* - inboxbot", title), path
        assert not re.search(r"ana|profile form|administrator-", title, re.IGNORECASE), path


def test_nobody_opens_a_page_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for endpoint, method, path in pages(app):
        if endpoint not in roles.OPEN:
            answer = client.open(path, method=method, buffered=True)
            assert answer.status_code in (302, 401), path
            assert "riluzole" not in answer.text


@pytest.mark.parametrize("stage", [Stage.CODE, Stage.ENROL])
def test_a_sign_in_that_is_not_complete_opens_nothing_else(
    app: Flask, db: Database, stage: Stage
) -> None:
    client = signed_in(app, db, Role.ADMINISTRATOR, stage)
    allowed = roles.BEFORE_CODE if stage is Stage.CODE else roles.BEFORE_FACTOR
    for endpoint, method, path in pages(app):
        if method == "GET" and endpoint not in roles.OPEN | allowed:
            answer = client.get(path)
            assert answer.status_code == 302, path
            assert answer.headers["Location"] in ("/login/code", "/me/second-factor")


def test_every_response_carries_every_header(app: Flask, db: Database) -> None:
    for client in (app.test_client(), signed_in(app, db, Role.ADMINISTRATOR)):
        for endpoint, method, path in [*pages(app), ("", "GET", "/nowhere"), ("", "PUT", "/queue")]:
            if endpoint in ("auth.sign_out", "account.end_sessions"):
                continue
            answer = client.open(path, method=method, buffered=True)
            for name, value in headers.HEADERS.items():
                if endpoint == "files.formatted_page" and name == "X-Frame-Options":
                    continue
                assert answer.headers.get(name) == value, (path, name)
            policy = answer.headers["Content-Security-Policy"]
            expected = {headers.CONTENT_SECURITY_POLICY}
            if answer.status_code == 200 and endpoint == "files.formatted_page":
                expected = {headers.FRAME_POLICY}
            if answer.status_code == 200 and endpoint in ("files.download", "files.attachment"):
                expected = {headers.FILE_POLICY}
            assert {policy} == expected, path
            kept = "no-store" if answer.status_code != 200 or endpoint != "static" else "private"
            assert kept in answer.headers["Cache-Control"], path
            assert "Server" not in answer.headers


def test_the_policies_are_exactly_those_that_were_agreed() -> None:
    assert headers.CONTENT_SECURITY_POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; object-src 'none'; "
        "require-trusted-types-for 'script'"
    )
    assert headers.FRAME_POLICY == (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'"
    )


def test_a_form_without_our_token_or_from_another_site_does_nothing(
    app: Flask, db: Database
) -> None:
    client = signed_in(app, db, Role.ADMINISTRATOR)
    token = form_token(client)
    before = digest(db)
    for _endpoint, method, path in pages(app):
        if method != "POST":
            continue
        forged = (
            ({}, {}),
            ({"form_token": "forged"}, {}),
            ({"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
            ({"form_token": token}, {"Sec-Fetch-Site": "same-site"}),
            ({"form_token": token}, {"Origin": "https://evil.example"}),
            ({"form_token": token}, {"Origin": "null"}),
        )
        for form, more in forged:
            answer = client.post(path, data=form, headers=more)
            assert answer.status_code == 403, (path, form, more)
    assert digest(db) == before


def test_a_null_origin_is_ours_where_the_browser_says_so(app: Flask, db: Database) -> None:
    client = signed_in(app, db, Role.STAFF)
    answer = client.post(
        "/me/preferences",
        data={"form_token": form_token(client), "theme": "dark"},
        headers={"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    )
    assert answer.status_code == 303


def test_opening_pages_changes_nothing_but_the_record_of_it(app: Flask, db: Database) -> None:
    client = signed_in(app, db, Role.ADMINISTRATOR)
    before = digest(db)
    for endpoint, method, path in pages(app):
        if method == "GET":
            client.get(path, buffered=True)
            assert digest(db) == before, endpoint


def digest(db: Database) -> str:
    """A hash of every table, but those that record the reading itself."""
    marks = hashlib.sha256()
    for name in sorted(db.tables()):
        if name in ("audit", "session", "presence") or name.startswith(("sqlite_", "reading_")):
            continue
        for row in db.execute(f"SELECT * FROM [{name}]"):
            marks.update(repr((name, row)).encode())
    return marks.hexdigest()


def test_the_cookie_is_as_strict_as_cookies_get(app: Flask, db: Database) -> None:
    now = datetime.now(UTC)
    link = accounts.add_user(db, "jo", Role.STAFF, who="test", now=now, purpose=Purpose.ENTER)
    client = app.test_client()
    token = form_token(client, f"/enter/{link}")
    answer = client.post(f"/enter/{link}", data={"form_token": token})
    (cookie,) = answer.headers.get_all("Set-Cookie")
    assert re.fullmatch(
        r"__Host-inboxbot=[\w-]{43}; Secure; HttpOnly; Path=/; SameSite=Strict", cookie
    )


def test_a_forced_fault_shows_a_code_and_no_trace(
    app: Flask, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    client = signed_in(app, db, Role.STAFF)
    db.execute("ALTER TABLE snippet RENAME TO elsewhere")
    answer = client.get("/replies")
    assert answer.status_code == 503
    assert re.search(r"<code>[0-9A-F]{6}</code>", answer.text)
    assert "snippet" not in answer.text
    assert "Traceback" not in answer.text
    assert "Traceback" not in capsys.readouterr().err


def test_sqlite_is_asked_with_parameters_only(app: Flask, db: Database) -> None:
    client = signed_in(app, db, Role.STAFF)
    for poison in ("'", "1 OR 1=1", "'\")--", "%", "\x00", "9" * 30, "-1", "é"):
        for name in ("view", "sort", "category", "s", "after", "done", "show", "since", "edit"):
            for path in ("/queue", "/m/1", "/queue/news", "/replies"):
                answer = client.get(path, query_string={name: poison})
                gone = name == "s" and path == "/queue"  # There is no such search.
                assert answer.status_code == (400 if gone else 200), (path, name, poison)


def test_a_letter_that_is_not_there_is_said_to_be_missing(app: Flask, db: Database) -> None:
    client = signed_in(app, db, Role.STAFF)
    for path in ("/m/77", "/m/77/raw", "/m/77/attachment/1", "/person/77", "/m/1/attachment/99"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Not found" in answer.text


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5000, "٣"])
def test_a_number_that_no_row_can_have_leads_nowhere(app: Flask, db: Database, number: str) -> None:
    staff, ada = signed_in(app, db, Role.STAFF), signed_in(app, db, Role.ADMINISTRATOR)
    for path in ("/m/{}", "/m/{}/raw", "/m/1/attachment/{}", "/person/{}"):
        assert staff.get(path.format(number)).status_code == 404
    assert ada.get(f"/users/{number}").status_code == 404


def test_the_store_being_locked_is_said_without_losing_the_page(
    app: Flask, db: Database, monkeypatch: pytest.MonkeyPatch, store_path: Path
) -> None:
    client = signed_in(app, db, Role.STAFF)
    monkeypatch.setattr("inboxbot.store.database.BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(store_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = client.get("/m/1")
        assert answer.status_code == 503
        assert "Your work is safe" in answer.text
    finally:
        other.close()


def test_a_letter_that_could_not_be_fetched_is_counted_and_shown_with_its_reason(
    app: Flask, db: Database
) -> None:
    give_up(db, uid=77)
    page = signed_in(app, db, Role.STAFF).get("/queue?view=problems").text
    assert "1 letter could not be fetched" in page
    assert "Mailbox support, letter number 77 on the server" in page
    assert "The server left it out." in page
    assert re.search(r'class="trouble">Problems<span class="count">1<', page)
    assert "letter number 77" not in signed_in(app, db, Role.AUDITOR).get("/queue").text
