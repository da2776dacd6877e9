"""The address of somebody on the team, proven by a code that was mailed to it.

Test mails go there and nowhere else, so nobody can make us write to a stranger.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from inboxbot import accounts, trial
from inboxbot.errors import Conflict
from inboxbot.mail import compose
from inboxbot.mail.message import Address, Identity, Message
from inboxbot.store import audit, users
from inboxbot.store.database import stamp, write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import User

VALID = timedelta(minutes=30)
LABEL = "address"


def ask(
    db: Database,
    user: User,
    address: str,
    identity: Identity,
    *,
    envelope_sender: str,
    now: datetime,
) -> None:
    """Mail a code to an address that a user says is theirs; the daemon hands it in.

    Raises `NotAllowed` after too many in a short time, and `ComposeMismatchError` for an address
    that nothing can be sent to.
    """
    code = f"{secrets.randbelow(1_000_000):06}"
    reply = compose.acknowledgement(
        Message(sender=Address("", address)),
        identity,
        f"Your code for inboxbot: {code}",
        f"{user.name}, this code shows that this address is yours: {code}\n\n"
        "Type it on your own page in the review app. If you did not ask for it, do nothing.\n",
        "",
        recipient=address,
        kind=LABEL,
        language="en",
        now=now,
        fingerprint=secrets.token_hex(32),
        envelope_sender=envelope_sender,
    )
    trial.keep(db, reply, template=LABEL, language="en", who=user.name, now=now)
    with write(db):
        users.change(
            db,
            user.id,
            address_asked=address,
            address_code=_hashed(address, code),
            address_until=stamp(now + VALID),
        )


def prove(db: Database, user: User, code: str, *, origin: str, now: datetime) -> None:
    """Take the address as the user's own where the code is right.

    Raises `Conflict` where it is not or came too late, and `TooManyFailures`.
    """
    place = accounts.hashed(origin)
    accounts.check_failures(db, user.name, place, now)
    asked, until = user.address_asked, user.address_until
    right = (
        asked is not None
        and until is not None
        and now < until
        and secrets.compare_digest(_hashed(asked, code.strip()), user.address_code or "")
    )
    with write(db):
        if right:
            users.change(
                db,
                user.id,
                address=asked,
                address_asked=None,
                address_code=None,
                address_until=None,
            )
            audit.add(db, user.name, "address proven", now)
        else:
            users.add_failure(db, accounts.hashed(user.name), place, now)
    if not right:
        raise Conflict("This code is not right, or its time is over.")


def _hashed(address: str, code: str) -> str:
    return hashlib.sha256(f"{address} {code}".encode()).hexdigest()
