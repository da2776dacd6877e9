"""Which letters hold the words that were searched for, with an eye on how many do.

The indexes of words answer in the order in which letters came in, a million of them in no time;
to look one letter up in them is dear. So few letters are taken as they are found, and of many
letters in another order a whole piece is compared at once.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from inboxbot.frozen import dataclass
from inboxbot.store.sqlite import Database

# Up to so many letters are sorted one by one.
FEW = 1000
_FIRST_PIECE, _LARGEST_PIECE = 250, 32_000
# Letters that came in about together are asked for at once; more groups than this, all at once.
_APART, _GROUPS = 2_000, 8


@dataclass(frozen=True, slots=True)
class Words:
    """What an index of words is asked for, in the language of FTS5."""

    table: str
    wanted: str


def few(db: Database, words: Sequence[Words]) -> list[int] | None:
    """Return the letters that one of the `words` stands in, unless they are many."""
    for each in words:
        rows = db.execute(
            f"SELECT rowid FROM {each.table} WHERE {each.table} MATCH ? LIMIT ?",  # noqa: S608
            [each.wanted, FEW],
        ).fetchall()
        if len(rows) < FEW:
            return [row[0] for row in rows]
    return None


def sizes() -> Iterator[int]:
    """Yield how many letters to compare at once: few at first, for a common word is among them."""
    size = _FIRST_PIECE
    while True:
        yield size
        size = min(size * 2, _LARGEST_PIECE)


def among(db: Database, words: Sequence[Words], letters: Sequence[int]) -> list[int]:
    """Return those of the `letters` that hold all of the words, in their order."""
    kept = list(letters)
    for each in words:
        hold = {
            row[0]
            for first, last in _groups(sorted(kept))
            for row in db.execute(
                f"SELECT rowid FROM {each.table} WHERE {each.table} MATCH ?"  # noqa: S608
                " AND rowid BETWEEN ? AND ?",
                [each.wanted, first, last],
            )
        }
        kept = [letter for letter in kept if letter in hold]
    return kept


def _groups(ordered: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each group of letters that came in about together."""
    if not ordered:
        return []
    groups: list[tuple[int, int]] = []
    first = ordered[0]
    for before, letter in pairwise(ordered):
        if letter - before > _APART:
            groups.append((first, before))
            first = letter
    groups.append((first, ordered[-1]))
    return groups if len(groups) <= _GROUPS else [(ordered[0], ordered[-1])]
