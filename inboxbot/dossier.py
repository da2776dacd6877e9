"""Everything that is known about one letter, for the faces: as values, and as one plain object.

What was decided is never decided again: the classification and the decision are rebuilt from
what is stored, so a page and a command say the same for ever.
"""

from email import message_from_bytes, policy
from typing import Any

from inboxbot.classify.category import Classification, Evidence, Flag, Medicine, Suggestion
from inboxbot.reply.language import Because
from inboxbot.reply.policy import Decision, sentence
from inboxbot.reply.reason import EXPLANATIONS, Disposition, Hit, Reason
from inboxbot.store import decisions, replies, reviews
from inboxbot.store.decisions import Recorded
from inboxbot.store.outbox import State
from inboxbot.store.replies import SentReply
from inboxbot.store.sqlite import Database


def classification_of(recorded: Recorded) -> Classification:
    """Return the classification that was stored."""
    return Classification(
        category=recorded.category,
        confidence=recorded.confidence,
        runner_up=recorded.runner_up,
        runner_up_confidence=recorded.runner_up_confidence,
        evidence=tuple(Evidence(**item) for item in recorded.evidence),
        unsure_because=recorded.unsure_because,
        needs_review=recorded.needs_review,
        urgent=tuple(Flag(**item) for item in recorded.urgent),
        sensitive=tuple(Flag(**item) for item in recorded.sensitive),
        medicines=tuple(Medicine(**item) for item in recorded.medicines),
        suggestions=tuple(Suggestion(**item) for item in recorded.suggestions),
        language=recorded.language,
        language_confidence=recorded.language_confidence,
        model_version=recorded.model_version,
    )


def decision_of(recorded: Recorded) -> Decision:
    """Return the decision that was stored."""
    return Decision(
        disposition=Disposition(recorded.disposition),
        reason=Reason(recorded.reason) if recorded.reason else None,
        hits=tuple(
            Hit(Reason(hit["reason"]), Disposition(hit["disposition"]), hit["evidence"])
            for hit in recorded.hits
        ),
        reply_to=recorded.reply_to,
        template=recorded.template,
        language=recorded.template_language,
        language_because=Because(recorded.language_because) if recorded.language_because else None,
        authenticated=recorded.authenticated,
    )


def why(db: Database, letter: int) -> str | None:
    """Say in one sentence why a letter was or was not acknowledged; None without such a letter."""
    recorded = decisions.recorded(db, letter)
    if recorded is None:
        return None
    return outcome(decision_of(recorded), replies.acknowledgement(db, letter))


def outcome(decision: Decision, acknowledgement: SentReply | None) -> str:
    """Say what became of a letter, and why, as things stand.

    The decision is for ever; what holds its acknowledgement back (shadow mode, the mail server,
    staff) stands with that.
    """
    decided = sentence(decision)
    if acknowledgement is None:
        return decided
    reason = acknowledgement.reason
    because = EXPLANATIONS[Reason(reason)] if reason in set(Reason) else ""
    match acknowledgement.state:
        case State.HELD if because and reason != decision.reason:
            return f"Held: {because}."
        case State.CANCELLED if because:
            return f"Not answered: {because}."
        case State.FAILED:
            return "Not answered: the acknowledgement could not be sent."
        case State.UNCERTAIN:
            return "The acknowledgement may or may not have been sent: staff must look."
        case State.BOUNCED:
            return "Acknowledged, but it came back: the person could not be reached."
    if decision.disposition is Disposition.ACKNOWLEDGE or acknowledgement.created_by is None:
        return decided
    return f"Acknowledged: a member of staff decided so. By itself: {decided}"


def dossier(db: Database, letter: int) -> dict[str, Any] | None:
    """Return everything about a letter as `show --json` prints it, or None without one."""
    recorded = decisions.recorded(db, letter)
    review = reviews.get(db, letter)
    if recorded is None or review is None:
        return None
    return {
        "id": recorded.id,
        "version": review.version,
        "fingerprint": recorded.fingerprint,
        "message_id": recorded.message_id,
        "mailbox": recorded.mailbox,
        "received_at": recorded.received_at.isoformat(),
        "date": recorded.sent_at.isoformat() if recorded.sent_at else None,
        "from": (
            {"name": recorded.sender_name, "address": recorded.sender_address}
            if recorded.sender_address
            else None
        ),
        "subject": recorded.subject,
        "text": recorded.text,
        "attachments": recorded.attachments,
        "defects": recorded.defects,
        "language": recorded.language,
        "category": review.category,
        "decided_category": recorded.category,
        "confidence": recorded.confidence,
        "runner_up": {
            "category": recorded.runner_up,
            "confidence": recorded.runner_up_confidence,
        },
        "needs_review": review.needs_review,
        "unsure_because": recorded.unsure_because,
        "evidence": recorded.evidence,
        "urgent": recorded.urgent,
        "sensitive": recorded.sensitive,
        "medicines": recorded.medicines,
        "disposition": recorded.disposition,
        "reason": recorded.reason,
        "hits": recorded.hits,
        "why": outcome(decision_of(recorded), replies.acknowledgement(db, letter)),
        "reply_to": recorded.reply_to,
        "template": recorded.template,
        "language_of_reply": recorded.template_language,
        "language_because": recorded.language_because,
        "state": review.state,
        "assignee": review.assignee,
        "replies": [
            {
                "id": reply.id,
                "kind": reply.kind,
                "state": reply.state,
                "reason": reply.reason,
                "recipient": reply.recipient,
                "sent_at": reply.sent_at.isoformat() if reply.sent_at else None,
                "text": sent_text(reply)[1],
            }
            for reply in replies.of_letter(db, letter)
        ],
        "notes": [
            {"at": note.at.isoformat(), "staff": note.staff, "text": note.text}
            for note in reviews.notes(db, letter)
        ],
    }


def sent_text(reply: SentReply) -> tuple[str, str]:
    """Return the subject and the plain text of a reply, read from the very bytes that leave."""
    message = message_from_bytes(reply.raw, policy=policy.default)
    body = message.get_body(("plain",))
    return str(message.get("Subject", "")), body.get_content() if body else ""
