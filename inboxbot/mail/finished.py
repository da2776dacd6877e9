"""Read a finished reply as its recipient's program will, and say what is not as meant.

The last look before bytes may leave: exactly the intended fields, one recipient, nothing
that is loaded from elsewhere. It trusts nothing of what wrote them, and reads more strictly than
mail programs do: what two of them might read in two ways is not as meant.
"""

import binascii
import re

from inboxbot.mail import headers

_ALWAYS = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")
_THREAD = ("in-reply-to", "references")
_AUTOMATIC = ("auto-submitted", "x-auto-response-suppress", "x-inboxbot-loop")
_SINGLE = ("content-transfer-encoding", "content-language")
_MEANT = frozenset((*_ALWAYS, *_THREAD, *_AUTOMATIC, *_SINGLE))
_OF_A_PART = frozenset(("content-type", *_SINGLE))
_LONGEST_LINE = 998
# RFC 5322, section 2.2: a name of visible characters, and a value that may go on behind a fold.
_FIELD = re.compile(r"([!-9;-~]+): ([^\r\n]*(?:\r\n[ \t]+[^ \t\r\n][^\r\n]*)*)\r\n")
_TEXT = re.compile(r'text/(plain|html);[ \t]*charset="?utf-8"?', re.IGNORECASE)
_ALTERNATIVE = re.compile(
    r"multipart/alternative;[ \t]*boundary=\"([0-9A-Za-z'()+_,./:=?-]{1,70})\"", re.IGNORECASE
)

# What a mail program may load or run, in small letters. Links are only followed when a person
# clicks. Each begins with fixed letters, which are found fast.
_ACTIVE = tuple(
    re.compile(pattern)
    for pattern in (
        r"<(?:img|script|iframe|frame|object|embed|link|base|form|video|audio|source|svg|input)\b",
        r"src(?<=\bsrc)\s{0,9}=",
        r"background(?<=\bbackground)\s{0,9}=",
        r"url\s{0,9}\(",
        r"@import",
        r"http-equiv",
    )
)


def problems(
    raw: bytes,
    *,
    recipient: str | None = None,
    subject: str | None = None,
    message_id: str | None = None,
    bodies: tuple[tuple[str, str, str], ...] = (),
) -> tuple[str, ...]:
    """Return what is wrong with a finished reply, in words without content.

    Given `recipient`, `subject`, `message_id` and `bodies` (subtype, text, language), it must
    also say exactly those. Never raises.
    """
    found = _wire(raw)
    head, end, body = raw.partition(b"\r\n\r\n")
    fields = _fields(head + end[:2])
    if fields is None:
        return (*found, "the header is broken")
    header = dict(fields)
    found += _header([name for name, _ in fields], header)
    if recipient is not None and header.get("to", "") != recipient:
        found.append("To is not the recipient")
    if subject is not None and headers.line(header.get("subject", ""), 1_000) != subject:
        found.append("Subject is not what was written")
    if message_id is not None and header.get("message-id", "") != message_id:
        found.append("Message-ID is another")
    found += _content(header, body, bodies)
    return tuple(found)


def _fields(head: bytes) -> list[tuple[str, str]] | None:
    """Return the fields of a header, their names in small letters; None where it is none.

    Encoded words stay as they are written.
    """
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return None
    fields = []
    at = 0
    while field := _FIELD.match(text, at):
        fields.append((field[1].lower(), field[2].replace("\r\n", "")))
        at = field.end()
    return fields if at == len(text) else None


def _wire(raw: bytes) -> list[str]:
    found = []
    rest = raw.replace(b"\r\n", b"")
    if b"\0" in raw or b"\r" in rest or b"\n" in rest:
        found.append("a line ends wrongly, or NUL")
    if max(map(len, raw.split(b"\r\n"))) > _LONGEST_LINE:
        found.append("a line is too long")
    return found


def _header(names: list[str], header: dict[str, str]) -> list[str]:
    found = []
    if len(names) != len(header):
        found.append("a field stands twice")
    if not _MEANT.issuperset(names):
        found.append("a field that was not meant")
    if not header.keys() >= set(_ALWAYS):
        found.append("a field is missing")
    automatic = header.get("message-id", "").startswith("<ack.")
    if [name in names for name in _AUTOMATIC] != [automatic] * len(_AUTOMATIC):
        found.append("the marks of an automatic reply are not as meant")
    if automatic and header.get("auto-submitted") != "auto-replied":
        found.append("Auto-Submitted is not auto-replied")
    for name in ("to", "from"):
        addresses = headers.addresses([header.get(name, "")], plainly=True)
        if len(addresses) != 1 or headers.usable(addresses[0].address) is None:
            found.append(f"{name.title()} is not exactly one address")
    return found


def _content(
    header: dict[str, str], body: bytes, bodies: tuple[tuple[str, str, str], ...]
) -> list[str]:
    border = _ALTERNATIVE.fullmatch(header.get("content-type", ""))
    parts = _parts(body, border[1]) if border else [(header, body)]
    kinds = [_TEXT.fullmatch(head.get("content-type", "")) for head, _ in parts]
    subtypes = [kind[1].lower() for kind in kinds if kind]
    if len(subtypes) != len(kinds) or subtypes not in (["plain"], ["plain", "html"]):
        return ["the structure is not as meant"]
    texts = [_text(head, octets) for head, octets in parts]
    if None in texts:
        return ["the structure is broken"]
    found = []
    if not (texts[0] or "").strip():
        found.append("the text is empty")
    if len(texts) == 2 and _is_active((texts[1] or "").casefold()):
        found.append("the formatted text loads or runs something")
    if bodies and texts != [text for _, text, _ in bodies]:
        found.append("the text is not what was written")
    return found


def _is_active(page: str) -> bool:
    return any(pattern.search(page) for pattern in _ACTIVE)


def _parts(body: bytes, border: str) -> list[tuple[dict[str, str], bytes]]:
    """Cut an alternative at its boundary; nothing where something stands outside of its parts.

    A line that begins with the boundary ends a part for every program (RFC 2046, section 5.1.1),
    so it may have nothing behind it.
    """
    before, *pieces = (b"\r\n" + body).split(b"\r\n--" + border.encode())
    if before or pieces[-1:] not in ([b"--"], [b"--\r\n"]):
        return []
    parts = []
    for piece in pieces[:-1]:
        line, _, rest = piece.partition(b"\r\n")
        head, end, text = rest.partition(b"\r\n\r\n")
        fields = _fields(head + end[:2])
        if line or fields is None:
            return []
        header = dict(fields)
        if len(header) != len(fields) or not _OF_A_PART.issuperset(header):
            return []
        parts.append((header, text))
    return parts


def _text(header: dict[str, str], octets: bytes) -> str | None:
    """Return the text of a part as it is read, or None where that is not sure."""
    encoding = header.get("content-transfer-encoding", "").lower()
    if encoding == "quoted-printable":
        octets = binascii.a2b_qp(octets)
    elif encoding == "base64":
        try:
            octets = binascii.a2b_base64(b"".join(octets.split()), strict_mode=True)
        except binascii.Error:
            return None
    return octets.decode("utf-8", "replace").replace("\r\n", "\n")
