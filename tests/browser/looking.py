"""Look at a page as people meet it: its picture, what axe finds on it, whether it fits."""

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

SCREENS = Path(__file__).parents[1] / "output" / "screens"
SIZES = {"1280": (1280, 900), "375": (375, 812)}
SCHEMES = ("light", "dark")
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
# Of a long list the first rows: the others are made of the same.
_RUN = """() => axe.run(
    { exclude: [".letters > li:nth-child(n + 13)", "tbody > tr:nth-child(n + 13)"] },
    { resultTypes: ["violations"], preload: false },
).then((found) =>
    found.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`)))"""


def faults_of(page: Page) -> list[str]:
    """What axe finds on the page, in a line each; nothing where all is well."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(_AXE)
    found: list[str] = page.evaluate(_RUN)
    return found


def look_at(page: Page, name: str, size: str, scheme: str, *, with_axe: bool = True) -> list[str]:
    """Take the page's picture, and return what is wrong with it."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(SCREENS / f"{name}-{size}-{scheme}.png"))
    sideways = too_wide(page)
    found = faults_of(page) if with_axe else []
    faults = [f"{name} {size} {scheme} {each}" for each in found]
    return faults if sideways <= 0 else [*faults, f"{name} {size}: {sideways} px too wide"]


def look_in_every_way(page: Page, name: str) -> list[str]:
    """Look at the open page in both sizes and in both themes; return what is wrong with it.

    axe, which takes long, looks at each size and at each theme once; about half of the pages
    are dark at the one size, the others at the other. All pages share one style sheet.
    """
    faults = []
    other_way = sum(name.encode()) % 2
    for row, (size, (width, height)) in enumerate(SIZES.items()):
        page.set_viewport_size({"width": width, "height": height})
        for column, scheme in enumerate(SCHEMES):
            # Without motion: half way between two themes no colour is right.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            chosen = (row + column) % 2 == other_way
            faults += look_at(page, name, size, scheme, with_axe=chosen)
    return faults


def too_wide(page: Page) -> int:
    """Return how many pixels of the page stick out sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
