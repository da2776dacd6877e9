"""Train two models on the same letters, one of which learned from more, and judge both fairly.

Pure. Every letter is judged by heads that were fitted without it, for both models alike: so an
organisation's few corrections can be learned from and tested on at the same time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from inboxbot.classify import medicines as medicine_names
from inboxbot.classify.category import Category, Classification
from inboxbot.classify.classifier import Classifier
from inboxbot.classify.letters import LabelledLetter
from inboxbot.classify.model import Kind, Model
from inboxbot.classify.train import (
    FOLDS,
    Mask,
    Table,
    describe,
    fit,
    kinds,
    last_heads,
    parts,
    table,
    unseen,
)
from inboxbot.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Trained:
    """A new model, and what the one before and the new one say of letters they did not see.

    The three lists go together; letters without words are left out.
    """

    model: Model
    letters: tuple[LabelledLetter, ...]
    before: tuple[Classification, ...]
    after: tuple[Classification, ...]


def train_beside(
    letters: Sequence[LabelledLetter],
    known: Mapping[str, Category],
    kind: Kind,
    meta: Mapping[str, object],
) -> Trained:
    """Return the model trained on `letters`, judged beside one that learned only those in `known`.

    `known` maps the ids of letters that the model before learned from to the category it was
    told. Raises PermanentError as `train` does.
    """
    found = table(letters, kind)
    everything = np.ones(len(found.labels), dtype=np.bool_)
    new = parts(found, everything, kind)
    before = _as_known(found, known)
    learned = np.array([_original(letter.id) in known for letter in found.letters])
    old = new if _same(found, before, learned) else parts(before, learned, kind)
    originals = np.flatnonzero(~found.copies).tolist()
    judged_before = _judge(before, learned, kind, old)
    judged_after = _judge(found, everything, kind, new)
    return Trained(
        fit(found, kind, {**describe(letters), **meta}, new),
        tuple(found.letters[i] for i in originals),
        tuple(judged_before[i] for i in originals),
        tuple(judged_after[i] for i in originals),
    )


def _as_known(data: Table, known: Mapping[str, Category]) -> Table:
    """Return the table with the categories that the model before was told."""
    order = list(Category)
    labels = data.labels.copy()
    for row, letter in enumerate(data.letters):
        told = known.get(_original(letter.id))
        if told is not None:
            labels[row] = order.index(told)
    return replace(data, labels=labels)


def _same(data: Table, before: Table, learned: Mask) -> bool:
    return bool(learned.all()) and bool((data.labels == before.labels).all())


def _original(letter: str) -> str:
    return letter.removesuffix("+")


def _judge(
    data: Table, rows: Mask, kind: Kind, found: Sequence[Model]
) -> dict[int, Classification]:
    """Return for each row what is said of it by heads that were fitted without its fold."""
    scores = unseen(data, found)
    names = medicine_names.load()
    sorts = kinds(data)
    judged = {}
    for fold in range(FOLDS):
        last = last_heads(data, scores, rows & (data.fold != fold), kind)
        model = Model(kind, {**found[fold].arrays, **last, **sorts}, {})
        classifier = Classifier(model, names, "")
        for row in np.flatnonzero((data.fold == fold) & ~data.copies).tolist():
            judged[row] = classifier.judge(data.views[row])
    return judged
