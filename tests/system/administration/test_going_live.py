"""The way to going live, the test mail, the safety stop, and the health page."""

import json
import re
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest
from flask import Flask

from inboxbot import modes
from inboxbot.store import backup, settings, test_mails
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from tests import letters
from tests.office import watch
from tests.somebody import Somebody, recorded


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
    ada.post("/going-live/templates", shown=shown(ada))
    assert recorded(db, "templates approved")[0][0] == "ada"
    assert "They have changed since" not in ada.get("/going-live").text
    with write(db):
        text = json.loads(settings.get(db, "templates_reviewed") or "")
        settings.put(db, "templates_reviewed", json.dumps(text | {"fingerprint": "of earlier"}))
    assert "They have changed since: read them again." in ada.get("/going-live").text


def test_templates_that_changed_since_the_page_was_shown_are_not_approved(
    ada: Somebody, db: Database
) -> None:
    for stale in ({"shown": "of earlier"}, {}):
        answer = ada.post("/going-live/templates", **stale)
        assert answer.status_code == 409
        assert "The templates have changed since this page was shown." in answer.text
    assert recorded(db, "templates approved") == []


def shown(who: Somebody) -> str:
    """Return what the guide says of the templates that it shows."""
    found = re.search(r'name="shown" value="(\w+)"', who.get("/going-live").text)
    assert found is not None
    return found[1]


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
