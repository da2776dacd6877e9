"""Signing in: with a password, a code, a link; how often one may fail; when a session ends."""

import html
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import segno
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from inboxbot import accounts
from inboxbot.errors import Conflict
from inboxbot.store import audit, users
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role
from inboxbot.web.auth import COOKIE
from tests.stand import PASSWORD, make_app, new_app

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def after(self, **period: float) -> None:
        self.now += timedelta(**period)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(db: Database, store_path: Path, clock: Clock) -> Flask:
    return make_app(store_path, clock=clock)


@pytest.fixture
def jo(db: Database) -> str:
    link = accounts.add_user(db, "jo", Role.STAFF, who="test", now=NOW, purpose=Purpose.PASSWORD)
    accounts.choose_password(db, link, PASSWORD, agent="", now=NOW)
    return "jo"


def send(client: FlaskClient, path: str, **form: str) -> TestResponse:
    found = re.search(r'name="form_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return client.post(path, data=form | {"form_token": found[1]})


def sign_in(
    client: FlaskClient, name: str = "jo", password: str = PASSWORD, **more: str
) -> TestResponse:
    return send(client, "/login", name=name, password=password, **more)


def signed_in(client: FlaskClient) -> bool:
    return client.get("/me").status_code == 200


def test_an_empty_house_lets_nobody_in(app: Flask) -> None:
    client = app.test_client()
    for name in ("admin", "administrator", "root", "jo", "inboxbot", ""):
        for password in ("", "admin", "password", "changeme", PASSWORD):
            assert sign_in(client, name or "-", password or "-").status_code in (401, 429)


def test_name_and_password_open_the_queue(app: Flask, jo: str) -> None:
    client = app.test_client()
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert signed_in(client)


def test_one_goes_on_to_the_page_that_was_asked_for_and_never_to_another_site(
    app: Flask, jo: str
) -> None:
    client = app.test_client()
    asked = client.get("/m/7?view=mine")
    assert asked.headers["Location"] == "/login?next=/m/7?view%3Dmine"
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x",
                   "/a\r\nSet-Cookie: x=y", "evil"):  # fmt: skip
        fresh = app.test_client()
        assert sign_in(fresh, next=target).headers["Location"] == "/"
    fresh = app.test_client()
    assert sign_in(fresh, next="/m/7?view=mine").headers["Location"] == "/m/7?view=mine"


def test_every_failure_is_told_in_the_same_words(app: Flask, jo: str) -> None:
    client = app.test_client()
    wrong = sign_in(client, "jo", "not the password").text
    unknown = sign_in(client, "nobody", "not the password").text
    assert re.sub(r'value="[^"]*"', "", wrong) == re.sub(r'value="[^"]*"', "", unknown)
    assert "do not go together" in wrong


@pytest.mark.usefixtures("shipped_passwords")
def test_an_unknown_name_takes_as_long_as_a_known_one(db: Database, jo: str) -> None:
    def seconds(name: str, number: int) -> float:
        before = time.perf_counter()
        accounts.sign_in(db, name, "wrong", origin=f"{name}{number}", agent="", now=NOW)
        return time.perf_counter() - before

    # In turns, and the shortest: what else goes on in the machine makes them only longer. After the
    # fifth failure the door is closed, and nothing is hashed.
    times = [(seconds("jo", number), seconds("nobody", number)) for number in range(5)]
    known, unknown = map(min, zip(*times, strict=True))
    assert 0.4 < known / unknown < 2.5


def test_five_failures_close_the_door_for_fifteen_minutes_also_over_a_restart(
    app: Flask, jo: str, clock: Clock, store_path: Path
) -> None:
    client = app.test_client()
    for _ in range(5):
        assert sign_in(client, password="wrong").status_code == 401
    refused = sign_in(client)
    assert refused.status_code == 429
    assert "wait 15 minutes" in refused.text
    again = new_app(store_path, clock=clock).test_client()
    assert sign_in(again).status_code == 429
    clock.after(minutes=16)
    assert sign_in(again).status_code == 303


