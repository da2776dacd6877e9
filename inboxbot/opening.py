"""The store that a configuration names, opened: all that many a command needs of the settings.

Apart from `assembly`, which knows every stage: listing a queue loads no mail program.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from inboxbot import config
from inboxbot.clock import utc_now
from inboxbot.config import Config
from inboxbot.store import backup, database
from inboxbot.store.sqlite import Database, Key


@contextmanager
def store(configuration: Config, *, create: bool = True) -> Iterator[Database]:
    """Open the store, with its schema up to date; `create` makes it where there never was one.

    Before an older schema is brought up to date, a copy is made. Raises `StoreError` where it
    cannot be used.
    """
    opened = database.create if create else database.connect
    db = opened(configuration.store_path, key(configuration))
    try:
        backup.upgrade(db, configuration.backup_path, utc_now())
        yield db
    finally:
        db.close()


def connect(configuration: Config) -> Database:
    """Open the store; its schema is not looked at. Raises `StoreError` where it cannot be used."""
    return database.connect(configuration.store_path, key(configuration))


def key(configuration: Config) -> Key | None:
    """Return the key of the store, or None where it is not to be encrypted.

    Raises `ConfigError` where the credential is missing or holds no key.
    """
    name = configuration.store.key_credential
    return key_named(name) if name else None


def key_named(credential: str) -> Key:
    """Return the key that a credential holds; raises `ConfigError` where there is none."""
    return Key.of(credential, config.credential(credential))
