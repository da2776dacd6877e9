"""Names of medicines in a letter, mapped to their generic names.

Pure. The names stand in `data/medicines.toml` and an administrator's list. A name is found
in the spellings of other languages and with a slip of the pen; an ordinary word never is.
"""

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources

from inboxbot.classify.category import Medicine
from inboxbot.classify.spelling import close, consonants, deletions, skeleton
from inboxbot.classify.text import Letter, Segment, norm, plain_norms, plain_words, same_length
from inboxbot.frozen import dataclass

_SPACELESS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SUFFIX = re.compile(
    r"^[a-z]{3,}(?:azepam|azolam|barbital|caine|cillin|conazole|cycline|dipine|dronate|ersen|fenac"
    r"|floxacin|gabalin|gliptin|gliflozin|lukast|mycin|olol|oxetine|parib|parin|platin|prazole|pril"
    r"|profen|sartan|setron|statin|thiazide|tidine|tinib|triptan|triptyline|xaban|zumab|ximab|umab"
    r"|ciclovir|navir|tegravir|buvir|glutide|semide|phylline|zosin|azine|curonium|codone|morphone)$"
)
_MAX_NAME_WORDS = 5
_STEM = 7
_PREFIXES = ("وال", "بال", "لل", "ال", "و", "ב", "ה", "ו", "ל", "מ", "ש", "כ")


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The known names in the forms that are compared.

    `exact` maps normalised names to generics, `first` holds the words that names of several
    words begin with, `spaceless` finds names inside scripts that write no spaces, `skeletons`,
    `deletions` and `consonants` find other spellings and slips; a word in `ordinary` is no
    medicine however close it comes.
    """

    exact: Mapping[str, tuple[str, ...]]
    first: frozenset[str]
    skeletons: Mapping[str, str]
    deletions: Mapping[str, tuple[str, ...]]
    consonants: Mapping[str, tuple[str, ...]]
    spaceless: re.Pattern[str]
    ordinary: frozenset[str]


@functools.lru_cache(maxsize=8)
def load(extra: tuple[str, ...] = ()) -> Names:
    """Return the shipped names and `extra` ones: each `generic` or `generic = name, name`."""
    folder = resources.files("inboxbot.classify").joinpath("data")
    data = tomllib.loads(folder.joinpath("medicines.toml").read_text("utf-8"))
    entries = {generic: str(names).split(",") for generic, names in data["medicines"].items()}
    for line in extra:
        generic, _, names = line.partition("=")
        entries.setdefault(generic.strip().lower(), []).extend(names.split(","))
    return build(entries, **data["not_medicines"])


def build(
    entries: Mapping[str, Iterable[str]], phrases: str = "", everyday: str = "", ordinary: str = ""
) -> Names:
    """Return the index of `entries`, generic name to further names; " + " joins generics.

    `phrases` are found and stand for nothing; an `everyday` generic is not itself a name; a
    word in `ordinary` is never taken for a misspelt name.
    """
    exact: dict[str, tuple[str, ...]] = {_key(phrase): () for phrase in phrases.split(",")}
    common = {word.strip() for word in everyday.split(",")}
    skeletons: dict[str, str] = {}
    misspelt: set[str] = set()
    for generic, names in entries.items():
        generics = tuple(part.strip() for part in generic.split(" + "))
        own = [generic] if len(generics) == 1 and generic not in common else []
        for name in [*own, *names]:
            if key := _key(name):
                exact.setdefault(key, generics)
                form = skeleton(key)
                # A brand name is taken for a slip of the pen only where it is long.
                brand = not (name in own or form[:5] == skeleton(generic)[:5])
                if _is_word(key) and len(form) >= (7 if brand else 5):
                    skeletons.setdefault(form, key)
                    if len(form) >= (8 if brand else 7):
                        misspelt.add(form)
    exact.pop("", None)
    deleted: dict[str, list[str]] = {}
    same_consonants: dict[str, list[str]] = {}
    for form in sorted(misspelt):
        for short in deletions(form):
            deleted.setdefault(short, []).append(form)
        same_consonants.setdefault(consonants(form), []).append(form)
    found = sorted((key for key in exact if _SPACELESS.search(key)), key=len, reverse=True)
    return Names(
        exact,
        frozenset(key.partition(" ")[0] for key in exact if " " in key),
        skeletons,
        {short: tuple(forms) for short, forms in deleted.items()},
        {key: tuple(forms) for key, forms in same_consonants.items()},
        re.compile("|".join(map(re.escape, found)) or "(?!)"),
        frozenset(norm(word) for word in ordinary.split()),
    )


def generics(name: str, names: Names) -> tuple[str, ...]:
    """Return the generic names that `name` stands for; itself where it is not known."""
    return names.exact.get(_key(name)) or (name,)


def _is_word(key: str) -> bool:
    return " " not in key and len(key) >= 5 and key.isalpha() and not _SPACELESS.search(key)


def _key(name: str) -> str:
    if _SPACELESS.search(name):
        return same_length(name.strip())
    return " ".join(word.norm for word in plain_words(name))


def find(letter: Letter, names: Names) -> tuple[Medicine, ...]:
    """Return the medicines that `letter` names, each place once, in their order."""
    found: list[Medicine] = []
    for segment in letter.segments:
        found += _in_segment(segment, names)
    return tuple(_plain(found))


def _in_segment(segment: Segment, names: Names) -> list[Medicine]:
    parts = plain_norms(segment.text)
    plain = segment.text.isascii()
    spaceless = not plain and _SPACELESS.search("".join(parts)) is not None
    found: list[Medicine] = []
    at = 0
    while at < len(parts):
        if spaceless and _SPACELESS.search(parts[at]):
            at += 1
            continue
        if parts[at] not in names.first:
            for generic in _of_word(parts[at], names):
                found.append(_medicine(segment, at, at, generic))
            at += 1
            continue
        longest = _MAX_NAME_WORDS
        for length in range(min(longest, len(parts) - at), 0, -1):
            generics = names.exact.get(" ".join(parts[at : at + length]))
            if generics is None and length == 1:
                generics = _single(parts[at], names)
            if generics is not None:
                found += [_medicine(segment, at, at + length - 1, g) for g in generics]
                at += length
                break
        else:
            at += 1
    if plain or not _SPACELESS.search(segment.text):
        return found
    for match in names.spaceless.finditer(same_length(segment.text)):
        found += [
            _written(segment, match.start(), match.end(), generic)
            for generic in names.exact[match.group()]
        ]
    return found


@functools.lru_cache(maxsize=8192)  # Most words of a letter stood in another one, too.
def _of_word(word: str, names: Names) -> tuple[str, ...]:
    """Return the generics that a word stands for which begins no longer name."""
    known = names.exact.get(word)
    return (_single(word, names) or ()) if known is None else known


def _medicine(segment: Segment, first: int, last: int, generic: str) -> Medicine:
    words = plain_words(segment.text)
    return _written(segment, words[first].start, words[last].end, generic)


def _written(segment: Segment, start: int, end: int, generic: str) -> Medicine:
    return Medicine(
        generic, segment.text[start:end], segment.field, segment.start + start, segment.start + end
    )


@functools.lru_cache(maxsize=1024)  # Asked for words that begin a longer name; `_of_word` keeps.
def _single(word: str, names: Names) -> tuple[str, ...] | None:
    """Return the generics of one word in another language's spelling, or with a slip."""
    if len(word) < 5 or word in names.ordinary or any(char.isdigit() for char in word):
        return None
    for prefix in _PREFIXES:
        if word.startswith(prefix) and word[len(prefix) :] in names.exact:
            return names.exact[word[len(prefix) :]]
    _, apostrophe, tail = word.rpartition("'")
    if apostrophe and len(tail) >= 5:
        return names.exact.get(tail) or _single(tail, names)
    form = skeleton(word)
    if (known := names.skeletons.get(form)) is not None:
        return names.exact[known]
    if len(form) >= 7:
        candidates = [f for short in deletions(form) for f in names.deletions.get(short, ())]
        candidates += names.deletions.get(form, ())
        candidates += names.consonants.get(consonants(form), ())
        if (best := close(form, candidates)) is not None:
            return names.exact[names.skeletons[best]]
    return _longer(word, form, names)


def _longer(word: str, form: str, names: Names) -> tuple[str, ...] | None:
    """Return the generics of a name with an ending or a further word grown on to it."""
    for length in range(len(word) - 1, _STEM - 1, -1):
        if generics := names.exact.get(word[:length]):
            return generics
    for length in range(len(form) - 1, _STEM - 1, -1):
        if (known := names.skeletons.get(form[:length])) is not None:
            return names.exact[known]
    return (word,) if _SUFFIX.match(word) else None


def _plain(found: list[Medicine]) -> list[Medicine]:
    """Drop the wider name where the letter itself says which one is meant."""
    generics = {medicine.generic for medicine in found}
    wider = {"vitamin b12": "methylcobalamin", "vitamin d": "colecalciferol"}
    return [m for m in found if wider.get(m.generic) not in generics]
