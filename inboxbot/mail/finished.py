"""Read a finished reply as its recipient's program will, and say what is not as meant.

The last look before bytes may leave: exactly the intended fields, one recipient, nothing
that is loaded from elsewhere. It trusts nothing of what wrote them.
"""

import re
from email.message import Message as Tree
from email.parser import BytesParser

from inboxbot.mail import headers

_ALWAYS = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")
_THREAD = ("in-reply-to", "references")
_AUTOMATIC = ("auto-submitted", "x-auto-response-suppress", "x-inboxbot-loop")
_SINGLE = ("content-transfer-encoding", "content-language")
_LONGEST_LINE = 998
_ALTERNATIVE = "multipart/alternative"

# What a mail program may load or run. Links are only followed when a person clicks.
_ACTIVE = re.compile(
    r"<(?:img|script|iframe|frame|object|embed|link|base|form|video|audio|source|svg|input)\b"
    r"|\bsrc\s{0,9}=|\bbackground\s{0,9}=|url\s{0,9}\(|@import|http-equiv",
    re.IGNORECASE,
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
    tree = BytesParser().parsebytes(raw)
    # The library's own look-up hands out other types for octets beyond ASCII.
    fields = [(name.lower(), headers.written(str(value))) for name, value in tree.raw_items()]
    header = dict(fields)
    found += _header([name for name, _ in fields], header)
    if recipient is not None and header.get("to", "") != recipient:
        found.append("To is not the recipient")
    if subject is not None and headers.line(header.get("subject", ""), 1_000) != subject:
        found.append("Subject is not what was written")
    if message_id is not None and header.get("message-id", "") != message_id:
        found.append("Message-ID is another")
    found += _content(tree, bodies)
    return tuple(found)


def _wire(raw: bytes) -> list[str]:
    found = []
    if b"\0" in raw or b"\r" in raw.replace(b"\r\n", b"") or b"\n" in raw.replace(b"\r\n", b""):
        found.append("a line ends wrongly, or NUL")
    if any(len(line) > _LONGEST_LINE for line in raw.split(b"\r\n")):
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


def _content(tree: Tree, bodies: tuple[tuple[str, str, str], ...]) -> list[str]:
    parts = tree.get_payload() if tree.is_multipart() else [tree]
    found = []
    outside = (tree.preamble or "") + (tree.epilogue or "")
    if outside.strip() or (tree.is_multipart() and tree.get_content_type() != _ALTERNATIVE):
        found.append("the structure is not as meant")
    kinds = [part.get_content_type() for part in parts if isinstance(part, Tree)]
    if kinds not in (["text/plain"], ["text/plain", "text/html"]):
        return [*found, "the structure is not as meant"]
    texts = [_text(part) for part in parts if isinstance(part, Tree)]
    if not texts[0].strip():
        found.append("the text is empty")
    if len(texts) == 2 and _ACTIVE.search(texts[1]):
        found.append("the formatted text loads or runs something")
    if bodies and texts != [body for _, body, _ in bodies]:
        found.append("the text is not what was written")
    if any(node.defects for node in (tree, *(p for p in parts if isinstance(p, Tree)))):
        found.append("the structure is broken")
    return found


def _text(part: Tree) -> str:
    octets = part.get_payload(decode=True)
    text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else ""
    return text.replace("\r\n", "\n")
