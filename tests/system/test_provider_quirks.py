"""What large providers do differently, played by the scripted server."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from inboxbot.errors import PermanentError, TransientError
from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.oauth import AccessTokens, Grant
from inboxbot.tokens import TokenFile
from tests.taking_in import TakingIn
from tests.token_server import TokenServer

LETTER = b"From: a@b.test\r\nSubject: %d\r\n\r\nHello\r\n"
NAMED = b"From: a@b.test\r\nMessage-ID: <%d@b.test>\r\n\r\nHello\r\n"


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


GMAIL_FOLDERS = [
    b'* LIST (\\HasNoChildren) "/" "INBOX"\r\n',
    b'* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"\r\n',
    b'* LIST (\\All \\HasNoChildren) "/" "[Gmail]/All Mail"\r\n',
    b'* LIST (\\HasNoChildren \\Sent) "/" "[Gmail]/Sent Mail"\r\n',
]


@pytest.mark.parametrize(("folder", "holds_all"), [("INBOX", False), ("[Gmail]/All Mail", True)])
def test_gmail_marks_the_folder_that_holds_what_we_sent_as_well(server, folder, holds_all):
    """`doctor` asks for it: watched, every sent letter would come in again."""
    server.folders = (b"INBOX", b"[Gmail]/All Mail")
    server.answer = lambda tag, line: (
        [*GMAIL_FOLDERS, tag + b" OK Success\r\n"] if line.startswith(b"LIST") else None
    )
    with ImapMailbox(server.settings(folder=folder)) as box:
        box.open()
        assert box.holds_all_mail() is holds_all
        assert box.sent_folder() == "[Gmail]/Sent Mail"


def test_gmail_gives_a_letter_another_uid_when_its_label_comes_back(server, db, now):
    """Archived and moved to the inbox again it is the same letter, and is not answered twice."""
    with ImapMailbox(server.settings()) as box:
        taking_in = TakingIn(db, box, now)
        taking_in.poll()
        first = server.deliver(NAMED % 1, now)
        taking_in.poll()
        server.letters.pop(first)
        taking_in.later(minutes=10)
        taking_in.poll()
        again = server.deliver(NAMED % 1, now)
        taking_in.later(minutes=10)
        taking_in.poll()
        assert len(taking_in.stored()) == 1
        assert taking_in.places() == {first: "ingested", again: "duplicate"}


@pytest.mark.parametrize(
    "said",
    [
        b" NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)\r\n",
        b" NO [THROTTLED] Too many simultaneous connections. (Failure)\r\n",
    ],
)
def test_gmail_that_throttles_is_left_alone_and_asked_for_the_same_letter_later(
    server, db, now, said
):
    with ImapMailbox(server.settings()) as box:
        taking_in = TakingIn(db, box, now)
        taking_in.poll()
        server.deliver(NAMED % 1, now)
        server.answer = lambda tag, line: [tag + said] if b"FETCH" in line else None
        with pytest.raises(TransientError, match="busy"):
            taking_in.poll()
        server.answer = lambda tag, line: None
        taking_in.later(minutes=6)
        taking_in.poll()
        assert taking_in.stored() == [NAMED % 1]


def test_gmail_that_throttles_the_login_is_no_question_of_the_password(server):
    server.answer = lambda tag, line: (
        [tag + b" NO [OVERQUOTA] Account exceeded bandwidth limits. (Failure)\r\n"]
        if line.startswith(b"AUTHENTICATE")
        else None
    )
    with ImapMailbox(server.settings()) as box, pytest.raises(TransientError, match="no logins"):
        box.open()


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


def test_exchange_is_never_asked_to_speak_imap4rev2(server, now):
    """It offers it to some and answers wrongly then; we enable nothing at all."""
    server.capabilities = (
        b"IMAP4rev1 IMAP4rev2 ENABLE AUTH=PLAIN IDLE CONDSTORE QRESYNC UTF8=ACCEPT"
    )
    server.deliver(LETTER % 1, now)
    with ImapMailbox(server.settings()) as box:
        box.open()
        assert box.uids(1, None) == [1]
        assert box.fetch([1]) == {1: LETTER % 1}
        assert box.can_wait()
        assert box.wait(0.1) is False
        box.open(anew=True)
    verbs = {line.split(b" ")[1].upper() for line in server.commands if b" " in line}
    assert verbs == {
        b"CAPABILITY", b"AUTHENTICATE", b"EXAMINE", b"UID", b"IDLE", b"LOGOUT"
    }  # fmt: skip


@pytest.mark.parametrize(("kept", "asked"), [(b"", False), (b" \\*", True)])
def test_exchange_takes_no_keywords_of_ours_and_is_not_asked_to(server, now, kept, asked):
    server.deliver(LETTER % 1, now)
    stores = []

    def answer(tag, line):
        if line.startswith(b"SELECT"):
            flags = b"\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent" + kept
            return [
                b"* 1 EXISTS\r\n* OK [PERMANENTFLAGS (" + flags + b")] flags\r\n",
                b"* OK [UIDVALIDITY 77] valid\r\n* OK [UIDNEXT 2] next\r\n",
                tag + b" OK [READ-WRITE] done\r\n",
            ]
        if line.startswith(b"UID STORE"):
            stores.append(line)
            return [tag + b" OK done\r\n"]
        return None

    server.answer = answer
    with ImapMailbox(server.settings()) as box:
        box.open()
        box.mark([1], "keyword:$Inboxbot", 77)
        assert box.open().exists == 1
    assert bool(stores) is asked


def own_certificate(folder):
    """Return a certificate that its server signed itself, as Proton's Bridge exports one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    until = datetime.now(UTC) + timedelta(days=365)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=366))
        .not_valid_after(until)
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, private = folder / "bridge.pem", folder / "bridge.key"
    file.write_bytes(built.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return context, file


@pytest.fixture
def bridge(server, now, tmp_path):
    """Return a mailbox at Proton's Bridge: on this machine, behind a certificate of its own."""
    server.greeting = (
        b"* OK [CAPABILITY ID IDLE IMAP4rev1 MOVE STARTTLS UIDPLUS UNSELECT] "
        b"Proton Mail Bridge 03.08.01 - gluon session ID 3"
    )
    server.capabilities = b"ID IDLE IMAP4rev1 MOVE STARTTLS UIDPLUS UNSELECT"
    server.tls, file = own_certificate(tmp_path)
    for number in range(3):
        server.deliver(NAMED % number, now)
    settings = server.settings(security="starttls", ca_file=str(file), host="127.0.0.1")
    with ImapMailbox(settings) as box:
        yield box


def test_the_bridge_is_entered_by_the_certificate_that_it_exports(server, bridge, tmp_path):
    assert bridge.open().exists == 3
    assert bridge.certificate_until() is not None
    strange = tmp_path / "strange"
    strange.mkdir()
    _, other = own_certificate(strange)
    settings = server.settings(security="starttls", ca_file=str(other))
    with ImapMailbox(settings) as box, pytest.raises(PermanentError, match="not accepted"):
        box.open()


def test_the_bridge_numbers_everything_anew_and_every_letter_is_known_again(
    server, bridge, db, now
):
    taking_in = TakingIn(db, bridge, now)
    taking_in.poll()  # What is there is the baseline,
    taking_in.sweep()  # and each letter of it is known by what it holds.
    server.deliver(NAMED % 10, now)
    taking_in.poll()
    assert len(taking_in.stored()) == 1
    # Restarted, or repaired: other UIDs in another order under another UIDVALIDITY, and two
    # letters that came meanwhile.
    held = list(server.letters.values())[::-1]
    server.letters.clear()
    server.uidvalidity, server.uidnext = b"78", 41
    for each in held:
        server.deliver(each.raw, each.received_at)
    for number in (11, 12):
        server.deliver(NAMED % number, now + timedelta(minutes=5))
    bridge.close()
    taking_in.later(minutes=10)
    taking_in.poll()
    assert sorted(taking_in.stored()) == sorted(NAMED % number for number in (10, 11, 12))
    assert taking_in.silences() == [None, None, None]
    taking_in.check()
    taking_in.poll()
    assert len(taking_in.stored()) == 3


def nothing_found(tag, line):
    """Answer a search for a Message-ID."""
    if line.startswith(b"UID SEARCH HEADER"):
        return [b"* SEARCH\r\n", tag + b" OK Completed\r\n"]
    return None


def test_cyrus_writes_dates_with_a_space_and_tells_of_flags_that_nobody_asked_for(server, now):
    server.capabilities = b"IMAP4rev1 LITERAL+ ID ENABLE ACL QUOTA NAMESPACE IDLE SPECIAL-USE"
    server.folders = (b"INBOX", b"INBOX.Gesendet")
    server.deliver(LETTER % 1, now)

    def answer(tag, line):
        if line.startswith(b"UID FETCH") and b"INTERNALDATE" in line:
            return [
                b"* 1 FETCH (FLAGS (\\Recent \\Seen) UID 1)\r\n",
                b"* OK [ALERT] the quota is nearly reached\r\n",
                b'* 1 FETCH (UID 1 INTERNALDATE " 2-Mar-2026 10:00:00 +0100" RFC822.SIZE 44)\r\n',
                tag + b" OK Completed (0.000 sec)\r\n",
            ]
        if line.startswith(b"LIST"):
            return [
                b'* LIST (\\HasChildren) "." INBOX\r\n',
                b'* LIST (\\HasNoChildren \\Sent) "." INBOX.Gesendet\r\n',
                tag + b" OK Completed (0.000 secs 2 calls)\r\n",
            ]
        return nothing_found(tag, line)

    server.answer = answer
    with ImapMailbox(server.settings()) as box:
        box.open()
        (details,) = box.details([1])
        assert (details.received_at, details.size) == (now, 44)
        assert box.fetch([1]) == {1: LETTER % 1}
        assert box.sent_folder() == "INBOX.Gesendet"
        assert not box.holds("INBOX.Gesendet", "<ack-1@example.org>")


def test_cyrus_ends_a_connection_that_waited_too_long_and_is_asked_again(server, now):
    with ImapMailbox(server.settings()) as box:
        box.open()

        def bye(tag, line):
            server.answer = lambda tag, line: None
            return [b"* BYE idle for too long\r\n"]

        server.answer = bye
        server.deliver(LETTER % 1, now)
        assert box.open().exists == 1
    assert server.connections == 2


def test_courier_marks_no_folder_as_sent_and_says_nothing_while_it_idles(server, now):
    server.capabilities = (
        b"IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT"
        b" QUOTA IDLE ACL ACL2=UNION"
    )
    server.folders = (b"INBOX", b"INBOX.Sent", b"INBOX.Trash")
    waiting = []

    def answer(tag, line):
        if line == b"IDLE":
            waiting.append(tag)
            return [b"+ entering ENHANCED idle mode\r\n"]
        if waiting and not line and tag == b"DONE":
            return [waiting.pop() + b" OK IDLE completed\r\n"]
        return nothing_found(tag, line)

    server.answer = answer
    with ImapMailbox(server.settings()) as box:
        box.open()
        assert box.sent_folder() is None
        assert not box.holds("INBOX.Sent", "<ack-1@example.org>")
        box.open()
        server.deliver(LETTER % 1, now)
        # Without FAM or Gamin it takes the command, and never tells of a letter.
        assert box.can_wait()
        assert not box.wait(0.3)
        assert box.open().exists == 1
        assert box.uids(1, None) == [1]


def test_courier_that_allows_no_further_connection_is_left_alone_for_a_while(server):
    server.greeting = b"* BYE Courier-IMAP: maximum number of connections reached"
    with ImapMailbox(server.settings()) as box, pytest.raises(TransientError):
        box.open()
