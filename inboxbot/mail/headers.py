"""What a header field says: words, addresses, ids, dates, parameters.

Every function takes a value as the library holds it (folded, octets above 127 as lone
surrogates) and returns clean, bounded values. None raises and none takes more than linear
time: `email.policy.default` does both (a folded Subject of 1.2 MB takes it 4 GB).

mail-parser is loaded by who reads letters (`parse`): its patterns take long to build, and who only
writes them, as the daemon does, needs none.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from inboxbot.mail import charset
from inboxbot.mail.clean import one_line, seen_through, unfold
from inboxbot.mail.message import Address

SUBJECT_LIMIT = 998
NAME_LIMIT = 200
ADDRESS_LIMIT = 254
VALUE_LIMIT = 16_384
ADDRESSES_LIMIT = 500
REFERENCES_LIMIT = 100

_UNREADABLE = "\ufffd"
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_ID = re.compile(r"<([^<>]{1,998})>")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_PLAIN_ADDRESS = re.compile(
    rf"{_ATOM}{{1,64}}(?:\.{_ATOM}{{1,64}}){{0,15}}@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{1,20}}"
)
_QUOTED_LOCAL = re.compile(r'"[A-Za-z0-9!#$%&\'*+/=?^_`{|}~. ()<>\[\],;@-]{1,62}"')
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


# --- words ---------------------------------------------------------------------------


def octets(value: str) -> bytes:
    """Return the bytes that a header value was read from."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def written(value: str) -> str:
    """Return a value as text without decoding its encoded words."""
    if value.isascii():
        return value
    return charset.decode(octets(value)).text


def decoded(value: str) -> str:
    """Decode the encoded words of a value (RFC 2047), and octets that nobody encoded.

    More is decoded than the RFC allows: words inside quotes, with blanks or raw octets in
    them, or with broken base64. Adjacent words of one charset are joined before they are
    decoded, since senders cut characters in two.
    """
    if "=?" not in value:
        return written(value)
    wire = octets(value).decode("latin-1")
    pieces: list[str] = []
    pending, pending_charset = b"", ""
    end = 0
    for match in _ENCODED_WORD.finditer(wire):
        between = wire[end : match.start()]
        label = match[1].partition("*")[0].lower()
        if pending_charset and (between.strip() or label != pending_charset):
            pieces.append(charset.decode(pending, pending_charset).text)
            pending = b""
        if not pending_charset or between.strip():
            pieces.append(written_octets(between.encode("latin-1")))
        pending += _word(match[2], match[3].encode("latin-1"))
        pending_charset = label
        end = match.end()
    if pending_charset:
        pieces.append(charset.decode(pending, pending_charset).text)
    pieces.append(written_octets(wire[end:].encode("latin-1")))
    return "".join(pieces)


def written_octets(data: bytes) -> str:
    """Decode octets of a header that no encoded word explains."""
    return charset.decode(data).text


def _word(encoding: str, data: bytes) -> bytes:
    if encoding in "qQ":
        return _HEX.sub(lambda m: bytes([int(m[1], 16)]), data.replace(b"_", b" "))
    return lenient_base64(data)


def lenient_base64(data: bytes) -> bytes:
    """Decode base64 as mail programs do: foreign characters dropped, cut at the padding."""
    data = _NOT_BASE64.sub(b"", data.partition(b"=")[0])
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def line(value: str, limit: int) -> str:
    """Return a decoded value as one clean line."""
    if value.isascii() and "=?" not in value:
        return one_line(value, limit)
    return one_line(decoded(unfold(value[:VALUE_LIMIT])), limit)


# --- addresses -----------------------------------------------------------------------


def addresses(values: Iterable[str], *, plainly: bool = False) -> list[Address]:
    """Return the mailboxes of address fields, in their order (RFC 5322, section 3.4).

    Only whole, unambiguous mailboxes count: nothing is searched for in a display name or
    a comment. `plainly` reads with the standard library alone, for values that the better
    reader cannot take.
    """
    found: list[Address] = []
    for value in values:
        value = unfold(value[:VALUE_LIMIT])
        simple = _simple_mailbox(value)
        if simple is not None:
            found.append(simple)
            continue
        for name, address in _mailboxes(value, plainly=plainly):
            if address:
                # One with a character in it that nobody sees is not the address that one reads.
                address = seen_through(written(address), _UNREADABLE)
                found.append(Address(line(name, NAME_LIMIT), one_line(address, ADDRESS_LIMIT + 1)))
    return found[:ADDRESSES_LIMIT]


