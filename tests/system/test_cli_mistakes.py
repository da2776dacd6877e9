"""What is typed wrong: a sentence and the exit code of `docs/operations/faults.md`."""

from pathlib import Path

import pytest

from inboxbot.store.sqlite import Database
from tests.stand import new_store
from tests.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return new_store(tmp_path / "state" / "inboxbot.sqlite3")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ('"', "quotation mark is not closed"),
        ("(", "is missing"),
        ("received:abc", "nothing to search by"),
        ("newer:9999y", "further away"),
    ],
)
def test_a_search_that_cannot_be_read_is_explained(
    terminal: Terminal, db: Database, typed: str, why: str
) -> None:
    code, said = terminal("queue", "--search", typed)
    assert code == 64
    assert why in said
