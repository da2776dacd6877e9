"""The HTML part of a reply: made from the text, or checked when an administrator wrote it.

Pure. An HTML part loads nothing: no picture, no style sheet, no script. What it may hold
is an allow-list, so that what nobody thought of is refused.
"""

import html
import re
from html.parser import HTMLParser

from inboxbot.reply.source import TemplateProblem, place

_ELEMENTS = """html head meta title body p br div span a bdi strong b em i u small ul ol li
h1 h2 h3 h4 hr table thead tbody tr td th blockquote"""
_ATTRIBUTES = """href dir lang style align title charset width height role border cellpadding
cellspacing colspan rowspan valign"""
ELEMENTS = frozenset(_ELEMENTS.split())
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
_SCHEMES = ("https://", "mailto:", "tel:", "{{")
_EVIL_STYLE = re.compile(r"url\s*\(|@import|expression|position|display\s*:\s*none", re.IGNORECASE)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_CONDITIONAL = re.compile(r"<!--|<!\[|<\?")
_LINK = re.compile(
    r"https?://[^\s<>\"”»]+[^\s<>\"”».,;:!?)]"
    # From where a word begins: else a long one without an @ would be read from its every letter.
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)

_STYLE = "font-family: sans-serif; font-size: 16px; line-height: 1.5; max-width: 40em"


def from_text(text: str) -> str:
    """Return the paragraphs of a text as simple HTML; every character is escaped first.

    Links become links, with their own direction; paragraphs take that of their language.
    """
    paragraphs = [part for part in re.split(r"\n{2,}", text.strip()) if part.strip()]
    return "\n".join(f"<p>{_linked(part)}</p>" for part in paragraphs)


def words(source: str) -> str:
    """Return what a reader of the HTML sees, as text with its paragraphs."""
    broken = re.sub(r"<br\b[^>]*>", "\n", source, flags=re.IGNORECASE)
    broken = re.sub(r"</?(?:p|div|li|h\d|tr|td|th|blockquote)\b[^>]*>", "\n\n", broken)
    return html.unescape(re.sub(r"<[^<>]*>", "", broken))


def page(*parts: tuple[str, str, bool]) -> str:
    """Return one HTML document of parts, each with its language and whether right to left."""
    sections = "\n".join(
        f'<div lang="{language}" dir="{"rtl" if right_to_left else "ltr"}" '
        f'style="{_STYLE}; text-align: start">\n{body}\n</div>'
        for body, language, right_to_left in parts
    )
    language, right_to_left = parts[0][1], parts[0][2]
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" dir="{"rtl" if right_to_left else "ltr"}">\n'
        '<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>\n'
        f"<body>\n{sections}\n</body>\n</html>\n"
    )


def problems(source: str) -> list[TemplateProblem]:
    """Return everything in an HTML source that could load, run or hide something."""
    # Tags of the template may hold < and quotes; they are blanked to equal length.
    blank = _TAG.sub(lambda match: _blanked(match.group()), source)
    checker = _Checker()
    checker.feed(blank)
    checker.close()
    found = checker.found
    for match in _CONDITIONAL.finditer(blank):
        message = "Hidden HTML comments are not possible: some programs show what is in them."
        found.append(TemplateProblem(*place(blank, match.start()), message, "Use {# … #}."))
    found += checker.never_closed()
    return found


def _blanked(tag: str) -> str:
    """Keep {{ }} recognisable at the start of a link, and every line break in its place."""
    if tag.startswith("{{"):
        return "{{" + re.sub(r"[^\n]", "_", tag[2:-2]) + "}}"
    return re.sub(r"[^\n]", " ", tag)


def _linked(paragraph: str) -> str:
    done = []
    at = 0
    for match in _LINK.finditer(paragraph):
        done.append(html.escape(paragraph[at : match.start()]))
        target = match.group()
        href = target if target.startswith("http") else f"mailto:{target}"
        done.append(f'<a href="{html.escape(href)}" dir="ltr">{html.escape(target)}</a>')
        at = match.end()
    done.append(html.escape(paragraph[at:]))
    return "".join(done).replace("\n", "<br>\n")


class _Checker(HTMLParser):
    """Collects what is outside the allow-lists, with its place."""

    _VOID = frozenset({"br", "hr", "meta"})
    _OPTIONAL = frozenset({"p", "li", "tr", "td", "th", "html", "head", "body", "thead", "tbody"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[TemplateProblem] = []
        self._open: list[tuple[str, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self._place()
        if tag not in ELEMENTS:
            self.found.append(TemplateProblem(line, column, _element_sentence(tag), "Take it out."))
        elif tag not in self._VOID:
            self._open.append((tag, line, column))
        for name, value in attrs:
            if sentence := _attribute_sentence(tag, name, value or ""):
                where = self._attribute_place(name)
                self.found.append(TemplateProblem(*where, sentence, "Take it out."))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index]
                return
        if tag in ELEMENTS and tag not in self._VOID:
            message = f"</{tag}> closes nothing."
            self.found.append(TemplateProblem(*self._place(), message, "Delete it."))

    def never_closed(self) -> list[TemplateProblem]:
        return [
            TemplateProblem(line, column, f"<{tag}> is never closed.", f"Add </{tag}>.")
            for tag, line, column in self._open
            if tag not in self._OPTIONAL
        ]

    def _place(self) -> tuple[int, int]:
        line, offset = self.getpos()
        return line, offset + 1

    def _attribute_place(self, name: str) -> tuple[int, int]:
        line, column = self._place()
        start = self.get_starttag_text() or ""
        at = re.search(rf"\b{re.escape(name)}\b", start, re.IGNORECASE)
        before = start[: at.start()] if at else ""
        breaks = before.count("\n")
        if breaks:
            return line + breaks, len(before) - before.rfind("\n")
        return line, column + len(before)


def _element_sentence(tag: str) -> str:
    if tag in ("img", "picture", "svg", "video", "audio", "source"):
        return "Pictures, sound and film are not possible: they would be loaded from elsewhere."
    if tag in ("script", "style", "link"):
        return f"<{tag}> is not possible: mail programs must not run or load anything."
    if tag in ("form", "input", "button", "textarea", "select"):
        return "A form inside a mail is not possible: link to the form on the website."
    return f"<{tag}> is not possible in a reply."


def _attribute_sentence(tag: str, name: str, value: str) -> str:
    if name.startswith("on"):
        return "A reply must not run anything."
    if name not in ATTRIBUTES and not (tag == "meta" and name in ("name", "content")):
        return f"“{name}” is not possible in a reply."
    if name == "href" and not value.strip().lower().startswith(_SCHEMES):
        return "A link must begin with https://, mailto: or tel:."
    if name == "style" and _EVIL_STYLE.search(value):
        return "This style would load or hide something."
    return ""