def test_one_origin_may_fail_twenty_times_over_all_names(app: Flask, jo: str) -> None:
    client = app.test_client()
    for number in range(20):
        assert sign_in(client, f"name{number}", "wrong").status_code == 401
    assert sign_in(client).status_code == 429


def test_a_second_step_asks_for_a_code_and_each_code_counts_once(
    app: Flask, db: Database, jo: str, clock: Clock
) -> None:
    user = users.named(db, jo)
    assert user is not None
    secret = pyotp.random_base32()
    codes = accounts.enrol(db, user, secret, pyotp.TOTP(secret).at(NOW), NOW)
    assert codes is not None
    assert len(set(codes)) == 10
    clock.after(minutes=1)
    client = app.test_client()
    assert sign_in(client).headers["Location"] == "/login/code"
    assert not signed_in(client)
    code = pyotp.TOTP(secret).at(clock.now)
    assert send(client, "/login/code", code="000000").status_code == 401
    assert send(client, "/login/code", code=code).status_code == 303
    assert signed_in(client)
    other = app.test_client()
    sign_in(other)
    assert send(other, "/login/code", code=code).status_code == 401
    assert send(other, "/login/code", code=codes[0].upper()).status_code == 303
    third = app.test_client()
    sign_in(third)
    assert send(third, "/login/code", code=codes[0]).status_code == 401


def test_an_administrator_must_set_up_the_second_step(
    app: Flask, db: Database, clock: Clock
) -> None:
    link = accounts.add_user(
        db, "ada", Role.ADMINISTRATOR, who="test", now=NOW, purpose=Purpose.PASSWORD
    )
    client = app.test_client()
    answer = send(client, f"/welcome/{link}", password=PASSWORD, again=PASSWORD)
    assert answer.status_code == 303
    assert client.get("/queue").headers["Location"] == "/me/second-factor"
    page = client.get("/me/second-factor").text
    found = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert found is not None
    code = pyotp.TOTP(found[1]).at(clock.now)
    done = send(client, "/me/second-factor", secret=found[1], code=code)
    assert len(re.findall(r"<code>[0-9a-f]{5}-[0-9a-f]{5}</code>", done.text)) == 10
    assert client.get("/queue").status_code == 200


def test_a_link_works_once_and_for_an_hour(app: Flask, db: Database, clock: Clock) -> None:
    link = accounts.add_user(db, "jo", Role.STAFF, who="test", now=NOW, purpose=Purpose.PASSWORD)
    client = app.test_client()
    assert send(client, f"/welcome/{link}", password="short", again="short").status_code == 422
    assert client.get(f"/enter/{link}").status_code == 410
    assert send(client, f"/welcome/{link}", password=PASSWORD, again=PASSWORD).status_code == 303
    assert client.get(f"/welcome/{link}").status_code == 410
    late = accounts.reset(db, "jo", who="test", now=NOW)
    clock.after(minutes=61)
    assert app.test_client().get(f"/welcome/{late}").status_code == 410


def test_a_session_ends_when_nobody_uses_it_and_after_a_day_of_work(
    app: Flask, jo: str, clock: Clock
) -> None:
    client = app.test_client()
    sign_in(client)
    for _ in range(24):
        clock.after(minutes=29)
        assert signed_in(client)
    clock.after(minutes=31)
    assert not signed_in(client)
    sign_in(client)
    for _ in range(25):
        clock.after(minutes=29)
        client.get("/me")
    assert not signed_in(client)


@pytest.mark.parametrize(
    "end",
    [
        lambda client, db: send_from_me(client, "/logout"),
        lambda client, db: send_from_me(client, "/me/sessions/end"),
        lambda client, db: send_from_me(
            client, "/me/password", old=PASSWORD, new="another four words"
        ),
        lambda client, db: accounts.disable(db, "jo", who="test", now=NOW),
        lambda client, db: accounts.reset(db, "jo", who="test", now=NOW),
    ],
    ids=["sign out", "everywhere", "new password", "disabled", "reset"],
)
def test_an_old_cookie_opens_nothing_after_the_session_was_ended(
    app: Flask, db: Database, jo: str, end: Callable[[FlaskClient, Database], object]
) -> None:
    client = app.test_client()
    sign_in(client)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    assert signed_in(client)
    end(client, db)
    thief = app.test_client()
    thief.set_cookie(COOKIE, cookie.value, secure=True)
    assert not signed_in(thief)


