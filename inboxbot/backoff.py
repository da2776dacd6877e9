"""When to try a mail server again after it failed.

A pure function, so that the whole schedule can be looked at: gentle with a server that is down,
and gentler still with one that refuses our password, which may lock the account.
"""

from datetime import timedelta
from enum import StrEnum

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)
JITTER = 0.2

REFUSED_FIRST = timedelta(minutes=7, seconds=30)
REFUSED_LATER = timedelta(minutes=30)
REFUSED_TRIES = 3


class Trouble(StrEnum):
    """What kind of failure it was."""

    SERVER = "server"
    LOGIN = "login"


def next_try(failures: int, kind: Trouble, jitter: float = 0.5) -> timedelta:
    """Return how long to wait after so many failures in a row (1 or more).

    A server: 5 s, doubled up to 15 minutes. A refused login: three tries within 15 minutes,
    then one every 30. `jitter`, from 0 to 1, moves the first kind by up to a fifth either way,
    so that many installations do not come back at the same moment.
    """
    if kind is Trouble.LOGIN:
        return REFUSED_FIRST if failures < REFUSED_TRIES else REFUSED_LATER
    wait = min(FIRST * (1 << min(failures - 1, 16)), LONGEST)
    return min(wait * (1 + JITTER * (2 * jitter - 1)), LONGEST)
