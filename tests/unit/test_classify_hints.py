"""What is looked for first spares a search, and never hides what the search would have found."""

import re

import pytest

from inboxbot.classify import writer

NAMES = (
    "my name is|i am called|mein name ist|ich heisse|je m'appelle|me llamo|mi nombre es|chamo-me"
    "|mi chiamo|mijn naam is|ik heet|adim|jag heter|jeg hedder|jeg heter|nimeni on|jmenuji se"
    "|a nevem|mera naam|nama saya|ang pangalan ko ay|naitwa|em dic|ich heiße|meu nome é"
    "|nazywam się|adım|меня зовут|мене звати|mă numesc|με λένε|קוראים לי|اسمي|اسم من|मेरा नाम"
    "|tên tôi là"
)
FORM_NAMES = "name:|your name :|full name:|nombre:|nom:|nome:|naam:|имя:"
PLACES = (
    "i live in|we live in|i am in|i'm in|we are in|we're in|living in|ich wohne in|wir wohnen in"
    "|j'habite|j'habite en|nous habitons|nous habitons en|vivo en|vivimos en|moro em|moramos em"
    "|vivo a|abito a|viviamo a|ik woon in|wij wonen in|mieszkam w|mieszkamy w|jag bor i|jeg bor i"
    "|asun|saya tinggal di|j'habite à|nous habitons à|bydlím v|locuiesc în"
)
PHONES = (
    "call me|call us|phone me|ring me|ring us|by phone|over the phone|telephone|whatsapp"
    "|rufen sie|anrufen|appelez|rappel|ligue|ligar|por telefone|chiamat|per telefono|richiam"
    "|bellen|telefonisch|zadzwoni|arayin|ring|ringe|soit|zavol|par téléphone|llám|por teléfono"
    "|arayın|позвон|зателефон|hívj|sunați"
)
EMAILS = (
    "by email|by e-mail|email me|e-mail me|write to me|write me|per email|per e-mail|par email"
    "|par e-mail|par mail|por correo|por email|por e-mail|via email|via e-mail|per mail|no phone"
    "|can't speak|cannot speak|no voice|deaf|hard of hearing|don't call|do not call|don't phone"
)


@pytest.mark.parametrize(
    ("pattern", "hints", "phrases", "after"),
    [
        (writer._NAME, writer._IN_NAME, NAMES, " Ana"),
        (writer._FORM_NAME, writer._IN_FORM_NAME, FORM_NAMES, " Ana Romero"),
        (writer._PLACE, writer._IN_PLACE, PLACES, " Leeds"),
        (writer._BY_PHONE, writer._IN_BY_PHONE, PHONES, ""),
        (writer._BY_EMAIL, writer._IN_BY_EMAIL, EMAILS, ""),
    ],
    ids=["name", "form", "place", "phone", "email"],
)
def test_a_hint_stands_wherever_the_pattern_finds_something(
    pattern: re.Pattern[str], hints: tuple[str, ...], phrases: str, after: str
) -> None:
    for phrase in phrases.split("|"):
        for said in (phrase, phrase.upper(), phrase.title()):
            text = f"Hello.\n{said}{after}\nBye."
            assert pattern.search(text), said
            assert writer._text(text).search(pattern, hints), said
    assert writer._text("Hello, thank you and goodbye.").search(pattern, hints) is None


@pytest.mark.parametrize("text", ["my name ıs Ana", "MY NAME İS Ana", "ſag: jag heter Ana"])
def test_letters_that_are_one_where_case_does_not_count_hide_nothing(text: str) -> None:
    assert writer._NAME.search(text)
    assert writer._text(text).search(writer._NAME, writer._IN_NAME)


@pytest.mark.parametrize(
    "number", ["+1 (555) 010-9999", "020 7946 0000", "0123456", "5.5.5.5.55.5"]
)
def test_whatever_may_be_a_telephone_number_is_looked_at(number: str) -> None:
    found = writer._PHONE.search(f"ring {number} today")
    assert found
    assert writer._DIGITS.search(found.group())
