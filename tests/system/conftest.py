"""The servers and an installation that the system tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests.conftest import NOW
from tests.desk import Desk
from tests.dovecot import Account
from tests.fake_transport import FakeTransport
from tests.imap_script import ScriptedServer
from tests.installation import Installation, install
from tests.sequences import RELAY
from tests.signed_in import SignedIn
from tests.smtp_sink import SmtpSink
from tests.stand import make_app


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def installation(tmp_path: Path, account: Account, sink: SmtpSink) -> Installation:
    return install(
        tmp_path,
        imap_host="127.0.0.1",
        imap_port=account.server.port,
        imap_user=account.name,
        smtp_port=sink.port,
    )


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An IMAP server that misbehaves as a test says."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, sink: SmtpSink) -> Iterator[Desk]:
    """A desk whose mail server is a real one on a socket."""
    desk = Desk(tmp_path / "a.sqlite3", NOW, sink, relays=frozenset({RELAY}))
    yield desk
    desk.check()
    desk.close()


@pytest.fixture
def unlimited(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose mail server is in memory, for sequences of hundreds."""
    desk = Desk(tmp_path / "b.sqlite3", NOW, FakeTransport(), relays=frozenset({RELAY}))
    yield desk
    desk.check()
    desk.close()


@pytest.fixture
def app(db: Database, store_path: Path) -> Flask:
    """The review app over the store of the test."""
    return make_app(store_path)


@pytest.fixture
def jo(app: Flask, db: Database) -> SignedIn:
    return SignedIn(app, db, "jo", Role.STAFF)
