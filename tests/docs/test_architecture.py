"""What CONTRIBUTING and the architecture page say of the code is so."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.sources import tree

ROOT = Path(__file__).parents[2]
CODE = ROOT / "inboxbot"
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|WITH|REPLACE)\b")


def statements(path: Path) -> Iterator[int]:
    """Yield the lines at which a text that is SQL is handed to `execute`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "").startswith("execute"):
            for part in ast.walk(node.args[0]) if node.args else ():
                if isinstance(part, ast.Constant) and STATEMENT.match(str(part.value)):
                    yield node.lineno


def test_sql_lives_in_the_store():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in CODE.rglob("*.py")
        if CODE / "store" not in path.parents
        for line in statements(path)
    ]
    assert found == []
    assert any(any(statements(path)) for path in (CODE / "store").glob("*.py"))


def importers(module: str) -> set[str]:
    return {
        str(path.relative_to(CODE))
        for path in CODE.rglob("*.py")
        if re.search(rf"^\s*(?:import|from) {module}\b", path.read_text("utf-8"), re.M)
    }


def test_each_server_library_is_known_in_its_place_only():
    assert importers("imapclient") == {"mail/imap.py", "mail/connection.py", "demo/servers.py"}
    assert importers("smtplib") <= {"mail/smtp.py", "mail/submission.py"}
    for page in ("CONTRIBUTING.md", "docs/architecture.md"):
        text = (ROOT / page).read_text("utf-8")
        assert "mail/connection.py" in text
        for name in importers("smtplib"):
            assert name in text, (page, name)


def test_every_module_says_what_it_is():
    for path in CODE.rglob("*.py"):
        assert tree(path).body == [] or ast.get_docstring(tree(path)), path


def test_the_page_names_every_module_on_top_and_no_other():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page[page.index("| for | modules |") : page.index("| package | is |")]
    modules = {path.stem for path in CODE.glob("*.py")} - {"__init__", "__main__"}
    assert set(re.findall(r"`(\w+)`", table)) == modules


def test_the_table_of_decisions_names_every_page_and_no_other():
    folder = ROOT / "docs" / "decisions"
    pages = {path.name for path in folder.glob("*.md")} - {"index.md"}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "index.md").read_text("utf-8"))) == pages
