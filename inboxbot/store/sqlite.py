"""The one door to SQLite: the standard library's, or SQLCipher's where the database is encrypted.

Which of the two opens a database, and what the errors of the second are, is known here alone. One
process opens a database with one of the two only: each keeps its own account of the locks that the
process holds, and closing the file in one would release those of the other.
"""

import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import field
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, Self

from inboxbot.errors import ConfigError, Problem
from inboxbot.frozen import dataclass

_HEADER = b"SQLite format 3\0"
_DIGITS = re.compile(r"[0-9a-fA-F]{64}")
# Those that a database can raise; the first is the root of all but InterfaceError.
_ERRORS = (
    "DatabaseError",
    "InterfaceError",
    "DataError",
    "IntegrityError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
)


@dataclass(frozen=True, slots=True)
class Key:
    """The key of an encrypted database, and the name of the credential that holds it.

    It is the 32 bytes themselves and no passphrase, so that opening costs no second of deriving
    and nobody can choose a weak one.
    """

    credential: str
    digits: str = field(repr=False)

    @classmethod
    def of(cls, credential: str, secret: str) -> Self:
        """Return the key that a credential holds.

        Raises `ConfigError` where it is none, and where SQLCipher is not installed.
        """
        if not _DIGITS.fullmatch(secret):
            what = (
                "The key of the database must be 64 hexadecimal digits: make one with "
                "`openssl rand -hex 32`."
            )
            raise ConfigError((Problem(f"credential {credential}", what),))
        _sqlcipher()
        return cls(credential, secret.lower())

    def as_sqlcipher_wants_it(self) -> str:
        """Return the form that SQLCipher takes as the key itself."""
        return f"x'{self.digits}'"


class Database:
    """A connection to a database, and the key it was opened with.

    `turn` is what the threads that write to the same database take in turns.
    """

    def __init__(
        self, connection: sqlite3.Connection, key: Key | None = None, turn: "RLock | None" = None
    ) -> None:
        self.conn = connection
        self.key = key
        self.turn = turn or RLock()
        self.execute = connection.execute
        self.close = connection.close
        # A trigger that removes rows also holds for those that a REPLACE removes.
        self.execute("PRAGMA recursive_triggers = ON")

    def tables(self) -> set[str]:
        """Return the names of the tables."""
        return {
            name for (name,) in self.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }


def open_connection(
    address: Path | str, key: Key | None = None, **options: Any
) -> sqlite3.Connection:
    """Open a database that commits by itself; with a key it is, or becomes, encrypted.

    The file is not read yet: a wrong key shows at the first statement, as SQLITE_NOTADB. Raises
    `ConfigError` where there is a key and SQLCipher is not installed.
    """
    connection: sqlite3.Connection
    if key is None:
        connection = sqlite3.connect(address, isolation_level=None, **options)
        return connection
    connection = open_without_key(address, **options)
    # Not as a PRAGMA: no statement, and so no error that quotes one, ever holds the key.
    connection.set_key(key.as_sqlcipher_wants_it())  # type: ignore[attr-defined]
    return connection


def open_without_key(address: Path | str, **options: Any) -> sqlite3.Connection:
    """Open a database that is not encrypted with the library that could encrypt it."""
    # The two modules were written from one source: their connections are the same to us.
    connection: sqlite3.Connection = _sqlcipher().connect(
        str(address), isolation_level=None, **options
    )
    return connection


def is_encrypted(file: Path) -> bool:
    """Say whether a file that nobody has open is something else than a plain database.

    Never for the database in use: closing the file would release the locks of this process.
    """
    with file.open("rb") as content:
        return content.read(len(_HEADER)) not in (_HEADER, b"")


def vacuum(db: Database) -> None:
    """Write the whole database anew, without what was left in its pages.

    SQLCipher would hold the new one in memory. In a file it is as encrypted as the database; what
    else may be put down on the way to an answer would not be, and stays in memory.
    """
    db.execute("PRAGMA temp_store = FILE")
    try:
        db.execute("VACUUM")
    finally:
        db.execute("PRAGMA temp_store = DEFAULT")


def library() -> str:
    """Return the version of the SQLite that this process works with."""
    driver: Any = sys.modules.get("sqlcipher3.dbapi2", sqlite3)
    return str(driver.sqlite_version)


@cache
def _sqlcipher() -> Any:
    """Return SQLCipher's module, its errors made those of the standard one as well.

    So whoever expects `sqlite3.OperationalError`, sqlite-utils too, gets what it expects.
    """
    try:
        from sqlcipher3 import dbapi2
    except ImportError:
        what = (
            "The database is to be encrypted, and SQLCipher is not installed: "
            "`make install SQLCIPHER=yes`, or `pip install 'inboxbot[sqlcipher]'`."
        )
        raise ConfigError((Problem("store.key_credential", what),)) from None
    for name in _ERRORS:
        theirs, ours = getattr(dbapi2, name), getattr(sqlite3, name)
        if not issubclass(theirs, ours):
            theirs.__bases__ = (*theirs.__bases__, ours)
    # It would write lines of its own to standard error, which is for ours. It holds for all.
    with closing(dbapi2.connect(":memory:")) as connection:
        connection.execute("PRAGMA cipher_log_level = NONE")
    return dbapi2
