"""Find out what became of the replies of which nobody knows whether they were sent.

A reply that lies in the Sent folder was sent. One that does not was only then not sent where
the provider files everything that it accepts; elsewhere a person decides. A restored backup is
the same question: what it holds back may have been sent since it was made.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from inboxbot import events
from inboxbot.errors import Conflict, InboxbotError
from inboxbot.store import sending
from inboxbot.store.database import write
from inboxbot.store.outbox import State
from inboxbot.store.sending import Unproven
from inboxbot.store.sqlite import Database

# A server may take this long to file what it has accepted (RFC 5321, section 4.5.3.2.6).
PATIENCE_S = 600.0

# Which of these Message-IDs lie in the Sent folder of a mailbox; None: there is no such folder.
Lookup = Callable[[str, Sequence[str]], set[str] | None]


class Resolver:
    """Looks replies up in the Sent folders.

    `files_all` says of a mailbox whether its provider files by itself all that it accepts
    (`sent_copy = "server"`).
    """

    def __init__(
        self,
        db: Database,
        *,
        lookup: Lookup,
        files_all: Callable[[str], bool],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._lookup = lookup
        self._files_all = files_all
        self._now = now
        self._monotonic = monotonic
        # When each was first looked for in vain; by this clock, because a wall clock that is
        # set ahead would send a reply again that the server is about to file.
        self._missed_since: dict[int, float] = {}

    def resolve(self) -> dict[State, int]:
        """Look up what is unproven; return how many replies ended in which state.

        Raises the first of what `lookup` raises where a server cannot be asked now, once every
        other was asked.
        """
        unproven = sending.unproven(self._db)
        self._forget_all_but({reply.id for reply in unproven})
        resolved: dict[State, int] = {}
        failed: list[InboxbotError] = []
        for mailbox in dict.fromkeys(reply.mailbox for reply in unproven):
            replies = [reply for reply in unproven if reply.mailbox == mailbox]
            try:
                found = self._lookup(mailbox, [reply.message_id for reply in replies])
            except InboxbotError as error:
                failed.append(error)
                continue
            if found is not None:
                for reply in replies:
                    state = self._settle(reply, present=reply.message_id in found)
                    if state is not None:
                        resolved[state] = resolved.get(state, 0) + 1
            if any(reply.state is State.HELD for reply in replies):
                with write(self._db):
                    newest = sending.ALL if found is None else replies[-1].id
                    sending.looked_up(self._db, mailbox, newest)
        if failed:
            raise failed[0]
        return resolved

    def _settle(self, reply: Unproven, *, present: bool) -> State | None:
        if not present and not self._surely_not_sent(reply):
            return None
        state = State.SENT if present else State.QUEUED
        try:
            with write(self._db):
                change = sending.found if present else sending.absent
                change(self._db, reply.id, self._now())
        except Conflict:
            return None  # Staff decided meanwhile.
        events.uncertain_resolved(reply.id, state)
        return state

    def _surely_not_sent(self, reply: Unproven) -> bool:
        if reply.state is not State.UNCERTAIN or not self._files_all(reply.mailbox):
            return False
        since = self._missed_since.setdefault(reply.id, self._monotonic())
        return self._monotonic() - since >= PATIENCE_S

    def _forget_all_but(self, rows: set[int]) -> None:
        self._missed_since = {row: at for row, at in self._missed_since.items() if row in rows}
