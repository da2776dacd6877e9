"""What each action does to one letter, and the way back from it.

An action changes the letter, and says in codes what the audit notes and what an undo does; those
of the way back are written and understood here alone. The transaction is the caller's.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from inboxbot import releasing
from inboxbot.actions import (
    Action,
    AddNote,
    Answer,
    Claim,
    Close,
    Confirm,
    Correct,
    Drop,
    Hold,
    Merge,
    Release,
    Renew,
    Reopen,
    Resolve,
    Settle,
    Snooze,
    Split,
    Tag,
    Unclaim,
    Untag,
    Wake,
)
from inboxbot.classify.category import Category
from inboxbot.errors import Conflict, NotAllowed, NotPossible
from inboxbot.frozen import dataclass
from inboxbot.reply.case import Acknowledgement
from inboxbot.reply.reason import Reason
from inboxbot.store import (
    conversations,
    decisions,
    mailboxes,
    outbox,
    people,
    replies,
    reviews,
    sending,
    tags,
    users,
)
from inboxbot.store.database import stamp
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.reviews import OPEN, Review, State
from inboxbot.store.sqlite import Database

NOTE_LIMIT = 20_000
_TAG = re.compile(r"\w[\w -]{0,29}\Z")


@dataclass(frozen=True, slots=True)
class Turn:
    """One letter's turn: what an action may look at and write with."""

    db: Database
    review: Review
    staff: str
    now: datetime

    def change(self, **values: object) -> None:
        """Set columns of the letter's review."""
        reviews.change(self.db, self.review.id, self.now, **values)


# Kind, row, and a text that the kind needs.
Back = tuple[tuple[str, int, str], ...]


def apply(action: Action, turn: Turn) -> tuple[str, str, Back]:
    """Do the action; return its word for the audit, codes and numbers, and the way back."""
    match action:
        case Claim(assignee):
            return _claim(turn, assignee or turn.staff)
        case Unclaim():
            turn.change(assignee=None, state=_unclaimed(turn.review.state))
            return "unclaimed", "", ()
        case Correct(category, why):
            return _set_category(turn, category, why)
        case Settle(category):
            _must_be_open(turn.review)
            _, _, back = _set_category(turn, category, "")
            return "settled", category, back + _close(turn, "done")
        case Renew():
            _must_be_open(turn.review)
            turn.change(state=State.NEW, assignee=None, confirmed_at=None, snoozed_until=None)
            return "renewed", "", ()
        case Confirm():
            return _set_category(turn, turn.review.category, "")
        case Close(as_):
            _must_be_open(turn.review)
            return "closed", as_, _close(turn, as_)
        case Reopen():
            if turn.review.state in OPEN:
                raise NotPossible(f"Letter {turn.review.id} is open already.")
            turn.change(state=State.REOPENED, closed_as=None)
            return "reopened", "", ()
        case Snooze(until):
            _must_be_open(turn.review)
            if until <= turn.now:
                raise NotPossible("Choose a time that is still to come.")
            turn.change(snoozed_until=stamp(until))
            return "snoozed", stamp(until), ()
        case Wake():
            turn.change(snoozed_until=None)
            return "woken", "", ()
        case AddNote(text):
            return _add_note(turn, text)
        case Tag(name):
            return _tag(turn, name)
        case Untag(name):
            if not tags.remove(turn.db, turn.review.id, name):
                raise NotPossible(f"Letter {turn.review.id} has no such tag.")
            turn.change()
            return "untagged", "", (("tag", turn.review.id, name),)
        case Merge(into):
            return _merge(turn, into)
        case Split():
            return _split(turn)
        case Hold():
            return _hold(turn)
        case Release():
            return _release(turn, action)
        case Drop():
            return _drop(turn)
        case Resolve(reply, sent, again):
            return _resolve(turn, reply, sent=sent, again=again)
        case Answer():
            return _answer(turn, action)


def _must_be_open(review: Review) -> None:
    if review.state not in OPEN:
        raise NotPossible(f"Letter {review.id} is answered or done already; reopen it first.")


def _close(turn: Turn, as_: str) -> Back:
    turn.change(state=State.CLOSED, closed_as=as_, snoozed_until=None)
    reply = replies.acknowledgement(turn.db, turn.review.id)
    if reply is None or reply.id not in _waiting(turn):
        return ()
    return _resent([reply.id], Reason.STAFF)


def _waiting(turn: Turn) -> list[int]:
    conversation = conversations.of_letter(turn.db, turn.review.id)
    return [] if conversation is None else conversations.waiting(turn.db, conversation)


def _resent(waiting: Sequence[int], reason: Reason) -> Back:
    """Return the way back for acknowledgements that the sender may drop by then for `reason`."""
    return tuple(("resend", reply, reason) for reply in waiting)


def _unclaimed(state: State) -> State:
    return State.NEW if state is State.CLAIMED else state


