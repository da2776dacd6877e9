"""What a person leaves in the letters of others, and what is left when it is taken out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.mail.traces import GAP, bare, traces

WORDS = "My father has difficulty swallowing and we do not know whom else to ask about it"
TRACES = traces(
    names=["ana@home.test", "<one@home.test>"],
    subjects=["How is the breathing machine set"],
    texts=[WORDS],
    ours=["Thank you for writing to us about your father"],
)


@pytest.mark.parametrize(
    "text",
    [
        f"> {WORDS}",
        "> My father has difficulty swallowing\n> and we do not know\n> whom else to ask about it",
        WORDS.upper(),
        "she wrote: difficulty swallowing and we do not know whom else to ask about it!",
        "write to Ana@Home.test please",
        "see <one@home.test>",
    ],
)
def test_a_quote_or_an_address_is_found_however_it_is_written(text):
    assert TRACES.in_text(text)


@pytest.mark.parametrize(
    "text", ["My mother has difficulty walking.", "to ask about it", "joana@home.testing", ""]
)
def test_other_words_are_nobodys_trace(text):
    found = TRACES.in_text(text)
    assert found == ("ana@home.test" in text)  # An address inside another one counts: better so.


def test_our_own_words_are_not_theirs():
    text = "Thank you for writing to us about your father and his machine for breathing"
    quoting = traces(names=[], subjects=[], texts=[f"{text}\n{WORDS}"], ours=[text])
    assert not quoting.in_text(text)
    assert quoting.in_text(WORDS)


def test_their_lines_go_and_others_stay():
    left = TRACES.taken_out(f"I ask for a ramp.\n> {WORDS}\nCall ana@home.test or me.")
    assert left == f"I ask for a ramp.\n{GAP}\nCall {GAP} or me."


def test_a_subject_that_was_passed_on_goes():
    assert TRACES.taken_out_of_subject("Fwd: How is the breathing machine set?") == GAP
    assert TRACES.taken_out_of_subject("A ramp") == "A ramp"


@pytest.mark.parametrize(
    "fields",
    [
        b"References: <one@home.test>\r\n <two@home.test>\r\n",
        b"References: <two@home.test> <One@home.test>\r\n",
        b"References: <two@home.test>\r\n\t<one@home.test>\r\n",
    ],
)
def test_a_reply_refers_to_them_no_more(fields):
    left = TRACES.taken_out_of_header(fields + b"\r\nHello\r\n")
    assert b"one@home.test" not in left.lower()
    assert b"<two@home.test>" in left
    assert left.endswith(b"\r\n\r\nHello\r\n")


@given(st.text(min_size=80, max_size=300), st.integers(20, 90))
def test_wrapping_and_quoting_hide_nothing(text, width):
    compact = bare(text)
    mine = traces(names=[], subjects=[], texts=[text], ours=[])
    quoted = "\n".join(f"> {text[i : i + width]}" for i in range(0, len(text), width))
    if len(compact.encode()) >= 40 and bare(quoted) == compact:
        assert mine.in_text(quoted)
