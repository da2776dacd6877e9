"""The pages that tests hand on to each other: nothing of one test reaches the next."""

import pytest
from playwright.sync_api import Dialog

from inboxbot.web.auth import COOKIE
from tests.browser.conftest import visits
from tests.browser.desk import VIEWPORT, Desk
from tests.stand import Stand

KEPT = """() => [localStorage.length, sessionStorage.length, window.name,
  document.cookie.includes("a=b"), matchMedia("print").matches,
  matchMedia("(prefers-color-scheme: dark)").matches,
  matchMedia("(prefers-reduced-motion: reduce)").matches, innerWidth]"""


def test_a_page_is_handed_on_as_new(usual: Desk, stand: Stand) -> None:
    with visits(usual, stand) as visit:
        before = visit("/m/1")
        before.get_by_label("Your words").fill("Not kept, and asks whether to leave")
        before.evaluate("localStorage.setItem('a', 'b'); sessionStorage.setItem('a', 'b')")
        before.evaluate("window.name = 'a'; document.cookie = 'a=b'")
        before.set_viewport_size({"width": 375, "height": 812})
        before.emulate_media(media="print", color_scheme="dark", reduced_motion="reduce")
        before.context.grant_permissions(["clipboard-read"])
        before.context.new_page()
        assert before.evaluate(KEPT) == [1, 1, "a", True, True, True, True, 375]
    with visits(usual, stand) as visit:
        page = visit("/login", name=None)
        assert page is before
        # The door itself puts one cookie; nobody is signed in.
        assert [each["name"] for each in page.context.cookies()] == [f"{COOKIE}-form"]
        assert page.evaluate(KEPT) == [0, 0, "", False, False, False, False, VIEWPORT["width"]]
        assert page.url.endswith("/login")
        assert page.context.pages == [page]
        asked = "navigator.permissions.query({ name: 'clipboard-read' }).then(({ state }) => state)"
        assert page.evaluate(asked) != "granted"


def test_who_needs_two_pages_gets_two_browsers_and_options_a_third(
    usual: Desk, stand: Stand
) -> None:
    with visits(usual, stand) as visit:
        pages = [visit("/help"), visit("/help", name="kim"), visit(java_script_enabled=False)]
        assert len({page.context for page in pages}) == 3


@pytest.mark.parametrize("where", ["page", "context"])
def test_a_page_that_is_listened_to_is_handed_to_nobody_else(
    usual: Desk, stand: Stand, where: str
) -> None:
    def accept(dialog: Dialog) -> None:
        dialog.accept()

    with visits(usual, stand) as visit:
        before = visit("/help")
        (before if where == "page" else before.context).on("dialog", accept)
    assert before.is_closed()
    with visits(usual, stand) as visit:
        assert visit("/help") is not before
