"""The real review app on a socket of this machine, over a store of its own; and people in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyotp
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from waitress import create_server

from inboxbot import accounts
from inboxbot.mail.message import Identity
from inboxbot.reply.knowledge import Article
from inboxbot.store import users
from inboxbot.store.database import connect, write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role, Stage
from inboxbot.web.app import create_app
from inboxbot.web.auth import COOKIE
from inboxbot.web.site import Site
from tests.new_store import new_store as new_store

PASSWORD = "four words that rhyme"
IDENTITY = Identity(
    mailbox="support",
    name="ALS Worldwide",
    address="support@example.org",
    addresses=frozenset({"support@example.org"}),
    own_domains=frozenset({"example.org"}),
    instance_id="test",
    secret=b"secret of a test",
)
ARTICLE = Article(
    title="What is known about riluzole",
    date=date(2015, 2, 2),
    medicine="riluzole",
    review_by=date(2099, 1, 1),
    url="https://www.example.org/riluzole",
)


@dataclass
class Stand:
    """An app that answers at `url`, its store, and the errors that it met."""

    url: str
    path: Path
    app: Flask
    db: Database
    faults: list[BaseException] = field(default_factory=list)

    def person(self, name: str, role: Role = Role.STAFF, password: bool = False) -> str:
        """Add somebody who is signed in; return the token for their cookie."""
        now = datetime.now(UTC)
        if users.named(self.db, name) is None:
            link = accounts.add_user(
                self.db, name, role, who="test", now=now, purpose=Purpose.PASSWORD
            )
            if password:
                accounts.choose_password(self.db, link, PASSWORD, agent="", now=now)
        user = users.named(self.db, name)
        assert user is not None
        with write(self.db):
            return users.open_session(self.db, user.id, Stage.OPEN, "test", now)

    def cookie(self, token: str) -> dict[str, object]:
        """Return a session's cookie as a browser wants it."""
        return {"name": COOKIE, "value": token, "url": "https://127.0.0.1/", "secure": True}

    def code(self, name: str) -> str:
        """Return the code that somebody's authenticator shows."""
        user = users.named(self.db, name)
        assert user is not None
        assert user.totp_secret is not None
        return pyotp.TOTP(user.totp_secret).now()


class _Compiled(BytecodeCache):
    """The pages as they were compiled for the first app of this process."""

    def __init__(self) -> None:
        self.codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.codes:
            bucket.bytecode_from_string(self.codes[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.codes[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def new_app(path: Path, **more: object) -> Flask:
    """Return the app as it runs in earnest, for a store."""
    app = create_app(_site(path, **more))
    app.jinja_env.bytecode_cache = _COMPILED
    return app


def make_app(path: Path, **more: object) -> Flask:
    """Return the one app that the tests of a process share, now for this store."""
    app = _shared()
    app.extensions["inboxbot"] = _site(path, **more)
    return app


@cache
def _shared() -> Flask:
    return new_app(Path("nowhere"))


def _site(path: Path, **more: object) -> Site:
    values: dict[str, object] = {
        "store": path,
        "organisation": "ALS Worldwide",
        "zone": ZoneInfo("America/Chicago"),
        "identities": {"support": IDENTITY},
        "articles": lambda: (ARTICLE,),
    }
    return Site(**(values | more))  # type: ignore[arg-type]


@contextmanager
def moved(house: Stand, path: Path, **more: object) -> Iterator[Stand]:
    """Let a running app work over the store at `path` until the block ends."""
    made = house.app.extensions["inboxbot"]
    instead: dict[str, Any] = {"store": path, "seen_health": {}} | more
    house.app.extensions["inboxbot"] = replace(made, **instead)
    db = connect(path)
    house.faults.clear()
    try:
        yield Stand(house.url, path, house.app, db, house.faults)
    finally:
        house.app.extensions["inboxbot"] = made
        db.close()


@contextmanager
def standing(path: Path, **more: object) -> Iterator[Stand]:
    """Run the app over the store at `path` until the block ends."""
    app = new_app(path, **more)
    server = create_server(app, host="127.0.0.1", port=0, threads=6)
    db = connect(path)
    stand = Stand(f"http://127.0.0.1:{server.effective_port}", path, app, db)
    app.teardown_request(lambda error: stand.faults.append(error) if error else None)

    def serve() -> None:
        try:
            server.run()
        except OSError:
            if not closing.is_set():  # Waitress may look once more at what was just closed.
                raise

    closing = threading.Event()
    thread = threading.Thread(target=serve, name="stand", daemon=True)
    thread.start()
    try:
        yield stand
    finally:
        closing.set()
        server.close()
        thread.join(5)
        server.task_dispatcher.shutdown()
        db.close()
