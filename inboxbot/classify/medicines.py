"""Names of medicines in a letter, mapped to their generic names.

Pure. The names stand in `data/medicines.toml` and an administrator's list. A name is found
in the spellings of other languages and with a slip of the pen; an ordinary word never is.
"""

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

from inboxbot.classify.category import Medicine
from inboxbot.classify.spelling import close, consonants, deletions, skeleton
from inboxbot.classify.text import Letter, Segment, Word, norm

_SPACELESS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SUFFIX = re.compile(
    r"^[a-z]{3,}(?:azepam|azolam|barbital|caine|cillin|conazole|cycline|dipine|dronate|ersen|fenac"
    r"|floxacin|gabalin|gliptin|gliflozin|lukast|mycin|olol|oxetine|parib|parin|platin|prazole|pril"
    r"|profen|sartan|setron|statin|thiazide|tidine|tinib|triptan|triptyline|xaban|zumab|ximab|umab"
    r"|ciclovir|navir|tegravir|buvir|glutide|semide|phylline|zosin|azine|curonium|codone|morphone)$"
)
_MAX_NAME_WORDS = 5


@dataclass(frozen=True, slots=True)
class Names:
    """The known names in the forms that are compared.

    `exact` maps normalised names to generics, `spaceless` finds names inside scripts that
    write no spaces, `skeletons` and `deletions` find other spellings and slips; a word in
    `ordinary` is no medicine however close it comes.
    """

    exact: Mapping[str, tuple[str, ...]]
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
    return build(entries, (word for line in data["ordinary"]["words"] for word in line.split()))


def build(entries: Mapping[str, Iterable[str]], ordinary: Iterable[str]) -> Names:
    """Return the index of `entries`, generic name to further names; " + " joins generics."""
    exact: dict[str, tuple[str, ...]] = {}
    spaceless: list[str] = []
    for generic, names in entries.items():
        generics = tuple(part.strip() for part in generic.split(" + "))
        own = [generic] if len(generics) == 1 else []
        for name in [*own, *names]:
            key = _key(name)
            if not key:
                continue
            exact.setdefault(key, generics)
            if _SPACELESS.search(key):
                spaceless.append(key)
    skeletons: dict[str, str] = {}
    deleted: dict[str, list[str]] = {}
    consonant: dict[str, list[str]] = {}
    for key in exact:
        if " " in key or len(key) < 5 or any(char.isdigit() for char in key):
            continue
        form = skeleton(key)
        if len(form) < 4 or form in skeletons:
            continue
        skeletons[form] = key
        if len(form) >= 6:
            for short in deletions(form):
                deleted.setdefault(short, []).append(form)
            consonant.setdefault(consonants(form), []).append(form)
    return Names(
        exact,
        skeletons,
        {short: tuple(forms) for short, forms in deleted.items()},
        {key: tuple(forms) for key, forms in consonant.items()},
        re.compile("|".join(map(re.escape, sorted(spaceless, key=len, reverse=True))) or "(?!)"),
        frozenset(norm(word) for word in ordinary),
    )


def _key(name: str) -> str:
    return " ".join(word.norm for word in _parts(name)) if name.strip() else ""


def _parts(text: str) -> list[Word]:
    return [
        Word(match.start(), match.end(), norm(match.group()))
        for match in re.finditer(r"[^\W_]+(?:['’][^\W_]+)*", text)
    ]


def find(letter: Letter, names: Names) -> tuple[Medicine, ...]:
    """Return the medicines that `letter` names, each place once, in their order."""
    found: list[Medicine] = []
    for segment in letter.segments:
        found += _in_segment(segment, names)
    return tuple(_plain(found))


def _in_segment(segment: Segment, names: Names) -> list[Medicine]:
    parts = _parts(segment.text)
    found = []
    at = 0
    while at < len(parts):
        for length in range(min(_MAX_NAME_WORDS, len(parts) - at), 0, -1):
            run = parts[at : at + length]
            generics = names.exact.get(" ".join(part.norm for part in run))
            if generics is None and length == 1:
                generics = _single(run[0].norm, names)
            if generics is not None:
                found += [_medicine(segment, run[0].start, run[-1].end, g) for g in generics]
                at += length
                break
        else:
            at += 1
    for match in names.spaceless.finditer(norm(segment.text)):
        found += [
            _medicine(segment, match.start(), match.end(), generic)
            for generic in names.exact[match.group()]
        ]
    return found


def _medicine(segment: Segment, start: int, end: int, generic: str) -> Medicine:
    return Medicine(
        generic, segment.text[start:end], segment.field, segment.start + start, segment.start + end
    )


def _single(word: str, names: Names) -> tuple[str, ...] | None:
    """Return the generics of one word in another language's spelling, or with a slip."""
    if len(word) < 5 or word in names.ordinary or any(char.isdigit() for char in word):
        return None
    form = skeleton(word)
    if (known := names.skeletons.get(form)) is not None:
        return names.exact[known]
    if len(form) >= 6:
        candidates = [f for short in deletions(form) for f in names.deletions.get(short, ())]
        candidates += names.deletions.get(form, ())
        candidates += names.consonants.get(consonants(form), ())
        best = close(form, candidates)
        if best is not None:
            return names.exact[names.skeletons[best]]
    if _SUFFIX.match(word):
        return (word,)
    return None


def _plain(found: list[Medicine]) -> list[Medicine]:
    """Drop the wider name where the letter itself says which one is meant."""
    generics = {medicine.generic for medicine in found}
    wider = {"vitamin b12": "methylcobalamin", "vitamin d": "colecalciferol"}
    return [m for m in found if wider.get(m.generic) not in generics]
