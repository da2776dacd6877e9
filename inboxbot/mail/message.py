"""What an email message is to us, once parsed.

Plain frozen values: no connection, no file, no clock. Every other package may import
this module; it imports none of them. Every string in them is NFC, bounded, free of
lone surrogates, and, where it comes from a header, of control characters.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from inboxbot.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox as a header names it (RFC 5322, section 3.4): display name and addr-spec."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the letter's text. `index` finds its bytes again in the raw message."""

    index: int
    name: str
    type: str
    size: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the MIME tree, in the order of the message; `depth` 0 is the message itself.

    `parameters` are those of Content-Type, with lower-case names.
    """

    depth: int
    type: str
    parameters: tuple[tuple[str, str], ...] = ()
    disposition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What we could read of a message; empty where there was nothing to read.

    `headers` holds every field of the message's own header in its order, names as
    written, values unfolded and *not* decoded: the marks are read from all occurrences.
    `authors` are the mailboxes of all From fields; `sender` is the one usable author, or
    None. `text` is the sender's own new words, `full_text` everything that a person would
    see. `sent_at` is the Date field in UTC, where it is believable. `parser` names which
    step could read it: `mail-parser`, `email`, `headers` or `none`.
    """

    headers: tuple[tuple[str, str], ...] = ()
    message_id: str | None = None
    sender: Address | None = None
    authors: tuple[Address, ...] = ()
    from_fields: int = 0
    reply_to: tuple[Address, ...] = ()
    recipients: tuple[Address, ...] = ()
    subject: str = ""
    text: str = ""
    full_text: str = ""
    attachments: tuple[Attachment, ...] = ()
    parts: tuple[Part, ...] = ()
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    sent_at: datetime | None = None
    defects: tuple[str, ...] = ()
    parser: str = "none"
    charset_guessed: bool = False

    def header(self, name: str) -> tuple[str, ...]:
        """Return the values of every field called `name`, in any case, in their order."""
        wanted, size = name.lower(), len(name)
        return tuple(
            value
            for field_name, value in self.headers
            if len(field_name) == size and field_name.lower() == wanted
        )


class Strength(StrEnum):
    """How much a mark proves.

    `PROOF`: a machine, a list or we ourselves. `WEAK`: programs put it on people's letters
    too, so alone it proves nothing. `DOUBT`: a person may well be waiting all the same.
    """

    PROOF = "proof"
    WEAK = "weak"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class Mark:
    """What shows that a machine, a list or we ourselves wrote a message (RFC 3834).

    `code` is a reason of the closed list in `reply.reason`; `evidence` is the header field
    or the rule that showed it, in words for staff, and never text from the letter's body.
    """

    code: str
    evidence: str
    strength: Strength = Strength.PROOF


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are on a mailbox: what tells our own letters and relays from other people's.

    `addresses` (own address and aliases), `own_domains`, `form_relays`,
    `trusted_authserv_ids` and `own_list_ids` are lower-case. `instance_id` is public and
    stands in the loop mark; `secret` keys the HMAC of our Message-IDs and never leaves.
    """

    mailbox: str
    name: str
    address: str
    addresses: frozenset[str] = field(default_factory=frozenset)
    own_domains: frozenset[str] = field(default_factory=frozenset)
    form_relays: frozenset[str] = field(default_factory=frozenset)
    trusted_authserv_ids: frozenset[str] = field(default_factory=frozenset)
    own_list_ids: frozenset[str] = field(default_factory=frozenset)
    instance_id: str = ""
    secret: bytes = b""


def identity_for(identities: Mapping[str, Identity], mailbox: str) -> Identity:
    """Return who we are on a mailbox; for one that left the configuration another speaks."""
    return identities.get(mailbox) or next(iter(identities.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply ready to be sent: exactly these bytes, to exactly this recipient.

    `envelope_sender` is "" for the null sender <> (RFC 5321, section 4.5.5).
    `needs_smtputf8` says that only a server with that extension may take it (RFC 6531).
    """

    raw: bytes
    recipient: str
    message_id: str
    envelope_sender: str = ""
    needs_smtputf8: bool = False
