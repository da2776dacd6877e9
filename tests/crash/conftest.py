"""What the tests of crashes share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.pipeline import MEMORY


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """Return a folder in memory: a process that dies leaves the same files there, and sooner."""
    with tempfile.TemporaryDirectory(prefix="inboxbot-", dir=MEMORY) as folder:
        yield Path(folder)
