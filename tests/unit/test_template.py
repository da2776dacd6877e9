"""reply.template, reply.names, reply.markup: what comes out of a good template."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.errors import TemplateError
from inboxbot.reply import markup
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import VARIABLE_NAMES, Variables, render, safe_first_name

ANA = SAMPLES[3].variables
SOURCE = (
    "{# note #}\nSubject: Your  message \n\n{% if first_name %}\nDear {{ first_name }},\n"
    "{% else %}\nHello,\n{% endif %}\n\n\n\nSee {{ profile_form_url }}.\nCall {{ phone }}  \n"
)


def test_subject_and_text_come_apart_and_blank_lines_do_not_pile_up():
    filled = render(SOURCE, ANA)
    assert filled.subject == "Your message"
    assert filled.text == (
        "Dear Ana,\n\nSee https://www.example.org/profile.\nCall 1-608-663-0920\n"
    )


def test_without_a_name_the_neutral_greeting_stands_there():
    assert render(SOURCE, SAMPLES[0].variables).text.startswith("Hello,")


def test_an_empty_value_takes_its_default():
    source = "Subject: x\n\nDear {{ first_name | default('friend') }},\n"
    assert render(source, SAMPLES[0].variables).text == "Dear friend,\n"
    assert render(source, ANA).text == "Dear Ana,\n"


def test_html_is_made_from_the_text_with_everything_escaped_and_links_that_work():
    page = render(SOURCE, replace(ANA, first_name="<b>Ana & Co")).html
    assert "Dear &lt;b&gt;Ana &amp; Co," in page
    assert '<a href="https://www.example.org/profile" dir="ltr">' in page
    assert page.count("<p>") == page.count("</p>") == 2
    assert markup.problems(page) == []


def test_an_html_part_of_its_own_escapes_its_values():
    filled = render(
        "Subject: x\n\nx\n", replace(ANA, organisation="A<&B"), html="<p>{{ organisation }}</p>"
    )
    assert filled.html == "<p>A&lt;&amp;B</p>"


def test_a_number_keeps_its_order_between_arabic_words():
    assert "Call \u200e1-608" in render(SOURCE, ANA, language="ar").text
    assert "\u200e" not in render(SOURCE, ANA, language="en").text


def test_a_template_without_a_subject_line_cannot_be_filled():
    with pytest.raises(TemplateError, match="subject"):
        render("Hello\n", ANA)


def test_every_value_is_plain_and_explained_with_an_example():
    for variable in fields(Variables):
        assert variable.type in ("str", "int", "bool", str, int, bool), variable.name
        assert variable.metadata["help"].endswith("."), variable.name
        assert type(variable.metadata["example"]) in (str, int, bool), variable.name
        assert isinstance(getattr(ANA, variable.name), type(variable.metadata["example"]))


def test_personal_values_are_empty_unless_somebody_fills_them():
    personal = [variable.name for variable in fields(Variables) if variable.default in ("", False)]
    assert personal == [
        "first_name",
        "is_first_contact",
        "article_title",
        "article_date",
        "article_url",
    ]


def test_twelve_sample_people_differ():
    assert len(SAMPLES) == 12
    assert len({sample.label for sample in SAMPLES}) == 12
    assert len({sample.variables for sample in SAMPLES}) == 12
    assert all(getattr(SAMPLES[3].variables, name) for name in VARIABLE_NAMES)


@pytest.mark.parametrize(
    ("display", "first"),
    [
        ("Rosa Lopez", "Rosa"),
        ("LOPEZ, Maria", "Maria"),
        ("rosa", "Rosa"),
        ("Jean-Luc Picard", "Jean-Luc"),
        ("Siobhán O’Brien", "Siobhán"),
        ("محمد علي", "محمد"),
        ("अनीता शर्मा", "अनीता"),
        ("Ελένη", "Ελένη"),
        ("MARIA", "Maria"),
        ("JEAN-PIERRE DUPONT", "Jean-Pierre"),
        ("jean-pierre", "Jean-Pierre"),
        ("MARIA LOPEZ", "Maria"),
    ],
)
def test_a_first_name_is_found(display, first):
    assert safe_first_name(display) == first


@pytest.mark.parametrize(
    "display",
    [
        "",
        "A",
        "J. Smith",
        "Dr House",
        "rosa@example.org",
        "www.example.org",
        "Win 1000",
        "Stop riluzole",
        "Anna\r\nBcc: x@example.org",
        "Anna\u202egro.elpmaxe",
        "Anna <script>",
        "x" * 41,
        "Rosa\u2028Lopez",
        "王小明",
        "佐藤 花子",
        "Info",
        "The ALS Foundation",
        "one two three four five six",
        "'''",
        "Lopez, Maria, Ana",
        "😀",
        "=?utf-8?q?x?=",
        "http://a.example",
        "Maria Lopez, RN",
        "Maria Lopez, MSW",
        "LOPEZ Maria",
        "عبد الله محمد",
        "أبو بكر",
        "Abdul Rahman",
        "Familie Müller",
        "Smith Family",
        "Mme Dupont",
        "Pani Kowalska",
        "السيد محمد",
        "श्री कुमार",
        "My iPhone",
        "Nguyễn Văn An",
    ],
)
def test_in_doubt_there_is_no_first_name(display):
    assert safe_first_name(display) == ""


@given(st.text(max_size=120))
def test_a_first_name_can_never_carry_more_than_a_name(display):
    name = safe_first_name(display)
    assert len(name) <= 41
    assert not set(name) & set(" .:/@<>\r\n\t0123456789\u202e\u2028\u200b")
