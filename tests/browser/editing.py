"""What a hand does on the page of a template."""

from playwright.sync_api import Locator, Page

from tests.browser.hand import click


def sheet(page: Page) -> Locator:
    return page.get_by_label("Text of the reply")


def press(page: Page, name: str) -> None:
    """Press a button that opens another page."""
    with page.expect_navigation():
        click(page.get_by_role("button", name=name))


def type_text(page: Page, text: str) -> None:
    """Type, and wait until it was kept and looked at."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        sheet(page).fill(text)


def publish(page: Page, why: str) -> None:
    press(page, "Publish…")
    page.get_by_label("Why?").fill(why)
    press(page, "Publish now")
