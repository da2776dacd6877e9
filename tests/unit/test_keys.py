"""The keys of the pages: one meaning each, own ones that are in nobody's way, all of them told."""

from pathlib import Path

import pytest

from inboxbot.web.keys import CHANGEABLE, KEYS, chosen


def test_every_key_means_one_thing() -> None:
    usual = [key.usual for key in KEYS]
    assert len(usual) == len(set(usual))


def test_every_key_stands_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "staff" / "index.md").read_text("utf-8")
    for key in KEYS:
        assert f"| `{key.usual}` | {key.does} |" in manual


@pytest.mark.parametrize(
    ("typed", "own", "wrong"),
    [
        ({}, {}, ""),
        ({"v": "v", "e": " "}, {}, ""),
        ({"v": "y"}, {"v": "y"}, ""),
        ({"v": "e", "e": "v"}, {"v": "e", "e": "v"}, ""),
        ({"v": "é", "e": "я"}, {"v": "é", "e": "я"}, ""),
        ({"v": "e"}, {"v": "e"}, "v"),
        ({"v": "y", "e": "y"}, {"v": "y", "e": "y"}, "v"),
        ({"v": "yy"}, {"v": "yy"}, "v"),
        ({"v": "g"}, {"v": "g"}, "v"),
        ({"v": "d"}, {"v": "d"}, "v"),
        ({"v": "?"}, {"v": "?"}, "v"),
        ({"v": "\x07"}, {"v": "\x07"}, "v"),
        ({"g q": "y", "nothing": "y"}, {}, ""),
    ],
)
def test_an_own_key_is_one_sign_that_nothing_else_uses(
    typed: dict[str, str], own: dict[str, str], wrong: str
) -> None:
    assert chosen(typed) == (own, wrong)
    assert set(own) <= set(CHANGEABLE)
