"""A letter as the classifier reads it: the segments that count, and their words.

Pure. Nothing is moved: tags are blanked with spaces of the same length, so that every segment
and word still knows its place in `message.subject` or `message.text`.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator

from inboxbot.classify.category import Evidence
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Message

MAX_CHARS = 16_384
MAX_SUBJECT = 500
MAX_SEGMENTS = 40
MAX_READ = 5_000
MAX_END = 1_500
MAX_SEGMENT = 600


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence of the letter; `text` is exactly `field[start:end]` with blanks for noise."""

    field: str
    start: int
    end: int
    text: str

    def evidence(self, start: int, end: int, toward: str, weight: float) -> Evidence:
        """Return `text[start:end]` as a phrase that speaks for `toward`."""
        return Evidence(
            self.field, self.start + start, self.start + end, self.text[start:end], toward, weight
        )


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its place in the text it was taken from, in the form that is compared."""

    start: int
    end: int
    norm: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What the classifier reads of a message: subject and text of the same length as there.

    `skipped` is what it leaves out in the middle of a long one.
    """

    subject: str
    text: str
    segments: tuple[Segment, ...]
    skipped: tuple[Segment, ...] = ()

    @property
    def whole(self) -> str:
        """Return the letter as one running text."""
        return " ".join(" ".join(segment.text.split()) for segment in self.segments)


_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|</?[a-zA-Z][^<>]{0,300}>", re.S)
# Every end begins with one of a few characters, said first: so most of a text is passed over.
_END = re.compile(
    r"[\s\"'”’)。！？؟।](?:(?<=[.!?…][\s\"'”’)])[\s\"'”’)]*(?=\S)|(?<=[。！？؟।])[。！？؟।]*"
    r"|(?<=\n)(?:\s*\n)?)"
)
# Vowel signs of Indic and Thai script are no letters to `re`, and yet belong to the word.
_SIGNS = r"\u0300-\u036f\u05b0-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u0e00-\u0e7f"
# Possessive: what follows can be no part of it, so there is nothing to give back.
_LETTERS = rf"(?:[^\W_]++|[{_SIGNS}]++)++"
_WORD = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})*")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_MARKS = re.compile(
    r"[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u093c\u09bc]"
)
_ONE_FORM = str.maketrans("أإآٱىیکةۃہھ’", "ااااييكهههه'")
_NARROW = str.maketrans({wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)})
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def read(message: Message) -> Letter:
    """Return the parts of `message` that count for classification, capped in length."""
    return read_fields(message.subject, message.text)


def read_fields(subject: str, text: str) -> Letter:
    """Return a letter from a subject and a text; the places in both are kept."""
    if len(text) > MAX_CHARS:
        tail = MAX_CHARS // 4
        text = text[: MAX_CHARS - tail] + " " * (len(text) - MAX_CHARS) + text[-tail:]
    subject, text = subject[:MAX_SUBJECT], _blank_tags(text)
    segments = [*_split("subject", subject), *_split("text", text)]
    first, skipped, last = _shortened(segments)
    return Letter(subject, text, (*first, *last), tuple(skipped))


def _shortened(
    segments: list[Segment],
) -> tuple[list[Segment], list[Segment], list[Segment]]:
    """Return beginning, middle and end of a long letter: what people want stands at the two."""
    if len(segments) <= MAX_SEGMENTS and sum(len(s.text) for s in segments) <= MAX_READ:
        return segments, [], []
    last: list[Segment] = []
    room = MAX_END
    for segment in reversed(segments[1:]):
        room -= len(segment.text)
        if room < 0 or len(last) >= MAX_SEGMENTS // 4:
            break
        last.insert(0, segment)
    first: list[Segment] = []
    room = MAX_READ - MAX_END
    for segment in segments[: len(segments) - len(last)]:
        room -= len(segment.text)
        if room < 0 or len(first) + len(last) >= MAX_SEGMENTS:
            break
        first.append(segment)
    return first, segments[len(first) : len(segments) - len(last)], last


def _blank_tags(text: str) -> str:
    """Return `text` with HTML tags as spaces, or a line's end where one breaks the line."""
    return _TAG.sub(_spaces, text) if "<" in text else text


def _spaces(match: re.Match[str]) -> str:
    tag = match.group()
    breaks = re.match(r"</?(?:p|br|div|li|tr|h\d|table|ul|ol)\b", tag, re.I)
    return ("\n" if breaks else " ") + " " * (len(tag) - 1)


def _split(field: str, text: str) -> Iterator[Segment]:
    start = 0
    ends = [(match.start(), match.end()) for match in _END.finditer(text)]
    for stop, after in [*ends, (len(text), len(text))]:
        yield from _trimmed(field, text, start, stop)
        start = after


def _trimmed(field: str, text: str, start: int, stop: int) -> Iterator[Segment]:
    while start < stop:
        end = min(stop, start + MAX_SEGMENT)
        piece = text[start:end]
        body = piece.strip()
        if any(map(str.isalnum, body)):
            first = start + len(piece) - len(piece.lstrip())
            yield Segment(field, first, first + len(body), body)
        start = end


# Each list and each model asks for the words of the same segments, one after the other.
@functools.lru_cache(maxsize=2 * MAX_SEGMENTS)
def plain_norms(text: str) -> tuple[str, ...]:
    """Return the words of `text` as they are separated there, in the form that is compared."""
    if text.isascii():
        return tuple(_ASCII_WORD.findall(text.lower()))
    return tuple(map(norm, _WORD.findall(text)))


@functools.lru_cache(maxsize=2 * MAX_SEGMENTS)
def plain_words(text: str) -> tuple[Word, ...]:
    """Return the words of `text` as they are separated there, with their places."""
    matches = _WORD.finditer(text)
    return tuple(
        Word(match.start(), match.end(), form)
        for match, form in zip(matches, plain_norms(text), strict=True)
    )


def norms(text: str) -> tuple[str, ...]:
    """Return the words of `text` as `words` separates them, without their places."""
    if text.isascii() or not _WIDE.search(text):
        return plain_norms(text)
    return tuple(word.norm for word in words(text))


def words(text: str) -> tuple[Word, ...]:
    """Return the words of `text`; runs of Chinese and Japanese characters give one each."""
    if text.isascii() or not _WIDE.search(text):
        return plain_words(text)
    found = []
    for match in _WORD.finditer(text):
        if _WIDE.search(match.group()):
            found += [
                Word(match.start() + i, match.start() + i + 1, char)
                for i, char in enumerate(match.group())
            ]
        else:
            found.append(Word(match.start(), match.end(), norm(match.group())))
    return tuple(found)


def norm(word: str) -> str:
    """Return the form that is compared: one case, no accents or points, one form of a letter."""
    return word.lower() if word.isascii() else _norm(word)


@functools.lru_cache(maxsize=4096)  # Most words of a letter stood in another one, too.
def _norm(word: str) -> str:
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", word)).translate(_ONE_FORM)
    return unicodedata.normalize("NFC", plain).casefold()


def same_length(text: str) -> str:
    """Return `text` in lower case and narrow letters, every character in its place."""
    lowered = (char.lower() for char in text)
    return "".join(
        low if len(low) == 1 else char for low, char in zip(lowered, text, strict=True)
    ).translate(_NARROW)
