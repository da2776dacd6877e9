"""The last look at a reply before it goes: what may no longer go is kept, the rest is claimed.

Much may have changed since the reply was decided on. All is judged as of now and within the
caller's transaction, so that nothing can change between the look and the claim.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inboxbot.frozen import dataclass
from inboxbot.mail.message import Reply
from inboxbot.reply.reason import Reason
from inboxbot.store import breaker, conversations, limits, outbox, sending, settings
from inboxbot.store.outbox import State
from inboxbot.store.sending import Entry
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database

if TYPE_CHECKING:
    from inboxbot.reply.case import Acknowledgement

MAX_WAIT = timedelta(hours=24)

WrittenAnew = Callable[[int], "Acknowledgement | Reason"]


@dataclass(frozen=True, slots=True)
class Due:
    """What a look at the outbox found: a reply that is claimed now, or was `kept`, or nothing."""

    entry: Entry | None = None
    kept: tuple[State, str] | None = None


def claim_next(
    db: Database, mailbox: str, *, owner: str, written_anew: WrittenAnew, now: datetime
) -> Due:
    """Claim the next reply of a mailbox for `owner`; one that may no longer go is kept.

    While sending is paused, which may begin in the midst of a pass, none is claimed or kept.
    `written_anew` writes the acknowledgement of a letter for the category that staff say, or says
    why not.
    """
    entry = sending.next_due(db, mailbox, now)
    mode = settings.mode(db)
    if entry is None or mode is Mode.PAUSED:
        return Due()
    kept = _keep(db, entry, mode, now)
    if kept is not None:
        return Due(entry, kept)
    reply = _in_its_words(db, entry, written_anew, now)
    if isinstance(reply, Reason):
        outbox.hold(db, entry.id, reply, now)
        return Due(entry, (State.HELD, reply))
    sending.claim(db, entry.id, owner, now)
    return Due(replace(entry, reply=reply))


def _keep(db: Database, entry: Entry, mode: Mode, now: datetime) -> tuple[State, str] | None:
    """Hold, cancel or give up what may no longer go; None where it may go.

    What a person has written or released is that person's decision: only the mode, the time and
    whether its bytes are whole count for it.
    """
    is_late = now - entry.waiting_since > MAX_WAIT
    if is_late and entry.state is State.DEFERRED:
        sending.gave_up(db, entry.id, now)
        return State.FAILED, Reason.TOO_OLD
    reason: Reason | None = None
    if mode is Mode.SHADOW:
        reason = Reason.SHADOW
    elif not entry.reply.raw:  # Its stored bytes are damaged.
        reason = Reason.COMPOSE_MISMATCH
    elif is_late:
        reason = Reason.TOO_OLD
    elif entry.created_by is None:
        settled = _settled(db, entry)
        if settled is not None:
            outbox.cancel(db, entry.id, settled, now)
            return State.CANCELLED, settled
        reason = _limited(db, entry, now)
    if reason is None:
        return None
    outbox.hold(db, entry.id, reason, now)
    return State.HELD, reason


def _settled(db: Database, entry: Entry) -> Reason | None:
    """Say why nobody waits for this acknowledgement any more, or None where somebody does."""
    if entry.review == "closed":
        return Reason.STAFF
    answered = entry.review == "answered" or entry.answered
    if answered or conversations.is_settled(db, entry.message):
        return Reason.IN_CONVERSATION
    return None


def _limited(db: Database, entry: Entry, now: datetime) -> Reason | None:
    """Say which limit keeps this acknowledgement back now, or None."""
    if limits.suppressed(db, entry.recipient_key, now):
        return Reason.ADDRESS_BLOCKED
    return Reason.BREAKER_OPEN if _breaker_holds(db, entry, now) else None


def _breaker_holds(db: Database, entry: Entry, now: datetime) -> bool:
    state = breaker.state(db)
    # Replies that had their place within the limit before it was reached keep it.
    if state is None or state.cause == breaker.LIMIT or state.probe == entry.id:
        return False
    return breaker.holds(db, now) != ""


def _in_its_words(
    db: Database, entry: Entry, written_anew: WrittenAnew, now: datetime
) -> Reply | Reason:
    """Return what goes out: written anew where staff say meanwhile that it is of another kind.

    A question on medicines never leaves without its warning.
    """
    if not outbox.is_of_another_kind(db, entry.message, entry.template, entry.category):
        return entry.reply
    written = written_anew(entry.message)
    if isinstance(written, Reason):
        return written
    outbox.rewrite(
        db,
        entry.id,
        written.reply,
        template=written.template,
        template_version=written.version,
        now=now,
    )
    return written.reply
