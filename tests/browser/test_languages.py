"""The pages in another language: everything that is ours is translated, and nothing is cut off.

The language is made for the test: the real catalogue, each text with marks on its letters and a
third longer. What shows without marks never went through the catalogue.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page

from inboxbot.store.users import Role
from inboxbot.web import languages
from tests import pseudo
from tests.browser.looking import SIZES, each_size
from tests.browser.test_admin_pages import fill
from tests.browser.test_pages import paths
from tests.office import office

# What people wrote, and what has a name of its own: nobody translates that.
NOT_OURS = "bdi, code, kbd, [dir=auto], [lang]:not(html), textarea, .tag, .name"
NAMES = "select[name=assignee] option, #who option, select[name=into] option"
# What the store of the test holds instead of sentences of the core; codes and names in sentences.
INVENTED = (
    "a test",
    "Two kinds fit about equally well.",
    "a child writes",
    "it speaks of trouble breathing at night",
    "America/Chicago",
    "support",
)
# As the core says it, with values in it.
PROBLEMS = (
    "Mailbox support: The server had trouble.",
    "A reply has been waiting to be sent for 45 minutes.",
    "3 letters could not be fetched: `inboxbot queue --view problems`",
)
EDITOR = "/templates/urgent/en"
UNTRANSLATED = """([notOurs, invented]) => {
  const plain = /[A-Za-z]{3,}/, found = new Set();
  const look = (text, element) => {
    for (const words of invented) text = text.replace(words, "");
    if (plain.test(text) && !element.closest(notOurs)) {
      found.add(`${element.tagName} ${text.trim().slice(0, 90)}`);
    }
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!element.closest("script, style, template")) look(walk.currentNode.data, element);
  }
  for (const element of document.body.querySelectorAll("*")) {
    for (const name of ["title", "aria-label", "placeholder", "alt"]) {
      if (element.hasAttribute(name)) look(element.getAttribute(name), element);
    }
  }
  return [...found];
}"""
# In one go for each size: a question to the browser costs more than its answer.
ROOM = """() => {
  const all = [...document.querySelectorAll("body *")], root = document.documentElement;
  const called = (each) => `${each.tagName}.${each.className}`;
  const isCut = (each) => {
    const style = getComputedStyle(each);
    return style.overflowX !== "visible" && style.overflowX !== "auto"
      && style.overflowX !== "scroll" && style.textOverflow !== "ellipsis"
      && style.position !== "absolute" && each.offsetParent
      && each.scrollWidth > each.clientWidth + 1;
  };
  const sticksOut = (each) => {
    const { left, right } = each.getBoundingClientRect();
    return right > innerWidth || left < 0;
  };
  const found = all.filter(isCut).map((each) => `cut off: ${called(each)}`);
  for (const way of ["ltr", "rtl"]) {
    root.dir = way;
    if (root.scrollWidth > innerWidth) {
      found.push(`${way}: too wide: ${all.filter(sticksOut).map(called).slice(0, 5)}`);
    }
  }
  return found;
}"""


def looked_at(page: Page, name: str) -> list[str]:
    """Return what of the page is not translated, cut off, or too wide in either direction."""
    faults = [
        f"{name}: not translated: {text}"
        for text in page.evaluate(UNTRANSLATED, [f"{NOT_OURS}, {NAMES}", INVENTED])
    ]
    for size in each_size(page, SIZES):
        faults += [f"{name} {size}: {each}" for each in page.evaluate(ROOM)]
    return faults


def test_every_page_speaks_the_browsers_language_and_has_room_for_it(
    unpainted: Browser, filled: Path, tmp_path: Path
) -> None:
    pseudo.compile_into(tmp_path)
    store = tmp_path / "state" / "inboxbot.sqlite3"
    shutil.copytree(filled.parent, store.parent)
    faults = []
    with office(store, tmp_path, health=lambda _db, _now: PROBLEMS) as stand:
        made = stand.app.extensions["inboxbot"]
        stand.app.extensions["inboxbot"] = replace(made, languages=languages.load(tmp_path))
        where = paths(stand) | fill(stand)
        where |= {"templates": "/templates", "template": EDITOR, "confirm": "/me/confirm"}
        where |= {part: f"{EDITOR}/{part}" for part in ("publish", "both", "history", "what-if")}
        context = unpainted.new_context(
            extra_http_headers={"Accept-Language": f"{pseudo.CODE},en;q=0.9"}
        )
        page = context.new_page()
        page.goto(f"{stand.url}/login")
        faults += looked_at(page, "sign-in")
        context.add_cookies([stand.cookie(stand.person("ada", Role.ADMINISTRATOR))])  # type: ignore[list-item]
        for name, path in where.items():
            page.goto(stand.url + path)
            assert page.evaluate("document.documentElement.lang") == pseudo.CODE
            faults += looked_at(page, name)
        context.close()
    assert stand.faults == []
    assert faults == []
