"""Users, roles and sessions: who may add, change and shut out whom, and who may not."""

import re
from datetime import UTC, datetime

import pyotp
import pytest
from flask import Flask

from inboxbot import accounts, team
from inboxbot.errors import Conflict
from inboxbot.store import users
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role, Stage
from inboxbot.web.auth import COOKIE
from tests.somebody import Somebody, recorded
from tests.stand import PASSWORD


def test_a_new_user_gets_a_link_that_is_shown_once(ada: Somebody, app: Flask, db: Database) -> None:
    shown = ada.post("/users/add", name="Jo", role="auditor")
    assert shown.status_code == 200
    link = re.search(r"http://localhost(/welcome/[\w-]+)", shown.text)
    assert link is not None
    assert link[1] not in ada.get("/users").text
    jo = users.named(db, "jo")
    assert jo is not None
    assert jo.role is Role.AUDITOR
    assert app.test_client().get(link[1]).status_code == 200
    assert recorded(db, "user added")[0] == ("ada", "jo auditor")


def test_a_name_that_is_taken_or_none_is_said_and_stays_typed(ada: Somebody) -> None:
    for name, why in (("ada", "already"), ("no name!", "A user name is")):
        answer = ada.post("/users/add", name=name, role="administrator")
        assert answer.status_code == 422
        assert why in answer.text
        assert f'value="{name}"' in answer.text
        assert re.search(r'value="administrator" checked', answer.text)


def test_the_link_names_https_behind_a_proxy(ada: Somebody) -> None:
    session = users.session(ada.db, ada.token)
    assert session is not None
    ada.client.set_cookie(COOKIE, ada.token, domain="desk.example.org", secure=True)
    shown = ada.client.post(
        "/users/add",
        data={"form_token": session.form_token, "name": "jo", "role": "staff"},
        base_url="https://desk.example.org/",
        headers={"Host": "desk.example.org"},
    )
    assert "https://desk.example.org/welcome/" in shown.text


def test_another_role_counts_at_once(ada: Somebody, kim: Somebody, db: Database) -> None:
    assert kim.get("/queue").status_code == 200
    assert ada.post(f"/users/{kim.id}/role", role="auditor").status_code == 303
    assert kim.get("/queue").status_code == 302  # Signed out.
    changed = users.get(db, kim.id)
    assert changed is not None
    assert changed.role is Role.AUDITOR
    assert recorded(db, "role changed") == [("ada", "kim staff -> auditor")]


def test_who_is_shut_out_cannot_go_on_and_a_new_link_lets_them_in(
    ada: Somebody, kim: Somebody, app: Flask, db: Database
) -> None:
    ada.post(f"/users/{kim.id}/disable")
    assert kim.get("/queue").status_code == 302
    assert "Shut out: cannot sign in" in ada.get(f"/users/{kim.id}").text
    shown = ada.post(f"/users/{kim.id}/reset")
    link = re.search(r"/welcome/[\w-]+", shown.text)
    assert link is not None
    assert app.test_client().get(link[0]).status_code == 200
    assert [who for who, _ in recorded(db, "user disabled")] == ["ada"]


def test_a_lost_telephone_costs_the_second_step_and_the_sessions(
    ada: Somebody, kim: Somebody, db: Database
) -> None:
    with write(db):
        users.change(db, kim.id, totp_secret="A" * 32)
        users.set_recovery_codes(db, kim.id, ["one", "two"])
    ada.post(f"/users/{kim.id}/second-step/remove")
    changed = users.get(db, kim.id)
    assert changed is not None
    assert changed.totp_secret is None
    assert users.recovery_codes_left(db, kim.id) == 0
    assert kim.get("/queue").status_code == 302
    assert recorded(db, "second factor removed") == [("ada", "kim")]


def test_somebody_is_signed_out_everywhere(ada: Somebody, kim: Somebody, db: Database) -> None:
    ada.post(f"/users/{kim.id}/sessions/end")
    assert users.sessions(db, kim.id) == []
    assert recorded(db, "sessions ended") == [("ada", "kim")]


def test_everybody_is_signed_out_but_whoever_asks(
    ada: Somebody, kim: Somebody, db: Database
) -> None:
    with write(db):
        elsewhere = users.open_session(db, ada.id, Stage.OPEN, "elsewhere", datetime.now(UTC))
    ada.post("/users/sessions/end")
    assert users.sessions(db, kim.id) == []
    assert users.session(db, elsewhere) is None
    assert ada.get("/users").status_code == 200
    assert recorded(db, "everybody signed out") == [("ada", "2")]


@pytest.mark.parametrize("what", ["role", "disable", "reset", "second-step/remove", "sessions/end"])
def test_nobody_acts_on_their_own_account_there(ada: Somebody, db: Database, what: str) -> None:
    before = users.get(db, ada.id)
    answer = ada.post(f"/users/{ada.id}/{what}", role="staff")
    assert answer.status_code == 409
    assert "ask another administrator" in answer.text
    assert users.get(db, ada.id) == before
    assert len(users.sessions(db, ada.id)) == 1


