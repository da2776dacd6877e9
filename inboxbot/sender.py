"""Send each due reply, at most once.

A reply is claimed (commit), offered to the server, noted as `sending` right before the final dot
(commit), and its answer recorded (commit, which also claims the next one, unless a copy is to be
filed first). Whatever ends the process in between, it is known whether the reply may be tried
again; where nobody knows, it is never sent again blindly.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from inboxbot import events, faults, last_look
from inboxbot.errors import (
    AuthenticationError,
    ConfigError,
    Conflict,
    InboxbotError,
    OutcomeUnknownError,
    PermanentError,
    TokenError,
    TransientError,
)
from inboxbot.last_look import Due, WrittenAnew
from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.pace import UNLIMITED, Pace
from inboxbot.pause import Pauses
from inboxbot.reply.reason import Reason
from inboxbot.store import alerts, outbox, sending, settings
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.outbox import State
from inboxbot.store.sending import BACK_OFF, Entry
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# What says that a server as a whole cannot be used, through no fault of the reply.
SERVER_TROUBLE = (PermanentError, TransientError, ConfigError)
OUR_FAULT = -1
_OF_THE_SERVER = (Code.AUTHENTICATION, Code.TOKEN, Code.MAIL_OUT_FAILED)


class Transport(Protocol):
    """A server that takes replies; what `send` promises is written at `SmtpTransport.send`."""

    def send(self, reply: Reply, before_dot: Callable[[], None]) -> Outcome:
        """Hand in one reply; run `before_dot` right before the point of no return."""


TransportFor = Callable[[str], AbstractContextManager[Transport]]
Copy = Callable[[str, Reply, datetime], None]


@dataclass(slots=True)
class Sent:
    """What became of the replies of one pass: how many ended in which state."""

    counts: dict[State, int] = field(default_factory=dict)

    def count(self, state: State) -> None:
        """Count one reply that is in `state` now."""
        self.counts[state] = self.counts.get(state, 0) + 1

    def __getitem__(self, state: State) -> int:
        return self.counts.get(state, 0)


class StoreBusyError(InboxbotError):
    """The database cannot be written: the trouble is ours, and not the mail server's."""


