"""What large providers do differently, played by the scripted server."""

import base64
from datetime import timedelta

import pytest

from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.oauth import AccessTokens, Grant
from inboxbot.tokens import TokenFile
from tests.imap_script import ScriptedServer
from tests.token_server import TokenServer

LETTER = b"From: a@b.test\r\nSubject: %d\r\n\r\nHello\r\n"


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


def test_gmail_names_each_message_by_a_number_of_its_own(server, now):
    server.capabilities = b"IMAP4rev1 AUTH=PLAIN IDLE X-GM-EXT-1"
    server.deliver(LETTER % 1, now)

    def answer(tag, line):
        if not line.startswith(b"UID FETCH"):
            return None
        assert b"X-GM-MSGID" in line
        return [
            b"* 1 FETCH (X-GM-MSGID 1278455344230334865 UID 1 RFC822.SIZE 44"
            b' INTERNALDATE "02-Mar-2026 09:00:00 +0000")\r\n',
            tag + b" OK Success\r\n",
        ]

    server.answer = answer
    with ImapMailbox(server.settings()) as box:
        box.open()
        (details,) = box.details([1])
    assert (details.email_id, details.received_at) == ("1278455344230334865", now)


def test_yahoo_leaves_wide_gaps_between_uids(server, now):
    for uid in (3, 40_000, 900_001):
        server.uidnext = uid
        server.deliver(LETTER % uid, now)
    with ImapMailbox(server.settings()) as box:
        assert box.open().uidnext == 900_002
        assert box.uids(1, None) == [3, 40_000, 900_001]
        assert set(box.fetch([3, 900_001])) == {3, 900_001}


def takes_tokens(server, good):
    """Let the server log in with XOAUTH2: the tokens that `good` says yes to."""
    waiting = []

    def answer(tag, line):
        if line == b"AUTHENTICATE XOAUTH2":
            waiting.append(tag)
            return [b"+ \r\n"]
        if waiting and not line:
            token = base64.b64decode(tag).split(b"Bearer ")[1].split(b"\x01")[0].decode()
            asked = waiting.pop()
            if good(token):
                return [asked + b" OK AUTHENTICATE completed.\r\n"]
            return [asked + b" NO AUTHENTICATE failed.\r\n"]
        return None

    server.answer = answer
    return answer


@pytest.fixture
def exchange(server, now, tmp_path):
    """Return a mailbox that logs in with tokens, its token server and its clock."""
    server.capabilities = b"IMAP4 IMAP4rev1 AUTH=XOAUTH2 IDLE UIDPLUS"
    with TokenServer() as token_server:
        clock = [now]
        registration = token_server.registration(Grant.CLIENT_CREDENTIALS)
        tokens = AccessTokens(registration, TokenFile(tmp_path, "support"), lambda: clock[0])
        settings = server.settings(auth="xoauth2", secret=tokens, renew=tokens.renew)
        with ImapMailbox(settings) as box:
            yield box, token_server, clock


def test_exchange_says_bye_when_the_token_ends_and_is_entered_with_another(server, exchange):
    box, token_server, clock = exchange
    log_in = takes_tokens(server, token_server.given.__contains__)
    assert box.open().exists == 0
    clock[0] += timedelta(minutes=61)

    def bye(tag, line):
        server.answer = log_in
        return [b"* BYE Connection is closed. 13\r\n"]

    server.answer = bye
    assert box.open().exists == 0
    assert (server.connections, len(token_server.given)) == (2, 2)


def test_exchange_refuses_a_token_before_its_time_and_is_asked_once_more(server, exchange):
    box, token_server, clock = exchange
    given, ended = token_server.given, set()
    takes_tokens(server, lambda token: token in given and token not in ended)
    box.open()
    box.close()
    clock[0] += timedelta(minutes=5)
    ended.add(given[0])
    assert box.open().exists == 0
    assert len(given) == 2
    assert server.connections == 3
