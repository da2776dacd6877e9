"""HTML to the text that a reader would see, in one pass and linear time.

A scanner of our own: the standard library's takes quadratic time over repeated `<!--`
(41 s for 256 KB), the usual packages drop text below a depth or after a lone `<`. The rule:
what is hidden on the screen is left out, and nothing else is ever lost.
"""

import html as entities
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

HTML_LIMIT = 512 * 1024

_TAG_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9:_-]{0,40})")
_ATTRIBUTE = re.compile(
    r"""([A-Za-z][A-Za-z0-9:_.-]{0,60})(?:\s{0,9}=\s{0,9}("[^"]*"|'[^']*'|[^\s"'>]+))?"""
)
# The tag of nearly every element's end, and of many a beginning: nothing is quoted in it.
_PLAIN_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9:_-]{0,40}+)([^<>"'=]*+)>""")
# Atomic throughout: no text makes it try anything twice.
_TAG = re.compile(r"""<(?>[^"'>=]+|=\s{0,9}(?:"[^"]*"|'[^']*')|[="'])*+>""")
_WANTED = frozenset(("style", "class", "type", "href", "hidden"))
_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")
_HIDING = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden"
    r"|font-size\s{0,5}:\s{0,5}0(?:px|pt|em|%)?\s{0,5}(?:;|!|$)|(?<!-)opacity\s{0,5}:\s{0,5}0(?:\.0+)?\s{0,5}(?:;|!|$)"
    r"|max-height\s{0,5}:\s{0,5}0(?:px)?\s{0,5}(?:;|!|$)",
    re.IGNORECASE,
)
_SIZE = re.compile(r"font-size\s{0,5}:[^;]*", re.IGNORECASE)
_OWN_SIZE = re.compile(r"font-size|<font\b", re.IGNORECASE)
# So many elements of a page are looked through for text that has a size of its own; further ones
# are shown, as nothing must be lost.
_RESIZED = 300
_TOO_MANY_DIGITS = re.compile(r"&#[xX]?[0-9a-fA-F]{9,}")
_NEVER_SHOWN = frozenset(
    ("script", "style", "head", "title", "template", "svg", "math", "object", "iframe", "applet")
)
_BLOCK = frozenset((
    "address", "article", "aside", "body", "blockquote", "br", "caption", "center", "dd", "details",
    "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "html", "legend", "li", "main", "nav", "o:p", "ol",
    "option", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
))  # fmt: skip
_PARAGRAPH = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "dl", "table", "pre")
)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "track", "wbr")
)
_QUOTE_CLASS = re.compile(r"quote|cite|gmail_extra", re.IGNORECASE)
_LINK_LIMIT = 100
_DEPTH_LIMIT = 200
_TAG_LENGTH = 4_096


@dataclass(slots=True)
class _Page:
    """The text as it grows. `line` is the open line, `quotes` the depth of quoting."""

    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    quotes: int = 0
    quoting: list[bool] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    link: str = ""
    linked_from: int = 0
    preformatted: int = 0

    def end_line(self, *, blank: bool = False) -> None:
        content = "".join(self.line)
        content = content.rstrip() if self.preformatted else _spaced(content)
        self.line.clear()
        self.link = ""
        prefix = "> " * min(self.quotes, 5)
        if content:
            self.lines.append(prefix + content)
        if blank and self.lines and self.lines[-1].strip("> "):
            self.lines.append(prefix.rstrip())

    def cell(self) -> None:
        if any(piece.strip() for piece in self.line):
            self.line.append("\t")


def _spaced(line: str) -> str:
    if "\t" in line:
        line = "\t".join(cell.strip(" ") for cell in line.split("\t"))
    while "  " in line:
        line = line.replace("  ", " ")
    return line.strip()


def html_to_text(html: str) -> str:
    """Return the visible text of a page: paragraphs, lists, links and tables as lines.

    Quoted history that is marked as such (`blockquote`, the mail programs' own classes)
    gets the "> " of plain mail before each line. Scripts, styles and hidden text are left
    out, unless nothing would remain.
    """
    html = html[:HTML_LIMIT]
    text, hidden = _convert(html, hide=True)
    if hidden and not any(map(str.isalnum, text)):
        text, _ = _convert(html, hide=False)
    return text


