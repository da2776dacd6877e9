"""Strings from a stranger, made safe to store, show and put into a reply.

Whatever leaves this module is NFC, free of lone surrogates and bounded. Values for one
line hold no control character, no line break and nothing that reorders text.
"""

import re
import unicodedata
from functools import cache

_SURROGATE = re.compile("[\ud800-\udfff]")
_FOLD = re.compile(r"(?:\r\n|\r|\n)(?=[ \t])")
# Bidirectional embeddings, overrides, isolates and marks (UAX #9): in one line they only
# serve to show text in another order than it is written in.
_REORDERS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_NOT_IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE_IN_LINE = re.compile(f"[{_REORDERS}\u200b\u2060\ufeff\U000e0000-\U000e007f]+")
_RARE_LINE_END = re.compile("[\r\x0b\x0c\u2028\u2029]")
_NOT_IN_TEXT = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f]+"
)
# The length up to which combining marks may follow one another in Stream-Safe Text
# (UAX #15): real words stay far below, and normalising longer runs takes quadratic time.
_LONGEST_RUN_OF_MARKS = 30


@cache
def _marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds a combining mark, and what finds more of them than a word has."""
    marks = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))
    longer = f"([{marks}]{{{_LONGEST_RUN_OF_MARKS}}})[{marks}]+"
    return re.compile(f"[{marks}]"), re.compile(longer)


def scalar(text: str) -> str:
    """Replace each lone surrogate with U+FFFD: such strings cannot be stored or sent."""
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)


def nfc(text: str) -> str:
    """Normalise to NFC in linear time, whatever the sender stacked on a letter."""
    if text.isascii():
        return text
    mark, longer = _marks()
    # A run that is too long covers at least one of these places.
    if mark.search(text[::_LONGEST_RUN_OF_MARKS]):
        text = longer.sub(r"\1", text)
    return unicodedata.normalize("NFC", text)


def unfold(value: str) -> str:
    """Undo the folding of a header field (RFC 5322, section 2.2.3)."""
    if "\n" not in value and "\r" not in value:
        return value
    return _FOLD.sub("", value)


def reorders(value: str) -> bool:
    """Say whether a value holds characters that show it in another order than written."""
    return not value.isascii() and any(c in value for c in "\u202a\u202b\u202d\u202e\u2066\u2067")


def seen_through(value: str, instead: str) -> str:
    """Return a value with `instead` for what nobody sees within it; around it, it is dropped."""
    if value.isascii():
        return value
    first, *rest = _INVISIBLE_IN_LINE.split(value)
    shown = [first, *rest] if first else rest
    return instead.join(shown if not shown or shown[-1] else shown[:-1])


def one_line(value: str, limit: int) -> str:
    """Return a value of one line: unfolded, without control characters, at most `limit` long."""
    if value.isascii() and value.isprintable():
        return value[:limit].strip()
    value = unfold(value[: 8 * limit])
    if value.isascii() and (spaced := value.replace("\t", " ")).isprintable():
        return spaced[:limit].strip()
    value = _NOT_IN_LINE.sub(" ", scalar(value))
    value = _INVISIBLE_IN_LINE.sub("", value)
    return nfc(value.strip())[:limit].strip()


def many_lines(text: str, limit: int) -> str:
    """Return running text: line ends as LF, no other control character but the tab."""
    text = text[:limit].replace("\r\n", "\n")
    # Nothing of what is looked for below is printable.
    if text.replace("\n", "").replace("\t", "").isprintable():
        return nfc(text)[:limit]
    text = _RARE_LINE_END.sub("\n", scalar(text))
    return nfc(_NOT_IN_TEXT.sub("", text))[:limit]
