"""What our own mail server found when it checked who sent a message (RFC 8601).

Anybody can write an Authentication-Results field. Only the topmost one of a server that we
trust by name counts (RFC 8601, sections 1.2 and 5); every other one, and ARC, is ignored.
"""

from collections.abc import Iterator
from enum import StrEnum

from inboxbot.frozen import dataclass
from inboxbot.mail.lexical import Token, tokens
from inboxbot.mail.message import Identity, Message

_RESULTS_LIMIT = 100


class Verdict(StrEnum):
    """What DMARC (RFC 7489) came to; after `FAIL_NO_POLICY` the domain asks for nothing."""

    PASS = "pass"  # noqa: S105  (a result of RFC 8601, no password)
    FAIL = "fail"
    FAIL_NO_POLICY = "fail_no_policy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one method, lower-case; `properties` as `("smtp.mailfrom", value)`.

    `comments` are kept apart: servers write the domain's policy there (`p=NONE`).
    """

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()
    comments: str = ""

    def property(self, name: str) -> str:
        """Return the first value of a property, lower-case, or ""."""
        return next((value.lower() for key, value in self.properties if key == name), "")


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """One field: who says so, and the results."""

    authserv_id: str
    results: tuple[Result, ...] = ()


def read(value: str) -> AuthenticationResults | None:
    """Read one Authentication-Results field, or None where it names no server.

    Anything may be passed; what does not follow the grammar is left out.
    """
    groups = list(_groups(value))
    head = [token for token in groups[0] if token.kind != "comment"] if groups else []
    if not head or head[0].kind not in ("word", "quoted"):
        return None
    # authserv-id [CFWS authres-version]: nothing else may stand before the first semicolon.
    if len(head) > 2 or (len(head) == 2 and not (head[1].spaced and head[1].text.isdigit())):
        return None
    results = [result for group in groups[1:] if (result := _result(group)) is not None]
    return AuthenticationResults(head[0].text.lower(), tuple(results[:_RESULTS_LIMIT]))


def _groups(value: str) -> Iterator[list[Token]]:
    group: list[Token] = []
    for token in tokens(value):
        if token.kind == ";":
            yield group
            group = []
        else:
            group.append(token)
    yield group


def _result(group: list[Token]) -> Result | None:
    comments = " ".join(token.text for token in group if token.kind == "comment")
    pairs = _pairs([token for token in group if token.kind != "comment"])
    if not pairs:
        return None
    (method, result), rest = pairs[0], pairs[1:]
    name = method.partition("/")[0]
    return Result(name, result.lower(), tuple(rest), comments)


def _pairs(group: list[Token]) -> list[tuple[str, str]]:
    """Read `key = value` pairs; the blanks that CFWS allows around `.`, `/` and `=` are dropped."""
    pairs: list[tuple[str, str]] = []
    key = ""
    position = 0
    while position < len(group):
        token = group[position]
        if token.kind == "=":
            value, position = _value(group, position + 1)
            if key and value:
                pairs.append((key.lower(), value))
            key = ""
            continue
        if key.endswith((".", "/")) or (key and token.text.startswith((".", "/"))):
            key += token.text
        else:
            key = token.text
        position += 1
    return pairs


def _value(group: list[Token], start: int) -> tuple[str, int]:
    """Read a value; it goes on without a blank, as in `smtp.mailfrom=bounce+a=b@example.org`."""
    pieces: list[str] = []
    position = start
    while position < len(group) and (position == start or not group[position].spaced):
        pieces.append(group[position].text)
        position += 1
    return "".join(pieces), position


def trusted(message: Message, identity: Identity) -> AuthenticationResults | None:
    """Return the topmost field of a server whose name is in `trusted_authserv_ids`, or None."""
    if not identity.trusted_authserv_ids:
        return None
    for value in message.header("authentication-results"):
        field = read(value)
        if field is not None and field.authserv_id in identity.trusted_authserv_ids:
            return field
    return None


def dmarc(field: AuthenticationResults | None) -> tuple[Verdict, str]:
    """Return what DMARC came to and for which From domain ("" where that is not written)."""
    results = [result for result in field.results if result.method == "dmarc"] if field else []
    for result in results:
        if result.result in ("fail", "hardfail"):
            verdict = Verdict.FAIL_NO_POLICY if _asks_for_nothing(result) else Verdict.FAIL
            return verdict, result.property("header.from")
    for result in results:
        if result.result == "pass":
            return Verdict.PASS, result.property("header.from")
    return Verdict.UNKNOWN, ""


def _asks_for_nothing(result: Result) -> bool:
    """Whether the domain's policy is p=none, as Gmail, Microsoft and OpenDMARC write it."""
    stated = result.property("policy.dmarc") or result.property("policy.published-domain-policy")
    if stated:
        return stated == "none"
    words = result.comments.lower().replace(",", " ").replace(";", " ").split()
    if any(word.startswith("p=") for word in words):
        return "p=none" in words
    return result.property("action") == "none"


def vouched_domains(field: AuthenticationResults | None) -> tuple[str, ...]:
    """Return the domains that SPF or DKIM passed for."""
    if field is None:
        return ()
    names = {"spf": ("smtp.mailfrom",), "dkim": ("header.d", "header.i")}
    found = [
        result.property(name).rpartition("@")[2]
        for result in field.results
        if result.result == "pass"
        for name in names.get(result.method, ())
    ]
    return tuple(domain for domain in found if domain)
