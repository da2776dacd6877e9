"""How long servers are left alone that failed or were swept, by the monotonic clock.

A wall clock that is set neither ends a pause nor prolongs it. How long is `inboxbot.backoff`.
"""

import random
from collections.abc import Callable

from inboxbot.backoff import LONGEST, Trouble, next_try

SWEEP_EVERY_S = 6 * 3600.0


class Pauses:
    """The pauses of servers, by name; each failure in a row makes the next one longer."""

    def __init__(
        self, monotonic: Callable[[], float], jitter: Callable[[], float] = random.random
    ) -> None:
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def over(self, name: str) -> bool:
        """Return whether the server may be tried now."""
        return self._monotonic() >= self._until.get(name, 0.0)

    def add(self, name: str, *, hard: bool) -> float:
        """Begin a pause after a failure and return its length in seconds.

        `hard` is what only a person can mend, such as a refused password.
        """
        failures = self._failures.get(name, 0) + 1
        kind = Trouble.LOGIN if hard else Trouble.SERVER
        wait = next_try(failures, kind, self._jitter()).total_seconds()
        self._failures[name] = failures
        self._until[name] = self._monotonic() + wait
        return wait

    def end(self, name: str) -> None:
        """Forget the failures of a server that works."""
        self._failures.pop(name, None)
        self._until.pop(name, None)


class Sweeps:
    """When mailboxes are swept, by name: at the start, then every six hours.

    One that did not come to its end is begun again like a server that failed, and as late as
    that can be: the looks in between are what brings letters in.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at: dict[str, float] = {}

    def due_in(self, name: str) -> float:
        """Return in how many seconds a mailbox is to be swept; none or less is now."""
        return self._at[name] - self._monotonic() if name in self._at else 0.0

    def begins(self, name: str) -> None:
        """Note that a sweep begins."""
        self._at[name] = self._monotonic() + LONGEST.total_seconds()

    def done(self, name: str) -> None:
        """Note that it came to its end."""
        self._at[name] = self._monotonic() + SWEEP_EVERY_S
