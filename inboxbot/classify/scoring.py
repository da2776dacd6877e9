"""From a letter to the numbers that the model weighs, the same in training and in use.

Pure. A view is one way to look at a letter; each has heads of its own, and the last head
weighs their scores together with the cues.
"""

from dataclasses import dataclass

import numpy as np

from inboxbot.classify import encoder, features
from inboxbot.classify.category import Medicine
from inboxbot.classify.features import Floats, Grams
from inboxbot.classify.model import Kind, Model
from inboxbot.classify.text import Letter


@dataclass(frozen=True, slots=True)
class Views:
    """A letter in numbers: hashed sequences, cues, and the encoder's vectors if it is used."""

    grams: Grams
    dense: Floats
    whole: Floats
    segments: Floats


def views(letter: Letter, medicines: tuple[Medicine, ...], kind: Kind) -> Views:
    """Return what the models of `kind` look at."""
    whole = np.zeros(encoder.DIMENSIONS, dtype=np.float32)
    segments = np.zeros((0, encoder.DIMENSIONS), dtype=np.float32)
    if kind == "encoder" and letter.segments:
        texts = [" ".join(segment.text.split()) for segment in letter.segments]
        vectors = encoder.encode([" ".join(texts)[: encoder.MAX_WHOLE], *texts])
        whole, segments = vectors[0], vectors[1:]
    return Views(features.grams(letter), features.dense(letter, medicines), whole, segments)


def base_scores(model: Model, seen: Views) -> Floats:
    """Return the scores that the last head weighs, in their fixed order."""
    parts = [gram_scores(model, "grams", seen.grams)]
    if model.kind == "encoder":
        parts.append(model.kernel("whole").scores(seen.whole[None, :])[0])
    return np.concatenate([*parts, seen.dense]).astype(np.float32)


def gram_scores(model: Model, name: str, found: Grams) -> Floats:
    """Return the scores of the linear head `name` over hashed sequences."""
    head = model.head(name)
    result: Floats = found.values @ head.weights[found.buckets] + head.bias
    return result


def raw_urgency(model: Model, seen: Views) -> float:
    """Return how urgent the letter reads to the trained head, before calibration."""
    if model.kind == "encoder":
        return float(model.kernel("urgent").scores(seen.whole[None, :])[0, 0])
    return float(gram_scores(model, "urgent_grams", seen.grams)[0])


def urgency(model: Model, seen: Views) -> float:
    """Return how urgent the letter reads to the trained head, 0 to 1."""
    slope, offset = model.arrays["urgent.calibration"]
    return float(1 / (1 + np.exp(-(slope * raw_urgency(model, seen) + offset))))
