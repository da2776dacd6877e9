"""The language of the pages: the first that the browser likes and that there is, else English.

English needs no catalogue: the texts in the sources are it. The core speaks English only and
knows nothing of this; what it says, and what it stored long ago, is translated here by its words.
"""

import gettext
import io
import re
import struct
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter
from typing import Protocol

from inboxbot.reply.template import RIGHT_TO_LEFT

ENGLISH = "en"
# How a sentence of the core says what showed something.
SHOWN = "{} ({})"
FOLDER = Path(__file__).parent / "locale"


class Speaks(Protocol):
    """What the pages ask a language for."""

    code: str

    def gettext(self, message: str) -> str:
        """Return a text of the pages."""
        ...

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the form of a text that fits a count."""
        ...

    def said(self, sentence: str) -> str:
        """Return a finished sentence of the core."""
        ...


class English(gettext.NullTranslations):
    """The language that everything is written in."""

    code = ENGLISH

    def said(self, sentence: str) -> str:
        """Return the sentence as it is."""
        return sentence


class Catalogue(gettext.GNUTranslations):
    """A language out of a compiled catalogue."""

    _catalog: dict[str | tuple[str, int], str]

    def __init__(self, file: Path) -> None:
        self.code = file.stem
        content = file.read_bytes()
        super().__init__(io.BytesIO(content))
        # What gettext keeps of these is the form for one alone.
        self._counted = dict(_with_counts(content))
        self.said = lru_cache(maxsize=2000)(self._said)

    def _said(self, sentence: str) -> str:
        """Translate a sentence, found by its words or, with values in it, by the words around them.

        A value may be a sentence, too. What is not in the catalogue stays as it is.
        """
        if not sentence or sentence in self._catalog:
            return sentence and self.gettext(sentence)
        for pattern, text in self._patterns:
            if found := pattern.fullmatch(sentence):
                form = self._counted.get(text)
                if form is not None:
                    count = found.group(1)
                    return self.ngettext(*form, int(count)).format(count)
                return self.gettext(text).format(*map(self.said, found.groups()))
        return sentence

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """The texts with room for values, those that say most by themselves first."""
        texts = {text for text in self._catalog if isinstance(text, str)} | self._counted.keys()
        found = [(parts, text) for text in texts if (parts := _between_values(text))]
        found.sort(key=lambda each: (each[1] != SHOWN, -sum(map(len, each[0])), each[1]))
        return [(_pattern(parts, text in self._counted), text) for parts, text in found]


def _with_counts(content: bytes) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each form of the texts for counts in a compiled catalogue, with both of them."""
    order = "<" if content.startswith(b"\xde\x12\x04\x95") else ">"
    count, at = struct.unpack_from(f"{order}2I", content, 8)
    for number in range(count):
        length, start = struct.unpack_from(f"{order}2I", content, at + 8 * number)
        one, zero, many = content[start : start + length].decode("utf-8").partition("\0")
        if zero and one.count("{}") == many.count("{}") == 1:
            yield from ((form, (one, many)) for form in (one, many))


def _pattern(parts: list[str], is_counted: bool) -> re.Pattern[str]:
    """Return what a text looks like that has values between these parts."""
    if is_counted:
        return re.compile(r"(\d+)".join(map(re.escape, parts)))
    letters = sum(map(str.isalpha, "".join(parts)))
    # So short a text would be found in many sentences: it is for numbers.
    value = r"([\d.,:]+)" if not parts[0] and 0 < letters < 6 else "(.+?)"
    return re.compile(value.join(map(re.escape, parts)), re.DOTALL)


def _between_values(text: str) -> list[str]:
    """Return what stands around the `{}` of a text, or nothing where it has none."""
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:  # Braces that mean something else, as in the rules for templates.
        return []
    parts, fields = [""], 0
    for literal, field, _form, _conversion in pieces:
        parts[-1] += literal
        if field is not None:
            if field:
                return []
            fields += 1
            parts.append("")
    return parts if fields else []


_english: Speaks = English()
_spoken: ContextVar[Speaks] = ContextVar("spoken", default=_english)


def load(folder: Path = FOLDER) -> dict[str, Speaks]:
    """Return every language that there is a compiled catalogue for, and English, by its code."""
    found: dict[str, Speaks] = {ENGLISH: _english}
    return found | {file.stem: Catalogue(file) for file in sorted(folder.glob("*.mo"))}


def speak(language: Speaks) -> None:
    """Let the texts of this request be in a language."""
    _spoken.set(language)


def spoken() -> Speaks:
    """Return the language of this request."""
    return _spoken.get()


def _(text: str) -> str:
    """Return a text of the pages in the language of this request."""
    return _spoken.get().gettext(text)


def n_(one: str, many: str, count: int) -> str:
    """Return the text for a count, with the count in it."""
    return _spoken.get().ngettext(one, many, count).format(count)


def said(sentence: str) -> str:
    """Return what the core said, in the language of this request."""
    return _spoken.get().said(sentence)


def direction() -> str:
    """Return in which direction the language of this request is written, as HTML names it."""
    return "rtl" if spoken().code.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
