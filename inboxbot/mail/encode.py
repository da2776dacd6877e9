"""Values and texts as mail carries them: encoded words, mailboxes, quoted-printable, base64.

Pure. Takes clean values; what comes out is ASCII and folded, except for an address that
itself is not (RFC 6532).
"""

import binascii
import re
from functools import lru_cache

_LINE = 76
_ENCODED_WORD = 45  # octets that fit into one encoded word of 75 characters
_ASCII = bytes(range(0x80))
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_NOT_IN_BODY = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|\u2028|\u2029|\x85")


@lru_cache(maxsize=256)
def words(text: str, before: int) -> str:
    """Return one line of text for an unstructured field, encoded where need be and folded.

    `before` is how many characters stand before it on its first line (RFC 2047).
    """
    if text.isascii() and text.isprintable() and "=?" not in text:
        return _folded(text, before)
    pieces: list[bytes] = [b""]
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(pieces[-1]) + len(octets) > _ENCODED_WORD:
            pieces.append(b"")
        pieces[-1] += octets
    encoded = (binascii.b2a_base64(piece, newline=False).decode() for piece in pieces)
    return "\r\n ".join(f"=?utf-8?b?{piece}?=" for piece in encoded)


def _folded(text: str, before: int) -> str:
    lines, length = [""], before
    for word in text.split(" "):
        if lines[-1] and length + len(word) > _LINE:
            lines.append("")
            length = 0
        lines[-1] += f" {word}" if lines[-1] else word
        length += len(word) + 1
    return "\r\n ".join(lines)


@lru_cache(maxsize=64)
def mailbox(name: str, address: str) -> str:
    """Return a mailbox with its display name (RFC 5322, section 3.4)."""
    if not name:
        return address
    if not name.isascii() or not name.isprintable() or "=?" in name:
        return f"{words(name, 6)}\r\n <{address}>"
    if _ATOMS.fullmatch(name):
        return f"{name} <{address}>"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def text_lines(text: str) -> str:
    """Return a text with plain line ends and without control characters, as it will arrive."""
    return _NOT_IN_BODY.sub("", _LINE_END.sub("\n", text)).rstrip("\n") + "\n" if text else ""


def part(subtype: str, body: str, language: str) -> list[str]:
    """Return the lines of a text part, head and content: ASCII, no line over 76."""
    octets = body.encode("utf-8", "replace")
    foreign = len(octets.translate(None, _ASCII))
    head = [f'Content-Type: text/{subtype}; charset="utf-8"']
    if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}", language):
        head.append(f"Content-Language: {language}")
    if foreign * 6 > len(octets):
        encoded = binascii.b2a_base64(octets, newline=False).decode()
        lines = [encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)]
        return [*head, "Content-Transfer-Encoding: base64", "", *lines, ""]
    text = binascii.b2a_qp(octets, istext=True).decode()
    return [*head, "Content-Transfer-Encoding: quoted-printable", "", *text.split("\n")]


def boundary(message_id: str) -> str:
    """Return what separates the parts; `=_` stands in no encoded text (RFC 2045, section 6.7)."""
    return "=_" + "".join(c for c in message_id.partition("@")[0] if c.isalnum())
