"""Every fault of the matrix stands on its page, and has a test that is named after it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations" / "faults.md"
FAULTS = set(range(1, 43))
# Shown by the tests of templates, configuration and classifier.
ELSEWHERE = {31, 32, 37}
_NAMED = re.compile(r"def test_(r\d\d(?:_to_r\d\d|(?:_r\d\d)*))_")


def numbers_of_tests() -> set[int]:
    """Return the faults that tests are named after; `r01_to_r06` stands for six."""
    found: set[int] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for name in _NAMED.findall(file.read_text()):
            numbers = [int(number) for number in re.findall(r"r(\d\d)", name)]
            found |= set(range(numbers[0], numbers[-1] + 1)) if "_to_" in name else set(numbers)
    return found


def test_the_page_names_each_fault_once() -> None:
    rows = re.findall(r"^\| R(\d\d) \|", PAGE.read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == sorted(FAULTS)


def test_each_fault_has_a_test_that_is_named_after_it() -> None:
    assert numbers_of_tests() >= FAULTS - ELSEWHERE
