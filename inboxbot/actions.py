"""The closed set of what staff can do with a letter. Pure values.

`inboxbot.review` performs them, `inboxbot.acting` says what each does to a letter; the pages and
the commands only make them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from inboxbot.classify.category import Category
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Reply
from inboxbot.reply.case import Acknowledgement, Rules


@dataclass(frozen=True, slots=True)
class Claim:
    """Take a letter, or give it to a colleague."""

    assignee: str = ""


@dataclass(frozen=True, slots=True)
class Unclaim:
    """Give a letter back to everybody."""


@dataclass(frozen=True, slots=True)
class Correct:
    """Set the category; the same as before is a confirmation. `why` is a code to learn from."""

    category: Category
    why: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """Set the category and close, in one: the letter needs nothing more."""

    category: Category


@dataclass(frozen=True, slots=True)
class Renew:
    """Put a letter back as if nobody had looked at it yet."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """Say that the category is right."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close a letter that needs nothing more; `as_` is "done" or "not_for_us"."""

    as_: str = "done"


@dataclass(frozen=True, slots=True)
class Reopen:
    """Put an answered or closed letter back into the queue."""


@dataclass(frozen=True, slots=True)
class Snooze:
    """Set a letter aside until a time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Wake:
    """Bring back what was set aside."""


@dataclass(frozen=True, slots=True)
class AddNote:
    """Write a note for the team."""

    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """Put a word on a letter, to find it again."""

    name: str


@dataclass(frozen=True, slots=True)
class Untag:
    """Take a word off a letter."""

    name: str


@dataclass(frozen=True, slots=True)
class Merge:
    """Put a letter into the conversation of another letter of the same person."""

    into: int


@dataclass(frozen=True, slots=True)
class Split:
    """Take a letter out of its conversation, into one of its own."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep an acknowledgement back that has not left yet."""


@dataclass(frozen=True, slots=True)
class Release:
    """Send the reply that was held back, after `delay`.

    An answer that a person wrote goes as it was written, and no acknowledgement beside it. Else
    it is the acknowledgement. `written` is called where there is none in the outbox yet (the gate
    had asked for silence), and where staff sorted the letter anew after it was written: its kind
    has other words.
    `rules` are the limits that hold where many are released at once.
    """

    delay: timedelta = timedelta()
    written: Callable[[int], Acknowledgement] | None = None
    rules: Rules | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Decide that a held reply is not sent: of two the answer, as with `Release`."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """Say what became of a reply that may have been sent, or failed: `sent`, or send it `again`.

    With neither it is given up.
    """

    reply: int
    sent: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Send the personal answer, after `delay`; it goes through the outbox like everything else."""

    reply: Reply
    in_reply_to: str | None = None
    delay: timedelta = timedelta()


Action = (
    Claim
    | Unclaim
    | Correct
    | Settle
    | Renew
    | Confirm
    | Close
    | Reopen
    | Snooze
    | Wake
    | AddNote
    | Tag
    | Untag
    | Merge
    | Split
    | Hold
    | Release
    | Drop
    | Resolve
    | Answer
)
