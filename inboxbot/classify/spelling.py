"""How medicine names are compared across languages, scripts and slips of the pen.

Pure. The skeleton of a name leaves out what differs between languages: accents, doubled
letters, `ph` or `f`, `y` or `i`, the vowel at the end; Cyrillic and Greek are written in
Latin letters first.
"""

from collections.abc import Iterable

_LATIN = {
    **dict(zip("абвгдежзийклмнопрстуфхцчшщъыэюя", "abvgdezziiklmnoprstufhccss_ieua", strict=True)),
    **dict(zip("ьёіїєґћђјљњџ", "_eiiegcdilnd", strict=True)),
    **dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", "abgdezitiklmnxoprsstifhpo", strict=True)),
    **dict(zip("øæœßłđı", "oeesldi", strict=True)),
}
_LETTERS = str.maketrans({char: latin.strip("_") for char, latin in _LATIN.items()})
_DIGRAPHS = (
    ("ου", "u"), ("μπ", "b"), ("ντ", "d"), ("кс", "x"), ("tz", "s"), ("ts", "s"), ("тс", "s"),
    ("ph", "f"), ("th", "t"), ("ae", "e"), ("oe", "e"), ("ch", "k"), ("ks", "x"), ("qu", "k"),
    ("ck", "k"), ("sz", "s"), ("cz", "c"), ("ij", "i"),
)  # fmt: skip
_SAME = str.maketrans({"y": "i", "j": "i", "c": "k", "z": "s", "w": "v", "q": "k", "h": ""})
LONG = 9
_VOWELS = frozenset("aeiou")


def skeleton(word: str) -> str:
    """Return the form of a normalised name that its spellings in many languages share."""
    form = word
    for long, short in _DIGRAPHS:
        form = form.replace(long, short)
    form = form.translate(_LETTERS).translate(_SAME)
    single = [char for at, char in enumerate(form) if at == 0 or char != form[at - 1]]
    while len(single) > 4 and single[-1] in _VOWELS:
        single.pop()
    return "".join(single)


def consonants(form: str) -> str:
    """Return the first letter and the consonants of a skeleton."""
    return form[:1] + "".join(char for char in form[1:] if char not in _VOWELS)


def deletions(form: str) -> set[str]:
    """Return `form` with each one of its letters left out, the first one kept."""
    return {form[:at] + form[at + 1 :] for at in range(1, len(form))}


def close(form: str, candidates: Iterable[str]) -> str | None:
    """Return the nearest candidate: one edit away, or two for long names, else None."""
    best: tuple[int, str] | None = None
    for candidate in set(candidates):
        allowed = 1 if min(len(form), len(candidate)) < LONG else 2
        edits = distance(form, candidate, allowed)
        if edits <= allowed and (best is None or (edits, candidate) < best):
            best = (edits, candidate)
    return best[1] if best else None


def distance(left: str, right: str, limit: int) -> int:
    """Return the edit distance with neighbouring swaps as one, or `limit + 1` beyond it."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        now = [i]
        for j, b in enumerate(right, start=1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        if min(now) > limit:
            return limit + 1
        before, row = row, now
    return row[-1]
