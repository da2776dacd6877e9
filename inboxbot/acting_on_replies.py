"""What each action does to the replies to a letter: hold, release, drop, resolve, answer.

Each returns its word for the audit, codes and numbers, and the way back, as `inboxbot.acting` does.
"""

from datetime import datetime

from inboxbot import releasing
from inboxbot.actions import Answer, Release
from inboxbot.errors import Conflict, NotPossible
from inboxbot.reply.case import Acknowledgement
from inboxbot.reply.reason import Reason
from inboxbot.store import conversations, decisions, outbox, replies, reviews, sending
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.reviews import OPEN, State
from inboxbot.store.sqlite import Database
from inboxbot.turn import Back, Turn, resent, waiting


def hold(turn: Turn) -> tuple[str, str, Back]:
    """Keep the acknowledgement back until somebody releases it."""
    reply = replies.acknowledgement(turn.db, turn.review.id)
    if reply is None:
        raise NotPossible(f"Letter {turn.review.id} has no acknowledgement that could be held.")
    if reply.state is ReplyState.HELD:
        raise NotPossible(f"The acknowledgement of letter {turn.review.id} is held already.")
    outbox.hold(turn.db, reply.id, Reason.STAFF, turn.now)
    turn.change()
    return "held", str(reply.id), (("release", reply.id, ""),)


def release(turn: Turn, action: Release) -> tuple[str, str, Back]:
    """Let the reply go that is held, or the acknowledgement that was written for it."""
    db, letter = turn.db, turn.review.id
    reply = replies.held(db, letter)
    if reply is not None and sending.awaits_look(db, reply.id):
        raise Conflict(
            f"The reply to letter {letter} may have left before the backup was restored. It is"
            " looked up in the Sent folder first, within ten minutes while the daemon runs:"
            " release it then."
        )
    back: Back
    if reply is not None and reply.kind == "answer":
        outbox.release(db, reply.id, turn.staff, turn.now)
        row, back = reply.id, (("put_back", reply.id, reply.reason or ""),)
    elif replies.is_answered(db, letter):
        raise NotPossible(f"A person has answered letter {letter} already.")
    else:
        row, back = _release_acknowledgement(turn, action, reply)
    replies.put_off(db, row, turn.now + action.delay)
    turn.change()
    return "released", str(row), back


def _release_acknowledgement(
    turn: Turn, action: Release, reply: replies.SentReply | None
) -> tuple[int, Back]:
    """Let the acknowledgement go that is held; where there never was one, the one `written`."""
    db, letter = turn.db, turn.review.id
    back: Back
    if reply is not None:
        if action.rules is not None:
            releasing.must_fit(db, reply, turn.review, action.rules, turn.now)
        if outbox.is_of_another_kind(db, letter, reply.template, turn.review.category):
            _write_anew(turn, action, reply)
        outbox.release(db, reply.id, turn.staff, turn.now)
        row, back = reply.id, (("put_back", reply.id, reply.reason or ""),)
    elif replies.acknowledgement(db, letter) is not None:
        raise NotPossible(f"The acknowledgement of letter {letter} is not held any more.")
    else:
        if action.written is None or action.rules is not None:
            raise NotPossible(f"Letter {letter} has no reply that is held.")
        row = _put_in_outbox(turn, action.written(letter))
        back = (("unwrite", row, ""),)
    return row, back + _verdict(turn, released=True)


def _write_anew(turn: Turn, action: Release, reply: replies.SentReply) -> None:
    """Write a held acknowledgement for the category that staff say, which has its own words."""
    if action.written is None or action.rules is not None:
        raise NotPossible(
            f"Letter {turn.review.id} is of another kind than its acknowledgement was written for;"
            " release it by itself, and it is written anew."
        )
    written = action.written(turn.review.id)
    outbox.rewrite(
        turn.db,
        reply.id,
        written.reply,
        template=written.template,
        template_version=written.version,
        now=turn.now,
    )


def _put_in_outbox(turn: Turn, written: Acknowledgement) -> int:
    return outbox.add(
        turn.db,
        message=turn.review.id,
        kind="acknowledgement",
        reply=written.reply,
        template=written.template,
        template_version=written.version,
        in_reply_to=written.in_reply_to,
        created_by=turn.staff,
        now=turn.now,
    )


def drop(turn: Turn) -> tuple[str, str, Back]:
    """Decide that the held reply is never sent."""
    reply = replies.held(turn.db, turn.review.id)
    if reply is None:
        raise NotPossible(f"No reply to letter {turn.review.id} is held.")
    outbox.cancel(turn.db, reply.id, Reason.STAFF, turn.now)
    back: Back = (("put_back", reply.id, reply.reason or ""),)
    if reply.kind == "acknowledgement":
        turn.change()
        return "dropped", str(reply.id), back + _verdict(turn, released=False)
    if turn.review.state is State.ANSWERED and not replies.is_answered(turn.db, turn.review.id):
        turn.change(state=State.REOPENED)  # Nobody has answered it after all.
    else:
        turn.change()
    return "dropped", str(reply.id), back


def _verdict(turn: Turn, *, released: bool) -> Back:
    """Store whether the gate was right, where it was the gate that kept the reply back."""
    recorded = decisions.recorded(turn.db, turn.review.id)
    if recorded is None or recorded.reason is None:
        return ()
    row = reviews.add_verdict(
        turn.db,
        turn.review.id,
        turn.staff,
        recorded.reason,
        released=released,
        now=turn.now,
    )
    return (("verdict", row, ""),)


def resolve(turn: Turn, reply: int, *, sent: bool, again: bool) -> tuple[str, str, Back]:
    """Say what became of a reply of which nobody knows whether it left."""
    known = replies.get(turn.db, reply)
    if known is None or known.letter != turn.review.id:
        raise NotPossible(f"Letter {turn.review.id} has no reply {reply}.")
    if sent:
        outbox.was_sent(turn.db, reply, turn.now)
        word = "sent"
    elif again:
        outbox.send_again(turn.db, reply, turn.staff, turn.now)
        word = "again"
    else:
        outbox.cancel(turn.db, reply, Reason.STAFF, turn.now)
        word = "given up"
    turn.change()
    return "resolved", f"{reply} {word}", ()


def answer(turn: Turn, answer: Answer) -> tuple[str, str, Back]:
    """Put a person's answer in the outbox."""
    dropped = waiting(turn)
    row = outbox.add(
        turn.db,
        message=turn.review.id,
        kind="answer",
        reply=answer.reply,
        in_reply_to=answer.in_reply_to,
        created_by=turn.staff,
        now=turn.now,
    )
    replies.put_off(turn.db, row, turn.now + answer.delay)
    turn.change(state=State.ANSWERED, snoozed_until=None, assignee=turn.staff)
    again = resent(dropped, Reason.IN_CONVERSATION)
    return "answered", str(row), (("unwrite", row, ""), *again)


def resend(db: Database, row: int, reason: str, staff: str, now: datetime) -> None:
    """Let an acknowledgement go that the sender dropped for what is taken back now."""
    reply = replies.get(db, row)
    if reply is None or (reply.state, reply.reason) != (ReplyState.CANCELLED, reason):
        return
    letter = reviews.get(db, reply.letter)
    if letter is None or letter.state not in OPEN or replies.is_answered(db, letter.id):
        return
    if not conversations.is_settled(db, letter.id):
        replies.put_back(db, row, reason, now)
        outbox.release(db, row, staff, now)
