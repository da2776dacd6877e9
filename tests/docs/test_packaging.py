"""The wheel holds all that the program needs, and asks for exactly what the program imports."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.once import once
from tests.sources import tree

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# Where a folder of the checkout lies in the wheel.
SHIPPED = {"inboxbot/": "inboxbot/", "templates/": "inboxbot/shipped/templates/",
           "config/": "inboxbot/shipped/config/"}  # fmt: skip


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


def our_files() -> list[str]:
    """Every file that belongs to the project, also one that is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *SHIPPED],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return sorted({name for name in listed if (ROOT / name).is_file()})


def imported(folder: Path) -> dict[str, set[str]]:
    """Each top-level module that is imported and not Python's own: the files that do."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(tree(path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "inboxbot":
                    found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found


def test_exactly_what_the_program_imports_is_asked_for():
    asked = {plain(name) for name in PROJECT["dependencies"]}
    extras = PROJECT["optional-dependencies"]
    to_train, to_encrypt = ({plain(n) for n in extras[name]} for name in ("train", "sqlcipher"))
    owners = packages_distributions()
    needed, needed_to_train = set(), set()
    for module, files in imported(ROOT / "inboxbot").items():
        only_training = files <= {"inboxbot/classify/train.py"}
        (needed_to_train if only_training else needed).add(plain(owners[module][0]))
    # zoneinfo looks for the zones there by itself.
    assert needed | {"tzdata"} == asked | to_encrypt
    assert needed_to_train == to_train


def test_each_dependency_is_explained_and_locked():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", lock))
    for name in PROJECT["dependencies"]:
        assert plain(name) in locked, name
        assert plain(name) in text, name


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    def make(folder: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip

    return next(once(tmp_path_factory, "wheel", make).glob("*.whl"))


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory) -> Path:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)

    return once(tmp_path_factory, "unpacked", make)


@pytest.fixture(scope="session")
def metadata(unpacked: Path) -> Message:
    return Parser().parsestr(next(unpacked.glob("*.dist-info/METADATA")).read_text("utf-8"))


def test_the_wheel_holds_every_file_of_the_program_and_no_other(wheel: Path):
    expected = set()
    for name in our_files():
        folder = next(folder for folder in SHIPPED if name.startswith(folder))
        expected.add(SHIPPED[folder] + name.removeprefix(folder))
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected
    kinds = {Path(name).suffix for name in held}
    assert {".j2", ".html", ".css", ".js", ".eml", ".model", ".toml", ".typed"} <= kinds


def test_the_version_and_the_requirements_come_from_one_place(metadata: Message):
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == "MIT"
    required = metadata.get_all("Requires-Dist") or []
    assert {plain(name) for name in required if "extra ==" not in name} == {
        plain(name) for name in PROJECT["dependencies"]
    }
    elsewhere = [
        name for name in our_files()
        if name.endswith(".py") and f'"{PROJECT["version"]}"' in (ROOT / name).read_text("utf-8")
    ]  # fmt: skip
    assert elsewhere == []


def run(unpacked: Path, folder: Path, *arguments: str, exit_code: int = 0) -> str:
    """Run the program of the wheel in another folder, where the checkout is out of sight."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(unpacked),
        "LANG": "C.UTF-8",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-m", "inboxbot", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


def test_the_program_of_the_wheel_works_outside_the_checkout(unpacked: Path, tmp_path: Path):
    assert run(unpacked, tmp_path, "--version") == f"inboxbot {PROJECT['version']}\n"
    run(unpacked, tmp_path, "init")
    for name in our_files():
        if name == "templates/checked.txt":
            assert not (tmp_path / name).exists()  # the program's own
        elif name.startswith("templates/"):
            assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
    # All of a trial is in its folder: nobody has the one of the service.
    example = (ROOT / "config" / "inboxbot.example.toml").read_text("utf-8")
    ours = (tmp_path / "config" / "inboxbot.toml").read_text("utf-8")
    assert ours != example
    assert ours.replace("state/inboxbot", "/var/lib/inboxbot/inboxbot") == example
    # A fresh configuration is not filled in yet: each place is named.
    assert "organisation.website" in run(unpacked, tmp_path, "check", exit_code=1)
    # The encoder takes seconds to load, and the demo has it.
    light = ours.replace('# model = "encoder" ', 'model = "light" ')
    assert light != ours
    (tmp_path / "config" / "inboxbot.toml").write_text(light, "utf-8")
    letter = unpacked / "inboxbot" / "demo" / "letters" / "05-breathing.eml"
    told = json.loads(run(unpacked, tmp_path, "explain", "--json", str(letter)))
    assert told["urgent"] == ["breathing"]
    assert told["template"] == "urgent"


def test_the_demo_of_the_wheel_works_outside_the_checkout(unpacked: Path, tmp_path: Path):
    letters = len(list((unpacked / "inboxbot" / "demo" / "letters").glob("*.eml")))
    shown = run(unpacked, tmp_path, "demo", "--once")
    assert f"{letters} letters delivered, {letters} stored with their bytes intact." in shown
    assert "0 of them for somebody who had one already" in shown
