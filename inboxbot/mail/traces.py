"""What one person leaves in other people's letters: address, Message-IDs, words that are quoted.

Pure functions. Words are compared by their letters and digits alone, so that wrapping, marks of
quoting and another encoding do not hide them; a piece is long enough not to be the same by
chance.
"""

import re
from collections.abc import Iterable, Iterator

from inboxbot.frozen import dataclass

PIECE_BYTES = 40
STRIDE = 10
SHORTEST_LINE = 16
GAP = "[erased]"
_TEXT = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Traces:
    """What to look for; `words` are whole letters without spaces, `pieces` parts of them."""

    names: tuple[str, ...]
    subjects: tuple[str, ...]
    words: tuple[str, ...]
    pieces: frozenset[str]

    def in_bytes(self, data: bytes) -> bool:
        """Say whether an address or a Message-ID stands in `data`, in any case."""
        low = data.lower()
        return any(name.encode("utf-8", "replace") in low for name in self.names)

    def in_text(self, text: str) -> bool:
        """Say whether an address, a Message-ID or a quoted piece stands in `text`."""
        low = text.lower()
        if any(name in low for name in self.names):
            return True
        compact = bare(text)
        return any(piece in compact for piece in self.pieces)

    def taken_out(self, text: str) -> str:
        """Return `text` without addresses and without lines that the person wrote."""
        return "\n".join(self._line(line) for line in text.split("\n"))

    def taken_out_of_subject(self, text: str) -> str:
        """Return a subject, or a gap where it is theirs, forwarded or answered."""
        compact = bare(text)
        return GAP if any(subject in compact for subject in self.subjects) else self._line(text)

    def taken_out_of_header(self, raw: bytes) -> bytes:
        """Return a message that refers to none of their Message-IDs (RFC 5322, section 3.6.4)."""
        for name in self.names:
            if name.startswith("<"):
                pattern = rb"(?:\r?\n)?[ \t]*" + re.escape(name.encode("utf-8", "replace"))
                raw = re.sub(pattern, b"", raw, flags=re.IGNORECASE)
        return raw

    def _line(self, line: str) -> str:
        compact = bare(line)
        if len(compact.encode()) >= SHORTEST_LINE and any(compact in each for each in self.words):
            return GAP
        for name in self.names:
            line = re.sub(re.escape(name), GAP, line, flags=re.IGNORECASE)
        return line


def traces(
    *,
    names: Iterable[str],
    subjects: Iterable[str],
    texts: Iterable[str],
    ours: Iterable[str],
) -> Traces:
    """Return what to look for; `names` are addresses and Message-IDs.

    `ours` are replies that the person may have quoted: words that stand there are nobody's trace.
    """
    own = tuple(bare(text) for text in ours)
    words = tuple(compact for text in texts if (compact := bare(text)))
    return Traces(
        names=tuple(dict.fromkeys(name.lower() for name in names if name)),
        subjects=tuple(
            compact for text in subjects if len((compact := bare(text)).encode()) >= SHORTEST_LINE
        ),
        words=words,
        pieces=frozenset(
            piece
            for compact in words
            for piece in _pieces(compact)
            if not any(piece in each for each in own)
        ),
    )


def bare(text: str) -> str:
    """Return the letters and digits of `text`, folded."""
    return "".join(_TEXT.findall(text.casefold()))


def _pieces(compact: str) -> Iterator[str]:
    """Yield pieces of at least `PIECE_BYTES`, each a few letters after the one before.

    So a quote that is a little longer holds one of them whole.
    """
    for start in range(0, len(compact), STRIDE):
        piece = compact[start : start + PIECE_BYTES]
        while len(piece.encode()) - len(piece[-1].encode()) >= PIECE_BYTES:
            piece = piece[:-1]
        if len(piece.encode()) >= PIECE_BYTES:
            yield piece
