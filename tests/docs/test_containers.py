"""The container and compose files name what there is, and give no process more than it needs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from inboxbot.cli import COMMANDS
from inboxbot.web import roles

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
FILE = (FOLDER / "Containerfile").read_text("utf-8").replace("\\\n", " ")
STAGES = re.split(r"(?m)^FROM ", FILE)[1:]


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", FILE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert Path(source).name not in ignored


def test_what_the_wheel_is_built_from_is_copied():
    copied = set(re.findall(r"[\w./]+", " ".join(re.findall(r"(?m)^COPY (?!--from)(.+)$", FILE))))
    assert {"inboxbot", "templates", "config", "pyproject.toml", "README.md", "LICENSE"} <= copied


def test_everything_installed_is_locked_by_its_hash():
    for call in re.findall(r"pip install [^&\n]*", FILE):
        assert "--require-hashes" in call or "--no-deps /dist/*.whl" in call, call


def test_the_last_stage_runs_the_program_without_rights():
    last = STAGES[-1]
    assert re.search(r"(?m)^USER inboxbot$", last)
    assert 'ENTRYPOINT ["inboxbot"]' in last
    assert "HEALTHCHECK" in last
    assert "pip install" not in last


@pytest.mark.parametrize("name", ["daemon", "web"])
def test_a_service_is_closed_and_says_whether_it_is_well(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["command"][0] in COMMANDS
    assert "privileged" not in service
    assert "environment" not in service


def test_only_the_daemon_is_given_passwords():
    assert set(COMPOSE["services"]["daemon"]["secrets"]) == set(COMPOSE["secrets"])
    assert "secrets" not in COMPOSE["services"]["web"]
    example = (ROOT / "config" / "inboxbot.example.toml").read_text("utf-8")
    assert set(re.findall(r'(?m)^credential = "([\w-]+)"', example)) == set(COMPOSE["secrets"])


def test_the_pages_are_shown_to_this_machine_only():
    assert "ports" not in COMPOSE["services"]["daemon"]
    for port in COMPOSE["services"]["web"]["ports"]:
        assert port.startswith("127.0.0.1:")
    assert "/alive" in COMPOSE["services"]["web"]["healthcheck"]["test"][-1]
    assert "app.alive" in roles.OPEN


def test_passwords_and_settings_beside_these_files_are_never_committed():
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"packaging/secrets/", "packaging/config/"} <= set(ignored)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_the_words_of_the_command(shell):
    def run(**variables: str) -> str:
        return subprocess.run(
            [Path(sys.executable).with_name("inboxbot")], env={**os.environ, **variables},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    assert "inboxbot" in run(_INBOXBOT_COMPLETE=f"{shell}_source")
    # fish names the word itself, the others its place.
    at = "pau" if shell == "fish" else "2"
    found = run(
        _INBOXBOT_COMPLETE=f"{shell}_complete", COMP_WORDS="inboxbot mode pau", COMP_CWORD=at
    )
    assert "paused" in found
