"""web.languages: which language the pages speak, and how the core's sentences are found in it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from inboxbot.counted import counted
from inboxbot.web import languages, words
from tests import pseudo
from tests.pseudo import pseudo as marked
from tests.stand import make_app, new_store
from tools import words as gathering


@pytest.fixture
def made() -> Mapping[str, languages.Speaks]:
    return pseudo.spoken()


def test_the_texts_for_translators_are_those_of_the_sources() -> None:
    stands = (gathering.LOCALE / "inboxbot.pot").read_bytes()
    assert stands == gathering.written(gathering.template()), "run: make words"


def test_every_language_beside_them_is_compiled() -> None:
    folder = gathering.LOCALE
    assert {file.name: file.with_suffix(".mo").read_bytes() for file in folder.glob("*.po")} == {
        file.name: gathering.compiled(file) for file in folder.glob("*.po")
    }


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en-XA,en;q=0.5", "en-XA"),
        ("en-GB,en;q=0.9", "en"),
        ("fr,en-XA;q=0.4", "en-XA"),
        ("fr", "en"),
        ("", "en"),
        ("\u00fc;;q=x", "en"),
    ],
)
def test_the_browser_chooses_the_language(
    made: Mapping[str, languages.Speaks], tmp_path: Path, wanted: str, language: str
) -> None:
    path = tmp_path / "inboxbot.sqlite3"
    new_store(path).close()
    app = make_app(path)
    app.extensions["inboxbot"] = replace(app.extensions["inboxbot"], languages=made)
    page = app.test_client().get("/login", headers={"Accept-Language": wanted})
    assert f'<html lang="{language}" dir="ltr"' in page.text
    assert (marked("Sign in") in page.text) is (language == "en-XA")


@pytest.mark.parametrize(
    ("sentence", "translated"),
    [
        ("The letter is unknown to every catalogue.", "The letter is unknown to every catalogue."),
        ("", ""),
        ("it is a read receipt", marked("it is a read receipt")),
        ("There is no user jo.", marked("There is no user {}.").format("jo")),
        (
            "Held: it is a read receipt (Content-Type).",
            marked("Held: {}.").format(
                marked("{} ({})").format(marked("it is a read receipt"), "Content-Type")
            ),
        ),
        (
            "received 4 days ago, limit 3 days",
            marked("received {} ago, limit {}").format(
                *(marked("{} days").format(days) for days in (4, 3))
            ),
        ),
        ("Only {{ organisation }} may stand in the subject.",) * 1
        + (marked("Only {{ organisation }} may stand in the subject."),),
        ("Write {{ phone }}.", marked("Write {{{{ {} }}}}.").format("phone")),
        ("a dot.com and two \x00 words", "a dot.com and two \x00 words"),
    ],
)
def test_a_sentence_of_the_core_is_found_by_its_words(
    made: Mapping[str, languages.Speaks], sentence: str, translated: str
) -> None:
    assert made["en-XA"].said(sentence) == translated
    assert made["en"].said(sentence) == sentence


def test_a_count_takes_the_form_of_the_language(made: Mapping[str, languages.Speaks]) -> None:
    try:
        languages.speak(made["en-XA"])
        assert words.n_("{} letter", "{} letters", 1) == marked("{} letter").format(1)
        assert words.n_("{} letter", "{} letters", 3) == marked("{} letters").format(3)
    finally:
        languages.speak(made["en"])
    assert words.n_("{} letter", "{} letters", 3) == "3 letters"


# As in Polish: one, a few, many; by the last two figures.
POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);"


def test_a_count_in_a_sentence_of_the_core_takes_one_of_the_forms_of_the_language(
    tmp_path: Path,
) -> None:
    (tmp_path / "pl.po").write_text(
        f"""msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: {POLISH}\\n"

msgid "{{}} reply could not be sent: `inboxbot outbox list`"
msgid_plural "{{}} replies could not be sent: `inboxbot outbox list`"
msgstr[0] "nie wysłano {{}} odpowiedzi (one)"
msgstr[1] "nie wysłano {{}} odpowiedzi (few)"
msgstr[2] "nie wysłano {{}} odpowiedzi (many)"

msgid "Mailbox {{}}: {{}}"
msgstr "Skrzynka {{}}: {{}}"
"""
    )
    (tmp_path / "pl.mo").write_bytes(gathering.compiled(tmp_path / "pl.po"))
    polish = languages.load(tmp_path)["pl"]
    for count, form in ((1, "one"), (2, "few"), (5, "many"), (12, "many"), (22, "few")):
        sentence = counted(
            "{} reply could not be sent: `inboxbot outbox list`",
            "{} replies could not be sent: `inboxbot outbox list`",
            count,
        )
        there = f"nie wysłano {count} odpowiedzi ({form})"
        assert polish.said(sentence) == there
        assert polish.said(f"Mailbox a: {sentence}") == f"Skrzynka a: {there}"


def test_what_an_action_came_to_is_said_in_the_language(
    made: Mapping[str, languages.Speaks],
) -> None:
    try:
        languages.speak(made["en-XA"])
        assert words.done("Close", 1) == marked("Done.")
        assert words.done("Close", 3) == marked("{} letters done.").format(3)
    finally:
        languages.speak(made["en"])


def test_a_language_from_right_to_left_is_laid_out_so() -> None:
    class Arabic(languages.English):
        code = "ar"

    try:
        languages.speak(Arabic())
        assert languages.direction() == "rtl"
    finally:
        languages.speak(languages.English())
    assert languages.direction() == "ltr"


def test_a_time_is_written_as_always_in_english() -> None:
    moment = datetime(2026, 3, 2, 15, 4, tzinfo=UTC)
    assert words.clock(ZoneInfo("America/Chicago"))(moment) == "Mon 2 Mar 2026, 09:04"
