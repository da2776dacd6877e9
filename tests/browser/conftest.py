"""A real Chromium, and the real app over a store with a few hundred letters."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from inboxbot.store.users import Role
from tests import letters
from tests.browser.desk import Desk
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

Visit = Callable[..., Page]
Enter = Callable[..., Page]


@pytest.fixture(scope="session")
def playwright(house: Stand) -> Iterator[Playwright]:
    """What the browsers are driven by; they end before the app, which waits for those who call."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser:
        yield browser


@pytest.fixture(scope="session")
def unpainted(playwright: Playwright) -> Iterator[Browser]:
    """A browser that lays pages out but does not paint them, in half the time.

    It answers the keyboard and `hand`'s mouse; a picture cannot be taken.
    """
    flags = FLAGS if PICTURES else [*FLAGS, "--disable-threaded-compositing"]
    with playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as browser:
        yield browser


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
def usual(browser: Browser) -> Iterator[Desk]:
    """A browser as most people have it; whoever is signed in changes from test to test."""
    with closing(Desk(browser)) as desk:
        yield desk


@pytest.fixture(scope="session")
def unpainted_desk(unpainted: Browser) -> Iterator[Desk]:
    """The same in the browser that does not paint."""
    with closing(Desk(unpainted)) as desk:
        yield desk


@contextmanager
def visits(desk: Desk, stand: Stand) -> Iterator[Visit]:
    """Open pages as somebody who is signed in; a second person has a browser of their own."""
    with desk.pages() as take:

        def open_page(
            path: str | None = "/queue",
            *,
            name: str | None = "jo",
            role: Role = Role.STAFF,
            **options: object,
        ) -> Page:
            page = take(**options)
            if name is not None:
                sign_in(page, stand, name, role)
            if path is not None:
                page.goto(stand.url + path)
            return page

        yield open_page


def sign_in(page: Page, stand: Stand, name: str, role: Role) -> None:
    """Give a browser the session of somebody who is signed in."""
    page.context.add_cookies([stand.cookie(stand.person(name, role))])  # type: ignore[list-item]


@pytest.fixture
def visit(usual: Desk, stand: Stand) -> Iterator[Visit]:
    with visits(usual, stand) as open_page:
        yield open_page


@pytest.fixture
def visit_unpainted(unpainted_desk: Desk, stand: Stand) -> Iterator[Visit]:
    """Open pages in the browser that does not paint, for the keyboard and for `hand`."""
    with visits(unpainted_desk, stand) as open_page:
        yield open_page


@pytest.fixture
def workshop(house: Stand, tmp_path: Path) -> Iterator[Workshop]:
    with open_workshop(tmp_path, house) as workshop:
        yield workshop
    assert workshop.faults == []


def administrators(visit: Visit) -> Enter:
    """Return what opens a page of the workshop as an administrator."""

    def enter(path: str = EDITOR, *, name: str = "ada", **options: object) -> Page:
        return visit(path, name=name, role=Role.ADMINISTRATOR, **options)

    return enter


@pytest.fixture
def enter(usual: Desk, workshop: Workshop) -> Iterator[Enter]:
    """Open a page of the workshop as an administrator."""
    with visits(usual, workshop) as open_page:
        yield administrators(open_page)


@pytest.fixture
def enter_unpainted(unpainted_desk: Desk, workshop: Workshop) -> Iterator[Enter]:
    """Do so in the browser that does not paint, for the keyboard and for `hand`."""
    with visits(unpainted_desk, workshop) as open_page:
        yield administrators(open_page)
