"""What a letter looks like to the models: numbers, and the places they come from.

Pure. Word and character sequences are hashed, so a trained model holds no word of any
letter, and erasing a letter never needs more than training again.
"""

import functools
import math
import struct
import zlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inboxbot.classify import lexicon
from inboxbot.classify.category import Medicine
from inboxbot.classify.lexicon import Hit
from inboxbot.classify.text import Letter, Segment, norms
from inboxbot.frozen import dataclass

BUCKETS = 1 << 16
_STORED = np.dtype("<u2")  # As small as a bucket can be: thousands of words are remembered.
MAX_WORDS = 600
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
    rows: list[bytes] = []
    segments: list[int] = []
    places: list[int] = []
    lengths: list[int] = []
    seen = 0
    for index, segment in enumerate(letter.segments):
        known = [_of_word(word) for word in norms(segment.text)[: MAX_WORDS - seen]]
        seen += len(known)
        for position, word in enumerate(known):
            row = word.in_subject if segment.field == "subject" else word.own
            if position + 1 < len(known):
                pair = zlib.crc32(known[position + 1].encoded, word.before) % BUCKETS
                row += pair.to_bytes(_STORED.itemsize, "little")
            row += word.characters
            rows.append(row)
            lengths.append(len(row))
        segments += [index] * len(known)
        places += range(len(known))
    buckets = np.frombuffer(b"".join(rows), dtype=_STORED).astype(np.int64)
    each = np.array(lengths, dtype=np.int64) // _STORED.itemsize
    return Grams(
        buckets,
        _weighed(buckets),
        np.repeat(np.array(segments, dtype=np.int64), each),
        np.repeat(np.array(places, dtype=np.int64), each),
    )


def _weighed(buckets: npt.NDArray[np.int64]) -> Floats:
    """Return what each occurrence of a sequence counts.

    It carries its share of 1 + log(count), so that shares sum to the feature.
    """
    order = np.argsort(buckets.astype(_STORED), kind="stable")
    ordered = buckets[order]
    ends = np.concatenate((np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(buckets)]))
    runs = ends.copy()
    runs[1:] -= ends[:-1]
    often = np.empty_like(buckets)
    often[order] = np.repeat(runs, runs)
    features = [1.0 + math.log(max(count, 1)) for count in range(int(runs.max(initial=0)) + 1)]
    spread = np.bincount(runs, minlength=len(features)).tolist()
    squares = (feature**2 * each for feature, each in zip(features, spread, strict=True))
    length = math.sqrt(sum(squares)) or 1.0
    shares = [feature / max(count, 1) / length for count, feature in enumerate(features)]
    weighed: Floats = np.array(shares, dtype=np.float32)[often]
    return weighed


class _Sequences(NamedTuple):
    """The buckets of a word itself, alone and in a subject, and of its characters in a row.

    `before` is the checksum of all that stands before the second word of a pair.
    """

    own: bytes
    in_subject: bytes
    characters: bytes
    before: int
    encoded: bytes


@functools.lru_cache(maxsize=8192)  # Most words of a letter stood in another one, too.
def _of_word(norm: str) -> _Sequences:
    padded = f" {norm[:24]} "
    rows = [f"c{padded[i : i + n]}" for n in (3, 4, 5) for i in range(len(padded) - n + 1)]
    own = _buckets([f"w {norm}"])
    return _Sequences(
        own,
        own + _buckets([f"s {norm}"]),
        _buckets(rows),
        zlib.crc32(_encoded(f"b {norm} ")),
        _encoded(norm),
    )


def _buckets(keys: Sequence[str]) -> bytes:
    return struct.pack(f"<{len(keys)}H", *(zlib.crc32(_encoded(key)) % BUCKETS for key in keys))


def _encoded(key: str) -> bytes:
    return key.encode("utf-8", "replace")


def hits(letter: Letter) -> Hits:
    """Return the listed words of `letter`, segment by segment."""
    found = [lexicon.listed(segment.text) for segment in letter.segments]
    return Hits(tuple(each["cues"] for each in found), tuple(each["urgent"] for each in found))


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
        own = [medicine for named in self.medicines for medicine in named]
        shape = self._shape(sum(self.asked), sum(self.lengths), own, len(self.lengths))
        return np.concatenate([listed, shape]).astype(np.float32)

    def features_without_each(self) -> Floats:
        """Return for each segment the features of all others, all in one go."""
        listed = np.minimum(self.listed.sum(axis=0) - self.listed, self.most) / self.most
        asked, length, kept = sum(self.asked), sum(self.lengths), len(self.lengths) - 1
        named = [(at, medicine) for at, own in enumerate(self.medicines) for medicine in own]
        shapes = np.array(
            [
                self._shape(
                    asked - self.asked[without],
                    length - self.lengths[without],
                    [medicine for at, medicine in named if at != without],
                    kept,
                )
                for without in range(len(self.lengths))
            ]
        )
        return np.concatenate([listed, shapes], axis=1).astype(np.float32)

    def _shape(
        self, asked: int, length: int, medicines: Collection[Medicine], segments: int
    ) -> tuple[float, ...]:
        """Return what does not stand in the lists, of some of the segments."""
        return (
            min(len({medicine.generic for medicine in medicines}), 3) / 3,
            float(any(medicine.field == "subject" for medicine in medicines)),
            min(asked, 3) / 3,
            math.log1p(length) / 8,
            float(self.untitled),
            min(segments, 12) / 12,
        )


def counts(letter: Letter, found: Hits, medicines: Collection[Medicine]) -> Counts:
    """Count what stands in each segment of `letter`."""
    columns, further, most = _columns()
    listed = np.zeros((len(letter.segments), len(most)), dtype=np.int64)
    for index, (named, threatening) in enumerate(zip(found.topics, found.danger, strict=True)):
        for hit in named:
            listed[index, columns[hit.topic]] += 1
        for topic in {hit.topic for hit in threatening}:
            listed[index, further[topic]] = 1
    return Counts(
        listed,
        most,
        tuple(sum(map(segment.text.count, "?？؟")) for segment in letter.segments),
        tuple(len(segment.text) for segment in letter.segments),
        tuple(
            tuple(medicine for medicine in medicines if _inside(medicine, segment))
            for segment in letter.segments
        ),
        not letter.subject.strip(),
    )


@functools.cache
def _columns() -> tuple[dict[str, int], dict[str, int], npt.NDArray[np.int64]]:
    """Return the column of each topic and of each danger, and how often each may count."""
    topics, dangers = lexicon.load("cues").topics, lexicon.load("urgent").topics
    return (
        {topic: at for at, topic in enumerate(topics)},
        {topic: at for at, topic in enumerate(dangers, len(topics))},
        np.array([3] * len(topics) + [2] * len(dangers)),
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
