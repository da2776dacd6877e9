"""Why a letter was acknowledged, held or suppressed: the closed list, with a sentence for each.

Pure values. The stored text is the value; staff read the sentence.
"""

from enum import StrEnum

from inboxbot.frozen import dataclass


class Disposition(StrEnum):
    """What becomes of the acknowledgement of a letter. The letter itself always goes to staff."""

    ACKNOWLEDGE = "acknowledge"
    HOLD = "hold"
    SUPPRESS = "suppress"


class Reason(StrEnum):
    """Why an acknowledgement is held back. The first that hit is the primary one."""

    DUPLICATE = "duplicate"
    INVALID_SENDER = "invalid_sender"
    OWN_ADDRESS = "own_address"
    OWN_DOMAIN = "own_domain"
    UNTRUSTED_RELAY = "untrusted_relay"
    NULL_RETURN_PATH = "null_return_path"
    LOOP = "loop"
    AUTO_SUBMITTED = "auto_submitted"
    AUTO_REPLY_HEADER = "auto_reply_header"
    AUTO_RESPONSE_SUPPRESS = "auto_response_suppress"
    BULK_PRECEDENCE = "bulk_precedence"
    LIST_MAIL = "list_mail"
    BULK_MAIL = "bulk_mail"
    NO_REPLY_ADDRESS = "no_reply_address"
    SYSTEM_ADDRESS = "system_address"
    BOUNCE = "bounce"
    READ_RECEIPT = "read_receipt"
    CALENDAR = "calendar"
    SPAM = "spam"
    AUTO_REPLY_SUBJECT = "auto_reply_subject"
    CHALLENGE_RESPONSE = "challenge_response"
    AUTH_FAILED = "auth_failed"
    TOO_OLD = "too_old"
    NOT_ADDRESSED = "not_addressed"
    IN_CONVERSATION = "in_conversation"
    RATE_LIMITED = "rate_limited"
    BREAKER_OPEN = "breaker_open"
    ADDRESS_BLOCKED = "address_blocked"
    DISABLED = "disabled"
    TEMPLATE_ERROR = "template_error"
    # Beyond the rows of the decision table: states of the installation, not of the letter.
    BASELINE = "baseline"
    SHADOW = "shadow"
    PAUSED = "paused"
    RESTORED = "restored"
    UIDVALIDITY = "uidvalidity"
    UNREADABLE = "unreadable"
    GUARD = "guard"
    COMPOSE_MISMATCH = "compose_mismatch"
    STAFF = "staff"


# What servers on the way mark one copy of a message with; they say nothing of another copy.
ON_THE_WAY = frozenset({Reason.BULK_PRECEDENCE, Reason.LIST_MAIL, Reason.SPAM, Reason.AUTH_FAILED})

# Each continues "Not answered:" or "Held:", and is followed by what showed it.
EXPLANATIONS: dict[Reason, str] = {
    Reason.DUPLICATE: "the same letter was handled before",
    Reason.INVALID_SENDER: "the letter names no address that an answer could go to",
    Reason.OWN_ADDRESS: "the answer would go to an address of ours",
    Reason.OWN_DOMAIN: "somebody of our own organisation wrote it",
    Reason.UNTRUSTED_RELAY: "it came through a web form that we cannot vouch for",
    Reason.NULL_RETURN_PATH: "the mail server marks it as a notice that must not be answered",
    Reason.LOOP: "it is a letter of our own that came back",
    Reason.AUTO_SUBMITTED: "the message says that a machine wrote it",
    Reason.AUTO_REPLY_HEADER: "it carries the mark of an automatic reply",
    Reason.AUTO_RESPONSE_SUPPRESS: "the message asks that no automatic reply be sent",
    Reason.BULK_PRECEDENCE: "the message says that it was sent in bulk",
    Reason.LIST_MAIL: "it came from a mailing list or a newsletter",
    Reason.BULK_MAIL: "it looks like a mailing to many people",
    Reason.NO_REPLY_ADDRESS: "nobody reads the address that it came from",
    Reason.SYSTEM_ADDRESS: "a mail system and not a person has the address that it came from",
    Reason.BOUNCE: "it reports that a message could not be delivered",
    Reason.READ_RECEIPT: "it is a read receipt",
    Reason.CALENDAR: "it is a calendar message",
    Reason.SPAM: "our mail server takes it for spam",
    Reason.AUTO_REPLY_SUBJECT: "the subject is that of an automatic reply",
    Reason.CHALLENGE_RESPONSE: "a program asks us to confirm that we are people",
    Reason.AUTH_FAILED: "our mail server could not confirm that the sender is who it says",
    Reason.TOO_OLD: "the letter is too old for an automatic acknowledgement",
    Reason.NOT_ADDRESSED: "it was not addressed to us",
    Reason.IN_CONVERSATION: "it continues a conversation that staff have already",
    Reason.RATE_LIMITED: "enough acknowledgements went there lately",
    Reason.BREAKER_OPEN: "far more acknowledgements than usual would go out",
    Reason.ADDRESS_BLOCKED: "nothing is sent to this address by itself",
    Reason.DISABLED: "this kind of acknowledgement is switched off",
    Reason.TEMPLATE_ERROR: "its template could not be filled in",
    Reason.BASELINE: "it was there before inboxbot, or was imported",
    Reason.SHADOW: "inboxbot runs in shadow mode and sends nothing yet",
    Reason.PAUSED: "sending is paused",
    Reason.RESTORED: "a backup was restored, and this may have been answered before",
    Reason.UIDVALIDITY: "the server numbered the mailbox anew, and this may be an old letter",
    Reason.UNREADABLE: "the letter could not be read by the program",
    Reason.GUARD: "the finished text holds something that an automatic mail may not say",
    Reason.COMPOSE_MISMATCH: "the finished message was not exactly what was meant",
    Reason.STAFF: "a member of staff decided so",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that applied: its reason, what it asks for, and what showed it.

    `evidence` is for staff and names a header field, a rule or a count; never a line of
    the letter.
    """

    reason: Reason
    disposition: Disposition
    evidence: str
