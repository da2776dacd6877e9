"""Two people and the app, for the pages of administration by plain forms."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests.office import parts
from tests.somebody import Somebody
from tests.stand import make_app, new_store


@pytest.fixture
def db(store_path: Path) -> Iterator[Database]:
    database = new_store(store_path)
    yield database
    database.close()


@pytest.fixture
def app(db: Database, store_path: Path, tmp_path: Path) -> Flask:
    return make_app(store_path, **parts(tmp_path))


@pytest.fixture
def ada(app: Flask, db: Database) -> Somebody:
    return Somebody(app, db, "ada", Role.ADMINISTRATOR)


@pytest.fixture
def kim(app: Flask, db: Database) -> Somebody:
    return Somebody(app, db, "kim", Role.STAFF)
