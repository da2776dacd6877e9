"""reply.library: whatever happens to the files, what is sent stays good."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from inboxbot.errors import TemplateError
from inboxbot.reply.checks import Source
from inboxbot.reply.folder import check_file, shipped_templates
from inboxbot.reply.library import SETTLE_S, Library, version_of
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import NAMES

ANA = SAMPLES[3].variables
MINE = (
    "Subject: We have received your message\n\nHello,\n\nMY OWN WORDS.\n\n"
    "{{ organisation }} {{ phone }} {{ hours_to_answer }} {{ profile_form_url }}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "templates"
    shutil.copytree(shipped_templates(), copy)
    for path in copy.rglob("*"):
        if path.is_file():
            age(path)
    return copy


def age(path: Path, seconds: float = 60.0) -> None:
    """Make a file look settled: written some time ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def write(folder: Path, text: str | bytes, name: str = "general_inquiry.txt.j2") -> Path:
    path = folder / "en" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    age(path)
    return path


def said(library: Library, name: str = "general_inquiry") -> str:
    return library.render(name, "en", ANA).text


def test_an_edited_file_is_used_at_once(folder):
    library = Library(folder)
    assert "MY OWN WORDS" not in said(library)
    write(folder, MINE)
    assert "MY OWN WORDS" in said(library)
    assert library.alarms() == ()


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(MINE.replace("{{ phone }}", "{{ phone"), id="syntax"),
        pytest.param(MINE.replace("WORDS", "WORDS. Take 50 mg twice a day"), id="guard"),
        pytest.param("", id="empty"),
        pytest.param("Subject: x\n\nRené".encode("latin-1"), id="encoding"),
        pytest.param(b"\x00" * 500, id="zeros"),
        pytest.param(MINE[:60], id="half"),
        pytest.param("x" * 300_000, id="huge"),
    ],
)
def test_a_broken_file_never_takes_effect_and_raises_an_alarm(folder, broken):
    write(folder, MINE)
    library = Library(folder)
    before = library.render("general_inquiry", "en", ANA)
    write(folder, broken)
    assert library.render("general_inquiry", "en", ANA) == before
    (alarm, *_) = library.alarms()
    assert alarm.place.startswith("en/general_inquiry.txt.j2:")
    assert library.matrix()["general_inquiry", "en"] == "broken"
    write(folder, MINE)
    assert library.alarms() == ()


def test_a_file_that_is_broken_at_the_start_uses_what_the_database_remembers(folder):
    write(folder, "broken {{")
    library = Library(folder, recall=lambda name, language: Source(MINE))
    assert "MY OWN WORDS" in said(library)
    assert library.alarms()


def test_a_file_that_is_broken_at_the_start_and_was_never_good_uses_the_built_in_one(folder):
    write(folder, "broken {{")
    library = Library(folder)
    assert said(library) == said(Library())
    assert library.alarms()


def test_a_missing_file_falls_back_to_the_built_in_one(folder):
    library = Library(folder)
    write(folder, MINE)
    assert "MY OWN WORDS" in said(library)
    (folder / "en" / "general_inquiry.txt.j2").unlink()
    assert said(library) == said(Library())
    assert library.source("general_inquiry", "en")[1] is True


def test_a_missing_folder_falls_back_to_the_built_in_ones(tmp_path):
    library = Library(tmp_path / "nowhere")
    assert [library.render(name, "en", ANA).text for name in NAMES]
    assert library.alarms() == ()


def test_a_folder_in_the_place_of_a_file_changes_nothing_that_is_sent(folder):
    library = Library(folder)
    before = said(library)
    path = folder / "en" / "general_inquiry.txt.j2"
    path.unlink()
    path.mkdir()
    age(path)
    assert said(library) == before
    assert "cannot be read" in library.alarms()[0].text


def test_a_link_to_nowhere_changes_nothing_that_is_sent(folder):
    library = Library(folder)
    before = said(library)
    path = folder / "en" / "general_inquiry.txt.j2"
    path.unlink()
    path.symlink_to("nowhere")
    assert said(library) == before
    assert library.alarms()


def test_a_file_that_is_still_being_written_waits_until_it_settles(folder):
    now = [time.time()]
    library = Library(folder, clock=lambda: now[0])
    before = said(library)
    path = folder / "en" / "general_inquiry.txt.j2"
    path.write_text(MINE)
    now[0] = path.stat().st_mtime + SETTLE_S / 2
    assert said(library) == before
    now[0] = path.stat().st_mtime + SETTLE_S + 0.1
    assert "MY OWN WORDS" in said(library)