def _convert(html: str, *, hide: bool) -> tuple[str, bool]:
    page = _Page()
    finder = _Finder(html)
    position = 0
    hidden = False
    length = len(html)
    while position < length:
        start = html.find("<", position)
        if start < 0:
            start = length
        if start > position:
            _add_text(page, html[position:start])
        if start == length:
            break
        position, name, given = _tag(html, start, finder)
        if not position:
            page.line.append("<")
            position = start + 1
            continue
        if given is None:
            if name:
                _close(page, name)
            continue
        attributes = _attributes(given[:_TAG_LENGTH])
        if hide and name not in _VOID and _is_hidden(name, attributes):
            skipped = finder.after_hidden(name, attributes, position)
            if skipped is not None:
                hidden = True
                position = skipped
                continue
        _open(page, name, attributes)
    page.end_line()
    return "\n".join(_without_blank_runs(page.lines)).strip(), hidden


def _tag(html: str, start: int, finder: "_Finder") -> tuple[int, str, str | None]:
    """Return where a tag ends, its name, and its attributes: None for an end tag.

    A comment or a declaration has no name; where a lone `<` stands, the offset is zero.
    """
    if plain := _PLAIN_TAG.match(html, start):
        end = plain.end()
        return end, plain[2].lower(), None if plain[1] else html[plain.end(2) : end]
    if html.startswith("<!--", start):
        return _after_comment(start, finder), "", None
    match = _TAG_NAME.match(html, start + 1)
    if match is None:
        declared = html[start + 1 : start + 2] in ("!", "?")
        return finder.after_tag(start) if declared else 0, "", None
    end = finder.after_tag(start)
    closing = html[start + 1] == "/"
    return end, match[1].lower(), None if closing else html[match.end() : end]


@dataclass(slots=True)
class _Finder:
    """Looks for ends in the page; what was sought in vain once is not sought again."""

    html: str
    missing: set[str] = field(default_factory=set)
    unclosed: set[str] = field(default_factory=set)
    resized: int = 0

    def find(self, what: str, position: int) -> int:
        if what in self.missing:
            return -1
        found = self.html.find(what, position)
        if found < 0:
            self.missing.add(what)
        return found

    def after_tag(self, start: int) -> int:
        """Return the offset after the `>` that ends a tag, quoted ones passed over.

        Zero where no `>` follows at all: then it was no tag, only a lone `<`.
        """
        end = self.find(">", start)
        if end < 0 or end - start > _TAG_LENGTH:
            return end + 1
        tag = self.html[start:end]
        if '"' not in tag and "'" not in tag:
            return end + 1
        match = _TAG.match(self.html, start, min(len(self.html), start + _TAG_LENGTH))
        return match.end() if match else end + 1

    def after_element(self, name: str, position: int) -> int | None:
        """Return the offset after the end tag that closes an element, or None without one.

        After one that is not closed, no element of that name is looked for again: a page
        may hold thousands.
        """
        if name in self.unclosed:
            return None
        depth = 1
        at = position
        for _ in range(_DEPTH_LIMIT):
            close = self._closing(name, at)
            if close < 0:
                break
            opened = self._openings(name, at, close) if name not in _NEVER_SHOWN else 0
            depth += opened - 1
            at = close + len(name) + 2
            if depth <= 0:
                return self.after_tag(close) or len(self.html)
        self.unclosed.add(name)
        return None

    def after_hidden(self, name: str, attributes: Mapping[str, str], position: int) -> int | None:
        """Return the offset after a hidden element, or None where something in it is seen.

        Pages made for mail set size zero on the cells around a text, against gaps: what has a size
        of its own in them is seen.
        """
        if not _is_only_small(name, attributes):
            return self.after_element(name, position)
        self.resized += 1
        end = self.after_element(name, position) if self.resized <= _RESIZED else None
        seen = end is not None and _OWN_SIZE.search(self.html, position, end)
        return None if seen else end

    def _closing(self, name: str, position: int) -> int:
        lower, upper = self.find(f"</{name}", position), self.find(f"</{name.upper()}", position)
        found = [at for at in (lower, upper) if at >= 0]
        return min(found) if found else -1

    def _openings(self, name: str, position: int, end: int) -> int:
        return self.html.count(f"<{name}", position, end) + self.html.count(
            f"<{name.upper()}", position, end
        )


