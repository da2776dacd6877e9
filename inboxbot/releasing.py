"""Whether a held acknowledgement may go when many are released at once: the limits hold again.

What one click on one letter releases is a person's decision and is not asked here. Nobody gets
two acknowledgements out of one release, or out of two that follow each other.
"""

from datetime import datetime

from inboxbot.errors import Conflict
from inboxbot.mail.conversation import domain_of, folded
from inboxbot.reply.case import History, Rules
from inboxbot.reply.gate import limit_hits
from inboxbot.store import breaker, decisions, limits
from inboxbot.store.replies import SentReply
from inboxbot.store.reviews import Review, State
from inboxbot.store.sqlite import Database


def must_fit(db: Database, reply: SentReply, review: Review, rules: Rules, now: datetime) -> None:
    """Raise `Conflict` with the reason where this acknowledgement may not go with the others.

    Within the caller's transaction, so that two cannot both be the last that fits.
    """
    if review.state is State.ANSWERED:
        raise Conflict(f"A person has answered letter {review.id} already.")
    key = folded(reply.recipient)
    if limits.released(db, key, now - rules.quiet_period):
        raise Conflict(f"The writer of letter {review.id} gets another acknowledgement already.")
    hits = limit_hits(
        reply.recipient,
        now,
        _history(db, reply, rules, now),
        rules,
        through_form=reply.relay is not None,
    )
    for hit in hits:
        raise Conflict(f"The limits keep that of letter {review.id} back: {hit.evidence}.")


def _history(db: Database, reply: SentReply, rules: Rules, now: datetime) -> History:
    key = folded(reply.recipient)
    counts = limits.reserved(
        db,
        recipient_key=key,
        recipient_domain=domain_of(reply.recipient),
        relay=reply.relay,
        now=now,
        apart_from=reply.letter,
        judged_since=breaker.last_opened_at(db),
        held_too=False,
    )
    return History(
        same_kind_at=decisions.last_of_kind(
            db,
            reply.recipient,
            reply.template or "",
            now,
            rules.quiet_period,
            apart_from=reply.letter,
            held_too=False,
        ),
        address_day=counts.address_day,
        address_week=counts.address_week,
        relay_hour=counts.relay_hour,
        domain_hour=counts.domain_hour,
        hour=counts.hour,
        day=counts.day,
        bounces_hour=counts.bounces_hour,
        recent_sent=counts.recent_sent,
        recent_bounced=counts.recent_bounced,
        breaker_open=breaker.holds(db, now),
        blocked=limits.suppressed(db, key, now) or "",
    )
