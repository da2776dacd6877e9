"""How fast pages answer when the store is full."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inboxbot.store.users import Role
from tests import copies, letters
from tests.stand import new_app, new_store
from tests.system.test_web_pages import signed_in

PAGES = (
    "/queue",
    "/queue?view=open",
    "/queue?view=done",
    "/queue?view=unsure",
    "/queue?view=problems",
    "/queue?view=everything",
    "/queue?sort=newest",
    "/queue?sort=least_sure",
    "/queue?after={middle}",
    "/m/5",
    "/m/{middle}",
    "/m/{last}?view=everything",
    "/person/{middle}",
)


def answer_times(
    path: Path, times: int, clock: Callable[[], float], rounds: int, *, everything_open: bool
) -> list[float]:
    """Return how long the pages took, in milliseconds, the fastest first."""
    db = new_store(path)
    letters.a_few_hundred(db, datetime.now(UTC))
    copies.multiply(db, times, everything_open=everything_open)
    last = int(db.execute("SELECT max(id) FROM message").fetchone()[0])
    client = signed_in(new_app(path), db, Role.STAFF)
    client.get("/queue")
    took = []
    for page in PAGES:
        for _ in range(rounds):
            before = clock()
            answer = client.get(page.format(middle=last // 2, last=last))
            took.append((clock() - before) * 1000)
            assert answer.status_code == 200
    db.close()
    return sorted(took)


@pytest.mark.parametrize("everything_open", [True, False], ids=["all open", "mostly done"])
def test_pages_of_some_thousand_letters_take_little_work(
    store_path: Path, everything_open: bool
) -> None:
    # The time of this thread's own work, so that a busy machine changes nothing.
    times = answer_times(store_path, 12, time.thread_time, 4, everything_open=everything_open)
    assert times[int(len(times) * 0.95)] < 150
    assert statistics.median(times) < 100


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("everything_open", [True, False], ids=["all open", "mostly done"])
def test_with_a_hundred_thousand_letters_pages_answer_within_150_ms(
    store_path: Path, everything_open: bool
) -> None:
    times = answer_times(store_path, 417, time.perf_counter, 20, everything_open=everything_open)
    assert times[int(len(times) * 0.95)] < 150
