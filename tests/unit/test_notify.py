"""systemd's notification protocol, spoken to a real socket."""

import secrets
import socket
import time
from contextlib import suppress

import pytest

from inboxbot import notify


@pytest.fixture(params=["a file", "an abstract name"])
def systemd(request, tmp_path, monkeypatch):
    name = f"inboxbot-test-{secrets.token_hex(6)}"
    bound, told = (
        (str(tmp_path / "notify"),) * 2 if request.param == "a file" else (f"\0{name}", f"@{name}")
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(bound)
        sock.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", told)
        yield sock


def test_readiness_arrives(systemd):
    notify.ready()
    assert systemd.recv(100) == b"READY=1"


def test_a_sign_of_life_arrives(systemd):
    notify.watchdog()
    assert systemd.recv(100) == b"WATCHDOG=1"


def test_a_status_is_one_line_of_bounded_length(systemd):
    notify.status("two\nlines " + "x" * 5000)
    text = systemd.recv(10_000).decode()
    assert text.startswith("STATUS=two lines xx")
    assert "\n" not in text
    assert len(text) == len("STATUS=") + 200


def test_a_reload_carries_the_moment_that_systemd_asks_for(systemd):
    notify.reloading()
    first, second = systemd.recv(200).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_the_end_is_announced(systemd):
    notify.stopping()
    assert systemd.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/at/all", "@nobody-listens"])
def test_without_a_listener_nothing_happens(monkeypatch, address):
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.ready()
    notify.watchdog()


def test_a_receiver_that_reads_nothing_does_not_hold_us_up(systemd):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sock.sendto(b"x" * 1000, systemd.getsockname())
    began, worked = time.monotonic(), time.process_time()
    notify.watchdog()
    assert time.monotonic() - began < 3
    assert time.process_time() - worked < 0.5, "it waits without work"
