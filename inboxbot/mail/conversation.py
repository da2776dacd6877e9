"""When two messages are the same one, or of the same person.

Pure functions. A Message-ID may be missing, forged or repeated, so it is never a key by
itself: the author and the words belong to it.
"""

import hashlib
import re
from functools import lru_cache

from inboxbot.mail.message import Message

# RFC 5322, section 3.6.5 has "Re: " alone; programs write it in their users' languages, and
# gateways put a tag before it.
_TAGS = r"(?:\[[^\[\]]{1,40}\]\s{0,3}){0,4}"
_FORWARD = re.compile(
    rf"{_TAGS}(?:fwd?|wg|tr|rv|enc|i|vb|vl|vs|pd|fs|doorst|转发|轉寄|転送)\s{{0,3}}[:\uff1a]",
    re.IGNORECASE,
)
_REPLY = re.compile(
    rf"{_TAGS}"
    r"(?:re|aw|sv|vs|antw|odp|ynt|res|rif|回复|回覆|返信)\s{0,3}[:\uff1a]",
    re.IGNORECASE,
)


def is_reply(subject: str) -> bool:
    """Say whether a subject is that of a reply: the words behind the mark are of another letter."""
    return _REPLY.match(subject) is not None


def is_forward(subject: str) -> bool:
    """Say whether a subject is that of a forward: below the sender's words are another's."""
    return _FORWARD.match(subject) is not None


def folded(address: str) -> str:
    """Return `address` as one person's: in lower case and without a plus-tag (RFC 5233)."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.split('+', 1)[0] or local}@{domain}"


def domain_of(address: str) -> str:
    """Return the domain of `address`, in lower case."""
    return address.rpartition("@")[2].lower()


@lru_cache(maxsize=1)  # It is asked for when a letter is decided on, and as it is recorded.
def identity_key(message: Message) -> str:
    """Return what makes the message itself, however often and wherever it was delivered.

    Message-ID, author and text; without a Message-ID the Date and the Subject stand in for it.
    The same Message-ID from another author, or over other words, is another message: buggy form
    mailers use one id for everything. Behind a form the author is the person in Reply-To.
    """
    authors = (message.sender, *message.reply_to)
    author = " ".join(folded(each.address) for each in authors if each)
    text = hashlib.sha256(" ".join(message.full_text.split()).encode()).hexdigest()
    if message.message_id:
        fields: tuple[str, ...] = ("id", message.message_id, author, text)
    else:
        sent_at = message.sent_at.isoformat() if message.sent_at else ""
        fields = ("no-id", author, sent_at, message.subject, text)
    return hashlib.sha256("\x00".join(fields).encode()).hexdigest()
