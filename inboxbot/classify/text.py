"""A letter as the classifier reads it: the segments that count, and their words.

Pure. Nothing is moved: what does not count is blanked with spaces of the same length, so
that every segment and word still knows its place in `message.subject` or `message.text`.
"""

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from inboxbot.mail.message import Message

MAX_CHARS = 16_384
MAX_SUBJECT = 500
MAX_SEGMENTS = 40
MAX_SEGMENT = 600


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence of the letter; `text` is exactly `field[start:end]` with blanks for noise."""

    field: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its place in the text it was taken from, in the form that is compared."""

    start: int
    end: int
    norm: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What the classifier reads of a message: subject and text of the same length as there."""

    subject: str
    text: str
    segments: tuple[Segment, ...]

    @property
    def whole(self) -> str:
        """Return the letter as one running text."""
        return " ".join(" ".join(segment.text.split()) for segment in self.segments)


_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|</?[a-zA-Z][^<>]{0,300}>", re.S)
_QUOTE_HEAD = re.compile(
    r"^(?:on\b.{4,120}\bwrote|le\b.{4,120}\ba écrit|am\b.{4,120}\bschrieb.{0,60}"
    r"|el\b.{4,120}\bescribió"
    r"|il\b.{4,120}\bha scritto|em\b.{4,120}\bescreveu|op\b.{4,120}\bschreef.{0,60})\s*:\s*$",
    re.I | re.M,
)
_FORWARD = re.compile(r"^-{3,}.{0,60}-{3,}\s*$", re.M)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.M)
_SIGNATURE = re.compile(r"^--[ \t]*$", re.M)
_DEVICE = re.compile(
    r"^[ \t]*(?:sent from my|get outlook for|envoyé de mon|von meinem .{2,30} gesendet"
    r"|enviado desde mi|enviado do meu|inviato da|verstuurd vanaf|-- sent from).*$",
    re.I | re.M,
)
_DISCLAIMER = re.compile(
    r"^[^\n]{0,200}\b(?:confidential|privileged|vertraulich|confidentiel|confidencial|riservat[oa]"
    r"|intended recipient|vertrouwelijk)\b[^\n]{0,2000}$",
    re.I | re.M,
)
_DISCLAIMER_SIGN = re.compile(
    r"privileged|intended (?:only|recipient|solely)|e-?mail|message (?:is|may|and)"
    r"|nachricht|destinatari|disclose",
    re.I,
)
_FIELD = re.compile(r"^[ \t]*([^\W\d][\w /'()-]{0,40}?)[ \t]*[:：][ \t]*", re.M)
_END = re.compile(r"(?<=[.!?…])[\s\"'”’)]+(?=\S)|[。！？؟।]+|\n\s*\n|\n(?=\s*[-*•\d])|\n")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def read(message: Message) -> Letter:
    """Return the parts of `message` that count for classification, capped in length."""
    return read_fields(message.subject, message.text)


def read_fields(subject: str, text: str) -> Letter:
    """Return a letter from a subject and a text; the places in both are kept."""
    subject, text = subject[:MAX_SUBJECT], blank(text[:MAX_CHARS])
    segments = [*_split("subject", subject), *_split("text", text)]
    return Letter(subject, text, tuple(segments[:MAX_SEGMENTS]))


def blank(text: str) -> str:
    """Return `text` with spaces for tags, quotes, signature and form labels; same length."""
    text = _TAG.sub(_tag_spaces, text)
    kept = _QUOTED_LINE.sub(_spaces, text)
    kept = _QUOTE_HEAD.sub(_spaces, kept)
    kept = _FORWARD.sub(_spaces, kept)
    kept = _DEVICE.sub(_spaces, kept)
    kept = _DISCLAIMER.sub(
        lambda m: _spaces(m) if _DISCLAIMER_SIGN.search(m.group()) else m.group(), kept
    )
    signature = _SIGNATURE.search(kept)
    if signature and kept[: signature.start()].strip():
        kept = kept[: signature.start()] + " " * (len(kept) - signature.start())
    kept = _blank_form(kept)
    return kept if kept.strip() else text


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _tag_spaces(match: re.Match[str]) -> str:
    tag = match.group()
    breaks = re.match(r"</?(?:p|br|div|li|tr|h\d|table|ul|ol)\b", tag, re.I)
    return ("\n" if breaks else " ") + " " * (len(tag) - 1)


def _blank_form(text: str) -> str:
    """Blank the labels of a contact form and the values that are no words of the writer."""
    fields = list(_FIELD.finditer(text))
    written, about = _form_labels()
    names = [match.group(1).strip().lower().split()[-1] for match in fields]
    known = [name in written or name in about for name in names]
    if sum(known) < 2:
        return text
    out = list(text)
    for index, (match, name) in enumerate(zip(fields, names, strict=True)):
        if not known[index]:
            continue
        stop = match.end()
        if name in about:
            newline = text.find("\n", match.end())
            stop = newline if newline >= 0 else len(text)
        out[match.start() : stop] = " " * (stop - match.start())
    return "".join(out)


@functools.cache
def _form_labels() -> tuple[frozenset[str], frozenset[str]]:
    source = resources.files("inboxbot.classify").joinpath("data/forms.toml")
    labels = tomllib.loads(source.read_text("utf-8"))
    return frozenset(labels["written"].split()), frozenset(labels["about"].split())


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
        if any(char.isalnum() for char in body):
            first = start + len(piece) - len(piece.lstrip())
            yield Segment(field, first, first + len(body), body)
        start = end


def words(text: str) -> list[Word]:
    """Return the words of `text`; runs of Chinese and Japanese characters give one each."""
    found = []
    for match in _WORD.finditer(text):
        if _WIDE.search(match.group()):
            found += [
                Word(match.start() + i, match.start() + i + 1, char)
                for i, char in enumerate(match.group())
            ]
        else:
            found.append(Word(match.start(), match.end(), norm(match.group())))
    return found


def norm(word: str) -> str:
    """Return the form of a word that is compared: NFKD, no accents on Latin, lower case."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word)
    if "LATIN" in unicodedata.name(plain[0], "") or "GREEK" in unicodedata.name(plain[0], ""):
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", plain).casefold().replace("’", "'")
