"""What a command takes of the memory of the machine, with all of its processes together."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

EVERY_S = 0.05
MIB = 1024 * 1024
# glibc reserves this much for the heap of a thread at a multiple of it, and opens what is used.
_HEAP = 64 * MIB
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def peak(command: Sequence[str], output: Path, environment: Mapping[str, str]) -> int:
    """Run a command to its end and return the most bytes that its processes held at a time.

    What processes share counts once (PSS). Its standard output goes to a file.
    """
    most = 0
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, env=dict(environment))
        while process.poll() is None:
            most = max(most, sum(_held(pid) for pid in _with_children(process.pid)))
            time.sleep(EVERY_S)  # The pace of the samples: nothing is waited for.
    assert process.returncode == 0
    return most


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):  # It has just ended.
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _with_children(int(child))


def _held(pid: int) -> int:
    with suppress(OSError):
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def heaps_of_threads(maps: str) -> int:
    """Return how many heaps beside the first one a process has, by its /proc/PID/maps."""
    places = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps.splitlines()]
    used = [line.split()[1] for line in maps.splitlines()]
    return sum(
        begin % _HEAP == 0 and last - begin == _HEAP and (first, second) == ("rw-p", "---p")
        for (begin, _), (_, last), first, second in zip(
            places, places[1:], used, used[1:], strict=False
        )
    )
