"""Listed words and phrases of many languages, found in a text with their places.

Pure. Lists stand in `data/*.toml`, one table for each topic. An entry is the beginning of
a word or phrase; one that ends in a dot is whole; `a ... b` allows a few words in between;
in scripts that write no spaces it is a piece of text. One pass finds the topics of all lists.
"""

import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from importlib import resources

from inboxbot.classify.text import (
    MAX_SEGMENTS,
    Word,
    norm,
    plain_norms,
    plain_words,
    same_length,
)
from inboxbot.frozen import dataclass

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


@dataclass(frozen=True, slots=True)
class Entry:
    """What a word says by itself, and the phrases that begin with it.

    Those of `close` go on at once, in the `gapped` ones words may come between; what they go on
    with begins with one of `close_seconds` or `gapped_seconds`.
    """

    topics: tuple[str, ...]
    close: tuple[Phrase, ...]
    close_seconds: tuple[str, ...]
    gapped: tuple[Phrase, ...]
    gapped_seconds: tuple[str, ...]


_LOOKED_UP = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The entries of one or several lists, in the forms that are looked up."""

    beginnings: Mapping[str, tuple[str, ...]]
    whole: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, tuple[Phrase, ...]]
    pieces: Mapping[str, tuple[str, ...]]
    longest: int
    longest_piece: int
    # Most words of a letter stood in another one, too; most of them say nothing.
    looked_up: dict[str, Entry | None] = field(default_factory=dict, init=False)

    def find(self, text: str) -> list[Hit]:
        """Return every listed entry in `text`, in the order of the text."""
        found = plain_norms(text)
        hits: list[Hit] = []
        known = self.looked_up
        for at, word in enumerate(found):
            try:
                entry = known[word]
            except KeyError:
                entry = self._look_up(word)
            if entry is not None:
                hits += _begun(entry, text, found, at)
        if not text.isascii() and _SPACELESS.search(text):
            hits += self._in_spaceless(same_length(text))
        return sorted(hits, key=lambda hit: (hit.start, hit.end)) if len(hits) > 1 else hits

    def _look_up(self, word: str) -> Entry | None:
        forms = [word]
        if not word.isascii():
            forms += [word[len(p) :] for p in _PREFIXES if word.startswith(p) and len(word) > 4]
        topics: set[str] = set()
        for form in forms:
            topics.update(self.whole.get(form, ()))
            for length in range(1, min(len(form), self.longest) + 1):
                topics.update(self.beginnings.get(form[:length], ()))
        phrases = self.phrases.get(word, ())
        entry = None
        if topics or phrases:
            close = tuple(phrase for phrase in phrases if phrase.words[1] != _GAP)
            gapped = tuple(phrase for phrase in phrases if phrase.words[1] == _GAP)
            entry = Entry(
                tuple(sorted(topics)),
                close,
                tuple({phrase.words[1]: None for phrase in close}),
                gapped,
                tuple({(*phrase.words, "")[2]: None for phrase in gapped}),
            )
        if len(self.looked_up) >= _LOOKED_UP:
            self.looked_up.clear()
        self.looked_up[word] = entry
        return entry

    def _in_spaceless(self, text: str) -> Iterator[Hit]:
        for start in range(len(text)):
            for length in range(1, min(self.longest_piece, len(text) - start) + 1):
                for topic in self.pieces.get(text[start : start + length], ()):
                    yield Hit(topic, start, start + length)


def _begun(entry: Entry, text: str, found: Sequence[str], at: int) -> Iterator[Hit]:
    """Yield what the word at `at` says, and each phrase that begins there."""
    for topic in entry.topics:
        yield Hit(topic, *_place(text, at, at))
    # Most end here: the second word is another one.
    following = found[at + 1 : at + 2 + _MAX_GAP]
    phrases: list[Phrase] = []
    if following and following[0].startswith(entry.close_seconds):
        phrases += [phrase for phrase in entry.close if following[0].startswith(phrase.words[1])]
    if entry.gapped and any(word.startswith(entry.gapped_seconds) for word in following):
        phrases += entry.gapped
    for phrase in phrases:
        last = _follows(phrase, found, at)
        if last is not None:
            yield Hit(phrase.topic, *_place(text, at, last))


def _place(text: str, first: int, last: int) -> tuple[int, int]:
    words = plain_words(text)
    return words[first].start, words[last].end


def _follows(phrase: Phrase, found: Sequence[str], at: int) -> int | None:
    """Return which word ends `phrase` if it starts at word `at`, else None."""
    position, gap = at, 0
    for index, wanted in enumerate(phrase.words):
        if wanted == _GAP:
            gap = _MAX_GAP
            continue
        last = index == len(phrase.words) - 1 and not phrase.whole
        for candidate in range(position, min(position + gap + 1, len(found))):
            word = found[candidate]
            if word == wanted or (last and word.startswith(wanted)):
                position, gap = candidate + 1, 0
                break
        else:
            return None
    return position - 1


LISTS = ("cues", "urgent", "sensitive", "writer")
_NONE: Mapping[str, tuple[Hit, ...]] = dict.fromkeys(LISTS, ())


# Each list is asked for the same segments, one after the other.
@functools.lru_cache(maxsize=2 * MAX_SEGMENTS)
def listed(text: str) -> Mapping[str, tuple[Hit, ...]]:
    """Return what stands of each of the shipped lists in `text`, found in one pass."""
    hits = _all().find(text)
    if not hits:
        return _NONE
    found: dict[str, list[Hit]] = {name: [] for name in LISTS}
    for hit in hits:
        name, _, topic = hit.topic.partition(" ")
        found[name].append(Hit(topic, hit.start, hit.end))
    return {name: tuple(hits) for name, hits in found.items()}


@functools.cache
def _all() -> Lexicon:
    """Return all lists as one; a topic has the name of its list before it."""
    return build(
        {
            f"{name} {topic}": table["words"]
            for name in LISTS
            for topic, table in _tables(name).items()
        }
    )


@dataclass(frozen=True, slots=True)
class Topics:
    """What a shipped list is about, in its order, and the reasons that staff read."""

    topics: tuple[str, ...]
    reasons: Mapping[str, str]


@functools.cache
def load(name: str) -> Topics:
    """Return the topics of the shipped list `data/<name>.toml`."""
    tables = _tables(name)
    return Topics(
        tuple(tables), {topic: table.get("reason", "") for topic, table in tables.items()}
    )


def _tables(name: str) -> dict[str, dict[str, str]]:
    source = resources.files("inboxbot.classify").joinpath(f"data/{name}.toml")
    return tomllib.loads(source.read_text("utf-8"))


def build(topics: Mapping[str, str]) -> Lexicon:
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
        {word: tuple(sorted(found)) for word, found in beginnings.items()},
        {word: tuple(sorted(found)) for word, found in whole.items()},
        {word: tuple(sorted(p, key=lambda p: p.words)) for word, p in phrases.items()},
        {piece: tuple(sorted(found)) for piece, found in pieces.items()},
        max(map(len, beginnings), default=0),
        max(map(len, pieces), default=0),
    )
