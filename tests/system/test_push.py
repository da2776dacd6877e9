"""Push: a letter is acknowledged as soon as it comes, silence costs nothing, death is noticed, and
a server that tells nothing, or one that hangs, disturbs nobody.
"""

import signal
import socket
import statistics
import struct
import threading
import time
from datetime import UTC, datetime

import pytest

from inboxbot.errors import TransientError
from inboxbot.mail import idling, imap, liveness
from inboxbot.mail.imap import IDLE_RENEWAL_S, ImapMailbox
from tests.imap_script import PASSWORD as SCRIPT_PASSWORD
from tests.imap_script import ScriptedServer
from tests.installation import install, until

LETTER = b"""From: Rosa Delgado <rosa%d@homemail%d.test>\r
To: support@example.org\r
Subject: the profile form\r
Message-ID: <%d@homemail.test>\r
\r
My husband was diagnosed last week. How do we fill out the Online Profile Form?\r
"""


def letter(number: int) -> bytes:
    return LETTER % (number, number, number)


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


def slow_looks(installation, every_s: int = 3600):
    """Look so seldom by schedule that what is found in time was found by push."""
    text = installation.configuration.read_text()
    installation.configuration.write_text(
        text.replace("poll_every_s = 1", f"poll_every_s = {every_s}")
        .replace("[classify]", "[replies]\nper_hour = 1000\nper_day = 1000\n\n[classify]", 1)
    )  # fmt: skip
    installation.run("poll")
    installation.run("mode", "live")
    return installation


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.long)])
def test_a_letter_is_acknowledged_within_a_second_and_a_half_of_its_delivery(
    installation, account, sink, count, record_property
):
    slow_looks(installation)
    took = []
    with installation.daemon(), account.client(None) as client:
        until(lambda: '"started"' in installation.log())
        for number in range(count + 1):
            began = time.monotonic()
            client.append("INBOX", letter(number))
            until(lambda sent=number: len(sink.accepted) > sent)
            took.append(time.monotonic() - began)
    # The first one waits for the start of the worker that reads letters.
    p95 = statistics.quantiles(took[1:], n=20)[-1]
    record_property("p95_s", round(p95, 3))
    print(f"median {statistics.median(took[1:]):.2f} s, p95 {p95:.2f} s of {count}")
    # Of twenty the worst decides the percentile, and a busy machine the worst: the median here,
    # the 95th percentile over a hundred.
    assert (p95 if count == 100 else statistics.median(took[1:])) < 1.5


