"""Who may sign in, with what, and the sessions that they are signed in with.

Nothing that opens a door is stored as it is: passwords as argon2id, tokens and recovery codes
as hashes. The secret of the authenticator is the exception; it is needed to check a code.
"""

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database

LINK_VALID = timedelta(hours=1)
FAILURES_KEPT = timedelta(days=1)


class Role(StrEnum):
    """What somebody may do; `inboxbot.web.roles` says which page each may open."""

    STAFF = "staff"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Stage(StrEnum):
    """How far a sign-in has come: a code is asked for, a factor must be set up, or it is done."""

    CODE = "code"
    ENROL = "enrol"
    OPEN = "open"


class Purpose(StrEnum):
    """What a sign-in link is for: to choose a password, or to enter at once."""

    PASSWORD = "password"  # noqa: S105  (the word, not a secret)
    ENTER = "enter"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in, with how they like the pages; `mailboxes` None are all."""

    id: int
    name: str
    role: Role
    password_hash: str | None
    totp_secret: str | None
    totp_step: int
    disabled: bool
    theme: str
    text_size: str
    shortcuts: bool
    afterwards: str
    created_at: datetime
    keys: dict[str, str]
    address: str | None
    address_asked: str | None
    address_code: str | None
    address_until: datetime | None
    mailboxes: tuple[str, ...] | None

    @property
    def limited_to(self) -> tuple[str, ...] | None:
        """Return the mailboxes that they may look into, or None for all of them.

        Only staff are limited: the other roles look after all of it.
        """
        return self.mailboxes if self.role is Role.STAFF else None

    def may_work_on(self, mailbox: str) -> bool:
        """Say whether they may open the letters of a mailbox, and answer them."""
        if self.disabled or self.role is Role.AUDITOR:
            return False
        return self.limited_to is None or mailbox in self.limited_to


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in, or on the way there."""

    hash: str
    user_id: int
    stage: Stage
    form_token: str
    agent: str
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """How long sessions go on, at this moment: what was used and begun since then is not over."""

    seen_since: datetime
    begun_since: datetime

    @classmethod
    def of(cls, now: datetime, *, idle: timedelta, longest: timedelta) -> Self:
        """Return the span of sessions that may rest for `idle` and last for `longest`."""
        return cls(now - idle, now - longest)

    def holds(self, session: Session) -> bool:
        """Say whether a session is not over."""
        return session.seen_at >= self.seen_since and session.created_at >= self.begun_since


_USER = (
    "id, name, role, password_hash, totp_secret, totp_step, disabled, theme, text_size, shortcuts,"
    " afterwards, created_at, keys, address, address_asked, address_code, address_until, mailboxes"
)
_SESSION = "hash, user_id, stage, form_token, agent, created_at, seen_at, confirmed_at"


def digest(token: str) -> str:
    """Return the hash that stands for a random token in the store."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(db: Database, name: str, role: Role, now: datetime) -> int:
    """Add somebody who cannot sign in yet; return the row.

    The caller has checked that the name is free.
    """
    cursor = db.execute(
        "INSERT INTO user (name, role, created_at) VALUES (?, ?, ?)", [name, role, stamp(now)]
    )
    return int(cursor.lastrowid or 0)


def named(db: Database, name: str) -> User | None:
    """Return the user of that name, or None."""
    return _user(db, "name = ?", name)


def get(db: Database, user: int) -> User | None:
    """Return a user, or None."""
    return _user(db, "id = ?", user)


def _user(db: Database, where: str, value: object) -> User | None:
    row = db.execute(f"SELECT {_USER} FROM user WHERE {where}", [value]).fetchone()  # noqa: S608
    return _as_user(row) if row else None


def everybody(db: Database) -> list[User]:
    """Return every user, by name."""
    return [_as_user(row) for row in db.execute(f"SELECT {_USER} FROM user ORDER BY name")]  # noqa: S608


def _as_user(row: tuple[object, ...]) -> User:
    values = dict(zip(_USER.split(", "), row, strict=True))
    until, mailboxes = values["address_until"], values["mailboxes"]
    read = {
        "role": Role(str(values["role"])),
        "disabled": bool(values["disabled"]),
        "shortcuts": bool(values["shortcuts"]),
        "created_at": moment(str(values["created_at"])),
        "keys": json.loads(str(values["keys"])),
        "address_until": moment(str(until)) if until else None,
        "mailboxes": None if mailboxes is None else tuple(json.loads(str(mailboxes))),
    }
    return User(**values | read)  # type: ignore[arg-type]


def change(db: Database, user: int, **values: object) -> None:
    """Set columns of a user within the caller's transaction."""
    columns = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"UPDATE user SET {columns} WHERE id = ?", [*values.values(), user])  # noqa: S608


def add_link(
    db: Database, user: int, purpose: Purpose, now: datetime, valid: timedelta = LINK_VALID
) -> str:
    """Make the one link that is valid for a user; return its token. Earlier ones end."""
    token = secrets.token_urlsafe(32)
    db.execute("DELETE FROM sign_in_link WHERE user_id = ?", [user])
    db.execute(
        "INSERT INTO sign_in_link (hash, user_id, purpose, expires_at) VALUES (?, ?, ?, ?)",
        [digest(token), user, purpose, stamp(now + valid)],
    )
    return token


