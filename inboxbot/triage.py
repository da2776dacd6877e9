"""Decide on every stored message that has no decision yet. No server is involved.

The decision, its reasons and the reply to send are one transaction: a message is either wholly
decided or not at all, and is never answered twice. An attempt is counted before it is made, so
a letter that kills the process is noticed; after three it goes to staff as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from inboxbot import events, faults
from inboxbot.acknowledge import Acknowledger, Prepared
from inboxbot.classify.category import Category
from inboxbot.errors import InboxbotError, PermanentError, TemplateError
from inboxbot.mail import compose
from inboxbot.mail.conversation import domain_of, folded
from inboxbot.mail.message import Identity
from inboxbot.reading import Reader, Reading, ReadingFailed
from inboxbot.reply import gate
from inboxbot.reply.policy import Case, Decision, History, Rules, choose_template, decide
from inboxbot.reply.reason import Disposition, Hit, Reason
from inboxbot.store import alerts, breaker, decisions, limits, messages, outbox, reviews, settings
from inboxbot.store.database import write
from inboxbot.store.messages import Origin, Silence, Undecided
from inboxbot.store.settings import Mode

ATTEMPTS = 3
BATCH = 50

_HELD_BY_MODE = {Mode.SHADOW: Reason.SHADOW, Mode.PAUSED: Reason.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one message, for whoever watches."""

    message: int
    category: Category
    confidence: float
    disposition: Disposition
    reason: Reason | None
    urgent: tuple[str, ...]


