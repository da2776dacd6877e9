"""Which mailboxes a connection may look into: all of them, unless it was limited.

The review app limits the connection of a request by who is signed in, and whatever lists letters
asks here: no page has to think of it, so none can forget it. The daemon and the command line
limit nothing.
"""

import json
from collections.abc import Iterable
from weakref import WeakSet

from inboxbot.store.sqlite import Database

_limited: WeakSet[Database] = WeakSet()


def limit(db: Database, mailboxes: Iterable[str]) -> None:
    """Let this connection see the letters of these mailboxes alone; once for a connection."""
    db.execute("CREATE TEMP TABLE may_see (mailbox_id INTEGER PRIMARY KEY)")
    db.execute(
        "INSERT INTO may_see SELECT id FROM mailbox WHERE name IN (SELECT value FROM json_each(?))",
        [json.dumps(list(mailboxes))],
    )
    _limited.add(db)


def is_limited(db: Database) -> bool:
    """Say whether there is anything that this connection must not see."""
    return db in _limited


def letters(db: Database, column: str) -> str:
    """Return SQL to go on with in a WHERE, true for letters in sight; `column` holds their ids."""
    return mailboxes(db, f"(SELECT s.mailbox_id FROM message s WHERE s.id = {column})")  # noqa: S608


def mailboxes(db: Database, column: str) -> str:
    """Return the same for a column that holds the mailbox itself."""
    if db not in _limited:
        return ""
    return f" AND {column} IN (SELECT mailbox_id FROM temp.may_see)"  # noqa: S608


def sees(db: Database, wanted: Iterable[int]) -> bool:
    """Say whether each of these letters is in sight; one that is not there is not."""
    if db not in _limited:
        return True
    one = f"SELECT 1 FROM message m WHERE m.id = ?{letters(db, 'm.id')}"  # noqa: S608
    return all(db.execute(one, [each]).fetchone() for each in wanted)
