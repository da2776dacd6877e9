"""What must be true of the store at any moment, whatever ended the program.

Run by `doctor` and after every test that breaks something. A violation names rows, never what
is in them. Reads only, in one transaction.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.store import audit, messages, places
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: its name (I1 to I10), what is wrong, and the first rows concerned."""

    invariant: str
    sentence: str
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        named = f": {', '.join(map(str, self.rows))}" if self.rows else ""
        return f"{self.invariant} {self.sentence}{named}"


def check(db: Database, *, now: datetime | None = None) -> tuple[Violation, ...]:
    """Return every violation of I1 to I9; with `now`, leases are checked to be live as well."""
    db.execute("BEGIN")
    try:
        return tuple(
            violation
            for look in (_places, _decisions, _replies, _floor, _database, _audit, _bytes)
            for violation in look(db, now)
        )
    finally:
        db.execute("COMMIT")


def check_server(
    db: Database, mailbox: int, uidvalidity: int, uids: Iterable[int]
) -> tuple[Violation, ...]:
    """Return the violations of I10: what lies on the server above the baseline has its place.

    `uids` is the server's own list, after a quiet poll.
    """
    baseline = db.execute("SELECT baseline_uid FROM mailbox WHERE id = ?", [mailbox]).fetchone()[0]
    rows = db.execute(
        "SELECT uid FROM place WHERE mailbox_id = ? AND uidvalidity = ?"
        " AND state NOT IN ('vanished', 'baseline')",
        [mailbox, uidvalidity],
    )
    known = {int(row[0]) for row in rows}
    there = {uid for uid in uids if uid > baseline}
    return tuple(
        _violations(
            ("I10", "UIDs on the server have no place", sorted(there - known)),
            ("I10", "Places are of no UID on the server", sorted(known - there)),
        )
    )


def seen_twice(message_ids: Iterable[str]) -> int:
    """Return how many replies a mail server took more than once, by its own list (I4)."""
    seen: dict[str, int] = {}
    for message_id in message_ids:
        seen[message_id] = seen.get(message_id, 0) + 1
    return sum(count > 1 for count in seen.values())


Looked = Iterator[Violation]


def _places(db: Database, now: datetime | None) -> Looked:  # noqa: ARG001
    yield from _ask(
        db,
        "I1",
        "Places are stored and have no message",
        "SELECT p.uid FROM place p LEFT JOIN message m ON m.id = p.message_id"
        " WHERE p.state IN ('ingested', 'duplicate', 'oversize') AND m.id IS NULL",
    )
    yield from _ask(
        db,
        "I2",
        "Messages from a server have no place",
        "SELECT id FROM message WHERE origin = 'imap'"
        " AND id NOT IN (SELECT message_id FROM place WHERE message_id IS NOT NULL)",
    )


def _decisions(db: Database, now: datetime | None) -> Looked:  # noqa: ARG001
    yield from _ask(
        db,
        "I3",
        "Messages count as decided and have no decision, or the reverse",
        "SELECT m.id FROM message m LEFT JOIN decision d ON d.message_id = m.id"
        " WHERE m.erased_at IS NULL AND (m.decided_at IS NULL) <> (d.message_id IS NULL)",
    )
    yield from _ask(
        db,
        "I3",
        "Decisions to acknowledge have no reply in the outbox",
        "SELECT message_id FROM decision WHERE disposition = 'acknowledge' AND message_id NOT IN"
        " (SELECT message_id FROM outbox WHERE kind = 'acknowledgement')",
    )
    yield from _ask(
        db,
        "I3",
        "Decisions not to acknowledge have no reason",
        "SELECT message_id FROM decision WHERE disposition <> 'acknowledge' AND reason IS NULL",
    )
    yield from _ask(
        db,
        "I3",
        "Decided messages are in front of nobody",
        "SELECT message_id FROM decision WHERE message_id NOT IN (SELECT message_id FROM review)",
    )


def _replies(db: Database, now: datetime | None) -> Looked:
    yield from _ask(
        db,
        "I4",
        "Messages have more than one acknowledgement",
        "SELECT message_id FROM outbox WHERE kind = 'acknowledgement'"
        " GROUP BY message_id HAVING count(*) > 1",
    )
    yield from _ask(
        db,
        "I4",
        "Replies share a Message-ID",
        "SELECT min(id) FROM outbox GROUP BY rfc_message_id HAVING count(*) > 1",
    )
    yield from _ask(
        db,
        "I5",
        "Replies are in flight without a live lease",
        "SELECT id FROM outbox WHERE state IN ('claimed', 'sending')"
        " AND (lease_owner IS NULL OR lease_until IS NULL OR lease_until < ?)",
        stamp(now) if now else "",
    )
    yield from _ask(
        db,
        "I5",
        "Replies are held back and nobody knows why",
        "SELECT id FROM outbox WHERE state IN ('held', 'cancelled') AND reason IS NULL",
    )


def _floor(db: Database, now: datetime | None) -> Looked:  # noqa: ARG001
    uids = [uid for _, uid in places.below_floor(db)]
    yield from _violations(("I6", "Open places lie below the floor", uids))


def _database(db: Database, now: datetime | None) -> Looked:  # noqa: ARG001
    damage = [row[0] for row in db.execute("PRAGMA integrity_check")]
    if damage != ["ok"]:
        yield Violation("I7", "The database file is damaged (PRAGMA integrity_check)")
    orphans = [row[1] or 0 for row in db.execute("PRAGMA foreign_key_check")]
    yield from _violations(("I7", "Rows refer to what is not there", orphans))


def _audit(db: Database, now: datetime | None) -> Looked:  # noqa: ARG001
    yield from _violations(("I8", "The chain of the audit is broken at rows", audit.verify(db)))


def _bytes(db: Database, now: datetime | None) -> Looked:  # noqa: ARG001
    damaged = list(messages.damaged(db))
    yield from _violations(("I9", "The bytes of messages are not those received", damaged))


def _ask(db: Database, name: str, sentence: str, query: str, *values: str) -> Looked:
    rows = [int(row[0]) for row in db.execute(query, list(values))]
    yield from _violations((name, sentence, rows))


def _violations(*found: tuple[str, str, list[int]]) -> Looked:
    for name, sentence, rows in found:
        if rows:
            yield Violation(name, f"{sentence} ({len(rows)})", tuple(rows[:SHOWN]))
