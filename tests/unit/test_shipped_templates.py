"""templates/: what frightened people will read, in every language, for every sample person."""

import re
from dataclasses import replace

import pytest

from inboxbot.classify.category import Category
from inboxbot.reply import checks, guard, markup
from inboxbot.reply.checked import CHECKED_FILE, checked, fingerprint
from inboxbot.reply.folder import ALL_NAMES
from inboxbot.reply.library import Library
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import NAMES, RIGHT_TO_LEFT, SHORT_NAMES
from tests.checked_templates import listed, shipped

LIBRARY = Library()
LANGUAGES = {language.code: language for language in LIBRARY.languages()}
EVERYTHING = Library(enabled=frozenset(LANGUAGES))
CODES = "en es fr de pt it nl pl tr ar hi ja zh"
CELLS = [(name, code) for code in LANGUAGES for name in NAMES]
# The organisation's own name holds the name of the disease; what we write ourselves never does.
TELLING = re.compile(
    r"(?-i:\b(?:ALS|MND|ELA|SLA)\b)|riluzol|mexilet|sclero|skler|esclero|symptom|síntoma|died|death|"
    r"passed away|loss of|urgent letter",
    re.IGNORECASE,
)


def test_thirteen_languages_have_every_reply_and_only_english_is_reviewed():
    assert set(LANGUAGES) == {*CODES.split()}
    assert [code for code, language in LANGUAGES.items() if language.reviewed] == ["en"]
    for code in LANGUAGES:
        wanted = NAMES if code == "en" else ALL_NAMES
        assert all(LIBRARY.source(name, code)[0] for name in wanted), code


def test_no_shipped_file_has_a_problem():
    assert LIBRARY.check() == ()
    assert LIBRARY.alarms() == ()
    for name, language, source in shipped():
        assert checks.problems(name, language, source) == (), (name, language.code)


def test_the_list_of_checked_templates_holds_every_shipped_one_and_no_other():
    assert listed() == (LIBRARY.shipped / CHECKED_FILE).read_text(), "run: make templates"


@pytest.mark.parametrize(
    "edited",
    [
        lambda source: replace(source, text=source.text + "\nTake riluzole twice a day.\n"),
        lambda source: replace(source, html=None),
    ],
)
def test_a_template_that_was_edited_is_on_no_list(edited):
    listing = checked(LIBRARY.shipped)
    for name, language, source in shipped():
        if source.html is not None:
            assert fingerprint(name, language, edited(source)) not in listing


@pytest.mark.parametrize("category", Category)
def test_the_shipped_reply_to_a_category_needs_no_check(category):
    checks.problems.cache_clear()
    assert Library().source(category, "en")[0] is not None
    assert checks.problems.cache_info().misses == 0


def test_a_language_with_other_emergency_words_is_checked_anew():
    listing = checked(LIBRARY.shipped)
    for name, language, source in shipped():
        assert fingerprint(name, replace(language, emergency=("999",)), source) not in listing


@pytest.mark.parametrize(("name", "code"), CELLS)
def test_a_reply_says_who_calls_back_and_when_and_how_to_reach_us(name, code):
    for sample in SAMPLES:
        values = sample.variables
        reply = EVERYTHING.render(name, code, values)
        assert reply.language == code
        for said in (values.organisation, str(values.hours_to_answer), values.phone):
            assert said in reply.text, sample.label
        assert "{" not in reply.text
        assert "  " not in reply.text
        assert not re.search(r"\n{3}| \n", reply.text)
        assert (values.first_name in reply.text) or code in ("ja", "zh", "pl")


@pytest.mark.parametrize(("name", "code"), CELLS)
def test_a_reply_never_tells_what_the_letter_was_about(name, code):
    values = SAMPLES[0].variables
    reply = EVERYTHING.render(name, code, values)
    words = reply.text.replace(values.organisation, "")
    assert not TELLING.search(f"{reply.subject}\n{words}")


@pytest.mark.parametrize("code", LANGUAGES)
def test_all_replies_of_a_language_have_the_same_subject(code):
    values = SAMPLES[3].variables
    assert len({EVERYTHING.render(name, code, values).subject for name in NAMES}) == 1


@pytest.mark.parametrize(("name", "code"), CELLS)
def test_the_html_says_the_same_and_loads_nothing(name, code):
    reply = EVERYTHING.render(name, code, SAMPLES[10].variables)
    plain = " ".join(reply.text.split())
    assert " ".join(markup.words(reply.html).split()) == plain
    assert f'lang="{code}" dir="{"rtl" if code in RIGHT_TO_LEFT else "ltr"}"' in reply.html
    inside = reply.html.partition("<body>")[2].partition("</body>")[0]
    assert markup.problems(inside) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_emergency_number_comes_first_when_there_may_be_danger(code):
    reply = EVERYTHING.render("urgent", code, SAMPLES[0].variables)
    first = reply.text.split("\n\n")[1]
    assert any(word in first for word in LANGUAGES[code].emergency)
    assert str(SAMPLES[0].variables.profile_form_url) not in reply.text


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_letter_to_the_bereaved_asks_for_nothing(code):
    for name in ("bereavement", "short_bereavement"):
        source, _ = LIBRARY.source(name, code)
        if source is not None:
            assert "profile_form_url" not in source.text
            assert "article" not in source.text


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_question_about_medicines_is_sent_to_the_doctor_and_the_emergency_number(code):
    reply = EVERYTHING.render("medication_question", code, SAMPLES[4].variables)
    assert any(word in reply.text for word in LANGUAGES[code].emergency)
    assert SAMPLES[4].variables.article_title in reply.text
    bare = EVERYTHING.render("medication_question", code, SAMPLES[0].variables)
    assert "()" not in bare.text
    assert "article" not in bare.text


@pytest.mark.parametrize("name", NAMES)
def test_english_reads_easily_and_is_short(name):
    reply = LIBRARY.render(name, "en", SAMPLES[3].variables)
    assert checks.reading_grade(reply.text) <= 8
    assert len(reply.text.split()) <= 220
    source, _ = LIBRARY.source(name, "en")
    assert checks.advice(name, LANGUAGES["en"], source) == ()


def test_the_reading_grade_tells_hard_from_easy():
    easy = "The cat sat on the mat. It was warm. We like it here."
    hard = (
        "Notwithstanding aforementioned considerations, multidisciplinary rehabilitation "
        "interventions necessitate individualised, longitudinal physiological evaluation."
    )
    assert checks.reading_grade(easy) < 2
    assert checks.reading_grade(hard) > 20


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
@pytest.mark.parametrize("name", NAMES)
def test_an_unreviewed_language_gets_its_short_note_above_the_english_text(name, code):
    reply = LIBRARY.render(name, code, SAMPLES[0].variables)
    note, _, english = reply.text.partition("* * *")
    assert english.strip() == LIBRARY.render(name, "en", SAMPLES[0].variables).text.strip()
    assert SAMPLES[0].variables.phone in note
    assert reply.language == code
    assert reply.subject.endswith(" / We have received your message")
    assert f'<div lang="{code}"' in reply.html
    assert '<div lang="en" dir="ltr"' in reply.html
    emergency = any(word.casefold() in note.casefold() for word in LANGUAGES[code].emergency)
    assert emergency is (name != "bereavement")
    assert guard.violations(note, code) == ()


def test_the_short_notes_are_short():
    for code in set(LANGUAGES) - {"en"}:
        for name in SHORT_NAMES:
            source, _ = LIBRARY.source(name, code)
            assert source is not None
            assert len(source.text) < 900, (name, code)
