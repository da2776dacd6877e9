"""`inboxbot evaluate`: figures for people and for machines, and clear errors."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from inboxbot.cli import cli
from inboxbot.cli.common import NotFound
from inboxbot.errors import DataError

EXAMPLE = Path(__file__).parents[2] / "config" / "inboxbot.example.toml"
EXAMPLES = Path(__file__).parents[2] / "inboxbot" / "classify" / "data" / "examples.jsonl"


@pytest.fixture
def run(tmp_path):
    config = tmp_path / "inboxbot.toml"
    config.write_text(EXAMPLE.read_text().replace('# model = "encoder"', 'model = "light"'))
    letters = tmp_path / "letters.jsonl"

    def evaluate(text, *options):
        letters.write_text(text)
        return CliRunner().invoke(
            cli,
            ["evaluate", str(letters), "--config", str(config), *options],
            standalone_mode=False,
        )

    return evaluate


def some(count):
    return "\n".join(EXAMPLES.read_text().splitlines()[:count])


def test_it_prints_every_figure_for_machines(run):
    found = json.loads(run(some(12), "--json").output)
    assert found["letters"] == 12
    assert found["accuracy"]["of"] == 12
    assert 0 <= found["accuracy"]["low"] <= found["accuracy"]["value"] <= found["accuracy"]["high"]
    assert sum(row["letters"] for row in found["confusion"]) == 12
    assert set(found["recall"]) == {
        "profile_request",
        "medication_question",
        "general_inquiry",
    }


def test_it_prints_tables_for_people(run):
    said = run(some(12)).output
    for words in ("accuracy", "urgent recall", "CONFIDENCE", "TAKEN FOR", "CPU a letter"):
        assert words in said


@pytest.mark.parametrize(("text", "error"), [("", NotFound), ("no letter", DataError)])
def test_a_file_without_letters_is_named(run, text, error):
    assert isinstance(run(text).exception, error)