def _after_comment(start: int, finder: _Finder) -> int:
    """Pass over a comment; one that is never closed hides nothing but itself."""
    end = finder.find("-->", start + 2)
    return start + 4 if end < 0 else end + 3


@lru_cache(maxsize=128)  # A page has few kinds of tags, and each a hundred times.
def _attributes(tag: str) -> Mapping[str, str]:
    if not tag or len(tag) < 4:
        return {}
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        name = match[1].lower()
        if name in _WANTED:
            found.setdefault(name, (match[2] or "").strip("\"'"))
    return found


def _is_hidden(name: str, attributes: Mapping[str, str]) -> bool:
    if name in _NEVER_SHOWN or "hidden" in attributes:
        return True
    style = attributes.get("style", "")
    return bool(style) and _hides(style)


def _is_only_small(name: str, attributes: Mapping[str, str]) -> bool:
    """Say whether of a hidden element only the size of its letters hides it."""
    if name in _NEVER_SHOWN or "hidden" in attributes:
        return False
    return not _hides(_SIZE.sub("", attributes["style"]))


@lru_cache(maxsize=128)
def _hides(style: str) -> bool:
    return _HIDING.search(style) is not None


def _add_text(page: _Page, raw: str) -> None:
    text = entities.unescape(_TOO_MANY_DIGITS.sub("\ufffd", raw)) if "&" in raw else raw
    if page.preformatted:
        first, *rest = text.split("\n")
        page.line.append(first)
        for further in rest:
            page.end_line()
            page.line.append(further)
        return
    if text in ("\n", "\r\n"):
        page.line.append(" ")  # As between most tags.
    elif text.isprintable() and "  " not in text:
        page.line.append(text)  # What is printable holds no blank but the space.
    else:
        page.line.append(_BLANKS.sub(" ", text))


def _open(page: _Page, name: str, attributes: Mapping[str, str]) -> None:
    if name in ("td", "th"):
        page.cell()
    elif name == "a":
        page.link = attributes.get("href", "")
        page.linked_from = len(page.line)
    elif name == "img":
        page.line.append(" ")
    elif name == "br":
        page.end_line(blank=not page.line)
    elif name in _BLOCK:
        page.end_line(blank=name in _PARAGRAPH)
        if name == "blockquote":
            quoted = _is_quote(attributes)
            page.quoting.append(quoted)
            page.quotes += quoted
        elif name == "li":
            page.line.append(_bullet(page))
        elif name in ("ul", "ol"):
            page.lists.append(1 if name == "ol" else 0)
        elif name == "pre":
            page.preformatted += 1


def _close(page: _Page, name: str) -> None:
    if name == "a":
        _end_link(page)
    elif name in _BLOCK:
        if name == "blockquote" and page.quoting:
            page.end_line()
            page.quotes -= page.quoting.pop()
        page.end_line(blank=name in _PARAGRAPH)
        if name in ("ul", "ol") and page.lists:
            page.lists.pop()
        elif name == "pre":
            page.preformatted = max(0, page.preformatted - 1)


def _is_quote(attributes: Mapping[str, str]) -> bool:
    return (
        attributes.get("type", "").lower() == "cite"
        or _QUOTE_CLASS.search(attributes.get("class", "")[:200]) is not None
        or "border-left" in attributes.get("style", "").lower()
    )


def _bullet(page: _Page) -> str:
    if page.lists and page.lists[-1]:
        page.lists[-1] += 1
        return f"{page.lists[-1] - 1}. "
    return "- "


def _end_link(page: _Page) -> None:
    """Write a web address behind its words, where it is short and says something more."""
    url = page.link
    page.link = ""
    if not url.lower().startswith(("http://", "https://")) or len(url) > _LINK_LIMIT:
        return
    words = "".join(page.line[page.linked_from :]).strip()
    host = url.split("/")[2] if url.count("/") >= 2 else url
    if words and host not in words:
        page.line.append(f" <{entities.unescape(url)}>")


def _without_blank_runs(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if line.strip("> ") or (kept and kept[-1].strip("> ")):
            kept.append(line)
    return kept
