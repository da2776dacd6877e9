"""Listed words and phrases of many languages, found in a text with their places.

Pure. Lists stand in `data/*.toml`, one table for each topic. An entry is the beginning of
a word or phrase; one that ends in a dot is whole; `a ... b` allows a few words in between;
in scripts that write no spaces it is a piece of text. One pass finds the topics of a list.
"""

import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

from inboxbot.classify.text import Word, norm, plain_words, same_length

_SPACELESS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PREFIXES = ("وال", "ال", "و", "ה", "ו", "ב", "ל", "מ", "ש")
_GAP = "..."
_MAX_GAP = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A listed word or phrase in a text: its topic and its place."""

    topic: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Several words in a row; the last one may be longer unless `whole`."""

    words: tuple[str, ...]
    whole: bool
    topic: str


Entry = tuple[frozenset[str], tuple[Phrase, ...]]
_NOTHING: Entry = (frozenset(), ())
_LOOKED_UP = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The topics in their order, and the entries in the forms that are looked up."""

    topics: tuple[str, ...]
    reasons: Mapping[str, str]
    beginnings: Mapping[str, tuple[str, ...]]
    whole: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, tuple[Phrase, ...]]
    pieces: Mapping[str, tuple[str, ...]]
    longest: int
    longest_piece: int
    # Most words of a letter stood in another one, too.
    looked_up: dict[str, Entry] = field(default_factory=dict, init=False)

    def find(self, text: str) -> list[Hit]:
        """Return every listed entry in `text`, in the order of the text."""
        found = plain_words(text)
        hits = []
        known = self.looked_up
        for at, word in enumerate(found):
            entry = known.get(word.norm)
            if entry is None:
                entry = self._look_up(word.norm)
            if entry is _NOTHING:
                continue
            topics, phrases = entry
            for topic in topics:
                hits.append(Hit(topic, word.start, word.end))
            follows = found[at + 1].norm if at + 1 < len(found) else ""
            for phrase in phrases:
                # Most end here: the second word is another one.
                if not follows.startswith(phrase.words[1]) and phrase.words[1] != _GAP:
                    continue
                if end := _follows(phrase, found, at):
                    hits.append(Hit(phrase.topic, word.start, end))
        if not text.isascii() and _SPACELESS.search(text):
            hits += self._in_spaceless(same_length(text))
        return sorted(hits, key=lambda hit: (hit.start, hit.end))

    def _look_up(self, word: str) -> Entry:
        """Return what one word says by itself, and the phrases that begin with it."""
        forms = [word]
        if not word.isascii():
            forms += [word[len(p) :] for p in _PREFIXES if word.startswith(p) and len(word) > 4]
        topics: set[str] = set()
        for form in forms:
            topics.update(self.whole.get(form, ()))
            for length in range(1, min(len(form), self.longest) + 1):
                topics.update(self.beginnings.get(form[:length], ()))
        if len(self.looked_up) >= _LOOKED_UP:
            self.looked_up.clear()
        found = (frozenset(topics), self.phrases.get(word, ()))
        entry = self.looked_up[word] = found if any(found) else _NOTHING
        return entry

    def _in_spaceless(self, text: str) -> Iterator[Hit]:
        for start in range(len(text)):
            for length in range(1, min(self.longest_piece, len(text) - start) + 1):
                for topic in self.pieces.get(text[start : start + length], ()):
                    yield Hit(topic, start, start + length)


def _follows(phrase: Phrase, found: Sequence[Word], at: int) -> int | None:
    """Return where `phrase` ends if it starts at word `at`, else None."""
    position, gap = at, 0
    for index, wanted in enumerate(phrase.words):
        if wanted == _GAP:
            gap = _MAX_GAP
            continue
        last = index == len(phrase.words) - 1 and not phrase.whole
        for candidate in range(position, min(position + gap + 1, len(found))):
            word = found[candidate].norm
            if word == wanted or (last and word.startswith(wanted)):
                position, gap = candidate + 1, 0
                break
        else:
            return None
    return found[position - 1].end


@functools.cache
def load(name: str) -> Lexicon:
    """Return the shipped list `data/<name>.toml`."""
    source = resources.files("inboxbot.classify").joinpath(f"data/{name}.toml")
    topics = tomllib.loads(source.read_text("utf-8"))
    return build(
        {topic: table["words"] for topic, table in topics.items()},
        {topic: table.get("reason", "") for topic, table in topics.items()},
    )


def build(topics: Mapping[str, str], reasons: Mapping[str, str]) -> Lexicon:
    """Return the lexicon of `topics`, each with its comma-separated entries."""
    beginnings: dict[str, set[str]] = defaultdict(set)
    whole: dict[str, set[str]] = defaultdict(set)
    phrases: dict[str, set[Phrase]] = defaultdict(set)
    pieces: dict[str, set[str]] = defaultdict(set)
    for topic, listed in topics.items():
        for entry in filter(None, (entry.strip() for entry in listed.split(","))):
            if _SPACELESS.search(entry):
                pieces[same_length(entry)].add(topic)
                continue
            exact = entry.endswith(".") and not entry.endswith(_GAP)
            words = tuple(
                _GAP if part == _GAP else word.norm
                for part in entry.split()
                for word in (plain_words(part) if part != _GAP else [Word(0, 0, _GAP)])
            )
            if len(words) > 1:
                phrases[words[0]].add(Phrase(words, exact, topic))
            elif words:
                (whole if exact else beginnings)[norm(words[0])].add(topic)
    return Lexicon(
        tuple(topics),
        dict(reasons),
        {word: tuple(sorted(found)) for word, found in beginnings.items()},
        {word: tuple(sorted(found)) for word, found in whole.items()},
        {word: tuple(sorted(p, key=lambda p: p.words)) for word, p in phrases.items()},
        {piece: tuple(sorted(found)) for piece, found in pieces.items()},
        max(map(len, beginnings), default=0),
        max(map(len, pieces), default=0),
    )
