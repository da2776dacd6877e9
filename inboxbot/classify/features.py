"""What a letter looks like to the models: numbers, and the places they come from.

Pure. Word and character sequences are hashed, so a trained model holds no word of any
letter and erasing a letter never needs more than training again.
"""

import math
import zlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inboxbot.classify import cues
from inboxbot.classify.category import Medicine
from inboxbot.classify.text import Letter, Segment, Word, words

BUCKETS = 1 << 16
MAX_WORDS = 600
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grams:
    """Hashed word and character sequences: buckets, their weights, and where they stand.

    `places` gives for each entry the segment and the word that it came from.
    """

    buckets: npt.NDArray[np.int64]
    values: Floats
    places: tuple[tuple[int, int], ...]


def grams(letter: Letter) -> Grams:
    """Return the sequences of `letter`, sublinear in their count and of length 1 together."""
    entries: list[tuple[int, int, int]] = []
    counts: dict[int, int] = defaultdict(int)
    seen = 0
    for index, segment in enumerate(letter.segments):
        found = words(segment.text)
        seen += len(found)
        if seen > MAX_WORDS and index:
            break
        for position, keys in enumerate(_sequences(found[:MAX_WORDS], segment)):
            for key in keys:
                bucket = zlib.crc32(key.encode("utf-8", "replace")) % BUCKETS
                counts[bucket] += 1
                entries.append((bucket, index, position))
    # Every occurrence carries its share of 1 + log(count), so that shares sum to the feature.
    shares = {bucket: (1 + math.log(count)) / count for bucket, count in counts.items()}
    length = math.sqrt(sum((shares[b] * n) ** 2 for b, n in counts.items())) or 1.0
    return Grams(
        np.array([bucket for bucket, _, _ in entries], dtype=np.int64),
        np.array([shares[bucket] / length for bucket, _, _ in entries], dtype=np.float32),
        tuple((index, position) for _, index, position in entries),
    )


def _sequences(found: list[Word], segment: Segment) -> list[list[str]]:
    """Return for each word the sequences that start with it."""
    mark = "s" if segment.field == "subject" else "t"
    keys = []
    for position, word in enumerate(found):
        own = [f"w {word.norm}"]
        if mark == "s":
            own.append(f"s {word.norm}")
        if position + 1 < len(found):
            own.append(f"b {word.norm} {found[position + 1].norm}")
        padded = f" {word.norm[:24]} "
        own += [f"c{padded[i : i + n]}" for n in (3, 4, 5) for i in range(len(padded) - n + 1)]
        keys.append(own)
    return keys


def dense(letter: Letter, medicines: tuple[Medicine, ...]) -> Floats:
    """Return the cue features of `letter`: topics named, medicines named, its shape."""
    hits = cues.count(letter)
    text = letter.whole
    named = len({medicine.generic for medicine in medicines})
    asked = sum(text.count(char) for char in "?？؟")
    shape = [
        min(named, 3) / 3,
        float(any(medicine.field == "subject" for medicine in medicines)),
        min(asked, 3) / 3,
        math.log1p(len(text)) / 8,
        float(not letter.subject.strip()),
        min(len(letter.segments), 12) / 12,
    ]
    return np.array([*(min(n, 3) / 3 for n in hits), *shape], dtype=np.float32)
