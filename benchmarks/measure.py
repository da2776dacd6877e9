"""How things are measured: CPU and memory of a process with its children, the machine, percentiles.

CPU is what the kernel charged (user and system); memory is PSS, where what processes share counts
once. Both are of our processes alone: the mail servers and the clients of a measurement are others.
"""

import json
import math
import os
import re
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MIB = 1024 * 1024
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
EVERY_S = 0.1
CALM = 2.0
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it started."""
    yield pid
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from family(int(child))


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU of one process, with those of its children that have ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(value) for value in fields[11:15]) * TICK_S
    return 0.0


def cpu_of_family(pid: int) -> float:
    """Return the seconds of CPU of a process and all that it started."""
    return sum(cpu_of(each) for each in family(pid))


def memory_of_family(pid: int) -> int:
    """Return the bytes that a process and all that it started hold; shared ones count once."""
    total = 0
    for each in family(pid):
        with suppress(OSError):
            found = _PSS.search(Path(f"/proc/{each}/smaps_rollup").read_text())
            total += int(found[1]) * 1024 if found else 0
    return total


@dataclass
class Peak:
    """The most memory that a family of processes held at a time."""

    pid: int
    bytes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._ended.wait(EVERY_S):
            self.bytes = max(self.bytes, memory_of_family(self.pid))


@contextmanager
def peak_of(pid: int) -> Iterator[Peak]:
    """Watch the memory of a process and its children for the length of the block."""
    peak = Peak(pid)
    thread = threading.Thread(target=peak.watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        peak._ended.set()  # noqa: SLF001  (ours)
        thread.join()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took, with its children."""

    wall_s: float
    cpu_s: float
    peak: int
    out: str


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    memory: bool = False,
    codes: tuple[int, ...] = (0,),
    cwd: Path = ROOT,
) -> Ran:
    """Run a command to its end; raises `RuntimeError` where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=os.environ | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    if memory:
        with peak_of(process.pid) as peak:
            out, err = process.communicate()
    else:
        peak = Peak(process.pid)
        out, err = process.communicate()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)}: {process.returncode}\n{out[-2000:]}{err[-4000:]}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Ran(wall, cpu, peak.bytes, out)


def run_part(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """Run one of our modules in a process of its own; return the object that it prints last."""
    done = run([sys.executable, "-m", f"benchmarks.{module}", *arguments], environment)
    return json.loads(done.out.splitlines()[-1])


def percentile(times: Sequence[float], share: float) -> float:
    """Return the value that `share` of the times do not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share) - 1)]


def load() -> float:
    """Return how many processes wanted to run, over the last minute."""
    return os.getloadavg()[0]


def calm(within_s: float = 90.0) -> str:
    """Wait a while until the machine has nothing else to do; return its load in words."""
    end = time.monotonic() + within_s
    while load() >= CALM and time.monotonic() < end and not os.environ.get("BENCH_NOW"):
        time.sleep(2)
    return f"load {load():.1f}" + ("" if load() < CALM else ", BUSY: times are too high")


def machine() -> str:
    """Return what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {os.uname().release.split('-')[0]},"
        f" Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    )
