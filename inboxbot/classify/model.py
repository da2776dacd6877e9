"""The trained model: linear heads on features of a letter, combined and calibrated.

Plain data, never a pickle: arrays in an npz container, read without object arrays.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from inboxbot.errors import PermanentError
from inboxbot.frozen import dataclass

Kind = Literal["encoder", "light"]
Floats = npt.NDArray[np.float32]
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head: `scores = features @ weights + bias`."""

    weights: Floats
    bias: Floats

    def scores(self, features: Floats) -> Floats:
        """Return one score for each class (or one, for a yes-no head)."""
        result: Floats = features @ self.weights + self.bias
        return result


@dataclass(frozen=True, slots=True)
class Model:
    """Arrays by name, and what they were trained on; `meta` is small and printable."""

    kind: Kind
    arrays: Mapping[str, Floats]
    meta: Mapping[str, object]

    def head(self, name: str) -> Head:
        """Return the linear head called `name`."""
        return Head(self.arrays[f"{name}.weights"], self.arrays[f"{name}.bias"])

    @property
    def version(self) -> str:
        """Return a short name that follows from the model's content."""
        digest = hashlib.sha256(json.dumps(self.meta, sort_keys=True).encode())
        for name in sorted(self.arrays):
            digest.update(name.encode())
            digest.update(self.arrays[name].tobytes())
        return f"{self.kind}-{digest.hexdigest()[:12]}"

    def to_bytes(self) -> bytes:
        """Return the model as bytes; equal models give equal bytes."""
        head = json.dumps({"format": FORMAT, "kind": self.kind, "meta": self.meta}, sort_keys=True)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            _put(archive, "model.json", head.encode())
            for name in sorted(self.arrays):
                _put(archive, f"{name}.npy", _npy(self.arrays[name]))
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Return the model that `to_bytes` wrote.

        Raises PermanentError where the bytes are damaged or of another program.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                head = json.loads(archive.read("model.json"))
                arrays = {
                    name.removesuffix(".npy"): _array(archive.read(name))
                    for name in archive.namelist()
                    if name.endswith(".npy")
                }
            if head["format"] != FORMAT or head["kind"] not in ("encoder", "light"):
                raise ValueError
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise PermanentError(
                "The classification model cannot be read: the file is damaged or was written by"
                " another version. Train a new one or roll back to an earlier one."
            ) from error
        return cls(head["kind"], arrays, head["meta"])


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed time keeps equal models equal in bytes.
    info = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _array(data: bytes) -> Floats:
    loaded: Floats = np.load(io.BytesIO(data), allow_pickle=False)
    return loaded


def nearness(vectors: Floats, anchors: Floats, gamma: float) -> Floats:
    """Return exp(-gamma |v - a|^2) for every vector and anchor, all of length 1."""
    near: Floats = vectors @ anchors.T
    # In place: there are thousands of anchors.
    near -= 1.0
    np.minimum(near, 0.0, out=near)
    near *= 2.0 * gamma
    return np.exp(near, out=near)


def softmax(scores: Floats) -> Floats:
    """Return probabilities for scores, over the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return result
