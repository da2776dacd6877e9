"""The pages for operations and the program name the same things."""

import ast
import json
import re
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from inboxbot import cli, metrics
from inboxbot.cli import common
from inboxbot.store.alerts import SENTENCES, Code
from inboxbot.store.retention import PARTS
from inboxbot.store.sqlite import Database

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "operations"
SHARED_NAMES = re.compile(r"inboxbot_[a-z_]+")


def page(name: str) -> str:
    return (PAGES / name).read_text()


def first_column(name: str) -> list[str]:
    """Return what stands in code in the first column of the tables of a page."""
    cells = re.findall(r"^\| (`[^|]+`[^|]*) \|", page(name), re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def events_of_the_program() -> set[str]:
    """Return every event that the log can hold, as its one module says them."""
    tree = ast.parse((ROOT / "inboxbot" / "events.py").read_text())
    said = {
        call.args[1].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "_say"
        and isinstance(call.args[1], ast.Constant)
    }
    return {str(name) for name in said} | {"library"}


def test_every_event_has_its_row_and_every_row_its_event():
    rows = first_column("events.md")
    assert sorted(rows) == sorted(set(rows))
    assert set(rows) == events_of_the_program()


def test_nothing_else_in_the_program_writes_to_the_log():
    found = []
    for file in (ROOT / "inboxbot").rglob("*.py"):
        text = file.read_text()
        if file.name != "events.py" and re.search(
            r"getLogger\([^)]*\)\.(debug|info|warn|error|exc|crit|log)|^import logging\.", text
        ):
            found.append(file.name)
    assert found == []


def test_every_exit_code_is_explained():
    codes = {
        value
        for name, value in vars(common).items()
        if name.isupper() and isinstance(value, int) and not isinstance(value, bool)
    }
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", page("faults.md"), re.MULTILINE)}
    assert rows == codes | {130}


def test_every_alarm_says_what_to_do():
    assert set(first_column("alarms.md")) == set(Code)
    assert set(SENTENCES) == set(Code)


@pytest.fixture
def families(db: Database, store_path: Path, now: datetime) -> set[str]:
    """Return every metric that the daemon and the review app can show."""
    registry = CollectorRegistry()
    metrics.Counted(registry)
    registry.register(metrics.StoreFigures(lambda: nullcontext(db), store_path, lambda: now))
    metrics.Answered(registry)
    endings = {"counter": "_total", "info": "_info"}
    return {f"{each.name}{endings.get(each.type, '')}" for each in registry.collect()}


def test_every_metric_has_its_row_and_every_row_its_metric(families):
    assert set(first_column("metrics.md")) - {"/metrics", "/livez", "/readyz"} == families


@pytest.mark.parametrize("name", ["alert-rules.yml", "grafana.json"])
def test_rules_and_board_use_metrics_that_exist(name, families):
    used = set(SHARED_NAMES.findall(page(name))) - {"inboxbot_"}
    plain = {re.sub(r"_(bucket|count|sum)$", "", each) for each in used}
    assert plain <= families
    assert len(plain) > 8


def test_there_are_rules_enough_and_the_board_is_one():
    rules = page("alert-rules.yml")
    names = re.findall(r"- alert: (\w+)", rules)
    assert len(names) == len(set(names)) >= 10
    assert rules.count("expr:") == rules.count("summary:") == rules.count("action:") == len(names)
    board = json.loads(page("grafana.json"))
    assert all(panel["targets"] and panel["title"] for panel in board["panels"])


def test_every_command_that_a_page_names_exists():
    named = {
        command
        for file in (*PAGES.glob("*.md"), *PAGES.glob("*.yml"))
        for command in re.findall(r"(?:`|^|')inboxbot ([a-z-]+)", file.read_text(), re.MULTILINE)
    }
    assert len(named) > 10
    assert named <= set(cli.COMMANDS)


def test_every_page_is_listed_and_every_link_leads_somewhere():
    listed = set(re.findall(r"\]\(([a-z]+\.md)\)", page("README.md")))
    assert {file.name for file in PAGES.glob("*.md")} - {"README.md"} <= listed
    for file in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text()):
            assert (PAGES / target).exists(), f"{file.name}: {target}"


def test_every_part_that_age_erases_is_explained():
    text = page("privacy.md")
    assert all(f"| {part} |" in text for part in PARTS)


GUIDES = (
    "Google Workspace",
    "Microsoft 365",
    "A mail host with a password",
    "A relay on this machine",
)


@pytest.mark.parametrize("title", GUIDES)
def test_every_guide_to_a_provider_says_when_and_with_what_it_was_checked(title):
    guide = page("providers.md").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert re.search(r"^Checked on 20\d\d-\d\d-\d\d with ", guide, re.MULTILINE)
