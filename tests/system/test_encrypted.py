"""An installation with an encrypted store, as whoever looks after it uses it and is told."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inboxbot import config
from inboxbot.web.serve import from_configuration
from tests import command
from tests.conftest import KEY
from tests.installation import Installation, install, until

CANARY = "zygomorphic"
OTHER = "f0" * 32
SETTING = 'key_credential = "store-key"'


def left(folder: Path) -> list[str]:
    """Return the files below `folder` in which the canary or the key stands."""
    sought = (CANARY.encode(), CANARY.encode("utf-16-le"), KEY.digits.encode())
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and any(word in file.read_bytes().lower() for word in sought)
    ]


def letter(number: int) -> bytes:
    return (
        f"From: {CANARY} <{CANARY}{number}@home{number}.test>\r\nTo: support@example.org\r\n"
        f"Subject: {CANARY} ramp\r\nMessage-ID: <{CANARY}{number}@home.test>\r\n\r\n"
        f"Where can I borrow {CANARY} wheelchair ramp number {number} for my front door?\r\n"
    ).encode()


@contextmanager
def killed(installation: Installation) -> Iterator[None]:
    """Run the daemon for the length of the block, and end it without asking."""
    out = installation.folder / "killed.log"
    environment = os.environ | {"INBOXBOT_CONFIG": str(installation.configuration)}
    daemon = command.SERVER.start(
        ["run"], installation.folder, environment | installation.environment, out, out
    )
    try:
        yield
    finally:
        daemon.kill()
        daemon.wait(10)


def test_letters_are_answered_from_a_store_that_only_its_key_opens(
    tmp_path, account, sink, monkeypatch
):
    installation = install(
        tmp_path,
        imap_host="127.0.0.1",
        imap_port=account.server.port,
        imap_user=account.name,
        smtp_port=sink.port,
        more=SETTING,
    )
    installation.environment["INBOXBOT_STORE_KEY"] = KEY.digits
    installation.run("poll")
    installation.run("mode", "live")

    def deliver(number: int) -> None:
        client = account.client()
        client.append("INBOX", letter(number))
        client.logout()
        until(lambda: len(sink.accepted) == number, within_s=90)

    with killed(installation):
        deliver(1)
        (copy,) = installation.objects("backup")
        assert left(tmp_path) == []
    # Another takes its place, as systemd would start it.
    with installation.daemon():
        deliver(2)
    assert installation.status()["messages"] == 2
    found = {each["what"]: each for each in installation.objects("doctor", code=None)}
    assert found["encryption"]["level"] == "PASS"
    assert found["database"]["level"] == "PASS"
    assert "environment" in found["credential store-key"]["found"]
    assert installation.objects("verify-backup")[0]["sha256"] == copy["sha256"]
    assert CANARY in installation.run("show", "1").stdout
    monkeypatch.setenv("INBOXBOT_STORE_KEY", KEY.digits)
    site = from_configuration(config.load(installation.configuration))
    assert site.test_client().get("/login").status_code == 200
    restored = installation.objects("restore", copy["file"])[0]
    assert installation.status()["messages"] == 1
    assert Path(restored["aside"]).exists()
    assert left(tmp_path) == []
    assert len(set(sink.message_ids)) == len(sink.message_ids) == 2


@pytest.fixture
def plain(tmp_path) -> Installation:
    """Return an installation with a store that is not encrypted yet, and without any server."""
    made = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="u", smtp_port=1)
    made.run("mode", "shadow")
    made.run("backup")
    return made


def ask_for_a_key(installation: Installation, setting: str = SETTING) -> None:
    text = installation.configuration.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("key_credential")]
    lines.insert(lines.index("[store]") + 1, setting)
    installation.configuration.write_text("\n".join(lines) + "\n")


def test_a_store_is_encrypted_given_another_key_and_decrypted_by_commands(plain):
    ask_for_a_key(plain)
    keys = {"INBOXBOT_STORE_KEY": KEY.digits, "INBOXBOT_NEXT_KEY": OTHER}
    plain.environment.update(keys)
    assert "`inboxbot store encrypt`" in plain.run("status", code=65).stderr
    assert "`inboxbot store encrypt`" in plain.run("run", code=65).stderr
    assert "`inboxbot store encrypt`" in plain.run("check", code=1).stdout
    said = plain.run("store", "encrypt").stdout
    assert "encrypted now" in said
    assert "before-encrypt" in said
    assert "backups/inboxbot-" in said  # The copy that is not encrypted.
    assert plain.status()["mode"] == "shadow"
    found = {each["what"]: each for each in plain.objects("doctor", code=None)}
    assert (found["encryption"]["level"], "2 copies" in found["encryption"]["found"]) == (
        "WARN",
        True,
    )
    assert "encrypted already" in plain.run("store", "encrypt", code=65).stderr
    (old,) = plain.objects("backup")
    plain.run("store", "rekey", "--to", "next-key")
    assert "has another key" in plain.run("status", code=65).stderr
    ask_for_a_key(plain, 'key_credential = "next-key"')
    assert plain.status()["mode"] == "shadow"
    assert "--key" in plain.run("verify-backup", old["file"], code=65).stderr
    plain.run("verify-backup", old["file"], "--key", "store-key")
    plain.run("restore", old["file"], "--key", "store-key")
    plain.run("migrate")
    assert [entry["what"] for entry in plain.objects("audit")][:2] == [
        "restored backup",
        "converted store",
    ]
    assert plain.run("audit", "--verify").returncode == 0
    said = plain.run("store", "decrypt").stdout
    assert "take store.key_credential out" in said
    ask_for_a_key(plain, "")
    assert plain.status()["mode"] == "shadow"


def test_a_key_that_is_missing_or_none_is_said_before_anything_else(plain):
    ask_for_a_key(plain)
    for command_line in (("status",), ("run",), ("backup",), ("web",), ("store", "encrypt")):
        assert "credential store-key: It is missing" in plain.run(*command_line, code=78).stderr
    assert "credential store-key" in plain.run("check", code=1).stdout
    said = plain.run("status", code=78, INBOXBOT_STORE_KEY="my secret").stderr
    assert "openssl rand -hex 32" in said
    assert "my secret" not in said
    ask_for_a_key(plain, "")
    assert "store.key_credential" in plain.run("store", "encrypt", code=78).stderr


def test_a_key_is_read_from_the_folder_that_systemd_names(plain, tmp_path):
    ask_for_a_key(plain)
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "store-key").write_text(f"{KEY.digits}\n")
    (folder / "store-key").chmod(0o644)
    plain.environment["CREDENTIALS_DIRECTORY"] = str(folder)
    plain.run("store", "encrypt")
    assert "Others can read this secret" in plain.run("check", code=1).stdout
    (folder / "store-key").chmod(0o600)
    assert "store-key" not in plain.run("check", code=None).stdout
