"""Look at a page as people meet it: what axe finds on it, whether it fits, and its picture.

The pictures are for people; no test compares them. They are taken where PICTURES is set.
"""

import os
from collections import defaultdict
from pathlib import Path
from weakref import WeakSet

import axe_playwright_python
from playwright.sync_api import Page

PICTURES = bool(os.environ.get("PICTURES"))
SCREENS = Path(__file__).parents[1] / "output" / "screens"
SIZES = {"1280": (1280, 900), "375": (375, 812)}
SCHEMES = ("light", "dark")
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")

# Marks what is made as something that was looked at before: the same tags, attributes, colours and
# type, whether it is seen and holds text, in the same place within the same surroundings. Headings
# are looked at on every page, for their order. Returns what is new.
_MARK = """(seen) => {
  document.querySelectorAll("[data-alike]").forEach((each) => each.removeAttribute("data-alike"));
  const known = new Set(seen.split(" ")), fresh = [], made = new Map();
  const heading = "h1, h2, h3, h4, h5, h6, [role=heading]";
  const free = new RegExp("^(href|action|formaction|src|value|title|alt|placeholder|datetime"
    + "|content|data-.*|aria-label)$");
  const attribute = ({ name, value }) =>
    name + (free.test(name) ? (value.trim() ? "" : "?") : "=" + value.replace(/\\d+/g, "0"));
  const self = (each) => {
    const style = getComputedStyle(each);
    return [each.localName, ...[...each.attributes].map(attribute), style.color,
      style.backgroundColor, style.fontSize, style.fontWeight, each.checkVisibility(),
      [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())].join(" ");
  };
  const whole = (each) => {
    if (!made.has(each)) {
      const own = self(each);
      made.set(each, { own, all: `${own}(${[...each.children].map((one) => whole(one).all)})` });
    }
    return made.get(each);
  };
  const hash = (text) => {
    let one = 0x811c9dc5, two = 0x9747b28c;
    for (let at = 0; at < text.length; at++) {
      one = Math.imul(one ^ text.charCodeAt(at), 0x01000193);
      two = Math.imul(two ^ text.charCodeAt(at), 0x5bd1e995) ^ (two >>> 15);
    }
    return `${one >>> 0}.${two >>> 0}`;
  };
  const look = (parent, above) => {
    const neighbours = new Set([...parent.children].map((each) => each.localName + each.className));
    const place = hash(above + whole(parent).own + [...neighbours]);
    for (const each of parent.children) {
      const edge = (each.previousElementSibling ? "" : "<") + (each.nextElementSibling ? "" : ">");
      const key = hash(place + edge + whole(each).all);
      const old = known.has(key) && !each.matches(heading) && !each.querySelector(heading);
      if (old) each.setAttribute("data-alike", "");
      else { known.add(key); fresh.push(key); look(each, place); }
    }
  };
  look(document.body, "");
  return fresh.join(" ");
}"""
_RUN = """() => axe.run(
    { exclude: ["[data-alike]"] }, { resultTypes: ["violations"], preload: false },
).then((found) =>
    found.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`)))"""

_WITH_AXE: WeakSet[Page] = WeakSet()


class Seen(defaultdict[tuple[str, str], set[str]]):
    """What axe has looked at, in each size and theme: what is made alike is looked at once."""

    def __init__(self) -> None:
        super().__init__(set)


def faults_of(page: Page, seen: set[str] | None = None) -> list[str]:
    """What axe finds on the page, in a line each; nothing where all is well."""
    seen = set() if seen is None else seen
    if page not in _WITH_AXE:
        page.add_init_script(_AXE)  # It is large: sent once, and not with each look.
        page.evaluate(_AXE)
        _WITH_AXE.add(page)
    # As one text: the driver takes long over a list.
    seen.update(page.evaluate(_MARK, " ".join(seen)).split())
    found: list[str] = page.evaluate(_RUN)
    return found


def look_in_every_way(page: Page, name: str, seen: Seen) -> list[str]:
    """Look at the open page in both sizes and in both themes; return what is wrong with it.

    axe, which takes long, looks at each size and at each theme once; about half of the pages
    are dark at the one size, the others at the other. All pages share one style sheet.
    """
    faults = []
    other_way = sum(name.encode()) % 2
    for row, (size, (width, height)) in enumerate(SIZES.items()):
        page.set_viewport_size({"width": width, "height": height})
        sideways = too_wide(page)
        if sideways > 0:
            faults.append(f"{name} {size}: {sideways} px too wide")
        for column, scheme in enumerate(SCHEMES):
            chosen = (row + column) % 2 == other_way
            if chosen or PICTURES:
                # Without motion: half way between two themes no colour is right.
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            if PICTURES:
                SCREENS.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=str(SCREENS / f"{name}-{size}-{scheme}.png"))
            if chosen:
                found = faults_of(page, seen[size, scheme])
                faults += [f"{name} {size} {scheme} {each}" for each in found]
    return faults


def too_wide(page: Page) -> int:
    """Return how many pixels of the page stick out sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
