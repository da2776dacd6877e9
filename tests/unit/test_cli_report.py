"""`inboxbot report` says the same as the page."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from inboxbot.cli import cli
from tests import letters
from tests.new_store import new_store
from tests.office import CONFIGURATION


@pytest.fixture
def run(tmp_path):
    file = tmp_path / "inboxbot.toml"
    file.write_text(f'{CONFIGURATION}\n[store]\npath = "state/inboxbot.sqlite3"\n')
    db = new_store(tmp_path / "state" / "inboxbot.sqlite3")
    letters.a_few_hundred(db, datetime.now(UTC), 36)
    db.close()
    return lambda *arguments: CliRunner().invoke(cli, ["report", "--config", str(file), *arguments])


def test_it_prints_one_object_for_machines(run):
    found = json.loads(run("--json").output)
    assert found["letters"] == sum(found["categories"].values()) == 36
    assert sum(found["hours"]) == sum(found["weekdays"]) == sum(found["languages"].values()) == 36
    assert found["waits"]["all"]["acknowledged"]["median_s"] == 41
    assert found["time_zone"] == "America/Chicago"
    assert len(found["steps"]) == 30


def test_it_prints_a_table_for_people(run):
    shown = run("--days", "7").output
    assert "letters          36 (before: 0)" in shown
    assert "0:00:41" in shown
    assert "example.net" not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "lies after"),
        (("--from", "2010-01-01"), "at most three years"),
        (("--from", "soon"), "does not match"),
    ],
)
def test_days_that_make_no_sense_are_said(run, arguments, said):
    answer = run(*arguments)
    assert answer.exit_code == 2
    assert said in answer.output
