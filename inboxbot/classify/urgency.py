"""The time-critical flags: what cannot wait until somebody opens the queue.

Pure. Whether a letter is urgent is one question, answered by a trained head that knows the
listed words and the quiet wordings; which kind of danger it is, is another, and where nothing
says it no kind is named.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from inboxbot.classify import lexicon, scoring
from inboxbot.classify.category import NAMED_DANGERS, Category, Evidence, Flag, Urgent
from inboxbot.classify.features import CALM, NOW
from inboxbot.classify.lexicon import Hit
from inboxbot.classify.model import Model, softmax
from inboxbot.classify.scoring import Scores, Views
from inboxbot.classify.text import Segment
from inboxbot.mail.conversation import is_reply

MAX_FLAGS = 3
MAX_APART = 10
# A letter that speaks of the past or a plan and names no danger must be likely to mean one.
LIKELY = 0.5
# What a letter about a medicine can mean where it names no danger.
_OF_MEDICINES = (Urgent.OVERDOSE, Urgent.REACTION)
_QUIET = "no plain word, but reads like letters in which someone was in danger"


def flags(
    model: Model,
    seen: Views,
    scores: Scores,
    category: Category,
    threshold: float | None = None,
) -> tuple[tuple[Flag, ...], tuple[Evidence, ...]]:
    """Return the urgent flags of a letter and the phrases that speak for them.

    `threshold` overrides the model's own.
    """
    probability = scoring.urgency(model, scores)
    least = float(model.arrays["urgent.threshold"]) if threshold is None else threshold
    if probability < least:
        return (), ()
    named = _named(seen)
    calm = any(hit.topic == CALM for found in seen.hits.danger for hit in found)
    if not named and calm and probability < LIKELY:
        return (), ()
    if named:
        kinds = sorted(named, key=lambda kind: (-len(named[kind]), NAMED_DANGERS.index(kind)))[
            :MAX_FLAGS
        ]
        reasons = lexicon.load("urgent").reasons
        found = tuple(Flag(kind, probability, reasons[kind]) for kind in kinds)
        evidence = [
            segment.evidence(hit.start, hit.end, kind, probability)
            for kind in kinds
            for segment, hit in named[kind][:2]
        ]
        return found, tuple(evidence)
    kind = _likeliest(model, seen, category)
    segment = _most_urgent(seen, scores)
    phrase = segment.evidence(0, min(len(segment.text), 160), kind, probability)
    return (Flag(kind, probability, _QUIET),), (phrase,)


def told(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return those segments that say in listed words, and not calmly, that there is danger."""
    found = (each for each in segments if _is_plain(lexicon.listed(each.text)["urgent"]))
    return tuple(islice(found, MAX_APART))


def apart(seen: Views) -> Iterator[tuple[Segment, ...]]:
    """Yield the parts of a letter that have to be looked at by themselves, if any.

    A subject weighs as much as a sentence: a few plain words below "Re: We have received your
    message", which the writer did not even write, would be as nothing. So the text is looked at
    alone where the letter is a reply, and where it says in listed words, and not calmly, that
    there is danger. In the middle of a long letter, which is not read, such words are looked for.
    """
    letter = seen.letter
    text = tuple(each for each in letter.segments if each.field == "text")
    if 0 < len(text) < len(letter.segments):
        found = seen.hits.danger[len(letter.segments) - len(text) :]
        if is_reply(letter.subject) or _is_plain(hit for hits in found for hit in hits):
            yield text
    if skipped := told(letter.skipped):
        yield skipped


def _is_plain(hits: Iterable[Hit]) -> bool:
    topics = {hit.topic for hit in hits}
    return CALM not in topics and not topics <= {NOW}


def _named(seen: Views) -> dict[Urgent, list[tuple[Segment, Hit]]]:
    """Return the listed phrases by kind; a segment that speaks calmly counts only alone."""
    plain: dict[Urgent, list[tuple[Segment, Hit]]] = {}
    calm: dict[Urgent, list[tuple[Segment, Hit]]] = {}
    for segment, found in zip(seen.letter.segments, seen.hits.danger, strict=True):
        kept = calm if any(hit.topic == CALM for hit in found) else plain
        for hit in found:
            if hit.topic not in (CALM, NOW):
                kept.setdefault(Urgent(hit.topic), []).append((segment, hit))
    return plain or calm


def _likeliest(model: Model, seen: Views, category: Category) -> Urgent:
    weights = model.arrays["kind.weights"][seen.grams.buckets]
    shares = softmax(seen.grams.values @ weights + model.arrays["kind.bias"])
    if category is Category.MEDICATION_QUESTION:
        return max(_OF_MEDICINES, key=lambda kind: float(shares[NAMED_DANGERS.index(kind)]))
    # Half of what is told quietly is despair; the other half must not be called that.
    return NAMED_DANGERS[int(np.argmax(shares))] if shares.max() >= 0.5 else Urgent.DANGER


def _most_urgent(seen: Views, scores: Scores) -> Segment:
    """Return the segment that is nearest to letters in danger.

    For the light kind: the one with the most words that sound like now, else the longest.
    """
    if len(scores.segments):
        return seen.letter.segments[int(np.argmax(scores.segments[:, 3]))]
    pairs = zip(seen.letter.segments, seen.hits.danger, strict=True)
    return max(pairs, key=lambda pair: (len(pair[1]), len(pair[0].text)))[0]
