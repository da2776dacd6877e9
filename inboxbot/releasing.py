"""Whether a held acknowledgement may go when many are released at once: the limits hold again.

What one click on one letter releases is a person's decision and is not asked here. Nobody gets
two acknowledgements out of one release, or out of two that follow each other.
"""

from datetime import datetime

from inboxbot.errors import Conflict
from inboxbot.mail.conversation import folded
from inboxbot.memory import with_counts
from inboxbot.reply.case import History, Rules
from inboxbot.reply.gate import limit_hits
from inboxbot.store import breaker, conversations, limits, mailboxes, replies
from inboxbot.store.replies import SentReply
from inboxbot.store.reviews import Review, State
from inboxbot.store.sqlite import Database


def must_fit(db: Database, reply: SentReply, review: Review, rules: Rules, now: datetime) -> None:
    """Raise `Conflict` with the reason where this acknowledgement may not go with the others.

    The limits are those of the letter's mailbox. They are asked within the caller's transaction,
    so that two cannot both be the last that fits.
    """
    rules = rules.on(mailboxes.of_letter(db, review.id))
    if review.state is State.ANSWERED or replies.is_answered(db, review.id):
        raise Conflict(f"A person has answered letter {review.id} already.")
    if conversations.is_settled(db, review.id):
        raise Conflict(f"The conversation of letter {review.id} was acknowledged or answered.")
    if limits.released(db, folded(reply.recipient), now - rules.quiet_period, now):
        raise Conflict(f"The writer of letter {review.id} gets another acknowledgement already.")
    history = with_counts(
        db,
        History(breaker_open=breaker.holds(db, now)),
        recipient=reply.recipient,
        template=reply.template or "",
        relay=reply.relay,
        rules=rules,
        now=now,
        apart_from=reply.letter,
        held_too=False,
    )
    hits = limit_hits(reply.recipient, now, history, rules, through_form=reply.relay is not None)
    for hit in hits:
        raise Conflict(f"The limits keep that of letter {review.id} back: {hit.evidence}.")
