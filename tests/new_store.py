"""An empty store with the newest schema: its steps are taken once, and each test has a copy."""

import os
import tempfile
from functools import cache
from pathlib import Path

from inboxbot.store.database import connect, create
from inboxbot.store.migrations import migrate
from inboxbot.store.sqlite import Database, Key

MODE = 0o600


def new_store(path: Path, key: Key | None = None) -> Database:
    """Return a store of its own at `path`, encrypted where there is a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for ending, content in _files(key):
        file = path.with_name(path.name + ending)
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE), "wb") as opened:
            opened.write(content)
    return connect(path, key)


@cache
def _files(key: Key | None) -> list[tuple[str, bytes]]:
    """Return what stands behind the name of each file of such a store, and the file's content."""
    with tempfile.TemporaryDirectory(prefix="inboxbot-empty-") as folder:
        path = Path(folder) / "store"
        database = create(path, key)
        migrate(database)
        database.close()
        return [
            (file.name.removeprefix(path.name), file.read_bytes())
            for file in sorted(Path(folder).iterdir())
        ]
