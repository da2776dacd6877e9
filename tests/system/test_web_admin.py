"""The pages of administration by plain forms, as a browser without a script posts them."""

import csv
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.test import TestResponse

from inboxbot import accounts, modes, team
from inboxbot.errors import Conflict
from inboxbot.store import audit, backup, holds, retention, settings, test_mails, users
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role, Stage
from inboxbot.web import words
from inboxbot.web.auth import COOKIE
from tests import letters
from tests.letters import Letter
from tests.office import parts, watch
from tests.signed_in import SignedIn
from tests.stand import PASSWORD, make_app, new_store


@cache
def hash_of_password() -> str:
    """Hashing takes long on purpose: once is enough."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)


class Somebody(SignedIn):
    """Somebody who has a password, which they are asked for again after a while."""

    def __init__(self, app: Flask, db: Database, name: str, role: Role) -> None:
        super().__init__(app, db, name, role)
        with write(db):
            users.change(db, self.id, password_hash=hash_of_password())

    def grow_old(self) -> None:
        """Let the password have been typed long ago."""
        with write(self.db):
            long_ago = datetime.now(UTC) - timedelta(minutes=16)
            users.confirmed(self.db, users.digest(self.token), long_ago)


@pytest.fixture
def db(store_path: Path) -> Iterator[Database]:
    database = new_store(store_path)
    yield database
    database.close()


@pytest.fixture
def app(db: Database, store_path: Path, tmp_path: Path) -> Flask:
    return make_app(store_path, **parts(tmp_path))


@pytest.fixture
def ada(app: Flask, db: Database) -> Somebody:
    return Somebody(app, db, "ada", Role.ADMINISTRATOR)


@pytest.fixture
def kim(app: Flask, db: Database) -> Somebody:
    return Somebody(app, db, "kim", Role.STAFF)


def recorded(db: Database, what: str) -> list[tuple[str, str]]:
    return [(each.who, each.detail) for each in audit.entries(db, Narrowed(what=what))]


# Users


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


# Going live


def test_the_guide_shows_how_every_step_stands(ada: Somebody, db: Database) -> None:
    page = ada.get("/going-live").text
    assert "never looked into" in page
    assert "I go live although 4 steps are open." in page
    letters.mailbox(db, datetime.now(UTC))
    watch(db, datetime.now(UTC), baseline=1204)
    page = ada.get("/going-live").text
    assert "1,204 letters already there will not be acknowledged." in page
    assert "I go live although 2 steps are open." in page
    with write(db):
        db.execute("UPDATE mailbox SET last_error = 'The password was refused.'")
    page = ada.get("/going-live").text
    assert "The password was refused." in page
    assert "I go live although 3 steps are open." in page


def test_templates_are_approved_as_they_are_and_a_change_asks_again(
    ada: Somebody, app: Flask, db: Database
) -> None:
    ada.post("/going-live/templates")
    assert recorded(db, "templates approved")[0][0] == "ada"
    assert "They have changed since" not in ada.get("/going-live").text
    with write(db):
        text = json.loads(settings.get(db, "templates_reviewed") or "")
        settings.put(db, "templates_reviewed", json.dumps(text | {"fingerprint": "of earlier"}))
    assert "They have changed since: read them again." in ada.get("/going-live").text


def test_going_live_with_open_steps_has_to_be_said(ada: Somebody, db: Database) -> None:
    answer = ada.post("/going-live/live")
    assert answer.status_code == 422
    assert settings.mode(db) is Mode.SHADOW
    ada.post("/going-live/live", although="1")
    assert settings.mode(db) is Mode.LIVE
    assert recorded(db, "mode") == [("ada", "shadow -> live")]
    ada.post("/going-live/shadow")
    assert settings.mode(db) is Mode.SHADOW


@pytest.mark.parametrize(
    "address",
    [
        "ana@example.net",
        "support@example.org",
        "x@example.org.evil.example",
        "ada",
        "@example.org",
        "a b@example.org",
        "a@example.org,b@elsewhere.example",
        "<x@example.org",
        "",
    ],
)
def test_a_test_mail_goes_to_nobody_outside_and_not_to_the_mailbox(
    ada: Somebody, db: Database, address: str
) -> None:
    answer = ada.post("/going-live/test", address=address, template="general_inquiry")
    assert answer.status_code == 422
    assert "your own organisation only" in answer.text
    assert test_mails.newest(db) is None


@pytest.mark.parametrize("address", ["Ada@Example.org", "desk@elsewhere.example"])
def test_a_test_mail_waits_for_the_daemon(ada: Somebody, db: Database, address: str) -> None:
    answer = ada.post("/going-live/test", address=address, template="urgent", language="en")
    assert answer.status_code == 303
    ((mail, reply),) = test_mails.waiting(db)
    assert (mail.template, mail.language, mail.staff) == ("urgent", "en", "ada")
    assert reply.recipient == address
    assert recorded(db, "test mail") == [("ada", "urgent en")]
    assert "it leaves within a minute" in ada.get("/going-live").text


def test_at_most_five_test_mails_in_ten_minutes(ada: Somebody, db: Database) -> None:
    for _ in range(5):
        assert ada.post("/going-live/test", address="ada@example.org").status_code == 303
    answer = ada.post("/going-live/test", address="ada@example.org")
    assert answer.status_code == 422
    assert "wait a little" in answer.text
    assert len(test_mails.waiting(db)) == 5


# The safety stop


def test_everybody_on_the_team_stops_and_an_administrator_lets_go(
    ada: Somebody, kim: Somebody, db: Database
) -> None:
    modes.set_mode(db, Mode.LIVE, who="ada", now=datetime.now(UTC))
    assert "Pause all acknowledgements" in kim.get("/health").text
    kim.post("/health/pause")
    assert settings.mode(db) is Mode.PAUSED
    page = kim.get("/health").text
    assert re.search(r"pressed the safety stop.*<bdi>kim</bdi>", page)
    assert "Let them go again" not in page
    assert kim.post("/health/resume").status_code == 403
    assert "Let them go again" in ada.get("/health").text
    ada.post("/health/resume")
    assert settings.mode(db) is Mode.LIVE
    assert recorded(db, "mode")[:2] == [("ada", "paused -> live"), ("kim", "live -> paused")]


def test_a_stop_is_no_way_around_shadow_mode(ada: Somebody, kim: Somebody, db: Database) -> None:
    kim.post("/health/pause")
    kim.post("/health/pause")  # A double click.
    assert "Back to shadow mode" in ada.get("/health").text
    ada.post("/health/resume")
    assert settings.mode(db) is Mode.SHADOW
    ada.post("/health/resume")  # Nothing is paused.
    assert settings.mode(db) is Mode.SHADOW


def test_the_health_page_tells_of_backup_disk_and_version(kim: Somebody, db: Database) -> None:
    assert "none yet" in kim.get("/health").text
    with write(db):
        settings.put_moment(db, backup.VERIFIED_AT, datetime.now(UTC) - timedelta(hours=3))
    page = kim.get("/health").text
    assert re.search(r"Last verified backup</dt><dd><time[^>]*>3 h</time>", page)
    assert version("inboxbot") in page


def test_the_health_page_says_what_happened_and_gives_administrators_a_text_to_send(
    ada: Somebody, kim: Somebody, db: Database
) -> None:
    modes.set_mode(db, Mode.PAUSED, who="ada", now=datetime.now(UTC))
    page = kim.get("/health").text
    assert re.search(r"The mode was changed\..*shadow -&gt; paused", page)
    assert "<textarea" not in page
    assert kim.get("/health/diagnostics").status_code == 403
    shown = re.search(r"<textarea[^>]*>([^<]+)</textarea>", ada.get("/health").text)
    assert shown is not None
    assert "Mode paused" in shown[1]
    file = ada.get("/health/diagnostics")
    assert "attachment" in file.headers["Content-Disposition"]
    assert "Mode paused" in file.text
    assert "support@example.org" not in shown[1] + file.text


# Settings and retention


def test_the_settings_in_force_name_file_key_value_and_meaning(
    ada: Somebody, tmp_path: Path
) -> None:
    page = ada.get("/settings").text
    assert str(tmp_path / "inboxbot.toml") in page
    assert re.search(r"<strong>120</strong> <code[^>]*>\[replies\] per_day</code>", page)
    assert "no second acknowledgement of the same kind" in page
    assert "The file has changed since." not in page


def test_a_file_that_was_written_since_is_said(ada: Somebody, tmp_path: Path) -> None:
    file = tmp_path / "inboxbot.toml"
    later = datetime.now(UTC).timestamp() + 60
    os.utime(file, (later, later))
    assert "The file has changed since." in ada.get("/settings").text
    file.unlink()
    assert "The file has changed since." in ada.get("/settings").text


def test_what_retention_would_erase_is_shown_and_nothing_is_erased(
    ada: Somebody, db: Database, app: Flask
) -> None:
    now = datetime.now(UTC)
    row = letters.add(db, Letter(minutes_ago=60 * 24 * 360), now)
    with write(db):
        db.execute("UPDATE review SET state = 'closed'")
        holds.put(db, "held@example.net", who="ada", why="case 7", now=now)
    page = ada.get("/settings/retention").text
    cells = re.search(
        r"Text, subject, notes, our replies</th>((?:<td class=\"number\">\d+</td>)+)", page
    )
    assert cells is not None
    assert re.findall(r"\d+", cells[1]) == ["0", "1"]  # medication: 12 months
    assert "12 months" in page
    assert "held@example.net" in page
    assert db.execute("SELECT count(*) FROM raw WHERE message_id = ?", [row]).fetchone() == (1,)
    rules = app.extensions["inboxbot"].in_force.retention
    assert retention.due(db, rules, now).letters == frozenset()


# Reports


@pytest.fixture
def busy(db: Database) -> Database:
    letters.a_few_hundred(db, datetime.now(UTC), 60)
    return db


def table(answer: TestResponse) -> list[list[str]]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_the_reports_count_and_draw_without_a_script(kim: Somebody, busy: Database) -> None:
    page = kim.get("/reports").text
    assert re.search(r"Letters received</dt><dd><strong>60</strong>", page)
    assert len(re.findall(r"<svg [^>]*role=\"img\"", page)) == 4
    assert page.count("<title id=") == page.count("<desc id=") == 4
    assert "<script" not in page.partition("</head>")[2]
    assert " style=" not in page
    assert "example.net" not in page
    assert "CSV file" not in page  # Staff look; auditors and administrators take along.


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-13-01&to=2026-01-01", "Write both days"),
        ("from=yesterday", "Write both days"),
        ("from=2026-02-01&to=2026-01-01", "lies after"),
        ("from=1900-01-01&to=2026-01-01", "between the year 2000"),
        ("from=2010-01-01&to=2026-01-01", "at most three years"),
    ],
)
def test_days_that_make_no_sense_are_said(kim: Somebody, query: str, said: str) -> None:
    answer = kim.get(f"/reports?{query}")
    assert answer.status_code == 422
    assert said in answer.text


def test_a_file_holds_the_table_and_tells_small_counts_not_apart(
    ada: Somebody, busy: Database
) -> None:
    rows = table(ada.get("/reports/languages.csv?days=30"))
    assert rows[0] == ["language", "name", "letters"]
    assert rows[1] == ["en", "English", "30"]
    letters.add(busy, Letter(language="pl"), datetime.now(UTC))
    rows = table(ada.get("/reports/languages.csv?days=30"))
    assert rows[-1] == ["pl", "Polish", "under 5"]


def test_every_table_can_be_taken_along(ada: Somebody, busy: Database) -> None:
    for name in ("volumes", "waiting", "corrections", "confidence", "languages", "hours"):
        answer = ada.get(f"/reports/{name}.csv?days=84")
        assert len(table(answer)) > 1
        assert "attachment; filename=" in answer.headers["Content-Disposition"]
    assert ada.get("/reports/nothing.csv").status_code == 404
    assert ada.get("/reports/hours.csv?from=x").status_code == 400


# The record


def test_the_record_is_narrowed_down(ada: Somebody, db: Database) -> None:
    now = datetime.now(UTC)
    with write(db):
        audit.add(db, "kim", "viewed", now - timedelta(days=3), message=7)
        audit.add(db, "kim", "closed", now, message=8)
        audit.add(db, "jo", "viewed", now, message=8)

    def shown(query: str) -> list[str]:
        page = ada.get(f"/audit?{query}").text
        return re.findall(r"<td><bdi>(\w+)</bdi></td><td>([^<]+)</td>", page)

    day = (now - timedelta(days=2)).date()
    assert shown("who=kim") == [("kim", "closed the letter"), ("kim", "opened the letter")]
    assert shown("what=viewed&letter=8") == [("jo", "opened the letter")]
    assert shown(f"who=kim&from={day}") == [("kim", "closed the letter")]
    assert shown(f"who=kim&to={day}") == [("kim", "opened the letter")]
    assert shown("who=nobody") == []
    assert "Nothing in the record fits" in ada.get("/audit?who=nobody").text
    # What makes no sense narrows nothing down.
    assert len(shown("from=x&to=9999-99-99&letter=-1&what='")) == len(shown("")) > 3


def test_pages_of_the_record_follow_one_another_and_keep_the_filters(
    ada: Somebody, db: Database
) -> None:
    with write(db):
        for number in range(120):
            audit.add(db, "kim", "viewed", datetime.now(UTC), message=number + 1)
    seen: list[str] = []
    path = "/audit?who=kim"
    for _ in range(3):
        page = ada.get(path).text
        seen += re.findall(r'href="/m/(\d+)"', page)
        following = re.search(r'href="(/audit\?before=[^"]+)">Earlier', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert seen == [str(number) for number in range(120, 0, -1)]


def test_an_auditor_takes_the_record_along_and_that_is_recorded(
    app: Flask, db: Database, ada: Somebody
) -> None:
    with write(db):
        audit.add(db, "kim", "snippet saved", datetime.now(UTC), detail="=1+1")
    auditor = Somebody(app, db, "eve", Role.AUDITOR)
    rows = table(auditor.post("/audit/file", who="kim"))
    assert rows[0][:4] == ["number", "at (UTC)", "who", "what"]
    assert [(row[2], row[3], row[5]) for row in rows[1:]] == [("kim", "snippet saved", "'=1+1")]
    everything = table(auditor.post("/audit/file"))[1:]
    assert [int(row[0]) for row in everything] == list(range(len(everything), 0, -1))
    assert everything[0][7] == next(audit.entries(db, limit=1)).hash
    assert recorded(db, "audit exported")[1][0] == "eve"


def test_every_word_of_the_record_that_the_program_writes_is_said_in_words() -> None:
    root = Path(words.__file__).parents[1]
    written = {
        word
        for file in root.rglob("*.py")
        for word in re.findall(
            r"audit\.add\(\s*db(?:\(\))?,\s*[^,]+(?:\(\)\.name)?,\s*\"([a-z -]+)\"",
            file.read_text(),
        )
    }
    assert len(written) > 25
    assert written <= set(words.AUDIT), written - set(words.AUDIT)


# A person's data


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
    assert "have not been read yet" in page


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
