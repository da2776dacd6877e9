"""What staff can do with letters; the web app and the command line are two thin faces of it.

Every action on every letter is one transaction: the version is checked, the letter changes, the
audit gets its row and the way back is stored, all or nothing. What somebody else changed since
the page was shown is never overwritten.
"""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime

from inboxbot import acting
from inboxbot.actions import Action, Answer, Release
from inboxbot.errors import Conflict, PermanentError
from inboxbot.frozen import dataclass
from inboxbot.store import audit, messages, replies, reviews, undo
from inboxbot.store.database import stamp, write
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.reviews import Review, State
from inboxbot.store.sqlite import Database
from inboxbot.store.undo import Item
from inboxbot.turn import Turn


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
    Raises `Conflict`, too, where this very form was sent before and what it did was taken back.
    """
    token = token or undo.new_token()
    items: list[Item] = []
    refused: dict[int, str] = {}
    with write(db):
        before = undo.get(db, token)
        if before is not None and before.used:
            raise Conflict("This was done before, and taken back. Nothing was done again.")
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

    A reply that still waits is stopped in any case; what a colleague changed since stays.
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
    what, detail, back = acting.apply(action, Turn(db, review, staff, now))
    audit.add(db, staff, what, now, message=letter.id, detail=detail)
    return Item(letter.id, _columns(review), _review(db, letter.id).version, back)


def _review(db: Database, letter: int) -> Review:
    review = reviews.get(db, letter)
    if review is None:
        raise no_letter(db, letter)
    return review


def no_letter(db: Database, letter: int) -> NoSuchLetter:
    """Return what to say of a number without a letter that staff could see."""
    if messages.is_undecided(db, letter):
        return NoSuchLetter(
            f"Letter {letter} has come in and is being read: try again in a moment."
        )
    return NoSuchLetter(f"There is no letter {letter}.")


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


def _take_back_one(db: Database, item: Item, action: str, staff: str, now: datetime) -> None:
    review = _review(db, item.letter)
    changed = review.version != item.version
    if changed and not _stops_a_reply(db, item, action):
        raise Conflict(f"Letter {item.letter} was changed by somebody else meanwhile.")
    if action == "Resolve":
        raise Conflict("What became of a reply is settled; it cannot be undone.")
    before = _untouched(db, review, item, action, staff) if changed else item.before
    reviews.change(db, item.letter, now, **before)
    acting.go_back(db, item.back, staff=staff, now=now)
    audit.add(db, staff, "undone", now, message=item.letter, detail=action)


def _stops_a_reply(db: Database, item: Item, action: str) -> bool:
    """Say whether it is about a reply that leaves, and no colleague stopped it already."""
    if action not in (Answer.__name__, Release.__name__):
        return False
    reply = replies.get(db, item.back[0][1])
    return reply is None or reply.state not in (ReplyState.HELD, ReplyState.CANCELLED)


def _untouched(
    db: Database, review: Review, item: Item, action: str, staff: str
) -> dict[str, object]:
    """Return what an undo puts back where a colleague changed the letter: nothing of theirs."""
    newer = any(
        each.kind == "answer" and each.id > item.back[0][1]
        for each in replies.of_letter(db, item.letter)
    )
    if action != Answer.__name__ or review.state is not State.ANSWERED or newer:
        return {}
    own = ("state", "snoozed_until", *(("assignee",) if review.assignee == staff else ()))
    return {name: item.before[name] for name in own}
