"""What the store remembers that bears on a letter: the one look back before deciding on it.

Reads only, so `explain` may ask as often as it likes; triage asks within the transaction in
which it decides, so that two letters cannot both be the last that fits under a limit.
"""

from dataclasses import replace
from datetime import datetime

from inboxbot.mail.conversation import domain_of, folded
from inboxbot.mail.message import Identity
from inboxbot.mail.return_address import correspondent
from inboxbot.reading import Reading, ReadingFailed
from inboxbot.reply import gate
from inboxbot.reply.policy import History, Rules, choose_template
from inboxbot.store import breaker, decisions, limits, people
from inboxbot.store.limits import Everybodys
from inboxbot.store.messages import Origin, Silence, Undecided
from inboxbot.store.sqlite import Database


def known_history(
    db: Database,
    reading: Reading | ReadingFailed,
    identity: Identity,
    rules: Rules,
    now: datetime,
    *,
    stored: Undecided | None = None,
    everybodys: Everybodys | None = None,
) -> History:
    """Return what the store remembers that bears on a letter; call it where it is decided on.

    `stored` is the letter as it is kept, where it is: what became of itself never counts.
    `everybodys` is what the transaction has counted before. Writes nothing.
    """
    message = reading.message
    itself = stored.id if stored else None
    silent = stored.keep_silent if stored else None
    who = correspondent(message, identity)
    has_twin = decisions.twin(db, message, itself) is not None
    history = History(
        has_twin=has_twin,
        duplicate=has_twin and decisions.is_handled(db, message, itself),
        ours=decisions.known_ids(db, message, who.person, now),
        breaker_open=breaker.holds(db, now),
        baseline=silent is Silence.BASELINE and stored is not None and stored.origin is Origin.IMAP,
        imported=stored is not None and stored.origin is Origin.IMPORT,
        epoch_changed=silent is Silence.UIDVALIDITY,
        restored=silent is Silence.RESTORED,
        language=people.language(db, who.person) if who.person else None,
        heard_before=who.person is not None
        and decisions.heard_before(db, who.person, before=itself),
    )
    if who.person is None:
        return history
    return with_counts(
        db,
        history,
        recipient=who.person,
        template=choose_template(reading.classification, message),
        relay=gate.relay_of(message, identity, who),
        rules=rules.on(identity.mailbox),
        now=now,
        apart_from=itself,
        everybodys=everybodys,
    )


def with_counts(
    db: Database,
    history: History,
    *,
    recipient: str,
    template: str,
    relay: str | None,
    rules: Rules,
    now: datetime,
    apart_from: int | None,
    held_too: bool = True,
    everybodys: Everybodys | None = None,
) -> History:
    """Return `history` with what the limits ask before one more acknowledgement to `recipient`.

    `apart_from` is the letter that it is for. Without `held_too` no acknowledgement counts that
    the mode holds.
    """
    key = folded(recipient)
    counts = limits.reserved(
        db,
        recipient_key=key,
        recipient_domain=domain_of(recipient),
        relay=relay,
        now=now,
        apart_from=apart_from,
        judged_since=breaker.last_opened_at(db),
        held_too=held_too,
        everybodys=everybodys,
    )
    return replace(
        history,
        same_kind_at=decisions.last_of_kind(
            db,
            recipient,
            template,
            now,
            rules.quiet_period,
            apart_from=apart_from,
            held_too=held_too,
        ),
        address_day=counts.address_day,
        address_week=counts.address_week,
        relay_hour=counts.relay_hour,
        domain_hour=counts.domain_hour,
        hour=counts.hour,
        day=counts.day,
        bounces_hour=counts.bounces_hour,
        recent_sent=counts.recent_sent,
        recent_bounced=counts.recent_bounced,
        blocked=limits.suppressed(db, key, now) or "",
    )
