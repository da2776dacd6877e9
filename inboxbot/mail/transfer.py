"""Undo a transfer encoding, as forgiving as the mail programs that people use.

The rule: words are never lost to a broken encoding. What does not decode is kept as it
stands, and what follows broken base64 (a list's footer) is kept as the text it is.
"""

import binascii
import re
from collections import deque

from inboxbot.frozen import dataclass
from inboxbot.mail.headers import lenient_base64

_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_FILES_LIMIT = 50
_BEGIN = re.compile(r"begin [0-7]{3,4} (\S.{0,200})")


def decode(data: bytes, encoding: str) -> bytes:
    """Decode a body by its Content-Transfer-Encoding (RFC 2045, section 6); never raises."""
    if encoding == "base64":
        try:
            return binascii.a2b_base64(data.translate(None, b"\r\n"), strict_mode=True)
        except binascii.Error:
            return _broken_base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uudecoded(data.splitlines())
    return data


def _broken_base64(data: bytes) -> bytes:
    """Decode up to the padding; keep prose that somebody put before or behind."""
    lines = data.splitlines()
    encoded: list[bytes] = []
    number = 0
    for number, line in enumerate(lines):
        words = line.split()
        if not words:
            continue
        pure = _BASE64.issuperset(words[0])
        if len(words) > 1 and not (pure and words[0].endswith(b"=")):
            break
        encoded.append(words[0])
        if pure and words[0].endswith(b"="):
            number += 1
            break
    else:
        number = len(lines)
    prose = lines[number:]
    while prose and (not prose[0].strip() or _BASE64.issuperset(prose[0].strip())):
        del prose[0]
    return b"\n".join([lenient_base64(b"".join(encoded)), *prose]) if prose or encoded else data


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file written into running text by uuencode or yEnc."""

    name: str
    data: bytes


def split_enclosed(text: str) -> tuple[str, tuple[Enclosed, ...]]:
    """Take uuencoded and yEnc files out of a text; return what is left, and the files.

    Only whole files count: a line that begins with "begin 644 " in a letter is a line.
    """
    if "begin" not in text:
        return text, ()
    lines = text.split("\n")
    ends = deque(
        i for i, line in enumerate(lines) if line.rstrip() == "end" or line[:6] == "=yend "
    )
    kept: list[str] = []
    files: list[Enclosed] = []
    number = 0
    while number < len(lines):
        name = _begins(lines[number]) if ends and len(files) < _FILES_LIMIT else ""
        while ends and ends[0] <= number:
            ends.popleft()
        if not name or not ends:
            kept.append(lines[number])
            number += 1
            continue
        inner = "\n".join(lines[number + 1 : ends[0]]).encode("latin-1", "replace")
        yenc = lines[number].startswith("=ybegin ")
        data = inner if yenc else _uudecoded(inner.splitlines())
        if not data:
            kept.append(lines[number])
            number += 1
            continue
        files.append(Enclosed(name, data))
        number = ends.popleft() + 1
    return "\n".join(kept), tuple(files)


def _begins(line: str) -> str:
    if line.startswith("=ybegin "):
        return line.partition(" name=")[2].strip() or "file"
    match = _BEGIN.match(line) if line.startswith("begin ") else None
    return match[1].strip() if match else ""


def _uudecoded(lines: list[bytes]) -> bytes:
    out: list[bytes] = []
    for line in lines:
        if line.startswith(b"begin ") or line.strip() in (b"", b"end", b"`"):
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders pad a line too far: the first character tells its true length.
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:wanted]))
            except binascii.Error:
                continue
    return b"".join(out)
