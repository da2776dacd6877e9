"""Nothing personal is logged: every letter that we have, read, decided and answered at DEBUG,
and every line of the log searched for what stands in it.
"""

import json
import logging
import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from inboxbot import config, events, passes
from inboxbot.errors import InboxbotError
from inboxbot.mail.parse import parse
from inboxbot.store import settings
from inboxbot.store.database import connect, write
from inboxbot.store.settings import Mode
from tests import dovecot as test_server
from tests.installation import install
from tests.smtp_sink import SmtpSink

CORPUS = Path(__file__).parents[1] / "corpus"
DEMO = Path(__file__).parents[2] / "inboxbot" / "demo" / "letters"

TIME = re.compile(r'"ts": "[0-9T:.+-]+"')

CANARY = b"""From: Quendolyn Canaryname <canary.address@kanari.test>\r
To: support@example.org\r
Reply-To: canary.reply@kanari.test\r
Subject: Subjectcanary\r
Message-ID: <idcanary@kanari.test>\r
X-Header: headercanary\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain; charset=boguscanary\r
\r
Textcanary: how do we fill out the online profile form?\r
--b\r
Content-Type: application/pdf; name="Filecanary.pdf"\r
Content-Disposition: attachment; filename="Filecanary.pdf"\r
Content-Transfer-Encoding: base64\r
\r
Content!canary\r
--b--\r
"""


@contextmanager
def logged(file: Path):
    """Log as the daemon does, with everything on, into a file that child processes write, too."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, events.log.level)
    levels = {name: logging.getLogger(name).level for name in events.TALKATIVE}
    events.configure(logging.DEBUG)
    out = file.open("a", buffering=1)
    root.handlers[0].setStream(out)
    root.setLevel(logging.DEBUG)
    for name in (*events.TALKATIVE, "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield
    finally:
        out.close()
        root.handlers[:], level, own = before
        root.setLevel(level)
        events.log.setLevel(own)
        for name, each in levels.items():
            logging.getLogger(name).setLevel(each)


def personal(raw: bytes) -> set[str]:
    """Return what in a letter must not be logged: names, addresses, subject, words, files."""
    message = parse(raw)
    found = {message.subject, message.message_id or ""}
    for address in (message.sender, *message.reply_to):
        if address is not None:
            found |= {address.name, address.address}
    found |= {attachment.name for attachment in message.attachments}
    words = re.findall(r"\S+", message.text)
    found |= {" ".join(words[start : start + 3]) for start in range(0, max(len(words) - 2, 0), 3)}
    return {text.strip() for text in found if len(text.strip()) > 7}


@pytest.fixture
def letters() -> list[bytes]:
    return [
        CANARY,
        *(file.read_bytes() for folder in (CORPUS, DEMO) for file in folder.glob("*.eml")),
    ]


def test_nothing_of_any_letter_is_logged(tmp_path, dovecot, letters, monkeypatch):
    account = dovecot.account()
    with SmtpSink() as sink:
        installation = install(
            tmp_path,
            imap_host="127.0.0.1",
            imap_port=dovecot.port,
            imap_user=account.name,
            smtp_port=sink.port,
        )
        for name, value in installation.environment.items():
            monkeypatch.setenv(name, value)
        configuration = config.load(installation.configuration)
        log = tmp_path / "log"
        with logged(log):
            passes.poll(configuration)
            account.fill(iter(letters))
            passes.poll(configuration)
            db = connect(configuration.store_path)
            with write(db):
                settings.put(db, "mode", Mode.LIVE)
                db.execute("UPDATE outbox SET state = 'queued', reason = NULL WHERE state = 'held'")
            sink.faults["DOT"] = "451 4.2.0 textcanary@kanari.test is greylisted"
            passes.send(configuration)
            sink.faults.clear()
            db.execute("UPDATE outbox SET due_at = created_at WHERE state = 'deferred'")
            passes.send(configuration)
            broken(configuration, monkeypatch)
            db.close()
    lines = log.read_text().splitlines()
    assert len(lines) > len(letters)
    assert sink.accepted
    assert all(isinstance(json.loads(line), dict) for line in lines)
    # Most lines are a library's, the same but for their time: each of them is searched once.
    text = "\n".join({TIME.sub("", line) for line in lines}).lower()
    secrets = {test_server.PASSWORD, sink.password, "canary", "kanari"}
    wanted = {each.lower() for raw in letters for each in personal(raw)} | secrets
    assert len(wanted) > 500
    # The log's own words are no secret, even where a letter uses them.
    own = {"general_inquiry", "support@example.org"} - secrets
    assert sorted(each for each in wanted - own if each in text) == []


def broken(configuration, monkeypatch):
    """Let everything fail that can, with the letter in the text of the exception."""

    def fails(*_: object, **__: object) -> None:
        raise ValueError(CANARY.decode())

    monkeypatch.setattr("inboxbot.triage.decide", fails)
    db = connect(configuration.store_path)
    db.execute("DELETE FROM outbox")
    db.execute("DELETE FROM decision")
    db.execute("DELETE FROM review")
    db.execute("DELETE FROM reading")
    db.execute("UPDATE message SET decided_at = NULL, attempts = 0 WHERE id < 20")
    db.close()
    passes.poll(configuration)
    logging.getLogger("imapclient.imaplib").debug("> b'LOGIN canary %s'", "kanari")
    logging.getLogger("some.library").error("canary %s", "kanari", exc_info=fails_with())
    logging.getLogger("inboxbot.anything").error("canary %s", "kanari")


def fails_with() -> BaseException:
    try:
        raise ValueError("canary")
    except ValueError as error:
        return error


def test_an_unforeseen_error_names_its_kind_and_nothing_else(tmp_path):
    with logged(tmp_path / "log"):
        events.job_failed("poll", ValueError("canary"))
        try:
            raise InboxbotError("canary")
        except InboxbotError as error:
            events.mailbox_failed("support", error, 5)
    text = (tmp_path / "log").read_text()
    assert "canary" not in text
    assert [json.loads(line)["error"] for line in text.splitlines()] == [
        "ValueError",
        "InboxbotError",
    ]


def test_one_event_is_one_line_whatever_stands_in_it(tmp_path):
    hostile = 'x"\n{"event": "forged"}\r\u2028\u202e\x1b[31m'
    with logged(tmp_path / "log"):
        events.mailbox_failed(hostile, ValueError(), 1)
    (line,) = (tmp_path / "log").read_text().split("\n")[:-1]
    assert line.isascii()
    assert json.loads(line)["mailbox"] == hostile