class Triage:
    """Everything that deciding needs; `run` takes what is undecided."""

    def __init__(
        self,
        db: Database,
        *,
        reader: Reader,
        acknowledger: Acknowledger,
        identities: dict[str, Identity],
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._reader = reader
        self._acknowledger = acknowledger
        self._identities = identities
        self._rules = rules
        self._now = now

    def run(self, *, stop: Callable[[], bool] = lambda: False) -> list[Outcome]:
        """Decide on what is undecided, oldest first; return the outcomes.

        Raises `TransientError` where the database cannot be written now.
        """
        outcomes: list[Outcome] = []
        while not stop():
            batch = messages.undecided(self._db, limit=BATCH)
            if not batch:
                break
            decided = self._run_batch(batch)
            outcomes += decided
            if not decided:
                break  # Each of them failed: their attempts are counted, the next pass goes on.
        return outcomes

    def _run_batch(self, batch: Sequence[Undecided]) -> list[Outcome]:
        with write(self._db):
            messages.count_attempts(self._db, [stored.id for stored in batch])
        faults.point("triage.attempt")
        readable = [stored for stored in batch if stored.attempts < ATTEMPTS]
        readings = dict(
            zip(
                (stored.id for stored in readable),
                self._reader.read_many([stored.raw for stored in readable]),
                strict=True,
            )
        )
        pairs = [
            (stored, readings.get(stored.id) or self._reader.give_up(stored.raw))
            for stored in batch
        ]
        try:
            return self._commit(pairs)
        except InboxbotError:
            raise
        except Exception as error:  # noqa: BLE001  (one of the batch: found below, one by one)
            events.batch_failed(len(pairs), error)
        outcomes: list[Outcome] = []
        for pair in pairs:
            try:
                outcomes += self._commit([pair])
            except InboxbotError:
                raise
            except Exception as error:  # noqa: BLE001  (around one message)
                events.triage_failed(pair[0].id, error)
        return outcomes

    def _commit(self, pairs: Sequence[tuple[Undecided, Reading | ReadingFailed]]) -> list[Outcome]:
        with write(self._db):
            faults.point("triage.decided")
            outcomes = [self._decide(stored, reading) for stored, reading in pairs]
            faults.point("triage.before_commit")
        faults.point("triage.committed")
        for (_, reading), outcome in zip(pairs, outcomes, strict=True):
            events.decided(
                outcome.message,
                outcome.category,
                outcome.confidence,
                outcome.disposition,
                outcome.reason or "",
            )
            if isinstance(reading, ReadingFailed):
                events.unreadable(outcome.message, reading.reason)
            if outcome.urgent:
                events.urgent(outcome.message, " ".join(outcome.urgent))
        return outcomes

    def _decide(self, stored: Undecided, reading: Reading | ReadingFailed) -> Outcome:
        """Decide on one message and store all that follows, within the open transaction."""
        db, now = self._db, self._now()
        message, classification = reading.message, reading.classification
        identity = self._identity(stored.mailbox)
        return_address = gate.return_address(message, identity)
        case = Case(
            message=message,
            received_at=stored.received_at,
            classification=classification,
            history=self._history(stored, reading, identity, now),
        )
        decision = decide(case, identity, self._rules, now)
        if isinstance(reading, ReadingFailed):
            decision = held(decision, Reason.UNREADABLE, f"reading it {reading.reason}")
        prepared: Prepared | None = None
        if decision.disposition is not Disposition.SUPPRESS:
            decision, prepared = self._prepare(stored, case, decision, identity, now)
        known = case.history.ours
        conversation = decisions.conversation(db, message, return_address, now)
        decisions.record(
            db, stored.id, message, classification, decision, conversation=conversation, now=now
        )
        reviews.add(db, stored.id, classification, received_at=stored.received_at, now=now)
        if known and conversation is not None:
            reviews.reopen(db, conversation, now, except_for=stored.id)
        if prepared is not None:
            self._put_in_outbox(stored, case, decision, prepared, identity, now)
        self._follow_up(stored, case, decision, now)
        return Outcome(
            message=stored.id,
            category=classification.category,
            confidence=classification.confidence,
            disposition=decision.disposition,
            reason=decision.reason,
            urgent=tuple(flag.code for flag in classification.urgent),
        )

    def _identity(self, mailbox: str) -> Identity:
        # A mailbox that left the configuration may still have undecided letters.
        return self._identities.get(mailbox) or next(iter(self._identities.values()))

    def _history(
        self,
        stored: Undecided,
        reading: Reading | ReadingFailed,
        identity: Identity,
        now: datetime,
    ) -> History:
        silent = stored.keep_silent
        restored_at = settings.get_moment(self._db, "restored_at")
        return replace(
            known_history(self._db, reading, identity, self._rules, now),
            baseline=silent is Silence.BASELINE and stored.origin is Origin.IMAP,
            imported=stored.origin is Origin.IMPORT,
            epoch_changed=silent is Silence.UIDVALIDITY,
            restored_before=restored_at if silent is Silence.RESTORED else None,
        )

    def _prepare(
        self,
        stored: Undecided,
        case: Case,
        decision: Decision,
        identity: Identity,
        now: datetime,
    ) -> tuple[Decision, Prepared | None]:
        """Write the reply; what cannot be written is held and staff are told, never lost."""
        if decision.reply_to is None or decision.template is None or decision.language is None:
            return decision, None
        try:
            prepared = self._acknowledger.prepare(
                case.message,
                case.classification,
                decision,
                identity,
                fingerprint=stored.fingerprint,
                received_at=stored.received_at,
                first_contact=case.history.address_week == 0,
                now=now,
            )
        except TemplateError:
            alerts.open_alert(self._db, alerts.Code.TEMPLATE, now, detail=decision.template)
            return held(decision, Reason.TEMPLATE_ERROR, f"template {decision.template}"), None
        except PermanentError:
            return held(decision, Reason.COMPOSE_MISMATCH, "the finished message differs"), None
        return decision, prepared

    def _put_in_outbox(
        self,
        stored: Undecided,
        case: Case,
        decision: Decision,
        prepared: Prepared,
        identity: Identity,
        now: datetime,
    ) -> None:
        db = self._db
        reason = decision.reason if decision.disposition is Disposition.HOLD else None
        if reason is None:
            reason = _HELD_BY_MODE.get(settings.mode(db))
        row = outbox.add(
            db,
            message=stored.id,
            kind="acknowledgement",
            reply=prepared.reply,
            template=prepared.template,
            template_version=prepared.version,
            in_reply_to=case.message.message_id,
            relay=gate.relay_of(case.message, identity),
            state="queued" if reason is None else "held",
            reason=reason,
            now=now,
        )
        if reason is None:
            breaker.let_through(db, row)

    def _follow_up(self, stored: Undecided, case: Case, decision: Decision, now: datetime) -> None:
        db = self._db
        reasons = {hit.reason for hit in decision.hits}
        if case.classification.urgent and decision.disposition is not Disposition.SUPPRESS:
            alerts.open_alert(db, alerts.Code.URGENT, now, message=stored.id)
        if Reason.LOOP in reasons:
            alerts.open_alert(db, alerts.Code.LOOP, now)
        if Reason.BREAKER_OPEN in reasons and not case.history.breaker_open:
            breaker.trip(db, "limit", now)
        if Reason.BOUNCE in reasons:
            for returned in compose.returned_message_ids(case.message, stored.raw):
                limits.link_bounce(db, message=stored.id, rfc_message_id=returned, now=now)


def known_history(
    db: Database,
    reading: Reading | ReadingFailed,
    identity: Identity,
    rules: Rules,
    now: datetime,
) -> History:
    """Return what the store remembers that bears on a letter; call it where it is decided on."""
    message = reading.message
    return_address = gate.return_address(message, identity)
    history = History(
        duplicate=decisions.is_duplicate(db, message),
        ours=decisions.known_ids(db, message, return_address),
        breaker_open=breaker.holds(db, now),
    )
    if return_address is None:
        return history
    counts = limits.reserved(
        db,
        recipient_key=folded(return_address),
        recipient_domain=domain_of(return_address),
        relay=gate.relay_of(message, identity),
        now=now,
    )
    template = choose_template(reading.classification, message)
    return replace(
        history,
        same_kind_at=decisions.last_of_kind(db, return_address, template, now, rules.quiet_period),
        address_day=counts.address_day,
        address_week=counts.address_week,
        relay_hour=counts.relay_hour,
        domain_hour=counts.domain_hour,
        hour=counts.hour,
        day=counts.day,
        bounces_hour=counts.bounces_hour,
        recent_sent=counts.recent_sent,
        recent_bounced=counts.recent_bounced,
        blocked=limits.suppressed(db, folded(return_address), now) or "",
    )


def held(decision: Decision, reason: Reason, evidence: str) -> Decision:
    """Return `decision` with a further hit; one that would have been sent is held for it."""
    hit = Hit(reason, Disposition.HOLD, evidence)
    if decision.disposition is Disposition.ACKNOWLEDGE:
        return replace(
            decision, disposition=Disposition.HOLD, reason=reason, hits=(*decision.hits, hit)
        )
    return replace(decision, hits=(*decision.hits, hit))
