"""Which language a letter is written in, and how sure that is.

Pure. The script decides where it belongs to one language; else frequent little words, rare
letters and usual parts of words do (`data/languages.toml`). Below the floor: None.
"""

import functools
import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping
from importlib import resources

from inboxbot.frozen import dataclass

FLOOR = 0.35
MAX_CHARS = 3000
_SCRIPTS = {
    "Latn": r"a-zA-Z\u00c0-\u024f\u1e00-\u1eff",
    "Cyrl": r"\u0400-\u04ff",
    "Arab": r"\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "el": r"\u0370-\u03ff\u1f00-\u1fff",
    "he": r"\u0590-\u05ff",
    "hi": r"\u0900-\u097f",
    "bn": r"\u0980-\u09ff",
    "pa": r"\u0a00-\u0a7f",
    "gu": r"\u0a80-\u0aff",
    "ta": r"\u0b80-\u0bff",
    "te": r"\u0c00-\u0c7f",
    "kn": r"\u0c80-\u0cff",
    "ml": r"\u0d00-\u0d7f",
    "si": r"\u0d80-\u0dff",
    "th": r"\u0e00-\u0e7f",
    "hy": r"\u0530-\u058f",
    "ka": r"\u10a0-\u10ff",
    "am": r"\u1200-\u137f",
    "kana": r"\u3040-\u30ff",
    "Hani": r"\u3400-\u4dbf\u4e00-\u9fff",
    "ko": r"\uac00-\ud7af\u1100-\u11ff",
}
_COUNT = {name: re.compile(f"[{ranges}]") for name, ranges in _SCRIPTS.items()}
_NOT_LETTERS = bytes(code for code in range(256) if not chr(code).isalpha() or code > 127)
_GROUPS = {
    "Cyrl": ("ru", "uk", "bg", "sr"),
    "Arab": ("ar", "fa", "ur"),
}
_WORD = re.compile(r"[^\W\d_]+(?:['’\u200c-][^\W\d_]+)*")
# A character of these scripts says as much as several letters of an alphabet.
_DENSE = {"kana": 2.5, "Hani": 2.5, "ko": 2.0}


@dataclass(frozen=True, slots=True)
class Languages:
    """The weights of little words by language; who has a rare letter, or a usual part of words.

    `lengths` are those that the parts have.
    """

    names: tuple[str, ...]
    words: Mapping[str, Mapping[str, float]]
    letters: Mapping[str, frozenset[str]]
    parts: Mapping[str, tuple[str, ...]]
    lengths: tuple[int, ...]


@functools.cache
def load() -> Languages:
    """Return the shipped words; one that several languages share counts less."""
    source = resources.files("inboxbot.classify").joinpath("data/languages.toml")
    tables = tomllib.loads(source.read_text("utf-8"))
    shared = Counter(word for table in tables.values() for word in set(table["words"].split()))
    words: dict[str, dict[str, float]] = defaultdict(dict)
    for name, table in tables.items():
        for word in table["words"].split():
            words[word][name] = 1 / shared[word] ** 0.5
    letters: dict[str, set[str]] = defaultdict(set)
    parts: dict[str, list[str]] = defaultdict(list)
    for name, table in tables.items():
        for letter in table["letters"]:
            letters[letter].add(name)
        for part in table.get("parts", "").split():
            parts[part].append(name)
    return Languages(
        tuple(tables),
        words,
        {letter: frozenset(names) for letter, names in letters.items()},
        {part: tuple(names) for part, names in parts.items()},
        tuple(sorted({len(part) for part in parts})),
    )


def detect(text: str) -> tuple[str | None, float]:
    """Return the language of `text` and how sure that is; (None, sureness) below the floor."""
    text = text[:MAX_CHARS]
    counts = _scripts(text)
    total = sum(counts.values())
    if not total:
        return None, 0.0
    counts["ja"] = counts.pop("kana")
    if counts["ja"] > 0.05 * counts["Hani"]:
        counts["ja"] += counts.pop("Hani")
    else:
        counts["zh"] = counts.pop("Hani")
    script = max(counts, key=lambda name: counts[name])
    share = counts[script] / total
    if script in ("Latn", *_GROUPS):
        name, sure = _by_words(text, script)
    else:
        name, sure = script, 1.0 if total >= 8 else 0.7
    confidence = sure * (share if share < 0.75 else 1.0)
    return (name, confidence) if confidence >= FLOOR else (None, confidence)


def _scripts(text: str) -> dict[str, float]:
    """Return how many characters of `text` are of each script; dense ones count more."""
    counts = dict.fromkeys(_COUNT, 0.0)
    if text.isascii():
        counts["Latn"] = float(len(text.encode().translate(None, _NOT_LETTERS)))
        return counts
    found: Counter[str] = Counter()
    for char, count in Counter(text).items():
        for script in _scripts_of(char):
            found[script] += count
    for script, count in found.items():
        counts[script] = count * _DENSE.get(script, 1.0)
    return counts


@functools.lru_cache(maxsize=4096)
def _scripts_of(char: str) -> tuple[str, ...]:
    return tuple(script for script, pattern in _COUNT.items() if pattern.match(char))


def _by_words(text: str, script: str) -> tuple[str | None, float]:
    """Return the best language of a script that several share."""
    wanted = _wanted(script)
    scores = [0.0] * len(wanted)
    for word in _WORD.findall(text.lower().replace("’", "'")):
        for at, weight in _votes(word, script):
            scores[at] += weight
    ranked = sorted(range(len(wanted)), key=lambda at: (-scores[at], wanted[at]))
    best, second = scores[ranked[0]], scores[ranked[1]]
    if best <= 0:
        return None, 0.0
    # The lead decides, and how much of the text speaks at all.
    spoken = best / (best + 0.6)
    lead = 1 / (1 + math.exp(-4.0 * (best - second) / math.sqrt(best + second + 0.5)))
    return wanted[ranked[0]], lead * spoken


@functools.cache
def _wanted(script: str) -> tuple[str, ...]:
    """Return the languages that are written in a script."""
    others = {name for group in _GROUPS.values() for name in group}
    return _GROUPS.get(script) or tuple(name for name in load().names if name not in others)


@functools.lru_cache(maxsize=8192)  # Most words of a letter stood in another one, too.
def _votes(word: str, script: str) -> tuple[tuple[int, float], ...]:
    """Return which languages of a script `word` speaks for, and how much."""
    known, wanted = load(), _wanted(script)
    votes: list[tuple[str, float]] = []
    for piece in dict.fromkeys((word, *word.split("'"))):
        votes += known.words.get(piece, {}).items()
    with_letters = {name for letter in word for name in known.letters.get(letter, ())}
    votes += [(name, 0.5) for name in sorted(with_letters)]
    pieces = {word[at : at + n] for n in known.lengths for at in range(len(word) - n + 1)}
    parts = Counter(name for piece in pieces & known.parts.keys() for name in known.parts[piece])
    votes += [(name, 0.12 * count) for name, count in parts.items()]
    return tuple(_vote(wanted.index(name), weight) for name, weight in votes if name in wanted)


@functools.cache  # Thousands of words share few of them.
def _vote(at: int, weight: float) -> tuple[int, float]:
    return at, weight
