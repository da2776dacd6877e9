"""A mailbox that is polled into a store, with what tests ask about the result."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from inboxbot import intake
from inboxbot.fetching import Limits
from inboxbot.intake import PollResult, Source
from inboxbot.mail.mailbox import Mailbox
from inboxbot.store import messages, places
from inboxbot.store.sqlite import Database

SOURCE = Source(name="support", server="support@mail.test", folder="INBOX")
ROOMY = Limits(min_free=0)


@dataclass
class TakingIn:
    """Polls one mailbox; `now` moves only when a test says so."""

    db: Database
    box: Mailbox
    now: datetime
    source: Source = SOURCE
    limits: Limits = field(default_factory=lambda: ROOMY)
    restored_at: datetime | None = None

    def poll(self, **more: Any) -> PollResult:
        return intake.poll(
            self.db,
            self.box,
            self.source,
            now=self.now,
            limits=self.limits,
            restored_at=self.restored_at,
            **more,
        )

    def sweep(self) -> int:
        return intake.sweep(self.db, self.box, self.source, now=self.now, limits=self.limits)

    def later(self, **change: float) -> None:
        self.now += timedelta(**change)

    def stored(self) -> list[bytes]:
        """Return the bytes of every stored letter, in the order in which they came."""
        return [messages.raw(self.db, row[0]) for row in self.db.execute("SELECT id FROM message")]

    def silences(self) -> list[str | None]:
        return [row[0] for row in self.db.execute("SELECT keep_silent FROM message ORDER BY id")]

    def places(self) -> dict[int, str]:
        """Return the state of each UID of the present era."""
        return dict(
            self.db.execute(
                "SELECT p.uid, p.state FROM place p JOIN mailbox b ON b.id = p.mailbox_id"
                " AND b.uidvalidity = p.uidvalidity AND b.server = ? AND b.folder = ?",
                [self.source.server, self.source.folder],
            ).fetchall()
        )

    def attempts(self, uid: int) -> int:
        return int(
            self.db.execute("SELECT max(attempts) FROM place WHERE uid = ?", [uid]).fetchone()[0]
        )

    def check(self) -> None:
        """Hold the store to what must be true at any moment (invariants of the state model)."""
        query = self.db.execute
        assert query("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert query("PRAGMA foreign_key_check").fetchall() == []
        # A place that is ingested has its message, and no fingerprint is there twice.
        assert (
            query(
                "SELECT count(*) FROM place WHERE message_id IS NULL"
                " AND state IN ('ingested', 'duplicate', 'oversize')"
            ).fetchone()[0]
            == 0
        )
        assert (
            query(
                "SELECT count(*) FROM message m WHERE origin = 'imap'"
                " AND NOT EXISTS (SELECT 1 FROM place p WHERE p.message_id = m.id)"
            ).fetchone()[0]
            == 0
        )
        assert places.below_floor(self.db) == []
        assert list(messages.damaged(self.db)) == []
