"""Somebody with a password, on the pages of administration; and what was recorded of them."""

from datetime import UTC, datetime, timedelta

from flask import Flask

from inboxbot import accounts
from inboxbot.store import audit, users
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests.signed_in import SignedIn
from tests.stand import PASSWORD


class Somebody(SignedIn):
    """Somebody who has a password, which they are asked for again after a while."""

    def __init__(self, app: Flask, db: Database, name: str, role: Role) -> None:
        super().__init__(app, db, name, role)
        with write(db):
            users.change(db, self.id, password_hash=accounts._hasher.hash(PASSWORD))

    def grow_old(self) -> None:
        """Let the password have been typed long ago."""
        with write(self.db):
            long_ago = datetime.now(UTC) - timedelta(minutes=16)
            users.confirmed(self.db, users.digest(self.token), long_ago)


def recorded(db: Database, what: str) -> list[tuple[str, str]]:
    return [(each.who, each.detail) for each in audit.entries(db, Narrowed(what=what))]
