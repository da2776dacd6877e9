"""What an automatic reply may never say, in every language that is shipped.

That is the name of a medicine, a dose, an instruction on one, a promise of effect, a diagnosis.

Pure. A sentence is forbidden when it matches a pattern after its safe phrases ("do not stop
any medicine without asking your doctor") were taken out of it; so a safe phrase never covers
for what stands beside it. In doubt a reply is held: a person reads it, nobody is harmed.
A few patterns (`always`: "no need to ask your doctor") look at the whole sentence. All of
them are data, in `guard.toml`; every gap in them is bounded, so time stays linear.
"""

import re
import tomllib
import unicodedata
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from inboxbot.frozen import dataclass

MAX_SENTENCE = 600


class Forbidden(StrEnum):
    """What an automatic reply never contains."""

    MEDICINE = "medicine"
    DOSE = "dose"
    INSTRUCTION = "instruction"
    PROMISE = "promise"
    DIAGNOSIS = "diagnosis"

    @property
    def sentence(self) -> str:
        """Say it to an administrator."""
        return _SENTENCES[self]


_SENTENCES = {
    Forbidden.MEDICINE: "An automatic reply never names a medicine: it would tell what the letter "
    "was about.",
    Forbidden.DOSE: "This looks like a dose; an automatic reply never names one.",
    Forbidden.INSTRUCTION: "This looks like advice to start, stop, take or change something; "
    "only the person's own doctor gives that.",
    Forbidden.PROMISE: "This looks like a promise of effect or safety; nobody can make one here.",
    Forbidden.DIAGNOSIS: "This looks like a diagnosis or a prognosis; only a doctor gives those.",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One forbidden thing: its kind, the words that showed it, and the sentence around them."""

    kind: Forbidden
    found: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Lexicon:
    always: tuple[re.Pattern[str], ...]
    safe: tuple[re.Pattern[str], ...]
    forbidden: tuple[tuple[Forbidden, re.Pattern[str]], ...]


_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ARABIC_MARKS = re.compile("[\u064b-\u0652\u0640]")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।؟])|\n\s*\n|\n(?=\s*[-*•])")


@lru_cache(maxsize=64)  # Of the letters of one day, most get the very same words.
def violations(text: str, language: str) -> tuple[Violation, ...]:
    """Return everything in the text that an automatic reply may not say, in order."""
    found: list[Violation] = []
    for sentence in _sentences(text):
        for code in dict.fromkeys((language, "en")):
            found += _violations_of(sentence, code)
    return tuple(dict.fromkeys(found))


def languages() -> frozenset[str]:
    """Return the languages that the guard understands."""
    return frozenset(_data()) - {"all"}


def _sentences(text: str) -> list[str]:
    """Split; a very long sentence is cut into overlapping pieces, so that time stays linear."""
    pieces = []
    for sentence in _END.split(text):
        clean = " ".join(sentence.split())
        step = MAX_SENTENCE // 2
        for start in range(0, max(len(clean) - step, 1), step):
            pieces.append(clean[start : start + MAX_SENTENCE])
    return [piece for piece in pieces if piece]


@lru_cache(maxsize=2048)  # All sentences of our templates, and the latest with a name in them.
def _violations_of(sentence: str, language: str) -> tuple[Violation, ...]:
    lexicon = _lexicon(language)
    if lexicon is None:
        return ()
    plain = _plain(sentence, language)
    found = [
        Violation(Forbidden.INSTRUCTION, match.group().strip(), sentence)
        for pattern in lexicon.always
        if (match := pattern.search(plain))
    ]
    for pattern in lexicon.safe:
        # What follows a safe phrase is looked at as a new clause.
        plain = pattern.sub(" ; ", plain)
    for kind, pattern in lexicon.forbidden:
        if match := pattern.search(plain):
            found.append(Violation(kind, match.group().strip(), sentence))
    found = [replace(one, found=one.found.replace(_NAME, "[medicine]")) for one in found]
    return tuple({violation.kind: violation for violation in reversed(found)}.values())


def _plain(text: str, language: str) -> str:
    """Return the text as the patterns are written: folded, without marks nobody sees."""
    if language == "tr":
        text = text.replace("I", "ı").replace("İ", "i")
    text = _INVISIBLE.sub("", _same_letters(text)).casefold()
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    return _names().sub(_NAME, text)


_NAME = "zzmedicine"
_QUOTES = str.maketrans("’‘`", "'''")
_ARABIC = str.maketrans("أإآىۀک", "اااي" + "هك")


def _same_letters(text: str) -> str:
    """Write letters that look or read the same in one way; patterns go through this too."""
    return _ARABIC_MARKS.sub("", unicodedata.normalize("NFKC", text)).translate(_ARABIC)


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("inboxbot.reply").joinpath("guard.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def _names() -> re.Pattern[str]:
    """Find any medicine by its name: one word for all of them keeps the patterns small."""
    names = {key: re.sub(r"\n\s*", "", value) for key, value in _data()["all"]["names"].items()}
    pattern = rf"\b(?:{names['begin']})\w*|(?:{names['whole']})"
    return re.compile(_same_letters(pattern))


@lru_cache(maxsize=64)
def _lexicon(language: str) -> _Lexicon | None:
    """Compile a language's patterns; `<word>` in them stands for an entry of its `words`."""
    data = _data()
    if language not in data:
        return None
    words: dict[str, str] = {}
    for code in ("all", language):
        entries = data[code]["words"]
        words |= {name: re.sub(r"\n\s*", "", value) for name, value in entries.items()}
    section = {
        name: [*data["all"].get(name, []), *data[language].get(name, [])]
        for name in ("always", "safe", *Forbidden)
    }
    return _Lexicon(
        tuple(_compile(pattern, words) for pattern in section["always"]),
        tuple(_compile(pattern, words) for pattern in section["safe"]),
        tuple((kind, _compile(p, words)) for kind in Forbidden for p in section[kind]),
    )


def _compile(pattern: str, words: dict[str, str]) -> re.Pattern[str]:
    for _ in range(4):  # Words may use words.
        pattern = re.sub(r"<(\w+)>", lambda match: f"(?:{words[match[1]]})", pattern)
    return re.compile(_same_letters(pattern))
