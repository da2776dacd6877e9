"""What a letter looks like to the models: numbers, and the places they come from.

Pure. Word and character sequences are hashed, so a trained model holds no word of any
letter, and erasing a letter never needs more than training again.
"""

import math
import zlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inboxbot.classify import lexicon
from inboxbot.classify.category import Medicine
from inboxbot.classify.lexicon import Hit
from inboxbot.classify.text import Letter, Segment, Word, words

BUCKETS = 1 << 16
MAX_WORDS = 600
MAX_LEXICON = 6000
CALM, NOW = "calm", "now"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grams:
    """Hashed word and character sequences: buckets, weights, and segment and word of each."""

    buckets: npt.NDArray[np.int64]
    values: Floats
    segments: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hits:
    """What of the two lists stands in each segment: topics, and what says danger."""

    topics: tuple[tuple[Hit, ...], ...]
    danger: tuple[tuple[Hit, ...], ...]


def grams(letter: Letter) -> Grams:
    """Return the sequences of `letter`, sublinear in their count and of length 1 together."""
    entries: list[tuple[int, int, int]] = []
    counts: dict[int, int] = defaultdict(int)
    seen = 0
    for index, segment in enumerate(letter.segments):
        found = words(segment.text)[: MAX_WORDS - seen]
        seen += len(found)
        for position, keys in enumerate(_sequences(found, segment)):
            for key in keys:
                bucket = zlib.crc32(key.encode("utf-8", "replace")) % BUCKETS
                counts[bucket] += 1
                entries.append((bucket, index, position))
    # Every occurrence carries its share of 1 + log(count), so that shares sum to the feature.
    shares = {bucket: (1 + math.log(count)) / count for bucket, count in counts.items()}
    length = math.sqrt(sum((shares[b] * n) ** 2 for b, n in counts.items())) or 1.0
    table = np.array(entries, dtype=np.int64).reshape(-1, 3)
    values = np.array([shares[bucket] / length for bucket, _, _ in entries], dtype=np.float32)
    return Grams(table[:, 0], values, table[:, 1], table[:, 2])


def _sequences(found: list[Word], segment: Segment) -> list[list[str]]:
    """Return for each word the sequences that start with it."""
    keys = []
    for position, word in enumerate(found):
        own = [f"w {word.norm}"]
        if segment.field == "subject":
            own.append(f"s {word.norm}")
        if position + 1 < len(found):
            own.append(f"b {word.norm} {found[position + 1].norm}")
        padded = f" {word.norm[:24]} "
        own += [f"c{padded[i : i + n]}" for n in (3, 4, 5) for i in range(len(padded) - n + 1)]
        keys.append(own)
    return keys


def hits(letter: Letter) -> Hits:
    """Return the listed words of `letter`, segment by segment."""
    topics, danger = [], []
    room = MAX_LEXICON
    for segment in letter.segments:
        text = segment.text[: max(room, 0)]
        room -= len(text)
        topics.append(tuple(lexicon.load("cues").find(text)))
        danger.append(tuple(lexicon.load("urgent").find(text)))
    return Hits(tuple(topics), tuple(danger))


def cues(
    letter: Letter, found: Hits, medicines: Collection[Medicine], skip: int | None = None
) -> Floats:
    """Return the cue features of `letter`: topics, medicines, danger, its shape.

    No topic decides by itself: the model weighs them together. `skip` leaves a segment out,
    to see what it counted for.
    """
    kept = [(i, s) for i, s in enumerate(letter.segments) if i != skip]
    topics = dict.fromkeys(lexicon.load("cues").topics, 0)
    danger = dict.fromkeys(lexicon.load("urgent").topics, 0)
    for index, _ in kept:
        for hit in found.topics[index]:
            topics[hit.topic] += 1
        for topic in {hit.topic for hit in found.danger[index]}:
            danger[topic] += 1
    own = [m for m in medicines if any(_inside(m, segment) for _, segment in kept)]
    asked = sum(segment.text.count(char) for _, segment in kept for char in "?？؟")
    shape = [
        min(len({medicine.generic for medicine in own}), 3) / 3,
        float(any(medicine.field == "subject" for medicine in own)),
        min(asked, 3) / 3,
        math.log1p(sum(len(segment.text) for _, segment in kept)) / 8,
        float(not letter.subject.strip()),
        min(len(kept), 12) / 12,
    ]
    listed = [min(n, 3) / 3 for n in topics.values()] + [min(n, 2) / 2 for n in danger.values()]
    return np.array([*listed, *shape], dtype=np.float32)


def _inside(medicine: Medicine, segment: Segment) -> bool:
    return medicine.field == segment.field and segment.start <= medicine.start < segment.end


def danger(found: Hits) -> Floats:
    """Return how the list of dangers hits: each kind, several kinds, and none called calm."""
    counts = dict.fromkeys(lexicon.load("urgent").topics, 0)
    plain = 0
    for segment in found.danger:
        topics = {hit.topic for hit in segment}
        for topic in topics:
            counts[topic] += 1
        plain += bool(topics - {CALM, NOW}) and CALM not in topics
    kinds = sum(n > 0 for topic, n in counts.items() if topic not in (CALM, NOW))
    listed = [min(n, 2) / 2 for n in counts.values()]
    return np.array([*listed, min(kinds, 2) / 2, min(plain, 2) / 2], dtype=np.float32)
