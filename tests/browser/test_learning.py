"""From a correction on a page to a model that decides otherwise, and back to the very same."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from inboxbot.classify.category import Category
from inboxbot.store import reviews, settings
from tests import lessons, letters
from tests.browser.conftest import Visit
from tests.installation import install
from tests.stand import Stand


@pytest.fixture
def command(stand: Stand, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Run a command over the store of the app; return the objects that it prints."""
    installation = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="u", smtp_port=2)
    assert installation.store == stand.path
    settings.instance(stand.db)
    return installation.objects


def similar(folder: Path) -> list[Path]:
    """Write letters that are like the corrected ones, and some that are not."""
    files = []
    others = [letter.body for letter in lessons.few_shipped(4)]
    for number, text in enumerate([lessons.SIMILAR, *others]):
        file = folder / f"{number}.eml"
        file.write_bytes(letters.raw_of(letters.Letter(text=text), number, datetime.now(UTC)))
        files.append(file)
    return files


def test_from_a_correction_on_a_page_to_a_promoted_model_and_back(
    stand: Stand,
    visit_unpainted: Visit,
    command: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    files = [str(file) for file in similar(tmp_path)]

    def answers() -> list[dict[str, Any]]:
        found = command("explain", *files)
        return [{key: each[key] for key in each if key != "why"} for each in found]

    before = answers()
    assert before[0]["category"] == Category.MEDICATION_QUESTION

    rows = [letters.add(stand.db, lessons.congress(n), now) for n in range(len(lessons.CITIES))]
    page = visit_unpainted(f"/m/{rows[0]}")
    for row in rows:
        page.goto(f"{stand.url}/m/{row}")
        with page.expect_navigation():
            page.keyboard.press("3")
        expect(page.get_by_role("status").filter(has_text="Category changed.")).to_be_visible()
        assert reviews.corrections(stand.db, row)[-1].staff == "jo"

    model = lessons.train(stand.db, now).id
    (shipped, trained) = command("model", "list")
    assert shipped["in_force"]
    assert (trained["letters"], trained["corrections"]) == (len(rows), len(rows))
    assert trained["worse"] == []
    told = command("replay", "--model", str(model), "--last", str(len(rows)))
    assert all(each["after"]["category"] == each["staff"] for each in told)
    assert answers() == before, "what was trained and replayed changes nothing"

    command("model", "promote", str(model))
    after = answers()
    assert after[0]["category"] == Category.GENERAL_INQUIRY
    assert {each["model_version"] for each in after} == {trained["version"]}

    assert command("model", "rollback") == [{"model": 0, "in_force": True}]
    assert answers() == before
