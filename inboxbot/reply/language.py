"""Which language a reply is written in, and how a day is written in it.

Pure. A person is answered in a language they read, or in one that says so kindly: a guess
below the floor is never used.
"""

import tomllib
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from inboxbot.frozen import dataclass

FLOOR = 0.8
BUILT_IN = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the templates folder; `emergency` are words that its texts must hold."""

    code: str
    name: str
    english: str
    reviewed: bool
    emergency: tuple[str, ...] = ()


class Because(StrEnum):
    """Why a reply is in its language: which link of the chain named it."""

    PERSON = "person"
    DETECTED = "detected"
    DEFAULT = "default"
    BUILT_IN = "built_in"


class Chosen(NamedTuple):
    """The language of a reply, and why it is this one."""

    code: str
    because: Because


EXPLANATIONS: dict[Because, str] = {
    Because.PERSON: "staff noted that this person reads it",
    Because.DETECTED: "the letter is written in it",
    Because.DEFAULT: "it is the mailbox's own, and no other is sure",
    Because.BUILT_IN: "it is built in, and no other has templates",
}


@lru_cache(maxsize=8)
def read_languages(text: str) -> tuple[Language, ...]:
    """Read `templates/languages.toml`; raises ValueError with a sentence where it is wrong."""
    languages = []
    for code, table in tomllib.loads(text).items():
        if not isinstance(table, dict):
            raise ValueError(f"“{code}” must be a section: write [{code}].")
        name, english = table.get("name", code), table.get("english", code)
        reviewed, emergency = table.get("reviewed", False), table.get("emergency", [])
        if not isinstance(reviewed, bool):
            raise ValueError(f"“reviewed” of [{code}] must be true or false.")
        if not isinstance(emergency, list) or not all(isinstance(w, str) for w in emergency):
            raise ValueError(f"“emergency” of [{code}] must be a list of words in quotes.")
        languages.append(Language(code, str(name), str(english), reviewed, tuple(emergency)))
    return tuple(languages)


def choose_language(
    *,
    person: str | None,
    detected: str | None,
    confidence: float,
    mailbox_default: str,
    available: frozenset[str],
    floor: float = FLOOR,
) -> Chosen:
    """Return the first that the templates have: the person's, detected, default, built-in.

    `person` is what staff noted; `detected` counts from `floor` on.
    """
    sure = detected if confidence >= floor else None
    chain = (
        (person, Because.PERSON),
        (sure, Because.DETECTED),
        (mailbox_default, Because.DEFAULT),
    )
    for code, because in chain:
        base = (code or "").lower().replace("_", "-").partition("-")[0]
        if base in available:
            return Chosen(base, because)
    return Chosen(BUILT_IN, Because.BUILT_IN)


_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro "
    "dezembro",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
    "dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
    "listopada grudnia",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "hi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
}
_PATTERNS = {
    "es": "{day} de {month} de {year}",
    "pt": "{day} de {month} de {year}",
    "de": "{day}. {month} {year}",
    "ja": "{year}年{number}月{day}日",
    "zh": "{year}年{number}月{day}日",
}


def long_date(day: date, language: str) -> str:
    """Return a day as one writes it in a letter; in English where the language is unknown."""
    months = _MONTHS.get(language, _MONTHS["en"]).split()
    pattern = _PATTERNS.get(language, "{day} {month} {year}")
    number = str(day.day)
    if language in ("fr", "it") and day.day == 1:
        number = "1er" if language == "fr" else "1º"
    return pattern.format(day=number, month=months[day.month - 1], number=day.month, year=day.year)
