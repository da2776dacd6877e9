"""Ready-made replies in a real browser: checked when they are saved, filled for the letter."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from inboxbot.store import snippets
from inboxbot.store.database import write
from tests.browser.conftest import visits
from tests.browser.desk import Desk
from tests.browser.hand import click
from tests.workshop import Workshop


@pytest.fixture
def page(unpainted_desk: Desk, workshop: Workshop) -> Iterator[Page]:
    with visits(unpainted_desk, workshop) as visit:
        yield visit("/replies")


def test_a_mistake_is_refused_with_its_place_and_what_was_typed_stays(
    workshop: Workshop, page: Page
) -> None:
    page.get_by_label("Short word").fill("call")
    page.get_by_label("Title").fill("Please call")
    page.get_by_label("Text").fill("Please call {{ fone }}.")
    click(page.get_by_role("button", name="Propose"))
    expect(page.get_by_role("alert")).to_contain_text(
        "Line 1, column 16: “fone” is not a known value. Did you mean phone?"
    )
    page.get_by_label("Text").fill("Please call {{ phone }}. Take 50 mg twice a day.")
    click(page.get_by_role("button", name="Propose"))
    expect(page.get_by_text("Look twice:")).to_contain_text("a dose")


def test_a_ready_made_reply_is_filled_for_the_letter_and_what_is_missing_stays_in_braces(
    workshop: Workshop, page: Page
) -> None:
    with write(workshop.db):
        snippets.save(
            workshop.db,
            "call",
            "Please call",
            "en",
            "Dear {{ first_name }}, please call {{ phone }}.",
            "jo",
            datetime.now(UTC),
        )
    page.goto(workshop.url + "/m/1")
    click(page.locator(".compose details.ready summary"))
    click(page.get_by_role("button", name="/call"))
    # Nobody vouches for this sender, so there is no name to greet them with.
    answer = page.locator("form[data-draft] textarea")
    expect(answer).to_have_value("Dear {{ first_name }}, please call 1-608-663-0920.\n")
