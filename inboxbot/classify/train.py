"""Labelled letters to a new model.

Pure and deterministic: the same letters give the same bytes. scikit-learn is needed here
only; what it finds is kept as plain numbers.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inboxbot.classify import language, lexicon, scoring, text
from inboxbot.classify import medicines as medicine_names
from inboxbot.classify.category import NAMED_DANGERS, Category, Urgent
from inboxbot.classify.features import BUCKETS, CALM, NOW, Floats
from inboxbot.classify.letters import LabelledLetter, courteous
from inboxbot.classify.model import Kind, Model
from inboxbot.classify.scoring import Scores, Views
from inboxbot.errors import PermanentError
from inboxbot.frozen import dataclass

Labels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
# Of a letter whose urgency nobody has judged: it teaches nothing about it.
UNKNOWN = -1
FOLDS = 5
GAMMA = 1.0
MARGIN = 3.0
MIN_LETTERS = 30
STRENGTH = 2.0
# Staff look at every flag; a missed crisis costs more than a false alarm. The letters that it
# is set on are harder than those that come in: told quietly, or only sounding like danger.
URGENT_PRECISION = 0.65
URGENT_RECALL = 0.9


@dataclass(frozen=True, slots=True)
class Table:
    """All letters in numbers: what the heads are fitted on; `fold` keeps near-copies together.

    `urgent` is UNKNOWN where nobody has said; `copies` are those made by courtesies.
    """

    letters: tuple[LabelledLetter, ...]
    copies: Mask
    views: tuple[Views, ...]
    labels: Labels
    urgent: Labels
    fold: Labels


def train(letters: Sequence[LabelledLetter], kind: Kind = "encoder") -> Model:
    """Return a model of `kind`, fitted on `letters`.

    The last heads are fitted on scores that the others gave to letters they had not seen, so
    the confidence is true of new letters. Raises PermanentError where a category has too few
    letters to learn from, or scikit-learn is not installed.
    """
    found = table(letters, kind)
    everything = np.ones(len(found.labels), dtype=np.bool_)
    return fit(found, kind, describe(letters), parts(found, everything, kind))


def table(letters: Sequence[LabelledLetter], kind: Kind) -> Table:
    """Return `letters` in numbers; those without words are left out. Raises as `train` does."""
    _check_installed()
    counts = [sum(letter.label is category for letter in letters) for category in Category]
    if min(counts) < MIN_LETTERS:
        raise PermanentError(
            f"Too few letters to learn from: each category needs at least {MIN_LETTERS}."
        )
    names = medicine_names.load()
    order = list(Category)
    kept, copies, seen, labels, urgent, folds = [], [], [], [], [], []
    for letter, fold, copied in _with_copies(letters):
        read = text.read(letter.message)
        if not read.segments:
            continue
        spoken, _ = language.detect(read.whole)
        kept.append(letter)
        copies.append(copied)
        seen.append(scoring.views(read, medicine_names.find(read, names), spoken, kind))
        labels.append(order.index(letter.label))
        urgent.append(UNKNOWN if letter.urgent is None else int(letter.urgent))
        folds.append(fold)
    return Table(
        tuple(kept),
        np.array(copies),
        tuple(seen),
        np.array(labels),
        np.array(urgent),
        np.array(folds),
    )


def _check_installed() -> None:
    if importlib.util.find_spec("sklearn") is None:
        raise PermanentError(
            "Training needs scikit-learn, which is not installed: run"
            f" `{sys.executable} -m pip install scikit-learn`."
        )


def _with_copies(
    letters: Sequence[LabelledLetter],
) -> Iterator[tuple[LabelledLetter, int, bool]]:
    """Yield every letter, and some copies with courtesies around it in the same fold."""
    for letter in letters:
        start = " ".join(f"{letter.subject} {letter.body}".lower().split())[:60]
        fold = hashlib.sha256(start.encode("utf-8", "replace")).digest()[0] % FOLDS
        yield letter, fold, False
        if copy := courteous(letter):
            yield copy, fold, True


def parts(data: Table, rows: Mask, kind: Kind) -> tuple[Model, ...]:
    """Return for each fold the first heads, fitted on those of `rows` that are not in it."""
    return tuple(
        Model(kind, _heads(data, np.flatnonzero(rows & (data.fold != fold)), kind), {})
        for fold in range(FOLDS)
    )


def unseen(data: Table, found: Sequence[Model]) -> list[Scores]:
    """Return what the first heads say of each letter, none of which saw it."""
    return [
        scoring.base(found[fold], seen)
        for fold, seen in zip(data.fold.tolist(), data.views, strict=True)
    ]


def fit(data: Table, kind: Kind, meta: Mapping[str, object], found: Sequence[Model]) -> Model:
    """Return the model fitted on a table; `found` are its `parts`."""
    everything = np.ones(len(data.labels), dtype=np.bool_)
    arrays = _heads(data, np.flatnonzero(everything), kind)
    arrays |= last_heads(data, unseen(data, found), everything, kind)
    return Model(kind, arrays | kinds(data), meta)


def last_heads(data: Table, scores: Sequence[Scores], rows: Mask, kind: Kind) -> dict[str, Floats]:
    """Fit what weighs the scores of the others, on `rows`; urgency on those that it is known of."""
    chosen = np.flatnonzero(rows)
    known = np.flatnonzero(rows & (data.urgent != UNKNOWN))
    category = np.array([scores[i].category for i in chosen.tolist()])
    urgent = np.array([scores[i].urgent for i in known.tolist()])
    # Balanced: how many letters of each kind were written says nothing of what comes in.
    arrays = _linear("last", category, data.labels[chosen], STRENGTH, "balanced")
    arrays |= _linear("urgent", urgent, data.urgent[known], 1.0)
    arrays["urgent.threshold"] = _threshold(Model(kind, arrays, {}), urgent, data.urgent[known])
    return arrays


def _heads(data: Table, rows: Labels, kind: Kind) -> dict[str, Floats]:
    chosen = [data.views[i] for i in rows]
    labels, urgent = data.labels[rows], data.urgent[rows]
    known = urgent != UNKNOWN
    matrix = gram_matrix(chosen)
    category = _linear("grams", matrix, labels, 10.0)
    danger = _linear("grams", matrix[np.flatnonzero(known)], urgent[known], 10.0)
    arrays = {
        name: np.concatenate([category[name], danger[name]], axis=-1)
        for name in ("grams.weights", "grams.bias")
    }
    if kind == "encoder":
        vectors = np.array([seen.whole for seen in chosen])
        every = np.ones(len(rows), dtype=np.bool_)
        wanted = [(labels == c, every) for c in range(3)]
        arrays |= _kernel(vectors, [*wanted, (urgent == 1, known)])
    return arrays


def gram_matrix(chosen: Sequence[Views]) -> Any:
    """Return the hashed sequences of all letters as one sparse matrix."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    rows = np.concatenate([np.full(len(v.grams.buckets), i) for i, v in enumerate(chosen)])
    columns = np.concatenate([v.grams.buckets for v in chosen])
    values = np.concatenate([v.grams.values for v in chosen])
    return csr_matrix((values, (rows, columns)), shape=(len(chosen), BUCKETS))


