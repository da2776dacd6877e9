"""Intake against a server that misbehaves line by line."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from inboxbot.errors import PermanentError, TransientError
from inboxbot.fetching import Limits
from inboxbot.mail.imap import OPEN_ANEW_EVERY, ImapMailbox
from inboxbot.mail.mailbox import FetchError
from inboxbot.store.sqlite import Database
from tests.imap_script import PASSWORD, ScriptedServer
from tests.numbered import letter
from tests.taking_in import TakingIn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def taking(server: ScriptedServer, db: Database, now: datetime) -> Iterator[TakingIn]:
    """Return a mailbox that was polled once while it was empty."""
    with ImapMailbox(server.settings(timeout_s=1.0)) as box:
        taking = TakingIn(db, box, now)
        taking.poll()
        yield taking


def poll_until_done(taking: TakingIn, polls: int) -> None:
    for _ in range(polls):
        try:
            if taking.poll().waiting == 0:
                return
        except TransientError:
            pass
        taking.check()
        taking.later(minutes=6)
    raise AssertionError(f"not done after {polls} polls")


def test_r09_a_connection_cut_at_any_line_of_a_poll_loses_and_doubles_nothing(
    server: ScriptedServer, db: Database, now: datetime
) -> None:
    server.deliver(letter(0), now)
    with ImapMailbox(server.settings()) as box:
        TakingIn(db, box, now).poll()
    taken = 1
    for line in range(1, 1000):
        server.deliver(letter(2 * line), now)
        server.deliver(letter(2 * line + 1), now)
        server.sent, server.cut_at = 0, line
        with ImapMailbox(server.settings()) as box:
            taking = TakingIn(db, box, now)
            try:
                taking.poll()
            except TransientError:
                taking.check()
            was_cut = server.sent >= line
            server.cut_at = None
            taking.later(minutes=6)
            taking.poll()
            taken += 2
            assert len(taking.stored()) == taken - 1
            assert set(taking.places().values()) == {"ingested"}
            now = taking.now
        if not was_cut:
            break
    else:
        raise AssertionError("a poll has no end")
    assert line > 20
    with ImapMailbox(server.settings()) as box:
        taking = TakingIn(db, box, now)
        assert taking.sweep() == 0
        taking.check()


def test_r01_a_kill_in_the_middle_of_a_letter_loses_nothing(
    server: ScriptedServer, taking: TakingIn, store_path: Path, now: datetime
) -> None:
    for number in range(5):
        server.deliver(letter(number, "x" * 100_000), now)
    half = threading.Event()

    def holds_back(tag: bytes, line: bytes) -> Sequence[bytes] | None:
        if b"BODY.PEEK[]" not in line:
            return None
        half.set()
        # Half of the first letter, and then nothing more.
        server.hang_at = server.sent + 2
        return [b"* 1 FETCH (UID 1 BODY[] {100200}\r\n" + b"x" * 50_000, b"never"]

    server.answer = holds_back
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.poll_once", str(server.port), str(store_path), PASSWORD],
        cwd=ROOT,
    )
    try:
        assert half.wait(20)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    server.answer, server.hang_at = lambda tag, line: None, None
    assert taking.stored() == []
    taking.check()
    taking.poll()
    assert len(taking.stored()) == 5
    assert set(taking.places().values()) == {"ingested"}
    taking.check()


@pytest.mark.parametrize("point", ["listed", "attempt", "fetched", "before_commit", "stored"])
def test_r02_a_kill_between_fetch_and_commit_costs_one_more_fetch(
    server: ScriptedServer, taking: TakingIn, store_path: Path, now: datetime, point: str
) -> None:
    for number in range(5):
        server.deliver(letter(number), now)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.poll_once", str(server.port), str(store_path), PASSWORD],
        cwd=ROOT,
        env={**os.environ, "INBOXBOT_FAULT": f"intake.{point}:kill"},
        timeout=30,
    )
    assert ended.returncode == -signal.SIGKILL
    taking.check()
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(5))
    assert set(taking.places().values()) == {"ingested"}
    assert max(taking.attempts(uid) for uid in range(1, 6)) <= 2


GARBAGE = {
    "bytes that are a number": [b"* 2 FETCH (UID 2 BODY[] 12345)\r\n"],
    "no UID": [b"* 2 FETCH (BODY[] {3}\r\nabc)\r\n"],
    "no end": [b"* 2 FETCH (UID 2 BODY[] {3}\r\nabc\r\n"],
    "an odd number of items": [b"* 2 FETCH (UID 2 BODY[])\r\n"],
    "a UID that is none": [b"* 2 FETCH (UID two BODY[] {3}\r\nabc)\r\n"],
    "a list for bytes": [b"* 2 FETCH (UID 2 BODY[] (1 2 3))\r\n"],
    "no IMAP": [b"HTTP/1.1 200 OK\r\n"],
    "nothing": [],
    "a literal of a petabyte": [b"* 2 FETCH (UID 2 BODY[] {1125899906842624}\r\n"],
    "not even ASCII": [b"* 2 FETCH (\xff\xfe UID \xff)\r\n"],
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_r15_a_garbled_answer_costs_that_letter_only(
    server: ScriptedServer, taking: TakingIn, now: datetime, garbage: list[bytes]
) -> None:
    for number in range(1, 5):
        server.deliver(letter(number), now)

    def garbles(tag: bytes, line: bytes) -> Sequence[bytes] | None:
        if b"BODY.PEEK[]" in line and b"2" in line.split()[2].split(b","):
            return [*garbage, tag + b" OK done\r\n"]
        return None

    server.answer = garbles
    taking.poll()
    assert {uid: state for uid, state in taking.places().items() if uid != 2} == {
        1: "ingested",
        3: "ingested",
        4: "ingested",
    }
    for _ in range(3):
        taking.later(minutes=6)
        taking.poll()
    assert taking.places()[2] == "quarantined"
    assert sorted(taking.stored()) == [letter(1), letter(3), letter(4)]
    taking.check()


def test_r15_answers_in_any_order_doubled_and_with_expunges_between_are_understood(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    raws = {server.deliver(letter(number), now): letter(number) for number in range(1, 5)}

    def shuffles(tag: bytes, line: bytes) -> Sequence[bytes] | None:
        if b"BODY.PEEK[]" not in line:
            return None
        pieces = [b"* 9 EXPUNGE\r\n"]
        for uid in (4, 2, 2, 3, 1):
            head = b"* %d FETCH (FLAGS ({5}\r\n\\Seen) UID %d BODY[] {%d}\r\n" % (
                uid,
                uid,
                len(raws[uid]),
            )
            pieces += [head, raws[uid], b" MODSEQ (7))\r\n", b"* 7 EXISTS\r\n"]
        pieces.append(b"* 1 FETCH (UID 99 FLAGS ())\r\n")
        return [*pieces, tag + b" OK done\r\n"]

    server.answer = shuffles
    taking.poll()
    assert sorted(taking.stored()) == sorted(raws.values())
    assert set(taking.places().values()) == {"ingested"}


def test_r15_a_garbled_listing_ends_the_poll_and_the_next_one_goes_on(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    server.deliver(letter(1), now)
    for answer in (b"* SEARCH one two\r\n", b"* SEARCH 1 (\r\n", b"* SEARCH " + b"1 " * 600_000):
        server.answer = lambda tag, line, text=answer: (  # type: ignore[misc]
            [text, b"\r\n", tag + b" OK done\r\n"] if b"SEARCH" in line else None
        )
        with pytest.raises(FetchError):
            taking.poll()
    server.answer = lambda tag, line: None
    taking.poll()
    assert taking.stored() == [letter(1)]


@pytest.mark.parametrize(
    "refusal",
    [
        b" NO [UNAVAILABLE] later\r\n",
        b" NO [INUSE] in use\r\n",
        b" NO [OVERQUOTA] too much\r\n",
        b" NO [THROTTLED] slow down\r\n",
        b" NO [LIMIT] limit\r\n",
    ],
)
def test_r10_a_busy_server_is_left_alone_until_the_next_poll(
    server: ScriptedServer, taking: TakingIn, now: datetime, refusal: bytes
) -> None:
    server.deliver(letter(1), now)
    server.answer = lambda tag, line: [tag + refusal] if b"FETCH" in line else None
    before = server.connections
    with pytest.raises(TransientError, match="busy"):
        taking.poll()
    assert server.connections == before
    server.answer = lambda tag, line: None
    taking.later(minutes=6)
    taking.poll()
    assert taking.stored() == [letter(1)]


def test_r10_a_busy_answer_on_a_kept_connection_makes_no_new_one(
    server: ScriptedServer, taking: TakingIn
) -> None:
    server.answer = lambda tag, line: [tag + b" NO [UNAVAILABLE] later\r\n"]
    before = server.connections
    with pytest.raises(TransientError, match="busy"):
        taking.poll()
    assert server.connections == before


def test_r10_a_server_that_says_bye_is_connected_to_a_bounded_number_of_times(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    for number in range(1, 20):
        server.deliver(letter(number), now)
    server.answer = lambda tag, line: [b"* BYE going down\r\n"] if b"FETCH" in line else None
    before = server.connections
    with pytest.raises(TransientError):
        taking.poll()
    assert server.connections - before <= 6
    server.answer = lambda tag, line: None
    poll_until_done(taking, 3)
    assert len(taking.stored()) == 19


def test_r10_a_greeting_of_bye_or_a_server_that_is_not_there_is_a_transient_error(
    server: ScriptedServer,
) -> None:
    server.greeting = b"* BYE too many connections"
    with pytest.raises(TransientError):
        ImapMailbox(server.settings()).open()
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(TransientError, match=f"127.0.0.1:{port}"):
        ImapMailbox(server.settings(port=port)).open()
    with pytest.raises(TransientError, match="was not found"):
        ImapMailbox(server.settings(host="no-such-host.invalid", security="tls")).open()


def test_r11_a_server_that_falls_silent_is_given_up_after_the_timeout(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    server.deliver(letter(1), now)
    server.hang_at = server.sent + 10  # In the middle of the poll: after NOOP and EXAMINE.
    started = time.monotonic()
    with pytest.raises(TransientError):
        taking.poll()
    assert time.monotonic() - started < 4
    server.hang_at = None
    taking.later(minutes=6)
    taking.poll()
    assert taking.stored() == [letter(1)]


def test_r11_a_server_that_dribbles_cannot_outlast_the_deadline(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    server.deliver(letter(1, "x" * 5_000), now)
    taking.limits = Limits(min_free=0, patience_s=1.0)
    server.dribble_s = 0.05
    started = time.monotonic()
    with pytest.raises(TransientError):
        taking.poll()
    assert time.monotonic() - started < 3
    server.dribble_s = 0.0
    taking.limits = Limits(min_free=0)
    taking.later(minutes=6)
    taking.poll()
    assert len(taking.stored()) == 1


def test_r11_a_tls_handshake_that_hangs_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ScriptedServer() as server:
        settings = server.settings(port=silent.getsockname()[1], security="tls", timeout_s=0.5)
        started = time.monotonic()
        with pytest.raises(TransientError, match="in time"):
            ImapMailbox(settings).open()
        assert time.monotonic() - started < 3


def test_r11_an_answer_without_end_is_cut_off(
    server: ScriptedServer, taking: TakingIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inboxbot.mail.connection.ANSWER_LIMIT", 1_000_000)
    server.answer = lambda tag, line: (
        [b"* 1 EXISTS\r\n" * 1000] * 200 if b"EXAMINE" in line else None
    )
    taking.box.close()
    with pytest.raises(TransientError):
        taking.poll()


@pytest.mark.parametrize("value", [b"0", None], ids=["zero", "absent"])
def test_r16_a_folder_without_uidvalidity_is_refused_with_a_reason(
    server: ScriptedServer, taking: TakingIn, value: bytes | None
) -> None:
    lines = [b"* 0 EXISTS\r\n", b"* OK [UIDNEXT 1] next\r\n"]
    if value is not None:
        lines.append(b"* OK [UIDVALIDITY " + value + b"] odd\r\n")
    server.answer = lambda tag, line: (
        [*lines, tag + b" OK [READ-ONLY] done\r\n"] if b"EXAMINE" in line else None
    )
    taking.box.close()
    with pytest.raises(PermanentError, match="UIDVALIDITY"):
        taking.poll()


def test_r16_a_folder_that_is_missing_is_named_by_its_setting_and_others_go_on(
    server: ScriptedServer, db: Database, now: datetime
) -> None:
    with pytest.raises(PermanentError, match="`folder`"):
        ImapMailbox(server.settings(folder="Gone")).open()
    with ImapMailbox(server.settings()) as box:
        assert TakingIn(db, box, now).poll().first


def test_r16_without_uidnext_the_highest_uid_is_asked_for(
    server: ScriptedServer, db: Database, now: datetime
) -> None:
    for number in range(1, 4):
        server.deliver(letter(number), now)

    def bare(tag: bytes, line: bytes) -> Sequence[bytes] | None:
        if b"EXAMINE" not in line:
            return None
        exists = b"* %d EXISTS\r\n" % len(server.letters)
        return [exists, b"* OK [UIDVALIDITY 77] valid\r\n", tag + b" OK done\r\n"]

    server.answer = bare
    with ImapMailbox(server.settings()) as box:
        taking = TakingIn(db, box, now)
        taking.poll()
        server.deliver(letter(4), now)
        taking.poll()
        assert taking.stored() == [letter(4)]
        del server.letters[4]  # What is asked for goes back then, and nothing was put back.
        taking.poll()
        assert taking.places() == {4: "ingested"}


def test_a_kept_connection_that_died_is_made_again_in_the_same_poll(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    server.deliver(letter(1), now)
    server.answer = lambda tag, line: [b"* BYE idle for too long\r\n"]
    before = server.connections

    def once(tag: bytes, line: bytes) -> Sequence[bytes] | None:
        server.answer = lambda tag, line: None
        return [b"* BYE idle for too long\r\n"]

    server.answer = once
    taking.poll()
    assert taking.stored() == [letter(1)]
    assert server.connections == before + 1


def verbs(server: ScriptedServer) -> list[bytes]:
    return [command.partition(b" ")[2].split()[0] for command in server.commands]


def test_an_open_folder_is_asked_for_news_and_opened_anew_every_tenth_time_all_the_same(
    server: ScriptedServer, now: datetime
) -> None:
    with ImapMailbox(server.settings()) as box:
        found = {box.open()}
        server.commands.clear()
        found |= {box.open() for _ in range(OPEN_ANEW_EVERY)}
        assert len(found) == 1
        assert sorted(verbs(server)) == [b"EXAMINE"] + [b"NOOP"] * (OPEN_ANEW_EVERY - 1)
        server.deliver(letter(1), now)
        assert box.open().uidnext == 2


def test_what_a_server_tells_with_the_answer_to_another_command_is_not_missed(
    server: ScriptedServer, now: datetime
) -> None:
    with ImapMailbox(server.settings()) as box:
        box.open()
        server.deliver(letter(1), now)
        server.answer = lambda tag, line: (
            [b"* 1 EXISTS\r\n* SEARCH\r\n", tag + b" OK done\r\n"] if b"SEARCH" in line else None
        )
        box.uids(1, None)
        server.commands.clear()
        assert box.open().uidnext == 2
        assert verbs(server) == [b"EXAMINE"]


def test_waiting_ends_when_a_letter_comes_and_leaves_the_connection_usable(
    server: ScriptedServer, taking: TakingIn, now: datetime
) -> None:
    assert isinstance(taking.box, ImapMailbox)
    assert taking.box.wait(0.2) is False
    threading.Timer(0.2, server.deliver, (letter(1), now)).start()
    assert taking.box.wait(10) is True
    taking.poll()
    assert taking.stored() == [letter(1)]


def test_waiting_on_a_connection_that_dies_is_an_error_not_a_busy_loop(
    server: ScriptedServer, taking: TakingIn
) -> None:
    assert isinstance(taking.box, ImapMailbox)
    server.answer = lambda tag, line: [b"+ idling\r\n", b"* BYE\r\n"] if line == b"IDLE" else None
    with pytest.raises(TransientError):
        taking.box.wait(10)
