"""The pages build into a site without a dead link, and the tests that they name exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(
    ["git", "ls-files", "--", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"(?m)^ *(?:async )?def (test_\w+)", path.read_text("utf-8"))
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_the_site_builds_without_a_dead_link_and_holds_every_page(site: Path):
    for page in PAGES:
        if page.startswith("docs/"):
            name = page.removeprefix("docs/").replace("README.md", "index.md")
            assert (site / name.replace(".md", ".html")).exists(), page


def test_a_page_loads_nothing_from_elsewhere(site: Path):
    for page in site.rglob("*.html"):
        tags = re.findall(r"<(?:script|img|link|iframe)\b[^>]*>", page.read_text("utf-8"))
        assert tags
        for tag in tags:
            assert not re.search(r"(?:src|href)=\"?(?:https?:)?//", tag), tag


@pytest.mark.parametrize("page", PAGES)
def test_every_test_and_every_file_that_a_page_names_exists(page):
    text = (ROOT / page).read_text("utf-8")
    for name in re.findall(r"`(test_\w+)`", text):
        assert name in TESTS, name
    for path in re.findall(
        r"`((?:tests|inboxbot|systemd|templates|config|packaging)/[\w/.-]*)`", text
    ):
        if not path.startswith("tests/output/"):  # What the browser tests write.
            assert (ROOT / path).exists(), path
