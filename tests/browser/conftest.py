"""A real Chromium, and the real app over a store with a few hundred letters."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from inboxbot.store.users import Role
from tests import letters
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
]

Visit = Callable[..., Page]
Enter = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a few hundred letters, to be copied."""
    path = tmp_path_factory.mktemp("filled") / "inboxbot.sqlite3"
    db = new_store(path)
    letters.a_few_hundred(db, datetime.now(UTC))
    db.close()
    return path


@pytest.fixture(scope="session")
def house(filled: Path) -> Iterator[Stand]:
    """One app for all tests of a process: the browser keeps its scripts and styles."""
    with standing(filled) as stand:
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
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def visit(browser: Browser, usual: BrowserContext, stand: Stand) -> Iterator[Visit]:
    """Open a page as somebody who is signed in; a second person has a browser of their own."""
    others: list[BrowserContext] = []

    def open_page(
        path: str = "/queue", *, name: str = "jo", role: Role = Role.STAFF, **options: object
    ) -> Page:
        context = usual
        if options or usual.pages:
            context = browser.new_context(**options)  # type: ignore[arg-type]
            context.set_default_timeout(10_000)
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
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    with open_workshop(tmp_path) as workshop:
        yield workshop
    assert workshop.faults == []


@pytest.fixture
def enter(browser: Browser, workshop: Workshop) -> Iterator[Enter]:
    """Open a page as an administrator, in a browser of their own."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = EDITOR, *, name: str = "ada", **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies(
            [workshop.cookie(workshop.person(name, Role.ADMINISTRATOR))]  # type: ignore[list-item]
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.goto(workshop.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
