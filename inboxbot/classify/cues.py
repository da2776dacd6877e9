"""Words of many languages that speak of a topic: what the letter asks about, as counts.

Pure. The words stand in `data/cues.toml`: each is the beginning of a word, or, in scripts
without spaces, a piece of text. No topic decides by itself: the model weighs them.
"""

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from inboxbot.classify.text import Letter, norm


@dataclass(frozen=True, slots=True)
class Cues:
    """The topics in their fixed order, each with the pattern of its words."""

    topics: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]


@functools.cache
def load() -> Cues:
    """Return the shipped cue words."""
    source = resources.files("inboxbot.classify").joinpath("data/cues.toml")
    topics = tomllib.loads(source.read_text("utf-8"))
    return Cues(tuple(topics), tuple(pattern(entry["words"]) for entry in topics.values()))


def pattern(listed: str) -> re.Pattern[str]:
    """Return a pattern for comma-separated beginnings of words; `word.` is the whole word."""
    spaced, pieces = [], []
    for entry in listed.split(","):
        word = " ".join(norm(part) for part in entry.split())
        if not word:
            continue
        if re.search(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", word):
            pieces.append(re.escape(word))
        elif word.endswith("."):
            spaced.append(re.escape(word[:-1]).replace(r"\ ", r"\s+") + r"(?!\w)")
        else:
            spaced.append(re.escape(word).replace(r"\ ", r"\s+"))
    alternatives = []
    if spaced:
        alternatives.append(rf"(?<!\w)(?:{'|'.join(spaced)})")
    return re.compile("|".join([*alternatives, *pieces]) or r"(?!)")


def count(letter: Letter) -> list[int]:
    """Return how often each topic is named in `letter`."""
    text = norm(letter.whole)
    return [len(found.findall(text)) for found in load().patterns]
