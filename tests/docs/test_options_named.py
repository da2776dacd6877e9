"""Whoever follows a page, or what the program says, meets options and keys that exist."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from inboxbot.cli import COMMANDS, cli
from inboxbot.web.keys import KEYS

ROOT = Path(__file__).parents[2]
SOURCES = subprocess.run(
    ["git", "ls-files", "--", "*.md", "inboxbot/*.py", "inboxbot/*.html", "systemd/", "config/"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.splitlines()  # fmt: skip
# In backticks, or at the beginning of a line of a block.
CALL = re.compile(r"(?:`|^)(?:\.venv/bin/)?inboxbot ([a-z][a-z-]*)([^`\n#|]*)", re.M)

BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.M | re.S)
TYPED = re.compile(r"(?:docker compose (?:exec|run --rm) \w+ |\S*/)?inboxbot ([^>]*)")


def typed_in(page: str) -> list[list[str]]:
    """Return the words of every command of ours that a page's blocks say to type."""
    lines = "\n".join(BLOCK.findall(page)).replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in re.split(r"&&|;|\|", line.partition(" # ")[0])]
    return [shlex.split(found[1]) for part in parts if (found := TYPED.match(part.strip()))]


def take(command: click.Command, name: str, words: list[str], above: click.Context | None) -> None:
    """Read the words of a command as the program would; raises click's errors."""
    context = command.make_context(name, list(words), parent=above)
    if isinstance(command, click.Group):
        _options, rest, _order = command.make_parser(context).parse_args(list(words))
        inner, found, rest = command.resolve_command(context, rest)
        take(found, inner, rest, context)


def options_of(words: list[str]) -> set[str]:
    command = cli.get_command(None, words[0])
    inner = getattr(command, "commands", {})
    if len(words) > 1 and words[1] in inner:
        command = inner[words[1]]
    return {option for each in command.params for option in (*each.opts, *each.secondary_opts)}


def test_every_option_that_is_named_exists():
    files = [name for name in SOURCES if (ROOT / name).is_file()]
    calls = [
        (name, command, rest)
        for name in files
        for command, rest in CALL.findall((ROOT / name).read_text("utf-8"))
        if command in COMMANDS  # else prose; what stands in backticks is looked at by test_docs
    ]
    named = [
        (name, command, rest, option)
        for name, command, rest in calls
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest)
    ]
    assert len(named) > 30
    assert [
        f"{name}: inboxbot {command}{rest}"
        for name, command, rest, option in named
        if option not in options_of([command, *rest.split()]) | {"--help"}
    ] == []


@pytest.mark.parametrize("name", [name for name in SOURCES if name.endswith(".md")])
def test_every_command_of_a_block_can_be_typed(name):
    for words in typed_in((ROOT / name).read_text("utf-8")):
        take(cli, "inboxbot", words, None)


def test_the_page_for_staff_names_every_key_of_the_help_page():
    told = (ROOT / "docs" / "staff" / "index.md").read_text("utf-8")
    assert len(KEYS) > 20
    for key in KEYS:
        assert f"| `{key.usual}` | {key.does} |" in told, key.usual