def behind_link(db: Database, token: str, purpose: Purpose, now: datetime) -> User | None:
    """Return whom a link is for, or None where it is used, too old or was never made."""
    row = db.execute(
        "SELECT user_id FROM sign_in_link WHERE hash = ? AND purpose = ? AND used_at IS NULL"
        " AND expires_at > ?",
        [digest(token), purpose, stamp(now)],
    ).fetchone()
    user = get(db, row[0]) if row else None
    return None if user is None or user.disabled else user


def use_link(db: Database, token: str, now: datetime) -> None:
    """Mark a link as used."""
    db.execute("UPDATE sign_in_link SET used_at = ? WHERE hash = ?", [stamp(now), digest(token)])


def open_session(db: Database, user: int, stage: Stage, agent: str, now: datetime) -> str:
    """Open a session; return its token, which only the browser keeps."""
    token = secrets.token_urlsafe(32)
    db.execute(
        f"INSERT INTO session ({_SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [
            digest(token),
            user,
            stage,
            secrets.token_urlsafe(32),
            agent[:200],
            stamp(now),
            stamp(now),
            stamp(now),
        ],
    )
    return token


def session(db: Database, token: str) -> Session | None:
    """Return the session behind a token, or None."""
    row = db.execute(f"SELECT {_SESSION} FROM session WHERE hash = ?", [digest(token)]).fetchone()  # noqa: S608
    return _as_session(row) if row else None


def sessions(db: Database, user: int, span: Span | None = None) -> list[Session]:
    """Return a user's sessions, the newest first; with `span` only those that are not over."""
    rows = db.execute(
        f"SELECT {_SESSION} FROM session WHERE user_id = ? ORDER BY created_at DESC",  # noqa: S608
        [user],
    )
    found = [_as_session(row) for row in rows]
    return found if span is None else [each for each in found if span.holds(each)]


def _as_session(row: tuple[object, ...]) -> Session:
    values = dict(zip(_SESSION.split(", "), row, strict=True))
    times = {name: moment(str(values[name])) for name in ("created_at", "seen_at", "confirmed_at")}
    return Session(**values | times | {"stage": Stage(str(values["stage"]))})  # type: ignore[arg-type]


def seen(db: Database, session: str, now: datetime) -> None:
    """Note that a session is in use."""
    db.execute("UPDATE session SET seen_at = ? WHERE hash = ?", [stamp(now), session])


def confirmed(db: Database, session: str, now: datetime) -> None:
    """Note that the password was typed again."""
    db.execute("UPDATE session SET confirmed_at = ? WHERE hash = ?", [stamp(now), session])


def end_session(db: Database, session: str) -> None:
    """End one session."""
    db.execute("DELETE FROM session WHERE hash = ?", [session])


def end_sessions(db: Database, user: int) -> None:
    """End every session of a user."""
    db.execute("DELETE FROM session WHERE user_id = ?", [user])


def end_all_sessions(db: Database, *, apart_from: str) -> int:
    """End every session of everybody but one; return how many there were."""
    return db.execute("DELETE FROM session WHERE hash <> ?", [apart_from]).rowcount


def end_old_sessions(db: Database, span: Span) -> None:
    """End the sessions of everybody whose time is over: their browsers may never come back."""
    db.execute(
        "DELETE FROM session WHERE seen_at < ? OR created_at < ?",
        [stamp(span.seen_since), stamp(span.begun_since)],
    )


def set_recovery_codes(db: Database, user: int, codes: list[str]) -> None:
    """Replace a user's recovery codes."""
    db.execute("DELETE FROM recovery_code WHERE user_id = ?", [user])
    for code in codes:
        db.execute("INSERT INTO recovery_code (user_id, hash) VALUES (?, ?)", [user, digest(code)])


def use_recovery_code(db: Database, user: int, code: str, now: datetime) -> bool:
    """Use a recovery code; False where it is wrong or was used before."""
    used = db.execute(
        "UPDATE recovery_code SET used_at = ? WHERE user_id = ? AND hash = ? AND used_at IS NULL",
        [stamp(now), user, digest(code)],
    )
    return used.rowcount == 1


def recovery_codes_left(db: Database, user: int) -> int:
    """Return how many recovery codes a user has left."""
    row = db.execute(
        "SELECT count(*) FROM recovery_code WHERE user_id = ? AND used_at IS NULL", [user]
    ).fetchone()
    return int(row[0])


def add_failure(db: Database, account: str, origin: str, now: datetime) -> None:
    """Note a failed sign-in, and forget old ones."""
    db.execute("DELETE FROM failed_sign_in WHERE at < ?", [stamp(now - FAILURES_KEPT)])
    db.execute(
        "INSERT INTO failed_sign_in (at, account, origin) VALUES (?, ?, ?)",
        [stamp(now), account, origin],
    )


def failures(db: Database, account: str, origin: str, since: datetime) -> tuple[int, int]:
    """Return the failed sign-ins for an account from an origin, and all from that origin."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE account = ?), count(*) FROM failed_sign_in"
        " WHERE origin = ? AND at > ?",
        [account, origin, stamp(since)],
    ).fetchone()
    return int(row[0]), int(row[1])


def forget_failures(db: Database, account: str, origin: str) -> None:
    """Forget the failures of an account after a good sign-in from there."""
    db.execute("DELETE FROM failed_sign_in WHERE account = ? AND origin = ?", [account, origin])


def open_up(db: Database, session: str) -> None:
    """Let a session in whose second factor has just been set up."""
    db.execute("UPDATE session SET stage = ? WHERE hash = ?", [Stage.OPEN, session])
