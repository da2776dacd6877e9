"""The settings in force, what retention erases next, the reports, and the record."""

import csv
import io
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from inboxbot.store import audit, holds, retention
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from inboxbot.web import words
from tests import letters
from tests.letters import Letter
from tests.somebody import Somebody, recorded


def test_the_settings_in_force_name_file_key_value_and_meaning(
    ada: Somebody, tmp_path: Path
) -> None:
    page = ada.get("/settings").text
    assert str(tmp_path / "inboxbot.toml") in page
    assert re.search(r"<strong><bdi>120</bdi></strong> <code[^>]*>\[replies\] per_day</code>", page)
    assert "no second acknowledgement of the same kind" in page
    assert "The file has changed since." not in page


def test_a_file_that_was_written_since_is_said(ada: Somebody, tmp_path: Path) -> None:
    file = tmp_path / "inboxbot.toml"
    later = datetime.now(UTC).timestamp() + 60
    os.utime(file, (later, later))
    assert "The file has changed since." in ada.get("/settings").text
    file.unlink()
    assert "The file has changed since." in ada.get("/settings").text


def test_what_retention_would_erase_is_shown_and_nothing_is_erased(
    ada: Somebody, db: Database, app: Flask
) -> None:
    now = datetime.now(UTC)
    row = letters.add(db, Letter(minutes_ago=60 * 24 * 360), now)
    with write(db):
        db.execute("UPDATE review SET state = 'closed'")
        holds.put(db, "held@example.net", who="ada", why="case 7", now=now)
    page = ada.get("/settings/retention").text
    cells = re.search(
        r"Text, subject, notes, our replies</th>((?:<td class=\"number\">\d+</td>)+)", page
    )
    assert cells is not None
    assert re.findall(r"\d+", cells[1]) == ["0", "1"]  # medication: 12 months
    assert "12 months" in page
    assert "held@example.net" in page
    assert db.execute("SELECT count(*) FROM raw WHERE message_id = ?", [row]).fetchone() == (1,)
    rules = app.extensions["inboxbot"].in_force.retention
    assert retention.due(db, rules, now).letters == frozenset()


@pytest.fixture
def busy(db: Database) -> Database:
    letters.a_few_hundred(db, datetime.now(UTC), 60)
    return db


def table(answer: TestResponse) -> list[list[str]]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_the_reports_count_and_draw_without_a_script(kim: Somebody, busy: Database) -> None:
    page = kim.get("/reports").text
    assert re.search(r"Letters received</dt><dd><strong>60</strong>", page)
    assert len(re.findall(r"<svg [^>]*role=\"img\"", page)) == 4
    assert page.count("<title id=") == page.count("<desc id=") == 4
    assert "<script" not in page.partition("</head>")[2]
    assert " style=" not in page
    assert "example.net" not in page
    assert "CSV file" not in page  # Staff look; auditors and administrators take along.


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-13-01&to=2026-01-01", "Write both days"),
        ("from=yesterday", "Write both days"),
        ("from=2026-02-01&to=2026-01-01", "lies after"),
        ("from=1900-01-01&to=2026-01-01", "between the year 2000"),
        ("from=2010-01-01&to=2026-01-01", "at most three years"),
    ],
)
def test_days_that_make_no_sense_are_said(kim: Somebody, query: str, said: str) -> None:
    answer = kim.get(f"/reports?{query}")
    assert answer.status_code == 422
    assert said in answer.text


def test_a_file_holds_the_table_and_tells_small_counts_not_apart(
    ada: Somebody, busy: Database
) -> None:
    rows = table(ada.get("/reports/languages.csv?days=30"))
    assert rows[0] == ["language", "name", "letters"]
    assert rows[1] == ["en", "English", "30"]
    letters.add(busy, Letter(language="pl"), datetime.now(UTC))
    rows = table(ada.get("/reports/languages.csv?days=30"))
    assert rows[-1] == ["pl", "Polish", "under 5"]


def test_every_table_can_be_taken_along(ada: Somebody, busy: Database) -> None:
    for name in ("volumes", "waiting", "corrections", "confidence", "languages", "hours"):
        answer = ada.get(f"/reports/{name}.csv?days=84")
        assert len(table(answer)) > 1
        assert "attachment; filename=" in answer.headers["Content-Disposition"]
    assert ada.get("/reports/nothing.csv").status_code == 404
    assert ada.get("/reports/hours.csv?from=x").status_code == 400


def test_the_record_is_narrowed_down(ada: Somebody, db: Database) -> None:
    now = datetime.now(UTC)
    with write(db):
        audit.add(db, "kim", "viewed", now - timedelta(days=3), message=7)
        audit.add(db, "kim", "closed", now, message=8)
        audit.add(db, "jo", "viewed", now, message=8)

    def shown(query: str) -> list[str]:
        page = ada.get(f"/audit?{query}").text
        return re.findall(r"<td><bdi>(\w+)</bdi></td><td>([^<]+)</td>", page)

    day = (now - timedelta(days=2)).date()
    assert shown("who=kim") == [("kim", "closed the letter"), ("kim", "opened the letter")]
    assert shown("what=viewed&letter=8") == [("jo", "opened the letter")]
    assert shown(f"who=kim&from={day}") == [("kim", "closed the letter")]
    assert shown(f"who=kim&to={day}") == [("kim", "opened the letter")]
    assert shown("who=nobody") == []
    assert "Nothing in the record fits" in ada.get("/audit?who=nobody").text
    # What makes no sense narrows nothing down.
    assert len(shown("from=x&to=9999-99-99&letter=-1&what='")) == len(shown("")) > 3


def test_pages_of_the_record_follow_one_another_and_keep_the_filters(
    ada: Somebody, db: Database
) -> None:
    with write(db):
        for number in range(120):
            audit.add(db, "kim", "viewed", datetime.now(UTC), message=number + 1)
    seen: list[str] = []
    path = "/audit?who=kim"
    for _ in range(3):
        page = ada.get(path).text
        seen += re.findall(r'href="/m/(\d+)"', page)
        following = re.search(r'href="(/audit\?before=[^"]+)">Earlier', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert seen == [str(number) for number in range(120, 0, -1)]


def test_an_auditor_takes_the_record_along_and_that_is_recorded(
    app: Flask, db: Database, ada: Somebody
) -> None:
    with write(db):
        audit.add(db, "kim", "snippet saved", datetime.now(UTC), detail="=1+1")
    auditor = Somebody(app, db, "eve", Role.AUDITOR)
    rows = table(auditor.post("/audit/file", who="kim"))
    assert rows[0][:4] == ["number", "at (UTC)", "who", "what"]
    assert [(row[2], row[3], row[5]) for row in rows[1:]] == [("kim", "snippet saved", "'=1+1")]
    everything = table(auditor.post("/audit/file"))[1:]
    assert [int(row[0]) for row in everything] == list(range(len(everything), 0, -1))
    assert everything[0][7] == next(audit.entries(db, limit=1)).hash
    assert recorded(db, "audit exported")[1][0] == "eve"


def test_every_word_of_the_record_that_the_program_writes_is_said_in_words() -> None:
    root = Path(words.__file__).parents[1]
    written = {
        word
        for file in root.rglob("*.py")
        for word in re.findall(
            r"audit\.add\(\s*db(?:\(\))?,\s*[^,]+(?:\(\)\.name)?,\s*\"([a-z -]+)\"",
            file.read_text(),
        )
    }
    assert len(written) > 25
    assert written <= set(words.AUDIT), written - set(words.AUDIT)
