"""A real Chromium, and the real app over a store with a few hundred letters."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from inboxbot.store.users import Role
from tests import letters
from tests.browser.looking import PICTURES
from tests.once import once
from tests.stand import Stand, moved, new_store, standing
from tests.workshop import EDITOR, Workshop, open_workshop

CHROMIUM = (
    "/usr/bin/chromium-headless-shell"  # The same engine without a desktop, at half the cost.
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--renderer-process-limit=1",  # No process is started ahead of need.
    "--in-process-gpu",
    # Without RenderDocument, under which a page that is closed while it goes elsewhere may never
    # close (https://crbug.com/536385539). The others are Playwright's own, which this replaces.
    "--disable-features=RenderDocument,AvoidUnnecessaryBeforeUnloadCheckSync,HttpsUpgrades,"
    "PaintHolding,OptimizationHints",
]

TIMEOUT = 15_000

Visit = Callable[..., Page]
Enter = Callable[..., Page]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser:
        yield browser


@pytest.fixture(scope="session")
def unpainted(playwright: Playwright) -> Iterator[Browser]:
    """A browser that lays pages out but does not paint them, in half the time.

    It answers the keyboard; a mouse is of no use to it, and a picture cannot be taken.
    """
    flags = FLAGS if PICTURES else [*FLAGS, "--disable-threaded-compositing"]
    with playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as browser:
        yield browser


def signed_in(
    browser: Browser,
    stand: Stand,
    name: str = "jo",
    role: Role = Role.STAFF,
    **options: object,
) -> BrowserContext:
    """Return a new context of a browser, with the session of somebody who is signed in."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT)
    context.add_cookies([stand.cookie(stand.person(name, role))])  # type: ignore[list-item]
    return context


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a few hundred letters, to be copied."""

    def make(folder: Path) -> None:
        db = new_store(folder / "inboxbot.sqlite3")
        letters.a_few_hundred(db, datetime.now(UTC))
        db.close()

    return once(tmp_path_factory, "filled", make) / "inboxbot.sqlite3"


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One app for all tests of a process: the browser keeps its scripts and styles."""
    path = tmp_path_factory.mktemp("house") / "inboxbot.sqlite3"
    new_store(path).close()
    with standing(path) as stand:
        yield stand


@pytest.fixture
def stand(house: Stand, filled: Path, tmp_path: Path) -> Iterator[Stand]:
    """The app over a store of its own with a few hundred letters."""
    path = tmp_path / "state" / "inboxbot.sqlite3"
    path.parent.mkdir()
    shutil.copy(filled, path)
    with moved(house, path) as stand:
        yield stand
    assert stand.faults == []


@pytest.fixture(scope="session")
def usual(browser: Browser) -> Iterator[BrowserContext]:
    """A browser as most people have it; whoever is signed in changes from test to test."""
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


@pytest.fixture(scope="session")
def mouseless(unpainted: Browser) -> Iterator[BrowserContext]:
    """The same for those who use the keyboard alone."""
    context = unpainted.new_context()
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


@contextmanager
def visits(browser: Browser, usual: BrowserContext, stand: Stand) -> Iterator[Visit]:
    """Open pages as somebody who is signed in; a second person has a browser of their own."""
    others: list[BrowserContext] = []

    def open_page(
        path: str = "/queue", *, name: str = "jo", role: Role = Role.STAFF, **options: object
    ) -> Page:
        context = usual
        if options or usual.pages:
            context = browser.new_context(**options)  # type: ignore[arg-type]
            context.set_default_timeout(TIMEOUT)
            others.append(context)
        context.add_cookies([stand.cookie(stand.person(name, role))])  # type: ignore[list-item]
        page = context.new_page()
        page.goto(stand.url + path)
        return page

    yield open_page
    for page in usual.pages:
        page.close()
    usual.clear_cookies()
    for context in others:
        context.close()


@pytest.fixture
def visit(browser: Browser, usual: BrowserContext, stand: Stand) -> Iterator[Visit]:
    with visits(browser, usual, stand) as open_page:
        yield open_page


@pytest.fixture
def by_keys(unpainted: Browser, mouseless: BrowserContext, stand: Stand) -> Iterator[Visit]:
    """Open a page for somebody who uses the keyboard alone: no mouse does anything there."""
    with visits(unpainted, mouseless, stand) as open_page:
        yield open_page


@pytest.fixture
def workshop(house: Stand, tmp_path: Path) -> Iterator[Workshop]:
    with open_workshop(tmp_path, house) as workshop:
        yield workshop
    assert workshop.faults == []


@pytest.fixture
def enter(browser: Browser, usual: BrowserContext, workshop: Workshop) -> Iterator[Enter]:
    """Open a page of the workshop as an administrator."""
    with visits(browser, usual, workshop) as open_page:

        def open_as_administrator(
            path: str = EDITOR, *, name: str = "ada", **options: object
        ) -> Page:
            return open_page(path, name=name, role=Role.ADMINISTRATOR, **options)

        yield open_as_administrator
