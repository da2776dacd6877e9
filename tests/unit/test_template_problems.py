"""reply.syntax and reply.template.problems: broken templates, each refused at its own place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.errors import TemplateError
from inboxbot.reply import markup, syntax
from inboxbot.reply.source import decode, place
from inboxbot.reply.template import VARIABLE_NAMES, Variables, problems, render

# Each source carries one ¦ right before the place that an administrator must be shown.
BROKEN = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "broken_templates.jsonl")
    .read_text("utf-8")
    .splitlines()
]
USED = "{{ organisation }} {{ phone }} {{ hours_to_answer }} {{ profile_form_url }}"


def good(body: str) -> str:
    return f"Subject: We have received your message\n\nHello,\n\n{body}\n\n{USED}\n"


VARIABLES = Variables(
    organisation="ALS Worldwide",
    website="https://www.example.org",
    phone="1-608-663-0920",
    postal_address="5808 Dawley Drive, Fitchburg",
    profile_form_url="https://www.example.org/profile",
    hours_to_answer=48,
    received_date="2 March 2026",
)


def expected(source: str) -> tuple[str, tuple[int, int]]:
    at = source.index("¦")
    return source.replace("¦", ""), place(source, at)


def test_the_corpus_of_broken_templates_is_large_enough():
    assert len(BROKEN) >= 60
    assert len({case["name"] for case in BROKEN}) == len(BROKEN)


@pytest.mark.parametrize("case", BROKEN, ids=[case["name"] for case in BROKEN])
def test_a_broken_template_is_refused_at_the_right_line_and_column(case):
    source, place = expected(case["source"])
    found = problems(source, html=case["part"] == "html", name="profile_request")
    assert place in [(problem.line, problem.column) for problem in found], found
    assert all(problem.message.endswith((".", "”)")) for problem in found)


@pytest.mark.parametrize("case", BROKEN, ids=[case["name"] for case in BROKEN])
def test_nothing_that_breaks_the_language_is_ever_rendered(case):
    source, _ = expected(case["source"])
    is_html = case["part"] == "html"
    if not syntax.syntax_problems(source, VARIABLE_NAMES, html=is_html):
        return  # Refused for what it contains, not for its language.
    with pytest.raises(TemplateError):
        render(good("x") if is_html else source, VARIABLES, html=source)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        pytest.param("Subject: x\n\nRené".encode("latin-1"), (3, 4), id="latin-1"),
        pytest.param("Subject: x\n\nHello".encode("utf-16"), (1, 1), id="utf-16"),
        pytest.param(b"Subject: x\n\nab\xff\xfe", (3, 3), id="stray-bytes"),
        pytest.param("Subject: Grüße\n€".encode("cp1252"), (1, 12), id="cp1252"),
    ],
)
def test_a_wrong_encoding_is_shown_at_the_first_wrong_byte(raw, place):
    text, found = decode(raw)
    assert text == ""
    assert [(problem.line, problem.column) for problem in found] == [place]


def test_a_file_from_windows_is_read_like_any_other():
    assert decode("\ufeffSubject: x\r\n\r\nHello\r\n".encode()) == (
        "Subject: x\n\nHello\n",
        (),
    )


def test_every_problem_is_reported_at_once():
    source = good("{{ fone }}\n{% for x in y %}\n{{ first_name.x }}\n{{ 'a' * 9 }}")
    found = problems(source)
    assert [problem.line for problem in found if problem.line > 4] == [5, 6, 7, 8]


def test_the_suggestion_names_the_value_that_was_probably_meant():
    (found,) = problems(good("{{ first_nmae }}"))
    assert found.suggestion == "Did you mean first_name?"


GOOD_BODIES = [
    "{{ first_name }}",
    "{{ first_name | default('friend') }}",
    '{{ first_name | default("friend") | upper }}',
    "{% if first_name %}a{% else %}b{% endif %}",
    "{% if first_name %}a{% elif phone %}b{% else %}c{% endif %}",
    "{%- if first_name -%} a {%- endif -%}",
    "{% if not first_name %}x{% endif %}",
    "{% if first_name and is_first_contact %}x{% endif %}",
    "{% if hours_to_answer > 24 %}x{% endif %}",
    "{% if hours_to_answer == 24 or first_name == 'Ana' %}x{% endif %}",
    "{{ organisation | truncate(100) }}",
    "{{ organisation | trim }}",
    "{# a comment with {{ anything }} in it #}",
    "{{ organisation | title }}",
    "{{ '}}' }}",
    "{{ first_name or 'friend' }}",
    "a { b } c % d # e",
    "{{- phone -}}",
    "{% if (first_name) %}x{% endif %}",
    "100 % {{ phone }} {{ website }}",
    "{% if first_name %}{% if phone %}x{% endif %}{% endif %}",
]


@pytest.mark.parametrize("body", GOOD_BODIES)
def test_a_good_template_has_no_problem_and_can_be_filled(body):
    assert problems(good(body), name="profile_request") == ()
    assert render(good(body), VARIABLES).text.startswith("Hello,")


def test_there_are_twenty_good_templates():
    assert len(GOOD_BODIES) >= 20


@given(st.text(alphabet="{}%#'\"|.~*()[]-+ ifelsndrphon_0123\n<>=!", max_size=120))
def test_whatever_is_typed_gives_problems_or_a_text_and_nothing_else(body):
    source = f"Subject: x\n\n{body}\n"
    found = problems(source)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in found)
    assert all(problem.line <= source.count("\n") + 1 for problem in found)
    if not found:
        assert render(source, VARIABLES).subject == "x"


def test_checking_and_filling_the_worst_allowed_template_stays_in_its_budget():
    body = ("{{ first_name | default('x') | upper | lower | title }}" * 400) + "y" * 30_000
    source = good(body)
    assert problems(source) == ()
    assert len(render(source, VARIABLES).text) <= 64_000


def test_a_reply_that_comes_out_too_long_is_refused():
    many = Variables(
        organisation="x" * 2000,
        website="w",
        phone="p",
        postal_address="a",
        profile_form_url="u",
        hours_to_answer=1,
        received_date="d",
    )
    with pytest.raises(TemplateError, match="longer"):
        render(good("{{ organisation }}" * 40), many)


def test_a_template_that_is_too_long_is_refused_before_it_is_parsed():
    assert "too long" in problems("Subject: x\n" + "a" * 64_001)[0].message
    assert "too many" in " ".join(p.message for p in problems("Subject: x\n" + "{{ phone }}" * 501))


def test_html_that_is_harmless_passes():
    source = (
        '<p dir="rtl" lang="ar" style="color: #333">Hello {{ first_name }},<br>\n'
        '<a href="{{ profile_form_url }}">Form</a> <a href="tel:{{ phone }}">{{ phone }}</a>\n'
        "{% if first_name %}<strong>x</strong>{% endif %}</p>\n<ul><li>a<li>b</ul>"
    )
    assert markup.problems(source) == []
    assert problems(source, html=True) == ()
