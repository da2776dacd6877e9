"""One heap for all threads, and what is large is given back."""

import subprocess
import sys
from pathlib import Path

import pytest

# Each thread asks the C library for pieces at once with all others.
THREADS = """
import threading
from inboxbot import heap
from tests.memory import heaps_of_threads
{first}
ready, done = threading.Barrier(9), threading.Barrier(9)
def work():
    kept = [bytes(1000 + number) for number in range(100)]
    ready.wait()
    done.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
ready.wait()
maps = open("/proc/self/maps").read()
done.wait()
print(heaps_of_threads(maps))
"""

# A piece in the middle of the heap, once it is free: how much less the process holds.
FREED = """
import re
from inboxbot import heap
{first}
def held():
    return int(re.search(r"Rss: +([0-9]+)", open("/proc/self/smaps_rollup").read())[1]) * 1024
for size in (4 << 20, 1 << 20):  # The first teaches glibc that such sizes come and go.
    large, above = bytearray(b"x") * size, bytearray(b"x") * 50_000
    before = held()
    del large
    freed = before - held()
print(freed)
"""


def said(script: str, first: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", script.format(first=first)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return int(done.stdout)


def test_threads_share_one_heap() -> None:
    assert said(THREADS, "") > 2
    assert said(THREADS, "heap.share()") == 0


def test_a_large_piece_is_given_back_as_soon_as_it_is_free() -> None:
    assert said(FREED, "heap.share()") > 900_000


def test_where_the_c_library_has_no_such_heaps_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ctypes

    from inboxbot import heap

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    heap.share()
