"""Somebody who is signed in to the review app, with a browser that keeps their session."""

from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from inboxbot import accounts
from inboxbot.store import users
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role, Stage
from inboxbot.web.auth import COOKIE


class SignedIn:
    """A new user with a session; forms that they post carry its token."""

    def __init__(
        self,
        app: Flask,
        db: Database,
        name: str,
        role: Role,
        *,
        now: datetime | None = None,
        stage: Stage = Stage.OPEN,
    ) -> None:
        now = now or datetime.now(UTC)
        accounts.add_user(db, name, role, who="test", now=now, purpose=Purpose.PASSWORD)
        user = users.named(db, name)
        assert user is not None
        self.db, self.id, self.name = db, user.id, name
        with write(db):
            self.token = users.open_session(db, user.id, stage, "test", now)
        self.client: FlaskClient = app.test_client()
        self.client.set_cookie(COOKIE, self.token, domain="localhost", secure=True)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, buffered=True)

    def post(self, path: str, **form: str | list[str]) -> TestResponse:
        session = users.session(self.db, self.token)
        token = session.form_token if session else ""
        return self.client.post(path, data={"form_token": token} | form, buffered=True)
