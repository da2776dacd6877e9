"""The few phrases of a letter that decided its category, and how much each counted.

Pure. A segment counts as much as the answer changes when it is left out; within a long one
the words that the model weighs most are quoted. Nothing here changes the answer.
"""

from collections.abc import Sequence

import numpy as np

from inboxbot.classify import scoring
from inboxbot.classify.category import Category, Evidence
from inboxbot.classify.features import Floats
from inboxbot.classify.model import Model, softmax
from inboxbot.classify.scoring import Scores, Views
from inboxbot.classify.text import Segment, Word, words

MAX_PHRASES = 3
SHORT = 90
WINDOW = 12
LEAST = 0.15
_MEDICINE = 0.4
_TOPIC = 0.15


def evidence(model: Model, seen: Views, category: Category, scores: Scores) -> tuple[Evidence, ...]:
    """Return the phrases that spoke most for `category`, the strongest first.

    `scores` are those of the whole letter. The weight is the change of the
    log-odds of `category` when the phrase's segment is left out of the letter.
    """
    column = list(Category).index(category)
    head = model.head("last")
    whole = _log_odds(softmax(head.scores(scores.category)), column)
    if len(seen.letter.segments) == 1:
        return (_phrase(model, seen, 0, column, category, max(float(whole), LEAST)),)
    others = scoring.without_each(model, seen, scores)
    lost = whole - _log_odds(softmax(head.scores(others)), column)
    order = [int(i) for i in np.argsort(-lost, kind="stable")[:MAX_PHRASES]]
    chosen = [i for i in order if lost[i] >= LEAST] or order[:1]
    return tuple(_phrase(model, seen, i, column, category, float(lost[i])) for i in chosen)


def _log_odds(shares: Floats, column: int) -> Floats:
    own = np.minimum(np.maximum(shares[..., column], 1e-6), 1 - 1e-6)
    result: Floats = np.log(own / (1 - own))
    return result


def _phrase(
    model: Model, seen: Views, index: int, column: int, category: Category, weight: float
) -> Evidence:
    segment = seen.letter.segments[index]
    start, end = 0, len(segment.text)
    if end > SHORT:
        start, end = _narrow(model, seen, index, column)
    return segment.evidence(start, end, category, round(weight, 3))


def _narrow(model: Model, seen: Views, index: int, column: int) -> tuple[int, int]:
    """Return the window of words in a long segment that the model weighs most."""
    segment = seen.letter.segments[index]
    found = words(segment.text)
    gains = _gains(model, seen, index, column, segment, found)
    if len(found) <= WINDOW:
        return 0, len(segment.text)
    sums = np.convolve(gains, np.ones(WINDOW), mode="valid")
    first = int(np.argmax(sums))
    return found[first].start, found[first + WINDOW - 1].end


def _gains(
    model: Model, seen: Views, index: int, column: int, segment: Segment, found: Sequence[Word]
) -> Floats:
    """Return for each word what its sequences, listed topics and medicines count for."""
    gains = np.zeros(len(found), dtype=np.float32)
    own = seen.grams.segments == index
    weights = model.arrays["grams.weights"][seen.grams.buckets[own], :3]
    against = (weights.sum(axis=1) - weights[:, column]) / 2
    at = seen.grams.words[own]
    np.add.at(gains, at, seen.grams.values[own] * (weights[:, column] - against))
    marked = [(hit.start, hit.end, _TOPIC) for hit in seen.hits.topics[index]]
    marked += [
        (medicine.start - segment.start, medicine.end - segment.start, _MEDICINE)
        for medicine in seen.medicines
        if medicine.field == segment.field and segment.start <= medicine.start < segment.end
    ]
    for start, end, gain in marked:
        for position, word in enumerate(found):
            if start <= word.start < end:
                gains[position] += gain
    return gains
