"""The mailboxes that we watch: since when, in which era of the server's numbers, and how it went.

A mailbox is known by its server and folder; its name may change. All functions that write do so
within the caller's transaction.
"""

from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.store import scope
from inboxbot.store.database import moment, stamp
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A mailbox that we watch, and how far we got with it.

    Letters up to `baseline_uid` were there before us. `silent_before` is set after a change of
    UIDVALIDITY: letters that are not found again and are older were seen, most likely.
    `matched` says that those of the era before have been looked for. Letters up to
    `restored_uid` were there when a restored backup first looked: each may have been answered.
    """

    id: int
    name: str
    server: str
    folder: str
    uidvalidity: int
    baseline_uid: int
    floor_uid: int
    started_at: datetime
    silent_before: datetime | None
    matched: bool
    baseline_recorded_uid: int
    last_good_poll_at: datetime | None
    restored_uid: int = 0


_WATCHED = (
    "SELECT id, name, server, folder, uidvalidity, baseline_uid, floor_uid, started_at,"
    " silent_before, matched, baseline_recorded_uid, last_good_poll_at, restored_uid FROM mailbox"
)


def find(db: Database, name: str, server: str, folder: str) -> Watched | None:
    """Return the mailbox that is watched under this name, server and folder, or None.

    One that was only given another name in the configuration is still the same.
    """
    row = db.execute(
        f"{_WATCHED} WHERE server = ?2 AND folder = ?3 ORDER BY name <> ?1, id LIMIT 1",
        [name, server, folder],
    ).fetchone()
    if row is None:
        return None
    values = dict(zip(Watched.__dataclass_fields__, row, strict=True))
    for key in ("started_at", "silent_before", "last_good_poll_at"):
        values[key] = moment(values[key]) if values[key] else None
    return Watched(**(values | {"matched": bool(values["matched"])}))


def watch(
    db: Database, *, name: str, server: str, folder: str, uidvalidity: int, last: int, now: datetime
) -> None:
    """Begin to watch a mailbox: what is there up to the UID `last` is its baseline."""
    db.execute(
        "INSERT INTO mailbox (name, server, folder, uidvalidity, baseline_uid, floor_uid,"
        " started_at, epoch_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?6)",
        [name, server, folder, uidvalidity, last, stamp(now)],
    )


def begun_by(db: Database, mailbox: int, now: datetime) -> None:
    """Note that we watched a mailbox by `now` at the latest: its first look had a clock ahead."""
    db.execute(
        "UPDATE mailbox SET started_at = min(started_at, ?) WHERE id = ?", [stamp(now), mailbox]
    )


def archive(db: Database, name: str, now: datetime) -> int:
    """Return the row that imported letters of the mailbox `name` belong to, made if needed."""
    row = db.execute("SELECT id FROM mailbox WHERE name = ? ORDER BY id LIMIT 1", [name]).fetchone()
    if row is None:
        row = db.execute(
            "INSERT INTO mailbox (name, server, folder, started_at) VALUES (?, '', '', ?)"
            " RETURNING id",
            [name, stamp(now)],
        ).fetchone()
    return int(row[0])


def names(db: Database) -> list[str]:
    """Return what the mailboxes are called, each name once."""
    return [str(row[0]) for row in db.execute("SELECT DISTINCT name FROM mailbox ORDER BY name")]


def in_sight(db: Database) -> list[str]:
    """Return what the mailboxes are called that this connection may look into."""
    rows = db.execute(
        f"SELECT DISTINCT name FROM mailbox WHERE 1{scope.mailboxes(db, 'id')} ORDER BY name"  # noqa: S608
    )
    return [str(row[0]) for row in rows]


def of_letter(db: Database, letter: int) -> str:
    """Return what the mailbox of a stored letter is called, or "" where there is no such letter."""
    row = db.execute(
        "SELECT b.name FROM message m JOIN mailbox b ON b.id = m.mailbox_id WHERE m.id = ?",
        [letter],
    ).fetchone()
    return "" if row is None else str(row[0])


def rename(db: Database, mailbox: int, name: str) -> None:
    """Take over the name that the configuration now has for a mailbox."""
    db.execute("UPDATE mailbox SET name = ? WHERE id = ?", [name, mailbox])


def begin_epoch(
    db: Database, mailbox: int, uidvalidity: int, *, silent_before: datetime, now: datetime
) -> None:
    """Begin anew under another UIDVALIDITY: nothing is listed yet, nothing is below us."""
    db.execute(
        "UPDATE mailbox SET uidvalidity = ?, epoch_at = ?, baseline_uid = 0, floor_uid = 0,"
        " baseline_recorded_uid = 0, matched = 0, silent_before = ?,"
        # What a restored backup has not fetched yet lies under other numbers now.
        " restored_uid = iif(restored_uid <> 0 AND EXISTS (SELECT 1 FROM place"
        "  WHERE mailbox_id = mailbox.id AND place.uidvalidity = mailbox.uidvalidity"
        "  AND state IN ('listed', 'retry') AND uid <= restored_uid), -1, min(restored_uid, 0))"
        " WHERE id = ?",
        [uidvalidity, stamp(now), stamp(silent_before), mailbox],
    )


def goes_back(db: Database, mailbox: int, last: int) -> None:
    """Forget how far we got above the UID `last`: the server gives those numbers out again."""
    db.execute(
        "UPDATE mailbox SET floor_uid = min(floor_uid, ?1), restored_uid = min(restored_uid, ?1)"
        " WHERE id = ?2",
        [last, mailbox],
    )


def restored(db: Database) -> None:
    """Note that the database was restored: what its next look finds may have been answered."""
    db.execute("UPDATE mailbox SET restored_uid = -1 WHERE uidvalidity IS NOT NULL")


def looked_since_restored(db: Database, mailbox: int, last: int) -> None:
    """Note the last UID that was there at the first look after a restore."""
    db.execute("UPDATE mailbox SET restored_uid = ? WHERE id = ?", [last, mailbox])


def matching_done(db: Database, mailbox: int, *, silent_before: datetime) -> None:
    """Record that the letters of the era before have been looked for."""
    db.execute(
        "UPDATE mailbox SET matched = 1, silent_before = ? WHERE id = ?",
        [stamp(silent_before), mailbox],
    )


def baseline_recorded(db: Database, mailbox: int, uid: int) -> None:
    """Record that the letters of the baseline up to `uid` have their rows."""
    db.execute("UPDATE mailbox SET baseline_recorded_uid = ? WHERE id = ?", [uid, mailbox])


def good_poll(db: Database, mailbox: int, now: datetime) -> None:
    """Record that a mailbox was read to its end."""
    db.execute(
        "UPDATE mailbox SET last_good_poll_at = ?, last_error = NULL, last_error_at = NULL"
        " WHERE id = ?",
        [stamp(now), mailbox],
    )


def failed_poll(
    db: Database, name: str, server: str, folder: str, error: str, now: datetime
) -> None:
    """Record why a mailbox could not be read, if it was ever read before."""
    db.execute(
        "UPDATE mailbox SET last_error = ?, last_error_at = ?"
        " WHERE name = ? AND server = ? AND folder = ?",
        [error, stamp(now), name, server, folder],
    )


def swept(db: Database, mailbox: int, unaccounted: int, now: datetime) -> None:
    """Record a sweep: how many letters on the server had been without a row."""
    db.execute(
        "UPDATE mailbox SET last_sweep_at = ?, unaccounted = ?, healed = healed + ? WHERE id = ?",
        [stamp(now), unaccounted, unaccounted, mailbox],
    )
