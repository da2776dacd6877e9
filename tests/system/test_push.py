"""Push: a letter is acknowledged as soon as it comes, and a server that tells nothing, or one that
hangs, disturbs nobody. How a wait itself goes is in test_idle.
"""

import signal
import socket
import statistics
import time
from datetime import UTC, datetime

import pytest

from tests.imap_script import PASSWORD as SCRIPT_PASSWORD
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
