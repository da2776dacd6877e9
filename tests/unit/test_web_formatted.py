"""The formatted view: behind a link stands where it leads, unless its text is just that."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.web.formatted import harmless

HOST = re.compile(r' <span style="font-size:14px;color:#555;background-color:#fff;[^>]*>\((.*?)\)<')


def hosts(html: str) -> list[str]:
    return HOST.findall(harmless(html))


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ('<a href="https://evil.example/x">https://www.bank.example/</a>', "evil.example"),
        ('<a href="https://evil.example">Look here</a>', "evil.example"),
        ('<a href="https://evil.example"></a>', "evil.example"),
        ('<a href="https://www.bank.example@evil.example/">bank.example</a>', "evil.example"),
        (r'<a href="https:\\evil.example\@www.bank.example">bank</a>', "evil.example"),
        ('<a href="http:evil.example">www.bank.example</a>', "evil.example"),
        ('<a href=" ht&#9;tps://evil.example">www.bank.example</a>', "evil.example"),
        ('<a href="https://evil.example">evil.example www.bank.example</a>', "evil.example"),
        ('<a href="https://evil.example">evil.example:1@bank.example</a>', "evil.example"),
        ('<a href="https://evil.example">evil.example/\u202eelpmaxe.knab</a>', "evil.example"),
        (
            '<a href="https://evil.example"><b style="font-size:0">evil.example/</b>bank</a>',
            "evil.example",
        ),
        ('<a href="https://b\u0430nk.example">b\u0430nk.example</a>', "xn--bnk-6cd.example"),
        ('<a href="https://[bad">www.bank.example</a>', None),
        ('<a href="mailto:a@evil.example?subject=b">help@bank.example</a>', "a@evil.example"),
        ('<a href="https://www.bank.example/a?b">https://www.bank.example/</a>', None),
        ('<a href="HTTPS://Bank.example:443/a">bank.example/a</a>', None),
        ('<a href="mailto:help@bank.example">help@bank.example</a>', None),
        ("<a>nowhere</a>", None),
    ],
)
def test_a_link_that_does_not_say_where_it_leads_is_followed_by_it(
    link: str, host: str | None
) -> None:
    assert hosts(link) == ([host] if host else [])


def test_each_of_several_links_is_followed_by_its_own() -> None:
    inner = '<a href="https://b.example"><table><td><a href="https://a.example">x</a></table></a>'
    assert hosts(f'{inner}<b title="</a>">b</b><a href="https://c.example">c</a>') == [
        "a.example",
        "b.example",
        "c.example",
    ]


@given(st.lists(st.sampled_from(['<a href="', "https://e.example", '"', ">", "</a>", "<b title='",
    "'", "<", "&quot;", "&lt;", "x", "<table><td>", "</table>", "\n"])).map("".join))  # fmt: skip
def test_nothing_else_of_what_is_shown_changes(html: str) -> None:
    shown = harmless(html)
    assert harmless(HOST.sub("<", shown).replace("</span>", "")) == shown
