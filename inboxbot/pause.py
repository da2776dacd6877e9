"""How long to leave a server alone that just failed.

By the monotonic clock, so that a clock that is set neither ends nor prolongs a pause.
"""

import random
from collections.abc import Callable

SHORTEST_S = 5.0
LONGEST_S = 900.0
# What only a person can mend, such as a refused password: three tries in a quarter of an hour,
# then one every half hour.
HARD_S = (300.0, 600.0, 1800.0)
JITTER = 0.2


class Pauses:
    """The pauses of servers, by name; each failure in a row makes the next one longer."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def over(self, name: str) -> bool:
        """Return whether the server may be tried now."""
        return self._monotonic() >= self._until.get(name, 0.0)

    def add(self, name: str, *, hard: bool) -> float:
        """Begin a pause after a failure and return its length in seconds."""
        failures = self._failures.get(name, 0)
        self._failures[name] = failures + 1
        if hard:
            wait = HARD_S[min(failures, len(HARD_S) - 1)]
        else:
            wait = min(SHORTEST_S * 2.0 ** min(failures, 20), LONGEST_S)
        wait *= 1 + JITTER * self._jitter()
        self._until[name] = self._monotonic() + wait
        return wait

    def end(self, name: str) -> None:
        """Forget the failures of a server that works."""
        self._failures.pop(name, None)
        self._until.pop(name, None)
