"""What staff can do with letters; the web app and the command line are two thin faces of it.

Every action on every letter is one transaction: the version is checked, the letter changes, the
audit gets its row and the way back is stored, all or nothing. What somebody else changed since
the page was shown is never overwritten.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inboxbot import releasing
from inboxbot.actions import (
    Acknowledgement,
    Action,
    AddNote,
    Answer,
    Claim,
    Close,
    Confirm,
    Correct,
    Drop,
    Hold,
    Release,
    Renew,
    Reopen,
    Resolve,
    Settle,
    Snooze,
    Tag,
    Unclaim,
    Untag,
    Wake,
)
from inboxbot.classify.category import Category
from inboxbot.errors import Conflict, NotAllowed, PermanentError
from inboxbot.reply.reason import Reason
from inboxbot.store import audit, decisions, outbox, replies, reviews, tags, undo
from inboxbot.store.database import stamp, write
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.reviews import OPEN, Review, State
from inboxbot.store.sqlite import Database
from inboxbot.store.undo import Item

NOTE_LIMIT = 20_000
_TAG = re.compile(r"\w[\w -]{0,29}\Z")


class NoSuchLetter(PermanentError):  # noqa: N818  (it is what happened)
    """There is no letter of that number in the queue."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to act on; `version` is the one that was shown, None for whatever it is now."""

    id: int
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What an action came to: letters done, letters that could not be, and the way back.

    `again` says that this very form was sent before: nothing was done twice.
    """

    token: str
    letters: tuple[int, ...]
    refused: dict[int, str] = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Turn:
    """One letter's turn: what an action may look at and write with."""

    db: Database
    review: Review
    staff: str
    now: datetime

    def change(self, **values: object) -> None:
        """Set columns of the letter's review."""
        reviews.change(self.db, self.review.id, self.now, **values)


Back = tuple[tuple[str, int, str], ...]


def perform(
    db: Database,
    action: Action,
    letters: Sequence[Letter],
    *,
    staff: str,
    now: datetime,
    token: str | None = None,
) -> Done:
    """Do `action` with each letter; one undo takes back all of it.

    With one letter, raises `Conflict` where somebody changed it meanwhile or it cannot be done
    in its state, and `NoSuchLetter`. With several, those are in `refused` and the others are done.
    """
    token = token or undo.new_token()
    items: list[Item] = []
    refused: dict[int, str] = {}
    with write(db):
        before = undo.get(db, token)
        if before is not None:
            return Done(token, tuple(item.letter for item in before.items), again=True)
        for letter in letters:
            db.execute("SAVEPOINT letter")
            try:
                items.append(_one(db, action, letter, staff, now))
            except (Conflict, NoSuchLetter) as error:
                db.execute("ROLLBACK TO letter")
                if len(letters) == 1:
                    raise
                refused[letter.id] = str(error)
            db.execute("RELEASE letter")
        if items:
            undo.add(db, token, staff, type(action).__name__, items, now)
    return Done(token, tuple(item.letter for item in items), refused)


def take_back(db: Database, token: str, *, staff: str, now: datetime) -> Done:
    """Take an action back, in every letter that nobody changed since.

    Raises `Conflict` where the time for it is over or nothing could be taken back.
    """
    done: list[int] = []
    refused: dict[int, str] = {}
    with write(db):
        step = undo.get(db, token)
        if step is None or not step.may_be_undone(staff, now):
            raise Conflict("This can no longer be undone.")
        for item in reversed(step.items):
            db.execute("SAVEPOINT letter")
            try:
                _take_back_one(db, item, step.action, staff, now)
                done.append(item.letter)
            except (Conflict, NoSuchLetter) as error:
                db.execute("ROLLBACK TO letter")
                refused[item.letter] = str(error)
            db.execute("RELEASE letter")
        if not done:
            raise Conflict(next(iter(refused.values()), "This can no longer be undone."))
        undo.use(db, token, now)
    return Done(token, tuple(done), refused)


def _one(db: Database, action: Action, letter: Letter, staff: str, now: datetime) -> Item:
    review = _review(db, letter.id)
    if letter.version is not None and review.version != letter.version:
        raise Conflict(f"Letter {letter.id} was changed by somebody else meanwhile.")
    what, detail, back = _apply(action, _Turn(db, review, staff, now))
    audit.add(db, staff, what, now, message=letter.id, detail=detail)
    return Item(letter.id, _columns(review), _review(db, letter.id).version, back)


def _review(db: Database, letter: int) -> Review:
    review = reviews.get(db, letter)
    if review is None:
        raise NoSuchLetter(f"There is no letter {letter}.")
    return review


def _columns(review: Review) -> dict[str, object]:
    """Return what an undo puts back."""
    return {
        "state": review.state,
        "category": review.category,
        "assignee": review.assignee,
        "confirmed_at": stamp(review.confirmed_at) if review.confirmed_at else None,
        "snoozed_until": stamp(review.snoozed_until) if review.snoozed_until else None,
        "closed_as": review.closed_as,
    }


def _apply(action: Action, turn: _Turn) -> tuple[str, str, Back]:
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
            turn.change(state=State.CLOSED, closed_as="done", snoozed_until=None)
            return "settled", category, back
        case Renew():
            _must_be_open(turn.review)
            turn.change(state=State.NEW, assignee=None, confirmed_at=None, snoozed_until=None)
            return "renewed", "", ()
        case Confirm():
            return _set_category(turn, turn.review.category, "")
        case Close(as_):
            _must_be_open(turn.review)
            turn.change(state=State.CLOSED, closed_as=as_, snoozed_until=None)
            return "closed", as_, ()
        case Reopen():
            if turn.review.state in OPEN:
                raise Conflict(f"Letter {turn.review.id} is open already.")
            turn.change(state=State.REOPENED, closed_as=None)
            return "reopened", "", ()
        case Snooze(until):
            _must_be_open(turn.review)
            if until <= turn.now:
                raise Conflict("Choose a time that is still to come.")
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
                raise Conflict(f"Letter {turn.review.id} has no such tag.")
            turn.change()
            return "untagged", "", (("tag", turn.review.id, name),)
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
        raise Conflict(f"Letter {review.id} is {review.state} already; reopen it first.")


