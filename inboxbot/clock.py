"""The wall clock. Only what stands at the edge asks it; all else gets `now` as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)
