"""What every page needs: the store, the clock, who is signed in."""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app, g
from werkzeug.routing import IntegerConverter, ValidationError

from inboxbot.acknowledge import Acknowledger
from inboxbot.clock import utc_now
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Identity
from inboxbot.reply.case import Rules
from inboxbot.reply.knowledge import Article
from inboxbot.store.database import connect
from inboxbot.store.pool import Lent, Pool
from inboxbot.store.sqlite import Database, Key
from inboxbot.store.users import Session, Span, User
from inboxbot.web.erasures import Erasures
from inboxbot.web.in_force import InForce
from inboxbot.web.languages import Speaks, load
from inboxbot.writing import Writer


def _no_articles() -> tuple[Article, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class SeenHealth:
    """What a look at the service's health came to: every page shows it, few of them look."""

    at: datetime
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the app was made with; it stays for the life of the process."""

    store: Path
    key: Key | None = None
    organisation: str
    zone: ZoneInfo
    clock: Callable[[], datetime] = utc_now
    session_idle: timedelta = timedelta(minutes=30)
    session_longest: timedelta = timedelta(hours=12)
    hours_to_answer: int = 48
    identities: Mapping[str, Identity] = field(default_factory=dict)
    envelope_senders: Mapping[str, str] = field(default_factory=dict)
    acknowledger: Acknowledger | None = None
    rules: Rules = field(default_factory=Rules)
    articles: Callable[[], tuple[Article, ...]] = _no_articles
    health: Callable[[Database, datetime], tuple[str, ...]] | None = None
    # By the mailboxes in sight: the name of another one is not for everybody.
    seen_health: dict[tuple[str, ...] | None, SeenHealth] = field(default_factory=dict)
    in_force: InForce | None = None
    erasures: Erasures = field(default_factory=Erasures)
    languages: Mapping[str, Speaks] = field(default_factory=load)
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pool", Pool(self.store, self.key))

    def open(self) -> Database:
        """Open the store, for what takes longer than a request."""
        return connect(self.store, self.key)


def site() -> Site:
    """Return what the app was made with."""
    return cast(Site, current_app.extensions["inboxbot"])


def db() -> Database:
    """Return the request's own connection, given back when the request ends."""
    if "db" not in g:
        g.pool = site().pool
        g.db = g.pool.take()
    return cast(Lent, g.db)


def give_back_db(_error: BaseException | None = None) -> None:
    """Let the request's connection be used by another one."""
    if "db" in g:
        g.pool.give_back(g.pop("db"))


def now() -> datetime:
    """Return the time of this request: the same everywhere in it."""
    if "now" not in g:
        g.now = site().clock()
    return cast(datetime, g.now)


def number(text: str) -> int | None:
    """Return what somebody sent as the number of a row, or None where it can be none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


class Number(IntegerConverter):
    """The number of a row in an address: what can be none leads nowhere."""

    def to_python(self, value: str) -> int:
        """Return the number that stands in an address."""
        found = number(value)
        if found is None:
            raise ValidationError
        return found


def me() -> User:
    """Return who is signed in; only behind the guard of `inboxbot.web.auth`."""
    return cast(User, g.user)


def session() -> Session:
    """Return the session of this request; only behind the guard of `inboxbot.web.auth`."""
    return cast(Session, g.session)


def span() -> Span:
    """Return how long sessions go on, at the time of this request."""
    made = site()
    return Span.of(now(), idle=made.session_idle, longest=made.session_longest)


def writer() -> Writer | None:
    """Return what writes replies, or None where the app was made without."""
    made = site()
    if made.acknowledger is None or not made.identities:
        return None
    return Writer(db(), made.acknowledger, made.identities, now())
