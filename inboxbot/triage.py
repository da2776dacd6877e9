"""Decide on every stored message that has no decision yet. No server is involved.

The decision, its reasons and the reply to send are one transaction: a message is either wholly
decided or not at all, and is never answered twice. The letters that follow are read meanwhile.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from inboxbot import consequences, events, faults
from inboxbot.acknowledge import Acknowledger, Prepared
from inboxbot.classify.category import Category
from inboxbot.errors import (
    GuardError,
    InboxbotError,
    PermanentError,
    TemplateError,
    TransientError,
)
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Identity, identity_for
from inboxbot.memory import known_history
from inboxbot.read_ahead import Answer, Batch, ReadAhead
from inboxbot.reader import Reader
from inboxbot.reading import ReadingFailed
from inboxbot.reply import gate
from inboxbot.reply.policy import Case, Decision, Rules, decide
from inboxbot.reply.reason import Disposition, Hit, Reason
from inboxbot.store import (
    alerts,
    breaker,
    conversations,
    decisions,
    outbox,
    reviews,
    settings,
)
from inboxbot.store.database import write
from inboxbot.store.limits import Everybodys
from inboxbot.store.messages import Undecided
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database

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

    def run(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        decided: Callable[[list[Outcome]], None] | None = None,
    ) -> list[Outcome]:
        """Decide on what is undecided, oldest first and each once; return the outcomes.

        `decided` gets them batch by batch instead, while the next ones are still to be decided on,
        so that they are not all held in memory. A letter that could not be decided on waits for
        the next run, with an attempt counted. Raises `TransientError` where the database cannot
        be written now.
        """
        outcomes: list[Outcome] = []
        consequences.settle(self._db, self._now())
        with ReadAhead(self._db, self._reader) as ahead:
            while not stop() and (batch := ahead.next()) is not None:
                (decided or outcomes.extend)(self._run_batch(batch, ahead))
        return outcomes

    def _run_batch(self, batch: Batch, ahead: ReadAhead) -> list[Outcome]:
        try:
            return self._commit(batch.letters, batch.answers.result())
        except TransientError:
            with suppress(InboxbotError):
                ahead.take_back(batch.ids)
            raise
        except InboxbotError:
            raise
        except Exception as error:  # noqa: BLE001  (one of the batch: found below, one by one)
            if len(batch.letters) == 1:
                events.triage_failed(batch.ids[0], error)
                return []
            events.batch_failed(len(batch.letters), error)
        return [outcome for stored in batch.letters for outcome in self._alone(stored, ahead)]

    def _alone(self, stored: Undecided, ahead: ReadAhead) -> list[Outcome]:
        try:
            return self._commit([stored], ahead.again(stored))
        except InboxbotError:
            raise
        except Exception as error:  # noqa: BLE001  (around one message)
            events.triage_failed(stored.id, error)
            return []

    def _commit(self, letters: Sequence[Undecided], answers: Sequence[Answer]) -> list[Outcome]:
        pairs = list(zip(letters, answers, strict=True))
        with write(self._db):
            faults.point("triage.decided")
            breaker.settle(self._db, self._now())
            everybodys = Everybodys(self._db)
            outcomes = [self._decide(stored, reading, everybodys) for stored, reading in pairs]
            faults.point("triage.before_commit")
        faults.point("triage.committed")
        for (_, reading), outcome in zip(pairs, outcomes, strict=True):
            events.decided(
                outcome.message,
                outcome.category,
                outcome.confidence,
                outcome.disposition,
                outcome.reason or "",
                0.0 if isinstance(reading, ReadingFailed) else reading.classified_s,
            )
            if isinstance(reading, ReadingFailed):
                events.unreadable(outcome.message, reading.reason)
            if outcome.urgent:
                events.urgent(outcome.message, " ".join(outcome.urgent))
        return outcomes

    def _decide(self, stored: Undecided, reading: Answer, everybodys: Everybodys) -> Outcome:
        """Decide on one message and store all that follows, within the open transaction."""
        db, now = self._db, self._now()
        message, classification = reading.message, reading.classification
        identity = identity_for(self._identities, stored.mailbox)
        case = self._case(stored, reading, identity, now, everybodys)
        decision = decide(case, identity, self._rules, now)
        if consequences.link_bounce(db, stored, message, decision, now):
            # It counts from here on, and may be the one that opens the breaker.
            everybodys.forget()
            case = self._case(stored, reading, identity, now, everybodys)
            decision = decide(case, identity, self._rules, now)
        if isinstance(reading, ReadingFailed):
            decision = unreadable(decision, reading)
        prepared: Prepared | None = None
        if decision.disposition is not Disposition.SUPPRESS:
            decision, prepared = self._prepare(stored, case, decision, identity, now)
        known = case.history.ours
        conversation = conversations.joined(
            db,
            message,
            decision.reply_to,
            now,
            known=known,
            may_have_twin=case.history.has_twin,
        )
        decisions.record(
            db, stored.id, message, classification, decision, conversation=conversation, now=now
        )
        reviews.add(db, stored.id, classification, received_at=stored.received_at, now=now)
        if known and conversation is not None:
            reviews.reopen(db, conversation, now, except_for=stored.id)
        if prepared is not None:
            self._put_in_outbox(stored, case, decision, prepared, identity, now)
        return Outcome(
            message=stored.id,
            category=classification.category,
            confidence=classification.confidence,
            disposition=decision.disposition,
            reason=decision.reason,
            urgent=consequences.tell(db, stored.id, case, decision, self._rules, now),
        )

    def _case(
        self,
        stored: Undecided,
        reading: Answer,
        identity: Identity,
        now: datetime,
        everybodys: Everybodys | None = None,
    ) -> Case:
        return Case(
            message=reading.message,
            received_at=stored.received_at,
            classification=reading.classification,
            history=known_history(
                self._db,
                reading,
                identity,
                self._rules,
                now,
                stored=stored,
                everybodys=everybodys,
            ),
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
                first_contact=not case.history.heard_before,
                now=now,
            )
        except TemplateError as error:
            reason = Reason.GUARD if isinstance(error, GuardError) else Reason.TEMPLATE_ERROR
            alerts.open_alert(self._db, alerts.Code.TEMPLATE, now, detail=decision.template)
            return held(decision, reason, f"template {decision.template}"), None
        except PermanentError:
            return held(decision, Reason.COMPOSE_MISMATCH, "the finished message differs"), None
        alerts.end(self._db, alerts.Code.TEMPLATE, now, detail=decision.template)
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
        elif decision.disposition is Disposition.ACKNOWLEDGE and breaker.state(db) is not None:
            breaker.close(db, now)  # It has rested, and in this mode no reply could try it.


def unreadable(decision: Decision, reading: ReadingFailed) -> Decision:
    """Return what becomes of a letter that could not be read: a person looks at it as it is.

    Where not even its header could be read, nothing that was decided on it means anything.
    """
    evidence = f"reading it {reading.reason}"
    if reading.message.headers:
        return held(decision, Reason.UNREADABLE, evidence)
    hit = Hit(Reason.UNREADABLE, Disposition.HOLD, evidence)
    return replace(
        decision, disposition=Disposition.HOLD, reason=Reason.UNREADABLE, hits=(hit, *decision.hits)
    )


def held(decision: Decision, reason: Reason, evidence: str) -> Decision:
    """Return `decision` with a further hit; one that would have been sent is held for it."""
    hit = Hit(reason, Disposition.HOLD, evidence)
    if decision.disposition is Disposition.ACKNOWLEDGE:
        return replace(
            decision, disposition=Disposition.HOLD, reason=reason, hits=(*decision.hits, hit)
        )
    return replace(decision, hits=(*decision.hits, hit))