def send_from_me(client: FlaskClient, path: str, **form: str) -> TestResponse:
    found = re.search(r'name="form_token" value="([^"]+)"', client.get("/me").text)
    assert found is not None
    return client.post(path, data=form | {"form_token": found[1]})


def test_the_id_of_a_session_is_new_after_each_step_and_never_guessable(
    app: Flask, db: Database, jo: str
) -> None:
    user = users.named(db, jo)
    assert user is not None
    tokens = {users.open_session(db, user.id, users.Stage.OPEN, "", NOW) for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[\w-]{43}", token) for token in tokens)
    stored = {row[0] for row in db.execute("SELECT hash FROM session")}
    assert not stored & tokens


@pytest.mark.usefixtures("shipped_passwords")
def test_passwords_are_stored_as_argon2id(db: Database, jo: str) -> None:
    user = users.named(db, jo)
    assert user is not None
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("eleven char", False),
        ("twelve chars", True),
        ("x" * 40, False),
        ("abababababababab", False),
        ("Password1234", False),
        ("inboxbot-inboxbot", False),
        ("als worldwide", False),
        ("P@ssw0rd1234", False),
        ("qwertyuiop123", False),
        ("1q2w3e4r5t6y", False),
        ("supportsupport", False),
        ("contrasena123", False),
        ("summer202612", False),
        ("Worldwide2026", False),
        ("jo jo jo jo jo", False),
        ("four words that rhyme", True),
        ("пароль из четырёх слов", True),
        ("春眠不觉晓处处闻啼鸟夜来", True),
        ("correct horse " * 10, True),
        ("long words of all kinds " * 20, False),
    ],
)
def test_a_password_is_long_and_not_the_first_to_be_guessed(password: str, good: bool) -> None:
    assert (accounts.password_problem(password, "jo", "ALS Worldwide") is None) is good


def test_a_name_is_plain_and_free(db: Database, jo: str) -> None:
    for name in ("jo", "JO ", "", "two words", "x" * 40, "<b>", "é"):
        with pytest.raises(Conflict):
            accounts.add_user(db, name, Role.STAFF, who="test", now=NOW, purpose=Purpose.PASSWORD)


def test_what_was_typed_wrongly_stands_nowhere(app: Flask, db: Database, jo: str) -> None:
    secret = "MyRealPassword!typed-as-name"
    sign_in(app.test_client(), secret, "x")
    sign_in(app.test_client(), "jo", secret)
    for row in db.execute("SELECT account, origin FROM failed_sign_in"):
        assert secret.lower() not in "".join(row).lower()
    for entry in audit.entries(db):
        assert secret.lower() not in (entry.who + entry.detail).lower()


def test_the_key_of_an_authenticator_is_drawn_into_the_page_itself(
    app: Flask, db: Database, jo: str
) -> None:
    client = app.test_client()
    sign_in(client)
    page = client.get("/me/second-factor").text
    address = re.search(r'href="(otpauth://[^"]+)"', page)
    assert address is not None
    drawn = segno.make_qr(html.unescape(address[1]), error="m")
    modules = sum(cell for row in drawn.matrix for cell in row)
    strokes = re.search(r'<path stroke="#000" d="([^"]+)"', page)
    assert strokes is not None
    assert sum(int(run) for run in re.findall(r"h(\d+)", strokes[1])) == modules


@pytest.mark.parametrize("secret", ["0" * 32, "é" * 32, "A" * 31])
def test_a_key_that_no_authenticator_takes_is_not_set_up(app: Flask, jo: str, secret: str) -> None:
    client = app.test_client()
    sign_in(client)
    answer = send(client, "/me/second-factor", secret=secret, code="123456")
    assert answer.status_code == 422
    assert secret not in answer.text


