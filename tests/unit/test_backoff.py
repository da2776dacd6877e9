from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from inboxbot.backoff import LONGEST, Trouble, next_try
from inboxbot.pause import Sweeps

HOUR = timedelta(hours=1)


def tries_within(period: timedelta, kind: Trouble, jitter: float) -> int:
    """Count the tries in a period that begins with the first one, all of them failing."""
    at, tries = timedelta(), 0
    while at <= period:
        tries += 1
        at += next_try(tries, kind, jitter)
    return tries


def test_r12_a_refused_login_is_tried_three_times_in_15_minutes_then_every_30() -> None:
    waits = [next_try(failures, Trouble.LOGIN) for failures in range(1, 7)]
    at = [sum(waits[:tried], timedelta()) for tried in range(6)]
    assert [moment / timedelta(minutes=1) for moment in at] == [0, 7.5, 15, 45, 75, 105]


def test_r10_a_server_that_is_down_sees_at_most_12_tries_an_hour() -> None:
    for jitter in (0.0, 0.5, 1.0):
        assert tries_within(HOUR, Trouble.SERVER, jitter) <= 12
    later = sum((next_try(n, Trouble.SERVER, 0.0) for n in range(12, 18)), timedelta())
    assert later >= HOUR


def test_the_first_wait_is_short_and_the_waits_double_up_to_15_minutes() -> None:
    waits = [next_try(failures, Trouble.SERVER) for failures in range(1, 12)]
    assert waits[0] == timedelta(seconds=5)
    assert waits[1] == timedelta(seconds=10)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST


@given(st.integers(1, 10**9), st.sampled_from(Trouble), st.floats(0, 1))
def test_no_wait_is_nothing_or_without_end(failures: int, kind: Trouble, jitter: float) -> None:
    assert timedelta(seconds=4) <= next_try(failures, kind, jitter) <= timedelta(minutes=30)


def test_a_sweep_that_failed_is_begun_again_after_minutes_one_that_was_done_after_hours() -> None:
    clock = [0.0]
    sweeps = Sweeps(lambda: clock[0])
    assert sweeps.due_in("a") == 0
    for _ in range(3):
        sweeps.begins("a")
        assert sweeps.due_in("a") == 15 * 60
        clock[0] += 15 * 60
        assert sweeps.due_in("a") == 0
    sweeps.begins("a")
    sweeps.done("a")
    assert sweeps.due_in("a") == 6 * 3600
    assert sweeps.due_in("b") == 0
