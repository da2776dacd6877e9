"""How a letter is read for classification."""

from hypothesis import given
from hypothesis import strategies as st

from inboxbot.classify import text
from inboxbot.classify.text import norm, read_fields, same_length


def test_sentences_are_segments_with_their_place() -> None:
    letter = read_fields("Two questions", "May she take it?  And when? Thank you.")
    assert [segment.text for segment in letter.segments] == [
        "Two questions",
        "May she take it?",
        "And when?",
        "Thank you.",
    ]
    third = letter.segments[2]
    assert letter.text[third.start : third.end] == "And when?"


def test_tags_are_no_words_and_move_nothing() -> None:
    body = "<p>Hello,</p><p>is <i>riluzole</i> safe?</p>"
    letter = read_fields("", body)
    assert [segment.text.split() for segment in letter.segments] == [
        ["Hello,"],
        ["is", "riluzole", "safe?"],
    ]
    assert len(letter.text) == len(body)


def test_a_smaller_sign_is_no_tag() -> None:
    letter = read_fields("", "FVC < 50 and > 30, is that bad?")
    assert "50" in letter.whole
    assert "30" in letter.whole


def test_the_end_of_a_long_letter_is_read_too() -> None:
    story = "We went to the lake that summer and the boat was old. " * 400
    letter = read_fields("Hello", story + "May he take baclofen with milk?")
    assert letter.segments[-1].text == "May he take baclofen with milk?"
    assert len(letter.segments) <= text.MAX_SEGMENTS
    assert sum(len(segment.text) for segment in letter.segments) <= text.MAX_READ


def test_accents_points_and_case_do_not_matter() -> None:
    assert norm("Médicament") == "medicament"
    assert norm("ريلُوزُول") == norm("ريلوزول")
    assert norm("أدوية") == norm("ادويه")
    assert norm("दवाई").startswith("दवा")


@given(st.text(max_size=300), st.text(max_size=2000))
def test_any_text_is_read_and_every_segment_stands_where_it_says(subject: str, body: str) -> None:
    letter = read_fields(subject, body)
    for segment in letter.segments:
        field = letter.subject if segment.field == "subject" else letter.text
        assert field[segment.start : segment.end] == segment.text
        for word in text.words(segment.text):
            assert 0 <= word.start < word.end <= len(segment.text)


@given(st.text(max_size=500))
def test_folding_for_scripts_without_spaces_keeps_every_place(body: str) -> None:
    assert len(same_length(body)) == len(body)
