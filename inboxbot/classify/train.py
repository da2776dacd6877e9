"""Labelled letters to a new model.

Pure and deterministic: the same letters give the same bytes. scikit-learn is needed here
only; what it finds is kept as plain numbers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inboxbot.classify import medicines as medicine_names
from inboxbot.classify import scoring, text
from inboxbot.classify.category import Category
from inboxbot.classify.features import BUCKETS, Floats
from inboxbot.classify.letters import LabelledLetter
from inboxbot.classify.model import Kind, Model
from inboxbot.classify.scoring import Views
from inboxbot.errors import PermanentError

Labels = npt.NDArray[np.int64]
FOLDS = 5
GAMMA = 1.0
MIN_LETTERS = 30


@dataclass(frozen=True, slots=True)
class Table:
    """All letters in numbers: what the heads are fitted on."""

    views: tuple[Views, ...]
    labels: Labels
    urgent: Labels
    groups: Labels


def train(letters: Sequence[LabelledLetter], kind: Kind = "encoder") -> Model:
    """Return a model of `kind`, fitted on `letters`.

    The last head is fitted on scores that the others gave to letters they had not seen.
    Raises PermanentError where a category has too few letters to learn from.
    """
    counts = [sum(letter.label is category for letter in letters) for category in Category]
    if min(counts) < MIN_LETTERS:
        raise PermanentError(
            f"Too few letters to learn from: each category needs at least {MIN_LETTERS}."
        )
    return fit(table(letters, kind), kind, _meta(letters))


def table(letters: Sequence[LabelledLetter], kind: Kind) -> Table:
    """Return `letters` in numbers."""
    names = medicine_names.load()
    seen, keys = [], []
    for letter in letters:
        read = text.read(letter.message)
        seen.append(scoring.views(read, medicine_names.find(read, names), kind))
        keys.append(int(hashlib.sha256(read.whole[:60].lower().encode()).hexdigest()[:12], 16))
    order = list(Category)
    return Table(
        tuple(seen),
        np.array([order.index(letter.label) for letter in letters]),
        np.array([int(bool(letter.urgent)) for letter in letters]),
        np.array(keys),
    )


def fit(data: Table, kind: Kind, meta: dict[str, object]) -> Model:
    """Return the model fitted on a table."""
    everything = np.arange(len(data.labels))
    held_out = np.zeros((len(data.labels), 0), dtype=np.float32)
    urgent = np.zeros(len(data.labels), dtype=np.float32)
    for fold in range(FOLDS):
        inside, outside = (data.groups % FOLDS) != fold, (data.groups % FOLDS) == fold
        part = Model(kind, _heads(data, everything[inside], kind), {})
        scores = np.array([scoring.base_scores(part, data.views[i]) for i in everything[outside]])
        if not held_out.shape[1]:
            held_out = np.zeros((len(data.labels), scores.shape[1]), dtype=np.float32)
        held_out[outside] = scores
        urgent[outside] = [scoring.raw_urgency(part, data.views[i]) for i in everything[outside]]
    arrays = _heads(data, everything, kind)
    arrays |= _linear("last", held_out, data.labels, strength=1.0)
    calibration = _logistic(urgent[:, None], data.urgent, strength=10.0)
    arrays["urgent.calibration"] = np.array(
        [calibration.coef_[0, 0], calibration.intercept_[0]], dtype=np.float32
    )
    return Model(kind, arrays, meta)


def _heads(data: Table, rows: Labels, kind: Kind) -> dict[str, Floats]:
    chosen = [data.views[i] for i in rows]
    labels, urgent = data.labels[rows], data.urgent[rows]
    matrix = _gram_matrix(chosen)
    arrays = _linear("grams", matrix, labels, strength=10.0)
    if kind == "encoder":
        whole = np.array([seen.whole for seen in chosen])
        arrays |= _kernel("whole", whole, labels, classes=3)
        arrays |= _kernel("urgent", whole, urgent, classes=1)
    else:
        arrays |= _linear("urgent_grams", matrix, urgent, strength=10.0)
    return arrays


def _gram_matrix(chosen: Sequence[Views]) -> Any:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    rows = np.concatenate([np.full(len(v.grams.buckets), i) for i, v in enumerate(chosen)])
    columns = np.concatenate([v.grams.buckets for v in chosen])
    values = np.concatenate([v.grams.values for v in chosen])
    return csr_matrix((values, (rows, columns)), shape=(len(chosen), BUCKETS))


def _logistic(matrix: Any, labels: Labels, strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=3000).fit(matrix, labels)


def _linear(name: str, matrix: Any, labels: Labels, strength: float) -> dict[str, Floats]:
    fitted = _logistic(matrix, labels, strength)
    return {
        f"{name}.weights": np.ascontiguousarray(fitted.coef_.T, dtype=np.float32),
        f"{name}.bias": np.asarray(fitted.intercept_, dtype=np.float32),
    }


def _kernel(name: str, vectors: Floats, labels: Labels, classes: int) -> dict[str, Floats]:
    """Fit one support vector machine for each class against the rest."""
    from sklearn.svm import SVC

    weights = np.zeros((len(vectors), classes), dtype=np.float32)
    bias = np.zeros(classes, dtype=np.float32)
    for index in range(classes):
        wanted = labels == (index if classes > 1 else 1)
        fitted = SVC(C=3.0, gamma=GAMMA).fit(vectors, wanted)
        weights[fitted.support_, index] = fitted.dual_coef_[0]
        bias[index] = fitted.intercept_[0]
    used = np.flatnonzero(np.abs(weights).sum(axis=1))
    return {
        f"{name}.anchors": np.ascontiguousarray(vectors[used], dtype=np.float32),
        f"{name}.weights": weights[used],
        f"{name}.bias": bias,
        f"{name}.gamma": np.array(GAMMA, dtype=np.float32),
    }


def _meta(letters: Sequence[LabelledLetter]) -> dict[str, object]:
    digest = hashlib.sha256()
    for letter in letters:
        digest.update(f"{letter.id}\0{letter.label}\0".encode())
    return {"letters": len(letters), "letters_digest": digest.hexdigest()[:16]}
