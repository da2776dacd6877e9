"""Pages of a browser that are kept from test to test, and are as new for each of them.

A page in a context of its own costs a process, which is more than most tests do with it. What
cannot be taken away again, such as a clock or a script for every page, is not for these pages.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize
from playwright.sync_api import Error as BrowserError

TIMEOUT = 15_000
VIEWPORT: ViewportSize = {"width": 1280, "height": 720}

# Ends what goes on in a page, and forgets what it kept. A document that is opened anew loses its
# listeners, also the one that asks whether to leave.
_EMPTY = """() => {
  stop();
  document.open();
  document.close();
  for (let timer = setTimeout(() => {}); timer > 0; timer--) clearTimeout(timer);
  localStorage.clear();
  sessionStorage.clear();
  window.name = "";
}"""


class Desk:
    """The pages of a browser; they differ by the options of their contexts."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[Page]] = defaultdict(list)

    @contextmanager
    def pages(self) -> Iterator[Callable[..., Page]]:
        """Lend pages, each in a context of its own, until the block ends."""
        lent: list[tuple[Page, dict[str, Any]]] = []

        def take(**options: Any) -> Page:
            free = self._free[repr(options)]
            page = free.pop() if free else self._new_page(options)
            lent.append((page, options))
            return page

        try:
            yield take
        finally:
            for page, options in lent:
                if _as_new(page, options):
                    self._free[repr(options)].append(page)
                else:
                    page.context.close()

    def close(self) -> None:
        """Close all pages."""
        for pages in self._free.values():
            for page in pages:
                page.context.close()

    def _new_page(self, options: dict[str, Any]) -> Page:
        context = self._browser.new_context(**options)
        context.set_default_timeout(TIMEOUT)
        return context.new_page()


def _is_listened_to(page: Page) -> bool:
    mine, ours = page._impl_obj.event_names(), page.context._impl_obj.event_names()
    return not {*mine, *ours} <= {"close", "crash"}  # Those are Playwright's own.


def _as_new(page: Page, options: dict[str, Any]) -> bool:
    """Make a page as new; return whether that was possible: a listener cannot be taken away."""
    context = page.context
    if _is_listened_to(page):
        return False
    try:
        page.evaluate(_EMPTY)
    except BrowserError:  # It is closed, or just goes elsewhere.
        return False
    for other in context.pages:
        if other is not page:
            other.close()
    viewport = options.get("viewport", VIEWPORT)
    if page.viewport_size != viewport:
        page.set_viewport_size(viewport)
    page.emulate_media(
        media="null",
        color_scheme=options.get("color_scheme", "light"),
        reduced_motion=options.get("reduced_motion", "no-preference"),
    )
    context.clear_cookies()
    context.clear_permissions()
    return True
