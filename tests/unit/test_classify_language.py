"""Which language a letter is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.classify.language import detect


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My sister would like to speak with someone this week", "en"),
        ("Mi hermana quiere hablar con alguien esta semana", "es"),
        ("Ma sœur voudrait parler avec quelqu'un cette semaine", "fr"),
        ("Meine Schwester möchte diese Woche mit jemandem sprechen", "de"),
        ("Minha irmã gostaria de falar com alguém esta semana", "pt"),
        ("Mia sorella vorrebbe parlare con qualcuno questa settimana", "it"),
        ("Mijn zus wil deze week graag met iemand praten", "nl"),
        ("Moja siostra chciałaby porozmawiać z kimś w tym tygodniu", "pl"),
        ("Kız kardeşim bu hafta biriyle konuşmak istiyor", "tr"),
        ("أختي تريد أن تتحدث مع شخص هذا الأسبوع", "ar"),
        ("meri behen is hafte kisi se baat karna chahti hai", "hi"),
        ("मेरी बहन इस हफ्ते किसी से बात करना चाहती है", "hi"),
        ("妹は今週どなたかと話したいそうです", "ja"),
        ("我妹妹这个星期想跟人谈谈", "zh"),
        ("제 여동생이 이번 주에 누군가와 이야기하고 싶어합니다", "ko"),
        ("Моя сестра хотела бы поговорить с кем-нибудь на этой неделе", "ru"),
        ("Моя сестра хотіла б поговорити з кимось цього тижня", "uk"),
        ("Min syster skulle vilja prata med någon den här veckan", "sv"),
        ("Min søster vil gerne tale med nogen i denne uge", "da"),
        ("Søsteren min vil gjerne snakke med noen denne uken", "no"),
        ("Siskoni haluaisi puhua jonkun kanssa tällä viikolla", "fi"),
        ("Η αδελφή μου θέλει να μιλήσει με κάποιον", "el"),
        ("אחותי רוצה לדבר עם מישהו השבוע", "he"),
        ("Sora mea ar vrea să vorbească cu cineva săptămâna aceasta", "ro"),
        ("Moje sestra by si chtěla tento týden s někým promluvit", "cs"),
        ("A nővérem szeretne valakivel beszélni ezen a héten", "hu"),
        ("Em gái tôi muốn nói chuyện với ai đó trong tuần này", "vi"),
        ("Adik saya ingin berbicara dengan seseorang minggu ini", "id"),
        ("น้องสาวอยากคุยกับใครสักคนสัปดาห์นี้", "th"),
        ("خواهرم می‌خواهد این هفته با کسی صحبت کند", "fa"),
        ("میری بہن اس ہفتے کسی سے بات کرنا چاہتی ہے", "ur"),
        ("আমার বোন এই সপ্তাহে কারও সঙ্গে কথা বলতে চায়", "bn"),
    ],
)
def test_a_sentence_shows_its_language(text: str, expected: str) -> None:
    language, confidence = detect(text)
    assert language == expected
    assert confidence > 0.35


@pytest.mark.parametrize("text", ["", "12345 !!!", "xq zv", "OK"])
def test_too_little_to_go_by_is_unknown(text: str) -> None:
    assert detect(text)[0] is None


def test_a_mixed_letter_is_less_sure() -> None:
    pure = detect("Здравствуйте, можно ли записать маму на консультацию?")[1]
    mixed = detect("Здравствуйте, можно ли записать? Please write to me in English or in Russian")[
        1
    ]
    assert mixed < pure


@given(st.text(max_size=400))
def test_any_text_gets_an_answer(text: str) -> None:
    language, confidence = detect(text)
    assert 0.0 <= confidence <= 1.0
    assert language is None or len(language) == 2
