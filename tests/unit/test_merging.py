"""reply.merging: two changes of one text, put together only where they do not meet."""

from hypothesis import given
from hypothesis import strategies as st

from inboxbot.reply.merging import merged

BASE = "one\ntwo\nthree\nfour\nfive\n"
LINES = st.lists(st.sampled_from("abc"), max_size=6).map(lambda lines: "\n".join(lines))


def test_changes_of_different_lines_are_put_together():
    theirs, mine = BASE.replace("one", "1"), BASE.replace("five", "5")
    assert merged(BASE, theirs, mine) == "1\ntwo\nthree\nfour\n5\n"


def test_lines_added_by_one_and_taken_out_by_the_other_are_put_together():
    assert merged(BASE, "zero\n" + BASE, BASE.replace("four\n", "")) == (
        "zero\none\ntwo\nthree\nfive\n"
    )


def test_the_same_change_by_both_is_made_once():
    change = BASE.replace("three", "3")
    assert merged(BASE, change, change) == change


def test_changes_of_the_same_or_of_neighbouring_lines_are_left_to_a_person():
    assert merged(BASE, BASE.replace("two", "2"), BASE.replace("two", "II")) is None
    assert merged(BASE, BASE.replace("two", "2"), BASE.replace("three", "3")) is None
    assert merged(BASE, BASE + "six\n", BASE + "VI\n") is None


@given(LINES, LINES)
def test_where_only_one_changed_something_their_text_comes_out(base, text):
    assert merged(base, text, base) == text
    assert merged(base, base, text) == text


@given(LINES, LINES, LINES)
def test_it_does_not_matter_who_was_first(base, one, other):
    assert merged(base, one, other) == merged(base, other, one)