def _mailboxes(value: str, *, plainly: bool) -> list[tuple[str, str]]:
    text = written(value).replace("\0", " ")
    if plainly:
        return getaddresses([text])
    from mailparser.utils import get_addresses

    result: list[tuple[str, str]] = get_addresses(text, decode_names=True)
    return result


def _simple_mailbox(value: str) -> Address | None:
    """Read the shape that nearly all mail has, `Name <address>`, without a grammar."""
    value = value.strip()
    name, angle, rest = value.partition("<")
    if not angle:
        name, address = "", value
    elif rest.endswith(">"):
        address = rest[:-1]
    else:
        return None
    if not _PLAIN_ADDRESS.fullmatch(address):
        return None
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
        if not name.isascii() or not name.isprintable() or any(c in name for c in '"\\='):
            return None
    elif not name.isascii() or not name.isprintable() or any(c in name for c in '"\\=()<>[]:;@,'):
        return None
    return Address(name[:NAME_LIMIT].strip(), address)


def sole_author(value: str, mailbox: Address, *, plainly: bool = False) -> Address | None:
    """Return the one mailbox of a From field, or None where the field holds more than that.

    An unquoted comma ("Smith, Jane <...>") splits a name into items of which only the last
    has an address: such words are the name. Half of another address is not.
    """
    value = unfold(value[:VALUE_LIMIT])
    if _simple_mailbox(value) is not None:
        return mailbox
    if plainly:
        # The plain reader takes addresses out of broken fields, and not always the right one.
        return mailbox if written(value).count("@") == 1 else None
    from mailparser.utils import get_addresses

    diagnostics: list[dict[str, object]] = []
    get_addresses(written(value).replace("\0", " "), defects=diagnostics, decode_names=True)
    for diagnostic in diagnostics:
        if not diagnostic["recovered"] and any(c in str(diagnostic["raw"]) for c in "@<>"):
            return None
    before, angle, _ = value.partition("<")
    if angle and "," in before and not any(c in before for c in '"@:;(\\'):
        return Address(line(before, NAME_LIMIT), mailbox.address)
    return mailbox


@lru_cache(maxsize=16)  # One letter asks for the same few again and again.
def usable(address: str) -> str | None:
    """Return an addr-spec that mail can be sent to, its domain in ASCII, or None.

    Exactly one mailbox at a name with a dot: no literal, no `localhost`, no local part
    that a mail program may take for an option (RFC 5321, section 4.1.2).
    """
    local, _, domain = address.rpartition("@")
    if not local or len(address) > ADDRESS_LIMIT or len(local) > 64 or local.startswith("-"):
        return None
    if "=?" in local:
        return None  # An encoded word stands in no address (RFC 2047, section 5).
    if not domain.isascii():
        try:
            encoded = domain.encode("idna")
            # Where the old rules change the name (RFC 3490: "ß" to "ss") it is another's.
            if encoded.decode("idna") != unicodedata.normalize("NFC", domain.lower()):
                return None
        except UnicodeError:
            return None
        domain = encoded.decode("ascii")
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return None
    if labels[-1].isdigit() or labels[-1].lower() in ("localhost", "localdomain"):
        return None
    # A local part in other letters than ASCII can be written to as well (RFC 6531).
    plain = local if local.isascii() else _ascii_in_its_place(local)
    if not (_PLAIN_ADDRESS.fullmatch(f"{plain}@{domain}") or _QUOTED_LOCAL.fullmatch(local)):
        return None
    return f"{local}@{domain}"


def _ascii_in_its_place(local: str) -> str:
    """Return a local part with `x` for each letter, mark and digit beyond ASCII."""
    return "".join(
        "x" if not c.isascii() and unicodedata.category(c)[0] in "LMN" else c for c in local
    )


