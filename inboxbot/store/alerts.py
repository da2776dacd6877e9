"""What somebody must know: opened once, told once, ended when it is over.

`code` is from a closed list, `detail` holds numbers only; an alert never says anything of a
letter beyond its number.
"""

from datetime import datetime
from enum import StrEnum

from inboxbot.frozen import dataclass
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


class Code(StrEnum):
    """What can be wrong, or must be seen at once."""

    URGENT = "urgent"
    BREAKER_OPEN = "breaker_open"
    INTAKE_FAILED = "intake_failed"
    INTAKE_SILENT = "intake_silent"
    MAIL_OUT_FAILED = "mail_out_failed"
    AUTHENTICATION = "authentication"
    QUARANTINED = "quarantined"
    OVERSIZE = "oversize"
    MISSING = "missing"
    UIDVALIDITY = "uidvalidity"
    UNCERTAIN = "uncertain"
    TEMPLATE = "template"
    LOOP = "loop"
    DISK = "disk"
    CONFIGURATION = "configuration"
    TOKEN = "token"  # noqa: S105  (the word, not a secret)
    BACKUP = "backup"
    MODEL = "model"
    CLOCK = "clock"


SENTENCES: dict[Code, str] = {
    Code.URGENT: "A letter may tell of danger: please look at it now.",
    Code.BREAKER_OPEN: "Too many acknowledgements in a short time: they are held until it calms.",
    Code.INTAKE_FAILED: "Letters cannot be fetched.",
    Code.INTAKE_SILENT: "No look into the mailbox has succeeded for a while.",
    Code.MAIL_OUT_FAILED: "Replies cannot be handed in.",
    Code.AUTHENTICATION: "A mail server refuses our login: `inboxbot doctor` says why.",
    Code.QUARANTINED: "A letter could not be fetched after three attempts.",
    Code.OVERSIZE: "A letter is larger than the limit: only its text was fetched.",
    Code.MISSING: "The sweep found letters that no poll had seen; they were fetched.",
    Code.UIDVALIDITY: "The mailbox was rebuilt and much of it is unknown: replies are held.",
    Code.UNCERTAIN: "A reply may or may not have been sent.",
    Code.TEMPLATE: "A reply template is broken: the last good version is used.",
    Code.LOOP: "A message came back to us: somebody answers our acknowledgements.",
    Code.DISK: "The disk is nearly full: nothing more is fetched.",
    Code.CONFIGURATION: "The changed configuration cannot be used: the previous one is in force.",
    Code.TOKEN: "The permission to use the mailbox cannot be renewed: `inboxbot doctor` says why.",
    Code.BACKUP: "The last verified backup is too old.",
    Code.CLOCK: "The clock has leapt by more than a month: for a day nothing is erased by age.",
    Code.MODEL: "The model trained here cannot be used: the shipped one sorts the letters.",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is not over."""

    id: int
    at: datetime
    code: Code
    message_id: int | None
    detail: str

    @property
    def sentence(self) -> str:
        """Return what it means, for staff."""
        return SENTENCES[self.code]


def open_alert(
    db: Database, code: Code, now: datetime, *, message: int | None = None, detail: str = ""
) -> bool:
    """Open an alert within the caller's transaction; False where it is open already."""
    known = db.execute(
        "SELECT 1 FROM alert WHERE code = ? AND message_id IS ? AND detail = ?"
        " AND ended_at IS NULL",
        [code, message, detail],
    ).fetchone()
    if known is None:
        db.execute(
            "INSERT INTO alert (at, code, message_id, detail) VALUES (?, ?, ?, ?)",
            [stamp(now), code, message, detail],
        )
    return known is None


def end(
    db: Database,
    code: Code,
    now: datetime,
    *,
    message: int | None = None,
    detail: str | None = None,
) -> bool:
    """End open alerts of this kind within the caller's transaction; say whether there were any."""
    ended = db.execute(
        "UPDATE alert SET ended_at = ?1 WHERE code = ?2 AND ended_at IS NULL"
        " AND (?3 IS NULL OR message_id = ?3) AND (?4 IS NULL OR detail = ?4)",
        [stamp(now), code, message, detail],
    )
    return ended.rowcount > 0


def end_of_reply(db: Database, code: Code, outbox: int, now: datetime) -> None:
    """End open alerts of the letter that a reply answers, within the caller's transaction."""
    db.execute(
        "UPDATE alert SET ended_at = ? WHERE code = ? AND ended_at IS NULL"
        " AND message_id = (SELECT message_id FROM outbox WHERE id = ?)",
        [stamp(now), code, outbox],
    )


def told_of_twin(db: Database, message: int) -> bool:
    """Say whether a twin of a decided letter was told as urgent, or lay there before the start."""
    row = db.execute(
        "SELECT 1 FROM reading r JOIN reading twin ON twin.identity_key = r.identity_key"
        " AND twin.message_id <> r.message_id JOIN decision d ON d.message_id = twin.message_id"
        " WHERE r.message_id = ? AND (d.reason = 'baseline' OR EXISTS"
        "  (SELECT 1 FROM alert WHERE code = ? AND message_id = twin.message_id)) LIMIT 1",
        [message, Code.URGENT],
    ).fetchone()
    return row is not None


def is_open(db: Database, *codes: Code, detail: str) -> bool:
    """Say whether an alert of one of these kinds is open."""
    return any(alert.code in codes and alert.detail == detail for alert in unfinished(db))


def unfinished(db: Database) -> list[Alert]:
    """Return every alert that is not over, the oldest first."""
    rows = db.execute(
        "SELECT id, at, code, message_id, detail FROM alert WHERE ended_at IS NULL ORDER BY id"
    )
    return [Alert(row[0], moment(row[1]), Code(row[2]), row[3], row[4]) for row in rows]


def newest(db: Database, limit: int, *, but: Code) -> list[tuple[Alert, datetime | None]]:
    """Return what began or ended last, the newest first, with its end; none of the kind `but`."""
    rows = db.execute(
        "SELECT id, at, code, message_id, detail, ended_at FROM alert WHERE code != ?"
        " ORDER BY coalesce(ended_at, at) DESC, id DESC LIMIT ?",
        [but, limit],
    )
    return [
        (Alert(row[0], moment(row[1]), Code(row[2]), row[3], row[4]), row[5] and moment(row[5]))
        for row in rows
    ]


def unannounced(db: Database) -> list[Alert]:
    """Return every alert that nobody was told of yet, the oldest first."""
    rows = db.execute(
        "SELECT id, at, code, message_id, detail FROM alert WHERE announced_at IS NULL ORDER BY id"
    )
    return [Alert(row[0], moment(row[1]), Code(row[2]), row[3], row[4]) for row in rows]


def announced(db: Database, alert: int, now: datetime) -> None:
    """Note within the caller's transaction that staff were told."""
    db.execute("UPDATE alert SET announced_at = ? WHERE id = ?", [stamp(now), alert])
