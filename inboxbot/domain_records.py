"""What our own domain says in the DNS about who may send its mail: SPF, DKIM, DMARC.

Acknowledgements from a domain without them end in spam folders. Hints only: many a provider sets
these records, and a look-up that fails proves nothing.
"""

from collections.abc import Iterable

import dns.exception
import dns.resolver

from inboxbot.frozen import dataclass

# Names that large providers publish their keys under; others can only be guessed.
SELECTORS = ("default", "google", "selector1", "selector2", "s1", "s2", "k1", "dkim", "mail")
TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Hint:
    """One record: whether it is there and well, and what was found or is to be done."""

    record: str
    well: bool
    found: str
    fix: str = ""


class Unanswered(Exception):  # noqa: N818  (no error: the DNS may be away)
    """No name server answered."""


def hints(domain: str, resolver: dns.resolver.Resolver | None = None) -> list[Hint]:
    """Return what there is to say about `domain`; raises `Unanswered` without DNS."""
    try:
        resolver = resolver or dns.resolver.Resolver()
    except dns.exception.DNSException as error:
        raise Unanswered from error
    resolver.timeout, resolver.lifetime = TIMEOUT_S, TIMEOUT_S
    return [_spf(domain, resolver), _dkim(domain, resolver), _dmarc(domain, resolver)]


def _spf(domain: str, resolver: dns.resolver.Resolver) -> Hint:
    records = [text for text in _texts(domain, resolver) if text.lower().startswith("v=spf1")]
    if not records:
        return Hint(
            "SPF", False, f"{domain} does not say who may send its mail.",
            "Add the TXT record that your mail provider names (RFC 7208).",
        )  # fmt: skip
    if len(records) > 1:
        return Hint(
            "SPF", False, f"{domain} has {len(records)} SPF records, so none of them counts.",
            "Make one of them.",
        )  # fmt: skip
    if records[0].lower().split()[-1] == "+all":
        return Hint(
            "SPF", False, f"{domain} lets everybody send its mail (+all).", 'End it with "~all".'
        )
    return Hint("SPF", True, f"{domain} says who may send its mail.")


def _dkim(domain: str, resolver: dns.resolver.Resolver) -> Hint:
    for selector in SELECTORS:
        if any("p=" in text for text in _texts(f"{selector}._domainkey.{domain}", resolver)):
            return Hint("DKIM", True, f"{domain} has a key under the name {selector}.")
    return Hint(
        "DKIM", False, f"No key of {domain} is under a usual name.",
        "Switch DKIM on at your mail provider; it may be on under another name (RFC 6376).",
    )  # fmt: skip


def _dmarc(domain: str, resolver: dns.resolver.Resolver) -> Hint:
    records = [t for t in _texts(f"_dmarc.{domain}", resolver) if t.lower().startswith("v=dmarc1")]
    if len(records) != 1:
        return Hint(
            "DMARC", False, f"{domain} has {len(records) or 'no'} DMARC record.",
            f'Add a TXT record for _dmarc.{domain}, such as "v=DMARC1; p=none" (RFC 7489).',
        )  # fmt: skip
    return Hint(
        "DMARC", True, f"{domain} says what becomes of mail that only claims to be its own."
    )


def _texts(name: str, resolver: dns.resolver.Resolver) -> Iterable[str]:
    try:
        answer = resolver.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise Unanswered from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
