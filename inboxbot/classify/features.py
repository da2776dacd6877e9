"""What a letter looks like to the models: numbers, and the places they come from.

Pure. Word and character sequences are hashed, so a trained model holds no word of any
letter, and erasing a letter never needs more than training again.
"""

import functools
import math
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
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
    buckets: list[int] = []
    segments: list[int] = []
    places: list[int] = []
    seen = 0
    for index, segment in enumerate(letter.segments):
        found = words(segment.text)[: MAX_WORDS - seen]
        seen += len(found)
        for position, own in enumerate(_sequences(found, segment)):
            buckets += own
            segments += [index] * len(own)
            places += [position] * len(own)
    counts = Counter(buckets)
    # Every occurrence carries its share of 1 + log(count), so that shares sum to the feature.
    shares = {count: (1 + math.log(count)) / count for count in set(counts.values())}
    squares = {count: (share * count) ** 2 for count, share in shares.items()}
    length = math.sqrt(sum(map(squares.__getitem__, counts.values()))) or 1.0
    lengthened = {count: share / length for count, share in shares.items()}
    parts = {bucket: lengthened[count] for bucket, count in counts.items()}
    return Grams(
        np.array(buckets, dtype=np.int64),
        np.array([parts[bucket] for bucket in buckets], dtype=np.float32),
        np.array(segments, dtype=np.int64),
        np.array(places, dtype=np.int64),
    )


def _sequences(found: Sequence[Word], segment: Segment) -> Iterator[list[int]]:
    """Yield for each word the buckets of the sequences that start with it."""
    for position, word in enumerate(found):
        own, *characters = _of_word(word.norm)
        buckets = [own]
        if segment.field == "subject":
            buckets.append(_bucket(f"s {word.norm}"))
        if position + 1 < len(found):
            buckets.append(_bucket(f"b {word.norm} {found[position + 1].norm}"))
        yield buckets + characters


@functools.lru_cache(maxsize=8192)  # Most words of a letter stood in another one, too.
def _of_word(norm: str) -> tuple[int, ...]:
    """Return the buckets of a word itself and of its characters in a row."""
    padded = f" {norm[:24]} "
    rows = [f"c{padded[i : i + n]}" for n in (3, 4, 5) for i in range(len(padded) - n + 1)]
    return tuple(_bucket(key) for key in (f"w {norm}", *rows))


def _bucket(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "replace")) % BUCKETS


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


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands in each segment: listed topics and dangers, questions, characters, medicines.

    Its features say this of topics, medicines, danger and the shape of the letter. No topic
    decides by itself: the model weighs them together.
    """

    listed: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]
    asked: tuple[int, ...]
    lengths: tuple[int, ...]
    medicines: tuple[tuple[Medicine, ...], ...]
    untitled: bool

    def features(self) -> Floats:
        """Return the features of all segments."""
        listed = np.minimum(self.listed.sum(axis=0), self.most) / self.most
        return np.concatenate([listed, self._shape(None)]).astype(np.float32)

    def features_without_each(self) -> Floats:
        """Return for each segment the features of all others, all in one go."""
        listed = np.minimum(self.listed.sum(axis=0) - self.listed, self.most) / self.most
        shapes = np.array([self._shape(index) for index in range(len(self.lengths))])
        return np.concatenate([listed, shapes], axis=1).astype(np.float32)

    def _shape(self, skip: int | None) -> tuple[float, ...]:
        """Return what does not stand in the lists, of all segments or of all but one."""
        asked, length = sum(self.asked), sum(self.lengths)
        if skip is not None:
            asked -= self.asked[skip]
            length -= self.lengths[skip]
        own = [m for at, named in enumerate(self.medicines) if at != skip for m in named]
        kept = len(self.lengths) - (skip is not None)
        return (
            min(len({medicine.generic for medicine in own}), 3) / 3,
            float(any(medicine.field == "subject" for medicine in own)),
            min(asked, 3) / 3,
            math.log1p(length) / 8,
            float(self.untitled),
            min(kept, 12) / 12,
        )


def counts(letter: Letter, found: Hits, medicines: Collection[Medicine]) -> Counts:
    """Count what stands in each segment of `letter`."""
    topics, dangers = lexicon.load("cues").topics, lexicon.load("urgent").topics
    columns = {topic: at for at, topic in enumerate(topics)}
    further = {topic: at for at, topic in enumerate(dangers, len(topics))}
    listed = np.zeros((len(letter.segments), len(topics) + len(dangers)), dtype=np.int64)
    for index, (named, threatening) in enumerate(zip(found.topics, found.danger, strict=True)):
        for hit in named:
            listed[index, columns[hit.topic]] += 1
        for topic in {hit.topic for hit in threatening}:
            listed[index, further[topic]] = 1
    return Counts(
        listed,
        np.array([3] * len(topics) + [2] * len(dangers)),
        tuple(sum(map(segment.text.count, "?？؟")) for segment in letter.segments),
        tuple(len(segment.text) for segment in letter.segments),
        tuple(
            tuple(medicine for medicine in medicines if _inside(medicine, segment))
            for segment in letter.segments
        ),
        not letter.subject.strip(),
    )


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
