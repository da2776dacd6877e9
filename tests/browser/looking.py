"""Look at a page as people meet it: what axe finds on it, whether it fits, and its picture.

The pictures are for people; no test compares them. They are taken where PICTURES is set.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from weakref import WeakSet

import axe_playwright_python
from playwright.sync_api import Page, ViewportSize

PICTURES = bool(os.environ.get("PICTURES"))
SCREENS = Path(__file__).parents[1] / "output" / "screens"
SIZES: dict[str, ViewportSize] = {
    "1280": {"width": 1280, "height": 900},
    "375": {"width": 375, "height": 812},
}
# 1280 px at 400 % are 320 px of the page's own.
ENLARGED: dict[str, ViewportSize] = {"320": {"width": 320, "height": 256}}
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
_RUN = """(rules) => axe.run(
    { exclude: ["[data-alike]"] },
    { resultTypes: ["violations"], preload: false, ...rules },
).then((found) =>
    found.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`)))"""

# Finds text that stands out too little from what is behind it (WCAG 2.2, 1.4.3), in a fifth of the
# time that axe takes. As axe, it judges nothing that lies on a picture.
_FAINT = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  const colours = new Map(), grounds = new Map();
  const colour = (css) => {
    if (!colours.has(css)) {
      paper.clearRect(0, 0, 1, 1);
      paper.fillStyle = css;
      paper.fillRect(0, 0, 1, 1);
      colours.set(css, [...paper.getImageData(0, 0, 1, 1).data].map((part) => part / 255));
    }
    return colours.get(css);
  };
  const over = (top, below, share = top[3]) => below.map((part, at) =>
    at === 3 ? 1 : top[at] * share + part * (1 - share));
  const ground = (each) => {
    if (!each) return colour("Canvas");
    if (!grounds.has(each)) {
      const style = getComputedStyle(each), own = colour(style.backgroundColor);
      const below = own[3] === 1 ? own : ground(each.parentElement);
      grounds.set(each, style.backgroundImage === "none" && below ? over(own, below) : null);
    }
    return grounds.get(each);
  };
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) =>
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05;
  const opacity = (each) =>
    (each ? getComputedStyle(each).opacity * opacity(each.parentElement) : 1);
  const typed = "input:not([type=hidden], [type=checkbox], [type=radio])";
  return [...document.body.querySelectorAll("*")].filter((each) => {
    const text = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text && !(each.matches(typed) && each.value)) return false;
    if (!each.checkVisibility({ visibilityProperty: true })) return false;
    const { width, height } = each.getBoundingClientRect(), behind = ground(each);
    if (width <= 1 || height <= 1 || !behind) return false;
    if (each.closest(":disabled, [aria-disabled=true]")) return false;
    const style = getComputedStyle(each), own = colour(style.color);
    const share = own[3] * opacity(each), shown = over(own, behind, share);
    if (!share) return false;
    const [less, more] = [light(shown), light(behind)].sort((one, two) => one - two);
    const size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
    return more / less < (size >= 24 || (bold && size >= 18.66) ? 3 : 4.5);
  }).map((each) => `color-contrast: ${each.outerHTML.slice(0, 120)}`);
}"""

# How many pixels stick out sideways with the spacing of WCAG 1.4.12.
_SPACED = """() => {
  const style = document.createElement("style");
  style.textContent = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important;"
    + " word-spacing: 0.16em !important; } p { margin-block-end: 2em !important; }";
  document.head.append(style);
  const sideways = document.documentElement.scrollWidth - innerWidth;
  style.remove();
  return sideways;
}"""

_WITH_AXE: WeakSet[Page] = WeakSet()


class Seen(defaultdict[tuple[str, str], set[str]]):
    """What axe has looked at, in each size and theme: what is made alike is looked at once."""

    def __init__(self) -> None:
        super().__init__(set)


def faults_of(
    page: Page, seen: set[str] | None = None, *, only: Sequence[str] = (), contrast: bool = True
) -> list[str]:
    """What axe finds on the page, in a line each; nothing where all is well.

    It looks by all its rules, or `only` by some. Contrast takes a third of its time.
    """
    seen = set() if seen is None else seen
    if page not in _WITH_AXE:
        # It is large: sent once, and not with each look. It stays in the page, which no other test
        # gets: those that need no `bypass_csp` have their own.
        page.add_init_script(_AXE)
        page.evaluate(_AXE)
        _WITH_AXE.add(page)
    # As one text: the driver takes long over a list.
    seen.update(page.evaluate(_MARK, " ".join(seen)).split())
    chosen = {"runOnly": only} if only else {"rules": {"color-contrast": {"enabled": contrast}}}
    found: list[str] = page.evaluate(_RUN, chosen)
    return found


def faint_in(page: Page) -> list[str]:
    """Text of the page that stands out too little from what is behind it, in a line each."""
    found: list[str] = page.evaluate(_FAINT)
    return found


def look_in_every_way(page: Page, name: str, seen: Seen, *, enlarged: bool = False) -> list[str]:
    """Look at the open page in both sizes and in both themes; return what is wrong with it.

    axe, which takes long, looks once, at a quarter of the pages in each of the four ways. What
    depends on the theme is its contrast: that is looked at there, and in the other theme at the
    other size. Where `enlarged`, the page must fit at 400 % with wide spacing, too.
    """
    faults = []
    chosen = sum(name.encode()) % 4
    for size in each_size(page, SIZES | ENLARGED if enlarged else SIZES):
        if size in ENLARGED:
            if page.evaluate(_SPACED) > 0:
                faults.append(f"{name}: too wide at 400 % with wide spacing")
            continue
        sideways = too_wide(page)
        if sideways > 0:
            faults.append(f"{name} {size}: {sideways} px too wide")
        for column, scheme in enumerate(SCHEMES):
            way = 2 * list(SIZES).index(size) + column
            if way in (chosen, 3 - chosen) or PICTURES:
                # Without motion: half way between two themes no colour is right.
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            if PICTURES:
                SCREENS.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=str(SCREENS / f"{name}-{size}-{scheme}.png"))
            found = faint_in(page) if way in (chosen, 3 - chosen) else []
            if way == chosen:
                found += faults_of(page, seen[size, scheme], contrast=False)
            faults += [f"{name} {size} {scheme} {each}" for each in found]
    return faults


def each_size(page: Page, sizes: dict[str, ViewportSize]) -> Iterator[str]:
    """Give the page one size after the other, beginning with the one that it has.

    To lay a page out anew costs more than most looks at it.
    """
    has = page.viewport_size
    assert has is not None
    start = has["width"]
    for size, viewport in sorted(sizes.items(), key=lambda each: abs(each[1]["width"] - start)):
        if page.viewport_size != viewport:
            page.set_viewport_size(viewport)
        yield size


def too_wide(page: Page) -> int:
    """Return how many pixels of the page stick out sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
