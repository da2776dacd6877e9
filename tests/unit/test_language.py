"""reply.language and reply.knowledge: which language, which day, which article."""

from datetime import date

import pytest

from inboxbot.errors import ConfigError
from inboxbot.reply.folder import shipped_templates
from inboxbot.reply.knowledge import article_for, read_knowledge
from inboxbot.reply.language import Because, choose_language, long_date, read_languages

AVAILABLE = frozenset({"en", "es", "de"})
TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("person", "detected", "confidence", "default", "chosen", "because"),
    [
        pytest.param("de", "es", 0.99, "en", "de", "person", id="the person's comes first"),
        pytest.param(None, "es", 0.80, "en", "es", "detected", id="detected from the floor on"),
        pytest.param(None, "es", 0.79, "de", "de", "default", id="below the floor it is a guess"),
        pytest.param("sv", "es", 0.9, "en", "es", "detected", id="what nobody has is passed over"),
        pytest.param(None, "sv", 0.9, "de", "de", "default", id="then the mailbox's default"),
        pytest.param(None, None, 0.0, "sv", "en", "built_in", id="then the built-in one"),
        pytest.param("es-MX", None, 0.0, "en", "es", "person", id="a region falls back"),
        pytest.param("DE_at", None, 0.0, "en", "de", "person", id="however it is written"),
        pytest.param("", None, 0.0, "", "en", "built_in", id="nothing known"),
    ],
)
def test_the_language_follows_the_chain_and_says_why(
    person, detected, confidence, default, chosen, because
):
    found = choose_language(
        person=person,
        detected=detected,
        confidence=confidence,
        mailbox_default=default,
        available=AVAILABLE,
    )
    assert found == (chosen, Because(because))


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "2 March 2026"),
        ("es", "2 de marzo de 2026"),
        ("fr", "2 mars 2026"),
        ("de", "2. März 2026"),
        ("pt", "2 de março de 2026"),
        ("it", "2 marzo 2026"),
        ("nl", "2 maart 2026"),
        ("pl", "2 marca 2026"),
        ("tr", "2 Mart 2026"),
        ("ar", "2 مارس 2026"),
        ("hi", "2 मार्च 2026"),
        ("ja", "2026年3月2日"),
        ("zh", "2026年3月2日"),
        ("sv", "2 March 2026"),
    ],
)
def test_a_day_is_written_as_in_a_letter(language, written):
    assert long_date(TODAY, language) == written


def test_every_month_of_every_language_has_its_own_name():
    codes = [lang.code for lang in read_languages(shipped("languages.toml"))]
    for code in codes:
        assert len({long_date(date(2026, month, 5), code) for month in range(1, 13)}) == 12


def test_the_first_of_a_month_is_written_as_people_write_it():
    assert long_date(date(2026, 5, 1), "fr") == "1er mai 2026"


def shipped(name: str) -> str:
    return (shipped_templates() / name).read_text("utf-8")


@pytest.mark.parametrize("text", ["en = 1", "[en]\nreviewed = 1", "[en]\nemergency = 'x'", "[en"])
def test_a_wrong_languages_file_is_an_error_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"\w"):
        read_languages(text)


KNOWLEDGE = """
[[article]]
title = "Mexiletine Hydrochloride May Relieve Cramping"
date = 2015-02-02
url = "https://www.example.org/a"
medicine = "mexiletine"
review_by = 2026-12-31

[[article]]
title = "An older one"
date = 2010-01-01
url = "https://www.example.org/b"
medicine = "mexiletine"
review_by = 2030-12-31
"""


def test_the_newest_article_on_a_named_medicine_is_found():
    articles = read_knowledge(KNOWLEDGE)
    found = article_for(("riluzole", "mexiletine"), articles, TODAY)
    assert found is not None
    assert found.title == "Mexiletine Hydrochloride May Relieve Cramping"
    assert found.date == date(2015, 2, 2)
    assert article_for(("riluzole",), articles, TODAY) is None


def test_an_article_past_its_review_day_or_withdrawn_is_never_linked_by_itself():
    articles = read_knowledge(KNOWLEDGE)
    assert article_for(("mexiletine",), articles, date(2026, 12, 31)).url.endswith("/a")
    assert article_for(("mexiletine",), articles, date(2027, 1, 1)).url.endswith("/b")
    withdrawn = read_knowledge(KNOWLEDGE.replace("2030-12-31", "2030-12-31\nwithdrawn = true"))
    assert article_for(("mexiletine",), withdrawn, date(2027, 1, 1)) is None
    nowhere = read_knowledge(KNOWLEDGE.replace("https://www.example.org/a", ""))
    assert article_for(("mexiletine",), nowhere, TODAY).title == "An older one"


def test_every_problem_of_the_articles_is_named_with_its_place():
    text = (
        '[[article]]\ntitle = ""\ndate = "2015-02-02"\nurl = "http://x"\nmedicne = "x"\n'
        "withdrawn = 1\nreview_by = 2015-02-02T10:00:00\n[other]\n"
    )
    with pytest.raises(ConfigError) as raised:
        read_knowledge(text)
    places = {problem.place: problem.text for problem in raised.value.problems}
    assert set(places) == {
        "other",
        "article[0].title",
        "article[0].date",
        "article[0].url",
        "article[0].medicne",
        "article[0].medicine",
        "article[0].withdrawn",
        "article[0].review_by",
    }
    assert "medicine" in places["article[0].medicne"]
    for wrong in ("[[article", "article = 1", "article = [1]"):
        with pytest.raises(ConfigError):
            read_knowledge(wrong)


def test_the_shipped_articles_can_be_read():
    text = (shipped_templates().parent / "config" / "knowledge.toml").read_text("utf-8")
    (article,) = read_knowledge(text)
    assert article.medicine == "mexiletine"
    assert article.may_be_linked(TODAY)