def test_an_html_part_of_its_own_is_used_and_an_orphan_is_an_alarm(folder):
    write(folder, "<p>{{ organisation }} &amp; you, {{ phone }}</p>", "general_inquiry.html.j2")
    library = Library(folder)
    assert "ALS Worldwide &amp; you" in library.render("general_inquiry", "en", ANA).html
    write(folder, '<img src="https://x.example/a.png">', "general_inquiry.html.j2")
    assert "&amp; you" in library.render("general_inquiry", "en", ANA).html
    assert library.alarms()[0].place == "en/general_inquiry.html.j2:1:1"
    (folder / "en" / "general_inquiry.txt.j2").unlink()
    assert "no text part" in library.alarms()[0].text


def test_files_that_no_reply_has_the_name_of_are_shown_with_what_was_meant(folder):
    write(folder, MINE, "medication_qestion.txt.j2")
    (folder / "sv").mkdir()
    (folder / "sv" / "urgent.txt.j2").write_text(MINE)
    found = {problem.file: problem for problem in Library(folder).check()}
    assert "medication_question" in found["en/medication_qestion.txt.j2"].suggestion
    assert "languages.toml" in found["sv/urgent.txt.j2"].message


def test_a_broken_languages_file_keeps_the_languages_known_before(folder):
    library = Library(folder)
    before = library.languages()
    (folder / "languages.toml").write_text("[en\nreviewed = maybe")
    assert library.languages() == before
    assert library.alarms()[0].place.startswith("languages.toml:")
    (folder / "languages.toml").write_text('[en]\nreviewed = "yes"\n')
    assert library.languages() == before
    assert "true or false" in library.alarms()[0].text


def test_a_reviewed_language_is_sent_alone(folder):
    path = folder / "languages.toml"
    text = path.read_text("utf-8")
    start = text.index("[fr]")
    path.write_text(text[:start] + text[start:].replace("reviewed = false", "reviewed = true", 1))
    library = Library(folder)
    assert "fr" in library.enabled()
    assert "* * *" not in library.render("urgent", "fr", ANA).text
    assert library.written_in("fr") == "fr"
    assert library.written_in("de") == "en"


def test_a_language_nobody_has_gets_the_default(folder):
    library = Library(folder)
    assert "sv" not in library.available()
    assert library.render("urgent", "sv", ANA) == library.render("urgent", "en", ANA)


def test_a_reply_that_would_carry_advice_through_a_value_is_held(folder):
    library = Library(folder)
    with pytest.raises(TemplateError, match="guard"):
        library.render("urgent", "en", replace(ANA, organisation="Take 50 mg of riluzole. We"))


def test_an_unknown_template_is_an_error():
    with pytest.raises(TemplateError, match="no template"):
        Library().render("nothing", "en", ANA)
    with pytest.raises(TemplateError):
        Library().render("urgent", "../../etc", ANA)


def test_saving_writes_the_whole_file_or_nothing(folder):
    library = Library(folder)
    library.save("general_inquiry", "en", Source(MINE))
    path = folder / "en" / "general_inquiry.txt.j2"
    assert path.read_text() == MINE
    assert "MY OWN WORDS" in said(library)
    assert "MY OWN WORDS" in said(Library(folder))
    with pytest.raises(TemplateError, match="problems"):
        library.save("general_inquiry", "en", Source("Subject: x\n\n{{ fone }}"))
    assert path.read_text() == MINE
    assert sorted(p.name for p in path.parent.iterdir() if p.name.startswith(".")) == []


def test_saving_without_html_takes_an_old_html_away(folder):
    library = Library(folder)
    library.save("general_inquiry", "en", Source(MINE, "<p>{{ phone }} {{ organisation }}</p>"))
    html = folder / "en" / "general_inquiry.html.j2"
    assert html.exists()
    library.save("general_inquiry", "en", Source(MINE))
    assert not html.exists()


def test_a_version_is_named_after_its_sources():
    assert version_of(Source("a")) == version_of(Source("a"))
    assert len({version_of(Source("a")), version_of(Source("b")), version_of(Source("a", ""))}) == 3
    assert len(Library().render("urgent", "en", ANA).version) == 12


def test_a_single_file_can_be_checked_anywhere(tmp_path):
    path = tmp_path / "general_inquiry.txt.j2"
    path.write_text(MINE)
    assert check_file(path) == ()
    path.write_text(MINE.replace("WORDS", "WORDS {{ fone }}"))
    (found,) = check_file(path)
    assert (found.file, found.line, found.column) == (str(path), 5, 17)
    (found,) = check_file(tmp_path / "missing.txt.j2")
    assert "cannot be read" in found.message


def test_rendering_is_fast(folder):
    library = Library(folder, enabled=frozenset({"en", "de"}))
    for language in ("en", "de", "fr"):
        for name in NAMES:
            library.render(name, language, ANA)
    times = []
    for number in range(300):
        values = replace(ANA, first_name="Ana" + "abcdefghij"[number % 10] * (number // 10))
        for language in ("en", "de", "fr"):
            start = time.process_time()
            library.render(NAMES[number % 5], language, values)
            times.append(time.process_time() - start)
    assert sorted(times)[int(len(times) * 0.99)] < 0.005
