"""The bytes before any parser sees them: what is cut off, what is set aside.

Two ideas, both blind to meaning. Limits: what a person never sends and a parser chokes on
(a header of megabytes, fifty thousand parts, a thousand levels) is cut from a copy, and a
sentence says so. Hollowing: long runs of base64 and whole texts are replaced by a short word
before the line-by-line parser walks over them, and put back when their bytes are asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import field

from inboxbot.frozen import dataclass

HEADER_BYTES = 256 * 1024
FIELD_BYTES = 16 * 1024
FIELDS = 1_000
PART_LINES = 400
CONTAINERS = 60
# A parser compares every line with the boundaries of every level around it.
LINES_TIMES_LEVELS = 4_000_000
HOLLOW_FROM = 4 * 1024
TEXT_FROM = 512
_TRIES = 2_000

# Fields that decide on a message: kept (the first twenty of each) even at the end of a
# header that is too large.
_DECISIVE = frozenset(
    b"from sender reply-to to cc resent-to resent-cc subject date message-id in-reply-to "
    b"references return-path content-type content-transfer-encoding content-disposition "
    b"mime-version auto-submitted precedence x-precedence list-id list-unsubscribe "
    b"x-auto-response-suppress authentication-results x-inboxbot-loop x-loop "
    b"x-failed-recipients x-autoreply x-autorespond x-spam-flag".split()
)
_KEPT_OF_EACH = 20

_TOO_MANY_PARTS = "The message has far too many parts; only the first ones were read."
_TOO_DEEP = "The message is nested far too deeply; the rest was not read."
_PART_HEADER_TOO_LARGE = "A part has a header that is far too large; the rest was not read."
_TOO_LONG_AND_DEEP = "The message is too long and too deeply nested; the rest was not read."

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD_START = re.compile(rb"(?:\A|\n)(?=[!-9;-~]{1,200}[ \t]*:)")
_NO_FIELD = re.compile(rb"\n(?!From |[ \t\r]|[!-9;-~]{1,200}:|\Z)")
_SPACED_NAME = re.compile(rb"^([!-9;-~]{1,200})[ \t]{1,200}:", re.MULTILINE)
_CONTAINER = re.compile(
    rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Tt][Yy][Pp][Ee]:\s{0,4}(?=[Mm][UuEe][LlSs][TtSs][IiAa])"
)
_PART_FIELD = re.compile(rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[A-Za-z-]{2,20}:")
_FIELD_END = re.compile(rb"\n(?![ \t])")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"


@dataclass(frozen=True, slots=True)
class Limited:
    """A message no larger than a parser can bear, and what had to be cut, in words."""

    raw: bytes
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hollow:
    """A message whose long pieces are set aside: `word` and a number stand for each."""

    raw: bytes
    word: bytes = b""
    pieces: tuple[bytes, ...] = field(default=())

    def filled(self, data: bytes) -> bytes:
        """Put the pieces back into bytes that came from the hollow message."""
        if not self.word or self.word not in data:
            return data
        if len(data) < len(self.word) + 8 and data.startswith(self.word):
            number = data[len(self.word) : -1]
            if data.endswith(b".") and number.isdigit() and int(number) < len(self.pieces):
                return self.pieces[int(number)]  # As nearly always: nothing stands around it.
        pattern = re.compile(re.escape(self.word) + rb"(\d{1,6})\.")

        def piece(match: re.Match[bytes]) -> bytes:
            number = int(match[1])
            return self.pieces[number] if number < len(self.pieces) else match[0]

        return pattern.sub(piece, data)


def header_end(raw: bytes) -> int:
    """Return where the header ends: the offset of the blank line, or the length."""
    end = raw.find(b"\n\r\n")
    bare = raw.find(b"\n\n", 0, end if end >= 0 else len(raw))
    if bare >= 0:
        end = bare
    if end < 0 and b"\n" not in raw[:HEADER_BYTES]:
        end = raw.find(b"\r\r")
    if end < 0:
        return len(raw)
    return end - 1 if raw[end - 1 : end] == b"\r" else end


def within_limits(raw: bytes) -> Limited:
    """Return the message itself, or a copy cut to what can be parsed in bounded time.

    A blank before the colon of a field (RFC 5322, section 4.5) is taken out: parsers end the
    header there.
    """
    defects: list[str] = []
    if raw[:1] in (b"\r", b"\n"):
        rest = raw.lstrip(b"\r\n")
        if _FIELD_START.match(rest):
            raw = rest
            defects.append("The message begins with blank lines.")
    end = header_end(raw)
    if end <= HEADER_BYTES:
        head = raw[:end]
        if b" :" in head or b"\t:" in head:
            head = _SPACED_NAME.sub(rb"\1:", head)
        mended = _mended(head)
        if mended != head:
            defects.append("A line inside the header is no field; it was passed over.")
        if mended != raw[:end]:
            raw, end = mended + raw[end:], len(mended)
    if not _FIELD_START.match(raw) and not raw.startswith(b"From "):
        end = 0
    if end > FIELD_BYTES or raw.count(b"\n", 0, end) > FIELDS:
        reduced, defect = _reduced(raw, end)
        if defect:
            defects.append(defect)
            raw, end = reduced + raw[end:], len(reduced)
    lowered = raw[: min(end, HEADER_BYTES)].lower()
    if b"multipart" in lowered or b"message/" in lowered:
        cut, defect = _first_excess(raw, end)
        if defect:
            raw = raw[:cut]
            defects.append(defect)
    return Limited(raw, tuple(defects))


def _mended(head: bytes) -> bytes:
    """Take out a line that is no field where a field that matters stands right below it.

    Parsers end the header at such a line, and all below it, sender and subject included,
    becomes the letter's text.
    """
    if not _NO_FIELD.search(b"\n" + head):
        return head
    lines = head.split(b"\n")
    kept: list[bytes] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else b""
        name = following[:60].partition(b":")[0].lower()
        if not _NO_FIELD.match(b"\n" + line) or name not in _DECISIVE:
            kept.append(line)
    return b"\n".join(kept)


def _reduced(raw: bytes, end: int) -> tuple[bytes, str]:
    """Return a smaller header in the place of the first `end` bytes, and what was done to it."""
    kept: list[bytes] = []
    seen: dict[bytes, int] = {}
    size = 0
    cut = False
    for field_bytes in _fields(raw, end):
        name = field_bytes[:200].partition(b":")[0].strip().lower()
        seen[name] = seen.get(name, 0) + 1
        decisive = name in _DECISIVE and seen[name] <= _KEPT_OF_EACH
        if not decisive and (len(kept) >= FIELDS or size > HEADER_BYTES):
            cut = True
            continue
        if len(field_bytes) > FIELD_BYTES:
            cut = True
            field_bytes = field_bytes[:FIELD_BYTES]
        size += len(field_bytes)
        kept.append(field_bytes)
    if not cut:
        return b"", ""
    return b"\n".join(kept), "The header is far too large; only a part of it was read."


def _fields(raw: bytes, end: int) -> Iterator[bytes]:
    """Yield the fields of a header, each cut a little above the limit for one field."""
    start = 0
    for match in _FIELD_END.finditer(raw, 0, end):
        yield raw[start : min(match.start(), start + FIELD_BYTES + 1)].rstrip(b"\r\n")
        start = match.end()
    yield raw[start : min(end, start + FIELD_BYTES + 1)].rstrip(b"\r\n")


def _first_excess(raw: bytes, end: int) -> tuple[int, str]:
    """Return where the structure passes a limit, and the sentence that says which."""
    if raw.count(b"\n--", end) > PART_LINES:
        position = end
        for _ in range(PART_LINES):
            position = raw.find(b"\n--", position + 1)
        return position, _TOO_MANY_PARTS
    containers = [match.start() for match in _CONTAINER.finditer(raw, end)]
    if len(containers) > CONTAINERS:
        return containers[CONTAINERS], _TOO_DEEP
    for match in _PART_FIELD.finditer(raw, end):
        stop = _FIELD_END.search(raw, match.end(), match.end() + FIELD_BYTES)
        if stop is None and len(raw) - match.end() > FIELD_BYTES:
            return match.start(), _PART_HEADER_TOO_LARGE
    lines = raw.count(b"\n", end)
    if lines * (len(containers) + 1) > LINES_TIMES_LEVELS and len(containers) > 3:
        return _nth_line(raw, end, LINES_TIMES_LEVELS // (len(containers) + 1)), _TOO_LONG_AND_DEEP
    return len(raw), ""


def _nth_line(raw: bytes, start: int, lines: int) -> int:
    position = start
    for _ in range(lines):
        position = raw.find(b"\n", position + 1)
        if position < 0:
            return len(raw)
    return position


def hollowed(raw: bytes) -> Hollow:
    """Set long runs of base64 and whole texts aside, so that every parser sees the same tree.

    A run of base64 is only taken where all of it is base64 and line ends: such bytes can be
    neither a boundary nor a header field, wherever they stand. Of what is left, a text is taken.
    """
    if len(raw) < TEXT_FROM:
        return Hollow(raw)
    word = _word_not_in(raw)
    pieces: list[bytes] = []
    left = _without_texts(_without_base64(raw, word, pieces), word, pieces)
    return Hollow(left, word, tuple(pieces)) if pieces else Hollow(raw)


def _without_base64(raw: bytes, word: bytes, pieces: list[bytes]) -> bytes:
    position = raw.find(b"base64")
    if position < 0 or len(raw) < HOLLOW_FROM:
        return raw
    out: list[bytes] = []
    copied = 0
    tried = 0
    while position >= 0 and tried < _TRIES:
        tried += 1
        blank = _BLANK_LINE.search(raw, position, position + 2_048)
        if blank is None:
            position = raw.find(b"base64", position + 6)
            continue
        stop = raw.find(b"\n--", blank.end())
        stop = len(raw) if stop < 0 else stop
        piece = raw[blank.end() : stop]
        if len(piece) >= HOLLOW_FROM and not piece.translate(None, _BASE64):
            out += (raw[copied : blank.end()], word, b"%d." % len(pieces))
            copied = stop
            pieces.append(piece)
        position = raw.find(b"base64", stop)
    out.append(raw[copied:])
    return b"".join(out)


def _without_texts(raw: bytes, word: bytes, pieces: list[bytes]) -> bytes:
    """Set aside what stands behind the blank line below a header, up to the next line with `--`.

    A message without parts has no such line. In one with parts nothing there is a header or a
    boundary, unless a message is enclosed: then all of it is left where it is.
    """
    body = _below_header(raw, 0, len(raw))
    if body < 0:
        return raw
    head = raw[:body].lower()
    if b"multi" not in head and b"message/" not in head:
        return _set_aside(raw, [(body, len(raw))], word, pieces)
    lowered = raw.lower()
    if b"message/" in lowered or b"/digest" in lowered:
        return raw
    spans: list[tuple[int, int]] = []
    edge = raw.find(b"\n--", body - 1)
    while edge >= 0:
        following = raw.find(b"\n--", edge + 1)
        stop = len(raw) if following < 0 else following
        body = _below_header(raw, edge + 1, stop)
        if body >= 0:
            spans.append((body, stop))
        edge = following
    return _set_aside(raw, spans, word, pieces)


def _below_header(raw: bytes, start: int, stop: int) -> int:
    """Return where the first blank line between two places ends, or -1."""
    mixed = raw.find(b"\n\r\n", start, stop)
    bare = raw.find(b"\n\n", start, stop if mixed < 0 else mixed + 1)
    if bare >= 0:
        return bare + 2
    return mixed if mixed < 0 else mixed + 3


def _set_aside(raw: bytes, spans: list[tuple[int, int]], word: bytes, pieces: list[bytes]) -> bytes:
    out: list[bytes] = []
    copied = 0
    for start, stop in spans:
        # The line end before a boundary belongs to the boundary, as does that of the last line.
        stop -= stop == len(raw) and raw.endswith(b"\n")
        stop -= raw[stop - 1 : stop] == b"\r"
        piece = raw[start:stop]
        if len(piece) >= TEXT_FROM and word not in piece and b"\r--" not in piece:
            out += (raw[copied:start], word, b"%d." % len(pieces))
            copied = stop
            pieces.append(piece)
    out.append(raw[copied:])
    return b"".join(out)


def _word_not_in(raw: bytes) -> bytes:
    number = 0
    while (word := b"=set-aside-%d-" % number) in raw:
        number += 1
    return word