def _linear(
    name: str, matrix: Any, labels: Labels, strength: float, weight: str | None = None
) -> dict[str, Floats]:
    from scipy.sparse import issparse
    from sklearn.linear_model import LogisticRegression

    # Columns that no letter has anything in would stay at nought, and be most of the work.
    filled = np.unique(matrix.indices) if issparse(matrix) else np.arange(matrix.shape[1])
    fitted = LogisticRegression(C=strength, max_iter=3000, class_weight=weight)
    fitted.fit(matrix[:, filled], labels)
    weights = np.zeros((matrix.shape[1], len(fitted.coef_)), dtype=np.float32)
    weights[filled] = fitted.coef_.T
    return {
        f"{name}.weights": weights,
        f"{name}.bias": np.asarray(fitted.intercept_, dtype=np.float32),
    }


def _kernel(vectors: Floats, wanted: Sequence[tuple[Mask, Mask]]) -> dict[str, Floats]:
    """Fit a support vector machine for each column, on the letters that it is known of.

    All compare with the same letters.
    """
    from sklearn.svm import SVC

    weights = np.zeros((len(vectors), len(wanted)), dtype=np.float32)
    bias = np.zeros(len(wanted), dtype=np.float32)
    for index, (column, known) in enumerate(wanted):
        own = np.flatnonzero(known)
        fitted = SVC(C=MARGIN, gamma=GAMMA).fit(vectors[own], column[own])
        weights[own[fitted.support_], index] = fitted.dual_coef_[0]
        bias[index] = fitted.intercept_[0]
    used = np.flatnonzero(np.abs(weights).sum(axis=1))
    return {
        # Column by column: so its transpose, which letters are multiplied with, lies in a row.
        "kernel.anchors": np.asfortranarray(vectors[used]),
        "kernel.weights": weights[used],
        "kernel.bias": bias,
        "kernel.gamma": np.array(GAMMA, dtype=np.float32),
    }


def _threshold(model: Model, unseen: Floats, urgent: Labels) -> Floats:
    """Return the lowest probability from which flags are right often enough.

    It is lower where that would find too few of the urgent letters.
    """
    shown = 1 / (1 + np.exp(-model.head("urgent").scores(unseen)[:, 0]))
    order = np.argsort(-shown, kind="stable")
    precision = np.cumsum(urgent[order]) / np.arange(1, len(order) + 1)
    recall = np.cumsum(urgent[order]) / max(int(urgent.sum()), 1)
    enough = np.flatnonzero((precision >= URGENT_PRECISION) | (recall < URGENT_RECALL))
    lowest = float(shown[order[enough.max()]]) if len(enough) else 0.5
    return np.array(min(max(lowest, 0.05), 0.5), dtype=np.float32)


def kinds(data: Table) -> dict[str, Floats]:
    """Fit which kind of danger is meant, on urgent letters whose words name just one kind."""
    rows, labels = [], []
    for row in np.flatnonzero(data.urgent == 1):
        named = {hit.topic for found in data.views[row].hits.danger for hit in found}
        named -= {CALM, NOW}
        if len(named) == 1:
            rows.append(data.views[row])
            labels.append(NAMED_DANGERS.index(Urgent(named.pop())))
    present = sorted(set(labels))
    size = len(NAMED_DANGERS)
    weights = np.zeros((BUCKETS, size), dtype=np.float32)
    bias = np.full(size, -30.0, dtype=np.float32)
    if len(present) > 2:
        fitted = _linear("kind", gram_matrix(rows), np.array(labels), 10.0)
        weights[:, present], bias[present] = fitted["kind.weights"], fitted["kind.bias"]
    else:
        bias[:] = 0.0
    return {"kind.weights": weights, "kind.bias": bias}


def describe(letters: Sequence[LabelledLetter]) -> dict[str, object]:
    """Return what a model says of itself: how many letters it learned from, and a digest."""
    digest = hashlib.sha256()
    for letter in letters:
        digest.update(f"{letter.id}\0{letter.label}\0{letter.urgent}\0".encode())
    return {
        "letters": len(letters),
        "letters_digest": digest.hexdigest()[:16],
        "topics": len(lexicon.load("cues").topics),
        "features": BUCKETS,
    }
