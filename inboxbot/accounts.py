"""Accounts of staff: make them, sign in, and the second factor.

One text and one length of time for every failed sign-in, whether the name exists or not.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from inboxbot.counted import counted
from inboxbot.errors import NotAllowed, NotPossible
from inboxbot.frozen import dataclass
from inboxbot.store import audit, users
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Purpose, Role, Stage, User

WINDOW = timedelta(minutes=15)
FAILURES_OF_ACCOUNT = 5
FAILURES_OF_ORIGIN = 20
PASSWORD_MIN, PASSWORD_MAX = 12, 256
RECOVERY_CODES = 10
STEP_S = 30

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,30}\Z")
# Memory, rounds and lanes that OWASP's password storage cheat sheet names for argon2id.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("a password that nobody has")

# What an attacker who has the hash tries in minutes scores less (zxcvbn's scale of 0 to 4).
GUESS_SCORE = 3
_LOOKED_AT = 72


class TooManyFailures(NotAllowed):
    """Too many failed sign-ins: `minutes` until the next try."""

    def __init__(self, minutes: int) -> None:
        super().__init__(
            counted(
                "Too many tries. Please wait {} minute.",
                "Too many tries. Please wait {} minutes.",
                minutes,
            )
        )
        self.minutes = minutes


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its token for the cookie, whose it is and what is still missing."""

    token: str
    user: User
    stage: Stage


def add_user(
    db: Database, name: str, role: Role, *, who: str, now: datetime, purpose: Purpose
) -> str:
    """Make an account; return the token of the link that its owner signs in with first.

    Raises `NotPossible` where the name is taken or is no name.
    """
    name = name.strip().lower()
    if not _NAME.match(name):
        raise NotPossible("A user name is 1 to 31 of: a-z, 0-9, dot, dash and underscore.")
    with write(db):
        if users.named(db, name) is not None:
            raise NotPossible(f"There is a user {name} already.")
        user = users.add(db, name, role, now)
        audit.add(db, who, "user added", now, detail=f"{name} {role}")
        return users.add_link(db, user, purpose, now)


def visitor_link(db: Database, now: datetime) -> str:
    """Return the token of a link that signs a visitor of the demo in, as an administrator."""
    return add_user(db, "visitor", Role.ADMINISTRATOR, who="demo", now=now, purpose=Purpose.ENTER)


def reset(db: Database, name: str, *, who: str, now: datetime) -> str:
    """Take password, second factor and sessions away; return the token of a new link."""
    user = known(db, name)
    with write(db):
        users.change(db, user.id, password_hash=None, totp_secret=None, totp_step=0, disabled=False)
        users.set_recovery_codes(db, user.id, [])
        users.end_sessions(db, user.id)
        audit.add(db, who, "user reset", now, detail=user.name)
        return users.add_link(db, user.id, Purpose.PASSWORD, now)


def disable(db: Database, name: str, *, who: str, now: datetime) -> None:
    """Let somebody no longer sign in, and end their sessions at once.

    Raises `NotPossible` for the last administrator: nobody would be left to let anybody in.
    """
    user = known(db, name)
    with write(db):
        must_leave_an_administrator(db, user)
        users.change(db, user.id, disabled=True)
        users.end_sessions(db, user.id)
        audit.add(db, who, "user disabled", now, detail=user.name)


def is_last_administrator(db: Database, user: User) -> bool:
    """Say whether a user is the only administrator who can sign in."""
    able = [
        each.id
        for each in users.everybody(db)
        if each.role is Role.ADMINISTRATOR and each.password_hash and not each.disabled
    ]
    return able == [user.id]


def must_leave_an_administrator(db: Database, user: User) -> None:
    """Raise `NotPossible` where a user is the last administrator who can sign in."""
    if is_last_administrator(db, user):
        raise NotPossible(
            f"{user.name} is the last administrator who can sign in: add another one first."
        )


def known(db: Database, name: str) -> User:
    """Return the user of that name; raises `NotPossible` where there is none."""
    user = users.named(db, name.strip().lower())
    if user is None:
        raise NotPossible(f"There is no user {name}.")
    return user


def password_problem(password: str, *context: str) -> str | None:
    """Return what is wrong with a new password in a sentence, or None.

    `context` are words that a stranger would try: the user's name, the organisation's.
    """
    if len(password) < PASSWORD_MIN:
        return f"Use at least {PASSWORD_MIN} characters; a few words are easy to remember."
    if len(password) > PASSWORD_MAX:
        return f"Use at most {PASSWORD_MAX} characters."
    words = {"inboxbot", *(word.casefold() for text in context for word in text.split())}
    rest = password.casefold()
    for word in sorted(words, key=len, reverse=True):
        if len(word) > 3:
            rest = rest.replace(word, "")
    if len(rest) < PASSWORD_MIN // 2:
        return "This password is mostly a name that a stranger knows. Choose another one."
    from zxcvbn import zxcvbn  # Its lists take a moment to load, and few commands need them.

    if zxcvbn(password[:_LOOKED_AT], user_inputs=sorted(words))["score"] < GUESS_SCORE:
        return "This password is one of the first that are guessed. Choose another one."
    return None


def set_password(db: Database, user: User, password: str, *, who: str, now: datetime) -> None:
    """Store a new password within the caller's transaction; every session of the user ends."""
    users.change(db, user.id, password_hash=_hasher.hash(password))
    users.end_sessions(db, user.id)
    audit.add(db, who, "password set", now, detail=user.name)


