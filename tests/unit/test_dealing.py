"""The order of the tests: whatever it is, each of them is run."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.dealing import LOADING, SLOW, WAITING, WAITING_TOO, dealt

FOLDERS = [*SLOW, "unit", "contract"]


@dataclass(frozen=True)
class Named:
    nodeid: str


@given(st.lists(st.sampled_from(FOLDERS)), st.integers(1, 6))
def test_every_test_is_dealt_once(folders: list[str], processes: int) -> None:
    tests = [Named(f"tests/{folder}/test_it.py::{number}") for number, folder in enumerate(folders)]
    assert Counter(dealt(tests, processes)) == Counter(tests)


def test_one_process_begins_with_what_waits_and_the_others_with_what_is_slow() -> None:
    tests = [
        Named(f"tests/{folder}/{module}.py::{number}")
        for folder, module, count in (
            ("browser", "test_it", 2),
            ("crash", "test_it", 2),
            ("system", WAITING[0], 1),
            ("system", "test_it", 1),
            ("unit", "test_it", 6),
        )
        for number in range(count)
    ]
    found = [test.nodeid.split("/")[1] for test in dealt(tests, 3)]
    assert [found[at : at + 4] for at in (0, 4, 8)] == [
        ["system", "unit", "unit", "unit"],
        ["browser", "browser", "crash", "crash"],
        ["system", "unit", "unit", "unit"],
    ]


def test_a_second_process_begins_with_some_that_wait() -> None:
    names = ("test_a", WAITING_TOO[0], WAITING[0], "test_b")
    tests = [Named(f"tests/crash/{name}.py::test_it") for name in names]
    found = [test.nodeid.split("/")[2].partition(".")[0] for test in dealt(tests, 2)]
    assert found == [WAITING[0], WAITING_TOO[0], "test_a", "test_b"]


def test_those_that_wait_longest_begin() -> None:
    waiting = (*WAITING, *WAITING_TOO)
    names = ("test_web", *reversed(waiting), "test_zero")
    tests = [Named(f"tests/system/{name}.py::test_it[a/b.py::c]") for name in names]
    found = [test.nodeid.split("/")[2].partition(".")[0] for test in dealt(tests, 1)]
    assert found == [*waiting, "test_web", "test_zero"]


def test_one_process_has_all_that_load_much() -> None:
    names = ("test_a", LOADING[0], "test_b", "test_c", LOADING[1], "test_d", "test_e", "test_f")
    tests = [Named(f"tests/unit/{name}.py::test_it") for name in names]
    found = [test.nodeid.split("/")[2].partition(".")[0] for test in dealt(tests, 5)]
    assert found[6:] == list(LOADING[:2])


def test_those_that_wait_or_load_much_are_there() -> None:
    files = {path.stem for path in Path(__file__).parents[1].glob("*/test_*.py")}
    assert files >= {*WAITING, *WAITING_TOO, *LOADING}
