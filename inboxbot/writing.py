"""Write an acknowledgement anew: one that the gate kept silent, or of a kind no longer right.

The letter is read again only where triage could read it: one that could not be read safely is
never opened here.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from inboxbot.acknowledge import Acknowledger
from inboxbot.dossier import classification_of, decision_of
from inboxbot.errors import Conflict, NotPossible, PermanentError, StoreError, TemplateError
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Identity, Message, identity_for
from inboxbot.reply.case import Acknowledgement, Rules
from inboxbot.reply.reason import Reason
from inboxbot.store import decisions, mailboxes, messages, reviews
from inboxbot.store.decisions import Recorded
from inboxbot.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Writer:
    """What writing needs; `acknowledgement` fits `inboxbot.actions.Release`, `anew` the sender.

    Of the categories that `rules` switch off nothing is written that no person asked for.
    """

    db: Database
    acknowledger: Acknowledger
    identities: Mapping[str, Identity]
    now: datetime
    rules: Rules = field(default_factory=Rules)

    def acknowledgement(self, letter: int) -> Acknowledgement:
        """Return the acknowledgement of a letter, of the kind that staff say it is.

        Raises `Conflict` where there is nobody to send one to or the letter cannot be read,
        `TemplateError` and `PermanentError` as `Acknowledger.prepare` does.
        """
        recorded, message = reopened(self.db, letter)
        decision = decision_of(recorded)
        person = decision.reply_to
        if person is None or decision.template is None:
            raise NotPossible(f"Letter {letter} has no return address that could be used.")
        review = reviews.get(self.db, letter)
        if review is not None and review.category is not recorded.category:
            decision = replace(decision, template=review.category)
        prepared = self.acknowledger.prepare(
            message,
            classification_of(recorded),
            decision,
            identity_for(self.identities, recorded.mailbox),
            fingerprint=recorded.fingerprint,
            received_at=recorded.received_at,
            first_contact=not decisions.heard_before(self.db, person, before=letter),
            now=self.now,
        )
        return Acknowledgement(
            reply=prepared.reply,
            template=prepared.template,
            version=prepared.version,
            in_reply_to=message.message_id,
        )

    def anew(self, letter: int) -> Acknowledgement | Reason:
        """Return the acknowledgement of the kind that staff say, or why there is none."""
        review = reviews.get(self.db, letter)
        rules = self.rules.on(mailboxes.of_letter(self.db, letter))
        if review is not None and review.category in rules.disabled:
            return Reason.DISABLED
        try:
            return self.acknowledgement(letter)
        except TemplateError:
            return Reason.TEMPLATE_ERROR
        except PermanentError:
            return Reason.COMPOSE_MISMATCH
        except (Conflict, StoreError):
            return Reason.UNREADABLE


def reopened(db: Database, letter: int) -> tuple[Recorded, Message]:
    """Return what was recorded of a letter, and the letter read again from its bytes.

    Raises `Conflict` where it cannot be read safely, and `StoreError` where its bytes are gone.
    """
    from inboxbot.mail.parse import parse  # For what staff do: the daemon itself never parses.

    recorded = decisions.recorded(db, letter)
    if recorded is None:
        raise NotPossible(f"There is no letter {letter}.")
    if not may_be_read(recorded):
        raise NotPossible(f"Letter {letter} could not be read safely; it can only be downloaded.")
    return recorded, parse(messages.raw(db, letter))


def may_be_read(recorded: Recorded) -> bool:
    """Say whether reading the letter's bytes in this process is known to end well."""
    reasons = {hit["reason"] for hit in recorded.hits}
    return recorded.parser != "none" and Reason.UNREADABLE not in reasons
