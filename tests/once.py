"""What is made once for all processes that test, and then only read or copied."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inboxbot.lock import locked

PATIENCE_S = 200


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that `make` filled; who comes first calls it, and the others wait."""
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    made, ready = folder / "made", folder / "ready"
    with locked(folder, patience_s=PATIENCE_S):
        if not ready.exists():
            made.mkdir()
            make(made)
            ready.touch()
    return made
