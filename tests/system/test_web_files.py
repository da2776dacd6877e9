"""What a letter brought, as it is handed out: files to keep, never pages of ours."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from inboxbot.mail.parse import parse
from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store import audit
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from inboxbot.web import headers
from tests import letters
from tests.letters import Letter
from tests.system.test_web_pages import make_app, signed_in

FILES = (
    ("page.html", "text", "html"),
    ("picture.svg", "image", "svg+xml"),
    ("data.xml", "application", "xml"),
    ("photo.png", "image", "png"),
    ("plan.pdf", "application", "pdf"),
    ("words.txt", "text", "plain"),
    ("../../evil.exe", "application", "x-msdownload"),
    ("Müller “Befund”.pdf", "application", "pdf"),
    ("レポート.pdf", "application", "pdf"),
    ("a;b=c.pdf", "application", "pdf"),
)


@pytest.fixture
def client(db: Database, store_path: Path) -> FlaskClient:
    return signed_in(make_app(store_path), db, Role.STAFF)


def letter_with_files(db: Database) -> int:
    message = EmailMessage()
    message["From"] = "Ana <ana@example.net>"
    message["To"] = "support@example.org"
    message["Message-ID"] = "<files@example.net>"
    message.set_content("See the files.")
    for name, kind, sub in FILES:
        message.add_attachment(
            b"<script>alert(1)</script>", maintype=kind, subtype=sub, filename=name
        )
    raw = message.as_bytes()
    return letters.add(db, Letter(raw=raw, attachments=parse(raw).attachments), datetime.now(UTC))


def test_every_file_is_a_download_that_no_browser_runs(client: FlaskClient, db: Database) -> None:
    row = letter_with_files(db)
    links = re.findall(rf'href="(/m/{row}/attachment/\d+)"', client.get(f"/m/{row}").text)
    assert len(links) == len(FILES)
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200
        assert answer.data == b"<script>alert(1)</script>"
        disposition = answer.headers["Content-Disposition"]
        assert re.fullmatch(
            r"attachment; filename=\"[A-Za-z0-9._ -]+\"; filename\*=UTF-8''[A-Za-z0-9._%~-]+",
            disposition,
        )
        assert answer.mimetype in {
            "application/octet-stream",
            "image/png",
            "application/pdf",
            "text/plain",
        }
        assert answer.headers["Content-Security-Policy"] == headers.FILE_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    downloads = [entry for entry in audit.entries(db, message=row) if entry.what == "downloaded"]
    assert len(downloads) == len(FILES)


def test_the_letter_itself_is_handed_out_byte_for_byte(client: FlaskClient, db: Database) -> None:
    row = letters.add(
        db, Letter(raw=b"From: a@example.net\r\n\r\n\xff\x00bytes"), datetime.now(UTC)
    )
    answer = client.get(f"/m/{row}/raw")
    assert answer.data == b"From: a@example.net\r\n\r\n\xff\x00bytes"
    assert answer.mimetype == "application/octet-stream"


def test_a_letter_that_could_not_be_read_safely_is_only_handed_out(
    client: FlaskClient, db: Database
) -> None:
    row = letters.add(
        db,
        Letter(disposition=Disposition.HOLD, reason=Reason.UNREADABLE, reply="", html="<p>x</p>"),
        datetime.now(UTC),
    )
    for view in ("whole", "formatted"):
        assert "could not be read safely" in client.get(f"/m/{row}?show={view}").text
    assert client.get(f"/m/{row}/formatted").status_code == 404
    assert client.get(f"/m/{row}/attachment/1").status_code == 404
    assert client.get(f"/m/{row}/raw").status_code == 200


def test_a_letter_whose_bytes_were_erased_still_shows_what_was_read(
    client: FlaskClient, db: Database
) -> None:
    row = letters.add(db, Letter(text="What was read."), datetime.now(UTC))
    db.execute("DELETE FROM raw WHERE message_id = ?", [row])
    assert "What was read." in client.get(f"/m/{row}").text
    assert "were erased" in client.get(f"/m/{row}?show=source").text
    assert client.get(f"/m/{row}/raw").status_code == 404


def test_a_tangled_megabyte_is_not_shown_formatted(client: FlaskClient, db: Database) -> None:
    row = letters.add(db, Letter(html="<div>" * 150_000), datetime.now(UTC))
    assert "too tangled" in client.get(f"/m/{row}?show=formatted").text
    assert client.get(f"/m/{row}/formatted").status_code == 404


def test_nobody_reads_a_letter_without_a_trace(client: FlaskClient, db: Database) -> None:
    row = letters.add(db, Letter(html="<p>Hello <b>there</b></p>"), datetime.now(UTC))

    def seen() -> int:
        return len([each for each in audit.entries(db, message=row) if each.what == "viewed"])

    assert client.get(f"/m/{row}/formatted").status_code == 200
    assert seen() == 1
    client.get(f"/m/{row}?show=formatted")
    client.get(f"/m/{row}/formatted")
    assert seen() == 2
    token = re.search(r'name="form_token" value="([^"]+)"', client.get("/me").text)
    assert token is not None
    form = {"form_token": token[1], "text": "", "version": "1"}
    assert client.post(f"/m/{row}/answer", data=form).status_code == 422
    assert seen() == 3
