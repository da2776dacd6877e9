"""What follows from a decision beyond the reply: alerts, the breaker, a reply that came back.

Within the deciding transaction: what staff must know is stored with the decision, or not at all.
"""

from datetime import datetime, timedelta

from inboxbot import events
from inboxbot.mail import compose
from inboxbot.mail.message import Message
from inboxbot.reply.policy import Case, Decision, History, Rules
from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store import alerts, breaker, conversations, limits, outbox, reviews, sending
from inboxbot.store.alerts import Alert, Code
from inboxbot.store.database import write
from inboxbot.store.messages import Undecided
from inboxbot.store.sqlite import Database

# After so long our own letters no longer come back to us, and a rebuilt mailbox is read again.
CALM = timedelta(hours=24)

# An acknowledgement that comes later than this helps nobody: a person answers instead.
HELD_FOR = timedelta(hours=24)

# No person tells of danger in these; every other letter may be a person's, answered or not.
_NO_PERSON = frozenset(
    {
        Reason.BASELINE,
        Reason.OWN_ADDRESS,
        Reason.NULL_RETURN_PATH,
        Reason.LOOP,
        Reason.AUTO_SUBMITTED,
        Reason.AUTO_REPLY_HEADER,
        Reason.BULK_PRECEDENCE,
        Reason.LIST_MAIL,
        Reason.NO_REPLY_ADDRESS,
        Reason.SYSTEM_ADDRESS,
        Reason.BOUNCE,
        Reason.READ_RECEIPT,
        Reason.CALENDAR,
        Reason.SPAM,
        Reason.AUTO_REPLY_SUBJECT,
        Reason.CHALLENGE_RESPONSE,
    }
)


def settle(db: Database, now: datetime) -> None:
    """Close what is over, within a transaction of its own.

    That is the breaker whose probe was sent, what it held for too long, and alerts that time or
    the staff have seen to. Raises `TransientError` where the database cannot be written now.
    """
    over = _over(db, now)
    old = outbox.held(db, Reason.BREAKER_OPEN, before=now - HELD_FOR)
    if not over and not old and breaker.state(db) is None:
        return
    with write(db):
        breaker.settle(db, now)
        outbox.too_old(db, old, now)
        for alert in over:
            alerts.end(db, alert.code, now, message=alert.message_id, detail=alert.detail)
    if old:
        events.held_too_long(len(old))


def swept(db: Database, mailbox: str, missing: int, now: datetime) -> None:
    """Tell staff of letters that no poll had seen, until a sweep of the mailbox finds none.

    Within the caller's transaction.
    """
    if missing:
        alerts.open_alert(db, Code.MISSING, now, detail=mailbox)
    else:
        alerts.end(db, Code.MISSING, now, detail=mailbox)


def _over(db: Database, now: datetime) -> list[Alert]:
    """Return the alerts whose matter has come to rest, or that staff have seen to."""
    found = alerts.unfinished(db)
    codes = {alert.code for alert in found}
    urgent = [alert.message_id for alert in found if alert.code is Code.URGENT and alert.message_id]
    still_open = reviews.still_open(db, urgent)
    cut_short = reviews.cut_short(db) if Code.OVERSIZE in codes else set()
    held = Code.UIDVALIDITY in codes and bool(outbox.held(db, Reason.UIDVALIDITY))

    def is_over(alert: Alert) -> bool:
        match alert.code:
            case Code.LOOP:
                return now - alert.at > CALM
            case Code.UIDVALIDITY:
                return now - alert.at > CALM and not held
            case Code.OVERSIZE:
                return alert.detail not in cut_short
            case Code.URGENT:
                return alert.message_id not in still_open
        return False

    return [alert for alert in found if is_over(alert)]


def link_bounce(
    db: Database, stored: Undecided, message: Message, decision: Decision, now: datetime
) -> bool:
    """Link a bounce to our reply that came back; staff see the letter that it was for again."""
    if all(hit.reason is not Reason.BOUNCE for hit in decision.hits):
        return False
    for returned in compose.returned_message_ids(message, stored.raw):
        reply = limits.link_bounce(db, message=stored.id, rfc_message_id=returned, now=now)
        if reply is None:
            continue
        for letter in sending.letters(db, [reply]):
            conversation = conversations.of_letter(db, letter)
            if conversation is not None:
                reviews.reopen(db, conversation, now, except_for=stored.id)
        return True
    return False


def tell(
    db: Database, message: int, case: Case, decision: Decision, rules: Rules, now: datetime
) -> tuple[str, ...]:
    """Tell staff what cannot wait; return the urgent flags where a person may be in danger."""
    if any(hit.reason is Reason.LOOP for hit in decision.hits):
        alerts.open_alert(db, Code.LOOP, now)
    cause = _breaks(decision, case.history, rules)
    if cause is not None:
        breaker.trip(db, cause, now)
    machine = any(
        hit.reason in _NO_PERSON and hit.disposition is Disposition.SUPPRESS
        for hit in decision.hits
    )
    if machine or not case.classification.urgent:
        return ()
    if case.history.has_twin and alerts.told_of_twin(db, message):
        return ()
    alerts.open_alert(db, Code.URGENT, now, message=message)
    return tuple(flag.code for flag in case.classification.urgent)


def _breaks(decision: Decision, history: History, rules: Rules) -> str | None:
    """Return what opens the breaker now: the limit is reached, or too much came back."""
    hits = sum(hit.reason is Reason.BREAKER_OPEN for hit in decision.hits)
    full = (history.hour >= rules.per_hour) + (history.day >= rules.per_day)
    if hits > full + bool(history.breaker_open):
        return breaker.BOUNCES
    return breaker.LIMIT if full and decision.disposition is not Disposition.SUPPRESS else None
