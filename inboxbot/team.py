"""What an administrator does to the accounts of others: role, second step, sessions.

There is always an administrator left who can sign in, and nobody acts on their own account here:
a colleague must, or the sysadmin at the terminal.
"""

import json
from datetime import datetime

from inboxbot import accounts
from inboxbot.errors import Conflict
from inboxbot.store import audit, users
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role, User


def somebody_else(db: Database, user: int, *, by: User) -> User:
    """Return the account to act on; raises `Conflict` where it is one's own or is gone."""
    found = users.get(db, user)
    if found is None:
        raise Conflict("There is no such user any more.")
    if found.id == by.id:
        raise Conflict("This is your own account: ask another administrator.")
    return found


def change_role(db: Database, user: int, role: Role, *, by: User, now: datetime) -> None:
    """Give somebody another role; their sessions end, so that it counts at once.

    Raises `Conflict` for one's own account, and for the last administrator.
    """
    with write(db):
        found = somebody_else(db, user, by=by)
        if found.role is role:
            return
        if role is not Role.ADMINISTRATOR:
            accounts.must_leave_an_administrator(db, found)
        users.change(db, found.id, role=role)
        users.end_sessions(db, found.id)
        detail = f"{found.name} {found.role} -> {role}"
        audit.add(db, by.name, "role changed", now, detail=detail)


def limit(
    db: Database, user: int, mailboxes: tuple[str, ...] | None, *, by: User, now: datetime
) -> None:
    """Let somebody look into these mailboxes alone, or into all (None); their sessions end.

    Raises `Conflict` for one's own account, and for a role that looks after all of it.
    """
    with write(db):
        found = somebody_else(db, user, by=by)
        if found.role is not Role.STAFF:
            raise Conflict("Only staff are limited to some mailboxes.")
        if found.mailboxes == mailboxes:
            return
        kept = None if mailboxes is None else json.dumps(mailboxes)
        users.change(db, found.id, mailboxes=kept)
        users.end_sessions(db, found.id)
        names = "all" if mailboxes is None else ", ".join(mailboxes) or "none"
        audit.add(db, by.name, "mailboxes limited", now, detail=f"{found.name}: {names}")


def remove_factor(db: Database, user: int, *, by: User, now: datetime) -> None:
    """Take the second step of signing in away from somebody who lost it; their sessions end.

    An administrator sets up a new one before anything else. Raises `Conflict` for one's own.
    """
    with write(db):
        found = somebody_else(db, user, by=by)
        users.change(db, found.id, totp_secret=None, totp_step=0)
        users.set_recovery_codes(db, found.id, [])
        users.end_sessions(db, found.id)
        audit.add(db, by.name, "second factor removed", now, detail=found.name)


def end_everybodys_sessions(db: Database, *, by: User, apart_from: str, now: datetime) -> int:
    """Sign everybody out everywhere but in one session; return how many browsers it were."""
    with write(db):
        ended = users.end_all_sessions(db, apart_from=apart_from)
        audit.add(db, by.name, "everybody signed out", now, detail=f"{ended}")
    return ended


def end_sessions(db: Database, user: int, *, by: User, now: datetime) -> None:
    """Sign somebody out everywhere; raises `Conflict` for one's own account."""
    with write(db):
        found = somebody_else(db, user, by=by)
        users.end_sessions(db, found.id)
        audit.add(db, by.name, "sessions ended", now, detail=found.name)