def test_sigterm_in_the_middle_of_idle_ends_the_daemon_within_seconds(installation, account, sink):
    slow_looks(installation)
    with installation.daemon() as process:
        until(lambda: '"started"' in installation.log())
        with account.client(None) as client:
            client.append("INBOX", letter(1))
        until(lambda: len(sink.accepted) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert '"stopped"' in installation.log()


def test_waiting_costs_nothing_but_its_beginning_and_its_end(server):
    with ImapMailbox(server.settings()) as box:
        box.open()
        box.wait(0.1)
        before = len(server.commands)
        assert box.wait(3) is False
        said = [line.split(b" ", 1)[-1] for line in server.commands[before:]]
        assert said == [b"IDLE"]  # Its DONE is no command of its own.


def test_the_deadline_leaves_room_for_the_whole_wait(server):
    left = []

    def stop() -> bool:
        left.append(box._deadline.left)
        return True

    with ImapMailbox(server.settings()) as box:
        box.open()
        box.wait(6 * 3600, stop)
        assert left[0] > 6 * 3600


def test_a_server_hears_of_us_within_29_minutes_and_twice_in_an_hour():
    assert IDLE_RENEWAL_S < 29 * 60
    assert 3600 // IDLE_RENEWAL_S == 2


@pytest.fixture
def often(monkeypatch):
    """Renew the wait after a tenth of a second instead of after half an hour."""
    monkeypatch.setattr(imap, "IDLE_RENEWAL_S", 0.1)


def for_a_while(seconds=1.0):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def verbs(server, since=0):
    return [line.split(b" ", 1)[-1] for line in server.commands[since:]]


def test_a_wait_is_renewed_by_three_commands_at_once(server, often):
    with ImapMailbox(server.settings()) as box:
        box.open()
        assert box.can_wait()
        before, beats = len(server.commands), []
        assert box.wait(60, for_a_while(), lambda: beats.append(1)) is False
        said = verbs(server, before)
        renewals = len(said) // 2
        assert 3 <= renewals <= 10
        assert said == [b"IDLE", *([b'EXAMINE "INBOX"', b"IDLE"] * renewals)]
        assert len(beats) >= renewals
        assert (server.connections, box.open().exists) == (1, 0)


GO_AHEAD = b"+ idling\r\n"
TOLD = b"* 1 EXISTS\r\n"


def idle_by_script(server, *, ends=(), begins=()):
    """Let the server say `ends` lines more as each wait ends, and `begins` as each begins."""
    tags = []
    ending, beginning = iter(ends), iter(begins)

    def answer(tag, line):
        if line == b"IDLE":
            tags.append(tag)
            return [next(beginning, GO_AHEAD).replace(b"TAG", tag)]
        if tag == b"DONE":
            return [next(ending, b"") + tags[-1] + b" OK done\r\n"]
        return None

    server.answer = answer
    return tags


@pytest.mark.parametrize(
    ("ends", "begins"),
    [
        ([b"", b"* 1 EXPUNGE\r\n" + TOLD], []),
        ([], [GO_AHEAD, GO_AHEAD, TOLD + GO_AHEAD]),
        ([], [GO_AHEAD, GO_AHEAD, GO_AHEAD + TOLD]),
        ([], [GO_AHEAD, GO_AHEAD, GO_AHEAD + b"* 1 EXPUNGE\r\n" + TOLD]),
    ],
    ids=["as one ends", "before the go-ahead", "with the go-ahead", "after another has gone"],
)
def test_a_letter_that_is_told_of_while_a_wait_is_renewed_is_heard(server, often, ends, begins):
    tags = idle_by_script(server, ends=ends, begins=begins)
    with ImapMailbox(server.settings()) as box:
        box.open()
        assert box.wait(5) is True
        assert len(tags) == 3
        assert box.open().uidnext == 1


def test_a_letter_that_a_server_does_not_tell_of_is_seen_at_the_next_renewal(server, often, now):
    """It ends the wait as a server's silence does: the look that follows finds what was kept."""
    deaf(server)
    with ImapMailbox(server.settings()) as box:
        assert box.open().uidnext == 1
        server.deliver(letter(1), now)
        began = time.monotonic()
        assert box.wait(30) is False
        assert time.monotonic() - began < 5
        assert box.open().uidnext == 2


def test_a_folder_that_is_numbered_anew_ends_the_wait(server, often):
    with ImapMailbox(server.settings()) as box:
        box.open()
        server.uidvalidity = b"78"
        assert box.wait(30) is False
        assert box.open().uidvalidity == 78


def test_two_waits_in_a_row_take_no_old_number_for_news(server, often, now):
    server.deliver(letter(1), now)
    with ImapMailbox(server.settings()) as box:
        box.open()
        assert box.wait(30, for_a_while(0.5)) is False
        assert box.wait(30, for_a_while(0.5)) is False


@pytest.mark.parametrize(
    "second", [b"", b"TAG BAD one at a time\r\n", b"TAG NO\r\n", b"* BYE one at a time\r\n", None]
)
def test_a_server_that_takes_one_command_at_a_time_is_asked_so_from_then_on(server, often, second):
    """It says nothing, or no, or hangs up; or it forgets whatever stands behind DONE (None)."""
    tags = idle_by_script(server, begins=[GO_AHEAD] if second is None else [GO_AHEAD, second])
    answer = server.answer

    def forgetful(tag, line):
        behind = second is None and server.connections == 1 and tags
        return [] if behind and line.startswith((b"EXAMINE", b"IDLE")) else answer(tag, line)

    server.answer = forgetful
    with ImapMailbox(server.settings(timeout_s=1.0)) as box:
        box.open()
        with pytest.raises(TransientError):
            box.wait(30)
        assert box.open().exists == 0
        assert box.can_wait()
        before = len(server.commands)
        for _ in range(2):
            assert box.wait(30) is False  # It ends where the next wait would begin.
            assert box.open().exists == 0
        asked = [said for said in verbs(server, before) if said != b"DONE"]
        assert asked == [b"IDLE", b'EXAMINE "INBOX"'] * 2
        assert server.connections == 2


def test_a_connection_that_dies_as_a_wait_is_renewed_is_no_sign_of_such_a_server(server, often):
    tags = idle_by_script(server)
    answer = server.answer

    def dies(tag, line):
        if tag == b"DONE" and server.connections == 1:
            raise EOFError
        return answer(tag, line)

    server.answer = dies
    with ImapMailbox(server.settings()) as box:
        box.open()
        with pytest.raises(TransientError):
            box.wait(30)
        box.open()
        assert box.wait(30, for_a_while()) is False
        assert len(tags) > 3


def test_waiting_ends_within_a_second_when_told_to(server):
    with ImapMailbox(server.settings()) as box:
        box.open()
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        began = time.monotonic()
        assert box.wait(60, stop.is_set) is False
        assert time.monotonic() - began < 3
        assert box.open().exists == 0  # The connection is as good as before.


@pytest.mark.parametrize(
    "lines",
    [
        [b"+ idling\r\n* 1 EXISTS\r\n"],
        [b"* 1 EXISTS\r\n", b"+ idling\r\n"],
        [b"* OK still here\r\n+ idling\r\n", b"* 0 RECENT\r\n", b"* 1 exists\r\n"],
        [b"+ idling\r\n", b"* 1 EX", b"ISTS\r\n"],
    ],
    ids=["in one packet", "before the go-ahead", "among other lines", "in two pieces"],
)
def test_however_a_server_words_its_news_it_is_heard(server, lines):
    def answer(tag, line):
        if line != b"IDLE":
            return [tag + b" OK done\r\n"] if tag == b"DONE" else None
        server.idle_tag = tag
        return lines

    def done(tag, line):
        return [server.idle_tag + b" OK idle done\r\n"] if tag == b"DONE" else answer(tag, line)

    server.answer = done
    with ImapMailbox(server.settings()) as box:
        box.open()
        assert box.wait(5) is True


def test_a_letter_told_of_while_others_were_fetched_is_not_forgotten(server, now):
    server.deliver(letter(1), now)
    with ImapMailbox(server.settings()) as box:
        box.open()

        def answer(tag, line):
            if not line.startswith(b"UID FETCH"):
                return None
            server.answer = lambda tag, line: None
            server.deliver(letter(2), now)
            return [b"* 2 EXISTS\r\n", b"* 1 FETCH (UID 1 BODY[] {1}\r\n", b"x)\r\n",
                    tag + b" OK done\r\n"]  # fmt: skip

        server.answer = answer
        box.fetch([1])
        began = time.monotonic()
        assert box.wait(10) is True
        assert time.monotonic() - began < 2


def test_a_server_that_refuses_idle_is_not_waited_for(server):
    server.answer = lambda tag, line: [tag + b" NO not now\r\n"] if line == b"IDLE" else None
    with ImapMailbox(server.settings()) as box:
        box.open()
        with pytest.raises(TransientError):
            box.wait(5)


def test_a_connection_whose_other_side_is_gone_is_noticed(server, monkeypatch):
    """The router forgot the connection: nothing comes through any more, nobody says so."""
    monkeypatch.setattr(liveness, "PROBE_AFTER_S", 1)
    monkeypatch.setattr(liveness, "PROBE_AGAIN_S", 1)
    with ImapMailbox(server.settings()) as box:
        box.open()
        sock = box._client.socket()
        assert liveness.is_there(sock)
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        options = [sock.getsockopt(socket.IPPROTO_TCP, name) for name in names]
        assert options == [1, 1, liveness.PROBES]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        (theirs,) = server._open
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        threading.Timer(0.3, theirs.shutdown, (socket.SHUT_RDWR,)).start()
        with pytest.raises(TransientError):
            box.wait(30)


def test_a_machine_that_was_asleep_looks_anew(server, monkeypatch):
    gaps = iter([100.0, 100.0])
    monkeypatch.setattr(liveness, "_gap", lambda: next(gaps, 5000.0))
    monkeypatch.setattr(idling, "SLICE_S", 0.05)
    with ImapMailbox(server.settings()) as box:
        box.open()
        with pytest.raises(TransientError):
            box.wait(30)


def scripted(tmp_path, server, sink, *, every_s=1, more="", mailbox=""):
    installation = install(
        tmp_path, imap_host="127.0.0.1", imap_port=server.port, imap_user="support",
        smtp_port=sink.port, more=more, mailbox=mailbox,
    )  # fmt: skip
    installation.environment["INBOXBOT_IMAP_PASSWORD"] = SCRIPT_PASSWORD
    if every_s != 1:
        text = installation.configuration.read_text()
        installation.configuration.write_text(
            text.replace("poll_every_s = 1", f"poll_every_s = {every_s}")
        )
    return installation


def without_idle(server):
    server.capabilities = b"IMAP4rev1 AUTH=PLAIN"


def deaf(server):
    """It offers IDLE, takes it, and never says a word."""
    server.idle_tag = b""

    def answer(tag, line):
        if line == b"IDLE":
            server.idle_tag = tag
            return [b"+ idling\r\n"]
        return [server.idle_tag + b" OK idle done\r\n"] if tag == b"DONE" else None

    server.answer = answer


def refusing(server):
    server.answer = lambda tag, line: [tag + b" BAD what?\r\n"] if line == b"IDLE" else None


def hanging_up(server):
    server.answer = lambda tag, line: [b"* BYE\r\n"] if line == b"IDLE" else None


def crying(server):
    """It tells of letters that are not there, again and again."""

    def answer(tag, line):
        if line == b"IDLE":
            server.idle_tag = tag
            return [b"+ idling\r\n", b"* %d EXISTS\r\n" % len(server.letters)]
        return [server.idle_tag + b" OK idle done\r\n"] if tag == b"DONE" else None

    server.answer = answer


@pytest.mark.parametrize("quirk", [without_idle, deaf, refusing, hanging_up, crying])
def test_a_server_that_does_not_tell_is_looked_at_on_schedule(tmp_path, server, sink, quirk):
    quirk(server)
    installation = scripted(tmp_path, server, sink)
    installation.run("poll")
    with installation.daemon():
        until(lambda: '"started"' in installation.log())
        began, commands = time.monotonic(), len(server.commands)
        connections = server.connections
        for number in (1, 2):
            server.deliver(letter(number), datetime.now(UTC))
            until(lambda many=number: len(installation.objects("queue")) == many)
        passed = time.monotonic() - began
        # No storm: so many commands and connections as looks, and a handful at the start.
        assert len(server.commands) - commands < 12 * passed + 40
        assert server.connections - connections <= passed + 3


SECOND = """
[[mailbox]]
name = "second"
address = "second@example.org"
poll_every_s = 1

[mailbox.imap]
host = "127.0.0.1"
port = {port}
security = "none"
username = "support"
credential = "second-password"
timeout_s = 600

[mailbox.smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
username = "support@example.org"
"""


def hang_at_greeting(server):
    server.hang_at = 1


def hang_in_idle(server):
    server.answer = lambda tag, line: [] if line == b"IDLE" else None


def hang_at_examine(server):
    server.answer = lambda tag, line: [] if line.startswith(b"EXAMINE") else None


def dribble(server):
    server.dribble_s = 1.0


@pytest.mark.parametrize("fault", [hang_at_greeting, hang_in_idle, hang_at_examine, dribble])
def test_of_two_mailboxes_one_that_hangs_never_disturbs_the_other(
    tmp_path, account, server, sink, fault
):
    fault(server)
    installation = install(
        tmp_path, imap_host="127.0.0.1", imap_port=account.server.port,
        imap_user=account.name, smtp_port=sink.port,
    )  # fmt: skip
    installation.environment["INBOXBOT_SECOND_PASSWORD"] = SCRIPT_PASSWORD
    text = installation.configuration.read_text()
    installation.run("poll")
    installation.run("mode", "live")
    second = SECOND.format(port=server.port, smtp=sink.port)
    installation.configuration.write_text(text.replace("[classify]", second + "\n[classify]", 1))
    with installation.daemon():
        until(lambda: '"started"' in installation.log() and server.connections)
        for number in range(3):
            with account.client(None) as client:
                client.append("INBOX", letter(number))
            until(lambda sent=number: len(sink.accepted) > sent, within_s=20)


def test_a_mail_server_that_hangs_delays_no_reply_of_another_mailbox(
    tmp_path, account, server, sink
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation = install(
            tmp_path, imap_host="127.0.0.1", imap_port=account.server.port,
            imap_user=account.name, smtp_port=sink.port,
        )  # fmt: skip
        installation.environment["INBOXBOT_SECOND_PASSWORD"] = SCRIPT_PASSWORD
        text = installation.configuration.read_text()
        second = SECOND.format(port=server.port, smtp=silent.getsockname()[1])
        installation.configuration.write_text(
            text.replace("[classify]", second + "\n[classify]", 1)
        )
        installation.run("poll")
        installation.run("mode", "live")
        with installation.daemon():
            to_second = letter(7).replace(b"support@example.org", b"second@example.org")
            server.deliver(to_second, datetime.now(UTC))
            silent.settimeout(30)
            waiting, _ = silent.accept()
            with waiting, account.client(None) as client:
                client.append("INBOX", letter(8))
                until(lambda: sink.accepted, within_s=15)
