"""Compile the tests once where several processes gather them, and not once in each of these."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from inboxbot.lock import locked

HERE = Path(__file__).parent / "__pycache__"
# Tests are gathered in the order of their folders: once this is there, most are compiled.
LAST = HERE.parent / "unit" / "__pycache__"
PATIENCE_S = 200


@contextmanager
def one_compiles() -> Iterator[None]:
    """Run the block alone where nothing is compiled yet; the others wait, and find it compiled."""
    with ExitStack() as alone:
        if not LAST.exists() and not sys.dont_write_bytecode:
            alone.enter_context(locked(HERE, patience_s=PATIENCE_S))
            if LAST.exists():
                alone.close()
        yield
