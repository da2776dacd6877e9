"""In which order the tests are run where several processes share them.

Each process is given a stretch of the list, and takes from the end of another's when it has done
its own. Tests that wait for servers stand at the beginnings of the stretches, those that wait
longest first: they wait while others compute. The quick ones come last and fill whatever is left.
"""

from collections.abc import Sequence
from itertools import chain, islice
from math import ceil
from typing import Protocol, TypeVar

SLOW = ("browser", "crash", "system", "docs")
# Their tests wait for ten seconds and more: left to the end, all would wait for them.
WAITING = ("test_push", "test_upkeep", "test_main_job", "test_daemon")
# The encoder and what trains a model take seconds to load: one process needs them then, not all.
LOADING = (
    "test_classify_classifier",
    "test_classify_encoder",
    "test_classify_model",
    "test_config",
    "test_learning",
    "test_mailbox_replies",
)


class Test(Protocol):
    """What of a test decides on its place."""

    @property
    def nodeid(self) -> str: ...


T = TypeVar("T", bound=Test)


def dealt(tests: Sequence[T], processes: int) -> list[T]:
    """Return all tests, each process's stretch with slow ones first and quick ones after them."""
    slow: dict[str, list[T]] = {folder: [] for folder in SLOW}
    quick: list[T] = []
    for test in sorted(tests, key=lambda test: _module(test) not in WAITING):
        slow.get(_kind(test), quick).append(test)
    stretches: list[list[T]] = [[] for _ in range(processes)]
    for number, kind in enumerate(slow.values()):
        stretches[number % processes] += kind
    length, left = ceil(len(tests) / processes), iter(quick)
    for stretch in stretches:
        stretch += islice(left, max(0, length - len(stretch)))
    return list(chain(*stretches, left))


def _kind(test: Test) -> str:
    folder = test.nodeid.removeprefix("tests/").partition("/")[0]
    # Those of the documentation are soon done: what loads much goes with them.
    return "docs" if folder == "unit" and _module(test) in LOADING else folder


def _module(test: Test) -> str:
    return test.nodeid.partition(".py::")[0].rpartition("/")[2]
