"""The sender with its servers, as far as it needs no mailbox."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from inboxbot import review
from inboxbot.actions import Correct
from inboxbot.classify.category import Category
from inboxbot.config import Config
from inboxbot.postman import Postman
from inboxbot.store import settings
from inboxbot.store.outbox import State
from tests.desk import Desk, letter
from tests.fake_transport import FakeTransport
from tests.office import configuration
from tests.outbox_rows import go_live, put_reply
from tests.smtp_sink import PASSWORD, USER, SmtpSink


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpSink]:
    """A mail server with a certificate of an authority that is in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with SmtpSink(tls=context) as sink:
        yield sink


@pytest.fixture
def configured(tmp_path: Path, server: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", PASSWORD)
    whole = configuration(tmp_path)
    box = whole.mailbox[0]
    smtp = box.smtp.model_copy(
        update={
            "host": "127.0.0.1", "port": server.port, "security": "tls", "username": USER,
            "auth": "password", "ca_file": str(tmp_path / "ca.pem"),
        }
    )  # fmt: skip
    return whole.model_copy(update={"mailbox": (box.model_copy(update={"smtp": smtp}),)})


def test_when_the_certificate_of_the_mail_server_ends_is_kept_for_the_metrics(db, now, configured):
    go_live(db)
    put_reply(db, 1, now)
    assert Postman(configured, db, lambda: now).sender.send_due()[State.SENT] == 1
    [(mailbox, until)] = settings.moments(db, settings.SMTP_CERTIFICATE_UNTIL)
    assert (mailbox, until > now) == (configured.mailbox[0].name, True)


def test_a_letter_that_staff_sorted_anew_is_acknowledged_in_the_words_of_its_kind(
    tmp_path, now, configured, server
):
    desk = Desk(tmp_path / "desk.sqlite3", now, FakeTransport())
    desk.take(letter(text="May he have the new drops with his food?"))
    correct = Correct(Category.MEDICATION_QUESTION)
    review.perform(desk.db, correct, [review.Letter(1)], staff="jo", now=now)
    assert Postman(configured, desk.db, lambda: now).sender.send_due()[State.SENT] == 1
    assert b"your own doctor" in b" ".join(server.accepted[0].raw.split())
    desk.db.close()
