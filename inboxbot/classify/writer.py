"""What a letter says of its writer: who it is, name, place, telephone, how to reach them.

Pure. Suggestions for staff on the letter page: nothing is acted on by itself.
"""

import re
from collections.abc import Iterator

from inboxbot.classify import lexicon
from inboxbot.classify.category import Suggestion
from inboxbot.classify.text import Letter
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Message

MAX_CHARS = 8_000
_KINDS = ("professional", "patient", "caregiver", "friend", "loved_one")
_PHONE = re.compile(r"(?<![\w.+])(\+?\(?\d[\d() ./-]{5,18}\d)(?![\w@])")
_DATE = re.compile(r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}$")
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][\w'’.-]*"
_NAME = re.compile(
    r"(?i:my name is|i am called|mein name ist|ich hei(?:ß|ss)e|je m'appelle|me llamo|mi nombre es"
    r"|meu nome é|chamo-me|mi chiamo|mijn naam is|ik heet|nazywam się|adım|меня зовут|мене звати"
    r"|jag heter|jeg hedder|jeg heter|nimeni on|jmenuji se|a nevem|mă numesc|με λένε|קוראים לי"
    r"|اسمي|اسم من|mera naam|मेरा नाम|tên tôi là|nama saya|ang pangalan ko ay|naitwa|em dic)"
    rf"[:\s]+({_CAPITAL}(?:[ ]+{_CAPITAL}){{0,2}})"
)
_FORM_NAME = re.compile(
    r"^[ \t]*(?:your |full )?(?:name|nombre|nom|nome|naam|имя)[ \t]*:[ \t]*(.{2,60})$", re.I | re.M
)
_PLACE = re.compile(
    r"\b(?i:i live in|we live in|i am in|i'm in|we are in|we're in|living in|ich wohne in"
    r"|wir wohnen in|j'habite(?: à| en)?|nous habitons(?: à| en)?|vivo en|vivimos en|moro em"
    r"|moramos em|vivo a|abito a|viviamo a|ik woon in|wij wonen in|mieszkam w|mieszkamy w"
    r"|jag bor i|jeg bor i|asun|bydlím v|locuiesc în|saya tinggal di)[ ]+"
    r"((?:the )?[A-ZÀ-ÞĀ-Ž][\w'’-]*(?:,?[ ]+[A-ZÀ-ÞĀ-Ž][\w'’-]*){0,2})"
)
_BY_PHONE = re.compile(
    r"\b(?:call me|call us|phone me|ring me|ring us|by phone|over the phone|telephone|whatsapp"
    r"|rufen sie|anrufen|appelez|rappel|par téléphone|llám|por teléfono|ligue|ligar|por telefone"
    r"|chiamat|per telefono|richiam|bellen|telefonisch|zadzwoni|arayın|позвон|зателефон|ring|ringe"
    r"|soit|zavol|hívj|sunați)",
    re.I,
)
# What stands in every text in which the pattern finds something: looked for first, since that
# takes a hundredth of the time.
_IN_NAME = (
    "name is", "called", "heiße", "heisse", "appelle", "llamo", "nombre es", "nome é", "chamo-me",
    "chiamo", "naam", "heet", "nazywam", "adim", "зовут", "звати", "heter", "hedder", "nimeni on",
    "jmenuji", "nevem", "numesc", "λένε", "קוראים", "اسمي", "اسم من", "मेरा", "tên tôi",
    "nama saya", "pangalan", "naitwa", "em dic",
)  # fmt: skip
_IN_FORM_NAME = ("name", "nom", "naam", "имя")
_IN_PLACE = (
    "live in", "i am in", "i'm in", "we are in", "we're in", "living in", "wohne", "habit",
    "vivo ", "vivimos en", "moro em", "moramos em", "abito a", "viviamo a", "woon in", "wonen in",
    "mieszkam", "bor i", "asun", "bydlím", "locuiesc", "tinggal di",
)  # fmt: skip
_IN_BY_PHONE = (
    "call me", "call us", "phone me", "ring", "by phone", "the phone", "telephon", "whatsapp",
    "rufen", "appel", "téléphone", "llám", "teléfono", "ligue", "ligar", "telefon", "chiama",
    "richiam", "bellen", "zadzwoni", "arayin", "позвон", "зателефон", "soit", "zavol", "hívj",
    "sunați",
)  # fmt: skip
_IN_BY_EMAIL = (
    "mail", "write to me", "write me", "correo", "no phone", "speak", "no voice", "deaf",
    "hearing", "t call", "t phone",
)  # fmt: skip
# Where case does not count, each of these is the same letter as one that lower case keeps apart.
_SAME_AS_ANOTHER = re.compile("[\u0130\u0131\u017f\u00b5\u03f5\u1c80-\u1c88]")
_DIGITS = re.compile(r"\d[\d() ./-]{5}")
_BY_EMAIL = re.compile(
    r"\b(?:by e-?mail|email me|e-mail me|write to me|write me|per e-?mail|par e-?mail|par mail"
    r"|por correo|por e-?mail|via e-?mail|per mail|no phone|can't speak|cannot speak|no voice"
    r"|deaf|hard of hearing|don't call|do not call|don't phone)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text and its lower case, which is None where that is not what case does not count in."""

    whole: str
    lowered: str | None

    def search(self, pattern: re.Pattern[str], hints: tuple[str, ...]) -> re.Match[str] | None:
        """Return what `pattern` finds; `hints` spare the search where it can find nothing."""
        if self.lowered is not None and not any(map(self.lowered.__contains__, hints)):
            return None
        return pattern.search(self.whole)


def _text(text: str) -> _Text:
    plain = text.isascii() or not _SAME_AS_ANOTHER.search(text)
    return _Text(text, text.lower() if plain else None)


def suggestions(message: Message, letter: Letter) -> tuple[Suggestion, ...]:
    """Return what `message` says of its writer, the surest of each kind."""
    own = _text(message.text[:MAX_CHARS])
    text = _text(message.full_text[:MAX_CHARS]) if message.full_text else own
    found = [_writer(letter), *_name(message, own, text), *_place(own), *_telephone(own.whole)]
    found += _contact(own)
    return tuple(suggestion for suggestion in found if suggestion is not None)


def _writer(letter: Letter) -> Suggestion | None:
    counts = dict.fromkeys(_KINDS, 0)
    for segment in letter.segments:
        for hit in lexicon.listed(segment.text)["writer"]:
            counts[hit.topic] += 1
    if not any(counts.values()):
        return Suggestion("writer", "other", 0.4) if letter.segments else None
    # The first of the list that is named: a nurse also speaks of "my patient's wife".
    best = next(kind for kind in _KINDS if counts[kind])
    if best == "patient" and counts["loved_one"] > counts["patient"]:
        best = "loved_one"
    others = sum(count for kind, count in counts.items() if kind != best)
    return Suggestion("writer", best, 0.85 if not others else 0.65)


def _name(message: Message, own: _Text, text: _Text) -> Iterator[Suggestion]:
    if match := own.search(_NAME, _IN_NAME):
        yield Suggestion("name", match.group(1).rstrip(".,"), 0.85)
    elif match := text.search(_FORM_NAME, _IN_FORM_NAME):
        yield Suggestion("name", match.group(1).strip(), 0.85)
    elif message.sender and len(message.sender.name.split()) >= 2:
        yield Suggestion("name", message.sender.name, 0.6)


def _place(own: _Text) -> Iterator[Suggestion]:
    if match := own.search(_PLACE, _IN_PLACE):
        yield Suggestion("place", match.group(1).rstrip(".,"), 0.75)


def _telephone(own: str) -> Iterator[Suggestion]:
    if _DIGITS.search(own) is None:
        return
    for match in _PHONE.finditer(own):
        number = match.group(1).strip()
        digits = sum(char.isdigit() for char in number)
        if 7 <= digits <= 15 and not _DATE.match(number):
            yield Suggestion("telephone", number, 0.8 if digits >= 9 or "-" in number else 0.6)
            return


def _contact(own: _Text) -> Iterator[Suggestion]:
    if own.search(_BY_EMAIL, _IN_BY_EMAIL):
        yield Suggestion("contact", "email", 0.7)
    elif own.search(_BY_PHONE, _IN_BY_PHONE):
        yield Suggestion("contact", "telephone", 0.7)
