"""What each action does to one letter, and the way back from it.

An action changes the letter, and says in codes what the audit notes and what an undo does; those
of the way back are understood here alone. The transaction is the caller's.
"""

import re
from datetime import datetime

from inboxbot import acting_on_replies
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
from inboxbot.errors import NotAllowed, NotPossible
from inboxbot.reply.reason import Reason
from inboxbot.store import (
    conversations,
    mailboxes,
    outbox,
    people,
    replies,
    reviews,
    tags,
    users,
)
from inboxbot.store.database import stamp
from inboxbot.store.reviews import OPEN, Review, State
from inboxbot.store.sqlite import Database
from inboxbot.turn import Back, Turn, resent, waiting

NOTE_LIMIT = 20_000
_TAG = re.compile(r"\w[\w -]{0,29}\Z")


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
            return acting_on_replies.hold(turn)
        case Release():
            return acting_on_replies.release(turn, action)
        case Drop():
            return acting_on_replies.drop(turn)
        case Resolve(reply, sent, again):
            return acting_on_replies.resolve(turn, reply, sent=sent, again=again)
        case Answer():
            return acting_on_replies.answer(turn, action)


def _must_be_open(review: Review) -> None:
    if review.state not in OPEN:
        raise NotPossible(f"Letter {review.id} is answered or done already; reopen it first.")


def _close(turn: Turn, as_: str) -> Back:
    turn.change(state=State.CLOSED, closed_as=as_, snoozed_until=None)
    reply = replies.acknowledgement(turn.db, turn.review.id)
    if reply is None or reply.id not in waiting(turn):
        return ()
    return resent([reply.id], Reason.STAFF)


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
    again = resent(conversations.waiting(db, other.id), Reason.IN_CONVERSATION)
    return "merged", f"into {into}", (("conversation", letter, str(mine.id)), *again)


def _split(turn: Turn) -> tuple[str, str, Back]:
    db, letter = turn.db, turn.review.id
    mine = conversations.with_writer(db, letter)
    if mine is None or conversations.size(db, mine.id) < 2:
        raise NotPossible(f"Letter {letter} is in no conversation with others.")
    conversations.move(db, letter, conversations.start(db, mine.writer, turn.now))
    turn.change()
    return "split", "", (("conversation", letter, str(mine.id)),)


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
                acting_on_replies.resend(db, row, text, staff, now)
            case "release":
                outbox.release(db, row, staff, now)
            case "put_back":
                replies.put_back(db, row, text or None, now)
            case "unwrite":
                replies.remove_unsent(db, row)
            case _:
                raise NotAllowed(f"There is no way back from {kind}.")
