"""reply.guard: the bank of forbidden sentences is refused, the bank of allowed ones is not."""

import itertools
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.reply import guard
from inboxbot.reply.folder import shipped_templates
from inboxbot.reply.guard import Forbidden, violations
from inboxbot.reply.language import read_languages

DATA = Path(__file__).parents[1] / "data"


def bank(name: str) -> list[list[str]]:
    lines = (DATA / name).read_text("utf-8").splitlines()
    return [line.split("|") for line in lines if not line.startswith("#")]


FORBIDDEN = bank("guard_forbidden.txt")
ALLOWED = bank("guard_allowed.txt")
LANGUAGES = read_languages((shipped_templates() / "languages.toml").read_text("utf-8"))


def test_both_banks_hold_at_least_a_hundred_sentences_and_every_language():
    assert len(FORBIDDEN) >= 100
    assert len(ALLOWED) >= 100
    codes = {language.code for language in LANGUAGES}
    assert {line[0] for line in FORBIDDEN} == {line[0] for line in ALLOWED} == codes
    assert guard.languages() == codes


def test_a_forbidden_sentence_is_refused():
    # Names of medicines have a test of their own.
    kinds = {Forbidden(kind) for _, kind, _ in FORBIDDEN} | {Forbidden.MEDICINE}
    assert kinds == set(Forbidden)
    assert [line for line in FORBIDDEN if not violations(line[2], line[0])] == []


def test_an_allowed_sentence_passes():
    assert [line for line in ALLOWED if violations(line[1], line[0])] == []


def test_most_forbidden_sentences_are_refused_for_the_reason_they_stand_for():
    right = [
        kind in {violation.kind for violation in violations(sentence, language)}
        for language, kind, sentence in FORBIDDEN
    ]
    assert sum(right) / len(right) > 0.9


@pytest.mark.parametrize(
    "sentence",
    [
        "TAKE 50 MG TWICE A DAY.",
        "Take ５０ mg twice a day.",
        "St\u00adop tak\u200bing riluzole today.",
        "You should\nstop\nthe tablets at once.",
        "Don’t worry, this medicine will help you.",
        "Stop taking riluzole",
        "First sentence. Stop taking riluzole today. Last sentence.",
    ],
)
def test_writing_it_another_way_does_not_get_it_through(sentence):
    assert violations(sentence, "en")


def test_english_is_looked_for_in_every_language():
    assert violations("Bonjour. Stop taking riluzole today.", "fr")


@pytest.mark.parametrize(
    "sentence",
    [
        "We have received your question about riluzole.",
        "Wir haben Ihre Frage zu Mexiletin erhalten.",
        "リルゾールについてのご質問を受け取りました。",
        "Ryluzolem zajmiemy się wkrótce.",
    ],
)
def test_no_reply_names_a_medicine(sentence):
    assert Forbidden.MEDICINE in {
        v.kind for code in ("de", "ja", "pl") for v in violations(sentence, code)
    }


def test_a_safe_phrase_does_not_cover_for_what_stands_beside_it():
    safe = "Do not stop any medicine without asking your doctor"
    assert violations(f"{safe}.", "en") == ()
    for bad in ("take 50 mg tonight", "you should stop riluzole", "the drug is safe"):
        assert violations(f"{safe}, but {bad}.", "en"), bad
        assert violations(f"{safe}; {bad}.", "en"), bad
        assert violations(f"{bad.capitalize()}, and do not stop without your doctor.", "en"), bad


def test_a_violation_names_its_sentence_and_says_why():
    (found, *_) = violations("Hello.\n\nTake two tablets. Goodbye.", "en")
    assert found.sentence == "Take two tablets."
    assert found.kind.sentence.endswith(".")


@given(st.text(max_size=300), st.sampled_from([language.code for language in LANGUAGES]))
def test_any_text_is_read_without_an_error(text, language):
    assert isinstance(violations(text, language), tuple)


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
@pytest.mark.parametrize(
    "piece",
    [
        "take the medicine and ",
        "do not stop, ",
        "a",
        "薬を",
        "दवा ",
        "doctor ",
        "ask your doctor ",
        "1",
    ],
)
def test_time_grows_no_faster_than_the_text(language, piece):
    numbers = itertools.count()

    def seconds(pieces: int) -> float:
        # Numbered, so that no sentence repeats and none comes from the cache.
        text = "".join(f"{piece}{next(numbers)} " for _ in range(pieces))
        start = time.process_time()
        violations(text, language)
        return time.process_time() - start

    seconds(10)
    many = seconds(480)
    if many < 0.1:
        return
    # The lesser of two: whatever else the machine does can only add.
    many = min(many, seconds(480))
    few = min(seconds(120) for _ in range(2))
    assert many < 10 * max(few, 0.01)  # Four times the text: squared, it would be 16.
    assert many < 2.0