def test_what_a_page_asks_by_itself_keeps_no_session_alive(
    app: Flask, db: Database, jo: str, clock: Clock
) -> None:
    client = app.test_client()
    sign_in(client)
    page = client.get("/me").text
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token is not None
    headers = {"X-Form-Token": token[1]}
    clock.now += timedelta(minutes=20)
    assert client.get("/queue/news").status_code == 200
    assert client.get("/session").json == {"left": 600, "may_stay": True}
    assert client.post("/session", headers=headers).status_code == 204
    assert client.get("/session").json == {"left": 1800, "may_stay": True}
    clock.now += timedelta(minutes=25)
    assert client.get("/queue/news").status_code == 200
    clock.now += timedelta(minutes=6)
    assert client.get("/session", headers={"Sec-Fetch-Mode": "cors"}).status_code == 401
    assert "session over" in [entry.what for entry in audit.entries(db)]


def test_a_session_that_no_browser_came_back_to_is_over_and_goes_with_the_next_sign_in(
    app: Flask, jo: str, db: Database
) -> None:
    user = users.named(db, jo)
    assert user is not None
    with write(db):
        users.open_session(db, user.id, users.Stage.OPEN, "left-behind", NOW - timedelta(days=1))
    client = app.test_client()
    assert sign_in(client).status_code == 303
    assert "left-behind" not in client.get("/me").text
    assert "left-behind" not in {each.agent for each in users.sessions(db, user.id)}


def test_a_sign_in_that_was_left_half_way_can_be_begun_again_and_left(
    app: Flask, db: Database, jo: str, clock: Clock
) -> None:
    user = users.named(db, jo)
    assert user is not None
    secret = pyotp.random_base32()
    accounts.enrol(db, user, secret, pyotp.TOTP(secret).at(NOW), NOW)
    clock.after(minutes=1)
    client = app.test_client()
    sign_in(client)
    assert sign_in(client).headers["Location"] == "/login/code"
    code = pyotp.TOTP(secret).at(clock.now)
    assert send(client, "/login/code", code=code).status_code == 303
    assert signed_in(client)
    other = app.test_client()
    sign_in(other)
    assert leave(other, "/login/code").headers["Location"] == "/login"
    assert other.get("/login/code").headers["Location"].startswith("/login?")


def test_setting_up_the_second_step_can_be_left(app: Flask, db: Database) -> None:
    link = accounts.add_user(
        db, "ada", Role.ADMINISTRATOR, who="test", now=NOW, purpose=Purpose.PASSWORD
    )
    client = app.test_client()
    send(client, f"/welcome/{link}", password=PASSWORD, again=PASSWORD)
    assert sign_in(client, "ada").headers["Location"] == "/"
    assert leave(client, "/me/second-factor").headers["Location"] == "/login"


def leave(client: FlaskClient, path: str) -> TestResponse:
    """Press the button for signing out on a page."""
    found = re.search(
        r'action="/logout"><input type="hidden" name="form_token" value="([^"]+)"',
        client.get(path).text.replace("\n", ""),
    )
    assert found is not None
    return client.post("/logout", data={"form_token": found[1]})


@pytest.mark.parametrize("kind", ["welcome", "enter"])
def test_a_link_works_also_where_somebody_is_signed_in_and_shows_nothing_of_them(
    app: Flask, db: Database, jo: str, kind: str
) -> None:
    client = app.test_client()
    sign_in(client)
    purpose = Purpose.PASSWORD if kind == "welcome" else Purpose.ENTER
    link = accounts.add_user(db, "kim", Role.STAFF, who="test", now=NOW, purpose=purpose)
    assert "jo" not in re.findall(r"<bdi>(\w+)</bdi>", client.get(f"/{kind}/{link}").text)
    answer = send(client, f"/{kind}/{link}", password=PASSWORD, again=PASSWORD)
    assert answer.status_code == 303
    assert "<bdi>kim</bdi>" in client.get("/me").text
