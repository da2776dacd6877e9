"""The daemon as systemd and a sysadmin meet it: notify, reload, upkeep, figures."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from inboxbot import config, opening
from inboxbot.clock import utc_now
from inboxbot.daemon import Daemon
from inboxbot.errors import TransientError
from inboxbot.pause import Pauses, Sweeps
from inboxbot.store import alerts
from inboxbot.store.database import write
from inboxbot.watcher import Watcher
from tests import imap_script
from tests.installation import install, until
from tests.memory import heaps_of_threads
from tests.numbered import letter
from tests.smtp_sink import free_port


@pytest.fixture
def notified(tmp_path):
    """Listen as systemd does, all the time; returns the address and what was said so far."""
    address = str(tmp_path / "notify.sock")
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)

        def listen():
            while said := listener.recv(4096).decode():
                heard.append(said)

        ears = threading.Thread(target=listen)
        ears.start()
        yield address, lambda text: any(text in line for line in heard)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", address)
        ears.join()


def test_it_tells_systemd_when_it_is_ready_goes_on_and_ends(installation, notified):
    address, said = notified
    with installation.daemon(NOTIFY_SOCKET=address):
        until(lambda: said("READY=1"))
        until(lambda: said("WATCHDOG=1"))
    assert said("STOPPING=1")


def test_ctrl_c_ends_it_also_while_it_reads_its_configuration(installation):
    installation.configuration.unlink()
    os.mkfifo(installation.configuration)
    process = installation.begin()
    with installation.configuration.open("w"):  # As soon as the other end is open, too.
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


def test_its_threads_share_one_heap(installation, notified):
    address, said = notified
    with installation.daemon(NOTIFY_SOCKET=address) as process:
        until(lambda: said("READY=1"))
        until(lambda: installation.log().count('"baseline"'))
        assert heaps_of_threads(Path(f"/proc/{process.pid}/maps").read_text()) == 0


def test_a_reload_takes_a_changed_configuration_and_refuses_a_broken_one(installation, notified):
    address, said = notified
    good = installation.configuration.read_text()
    with installation.daemon(NOTIFY_SOCKET=address) as process:
        until(lambda: said("READY=1"))
        installation.configuration.write_text(good.replace("hours_to_answer = 48", "hours = 1"))
        os.kill(process.pid, signal.SIGHUP)
        until(lambda: '"reload-refused"' in installation.log())
        assert process.poll() is None
        installation.configuration.write_text(good)
        until(lambda: former_in_force(installation))
        changed = good.replace("hours_to_answer = 48", "hours_to_answer = 24")
        installation.configuration.write_text(changed)
        os.kill(process.pid, signal.SIGHUP)
        until(lambda: '"reloaded"' in installation.log())
        until(lambda: installation.log().count('"started"') == 2)
        assert said("RELOADING=1")
        assert process.poll() is None
        until(lambda: not former_in_force(installation))


@contextmanager
def writing(installation):
    """Have another program write to the store for the length of the block."""
    with closing(sqlite3.connect(installation.store, timeout=30)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield


def former_in_force(installation):
    """Say whether staff are told that a changed configuration was refused."""
    return any("previous one is in force" in text for text in installation.status()["problems"])


def test_a_reload_that_it_cannot_start_with_leaves_the_former_configuration(installation, notified):
    address, said = notified
    good = installation.configuration.read_text()
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        installation.daemon(NOTIFY_SOCKET=address) as process,
    ):
        until(lambda: said("READY=1"))
        port = other.getsockname()[1]
        installation.configuration.write_text(f"{good}\n[metrics]\nport = {port}\n")
        os.kill(process.pid, signal.SIGHUP)
        until(
            lambda: '"reload-refused", "problems": 1, "error": "StoreError"' in installation.log()
        )
        assert installation.log().count('"started"') == 2
        assert '"reloaded"' not in installation.log()
        until(lambda: former_in_force(installation))
        installation.configuration.write_text(good)
        os.kill(process.pid, signal.SIGHUP)
        until(lambda: '"reloaded"' in installation.log())
        until(lambda: not former_in_force(installation))


def test_a_reload_is_refused_at_once_also_while_another_program_writes(installation, notified):
    address, said = notified
    good = installation.configuration.read_text()
    with installation.daemon(NOTIFY_SOCKET=address) as process:
        until(lambda: said("READY=1"))
        with writing(installation):
            installation.configuration.write_text(good.replace("hours_to_answer = 48", "hours = 1"))
            for count in (1, 2):  # The second is heard where the first holds nobody up.
                os.kill(process.pid, signal.SIGHUP)
                until(lambda count=count: installation.log().count('"reload-refused"') == count)
            installation.configuration.write_text(good)
        until(lambda: former_in_force(installation))


# What goes wrong here, nobody foresaw: it comes up in the main thread.
FAILING = """
import sys
from pathlib import Path
from inboxbot import config, daemon

def failing(configuration):
    raise RuntimeError