def _unclaimed(state: State) -> State:
    return State.NEW if state is State.CLAIMED else state


def _claim(turn: _Turn, assignee: str) -> tuple[str, str, Back]:
    _must_be_open(turn.review)
    turn.change(assignee=assignee, state=State.CLAIMED, snoozed_until=None)
    return "claimed", "" if assignee == turn.staff else f"for {assignee}", ()


def _set_category(turn: _Turn, category: Category, why: str) -> tuple[str, str, Back]:
    before = turn.review.category
    row = reviews.add_correction(
        turn.db, turn.review.id, turn.staff, before, category, why, turn.now
    )
    turn.change(category=category, confirmed_at=stamp(turn.now))
    back: Back = (("correction", row, ""),)
    if category is before:
        return "confirmed", category, back
    return "corrected", f"{before} -> {category}", back


def _add_note(turn: _Turn, text: str) -> tuple[str, str, Back]:
    text = text.strip()[:NOTE_LIMIT]
    if not text:
        raise Conflict("A note needs some words.")
    row = reviews.add_note(turn.db, turn.review.id, turn.staff, text, turn.now)
    turn.change()
    return "noted", str(row), (("note", row, ""),)


def _tag(turn: _Turn, typed: str) -> tuple[str, str, Back]:
    name = " ".join(typed.casefold().split())
    if not _TAG.match(name):
        raise Conflict("A tag is a word or two: letters, numbers, dash, at most 30 of them.")
    if not tags.add(turn.db, turn.review.id, name):
        raise Conflict(f"Letter {turn.review.id} has this tag already.")
    turn.change()
    return "tagged", "", (("untag", turn.review.id, name),)


def _hold(turn: _Turn) -> tuple[str, str, Back]:
    reply = replies.acknowledgement(turn.db, turn.review.id)
    if reply is None:
        raise Conflict(f"Letter {turn.review.id} has no acknowledgement that could be held.")
    if reply.state is ReplyState.HELD:
        raise Conflict(f"The acknowledgement of letter {turn.review.id} is held already.")
    outbox.hold(turn.db, reply.id, Reason.STAFF, turn.now)
    turn.change()
    return "held", str(reply.id), (("release", reply.id, ""),)


def _release(turn: _Turn, action: Release) -> tuple[str, str, Back]:
    db, letter = turn.db, turn.review.id
    reply = replies.acknowledgement(db, letter)
    back: Back
    if reply is not None:
        if reply.state is not ReplyState.HELD:
            raise Conflict(f"The acknowledgement of letter {letter} is {reply.state}, not held.")
        if action.rules is not None:
            releasing.must_fit(db, reply, turn.review, action.rules, turn.now)
        outbox.release(db, reply.id, turn.staff, turn.now)
        row, back = reply.id, (("put_back", reply.id, reply.reason or ""),)
    else:
        if action.written is None or action.rules is not None:
            raise Conflict(f"Letter {letter} has no acknowledgement that is held.")
        row = _put_in_outbox(turn, action.written(letter))
        back = (("unwrite", row, ""),)
    replies.put_off(db, row, turn.now + action.delay)
    turn.change()
    return "released", str(row), back + _verdict(turn, released=True)


def _put_in_outbox(turn: _Turn, written: Acknowledgement) -> int:
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


def _drop(turn: _Turn) -> tuple[str, str, Back]:
    reply = replies.acknowledgement(turn.db, turn.review.id)
    if reply is None or reply.state is not ReplyState.HELD:
        raise Conflict(f"No acknowledgement of letter {turn.review.id} is held.")
    outbox.cancel(turn.db, reply.id, Reason.STAFF, turn.now)
    turn.change()
    back: Back = (("put_back", reply.id, reply.reason or ""),)
    return "dropped", str(reply.id), back + _verdict(turn, released=False)


def _verdict(turn: _Turn, *, released: bool) -> Back:
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


def _resolve(turn: _Turn, reply: int, *, sent: bool, again: bool) -> tuple[str, str, Back]:
    known = replies.get(turn.db, reply)
    if known is None or known.letter != turn.review.id:
        raise Conflict(f"Letter {turn.review.id} has no reply {reply}.")
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


def _answer(turn: _Turn, answer: Answer) -> tuple[str, str, Back]:
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
    return "answered", str(row), (("unwrite", row, ""),)


def _take_back_one(db: Database, item: Item, action: str, staff: str, now: datetime) -> None:
    review = _review(db, item.letter)
    if review.version != item.version:
        raise Conflict(f"Letter {item.letter} was changed by somebody else meanwhile.")
    if action == "Resolve":
        raise Conflict("What became of a reply is settled; it cannot be undone.")
    for kind, row, text in item.back:
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
            case "release":
                outbox.release(db, row, staff, now)
            case "put_back":
                replies.put_back(db, row, text or None, now)
            case "unwrite":
                replies.remove_unsent(db, row)
            case _:
                raise NotAllowed(f"There is no way back from {kind}.")
    reviews.change(db, item.letter, now, **item.before)
    audit.add(db, staff, "undone", now, message=item.letter, detail=action)
