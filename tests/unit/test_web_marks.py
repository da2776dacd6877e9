import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from inboxbot.web.files import safe_name
from inboxbot.web.marks import Span, marked, visible


def span(text: str, word: str, kind: str = "for") -> Span:
    start = text.index(word)
    return Span(start, start + len(word), kind, "why")


def test_the_words_that_counted_are_marked_where_they_stand() -> None:
    text = "my father takes riluzole & more"
    assert marked(text, [span(text, "riluzole")]) == (
        'my father takes <mark class="for" title="why">riluzole</mark> &amp; more'
    )


def test_spans_that_overlap_are_cut_short() -> None:
    found = marked("abcdef", [Span(0, 4, "for", "a"), Span(2, 6, "medicine", "b")])
    assert found == (
        '<mark class="for" title="a">abcd</mark><mark class="medicine" title="b">ef</mark>'
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "see https://example.net/a?b=1&c=2.",
            'see <a href="https://example.net/a?b=1&amp;c=2" rel="noopener noreferrer nofollow"'
            ' target="_blank">https://example.net/a?b=1&amp;c=2</a>.',
        ),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("data:text/html,<b>", "data:text/html,&lt;b&gt;"),
        ("https://", "https://"),
        (
            'http://a.example/"onmouseover="x',
            '<a href="http://a.example/" rel="noopener noreferrer nofollow" target="_blank">'
            "http://a.example/</a>&#34;onmouseover=&#34;x",
        ),
    ],
)
def test_only_plain_links_become_links_and_nothing_escapes_from_them(text: str, html: str) -> None:
    assert marked(text) == html


@pytest.mark.parametrize(
    "text",
    ["http://xn--exmple-cua.net/", "http://bank.example@evil.example/", "http://EXÄMPLE.net/"],
)
def test_a_link_that_could_deceive_names_its_host(text: str) -> None:
    assert "link-host" in marked(text)


def test_signs_that_reorder_or_hide_text_are_shown() -> None:
    assert visible("a\u202eb\u200bc") == (
        'a<span class="hidden-sign" title="U+202E">¤</span>b'
        '<span class="hidden-sign" title="U+200B">¤</span>c'
    )
    assert "\u202e" not in marked("a\u202eb")


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6),
)
def test_no_letter_can_become_a_tag(text: str, places: list[tuple[int, int]]) -> None:
    found = str(marked(text, [Span(a, b, "for", "<i>") for a, b in places]))
    for tag in ("<script", "<img", "<i>", "<svg"):
        assert tag not in found
    assert found.count("<") == found.count(">")


def test_a_very_long_text_full_of_links_takes_a_moment() -> None:
    text = "http://a.example/ " * 11_000
    before = time.monotonic()
    marked(text, [Span(n * 18, n * 18 + 4, "for", "x") for n in range(0, 11_000, 3)])
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\windows\\system32",
        "/etc/shadow",
        "C:\\autoexec.bat",
        "a\r\nContent-Type: text/html",
        "a\x00.pdf",
        "\u202egnp.exe",
        "x" * 500,
        "",
        "...",
        " . ",
        "a\u2066b\u2069.pdf",
        "\ufeff",
        "té\u0301st 😀.pdf",
    ],
)
def test_the_name_of_a_file_is_a_name_and_nothing_else(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= 120
    assert not set(safe) & set("/\\\r\n\x00\u202e\u2066\u2069\ufeff")
    assert escape(safe)
