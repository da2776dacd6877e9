"""The sender with its servers, as far as it needs no mailbox."""

import ssl

import trustme

from inboxbot.postman import Postman
from inboxbot.store import settings
from inboxbot.store.outbox import State
from tests.office import configuration
from tests.outbox_rows import go_live, put_reply
from tests.smtp_sink import PASSWORD, USER, SmtpSink


def test_when_the_certificate_of_the_mail_server_ends_is_kept_for_the_metrics(
    db, tmp_path, now, monkeypatch
):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    go_live(db)
    put_reply(db, 1, now)
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", PASSWORD)
    with SmtpSink(tls=context) as sink:
        configured = configuration(tmp_path)
        box = configured.mailbox[0]
        server = box.smtp.model_copy(
            update={
                "host": "127.0.0.1", "port": sink.port, "security": "tls", "username": USER,
                "auth": "password", "ca_file": str(tmp_path / "ca.pem"),
            }
        )  # fmt: skip
        box = box.model_copy(update={"smtp": server})
        configured = configured.model_copy(update={"mailbox": (box,)})
        sent = Postman(configured, db, lambda: now).sender.send_due()
    assert sent[State.SENT] == 1
    [(mailbox, until)] = settings.moments(db, settings.SMTP_CERTIFICATE_UNTIL)
    assert (mailbox, until > now) == (box.name, True)
