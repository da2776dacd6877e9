"""One letter's turn: what an action may look at and write with, and how the way back is noted."""

from collections.abc import Sequence
from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.reply.reason import Reason
from inboxbot.store import conversations, reviews
from inboxbot.store.reviews import Review
from inboxbot.store.sqlite import Database


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


def waiting(turn: Turn) -> list[int]:
    """Return the acknowledgements that wait in the conversation of the letter."""
    conversation = conversations.of_letter(turn.db, turn.review.id)
    return [] if conversation is None else conversations.waiting(turn.db, conversation)


def resent(dropped: Sequence[int], reason: Reason) -> Back:
    """Return the way back for acknowledgements that the sender may drop by then for `reason`."""
    return tuple(("resend", reply, reason) for reply in dropped)