def _claim(turn: Turn, assignee: str) -> tuple[str, str, Back]:
    _must_be_open(turn.review)
    given = users.named(turn.db, assignee) if assignee != turn.staff else None
    if given and not given.may_work_on(mailboxes.of_letter(turn.db, turn.review.id)):
        raise NotPossible(f"This colleague may not open letter {turn.review.id}.")
    turn.change(assignee=assignee, state=State.CLAIMED, snoozed_until=None)
    return "claimed", "" if assignee == turn.staff else f"for {assignee}", ()


def _set_category(turn: Turn, category: Category, why: str) -> tuple[str, str, Back]:
    before = turn.review.category
    row = reviews.add_correction(
        turn.db, turn.review.id, turn.staff, before, category, why, turn.now
    )
    turn.change(category=category, confirmed_at=stamp(turn.now))
    back: Back = (("correction", row, ""),)
    if category is before:
        return "confirmed", category, back
    return "corrected", f"{before} -> {category}", back


def _add_note(turn: Turn, text: str) -> tuple[str, str, Back]:
    text = text.strip()
    if not text:
        raise NotPossible("A note needs some words.")
    if len(text) > NOTE_LIMIT:
        raise NotPossible("This note is too long: it was not added. Make two of it.")
    row = reviews.add_note(turn.db, turn.review.id, turn.staff, text, turn.now)
    turn.change()
    return "noted", str(row), (("note", row, ""),)


def _tag(turn: Turn, typed: str) -> tuple[str, str, Back]:
    name = " ".join(typed.casefold().split())
    if not _TAG.match(name):
        raise NotPossible("A tag is a word or two: letters, numbers, dash, at most 30 of them.")
    if not tags.add(turn.db, turn.review.id, name):
        raise NotPossible(f"Letter {turn.review.id} has this tag already.")
    turn.change()
    return "tagged", "", (("untag", turn.review.id, name),)


def _merge(turn: Turn, into: int) -> tuple[str, str, Back]:
    db, letter = turn.db, turn.review.id
    mine, other = conversations.with_writer(db, letter), conversations.with_writer(db, into)
    if mine is None:
        raise NotPossible(f"Nobody knows who wrote letter {letter}: it goes with no other.")
    if other is None or other.writer not in people.person(db, mine.writer).addresses:
        raise NotPossible(f"There is no letter {into} of the same person.")
    if other.id == mine.id:
        raise NotPossible(f"Letters {letter} and {into} lie in one conversation already.")
    conversations.move(db, letter, other.id)
    turn.change()
    again = _resent(conversations.waiting(db, other.id), Reason.IN_CONVERSATION)
    return "merged", f"into {into}", (("conversation", letter, str(mine.id)), *again)


def _split(turn: Turn) -> tuple[str, str, Back]:
    db, letter = turn.db, turn.review.id
    mine = conversations.with_writer(db, letter)
    if mine is None or conversations.size(db, mine.id) < 2:
        raise NotPossible(f"Letter {letter} is in no conversation with others.")
    conversations.move(db, letter, conversations.start(db, mine.writer, turn.now))
    turn.change()
    return "split", "", (("conversation", letter, str(mine.id)),)


def _hold(turn: Turn) -> tuple[str, str, Back]:
    reply = replies.acknowledgement(turn.db, turn.review.id)
    if reply is None:
        raise NotPossible(f"Letter {turn.review.id} has no acknowledgement that could be held.")
    if reply.state is ReplyState.HELD:
        raise NotPossible(f"The acknowledgement of letter {turn.review.id} is held already.")
    outbox.hold(turn.db, reply.id, Reason.STAFF, turn.now)
    turn.change()
    return "held", str(reply.id), (("release", reply.id, ""),)


def _release(turn: Turn, action: Release) -> tuple[str, str, Back]:
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


def _drop(turn: Turn) -> tuple[str, str, Back]:
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


def _resolve(turn: Turn, reply: int, *, sent: bool, again: bool) -> tuple[str, str, Back]:
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


def _answer(turn: Turn, answer: Answer) -> tuple[str, str, Back]:
    waiting = _waiting(turn)
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
    again = _resent(waiting, Reason.IN_CONVERSATION)
    return "answered", str(row), (("unwrite", row, ""), *again)


def go_back(db: Database, back: Back, *, staff: str, now: datetime) -> None:
    """Take back what an action did beside the columns of the review."""
    for kind, row, text in back:
        match kind:
            case "correction":
                reviews.take_back_correction(db, row)
            case "verdict":
                reviews.take_back_verdict(db, row)
            case "note":
                reviews.remove_note(db, row, staff)
            case "tag":
                tags.add(db, row, text)
            case "untag":
                tags.remove(db, row, text)
            case "conversation":
                conversations.move(db, row, int(text))
            case "resend":
                _resend(db, row, text, staff, now)
            case "release":
                outbox.release(db, row, staff, now)
            case "put_back":
                replies.put_back(db, row, text or None, now)
            case "unwrite":
                replies.remove_unsent(db, row)
            case _:
                raise NotAllowed(f"There is no way back from {kind}.")


def _resend(db: Database, row: int, reason: str, staff: str, now: datetime) -> None:
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