# --- ids and dates -------------------------------------------------------------------


def message_ids(values: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of In-Reply-To or References fields, `<…@…>` each, without repeats."""
    found: dict[str, None] = {}
    for value in values:
        for match in _ID.finditer(unfold(value[:VALUE_LIMIT])):
            identifier = _identifier(match[1])
            if identifier:
                found[identifier] = None
    ids = list(found)
    if len(ids) > REFERENCES_LIMIT:
        ids = ids[: REFERENCES_LIMIT // 2] + ids[-REFERENCES_LIMIT // 2 :]
    return tuple(ids)


def message_id(value: str) -> str | None:
    """Return the id of a Message-ID field as `<…@…>`, or None where there is no valid one."""
    value = unfold(value[: VALUE_LIMIT + 1])
    match = _ID.search(value)
    return _identifier(match[1] if match else value.strip(" \t<>"))


def _identifier(inner: str) -> str | None:
    inner = "".join(inner.split())
    left, at, right = inner.rpartition("@")
    if not (left and at and right) or len(inner) > 996:
        return None
    if not inner.isascii() or not inner.isprintable():
        return None
    return f"<{inner}>"


def date(value: str, *, plainly: bool = False) -> datetime | None:
    """Return a Date field in UTC, where it is a date between 1980 and 2100."""
    from mailparser.dates import parse_mail_date

    text = unfold(value[:200]).strip()
    found = (None if plainly else parse_mail_date(text).value) or _plain_date(text)
    if found is None or not 1980 <= found.year < 2100:
        return None
    return found.astimezone(UTC)


def _plain_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


# --- parameters ----------------------------------------------------------------------

_PARAMETERS_LIMIT = 50
_PARAMETER_LENGTH = 4_096


def parameters(value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Split `type/subtype; name=value; …` into its head and its parameters, lower-case names.

    Continuations and charsets are undone (RFC 2231), as are encoded words, which do not
    belong there and are everywhere.
    """
    text = unfold(value[:VALUE_LIMIT])
    pieces = _split_outside_quotes(text)
    head = one_line(pieces[0].strip().lower(), 200)
    plain: dict[str, str] = {}
    pieces_of: dict[str, list[tuple[int, bool, str]]] = {}
    for piece in pieces[1 : _PARAMETERS_LIMIT + 1]:
        name, equals, content = piece.partition("=")
        name = one_line(name.strip().lower(), 60)
        if not equals or not name:
            continue
        content = _unquoted(content.strip())[:_PARAMETER_LENGTH]
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(name, line(content, _PARAMETER_LENGTH))
            continue
        number = rest.rstrip("*")
        order = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
        pieces_of.setdefault(base, []).append((order, name.endswith("*"), content))
    for base, continuations in pieces_of.items():
        plain[base] = _extended(sorted(continuations, key=lambda piece: piece[0]))
    return head, tuple(plain.items())


def _split_outside_quotes(text: str) -> list[str]:
    if '"' not in text:
        return text.split(";")
    pieces: list[str] = []
    quotes = 0
    joined: list[str] = []
    for piece in text.split(";"):
        joined.append(piece)
        quotes += piece.count('"') - piece.count('\\"')
        if quotes % 2 == 0:
            pieces.append(";".join(joined))
            joined = []
    if joined:
        # A quote that is never closed takes nothing with it.
        pieces.extend(joined)
    return pieces


def _unquoted(content: str) -> str:
    if content.startswith('"'):
        content = content[1:]
        closing = content.rfind('"')
        if closing >= 0:
            content = content[:closing]
        return re.sub(r"\\(.)", r"\1", content)
    return content.rstrip('"')


def _extended(continuations: list[tuple[int, bool, str]]) -> str:
    label = ""
    data = b""
    for position, (_, encoded, content) in enumerate(continuations):
        if encoded and position == 0 and content.count("'") >= 2:
            label, _, content = content.split("'", 2)
        raw = octets(content)
        data += unquote_to_bytes(raw) if encoded else raw
    text = charset.decode(data, label).text
    return one_line(decoded(text) if not label else text, _PARAMETER_LENGTH)
