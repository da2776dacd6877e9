"""The documentation and the program name the same things."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from inboxbot.classify.category import Category, Sensitive, Urgent
from inboxbot.cli import COMMANDS, cli
from inboxbot.reply.reason import Disposition
from inboxbot.store import query
from inboxbot.store.settings import Mode

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_exists(page):
    for command in re.findall(r"`(?:\.venv/bin/)?inboxbot ([a-z][a-z-]+)", page.read_text()):
        assert command in COMMANDS, command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name):
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output
    command = cli.get_command(None, name)
    assert command.get_short_help_str(limit=200)


def subcommands():
    for name in COMMANDS:
        command = cli.get_command(None, name)
        for inner in getattr(command, "commands", {}).values():
            yield f"{name} {inner.name}", inner
        if not hasattr(command, "commands"):
            yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*c, id=c[0]) for c in subcommands()])
def test_every_command_takes_a_configuration_and_prints_for_machines(name, command):
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--config", "--json"} <= options


@pytest.mark.parametrize("words", [Category, Urgent, Sensitive, Disposition, Mode])
def test_the_words_of_every_closed_list_are_explained(words):
    text = (ROOT / "docs" / "words.md").read_text()
    for word in words:
        assert word.value in text, word


def test_make_knows_the_targets_that_the_pages_name():
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: make {target}"


def test_whatever_a_search_can_ask_for_is_explained_to_staff():
    page = (ROOT / "docs" / "staff" / "index.md").read_text("utf-8")
    listed = page.partition("## Searching")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z]+):", listed)) == set(query.OPERATORS)
