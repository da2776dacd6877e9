"""`inboxbot template publish | history | rollback`: versions from a terminal."""

import io
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from inboxbot.cli import main
from inboxbot.reply.folder import shipped_templates
from tests.installation import CONFIGURATION
from tests.workshop import TEXT


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of templates with one file that was there before the program."""
    folder = tmp_path / "templates"
    (folder / "en").mkdir(parents=True)
    shutil.copy(shipped_templates() / "languages.toml", folder)
    by_hand(folder, TEXT)
    return folder


def by_hand(folder: Path, text: str) -> None:
    path = folder / "en" / "general_inquiry.txt.j2"
    path.write_text(text, "utf-8")
    os.utime(path, (time.time() - 60,) * 2)


@pytest.fixture
def run(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `inboxbot template …` over the folder."""
    file = tmp_path / "inboxbot.toml"
    settings = {
        "imap_host": "127.0.0.1",
        "imap_port": 1,
        "imap_security": "none",
        "imap_user": "support",
        "imap": "",
        "mailbox": "",
        "smtp_port": 1,
        "smtp_user": "",
        "more": f'[replies]\ntemplates = "{folder}"\n',
    }
    file.write_text(CONFIGURATION.format(**settings), "utf-8")

    def command(*words: str, json: bool = False) -> Ran:
        options = ["--config", str(file), *(["--json"] if json else [])]
        with pytest.raises(SystemExit) as ended:
            main(["template", *words, *options])
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return command


@pytest.fixture
def draft(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "new.txt"
        path.write_text(text, "utf-8")
        return str(path)

    return write


NEW = TEXT.replace("Hello,", "Good day,")


def publish(run: Run, file: str, *more: str, json: bool = False) -> Ran:
    return run("publish", "general_inquiry", "--text", file, "--why", "Warmer", *more, json=json)


def test_a_published_text_becomes_the_file_and_a_version_with_its_reason(run, folder, draft):
    ran = publish(run, draft(NEW))
    assert ran.code == 0, ran.err
    assert "Version 2 of en/general_inquiry is sent from now on." in ran.out
    assert (folder / "en" / "general_inquiry.txt.j2").read_text("utf-8") == NEW
    newest, oldest = run("history", "general_inquiry", json=True).rows
    assert (newest["version"], newest["state"], newest["why"]) == (2, "live", "Warmer")
    assert newest["text"] == NEW
    assert str(newest["who"]).endswith("terminal")
    assert (oldest["version"], oldest["who"], oldest["sent"]) == (1, "file", 0)


def test_a_slip_of_just_now_is_found_though_the_last_good_version_is_sent(run, folder, draft):
    publish(run, draft(NEW))
    assert run("check").code == 0
    path = folder / "en" / "general_inquiry.txt.j2"
    path.write_text(NEW + "{{ organisatoin }}\n", "utf-8")  # not made to look settled
    checked = run("check")
    assert checked.code == 1
    assert "organisation" in checked.out


def test_a_text_with_problems_is_refused_with_each_place_and_changes_nothing(run, folder, draft):
    file = draft(NEW.replace("{{ phone }}", "{{ fone }}") + "\nTake 50 mg twice a day.\n")
    ran = publish(run, file)
    assert ran.code == 1
    assert f"{file}:7:23: “fone” is not a known value. Did you mean phone?" in ran.out
    ran = publish(run, file, json=True)
    assert ran.code == 1
    assert {"file": file, "line": 7, "column": 23} == {
        name: ran.rows[0][name] for name in ("file", "line", "column")
    }
    assert (folder / "en" / "general_inquiry.txt.j2").read_text("utf-8") == TEXT
    assert len(run("history", "general_inquiry", json=True).rows) == 1


def test_a_file_in_another_encoding_is_refused_at_its_place(run, tmp_path):
    file = tmp_path / "latin.txt"
    file.write_bytes(NEW.replace("Good day", "Grüße").encode("latin-1"))
    ran = publish(run, str(file))
    assert ran.code == 1
    assert "The file is not in UTF-8." in ran.out


def test_the_html_is_published_alone_and_the_text_stays(run, folder, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>{{ organisation }} {{ phone }}</p>\n", "utf-8")
    ran = run("publish", "general_inquiry", "--html", str(page), "--why", "Own HTML", json=True)
    assert ran.code == 0, ran.err
    assert ran.rows[0]["version"] == 2
    assert (folder / "en" / "general_inquiry.html.j2").read_text("utf-8") == page.read_text("utf-8")
    assert (folder / "en" / "general_inquiry.txt.j2").read_text("utf-8") == TEXT
    page.write_text("<p><script>x</script></p>", "utf-8")
    ran = run("publish", "general_inquiry", "--html", str(page), "--why", "x")
    assert ran.code == 1
    assert f"{page}:1:4:" in ran.out


def test_a_text_may_come_from_standard_input(run, folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NEW.encode())))
    assert publish(run, "-").code == 0
    assert (folder / "en" / "general_inquiry.txt.j2").read_text("utf-8") == NEW


def test_an_earlier_version_is_sent_again_as_a_new_one(run, folder, draft):
    publish(run, draft(NEW))
    ran = run("rollback", "general_inquiry", "--to", "1", json=True)
    assert ran.code == 0, ran.err
    assert (ran.rows[0]["version"], ran.rows[0]["why"]) == (3, "Back to version 1")
    assert (folder / "en" / "general_inquiry.txt.j2").read_text("utf-8") == TEXT
    table = run("history", "general_inquiry").out
    assert [line.split()[0] for line in table.splitlines()] == ["VERSION", "3", "2", "1"]


def test_an_edit_by_hand_is_recorded_before_anything_is_published_over_it(run, folder, draft):
    run("history", "general_inquiry")
    by_hand(folder, TEXT.replace("Hello,", "Dear friend,"))
    publish(run, draft(NEW))
    rows = run("history", "general_inquiry", json=True).rows
    assert [row["version"] for row in rows] == [3, 2, 1]
    assert "Dear friend," in str(rows[1]["text"])


def test_what_does_not_exist_is_said_with_what_does(run, draft):
    file = draft(NEW)
    ran = run("publish", "general_enquiry", "--text", file, "--why", "x")
    assert ran.code == 64
    assert "Did you mean general_inquiry?" in ran.err
    ran = publish(run, file, "--language", "xx")
    assert ran.code == 64
    assert "There is no language xx." in ran.err
    assert run("rollback", "general_inquiry", "--to", "9").code == 65
    assert run("publish", "general_inquiry", "--why", "x").code == 64
    assert run("publish", "general_inquiry", "--text", file).code == 64


def test_the_built_in_folder_is_never_written(run, folder, draft):
    file = draft(NEW)
    shutil.rmtree(folder)
    ran = publish(run, file)
    assert ran.code == 1
    assert "inboxbot init" in ran.err


def test_a_preview_shows_what_was_saved_a_moment_ago_and_names_its_mistakes(
    run: Run, folder: Path
) -> None:
    assert "Thank you" in run("preview", "general_inquiry").out
    path = folder / "en" / "general_inquiry.txt.j2"
    path.write_text(TEXT.replace("Thank you", "It is good"), "utf-8")
    assert "It is good" in run("preview", "general_inquiry").out
    path.write_text(TEXT.replace("{{ phone }}", "{{ fone }}"), "utf-8")
    ran = run("preview", "general_inquiry")
    assert "en/general_inquiry.txt.j2:" in ran.err
    assert "fone" in ran.err
    assert "fone" not in ran.out