daemon.reloaded = failing
daemon.run(config.load(Path(sys.argv[1])))
"""


def test_an_unforeseen_error_ends_it_only_after_its_jobs(installation, notified):
    address, said = notified
    with (
        (installation.folder / "daemon.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", FAILING, installation.configuration],
            stdout=log,
            stderr=log,
            env=os.environ | installation.environment | {"NOTIFY_SOCKET": address},
        ) as process,
    ):
        until(lambda: said("READY=1"))
        with writing(installation):  # The first look waits to write.
            process.send_signal(signal.SIGHUP)
            until(lambda: '"job": "main", "error": "RuntimeError"' in installation.log())
        assert process.wait(10) == 1
    assert "RuntimeError" in installation.log()


def test_figures_and_readiness_are_served_where_a_port_is_set(installation):
    port = free_port()
    with installation.configuration.open("a") as file:
        file.write(f"\n[metrics]\nport = {port}\n")

    def page(name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    with installation.daemon():
        until(lambda: page("readyz")[0] == 200)
        assert page("livez")[0] == 200
        until(lambda: 'inboxbot_poll_total{mailbox="support",result="ok"}' in page("metrics")[1])
        assert "inboxbot_last_successful_poll_timestamp_seconds" in page("metrics")[1]


def test_staff_are_told_of_an_urgent_letter_without_a_word_of_it(installation, account, sink):
    with installation.configuration.open("a") as file:
        file.write('\n[alerts]\nto = ["oncall@example.org"]\n')
    installation.run("poll")
    with account.client() as client:
        client.append(
            "INBOX",
            b"From: Zoe <zoe@post.test>\r\nTo: support@example.org\r\nSubject: canarysubject\r\n"
            b"Message-ID: <u@post.test>\r\n\r\nMy husband cannot breathe right now, his lips are "
            b"blue and the ventilator has failed. canaryword\r\n",
        )
    installation.run("poll")
    db = sqlite3.connect(installation.store)
    assert db.execute("SELECT count(*) FROM alert WHERE code = 'urgent'").fetchone()[0] == 1
    db.close()
    with installation.daemon():
        until(lambda: any(mail.recipients == ("oncall@example.org",) for mail in sink.accepted))
    (told,) = [mail for mail in sink.accepted if mail.recipients == ("oncall@example.org",)]
    assert b"please look" in told.raw
    for word in (b"canary", b"zoe", b"Zoe", b"ventilator"):
        assert word not in told.raw


def test_a_sweep_that_fails_is_begun_again_after_minutes_and_the_looks_go_on(
    server, tmp_path, monkeypatch
):
    made = install(
        tmp_path, imap_host="127.0.0.1", imap_port=server.port, imap_user="support", smtp_port=1
    )
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", imap_script.PASSWORD)
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", imap_script.PASSWORD)
    configuration = config.load(made.configuration)
    box, clock, halt = configuration.mailbox[0], [0.0], threading.Event()
    halt.set()  # No job of the schedule runs here.

    def refuses(tag, line):
        swept = b"SEARCH" in line and b"*" not in line
        return [tag + b" NO [UNAVAILABLE] later\r\n"] if swept else None

    with ExitStack() as stack:
        db = stack.enter_context(opening.store(configuration))
        watcher = stack.enter_context(closing(Watcher(configuration, box, db, utc_now)))
        watcher.poll()
        server.deliver(letter(1), utc_now())
        it = Daemon(configuration, halt, stack, refused=False)
        it._count = lambda *_: None
        it._sweeps = Sweeps(lambda: clock[0])

        def swept():
            it._look(box, watcher, lambda: False)
            return db.execute("SELECT last_sweep_at FROM mailbox").fetchone()[0]

        server.answer = refuses
        with pytest.raises(TransientError):
            swept()
        assert swept() is None
        server.answer = lambda tag, line: None
        assert swept() is None
        clock[0] += 15 * 60
        first = swept()
        assert first is not None
        clock[0] += 15 * 60
        assert swept() == first


def test_a_server_that_failed_is_tried_again_after_its_pause_not_at_the_next_regular_look(
    tmp_path, monkeypatch
):
    made = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="support", smtp_port=1)
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", imap_script.PASSWORD)
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", imap_script.PASSWORD)
    made.configuration.write_text(
        re.sub(r"poll_every_s = \S+", "poll_every_s = 60", made.configuration.read_text())
    )
    configuration = config.load(made.configuration)
    box, woken = configuration.mailbox[0], []
    assert box.poll_every_s == 60
    with ExitStack() as stack:
        db = stack.enter_context(opening.store(configuration))
        watcher = stack.enter_context(closing(Watcher(configuration, box, db, utc_now)))
        it = Daemon(configuration, threading.Event(), stack, refused=False)
        it._count = lambda *_: None
        it._wake = lambda name, in_s=0.0: woken.append((name, in_s))
        look = it._polling(box, watcher)
        look()
        look()  # Within the pause nothing is tried.
        ((name, wait),) = woken
        assert name == "poll support"
        assert 0 < wait < 60
        it._pauses = Pauses(lambda: 0.0, jitter=lambda: 1.0)
        for _ in range(12):
            it._pauses._until.clear()
            look()
        assert len(woken) < 12, (
            "a pause longer than the time between looks needs no look of its own"
        )


def test_trouble_with_a_token_ends_where_a_password_is_used_again(server, tmp_path, monkeypatch):
    made = install(
        tmp_path, imap_host="127.0.0.1", imap_port=server.port, imap_user="support", smtp_port=1
    )
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", imap_script.PASSWORD)
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", imap_script.PASSWORD)
    configuration = config.load(made.configuration)
    with ExitStack() as stack:
        db = stack.enter_context(opening.store(configuration))
        box = configuration.mailbox[0]
        watcher = stack.enter_context(closing(Watcher(configuration, box, db, utc_now)))
        with write(db):
            alerts.open_alert(db, alerts.Code.TOKEN, utc_now(), detail=box.name)
        watcher.poll()
        assert not alerts.is_open(db, alerts.Code.TOKEN, detail=box.name)
