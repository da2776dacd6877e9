"""What staff do from a terminal: the same actions, and JSON for machines."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store import audit, messages, replies, reviews
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter
from tests.outbox_rows import give_up
from tests.stand import new_store
from tests.terminal import CONFIG, Terminal


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return new_store(tmp_path / "state" / "inboxbot.sqlite3")


def test_a_day_that_is_searched_for_is_one_of_the_organisation(
    terminal: Terminal, db: Database, tmp_path: Path
) -> None:
    zone = 'time_zone = "America/Chicago"\nphone ='
    (tmp_path / "inboxbot.toml").write_text(CONFIG.replace("phone =", zone))
    letters.add(db, Letter(minutes_ago=0), datetime(2026, 11, 21, 2, 30, tzinfo=UTC))
    assert len(terminal.json("queue", "--search", "before:2026-11-21")) == 1
    assert terminal.json("queue", "--search", "after:2026-11-21") == []


def test_the_queue_is_printed_with_exactly_the_agreed_keys(
    terminal: Terminal, db: Database
) -> None:
    now = datetime.now(UTC)
    row = letters.add(db, Letter(), now)
    letters.add(db, Letter(subject="a second one"), now)
    first = terminal.json("queue")[0]
    assert list(first) == [
        "id", "fingerprint", "message_id", "received_at", "category", "confidence", "urgent",
        "disposition", "reason", "state", "assignee",
    ]  # fmt: skip
    assert first["id"] == row
    assert first["message_id"] == f"<{row}@example.net>"
    assert first["category"] == "medication_question"
    assert first["urgent"] is False
    assert first["reason"] is None
    assert len(terminal.json("queue", "--search", "subject:second")) == 1
    assert terminal.json("queue", "--view", "done") == []
    code, text = terminal("queue")
    assert code == 0
    assert "medication_question" in text


def test_a_letter_that_could_not_be_fetched_stands_among_the_problems_with_its_reason(
    terminal: Terminal, db: Database
) -> None:
    letters.add(db, Letter(), datetime.now(UTC))
    give_up(db, uid=77)
    (shown,) = terminal.json("queue", "--view", "problems")
    assert (shown["id"], shown["mailbox"], shown["uid"]) == (None, "support", 77)
    assert (shown["reason"], shown["why"]) == ("not_fetched", "The server left it out.")
    assert len(terminal.json("queue")) == 1, "the letters that are here stay a list of letters"
    code, text = terminal("queue", "--view", "problems")
    assert code == 0
    assert "mailbox support, UID 77" in text
    assert "The server left it out." in text


def test_letters_are_corrected_noted_and_closed(terminal: Terminal, db: Database) -> None:
    row = letters.add(db, Letter(), datetime.now(UTC))
    (said,) = terminal.json("correct", str(row), "general_inquiry")
    assert said["category"] == "general_inquiry"
    assert terminal.json("queue")[0]["category"] == "general_inquiry"
    assert (
        "general_inquiry, set by staff; sorted as medication_question"
        in terminal("show", str(row))[1]
    )
    terminal("note", str(row), "called back")
    terminal("close", str(row))
    review = reviews.get(db, row)
    assert review is not None
    assert review.state == "closed"
    assert [note.text for note in reviews.notes(db, row)] == ["called back"]
    whos = {entry.who for entry in audit.entries(db, message=row)}
    assert len(whos) == 1
    assert whos.pop().endswith("terminal")


def test_a_held_acknowledgement_is_released_and_due_at_once(
    terminal: Terminal, db: Database
) -> None:
    now = datetime.now(UTC)
    row = letters.add(db, Letter(reply="held", reply_reason="shadow"), now)
    other = letters.add(db, Letter(reply="held", reply_reason="paused"), now)
    assert terminal("release", "--held-for", "shadow")[0] == 0
    reply = replies.acknowledgement(db, row)
    assert reply is not None
    assert reply.state == "queued"
    assert reply.due_at <= datetime.now(UTC)
    held = replies.acknowledgement(db, other)
    assert held is not None
    assert held.state == "held"
    assert terminal("hold", str(row))[0] == 0
    assert terminal("release", str(row))[0] == 0
    code, text = terminal("release", str(row))
    assert code == 65
    assert "not held" in text


def test_a_silent_letter_is_answered_after_all_from_the_templates(
    terminal: Terminal, db: Database
) -> None:
    row = letters.add(
        db,
        Letter(disposition=Disposition.SUPPRESS, reason=Reason.BULK_MAIL, reply=""),
        datetime.now(UTC),
    )
    code, text = terminal("release", str(row))
    assert code == 0, text
    reply = replies.acknowledgement(db, row)
    assert reply is not None
    assert (reply.state, reply.recipient) == ("queued", "ana@example.net")
    assert b"Auto-Submitted: auto-replied" in reply.raw
    assert db.execute("SELECT reason, released FROM verdict").fetchall() == [("bulk_mail", 1)]


def test_a_held_acknowledgement_that_is_cancelled_teaches_that_the_rule_was_right(
    terminal: Terminal, db: Database
) -> None:
    held = Letter(
        reply="held",
        reply_reason="bulk_mail",
        disposition=Disposition.HOLD,
        reason=Reason.BULK_MAIL,
    )
    row = letters.add(db, held, datetime.now(UTC))
    reply = replies.acknowledgement(db, row)
    assert reply is not None
    code, text = terminal("outbox", "cancel", str(reply.id))
    assert code == 0, text
    assert "cancelled" in text
    assert db.execute("SELECT reason, released FROM verdict").fetchall() == [("bulk_mail", 0)]
    assert [entry.what for entry in audit.entries(db, message=row)] == ["dropped"]


def test_a_letter_and_its_reasons_are_shown_and_the_reading_is_recorded(
    terminal: Terminal, db: Database
) -> None:
    row = letters.add(
        db,
        Letter(disposition=Disposition.SUPPRESS, reason=Reason.AUTO_SUBMITTED, reply=""),
        datetime.now(UTC),
    )
    (shown,) = terminal.json("show", str(row))
    assert shown["reason"] == "auto_submitted"
    assert "a machine wrote it" in str(shown["why"])
    assert terminal("show", str(row))[0] == 0
    assert [entry.what for entry in audit.entries(db, message=row)] == ["viewed", "viewed"]
    code, text = terminal("why", str(row))
    assert code == 0
    assert "a machine wrote it" in text


def test_what_would_have_been_sent_is_shown_in_its_words_and_why_it_waits(
    terminal: Terminal, db: Database
) -> None:
    row = letters.add(db, Letter(reply="held", reply_reason="shadow"), datetime.now(UTC))
    (shown,) = terminal.json("show", str(row))
    (reply,) = shown["replies"]
    assert reply["text"].strip()
    assert reply["text"].rstrip() in terminal("show", str(row))[1]
    assert " shadow " in terminal("queue")[1]


def test_who_became_root_to_type_a_command_stands_in_the_audit(
    terminal: Terminal, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = letters.add(db, Letter(), datetime.now(UTC))
    monkeypatch.setenv("SUDO_USER", "ana")
    terminal("note", str(row), "Called her.")
    assert {entry.who for entry in audit.entries(db, message=row)} == {"ana@terminal"}


@pytest.mark.parametrize("command", ["show", "why", "close", "release", "hold"])
def test_a_letter_that_is_not_there_has_its_exit_code(
    terminal: Terminal, db: Database, command: str
) -> None:
    code, text = terminal(command, "77")
    assert code == 65, text
    assert "no letter 77" in text


def test_a_letter_that_is_being_read_is_not_said_to_be_missing(
    terminal: Terminal, db: Database
) -> None:
    now = datetime.now(UTC)
    with write(db):
        box = letters.mailbox(db, now)
        came = Incoming(
            raw=b"Subject: Hello", mailbox_id=box, origin=Origin.IMAP, received_at=now, size=14
        )
        row, _ = messages.store(db, came, now)
    for command in ("show", "why", "close"):
        code, text = terminal(command, str(row))
        assert code == 65
        assert "is being read: try again" in text


def test_accounts_are_added_listed_disabled_and_reset(terminal: Terminal, db: Database) -> None:
    (made,) = terminal.json("user", "add", "Jo", "--role", "administrator")
    assert made["name"] == "jo"
    assert str(made["link"]).startswith("http://127.0.0.1:8480/welcome/")
    code, text = terminal("user", "add", "jo")
    assert code == 65
    assert "already" in text
    terminal("user", "disable", "jo")
    (listed,) = terminal.json("user", "list")
    assert (listed["role"], listed["disabled"]) == ("administrator", True)
    (again,) = terminal.json("user", "reset", "jo")
    assert again["link"] != made["link"]
    assert terminal("user", "disable", "nobody")[0] == 65
