"""How many replies a mail provider takes from one account in a minute and in a day. Pure.

What is beyond waits; it is not held, and nobody has to do anything. A provider counts all that
leaves the account, and we only what we send: where people write from it too, set less.
"""

from inboxbot.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """At most so many; 0 is no limit."""

    per_minute: int = 0
    per_day: int = 0


UNLIMITED = Pace()

# docs/operations/providers.md names the page and the date of each, and where no page says it.
PROVIDERS = {
    "google-workspace": Pace(per_day=2000),
    "gmail": Pace(per_day=500),
    "microsoft-365": Pace(per_minute=30, per_day=10_000),
    "yahoo": Pace(per_day=500),
    "icloud": Pace(per_day=1000),
}


def pace(provider: str, *, per_minute: int, per_day: int) -> Pace:
    """Return the limits of a provider ("" has none), replaced by those that are not 0."""
    usual = PROVIDERS.get(provider, UNLIMITED)
    return Pace(per_minute or usual.per_minute, per_day or usual.per_day)