def sign_in(
    db: Database, name: str, password: str, *, origin: str, agent: str, now: datetime
) -> SignedIn | None:
    """Sign somebody in with a password; None where name or password is wrong.

    Raises `TooManyFailures`. The session still wants a code where the user has a second factor,
    and wants one to be set up where the user's role demands it.
    """
    account, place = name.strip().lower()[:60], hashed(origin)
    check_failures(db, account, place, now)
    user = users.named(db, account)
    right = _is_right(user.password_hash if user else None, password)
    if user is None or not right or user.disabled:
        with write(db):
            users.add_failure(db, hashed(account), place, now)
            # What was typed is not kept: it may be a password in the wrong field.
            audit.add(db, user.name if user else "unknown", "sign-in failed", now)
        return None
    with write(db):
        if user.password_hash and _hasher.check_needs_rehash(user.password_hash):
            users.change(db, user.id, password_hash=_hasher.hash(password))
        if user.totp_secret is None:
            users.forget_failures(db, hashed(account), place)
        return _opened(db, user, Stage.CODE if user.totp_secret else first_stage(user), agent, now)


def first_stage(user: User) -> Stage:
    """Return what a user without a second factor comes to after the password."""
    return Stage.ENROL if user.role is Role.ADMINISTRATOR else Stage.OPEN


def enter(db: Database, token: str, *, agent: str, now: datetime) -> SignedIn | None:
    """Sign somebody in by a one-time link for entering; None where it is not valid."""
    with write(db):
        user = users.behind_link(db, token, Purpose.ENTER, now)
        if user is None:
            return None
        users.use_link(db, token, now)
        return _opened(db, user, Stage.OPEN, agent, now)


def choose_password(
    db: Database, token: str, password: str, *, agent: str, now: datetime
) -> SignedIn | None:
    """Set the first password by a one-time link and sign in; None where it is not valid."""
    with write(db):
        user = users.behind_link(db, token, Purpose.PASSWORD, now)
        if user is None:
            return None
        users.use_link(db, token, now)
        set_password(db, user, password, who=user.name, now=now)
        return _opened(db, user, first_stage(user), agent, now)


def give_code(
    db: Database, user: User, code: str, *, session: str, origin: str, agent: str, now: datetime
) -> SignedIn | None:
    """Finish a sign-in with a code of the authenticator, or a recovery code; None where wrong.

    Raises `TooManyFailures`. Each code counts once.
    """
    place = hashed(origin)
    check_failures(db, user.name, place, now)
    typed = re.sub(r"[\s-]", "", code).lower()
    with write(db):
        fresh = users.get(db, user.id)
        if fresh is None or not (
            _code_is_right(db, fresh, typed, now)
            or users.use_recovery_code(db, user.id, typed, now)
        ):
            users.add_failure(db, hashed(user.name), place, now)
            audit.add(db, user.name, "code failed", now)
            return None
        users.forget_failures(db, hashed(user.name), place)
        users.end_session(db, session)
        return _opened(db, user, Stage.OPEN, agent, now)


def enrol(db: Database, user: User, secret: str, code: str, now: datetime) -> list[str] | None:
    """Set up the second factor once a code shows that it works; return the recovery codes."""
    step = _matching_step(secret, re.sub(r"\s", "", code), now)
    if step is None:
        return None
    codes = [secrets.token_hex(5) for _ in range(RECOVERY_CODES)]
    with write(db):
        users.change(db, user.id, totp_secret=secret, totp_step=step)
        users.set_recovery_codes(db, user.id, codes)
        audit.add(db, user.name, "second factor set up", now)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def confirm(
    db: Database, user: User, password: str, *, session: str, origin: str, now: datetime
) -> bool:
    """Note that the password of a session's user was typed again; False where it is wrong.

    Raises `TooManyFailures`.
    """
    place = hashed(origin)
    check_failures(db, user.name, place, now)
    right = _is_right(user.password_hash, password)
    with write(db):
        if right:
            users.confirmed(db, session, now)
            users.forget_failures(db, hashed(user.name), place)
        else:
            users.add_failure(db, hashed(user.name), place, now)
            audit.add(db, user.name, "confirmation failed", now)
    return right


def check_failures(db: Database, account: str, place: str, now: datetime) -> None:
    """Raise `TooManyFailures` where an account or an origin failed too often of late."""
    of_account, of_origin = users.failures(db, hashed(account), place, now - WINDOW)
    if of_account >= FAILURES_OF_ACCOUNT or of_origin >= FAILURES_OF_ORIGIN:
        raise TooManyFailures(int(WINDOW.total_seconds() // 60))


def hashed(text: str) -> str:
    """Return what stands in the store for an address or a name that was typed.

    A name that was typed may be a password in the wrong field.
    """
    return hashlib.sha256(f"failed sign-in {text}".encode()).hexdigest()[:32]


def _opened(db: Database, user: User, stage: Stage, agent: str, now: datetime) -> SignedIn:
    token = users.open_session(db, user.id, stage, agent, now)
    if stage is Stage.OPEN:
        audit.add(db, user.name, "signed in", now)
    return SignedIn(token, user, stage)


def _is_right(stored: str | None, password: str) -> bool:
    if len(password) > PASSWORD_MAX:
        password = ""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (Argon2Error, InvalidHashError):
        return False


def _code_is_right(db: Database, user: User, code: str, now: datetime) -> bool:
    step = _matching_step(user.totp_secret, code, now) if user.totp_secret else None
    if step is None or step <= user.totp_step:
        return False
    users.change(db, user.id, totp_step=step)
    return True


def _matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step that a code belongs to: now, or one before or after (RFC 6238, 5.2)."""
    totp = pyotp.TOTP(secret)
    step = int(now.timestamp()) // STEP_S
    for candidate in (step, step - 1, step + 1):
        if secrets.compare_digest(
            totp.generate_otp(candidate), code.encode("ascii", "replace").decode()
        ):
            return candidate
    return None
