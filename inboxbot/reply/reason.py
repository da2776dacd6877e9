"""Why a letter was acknowledged, held or suppressed: the closed list, with a sentence for each.

Pure values. The stored text is the value; staff read the sentence.
"""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that applied: its reason, what it asks for, and what showed it.

    `evidence` is for staff and names a header field, a rule or a count; never a line of
    the letter.
    """

    reason: Reason
    disposition: Disposition
    evidence: str
