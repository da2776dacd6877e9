"""From a letter to the numbers that the model weighs, the same in training and in use.

Pure. A letter is seen in several ways: its words and characters, the encoder's vector of
the whole and of each segment, and what the lists say. The last head weighs them together.
"""

from dataclasses import replace

import numpy as np

from inboxbot.classify import encoder, features
from inboxbot.classify.category import Medicine
from inboxbot.classify.features import Counts, Floats, Grams, Hits
from inboxbot.classify.model import Kind, Model, nearness
from inboxbot.classify.text import Letter, Segment
from inboxbot.frozen import dataclass

_NONE = np.zeros((0, encoder.DIMENSIONS), dtype=np.float32)
_UNSCORED = np.zeros((0, 4), dtype=np.float32)
_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Views:
    """A letter in numbers. The vectors are empty for the light kind.

    `without` holds for each segment the vector of all the others together; `foreign` says
    that the encoder never learned the letter's language, so its scores are worth less.
    """

    letter: Letter
    medicines: tuple[Medicine, ...]
    foreign: bool
    hits: Hits
    counts: Counts
    grams: Grams
    whole: Floats
    segments: Floats
    without: Floats


@dataclass(frozen=True, slots=True)
class Scores:
    """What the heads say of a letter: for the category and, apart from it, for urgency.

    `segments` holds what the encoder's machine says of each segment, urgency last; `without` what
    it says of the letter without it. Both are empty for the light kind.
    """

    category: Floats
    urgent: Floats
    segments: Floats
    without: Floats


def views(
    letter: Letter, medicines: tuple[Medicine, ...], language: str | None, kind: Kind
) -> Views:
    """Return what the models of `kind` look at; `letter` has at least one segment."""
    whole, each, without = _NONE, _NONE, _NONE
    if kind == "encoder":
        texts = [" ".join(segment.text.split()) for segment in letter.segments]
        whole, each, without = encoder.sums(texts).vectors()
    hits = features.hits(letter)
    return Views(
        letter,
        medicines,
        language is not None and language not in encoder.LANGUAGES,
        hits,
        features.counts(letter, hits, medicines),
        features.grams(letter),
        whole,
        each,
        without,
    )


def part(seen: Views, segments: tuple[Segment, ...], kind: Kind) -> Views:
    """Return these segments of the same letter, at least one, as a letter of its own."""
    letter = replace(seen.letter, segments=segments, skipped=())
    alone = views(letter, seen.medicines, None, kind)
    return replace(alone, foreign=seen.foreign)


def base(model: Model, seen: Views) -> Scores:
    """Return the scores that the two last heads weigh, in their fixed order."""
    weights = model.arrays["grams.weights"].take(seen.grams.buckets, axis=0)
    grams: Floats = seen.grams.values @ weights + model.arrays["grams.bias"]
    cues = seen.counts.features()
    danger = features.danger(seen.hits)
    if model.kind == "light":
        return Scores(
            np.concatenate([grams[:3], cues]),
            np.concatenate([grams[3:], danger, cues]),
            _UNSCORED,
            _UNSCORED,
        )
    # All at once: to go through the letters compared with costs more than a further vector.
    near = kernel(model, np.vstack([seen.whole, seen.segments, seen.without]))
    whole, each, without = np.split(near, [1, len(seen.segments) + 1])
    return Scores(
        _weighed(seen, grams[:3], *pooled(whole[0, :3], each[:, :3]), cues),
        np.concatenate([grams[3:], whole[0, 3:], each[:, 3:].max(axis=0), danger, cues]),
        each,
        without,
    )


def _weighed(seen: Views, *parts: Floats) -> Floats:
    """Return all scores in a row, and once more for letters in a language that is foreign.

    So the last head learns how much each is worth where the encoder knows the language, and
    how much that differs where it does not.
    """
    row = np.concatenate(parts)
    foreign = np.array([seen.foreign], dtype=np.float32)
    return np.concatenate([row, row * foreign, foreign])


def kernel(model: Model, vectors: Floats) -> Floats:
    """Return for each vector the scores of the three categories and of urgency."""
    anchors, weights = model.arrays["kernel.anchors"], model.arrays["kernel.weights"]
    gamma = float(model.arrays["kernel.gamma"])
    found = np.tile(model.arrays["kernel.bias"], (len(vectors), 1))
    # Part by part, so that what is between stays in the processor's own memory.
    for start in range(0, len(anchors), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found += nearness(vectors, anchors[some], gamma) @ weights[some]
    return found


def pooled(whole: Floats, segments: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the scores of the whole, and the highest and mean ones of its segments."""
    return whole, segments.max(axis=0), segments.mean(axis=0)


def without_each(model: Model, seen: Views, found: Scores) -> Floats:
    """Return for each segment the category scores of the letter without it.

    `found` is what `base` says of the letter.
    """
    count = len(seen.segments) if model.kind == "encoder" else len(seen.letter.segments)
    weights = model.arrays["grams.weights"].take(seen.grams.buckets, axis=0)
    shares = seen.grams.values[:, None] * weights[:, :3]
    own = np.zeros((count, 3), dtype=np.float32)
    known = slice(None) if count == len(seen.letter.segments) else seen.grams.segments < count
    # Along one dimension adding takes a tenth of the time.
    cells = seen.grams.segments[known, None] * 3 + np.arange(3)
    np.add.at(own.reshape(-1), cells.reshape(-1), shares[known].reshape(-1))
    grams = shares.sum(axis=0) + model.arrays["grams.bias"][:3] - own
    cues = seen.counts.features_without_each()[:count]
    if model.kind == "light":
        return np.concatenate([grams, cues], axis=1).astype(np.float32)
    rows = []
    for index in range(count):
        others = np.delete(found.segments, index, axis=0) if count > 1 else found.segments
        near = pooled(found.without[index, :3], others[:, :3])
        rows.append(_weighed(seen, grams[index], *near, cues[index]))
    return np.array(rows, dtype=np.float32)


def urgency(model: Model, scores: Scores) -> float:
    """Return how likely the letter speaks of a danger that is present, 0 to 1."""
    score = float(model.head("urgent").scores(scores.urgent)[0])
    return float(1 / (1 + np.exp(-score)))
