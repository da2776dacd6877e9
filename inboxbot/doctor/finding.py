"""What was found: how bad it is, and what to do."""

from enum import StrEnum

from inboxbot.frozen import dataclass


class Level(StrEnum):
    """How bad it is."""

    PASS = "PASS"  # noqa: S105  (the word, not a secret)
    WARN = "WARN"
    FAIL = "FAIL"

    @property
    def colour(self) -> str:
        """Return how a terminal shows it."""
        return {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "red"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, what was found, and what to do."""

    level: Level
    what: str
    found: str
    fix: str = ""
