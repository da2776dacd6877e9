"""reply.ready: pieces for answers of staff, with the same language and a softer guard."""

from inboxbot.reply import ready
from inboxbot.reply.samples import SAMPLES

ANA, NOBODY = SAMPLES[3].variables, SAMPLES[0].variables


def test_a_ready_made_reply_is_filled_like_a_template():
    source = "Dear {{ first_name | default('friend') }},\r\nplease call {{ phone }}."
    assert ready.problems(source) == ()
    assert ready.fill(source, ANA) == "Dear Ana,\nplease call 1-608-663-0920.\n"


def test_a_broken_one_is_refused_with_its_place():
    (found,) = ready.problems("Hello\n{{ fone }}")
    assert (found.line, found.column, found.suggestion) == (2, 4, "Did you mean phone?")
    assert ready.problems(" \n")[0].message == "The reply is empty."


def test_values_that_a_letter_does_not_have_are_named_before_sending():
    source = "Dear {{ first_name }}, read {{ article_title }} or call {{ phone }}."
    assert ready.unfilled(source, NOBODY) == ("first_name", "article_title")
    assert ready.unfilled(source, ANA) == ()
    assert ready.unfilled("Dear {{ first_name | default('friend') }}", NOBODY) == ()


def test_the_guard_only_advises_because_a_person_reads_it_first():
    source = "Your doctor said: take 50 mg twice a day."
    assert ready.problems(source) == ()
    assert ready.advice(source, "en")
    assert ready.advice("We are glad to hear from you.", "en") == ()
