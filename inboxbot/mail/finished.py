"""Read a finished reply as its recipient's program will, and say what is not as meant.

The last look before bytes may leave: exactly the intended fields, one recipient, nothing
that is loaded from elsewhere. It trusts nothing of what wrote them.
"""

import binascii
import re
from email.errors import InvalidBase64CharactersDefect, MultipartInvariantViolationDefect
from email.message import Message as Tree
from email.parser import BytesHeaderParser

from inboxbot.mail import headers

_ALWAYS = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")
_THREAD = ("in-reply-to", "references")
_AUTOMATIC = ("auto-submitted", "x-auto-response-suppress", "x-inboxbot-loop")
_SINGLE = ("content-transfer-encoding", "content-language")
_LONGEST_LINE = 998
_ALTERNATIVE = "multipart/alternative"

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
    top = BytesHeaderParser().parsebytes(head + end)
    # The library's own look-up hands out other types for octets beyond ASCII.
    fields = [(name.lower(), headers.written(str(value))) for name, value in top.raw_items()]
    header = dict(fields)
    found += _header([name for name, _ in fields], header)
    if recipient is not None and header.get("to", "") != recipient:
        found.append("To is not the recipient")
    if subject is not None and headers.line(header.get("subject", ""), 1_000) != subject:
        found.append("Subject is not what was written")
    if message_id is not None and header.get("message-id", "") != message_id:
        found.append("Message-ID is another")
    found += _content(top, body, bodies)
    return tuple(found)


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
    if not set(names) <= {*_ALWAYS, *_THREAD, *_AUTOMATIC, *_SINGLE}:
        found.append("a field that was not meant")
    if not set(names) >= set(_ALWAYS):
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


def _content(top: Tree, body: bytes, bodies: tuple[tuple[str, str, str], ...]) -> list[str]:
    found = []
    whole = top.get_content_type() != _ALTERNATIVE
    parts = [(top, body)] if whole else _parts(body, top.get_boundary() or "")
    kinds = [part.get_content_type() for part, _ in parts]
    if kinds not in (["text/plain"], ["text/plain", "text/html"]):
        return ["the structure is not as meant"]
    texts = [_text(part, octets) for part, octets in parts]
    if not texts[0].strip():
        found.append("the text is empty")
    if len(texts) == 2 and _is_active(texts[1].casefold()):
        found.append("the formatted text loads or runs something")
    if bodies and texts != [text for _, text, _ in bodies]:
        found.append("the text is not what was written")
    # Python 3.11.2, that of Debian 12, misses the parts where only the head of a multipart is read.
    defects = [defect for node in (top, *(part for part, _ in parts)) for defect in node.defects]
    if not all(isinstance(each, MultipartInvariantViolationDefect) for each in defects):
        found.append("the structure is broken")
    return found


def _is_active(page: str) -> bool:
    return any(pattern.search(page) for pattern in _ACTIVE)


def _parts(body: bytes, border: str) -> list[tuple[Tree, bytes]]:
    """Cut an alternative at its boundary; nothing where something stands outside of its parts.

    A line that begins with the boundary ends a part for every program (RFC 2046, section 5.1.1),
    so it may have nothing behind it. Only the heads are read by the library: it would go over
    each line of the text.
    """
    before, *pieces = (b"\r\n" + body).split(b"\r\n--" + headers.octets(border))
    if not border or before or pieces[-1:] not in ([b"--"], [b"--\r\n"]):
        return []
    parts = []
    for piece in pieces[:-1]:
        line, _, rest = piece.partition(b"\r\n")
        if line:
            return []
        head, end, text = rest.partition(b"\r\n\r\n")
        parts.append((BytesHeaderParser().parsebytes(head + end), text))
    return parts


def _text(part: Tree, octets: bytes) -> str:
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding == "quoted-printable":
        octets = binascii.a2b_qp(octets)
    elif encoding == "base64":
        letters = b"".join(octets.split())
        try:
            octets = binascii.a2b_base64(letters, strict_mode=True)
        except binascii.Error:
            part.defects.append(InvalidBase64CharactersDefect())
    return octets.decode("utf-8", "replace").replace("\r\n", "\n")
