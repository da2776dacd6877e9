"""What a decision depends on, and what it is: the limits, what we remember, the outcome.

Pure values. Counting and remembering is the store's; deciding is `gate` and `policy`.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta

from inboxbot.classify.category import Classification
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Message, Reply
from inboxbot.reply.language import Because
from inboxbot.reply.reason import Disposition, Hit, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits of `[replies]` in the configuration; `own` has those of single mailboxes."""

    max_age: timedelta = timedelta(hours=72)
    quiet_period: timedelta = timedelta(hours=24)
    per_address_day: int = 2
    per_address_week: int = 4
    per_relay_hour: int = 30
    per_domain_hour: int = 20
    per_hour: int = 60
    per_day: int = 300
    bounces_hour: int = 5
    require_addressed: bool = True
    default_language: str = "en"
    languages: frozenset[str] = frozenset({"en"})
    disabled: frozenset[str] = frozenset()
    own: Mapping[str, "Rules"] = field(default_factory=dict)

    def on(self, mailbox: str) -> "Rules":
        """Return the limits that hold on a mailbox: its own, where it has any."""
        return self.own.get(mailbox, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What we remember that bears on this letter; counted in the deciding transaction.

    Counts are of acknowledgements reserved (queued or sent) in the period that ends now.
    `has_twin` says that the same message was decided before, and `duplicate` that it was handled,
    too. `language` is what staff noted that the person reads; `heard_before` says that an earlier
    letter came from the return address, and `same_kind_at` when that address last got this kind
    of acknowledgement. `ours` holds the ids among the letter's In-Reply-To and References that
    are ours or of a letter of the same sender. `breaker_open` names what the breaker is open for.
    """

    has_twin: bool = False
    duplicate: bool = False
    baseline: bool = False
    imported: bool = False
    epoch_changed: bool = False
    restored: bool = False
    first_start_at: datetime | None = None
    ours: tuple[str, ...] = ()
    language: str | None = None
    heard_before: bool = False
    same_kind_at: datetime | None = None
    address_day: int = 0
    address_week: int = 0
    relay_hour: int = 0
    domain_hour: int = 0
    hour: int = 0
    day: int = 0
    bounces_hour: int = 0
    recent_sent: int = 0
    recent_bounced: int = 0
    breaker_open: str = ""
    blocked: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything known about one message at the moment of deciding."""

    message: Message
    received_at: datetime
    classification: Classification
    history: History = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome, explainable for ever: every rule that hit is kept, the first is the reason.

    `reply_to` is the return address, or None where there is no usable one. `template` and
    `language` are set wherever a reply could be written, so that held and suppressed
    acknowledgements can be sent with one click; `language_because` names the link of the chain
    that chose the language. `authenticated` says that a trusted server vouches for the return
    address: only then may personal variables be filled.
    """

    disposition: Disposition
    reason: Reason | None
    hits: tuple[Hit, ...] = ()
    reply_to: str | None = None
    template: str | None = None
    language: str | None = None
    language_because: Because | None = None
    authenticated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """An acknowledgement written for a letter that had none, as staff release it."""

    reply: Reply
    template: str
    version: str
    in_reply_to: str | None
