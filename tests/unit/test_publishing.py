"""publishing, store.templates, reply.workbench: versions, drafts, and two doors to one truth."""

import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot import publishing
from inboxbot.errors import Conflict, TemplateError
from inboxbot.reply import workbench
from inboxbot.reply.checks import Source
from inboxbot.reply.folder import shipped_templates
from inboxbot.reply.library import Library, version_of
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import VARIABLE_NAMES, TemplateProblem
from inboxbot.reply.workbench import Verdict
from inboxbot.store import alerts, audit, templates
from inboxbot.store.database import write

CELL = ("general_inquiry", "en")
ANA = SAMPLES[3].variables


def words(text: str) -> Source:
    return Source(
        f"Subject: We have received your message\n\nHello,\n\n{text}\n\n"
        "{{ organisation }} {{ phone }} {{ hours_to_answer }} {{ profile_form_url }}\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "templates"
    (copy / "en").mkdir(parents=True)
    shutil.copy(shipped_templates() / "languages.toml", copy)
    by_hand(copy, words("One."))
    return copy


def by_hand(folder: Path, source: Source | str) -> None:
    path = folder / "en" / "general_inquiry.txt.j2"
    path.write_text(source.text if isinstance(source, Source) else source)
    then = time.time() - 60
    os.utime(path, (then, then))


@pytest.fixture
def library(folder: Path) -> Library:
    return Library(folder)


def publish(db, library, source, now, *, based_on, who="jo"):
    return publishing.publish(
        db, library, *CELL, source, who=who, comment="Shorter", based_on=based_on, now=now
    )


def test_what_lies_in_the_folder_becomes_the_first_version(db, library, now):
    assert publishing.sync(db, library, now) == 1
    version = templates.live(db, *CELL)
    assert (version.number, version.who, version.comment) == (1, "file", "As found in the folder")
    assert version.fingerprint == library.render(*CELL, ANA).version
    assert publishing.sync(db, library, now) == 0


def test_an_edit_by_hand_becomes_a_version(db, library, folder, now):
    publishing.sync(db, library, now)
    by_hand(folder, words("Two."))
    assert publishing.sync(db, library, now) == 1
    assert [(v.number, v.state) for v in templates.history(db, *CELL)] == [(2, "live"), (1, "past")]
    assert "edited template" in [entry.what for entry in audit.entries(db)]


def test_a_published_edit_becomes_the_file(db, library, folder, now):
    publishing.sync(db, library, now)
    version = publish(db, library, words("Two."), now, based_on=1)
    assert (version.number, version.who, version.comment, version.state) == (
        2,
        "jo",
        "Shorter",
        "live",
    )
    assert (folder / "en" / "general_inquiry.txt.j2").read_text() == words("Two.").text
    assert "Two." in library.render(*CELL, ANA).text
    assert "Two." in Library(folder).render(*CELL, ANA).text
    assert publishing.sync(db, library, now) == 0


def test_a_built_in_template_is_no_version_until_someone_changes_it(db, library, folder, now):
    publishing.sync(db, library, now)
    assert templates.history(db, "urgent", "en") == []
    shipped, _ = Library().source("urgent", "en")
    mine = Source(shipped.text.replace("You are not alone with this.", "We are here."))
    publishing.publish(db, library, "urgent", "en", mine, who="jo", comment="", based_on=0, now=now)
    assert templates.live(db, "urgent", "en").number == 1
    assert (folder / "en" / "urgent.txt.j2").exists()


def test_a_broken_file_is_no_version_and_an_alert_until_it_is_mended(db, library, folder, now):
    publishing.sync(db, library, now)
    by_hand(folder, "broken {{")
    assert publishing.sync(db, library, now) == 0
    publishing.sync(db, library, now)
    (alert,) = alerts.unfinished(db)
    assert (alert.code, alert.detail) == (alerts.Code.TEMPLATE, "en/general_inquiry.txt.j2")
    by_hand(folder, words("Three."))
    assert publishing.sync(db, library, now) == 1
    assert alerts.unfinished(db) == []


def test_after_a_restart_a_broken_file_uses_the_last_good_version(db, library, folder, now):
    publishing.sync(db, library, now)
    by_hand(folder, "broken {{")

    @contextmanager
    def open_db():
        yield db

    fresh = Library(folder, recall=publishing.recall(open_db))
    assert "One." in fresh.render(*CELL, ANA).text
    assert fresh.alarms()


def test_the_second_of_two_administrators_is_asked(db, library, now):
    publishing.sync(db, library, now)
    publish(db, library, words("Mine."), now, based_on=1, who="jo")
    with pytest.raises(Conflict):
        publish(db, library, words("Yours."), now, based_on=1, who="kim")
    assert templates.live(db, *CELL).text == words("Mine.").text
    assert len(templates.history(db, *CELL)) == 2
    publish(db, library, words("Ours."), now, based_on=2, who="kim")


def test_an_edit_by_hand_meanwhile_is_recorded_and_asked_about(db, library, folder, now):
    publishing.sync(db, library, now)
    by_hand(folder, words("By hand."))
    with pytest.raises(Conflict):
        publish(db, library, words("In the browser."), now, based_on=1)
    publishing.sync(db, library, now)
    assert templates.live(db, *CELL).text == words("By hand.").text
    assert "By hand." in library.render(*CELL, ANA).text


def test_a_source_with_a_problem_is_never_published(db, library, folder, now):
    publishing.sync(db, library, now)
    for bad in ("{{ fone }}", "Take 50 mg twice a day."):
        with pytest.raises(TemplateError):
            publish(db, library, words(bad), now, based_on=1)
    assert len(templates.history(db, *CELL)) == 1
    assert (folder / "en" / "general_inquiry.txt.j2").read_text() == words("One.").text


def test_rolling_back_is_a_new_version_with_the_old_words(db, library, now):
    publishing.sync(db, library, now)
    publish(db, library, words("Two."), now, based_on=1)
    version = publishing.roll_back(db, library, *CELL, 1, who="kim", now=now)
    assert (version.number, version.who, version.comment) == (3, "kim", "Back to version 1")
    assert "One." in library.render(*CELL, ANA).text
    publishing.roll_back(db, library, *CELL, 2, who="kim", now=now)
    assert "Two." in library.render(*CELL, ANA).text
    with pytest.raises(TemplateError):
        publishing.roll_back(db, library, *CELL, 99, who="kim", now=now)


def test_the_first_version_can_be_taken_back_to_the_built_in_words(db, library, folder, now):
    publishing.sync(db, library, now)
    shipped, _ = Library().source("urgent", "en")
    mine = Source(shipped.text.replace("You are not alone with this.", "We are here."))
    publishing.publish(db, library, "urgent", "en", mine, who="jo", comment="", based_on=0, now=now)
    version = publishing.roll_back(db, library, "urgent", "en", 0, who="jo", now=now)
    assert (version.number, version.comment) == (2, "Back to the built-in reply")
    assert version.text == shipped.text
    publishing.roll_back(db, library, "urgent", "en", 1, who="jo", now=now)
    assert "We are here." in library.render("urgent", "en", ANA).text


def stopped_before_the_file(db, source, now):
    with write(db):
        return templates.add(
            db,
            *CELL,
            text=source.text,
            html=None,
            fingerprint=version_of(source),
            who="jo",
            comment="",
            state="pending",
            now=now,
        )


def test_a_publication_that_was_cut_short_is_finished(db, library, folder, now):
    publishing.sync(db, library, now)
    stopped_before_the_file(db, words("Two."), now)
    publishing.sync(db, Library(folder), now)
    assert (folder / "en" / "general_inquiry.txt.j2").read_text() == words("Two.").text
    assert templates.live(db, *CELL).number == 2
    assert templates.pending(db, *CELL) is None


def test_a_publication_cut_short_after_the_file_only_needs_its_mark(db, library, folder, now):
    publishing.sync(db, library, now)
    stopped_before_the_file(db, words("Two."), now)
    by_hand(folder, words("Two."))
    assert publishing.sync(db, Library(folder), now) == 0
    assert [v.state for v in templates.history(db, *CELL)] == ["live", "past"]


def test_an_edit_by_hand_wins_over_a_publication_cut_short(db, library, folder, now):
    publishing.sync(db, library, now)
    stopped_before_the_file(db, words("Two."), now)
    by_hand(folder, words("Three."))
    publishing.sync(db, Library(folder), now)
    assert [(v.number, v.state) for v in templates.history(db, *CELL)] == [
        (3, "live"),
        (2, "past"),
        (1, "past"),
    ]


def test_a_folder_that_cannot_be_written_changes_nothing(db, library, folder, now):
    publishing.sync(db, library, now)
    shutil.rmtree(folder / "en")
    (folder / "en").write_text("not a folder")
    with pytest.raises(TemplateError, match="cannot be written"):
        publish(db, library, words("Two."), now, based_on=1)
    (folder / "en").unlink()
    (folder / "en").mkdir()
    publishing.sync(db, Library(folder), now)
    assert templates.pending(db, *CELL) is None
    assert not (folder / "en" / "general_inquiry.txt.j2").exists()


def draft(db, now, text, revision, staff="jo"):
    with write(db):
        return templates.save_draft(
            db, *CELL, staff, text=text, html=None, based_on=1, revision=revision, now=now
        )


def test_a_draft_may_be_broken_and_is_kept(db, now):
    first = draft(db, now, "half {{", 0)
    second = draft(db, now + timedelta(minutes=1), "half {{ phone", first.revision)
    assert second.revision == 2
    assert templates.draft_of(db, *CELL, "jo") == second
    assert [d.staff for d in templates.drafts(db, *CELL)] == ["jo"]


def test_a_draft_is_never_overwritten_from_an_older_page(db, now):
    draft(db, now, "one", 0)
    draft(db, now, "two", 1)
    for stale in (0, 1):
        with pytest.raises(Conflict):
            draft(db, now, "older", stale)
    assert templates.draft_of(db, *CELL, "jo").text == "two"


def test_each_administrator_has_an_own_draft_and_publishing_ends_only_theirs(db, library, now):
    publishing.sync(db, library, now)
    draft(db, now, "one", 0, "jo")
    draft(db, now, "two", 0, "kim")
    publish(db, library, words("Two."), now, based_on=1, who="jo")
    assert [d.staff for d in templates.drafts(db, *CELL)] == ["kim"]
    with write(db):
        templates.discard_draft(db, *CELL, "kim")
    assert templates.drafts(db, *CELL) == []


def test_the_list_of_values_is_the_contract():
    values = workbench.values()
    assert tuple(value.name for value in values) == VARIABLE_NAMES
    assert {value.name for value in values if value.may_be_empty} == {
        "first_name",
        "is_first_contact",
        "article_title",
        "article_date",
        "article_url",
    }


def test_the_preview_is_a_whole_document_in_its_own_direction():
    filled = workbench.preview("ar", words("مرحبا"), ANA)
    assert '<html lang="ar" dir="rtl">' in filled.html


def test_the_checks_show_problems_else_advice_else_what_is_well(library):
    english = library.language("en")
    (error,) = workbench.look_over("general_inquiry", english, words("{{ fone }}"))
    assert error.verdict is Verdict.ERROR
    assert error.text.startswith("line 5, column 4: “fone” is not a known value.")
    loud = workbench.look_over("general_inquiry", english, words("Hurray!"))
    assert [check.verdict for check in loud][:1] == [Verdict.WARNING]
    well = workbench.look_over("general_inquiry", english, words("We are here."))
    assert {check.verdict for check in well} == {Verdict.OK}
    assert any("12 sample people" in check.text for check in well)


def test_a_suggestion_can_be_followed_with_one_click():
    source = "Dear {{ first_nmae }} of {{ phone | uper }}"
    problem = TemplateProblem(1, 9, "x", "Did you mean first_name?")
    better = workbench.fixed(source, problem)
    assert better == "Dear {{ first_name }} of {{ phone | uper }}"
    filter_problem = TemplateProblem(1, 35, "x", "Did you mean upper?")
    assert workbench.fixed(better, filter_problem).endswith("| upper }}")
    assert workbench.fixed(source, TemplateProblem(1, 9, "x", "Make it shorter.")) is None


def test_a_difference_shows_words_within_changed_lines():
    lines = workbench.difference("same\nI like tea\ngone", "same\nI like coffee\n")
    assert [[(piece.kind, piece.text) for piece in line] for line in lines[:1]] == [
        [("same", "same")]
    ]
    rest = [(piece.kind, piece.text.strip()) for line in lines[1:] for piece in line]
    assert ("removed", "I like tea") in rest or ("removed", "tea") in rest
    (changed,) = workbench.difference("I like tea", "I like coffee")
    assert [(piece.kind, piece.text) for piece in changed] == [
        ("same", "I like "),
        ("removed", "tea"),
        ("added", "coffee"),
    ]


def test_what_if_shows_what_each_writer_would_have_received():
    people = [(7, ANA), (8, replace(ANA, first_name=""))]
    live = words("{% if first_name %}Dear {{ first_name }}{% endif %}")
    same = workbench.what_if("en", live, live, people)
    assert [change.changed for change in same] == [False, False]
    changes = workbench.what_if("en", live, words("{% if first_name %}Hi{% endif %}"), people)
    assert [(change.letter, change.changed) for change in changes] == [(7, True), (8, False)]
    (broken, _) = workbench.what_if("en", None, words("{{ fone }}"), people)
    assert broken.error
    assert not broken.after
