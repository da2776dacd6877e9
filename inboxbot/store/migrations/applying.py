"""Applies steps of the schema by sqlite-utils: a step and the record of it commit together.

Loaded only where a step is lacking: with the packages that come along it would be a tenth of what
every other start loads. On import sqlite-utils looks for numpy, only so that it may be given
numpy's numbers as values. Ours are never such, and the daemon would keep 12 MB of it: while
sqlite-utils is imported here, numpy is not to be found.
"""

import sqlite3
import sys
from collections.abc import Callable, Mapping

_numpy = sys.modules.get("numpy")
sys.modules["numpy"] = None  # type: ignore[assignment]
try:
    from sqlite_utils import Database, Migrations
finally:
    if _numpy is None:
        del sys.modules["numpy"]
    else:
        sys.modules["numpy"] = _numpy


def apply(connection: sqlite3.Connection, steps: Mapping[str, str]) -> None:
    """Run the scripts of steps by name, but for those on record; within an open transaction."""
    migrations = Migrations("inboxbot")
    for name, script in steps.items():
        migrations(name=name)(_running(script))
    # What other packages would add to sqlite-utils has no business here: it is not looked for.
    migrations.apply(Database(connection, execute_plugins=False))


def _running(script: str) -> Callable[[Database], None]:
    def run(db: Database) -> None:
        """Run each statement of the script; `executescript` would commit the open transaction."""
        statement = ""
        for line in script.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                db.execute(statement)
                statement = ""

    return run
