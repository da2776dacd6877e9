"""In which order the tests are run where several processes share them.

Each process is given a stretch of the list, and takes from the end of another's when it has done
its own. One of them does little but the tests that wait, while the others compute, and another
begins with some: by itself, the first would be the last to end. Where all began with some of them,
all computed at the same time later on, and were in each other's way. The other stretches begin with
what is slow; the quick ones come last and fill what is left.
"""

from collections.abc import Sequence
from itertools import chain, islice
from math import ceil
from typing import Protocol, TypeVar

SLOW = ("browser", "system", "crash", "docs")
# They wait for most of their time, those that do so longest first. Together they take about as long
# as all the others on two cores.
WAITING = ("test_push", "test_daemon", "test_reading")
WAITING_TOO = ("test_upkeep", "test_idle", "test_provider_quirks")
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
    waiting: dict[str, list[T]] = {module: [] for module in (*WAITING, *WAITING_TOO)}
    slow: dict[str, list[T]] = {folder: [] for folder in SLOW}
    quick: list[T] = []
    for test in tests:
        waiting.get(_module(test), slow.get(_kind(test), quick)).append(test)
    stretches: list[list[T]] = [[] for _ in range(processes)]
    stretches[0] += chain(*(waiting[module] for module in WAITING))
    stretches[-1] += chain(*(waiting[module] for module in WAITING_TOO))
    computing = stretches[1:] or stretches
    for number, kind in enumerate(slow.values()):
        computing[number % len(computing)] += kind
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
