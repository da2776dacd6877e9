"""Decide what to do with one message: acknowledge it, hold it, or stay silent.

Pure functions. Everything that the decision depends on is an argument, so every line of
this module is tested without a server, a database or a clock.
"""

from datetime import datetime

from inboxbot.classify.category import (
    SEVERAL_PHRASES,
    Category,
    Classification,
    Sensitive,
)
from inboxbot.mail.message import Identity, Message
from inboxbot.mail.return_address import correspondent
from inboxbot.reply.case import Case, Decision, History, Rules
from inboxbot.reply.gate import authenticated, gate, primary
from inboxbot.reply.language import Chosen, choose_language
from inboxbot.reply.reason import EXPLANATIONS, Disposition, Hit, Reason
from inboxbot.reply.template import TITLES

__all__ = ["Case", "Decision", "History", "Rules", "choose_template", "decide", "sentence"]

URGENT = "urgent"
BEREAVEMENT = "bereavement"


def decide(case: Case, identity: Identity, rules: Rules, now: datetime) -> Decision:
    """Return what to do with the message by the rules of its mailbox; never raises.

    When in doubt about the kind of letter a person still gets the general acknowledgement;
    when a rule of the gate says that a machine wrote, nothing goes out by itself.
    """
    message, rules = case.message, rules.on(identity.mailbox)
    template = choose_template(case.classification, message)
    who = correspondent(message, identity)
    hits = gate(
        message,
        identity,
        received_at=case.received_at,
        now=now,
        history=case.history,
        rules=rules,
        who=who,
    )
    if template in rules.disabled:
        evidence = f"no acknowledgement of the kind “{TITLES[template]}”"
        hits = (*hits, Hit(Reason.DISABLED, Disposition.SUPPRESS, evidence))
    first = primary(hits)
    language = _language(case, rules)
    return Decision(
        disposition=first.disposition if first else Disposition.ACKNOWLEDGE,
        reason=first.reason if first else None,
        hits=hits,
        reply_to=who.person,
        template=template,
        language=language.code,
        language_because=language.because,
        authenticated=authenticated(message, identity, who),
    )


def choose_template(classification: Classification, message: Message | None = None) -> str:
    """Return the name of the template for a letter: what cannot wait first, then its kind.

    The general one where the classifier is unsure, and where nothing could be read of what a
    person sent (encrypted, a photograph alone). One word of a death ("he almost died") does not
    take the place of what is said to whoever clearly asks about a medicine.
    """
    if classification.urgent:
        return URGENT
    asks_of_medicine = (
        classification.category is Category.MEDICATION_QUESTION and not classification.needs_review
    )
    least = SEVERAL_PHRASES if asks_of_medicine else 0.0
    if any(
        flag.code == Sensitive.BEREAVEMENT and flag.confidence >= least
        for flag in classification.sensitive
    ):
        return BEREAVEMENT
    if classification.needs_review or (message is not None and not message.text.strip()):
        return Category.GENERAL_INQUIRY
    return classification.category


def _language(case: Case, rules: Rules) -> Chosen:
    return choose_language(
        person=case.history.language,
        detected=case.classification.language,
        confidence=case.classification.language_confidence,
        mailbox_default=rules.default_language,
        available=rules.languages | {rules.default_language},
    )


def sentence(decision: Decision) -> str:
    """Say in one plain sentence what became of a letter, and why."""
    hit = primary(decision.hits)
    if decision.disposition is Disposition.ACKNOWLEDGE:
        title = TITLES.get(decision.template or "", "")
        return f"Acknowledged: a person wrote, and nothing stands against it ({title})."
    lead = "Held" if decision.disposition is Disposition.HOLD else "Not answered"
    if decision.reason is None:
        return f"{lead}."
    shown = next((h for h in decision.hits if h.reason is decision.reason), hit)
    evidence = f" ({shown.evidence})" if shown and shown.evidence else ""
    return f"{lead}: {EXPLANATIONS[decision.reason]}{evidence}."
