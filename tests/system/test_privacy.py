"""A person is forgotten: no byte of theirs is left, and their letters do not come back."""

import json
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from inboxbot.store import people
from inboxbot.store.database import connect, stamp, write
from inboxbot.store.invariants import check
from tests.conftest import NOW
from tests.dovecot import Account
from tests.installation import Installation, install

# In every place that a letter has; in the forms that mail encodes them in, too.
CANARIES = {
    "address": "canary.address@kanari.test",
    "tagged": "canary.address+tag@kanari.test",
    "name": "Quendolyn Canaryname",
    "subject": "Subjectcanary about my breathing machine",
    "text": "Textcanary my father has difficulty and we do not know whom else to ask",
    "file": "Filecanary-report.txt",
    "content": "Contentcanary result of the examination in March",
    "message_id": "<idcanary@kanari.test>",
    "note": "Notecanary she called twice",
    "person_note": "Personcanary prefers the phone",
    "draft": "Draftcanary dear Quendolyn",
    "search": "Quendolyn Canaryname",
}

THEIRS = f"""From: {CANARIES["name"]} <{CANARIES["tagged"]}>\r
To: support@example.org\r
Subject: {CANARIES["subject"]}\r
Message-ID: {CANARIES["message_id"]}\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello,\r
{CANARIES["text"]}.\r
Can he take riluzole with food?\r
--b\r
Content-Type: text/plain; name="{CANARIES["file"]}"\r
Content-Disposition: attachment; filename="{CANARIES["file"]}"\r
\r
{CANARIES["content"]}\r
--b--\r
""".encode()

QUOTING = f"""From: Tom Other <tom@other.test>\r
To: support@example.org\r
Subject: Fwd: {CANARIES["subject"]}\r
Message-ID: <tom@other.test>\r
References: {CANARIES["message_id"]}\r
\r
A ramp is what I would like to ask about, and my cousin wrote this:\r
\r
> {CANARIES["text"]}.\r
> Can he take riluzole with food?\r
""".encode()

BYSTANDER = b"""From: Eve Else <eve@else.test>\r
To: support@example.org\r
Subject: a ramp\r
Message-ID: <eve@else.test>\r
\r
Where can I borrow a wheelchair ramp for my front door in Wisconsin?\r
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory, dovecot) -> tuple[Installation, Account]:
    """Return an installation that knows a person from every side."""
    account = dovecot.account()
    installation = install(
        tmp_path_factory.mktemp("known"),
        imap_host="127.0.0.1",
        imap_port=account.server.port,
        imap_user=account.name,
        smtp_port=1,
    )
    installation.run("poll")
    client = account.client()
    for letter in (THEIRS, QUOTING, BYSTANDER):
        client.append("INBOX", letter)
    client.logout()
    installation.run("poll")
    with closing(connect(installation.store)) as db, write(db):
        row = db.execute(
            "SELECT message_id FROM reading WHERE return_address = ?", [CANARIES["address"]]
        ).fetchone()[0]
        other = db.execute(
            "SELECT message_id FROM reading WHERE return_address = 'tom@other.test'"
        ).fetchone()[0]
        at = stamp(NOW)
        for letter in (row, other):
            db.execute(
                "INSERT INTO note (message_id, at, staff, text) VALUES (?, ?, 'ana', ?)",
                [letter, at, f"{CANARIES['note']} {CANARIES['address']}" if letter == row
                 else f"see also {CANARIES['address']}"],
            )  # fmt: skip
        db.execute(
            "INSERT INTO draft (message_id, staff, text, updated_at) VALUES (?, 'ana', ?, ?)",
            [row, CANARIES["draft"], at],
        )
        db.execute(
            "INSERT INTO search (token, staff, query, created_at) VALUES ('t', 'ana', ?, ?)",
            [CANARIES["search"], at],
        )
        person = people.known(db, CANARIES["address"])
        people.add_note(db, person, "ana", CANARIES["person_note"], NOW, letter=1)
        people.set_silent(db, (CANARIES["address"],), True, NOW)
    return installation, account


@pytest.fixture
def filled(known: tuple[Installation, Account], tmp_path: Path) -> Installation:
    """Return a copy of that installation, for one test to erase in."""
    installation, _ = known
    shutil.copytree(installation.folder, tmp_path / "copy")
    return Installation(tmp_path / "copy", installation.environment)


def left_of(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Return the canaries that stand in any file below `folder`, in any encoding that we use."""
    found: dict[str, list[str]] = {}
    for file in folder.rglob("*"):
        content = file.read_bytes().lower() if file.is_file() else b""
        for name, canary in CANARIES.items():
            word = canary.lower().split()[0]
            if name not in but and any(
                word.encode(code) in content for code in ("utf-8", "utf-16-le")
            ):
                found.setdefault(name, []).append(file.name)
    return found


def words_in_index(store: Path) -> set[str]:
    with closing(sqlite3.connect(store)) as db:
        db.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, reading_words, row)")
        return {row[0] for row in db.execute("SELECT term FROM temp.terms")}


