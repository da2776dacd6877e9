"""Ctrl-C: the end of the process at once while a command is being read, an exception within it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Python puts a ValueError in the place of what is raised while it words it, and click asks so.
WHILE_IT_IS_READ = """
import os, signal
import click
from inboxbot.cli import main

def interrupted(parameter):
    os.kill(os.getpid(), signal.SIGINT)
    return "a parameter"

click.Parameter.__repr__ = interrupted
main(["check"])
"""
WITHIN_IT = """
import os, signal, time
import click
from inboxbot.cli import cli, main
from inboxbot.cli.common import options

@click.command("check")
@options
def interrupted(config_file, as_json):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    finally:
        click.echo("put away")

cli.get_command = lambda context, name: interrupted
main(["check"])
"""

# The second time is that of the command itself, which lets it end the process again.
IN_THE_MIDST_OF_THE_CHANGE = """
import os, signal, sys, time
from inboxbot import daemon
from inboxbot.cli import main, start

changed, turns = signal.signal, int(sys.argv[1])

def interrupted(number, handler):
    global turns
    if handler is signal.SIG_DFL:
        turns -= 1
        if not turns:
            os.kill(os.getpid(), signal.SIGINT)
    return changed(number, handler)

signal.signal = interrupted
start.configuration = lambda file: None
daemon.run = lambda configuration: time.sleep(10)
main(["run"])
"""

# As a shell starts a job in the background. The daemon hears the signal there, so its start must.
WHILE_THE_DAEMON_STARTS = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
from inboxbot import daemon
from inboxbot.cli import main, start

start.configuration = lambda file: os.kill(os.getpid(), signal.SIGINT)
daemon.run = lambda configuration: time.sleep(10)
main(["run"])
"""

# As a terminal starts it: where the tests run in the background, they ignore this signal.
HEARD = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def ended(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HEARD + program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_an_interrupt_while_the_command_is_read_is_not_lost(tmp_path: Path) -> None:
    end = ended(WHILE_IT_IS_READ, tmp_path)
    assert (end.returncode, end.stdout) == (-signal.SIGINT, "")


def test_an_interrupt_within_a_command_lets_it_put_away_what_it_began(tmp_path: Path) -> None:
    end = ended(WITHIN_IT, tmp_path)
    assert (end.returncode, end.stdout) == (130, "put away\n")
    assert "Traceback" not in end.stderr


@pytest.mark.parametrize("turn", ["1", "2"])
def test_an_interrupt_while_its_handler_changes_is_not_lost(turn: str, tmp_path: Path) -> None:
    end = ended(IN_THE_MIDST_OF_THE_CHANGE, tmp_path, turn)
    # No exception, which would mean that Python had it while its handler went away.
    assert (end.returncode, end.stdout, end.stderr) == (-signal.SIGINT, "", "")


def test_a_start_of_the_daemon_is_ended_also_where_the_signal_was_ignored(tmp_path: Path) -> None:
    end = ended(WHILE_THE_DAEMON_STARTS, tmp_path)
    assert (end.returncode, end.stdout, end.stderr) == (-signal.SIGINT, "", "")
