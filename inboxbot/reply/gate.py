"""May this message be acknowledged? The ordered rules; every one that hits is kept.

A rule that shows that a machine, a list or we ourselves wrote suppresses. A rule under which
a person may well be waiting holds: staff see why, and send with one click.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from inboxbot.counted import counted
from inboxbot.mail import authentication, headers, local_part, origin
from inboxbot.mail import return_address as sender
from inboxbot.mail.conversation import domain_of
from inboxbot.mail.message import Identity, Mark, Message, Strength
from inboxbot.mail.message_id import is_ours
from inboxbot.mail.providers import LARGE_PROVIDERS
from inboxbot.mail.return_address import Correspondent, Relay, correspondent
from inboxbot.reply.case import History, Rules
from inboxbot.reply.reason import Disposition, Hit, Reason

# Where a bounce ratio begins to mean something, and the share that is too much.
_RATIO_OF = 50
_RATIO_LIMIT = 0.2


def gate(
    message: Message,
    identity: Identity,
    *,
    received_at: datetime,
    now: datetime,
    history: History,
    rules: Rules,
    who: Correspondent | None = None,
) -> tuple[Hit, ...]:
    """Return every rule that speaks against acknowledging this message, in their order.

    Empty where a person wrote and nothing is in the way. `who` spares working out again who
    that is. Never raises, looks nothing up.
    """
    who = who or correspondent(message, identity)
    return (
        *_handled(history),
        *_identity(message, identity, who),
        *_origin(message, identity, who),
        *_authenticity(message, identity),
        *_age(received_at, now, history, rules),
        *_addressed(message, identity, rules),
        *_conversation(message, identity, history),
        *_limits(who, now, history, rules),
        *_installation(history),
    )


def primary(hits: tuple[Hit, ...]) -> Hit | None:
    """Return the hit that decides: the first that suppresses, else the first."""
    suppressing = (hit for hit in hits if hit.disposition is Disposition.SUPPRESS)
    return next(suppressing, hits[0] if hits else None)


def return_address(message: Message, identity: Identity) -> str | None:
    """Return where a reply would go, or None where there is no usable address."""
    return correspondent(message, identity).person


def authenticated(message: Message, identity: Identity, who: Correspondent | None = None) -> bool:
    """Say whether a trusted server vouches for the return address (RFC 8601, dmarc=pass)."""
    who = who or correspondent(message, identity)
    return sender.authenticated(message, identity, who)


def relay_of(message: Message, identity: Identity, who: Correspondent | None = None) -> str | None:
    """Return the form relay of ours that a message came through, or None."""
    who = who or correspondent(message, identity)
    return who.author.lower() if who.author and who.relay is Relay.TRUSTED else None


def _suppress(reason: Reason, evidence: str) -> Hit:
    return Hit(reason, Disposition.SUPPRESS, evidence)


def _hold(reason: Reason, evidence: str) -> Hit:
    return Hit(reason, Disposition.HOLD, evidence)


# --- what we handled, who wrote ------------------------------------------------------


def _handled(history: History) -> Iterator[Hit]:
    if history.duplicate:
        yield _suppress(Reason.DUPLICATE, "the same message was handled before")
    if history.baseline:
        yield _suppress(Reason.BASELINE, "it was in the mailbox before the first start")
    elif history.imported:
        yield _suppress(Reason.BASELINE, "it was imported")


def _identity(message: Message, identity: Identity, who: Correspondent) -> Iterator[Hit]:
    if who.author is None:
        yield _suppress(Reason.INVALID_SENDER, _why_no_author(message))
        return
    if who.relay is not Relay.NONE and who.person is None:
        yield _suppress(Reason.INVALID_SENDER, "Reply-To of the form is not one usable address")
        return
    target = who.person or who.author
    if sender.is_own_address(target, identity):
        yield _suppress(Reason.OWN_ADDRESS, "the return address is one of ours")
    if sender.is_own_domain(target, identity):
        yield _suppress(Reason.OWN_DOMAIN, "the return address lies in a domain of ours")
    if who.relay is Relay.UNTRUSTED:
        configured = who.author.lower() in identity.form_relays
        yield _hold(
            Reason.UNTRUSTED_RELAY,
            "no trusted server vouches for the form relay"
            if configured
            else "a web form that is not configured; the person is in Reply-To",
        )


def _why_no_author(message: Message) -> str:
    if message.from_fields == 0:
        return "no From field"
    if message.from_fields > 1:
        return f"{message.from_fields} From fields"
    if len(message.authors) > 1:
        return f"From names {len(message.authors)} authors"
    return "From holds no usable address"


# --- what shows on the message -------------------------------------------------------


def _origin(message: Message, identity: Identity, who: Correspondent) -> Iterator[Hit]:
    marks = origin.marks(message, identity, who)
    for mark in marks:
        yield Hit(Reason(mark.code), _disposition(mark, marks, who), mark.evidence)


def _disposition(mark: Mark, marks: tuple[Mark, ...], who: Correspondent) -> Disposition:
    """A weak mark suppresses together with any other, or on an address that is no person's."""
    if mark.strength is Strength.PROOF:
        return Disposition.SUPPRESS
    if mark.strength is Strength.DOUBT:
        return Disposition.HOLD
    personal = local_part.looks_like_a_person(who.person or who.author or "")
    return Disposition.HOLD if personal and len(marks) == 1 else Disposition.SUPPRESS


