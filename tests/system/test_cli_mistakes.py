"""What is typed wrong: a sentence and the exit code of `docs/operations/faults.md`."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

import pytest

from inboxbot.store.sqlite import Database
from tests import command, letters
from tests.installation import ended, install, run_held_to_modes, until
from tests.letters import Letter
from tests.stand import new_store
from tests.terminal import CONFIG, Terminal


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return new_store(tmp_path / "state" / "inboxbot.sqlite3")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ('"', "quotation mark is not closed"),
        ("(", "is missing"),
        ("received:abc", "nothing to search by"),
        ("newer:9999y", "further away"),
    ],
)
def test_a_search_that_cannot_be_read_is_explained(
    terminal: Terminal, db: Database, typed: str, why: str
) -> None:
    code, said = terminal("queue", "--search", typed)
    assert code == 64
    assert why in said


def test_a_port_of_the_review_app_that_is_taken_or_is_none_is_said(
    terminal: Terminal, db: Database
) -> None:
    for port in ("-5", "65536", "x"):
        assert terminal("web", "--port", port)[0] == 64
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = terminal("web", "--port", port)
    assert code == 69
    assert f"web.host 127.0.0.1 with web.port {port} cannot be used" in said


@pytest.mark.parametrize("host", ["192.0.2.9", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], db: Database, host: str
) -> None:
    terminal = Terminal(tmp_path, capsys, more=f'[web]\nhost = "{host}"\n')
    code, said = terminal("web")
    assert code == 69
    assert f"web.host {host} with web.port 8480 cannot be used" in said


def test_the_review_app_listens_on_any_address_and_says_on_which_port(tmp_path: Path) -> None:
    config, log = tmp_path / "inboxbot.toml", tmp_path / "log"
    config.write_text(CONFIG + '[web]\nhost = "0.0.0.0"\n')
    app = command.SERVER.start(
        ["web", "--port", "0", "--config", str(config)], tmp_path, os.environ, log, log
    )
    with ended(app):
        until(lambda: log.exists() and "web-started" in log.read_text())
        (said,) = [line for line in log.read_text().splitlines() if "web-started" in line]
        port = json.loads(said)["port"]
        with urlopen(f"http://127.0.0.1:{port}/alive") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backup", "--to", "{file}"), "{file}: File exists."),
        (("backup", "--to", "/proc/x"), "/proc/x: No such file or directory."),
        (("init", "{file}"), "{file}/config: Not a directory."),
        (("init", "/proc/x"), "/proc/x: No such file or directory."),
        (("evaluate", "{folder}"), "{folder}: Is a directory."),
        (("evaluate", "{latin}"), "{latin} is not UTF-8 text."),
    ],
)
def test_a_path_that_cannot_be_used_is_named(
    terminal: Terminal, db: Database, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    names = {"file": tmp_path / "a file", "folder": tmp_path, "latin": tmp_path / "latin.jsonl"}
    names["file"].touch()
    names["latin"].write_bytes("né".encode("latin-1"))
    code, text = terminal(*(each.format(**names) for each in arguments))
    assert code == 65
    assert text == f"inboxbot: {said.format(**names)}\n"


def test_an_output_without_room_is_said(tmp_path: Path, db: Database) -> None:
    config, errors = tmp_path / "inboxbot.toml", tmp_path / "errors"
    config.write_text(CONFIG)
    queue = command.SERVER.start(
        ["queue", "--config", str(config)], tmp_path, os.environ, Path("/dev/full"), errors
    )
    assert queue.wait(30) == 69
    assert errors.read_text() == "inboxbot: No space left on device.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "{number}"),
        ("explain", "--id", "{number}"),
        ("audit", "--letter", "{number}"),
        ("audit", "--limit", "{number}"),
        ("queue", "--limit", "{number}"),
        ("outbox", "resolve", "{number}", "--sent"),
        ("model", "promote", "{number}"),
        ("replay", "--model", "{number}"),
        ("template", "rollback", "general_inquiry", "--to", "{number}"),
    ],
)
def test_a_number_that_no_database_holds_is_refused(
    terminal: Terminal, db: Database, arguments: tuple[str, ...]
) -> None:
    code, said = terminal(*(each.format(number=2**63) for each in arguments))
    assert code == 64
    assert "9223372036854775808 is too large." in said


def test_a_limit_lets_something_be_seen(terminal: Terminal, db: Database) -> None:
    for command_ in ("audit", "queue"):
        code, said = terminal(command_, "--limit", "0")
        assert code == 64
        assert "0 is below 1." in said
    assert terminal("audit", "--limit", str(2**63 - 1))[0] == 0
    assert terminal("queue", "--limit", str(2**63 - 1))[0] == 0


def test_a_letter_that_may_not_be_read_is_an_item_and_the_others_follow(tmp_path: Path) -> None:
    place = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="kim", smtp_port=1)
    for name in ("closed.eml", "open.eml", "folder/a.eml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"Subject: Hello\n\nA question.\n")
    (tmp_path / "closed.eml").chmod(0)
    (tmp_path / "folder").chmod(0)
    named = ("closed.eml", "folder", "folder/a.eml", "open.eml")
    done = run_held_to_modes(place, "explain", "--json", *named)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["source"] for item in found] == list(named)
    assert [item.get("error") for item in found] == [
        *["It cannot be read: Permission denied."] * 3,
        None,
    ]
    refused = run_held_to_modes(place, "evaluate", "closed.eml")
    assert refused.returncode == 77
    assert "closed.eml: Permission denied" in refused.stderr


def test_what_no_waiting_changes_is_not_to_be_tried_later(terminal: Terminal, db: Database) -> None:
    row = str(letters.add(db, Letter(reply="held", reply_reason="paused"), datetime.now(UTC)))
    assert terminal("note", row, "")[0] == 64
    assert terminal("user", "add", "two words")[0] == 65
    assert terminal("user", "disable", "nobody")[0] == 65
    code, said = terminal("outbox", "resolve", "1", "--sent")
    assert code == 65
    assert "Reply 1 is in a state in which this cannot be done. It is held." in said
    assert terminal("close", row)[0] == 0
    code, said = terminal("close", row)
    assert code == 65
    assert "done already" in said
    db.execute("UPDATE outbox SET state = 'claimed'")
    db.execute("UPDATE outbox SET state = 'sending'")
    assert terminal("outbox", "cancel", "1")[0] == 75


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "a.eml", "--mailbox", "nix"), 'no mailbox "nix"; there are: support.'),
        (("import", ".", "--mailbox", "nix"), 'no mailbox "nix"; there are: support.'),
        (("login", "nix"), 'no mailbox "nix"; there are: support.'),
        (("template", "preview", "general_inquiry", "--language", "../en"), "no language ../en"),
    ],
)
def test_a_name_that_is_nothing_here_is_a_mistake_of_the_command(
    terminal: Terminal, db: Database, arguments: tuple[str, ...], said: str
) -> None:
    code, text = terminal(*arguments)
    assert code == 64
    assert said in text


def test_a_password_that_nobody_typed_is_no_password(
    terminal: Terminal, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    code, said = terminal("user", "add", "kim", "--password")
    assert code == 65
    assert "Use at least 12 characters" in said


@pytest.mark.parametrize("arguments", [["queue", "--json"], ["--help"], ["queue", "--help"]])
def test_a_reader_that_goes_away_is_no_fault(
    tmp_path: Path, db: Database, arguments: list[str]
) -> None:
    letters.add(db, Letter(), datetime.now(UTC))
    config = tmp_path / "inboxbot.toml"
    config.write_text(CONFIG)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "inboxbot", *arguments],
        env=os.environ | {"INBOXBOT_CONFIG": str(config)},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("typed", ["notanaddress", "@home.test", "ann@", "Ann <ann@home.test>"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("retention", "hold"),
        ("person", "erase", "--yes"),
        ("person", "export"),
        ("audit", "--person"),
    ],
)
def test_what_is_no_address_is_refused(
    terminal: Terminal, db: Database, arguments: tuple[str, ...], typed: str
) -> None:
    code, said = terminal(*arguments, typed)
    assert code == 64
    assert "This is no address" in said
    assert terminal("retention", "hold", "--json") == (0, "")


def test_a_hold_that_cannot_be_lifted_is_said(terminal: Terminal, db: Database) -> None:
    assert terminal("retention", "hold", "ann@home.test")[0] == 0
    assert terminal("retention", "hold", "--lift")[0] == 64
    code, said = terminal("retention", "hold", "bo@home.test", "--lift")
    assert code == 65
    assert "There is no hold on this address" in said
    assert terminal("retention", "hold", "ann@home.test", "--lift")[0] == 0


def test_whoever_has_no_rights_is_told_whose_they_are(tmp_path: Path) -> None:
    place = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="kim", smtp_port=1)
    place.run("mode")
    place.store.parent.chmod(0)
    checked = run_held_to_modes(place, "check")
    examined = run_held_to_modes(place, "doctor")
    listed = run_held_to_modes(place, "queue")
    place.store.parent.chmod(0o700)
    assert checked.returncode == 1, checked.stderr
    assert f"{place.store}: It may not be used by whoever runs this. Run it as" in checked.stdout
    assert "replies.templates: There is no folder" in checked.stdout  # Beside the others.
    assert examined.returncode == 1
    assert "may not be used" in examined.stdout
    assert "support: IMAP" in examined.stdout
    assert listed.returncode == 77
    assert f"{place.store}: Permission denied. Run it as the user of" in listed.stderr
