"""R36: every kind of hostile message ends as a clean reading, and the next message is read."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from inboxbot.mail.parse import parse
from inboxbot.reader import Reader
from inboxbot.reading import LoadClassifier, Reading
from inboxbot.reading_worker import Limits
from tests import hostile
from tests.clean import assert_clean

MIB = 1024 * 1024
LETTER = hostile.plain(b"May my mother take riluzole with milk?")
SMALL: list[tuple[str, Callable[[], bytes]]] = [
    (name, partial(bytes, raw)) for name, raw in hostile.small()
]
ALL = [*SMALL, *hostile.large()]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(LoadClassifier("light"), Limits(cpu_s=5.0, memory=1024 * MIB)) as reader:
        yield reader


def peak_memory(pid: int) -> int:
    """Return the most memory that a process ever held, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.parametrize(("name", "make"), ALL, ids=[name for name, _ in ALL])
def test_r36_a_hostile_message_is_read_within_the_limits(
    reader: Reader, name: str, make: Callable[[], bytes]
) -> None:
    raw = make()
    before = time.monotonic()
    reading, following = reader.read_many([raw, LETTER])
    assert reader.worker_pid is not None

    # The kernel ends a worker after 5 s of CPU: a reading means that it took less.
    assert isinstance(reading, Reading)
    assert time.monotonic() - before < 60
    assert peak_memory(reader.worker_pid) < 512 * MIB
    assert_clean(reading.message)
    if (name, make) in SMALL:
        assert reading.message == parse(raw), "it is read the same way each time, and everywhere"
    assert isinstance(following, Reading)
    assert following.message.text == "May my mother take riluzole with milk?"