def _authenticity(message: Message, identity: Identity) -> Iterator[Hit]:
    verdict, _ = authentication.dmarc(authentication.trusted(message, identity))
    if verdict is authentication.Verdict.FAIL:
        yield _suppress(Reason.AUTH_FAILED, "Authentication-Results: dmarc=fail")
    elif verdict is authentication.Verdict.FAIL_NO_POLICY:
        yield _hold(Reason.AUTH_FAILED, "Authentication-Results: dmarc=fail, p=none")


def _age(received_at: datetime, now: datetime, history: History, rules: Rules) -> Iterator[Hit]:
    """By the server's INTERNALDATE: the Date field is often wrong."""
    age = now - received_at
    if age > rules.max_age:
        yield _suppress(
            Reason.TOO_OLD, f"received {_hours(age)} ago, limit {_hours(rules.max_age)}"
        )
    if history.first_start_at is not None and received_at < history.first_start_at:
        yield _suppress(Reason.TOO_OLD, "received before the first start")


def _addressed(message: Message, identity: Identity, rules: Rules) -> Iterator[Hit]:
    """RFC 5230, section 4.5, looks at these four fields."""
    if not rules.require_addressed:
        return
    fields = [
        value for name in ("To", "Cc", "Resent-To", "Resent-Cc") for value in message.header(name)
    ]
    named = message.recipients or tuple(headers.addresses(fields, plainly=True))
    if not any(sender.is_own(recipient.address, identity) for recipient in named):
        yield _hold(Reason.NOT_ADDRESSED, "no address of ours in To or Cc")


# --- what we remember ----------------------------------------------------------------


def _conversation(message: Message, identity: Identity, history: History) -> Iterator[Hit]:
    referred = (*message.in_reply_to, *message.references)
    if history.ours:
        yield _suppress(Reason.IN_CONVERSATION, "it refers to a letter of its conversation")
    elif any(is_ours(message_id, identity) for message_id in referred):
        yield _suppress(Reason.IN_CONVERSATION, "it refers to a letter that we sent")


def _limits(who: Correspondent, now: datetime, history: History, rules: Rules) -> Iterator[Hit]:
    through_form = who.relay is not Relay.NONE
    return limit_hits(who.person or "", now, history, rules, through_form=through_form)


def limit_hits(
    person: str, now: datetime, history: History, rules: Rules, *, through_form: bool
) -> Iterator[Hit]:
    """Yield what stands against one more acknowledgement to an address, by what was sent so far.

    Of `history` only the counts matter, so it serves where held ones are released, too.
    """
    domain = domain_of(person)
    last = history.same_kind_at
    if last is not None and now - last < rules.quiet_period:
        yield _hold(Reason.RATE_LIMITED, f"the same was sent {_hours(now - last)} ago")
    counts = [
        ("to this address in a day", history.address_day, rules.per_address_day),
        ("to this address in a week", history.address_week, rules.per_address_week),
    ]
    if through_form:
        counts.append(("through this form in an hour", history.relay_hour, rules.per_relay_hour))
    if domain not in LARGE_PROVIDERS:
        counts.append(("to this domain in an hour", history.domain_hour, rules.per_domain_hour))
    for where, count, limit in counts:
        if count >= limit:
            yield _hold(Reason.RATE_LIMITED, f"{count} {where}, limit {limit}")
    yield from _breaker(history, rules)
    if history.blocked:
        yield _suppress(
            Reason.ADDRESS_BLOCKED, f"nothing is sent to this address: {history.blocked}"
        )


def _breaker(history: History, rules: Rules) -> Iterator[Hit]:
    if history.breaker_open:
        yield _hold(Reason.BREAKER_OPEN, f"the breaker is open: {history.breaker_open}")
    if history.hour >= rules.per_hour:
        yield _hold(Reason.BREAKER_OPEN, f"{history.hour} in an hour, limit {rules.per_hour}")
    if history.day >= rules.per_day:
        yield _hold(Reason.BREAKER_OPEN, f"{history.day} in a day, limit {rules.per_day}")
    if history.bounces_hour >= rules.bounces_hour:
        yield _hold(
            Reason.BREAKER_OPEN,
            f"{history.bounces_hour} came back in an hour, limit {rules.bounces_hour}",
        )
    if history.recent_bounced > _RATIO_LIMIT * max(history.recent_sent, _RATIO_OF):
        yield _hold(
            Reason.BREAKER_OPEN,
            f"{history.recent_bounced} of the last {history.recent_sent} came back",
        )


def _installation(history: History) -> Iterator[Hit]:
    if history.epoch_changed:
        yield _hold(Reason.UIDVALIDITY, "the server numbered the mailbox anew")
    if history.restored:
        yield _hold(Reason.RESTORED, "it was there before the backup was restored")
    if history.paused:
        yield _hold(Reason.PAUSED, "sending is paused")


def _hours(period: timedelta) -> str:
    hours = period.total_seconds() / 3600
    if hours >= 72:
        return counted("{} day", "{} days", round(hours / 24))
    return counted("{} hour", "{} hours", round(hours))
