"""Where a reply to a message may go: the one author, or the person behind a web form.

From is forgeable and Reply-To is free text, so Reply-To counts only within the author's own
organisation, or behind a form relay of ours that a trusted server vouches for.
"""

import re
from enum import StrEnum

from inboxbot.frozen import dataclass
from inboxbot.mail import authentication, headers
from inboxbot.mail.conversation import domain_of, folded
from inboxbot.mail.message import Address, Identity, Message
from inboxbot.mail.providers import LARGE_PROVIDERS

# Labels under which a country lets organisations register ("co.uk", "com.au", "or.jp").
_SECOND_LEVEL = frozenset({
    "ac", "co", "com", "edu", "gob", "gouv", "gov", "go", "gv", "id", "ind", "info", "lg", "ltd",
    "me", "med", "mil", "muni", "ne", "net", "nhs", "nom", "or", "org", "plc", "sch", "web",
    "asso", "gen", "k12", "police", "school",
})  # fmt: skip
_FORM_WORDS = frozenset({
    "form", "forms", "webform", "webforms", "contactform", "formmail", "formmailer",
    "formresponses", "wordpress", "wpforms", "cf7", "jotform", "typeform", "formular",
    "formulare", "kontaktformular", "formulaire", "formulario", "formulaires", "formularz",
    "formulier", "contactformulier", "formulär", "kontaktformulär", "webserver", "apache",
    "httpd", "wwwrun", "nobody",
})  # fmt: skip
_FORM_SERVICES = frozenset({
    "formspree.io", "formsubmit.co", "jotform.com", "typeform.com", "wufoo.com", "formstack.com",
    "paperform.co", "tally.so", "getform.io", "formcarry.com", "basin.dev", "usebasin.com",
    "123formbuilder.com", "cognitoforms.com", "wixforms.com", "squarespace.info", "wix.com",
    "weebly.com", "shopify.com", "hubspot.com",
})  # fmt: skip
_SEPARATORS = re.compile(r"[-._+]")


class Relay(StrEnum):
    """Whether a web form stands between us and the person who wrote."""

    NONE = "none"
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """Who wrote (`author`) and who would be answered (`person`), as far as either is usable.

    Behind an untrusted relay `person` is only a proposal: a reply waits until staff send it.
    """

    author: str | None = None
    person: str | None = None
    relay: Relay = Relay.NONE


def correspondent(message: Message, identity: Identity) -> Correspondent:
    """Return who wrote a message and where a reply may go."""
    author = _author(message)
    if author is None:
        return Correspondent()
    reply_to = _reply_to(message)
    if author.lower() in identity.form_relays:
        vouched = relay_is_vouched_for(message, identity, domain_of(author))
        relay = Relay.TRUSTED if vouched else Relay.UNTRUSTED
        return Correspondent(author=author, person=reply_to, relay=relay)
    if reply_to is None or reply_to.lower() == author.lower():
        return Correspondent(author=author, person=author)
    if _of_one_organisation(reply_to, author):
        return Correspondent(author=author, person=reply_to)
    if _could_be_a_form(author, identity) and not is_own(reply_to, identity):
        return Correspondent(author=author, person=reply_to, relay=Relay.UNTRUSTED)
    return Correspondent(author=author, person=author)


def _author(message: Message) -> str | None:
    """Return the usable address of the one author (RFC 5322, section 3.6.2).

    Of two authors in one From field the one who sent it counts, where Sender names exactly one
    of them.
    """
    if message.from_fields > 1:
        return None
    if message.sender is not None:
        return headers.usable(message.sender.address)
    fields = message.header("sender")
    if len(message.authors) != 2 or len(fields) != 1:
        return None
    senders = headers.addresses(fields)
    if len(senders) != 1:
        return None
    sent_by = senders[0].address.lower()
    if sent_by not in (author.address.lower() for author in message.authors):
        return None
    return headers.usable(senders[0].address)


def _reply_to(message: Message) -> str | None:
    """Return the address of Reply-To where it is exactly one usable mailbox."""
    fields = message.header("reply-to")
    if len(message.reply_to) != 1 or len(fields) > 1:
        return None
    mailbox: Address | None = message.reply_to[0]
    if fields:
        plainly = message.parser != "mail-parser"
        mailbox = headers.sole_author(fields[0], message.reply_to[0], plainly=plainly)
    return headers.usable(mailbox.address) if mailbox else None


def relay_is_vouched_for(message: Message, identity: Identity, domain: str) -> bool:
    """Say whether a trusted server found that the message really comes from `domain`."""
    field = authentication.trusted(message, identity)
    verdict, header_from = authentication.dmarc(field)
    if verdict is authentication.Verdict.PASS:
        return not header_from or same_organisation(header_from, domain)
    if verdict is not authentication.Verdict.UNKNOWN:
        return False
    return any(same_organisation(d, domain) for d in authentication.vouched_domains(field))


def authenticated(message: Message, identity: Identity, who: Correspondent) -> bool:
    """Say whether a trusted server vouches that the person to be answered wrote this (DMARC).

    Never behind a relay, where anybody may have typed the address into the form.
    """
    if who.author is None or who.person != who.author or who.relay is not Relay.NONE:
        return False
    verdict, domain = authentication.dmarc(authentication.trusted(message, identity))
    aligned = not domain or same_organisation(domain, domain_of(who.author))
    return verdict is authentication.Verdict.PASS and aligned


def is_own_address(address: str, identity: Identity) -> bool:
    """Say whether an address is one of ours; case and plus-tag do not matter."""
    return folded(address) in {folded(own) for own in (identity.address, *identity.addresses)}


def is_own_domain(address: str, identity: Identity) -> bool:
    """Say whether an address lies in a domain of ours or below one, by whole labels."""
    domain = domain_of(address)
    return any(domain == own or domain.endswith(f".{own}") for own in identity.own_domains)


def is_own(address: str, identity: Identity) -> bool:
    """Say whether an address is ours or of our own people."""
    return is_own_address(address, identity) or is_own_domain(address, identity)


def same_organisation(one: str, other: str) -> bool:
    """Say whether two domains belong to one organisation, as far as their names tell."""
    return _organisation(one) == _organisation(other)


def _of_one_organisation(address: str, other: str) -> bool:
    """Say whether two addresses are one organisation's: those of half the world are nobody's."""
    domain = domain_of(address)
    return domain not in LARGE_PROVIDERS and same_organisation(domain, domain_of(other))


def _organisation(domain: str) -> str:
    labels = domain.lower().rstrip(".").split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if country else -2 :])


def _could_be_a_form(author: str, identity: Identity) -> bool:
    local, _, domain = author.lower().rpartition("@")
    if is_own(author, identity) or _organisation(domain) in _FORM_SERVICES:
        return True
    return local == "www-data" or not _FORM_WORDS.isdisjoint(_SEPARATORS.split(local))
