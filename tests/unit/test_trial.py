"""trial: a test mail goes out as an acknowledgement would, once, and leaves nothing behind."""

import email
import socket
from datetime import timedelta
from email import policy

import pytest

from inboxbot import trial
from inboxbot.acknowledge import Acknowledger
from inboxbot.chores import Chores
from inboxbot.errors import AuthenticationError, TransientError
from inboxbot.mail.smtp import Outcome, SmtpTransport, Verdict
from inboxbot.store import outbox, settings, test_mails
from inboxbot.store.settings import Mode
from inboxbot.store.test_mails import State
from tests.desk import FACTS, TEMPLATES
from tests.office import configuration
from tests.smtp_sink import SmtpSink
from tests.stand import IDENTITY


@pytest.fixture
def asked(db, now):
    trial.ask(
        db,
        Acknowledger(TEMPLATES, FACTS, lambda: (), {}),
        IDENTITY,
        address="ada@example.org",
        template="general_inquiry",
        language="en",
        who="ada",
        now=now,
    )
    return db


def kept(db):
    return db.execute("SELECT state, recipient, raw, answer FROM test_mail").fetchall()


def test_it_arrives_as_an_acknowledgement_does(asked, now):
    with SmtpSink() as sink:

        def send(reply):
            with SmtpTransport(sink.settings()) as transport:
                return transport.send(reply, lambda: None)

        assert trial.hand_in(asked, send, now) == 1
        assert trial.hand_in(asked, send, now) == 0
        (taken,) = sink.accepted
    assert taken.recipients == ("ada@example.org",)
    message = email.message_from_bytes(taken.raw, policy=policy.default)
    assert message["To"] == "ada@example.org"
    assert message["From"].addresses[0].addr_spec == "support@example.org"
    assert message["Auto-Submitted"] == "auto-replied"
    assert "In-Reply-To" not in message
    assert FACTS.phone in message.get_body(("plain",)).get_content()
    assert kept(asked) == [("sent", "", b"", "250")]
    assert list(outbox.listed(asked)) == []


def test_it_leaves_in_shadow_mode_too_for_somebody_asked_for_it(asked, now):
    assert settings.mode(asked) is Mode.SHADOW
    ((mail, _reply),) = test_mails.waiting(asked)
    assert mail.state is State.WAITING
    assert trial.hand_in(asked, lambda _: Outcome(Verdict.ACCEPTED, 250, "ok"), now) == 1


@pytest.mark.parametrize(
    ("outcome", "late", "state"),
    [
        (Outcome(Verdict.REFUSED, 550, "no"), False, "failed"),
        (Outcome(Verdict.UNABLE, 0, "no"), False, "failed"),
        (Outcome(Verdict.DEFERRED, 451, "later"), False, "waiting"),
        (Outcome(Verdict.DEFERRED, 451, "later"), True, "failed"),
        (TransientError("The mail server cannot be reached."), False, "waiting"),
        (TransientError("The mail server cannot be reached."), True, "failed"),
        (AuthenticationError("The password was refused."), False, "failed"),
    ],
)
def test_what_went_wrong_is_kept_and_tried_again_for_a_while(asked, now, outcome, late, state):
    def send(_reply):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert trial.hand_in(asked, send, now + timedelta(minutes=31 if late else 1)) == 0
    ((was, recipient, raw, answer),) = kept(asked)
    assert was == state
    assert answer == (str(outcome) if isinstance(outcome, Exception) else str(outcome.code))
    assert (recipient == "") is (raw == b"") is (state == "failed")


def test_each_has_a_message_id_of_its_own(asked, now):
    trial.ask(
        asked,
        Acknowledger(TEMPLATES, FACTS, lambda: (), {}),
        IDENTITY,
        address="ada@example.org",
        template="general_inquiry",
        language="en",
        who="ada",
        now=now,
    )
    ids = {reply.message_id for _, reply in test_mails.waiting(asked)}
    assert len(ids) == 2


def test_the_daemon_hands_it_in_with_its_other_chores_and_tells_systemd_how_things_stand(
    asked, now, store_path, tmp_path, monkeypatch
):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with SmtpSink() as sink, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        read = configuration(tmp_path)
        server = read.mailbox[0].smtp.model_copy(
            update={"host": "127.0.0.1", "port": sink.port, "security": "none", "username": ""}
        )
        box = read.mailbox[0].model_copy(update={"smtp": server})
        read = read.model_copy(
            update={
                "mailbox": (box,),
                "store": read.store.model_copy(update={"path": str(store_path)}),
            }
        )
        Chores(read, lambda: asked, lambda: now).watch()()
        assert "ada@example.org" in sink.accepted[0].recipients
        assert systemd.recv(500).startswith(b"STATUS=Mode shadow")
    assert kept(asked)[0][0] == "sent"