def test_everything_of_a_person_is_found_before_and_nothing_after(filled):
    state = filled.store.parent
    assert set(left_of(state)) >= {"address", "name", "subject", "text", "note", "draft"}
    assert {"textcanary", "subjectcanary"} <= words_in_index(filled.store)
    (planned,) = filled.objects("person", "erase", CANARIES["address"], "--dry-run")
    assert (planned["letters"], planned["quoting"]) == (1, 1)
    assert set(left_of(state)) >= {"address", "name", "subject", "text", "note", "draft"}
    filled.run("person", "erase", CANARIES["address"], "--yes")
    assert left_of(state) == {}
    assert not [word for word in words_in_index(filled.store) if "canar" in word]


def test_those_who_only_quoted_them_keep_their_own_words(filled):
    filled.run("person", "erase", CANARIES["address"], "--yes")
    with closing(connect(filled.store)) as db:
        text, subject = db.execute(
            "SELECT text, subject FROM reading WHERE return_address = 'tom@other.test'"
        ).fetchone()
        assert "A ramp is what I would like to ask about" in text
        assert subject == "[erased]"
        assert db.execute("SELECT text FROM note").fetchall() == [("see also [erased]",)]
        kept = db.execute("SELECT count(*) FROM raw").fetchone()[0]
        assert kept == 1  # The bystander's alone: bytes with a quote in them are erased.
        assert check(db) == ()


def test_their_letters_do_not_come_in_again_and_a_new_one_does(filled, known):
    account = known[1]
    filled.run("person", "erase", CANARIES["address"], "--yes")
    client = account.client()
    client.append("INBOX", THEIRS)
    client.logout()
    account.admin("mailbox", "update", "--uid-validity", "4242", "INBOX")
    filled.run("poll")
    assert left_of(filled.store.parent) == {}
    assert filled.status()["messages"] == 2
    client = account.client()
    client.append("INBOX", THEIRS.replace(b"Hello", b"Hello again"))
    client.logout()
    filled.run("poll")
    assert filled.status()["messages"] == 3


def test_a_restored_backup_forgets_them_again(filled):
    (copy,) = filled.objects("backup")
    filled.run("person", "erase", CANARIES["address"], "--yes")
    done = filled.objects("restore", copy["file"])[0]
    assert done["erased_again"] == 1
    (planned,) = filled.objects("person", "erase", CANARIES["address"], "--dry-run")
    assert any("1 former database in" in line for line in planned["outside"])
    Path(done["aside"]).unlink()
    for file in Path(copy["file"]).parent.iterdir():
        file.unlink()
    assert left_of(filled.store.parent) == {}
    with closing(connect(filled.store)) as db:
        assert check(db) == ()


def test_a_legal_hold_keeps_everything(filled):
    filled.run("retention", "hold", CANARIES["tagged"], "--why", "case 7")
    done = filled.run("person", "erase", CANARIES["address"], "--yes", code=77)
    assert "legal hold" in done.stderr
    assert "text" in left_of(filled.store.parent)
    filled.run("retention", "hold", CANARIES["address"], "--lift")
    filled.run("person", "erase", CANARIES["address"], "--yes")
    assert left_of(filled.store.parent) == {}


def test_erasing_asks_first_and_never_without_a_terminal(filled):
    done = filled.run("person", "erase", CANARIES["address"], code=64)
    assert "--yes" in done.stderr
    assert "text" in left_of(filled.store.parent)


def test_the_audit_knows_that_somebody_was_erased_and_not_who(filled):
    filled.run("person", "erase", CANARIES["address"], "--yes")
    newest = filled.objects("audit")[0]
    assert newest["what"] == "erased person"
    assert newest["detail"].startswith("person-")
    assert filled.objects("audit", "--verify") == [{"broken": []}]


def test_a_person_gets_everything_that_is_known_of_them(filled):
    filled.run("person", "export", CANARIES["address"], "--to", "out.zip")
    file = filled.folder / "out.zip"
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as exported:
        names = exported.namelist()
        data = json.loads(exported.read("data.json"))
        page = exported.read("index.html").decode()
        (letter,) = [name for name in names if name.startswith("letters/")]
        assert exported.read(letter) == THEIRS
    assert data["addresses"] == [CANARIES["address"]]
    assert data["do_not_acknowledge"] is True
    assert data["notes"][0]["text"] == CANARIES["person_note"]
    assert data["letters"][0]["subject"] == CANARIES["subject"]
    assert CANARIES["text"] in data["letters"][0]["text"]
    assert [name for name in names if name.startswith("replies/")]
    for canary in ("subject", "text", "note"):
        assert CANARIES[canary] in page
    assert "tom@other.test" not in json.dumps(data) + page


def test_an_export_never_overwrites_a_file(filled):
    (filled.folder / "out.zip").write_text("mine")
    done = filled.run("person", "export", CANARIES["address"], "--to", "out.zip", code=65)
    assert "name another file" in done.stderr
    assert (filled.folder / "out.zip").read_text() == "mine"