def test_the_last_administrator_stays_one(ada: Somebody, app: Flask, db: Database) -> None:
    # Two administrators act at the same moment: the pages of both were shown before.
    now, eve = datetime.now(UTC), Somebody(app, db, "eve", Role.ADMINISTRATOR)
    by = users.get(db, ada.id)
    assert by is not None
    with write(db):
        users.change(db, ada.id, disabled=True)
    with pytest.raises(Conflict, match="last administrator"):
        team.change_role(db, eve.id, Role.STAFF, by=by, now=now)
    with pytest.raises(Conflict, match="last administrator"):
        accounts.disable(db, "eve", who="ada", now=now)
    kept = users.get(db, eve.id)
    assert kept is not None
    assert (kept.role, kept.disabled) == (Role.ADMINISTRATOR, False)


def test_an_administrator_without_a_password_is_nobody_to_rely_on(
    ada: Somebody, db: Database
) -> None:
    accounts.add_user(
        db, "new", Role.ADMINISTRATOR, who="t", now=datetime.now(UTC), purpose=Purpose.PASSWORD
    )
    user = users.get(db, ada.id)
    assert user is not None
    assert accounts.is_last_administrator(db, user)


def test_a_browser_that_was_left_open_changes_no_account(
    ada: Somebody, kim: Somebody, db: Database
) -> None:
    ada.grow_old()
    assert "type your password again" in ada.get("/users").text
    before = [(each.role, each.disabled) for each in users.everybody(db)]
    for path in ("role", "disable", "reset", "second-step/remove", "sessions/end"):
        answer = ada.post(f"/users/{kim.id}/{path}", role="auditor")
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/users/{kim.id}"
    assert ada.post("/users/add", name="jo").status_code == 303
    assert [(each.role, each.disabled) for each in users.everybody(db)] == before
    assert len(users.sessions(db, kim.id)) == 1


def test_the_right_password_opens_them_again_and_a_wrong_one_is_counted(
    ada: Somebody, db: Database
) -> None:
    ada.grow_old()
    wrong = ada.post("/me/confirm", password="something else", next="/users")
    assert wrong.status_code == 422
    assert recorded(db, "confirmation failed") == [("ada", "")]
    right = ada.post("/me/confirm", password=PASSWORD, next="/users")
    assert (right.status_code, right.headers["Location"]) == (303, "/users")
    assert "Add somebody" in ada.get("/users").text
    ada.grow_old()
    for _ in range(5):
        ada.post("/me/confirm", password="guess", next="/users")
    assert ada.post("/me/confirm", password=PASSWORD, next="/users").status_code == 429


def test_confirming_leads_to_no_other_site(ada: Somebody) -> None:
    answer = ada.post("/me/confirm", password=PASSWORD, next="//evil.example/")
    assert answer.headers["Location"] == "/"


def test_one_signs_out_of_another_browser_and_not_of_somebody_elses(
    kim: Somebody, ada: Somebody, db: Database
) -> None:
    now = datetime.now(UTC)
    with write(db):
        other = users.open_session(db, kim.id, Stage.OPEN, "telephone", now)
    kim.post("/me/session/end", session=users.digest(ada.token))
    kim.post("/me/session/end", session=users.digest(other))
    assert users.session(db, other) is None
    assert users.session(db, ada.token) is not None
    assert users.session(db, kim.token) is not None


def test_the_present_password_is_not_guessed_where_it_is_changed(
    kim: Somebody, db: Database
) -> None:
    new = "another four words"
    for _ in range(5):
        assert kim.post("/me/password", old="guess", new=new).status_code == 422
    assert len(recorded(db, "confirmation failed")) == 5
    locked = kim.post("/me/password", old=PASSWORD, new=new)
    assert locked.status_code == 429
    assert "Too many tries" in locked.text
    assert recorded(db, "password set") == []


def test_a_browser_that_was_left_open_sets_up_nobodys_second_step(
    kim: Somebody, db: Database
) -> None:
    kim.grow_old()
    secret = pyotp.random_base32()
    form = {"secret": secret, "code": pyotp.TOTP(secret).now()}
    for answer in (kim.get("/me/second-factor"), kim.post("/me/second-factor", **form)):
        assert answer.headers["Location"] == "/me/confirm?next=/me/second-factor"
    assert recorded(db, "second factor set up") == []
    kim.post("/me/confirm", password=PASSWORD)
    form["code"] = pyotp.TOTP(secret).now()
    assert kim.post("/me/second-factor", **form).status_code == 200
    assert recorded(db, "second factor set up") == [("kim", "")]
