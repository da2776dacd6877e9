"""The demo where it cannot start: it says why at once, and nothing is left running."""

import socket
import time
from pathlib import Path

import click
import pytest

from inboxbot.demo import show
from tests.terminal import Terminal


@pytest.mark.parametrize("option", ["--port", "--imap-port", "--smtp-port"])
def test_a_port_that_is_taken_is_named_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = Terminal(tmp_path, capsys)("demo", "--once", option, port)
    assert code == 69
    assert f"{option} {port} cannot be used (Address already in use)" in said
    assert "Starting" not in said


def test_one_port_cannot_be_asked_for_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    code, said = Terminal(tmp_path, capsys)(
        "demo", "--once", "--imap-port", port, "--smtp-port", port
    )
    assert code == 69
    assert f"--smtp-port {port} cannot be used" in said


def test_a_process_that_ends_before_it_is_ready_is_shown_with_what_it_said(tmp_path: Path) -> None:
    path = tmp_path / "inboxbot.toml"
    path.write_text("no = 'configuration'", "utf-8")
    before = time.monotonic()
    with (
        pytest.raises(click.ClickException) as raised,
        show._process("web", path, is_ready=lambda: False),
    ):
        pass
    assert time.monotonic() - before < show.START_TIMEOUT_S / 2
    assert "`inboxbot web` did not start" in raised.value.message
    assert "no: " in raised.value.message
