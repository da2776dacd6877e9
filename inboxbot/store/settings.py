"""What this installation remembers of itself: its identity, its mode, a few dates.

The secret keys the HMAC of our Message-IDs: it stays for the life of the installation and is
part of every backup, so that a restored database computes the same ids again.
"""

import secrets
from datetime import datetime
from enum import StrEnum

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp, write
from inboxbot.store.sqlite import Database


class Mode(StrEnum):
    """What happens to acknowledgements: kept back and shown, sent, or kept back for a while."""

    SHADOW = "shadow"
    LIVE = "live"
    PAUSED = "paused"

    @property
    def meaning(self) -> str:
        """Return what the mode does, in a sentence."""
        return {
            Mode.SHADOW: "nothing is sent; what would have been sent is shown",
            Mode.LIVE: "acknowledgements are sent",
            Mode.PAUSED: "acknowledgements are held until somebody says live",
        }[self]


PAUSED_FROM = "paused_from"
# With the name of a mailbox behind it: when the certificate of its server ends.
CERTIFICATE_UNTIL = "certificate_until:"
SMTP_CERTIFICATE_UNTIL = "smtp_certificate_until:"
# With the number of a mailbox behind it: since which day its old letters were all brought in.
IMPORTED_SINCE = "imported_since:"


@dataclass(frozen=True, slots=True)
class Instance:
    """Who this installation is: a public id for the loop mark, and a secret."""

    id: str
    secret: bytes


def get(db: Database, name: str) -> str | None:
    """Return the setting called `name`, or None."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
    return None if row is None else str(row[0])


def put(db: Database, name: str, value: str | None) -> None:
    """Set `name` within the caller's transaction; None removes it."""
    if value is None:
        db.execute("DELETE FROM setting WHERE name = ?", [name])
    else:
        db.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value],
        )


def get_moment(db: Database, name: str) -> datetime | None:
    """Return the time (UTC) that was put under `name`, or None."""
    text = get(db, name)
    return None if text is None else moment(text)


def put_moment(db: Database, name: str, when: datetime) -> None:
    """Put a time under `name` within the caller's transaction."""
    put(db, name, stamp(when))


def moments(db: Database, prefix: str) -> list[tuple[str, datetime]]:
    """Return the times whose names begin with `prefix`, by the rest of the name."""
    rows = db.execute(
        "SELECT name, value FROM setting WHERE name >= ?1 AND name < ?1 || char(0x10ffff)"
        " ORDER BY name",
        [prefix],
    )
    return [(str(name)[len(prefix) :], moment(value)) for name, value in rows]


def instance(db: Database) -> Instance:
    """Return who this installation is; made once, at the first call."""
    if get(db, "instance_id") is None:
        with write(db):
            if get(db, "instance_id") is None:
                put(db, "instance_id", secrets.token_hex(8))
                put(db, "instance_secret", secrets.token_hex(32))
    return Instance(
        id=get(db, "instance_id") or "", secret=bytes.fromhex(get(db, "instance_secret") or "")
    )


def mode(db: Database) -> Mode:
    """Return the mode; a new installation is in shadow mode."""
    return Mode(get(db, "mode") or Mode.SHADOW)


def before_pause(db: Database) -> Mode:
    """Return the mode that a pause interrupts: shadow mode does not end by being paused."""
    return Mode(get(db, PAUSED_FROM) or Mode.LIVE)
