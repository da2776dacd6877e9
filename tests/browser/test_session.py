"""The end of a session: told before, put off with one press, and nothing that was typed is lost."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from inboxbot.store import audit, drafts, reviews
from inboxbot.store.database import write
from tests import letters
from tests.browser.hand import click
from tests.letters import Letter
from tests.stand import Stand, new_store, standing

Open = Callable[..., tuple[Stand, Page]]


@pytest.fixture
def opened(unpainted: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open the first letter of an app whose sessions are short."""
    with ExitStack() as stack:

        def open_page(**sessions: object) -> tuple[Stand, Page]:
            path = tmp_path / "state" / "inboxbot.sqlite3"
            db = new_store(path)
            letters.add(db, Letter(), datetime.now(UTC))
            db.close()
            stand = stack.enter_context(standing(path, **sessions))
            context = unpainted.new_context()
            stack.callback(context.close)
            context.add_cookies([stand.cookie(stand.person("jo"))])  # type: ignore[list-item]
            page = context.new_page()
            page.goto(stand.url + "/m/1")
            return stand, page

        yield open_page


def test_the_end_is_told_before_and_put_off_with_one_press(opened: Open) -> None:
    stand, page = opened(session_idle=timedelta(seconds=122))
    warning = page.get_by_role("alert").filter(has_text="You are signed out in two minutes.")
    expect(warning).to_be_visible()
    before = stand.db.execute("SELECT seen_at FROM session").fetchone()[0]
    click(page.get_by_role("button", name="Stay signed in"))
    expect(warning).not_to_be_visible()
    assert stand.db.execute("SELECT seen_at FROM session").fetchone()[0] > before


def test_an_end_that_cannot_be_put_off_is_told_without_the_button(opened: Open) -> None:
    _stand, page = opened(session_longest=timedelta(seconds=121))
    expect(page.get_by_role("alert").filter(has_text="and sign in again")).to_be_visible()
    expect(page.get_by_role("button", name="Stay signed in")).not_to_be_visible()


def test_who_came_while_the_page_was_open_is_told_in_words(opened: Open) -> None:
    stand, page = opened()
    page.clock.install()
    page.reload()
    with write(stand.db):
        drafts.touch(stand.db, 1, "kim", writing=False, now=datetime.now(UTC))
        drafts.touch(stand.db, 1, "ada", writing=True, now=datetime.now(UTC))
    page.clock.run_for(15_500)
    present = page.locator("[data-present] .present")
    expect(present).to_have_text(["ada is writing", "kim is looking"])


def test_after_the_end_the_letter_is_gone_from_the_screen_and_what_was_typed_comes_back(
    opened: Open,
) -> None:
    late = [timedelta()]
    stand, page = opened(clock=lambda: datetime.now(UTC) + late[0])
    page.clock.install()
    page.reload()
    page.get_by_label("Your words").fill("Dear Ana, half a sentence")
    with page.expect_response("**/draft"):
        page.clock.run_for(2_500)
    page.locator("#note").fill("Call her back.")
    late[0] = timedelta(minutes=31)
    page.clock.fast_forward(31 * 60_000)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=30_000)
    late[0] = timedelta()
    assert page.url.endswith("/login?next=%2Fm%2F1")
    assert "session over" in [entry.what for entry in audit.entries(stand.db)]
    for name, note in (("kim", ""), ("jo", "Call her back.")):
        page.context.add_cookies([stand.cookie(stand.person(name))])  # type: ignore[list-item]
        page.goto(stand.url + "/m/1")
        expect(page.locator("#note")).to_have_value(note)
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, half a sentence")
    click(page.get_by_role("button", name="Add note"))
    expect(page.locator("#note")).to_have_value("")
    assert [note.text for note in reviews.notes(stand.db, 1)] == ["Call her back."]


def test_a_session_that_ended_elsewhere_is_told_and_the_words_are_kept_after_all(
    opened: Open,
) -> None:
    stand, page = opened()
    page.clock.install()
    page.reload()
    with write(stand.db):
        stand.db.execute("DELETE FROM session")
    page.get_by_label("Your words").fill("Dear Ana, half a sentence")
    page.clock.run_for(2_500)
    said = page.get_by_role("status").filter(has_text="You were signed out.")
    expect(said).to_be_visible()

    page.context.add_cookies([stand.cookie(stand.person("kim"))])  # type: ignore[list-item]
    with page.expect_response(lambda answer: answer.ok and answer.url.endswith("/help")):
        page.clock.run_for(2_500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.clock.run_for(10_000)
    assert "draft" not in asked
    page.context.add_cookies([stand.cookie(stand.person("jo"))])  # type: ignore[list-item]
    page.get_by_label("Your words").press_sequentially(".")
    with page.expect_response(lambda answer: answer.ok and answer.url.endswith("/draft")):
        page.clock.run_for(2_500)
        page.clock.run_for(2_500)
    expect(said).not_to_be_visible()
    assert [each.staff for each in drafts.of_letter(stand.db, 1)] == ["jo"]
