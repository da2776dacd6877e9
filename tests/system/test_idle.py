"""Waiting by IDLE: it costs nothing, every word of the server is heard, and death is noticed."""

import socket
import struct
import threading
import time

import pytest

from inboxbot.errors import TransientError
from inboxbot.mail import idling, imap, liveness
from inboxbot.mail.imap import IDLE_RENEWAL_S, ImapMailbox
from tests.numbered import letter


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
    idle_by_script(server)
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
