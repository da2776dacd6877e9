"""A real Chromium, and the real app over a store with a few hundred letters."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from inboxbot.store.users import Role
from tests import letters
from tests.stand import Stand, new_store, standing

CHROMIUM = "/usr/bin/chromium"
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


@pytest.fixture
def stand(filled: Path, tmp_path: Path) -> Iterator[Stand]:
    """The app over a store of its own with a few hundred letters."""
    path = tmp_path / "state" / "inboxbot.sqlite3"
    shutil.copytree(filled.parent, path.parent)
    with standing(path) as stand:
        yield stand
    assert stand.faults == []


@pytest.fixture
def visit(browser: Browser, stand: Stand) -> Iterator[Visit]:
    """Open a page as somebody who is signed in, in a browser of their own."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str = "/queue", *, name: str = "jo", role: Role = Role.STAFF, **options: object
    ) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies([stand.cookie(stand.person(name, role))])  # type: ignore[list-item]
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto(stand.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
