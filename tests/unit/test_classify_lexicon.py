"""Listed words and phrases, found with their places."""

import pytest

from inboxbot.classify import lexicon

LISTED = lexicon.build(
    {
        "one": "dose, side effect, pill., lips ... blue, 药, جرعة",
        "two": "dose of kindness, can't breathe",
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Doses?", ["one"]),
        ("side effects of it", ["one"]),
        ("aside effect", []),
        ("a pill", ["one"]),
        ("a pillow", []),
        ("her lips are turning blue", ["one"]),
        ("lips that are very cold and only now blue", []),
        ("a dose of kindness", ["one", "two"]),
        ("He can’t breathe!", ["two"]),
        ("这个药怎么吃", ["one"]),
        ("ما هي الجرعة", ["one"]),
    ],
)
def test_an_entry_is_found_where_it_stands(text: str, expected: list[str]) -> None:
    assert [hit.topic for hit in LISTED.find(text)] == expected


def test_a_hit_covers_the_whole_phrase() -> None:
    text = "Now her lips are turning blue."
    (hit,) = LISTED.find(text)
    assert text[hit.start : hit.end] == "lips are turning blue"


@pytest.mark.parametrize("name", ["cues", "urgent", "sensitive", "writer"])
def test_the_shipped_lists_can_be_read(name: str) -> None:
    assert lexicon.load(name).topics