class Sender:
    """Everything that sending needs. One at a time: the caller has the state folder.

    `transport_for` opens the server of a mailbox by its name; `copy`, where it is given, puts
    what was sent into the Sent folder. `owner` names this sender in leases; where a process has
    several of them, each has a name of its own and `serves` mailboxes that the others do not.
    `pace_of` says how many replies of a mailbox may leave in a minute and a day. `written_anew`
    writes the acknowledgement of a letter for the category that staff say, or says why not.
    """

    def __init__(
        self,
        db: Database,
        *,
        transport_for: TransportFor,
        owner: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        copy: Copy | None = None,
        serves: Callable[[str], bool] = lambda _mailbox: True,
        pace_of: Callable[[str], Pace] = lambda _mailbox: UNLIMITED,
        written_anew: WrittenAnew = lambda _letter: Reason.STAFF,
    ) -> None:
        self._db = db
        self._pace_of = pace_of
        self._written_anew = written_anew
        self._serves = serves
        self._transport_for = transport_for
        self._owner = owner
        self._now = now
        self._copy = copy
        self._pauses = Pauses(monotonic)
        self._paced: set[str] = set()
        # Answers that were heard and could not be written down: a full disk, say.
        self._unrecorded: dict[int, tuple[Entry, Outcome]] = {}

    def start(self) -> None:
        """Take back everything that an earlier process left in flight.

        Raises `TransientError` where the database cannot be written now.
        """
        try:
            self._recover(alone=True)
        except StoreBusyError as error:
            raise TransientError(str(error)) from error

    def send_due(self, *, stop: Callable[[], bool] = lambda: False) -> Sent:
        """Make one pass over the outbox; return what became of the replies.

        Raises `TransientError` where the database cannot be written now.
        """
        tally = Sent()
        try:
            self._pass(tally, stop)
        except StoreBusyError as error:
            raise TransientError(str(error)) from error
        return tally

    def _pass(self, tally: Sent, stop: Callable[[], bool]) -> None:
        self._recover(alone=False)
        if settings.mode(self._db) is Mode.PAUSED:
            return
        for mailbox in sending.due_mailboxes(self._db, self._now()):
            if stop():
                break
            if not self._serves(mailbox) or not self._pauses.over(mailbox):
                continue
            try:
                if self._is_at_its_pace(mailbox):
                    continue
                with self._transport_for(mailbox) as transport:
                    well = self._drain(mailbox, transport, tally, stop)
            except SERVER_TROUBLE as error:
                self._server_failed(mailbox, error)
            else:
                if well:
                    self._server_works(mailbox)

    def _drain(
        self, mailbox: str, transport: Transport, tally: Sent, stop: Callable[[], bool]
    ) -> bool:
        """Send what is due of one mailbox; say whether the server judged anything."""
        judged = False

        def is_enough() -> bool:
            return stop() or (judged and self._is_at_its_pace(mailbox))

        entry = None if is_enough() else self._next(mailbox, tally, self._look(mailbox))
        while entry is not None:
            try:
                outcome = self._attempt(entry, transport)
            except Conflict:
                # Another process took it while the text was on its way.
                entry = None if is_enough() else self._next(mailbox, tally, self._look(mailbox))
                continue
            except OutcomeUnknownError as error:
                self._uncertain(entry)
                tally.count(State.UNCERTAIN)
                raise TransientError(str(error)) from error
            judged = not outcome.server_left
            state, found = self._record(mailbox, entry, outcome, is_enough)
            if state is not None:
                tally.count(state)
            if outcome.server_left:
                raise TransientError(f"The mail server breaks off ({outcome.code}).")
            if state is State.SENT and self._copy is not None:
                self._put_copy(mailbox, entry, self._copy)
                found = Due() if is_enough() else self._look(mailbox)
            entry = self._next(mailbox, tally, found)
        return judged

    def _is_at_its_pace(self, mailbox: str) -> bool:
        """Say whether the server has taken as many replies as its provider allows for now."""
        pace, now = self._pace_of(mailbox), self._now()
        for limit, span in ((pace.per_minute, MINUTE), (pace.per_day, DAY)):
            if limit and sending.sent_since(self._db, mailbox, now - span, now) >= limit:
                if mailbox not in self._paced:
                    events.sending_paced(mailbox, limit, int(span.total_seconds()))
                self._paced.add(mailbox)
                return True
        self._paced.discard(mailbox)
        return False

    def _next(self, mailbox: str, tally: Sent, found: Due) -> Entry | None:
        """Return the reply that was claimed; look on as long as one was held or cancelled."""
        while found.entry is not None and found.kept is not None:
            state, reason = found.kept
            tally.count(state)
            events.reply_kept(found.entry.id, state, reason)
            found = self._look(mailbox)
        if found.entry is not None:
            faults.point("sender.claimed")
        return found.entry

    def _look(self, mailbox: str) -> Due:
        with self._writing():
            return self._claim(mailbox)

    def _claim(self, mailbox: str) -> Due:
        return last_look.claim_next(
            self._db,
            mailbox,
            owner=self._owner,
            written_anew=self._written_anew,
            now=self._now(),
        )

    def _attempt(self, entry: Entry, transport: Transport) -> Outcome:
        """Offer one reply to the server, which may take it, refuse it, or be of no use."""
        try:
            return transport.send(entry.reply, lambda: self._begin(entry))
        except SERVER_TROUBLE:
            with self._writing():
                sending.give_back(self._db, entry.id, self._owner, self._now())
            raise
        except InboxbotError:
            raise
        except Exception as error:
            events.reply_not_sendable(entry.id, error)
            if sending.in_state(self._db, entry.id, State.CLAIMED):
                return Outcome(Verdict.DEFERRED, OUR_FAULT, "The reply could not be offered.")
            raise OutcomeUnknownError("Sending failed after the server had the reply.") from error

    def _begin(self, entry: Entry) -> None:
        with self._writing():
            sending.begin(self._db, entry.id, self._owner, self._now())
        faults.point("sender.sending")

    def _uncertain(self, entry: Entry) -> None:
        now = self._now()
        with self._writing():
            sending.uncertain(self._db, entry.id, self._owner, now)
            alerts.open_alert(self._db, Code.UNCERTAIN, now, message=entry.message)
        events.reply_ended(entry.id, State.UNCERTAIN, entry.attempts + 1, 0)

    def _record(
        self, mailbox: str, entry: Entry, outcome: Outcome, is_enough: Callable[[], bool]
    ) -> tuple[State | None, Due]:
        """Write down an answer and, in the same transaction, claim the next reply.

        The state is None where the reply has another one already: staff held it meanwhile, say.
        Where a copy is to be filed none is claimed: that takes as long as a server likes, and
        the last look at a reply comes right before it goes. Should claiming fail, the answer is
        kept and written down alone in the next pass.
        """
        self._unrecorded[entry.id] = (entry, outcome)
        with self._writing():
            state = None
            with suppress(Conflict):
                state = self._write_down(entry, outcome)
            files = state is State.SENT and self._copy is not None
            is_last = outcome.server_left or files or is_enough()
            found = Due() if is_last else self._claim(mailbox)
        del self._unrecorded[entry.id]
        faults.point("sender.recorded")
        if state is not None:
            events.reply_ended(entry.id, state, entry.attempts + 1, outcome.code)
        return state, found

    def _write_down(self, entry: Entry, outcome: Outcome) -> State:
        """Write down an answer within the open transaction."""
        db, owner, now = self._db, self._owner, self._now()
        answer = f"{outcome.code} {outcome.text}" if outcome.code > 0 else outcome.text
        match outcome.verdict:
            case Verdict.ACCEPTED:
                sending.sent(db, entry.id, owner, answer, now)
                return State.SENT
            case Verdict.REFUSED:
                sending.failed(db, entry.id, owner, answer, now)
                return State.FAILED
            case Verdict.UNABLE:
                outbox.hold(db, entry.id, Reason.INVALID_SENDER, now, answer=answer)
                return State.HELD
            case Verdict.DEFERRED:
                due = now + BACK_OFF[min(entry.attempts, len(BACK_OFF) - 1)]
                sending.deferred(db, entry.id, owner, answer, due, now)
                return State.DEFERRED

    def _put_copy(self, mailbox: str, entry: Entry, copy: Copy) -> None:
        try:
            copy(mailbox, entry.reply, self._now())
        except InboxbotError as error:
            events.sent_copy_failed(entry.id, error)

    def _recover(self, *, alone: bool) -> None:
        for entry, outcome in list(self._unrecorded.values()):
            with suppress(Conflict), self._writing():
                self._write_down(entry, outcome)
            del self._unrecorded[entry.id]
        now = self._now()
        with self._writing():
            recovered = sending.recover(self._db, self._owner, now, alone=alone)
            for message in sending.letters(self._db, recovered.uncertain):
                alerts.open_alert(self._db, Code.UNCERTAIN, now, message=message)
        if recovered.queued or recovered.uncertain:
            events.replies_recovered(len(recovered.queued), len(recovered.uncertain))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with write(self._db):
                yield
        except TransientError as error:
            raise StoreBusyError(str(error)) from error

    def _server_failed(self, mailbox: str, error: InboxbotError) -> None:
        """Pause a server that takes nothing, and tell staff."""
        wait = self._pauses.add(mailbox, hard=not isinstance(error, TransientError))
        match error:
            case TokenError():
                code = Code.TOKEN
            case AuthenticationError():
                code = Code.AUTHENTICATION
            case _:
                code = Code.MAIL_OUT_FAILED
        now = self._now()
        with self._writing():
            settings.put(self._db, _error_of(mailbox), str(error))
            alerts.open_alert(self._db, code, now, detail=_server_of(mailbox))
        events.mail_server_failed(mailbox, error, wait)

    def _server_works(self, mailbox: str) -> None:
        self._pauses.end(mailbox)
        if settings.get(self._db, _error_of(mailbox)) is None:
            return
        with self._writing():
            settings.put(self._db, _error_of(mailbox), None)
            for code in _OF_THE_SERVER:
                alerts.end(self._db, code, self._now(), detail=_server_of(mailbox))


def last_error(db: Database, mailbox: str) -> str | None:
    """Return why the mail server of a mailbox takes no replies, or None where it does."""
    return settings.get(db, _error_of(mailbox))


def _error_of(mailbox: str) -> str:
    return f"mail_out_error {mailbox}"


def _server_of(mailbox: str) -> str:
    return f"{mailbox}, outgoing"
