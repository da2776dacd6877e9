"""A letter's own HTML, made harmless: what could run, load, submit or redirect is gone.

This is the first of three walls; the page that it becomes runs no script and loads nothing by
its own policy (the second), inside a frame that is sandboxed (the third). A sanitiser alone has
been passed too often; a frame alone still opens connections.
"""

import email
import html as entities
import re
from email.message import Message as Tree
from urllib.parse import unquote, urlsplit

import nh3
from markupsafe import Markup

from inboxbot.mail import charset
from inboxbot.web import marks

HTML_LIMIT = 1_000_000
# Sanitising takes time with the square of how deep tags are nested: a second for so many.
TAGS_LIMIT = 4_000

TAGS = {
    "a", "abbr", "address", "article", "b", "bdi", "bdo", "big", "blockquote", "br", "caption",
    "center", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption",
    "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "ins",
    "kbd", "li", "main", "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span",
    "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
    "tt", "u", "ul", "wbr",
}  # fmt: skip
_GONE = {"script", "style", "title", "textarea", "select", "noscript", "template", "svg", "math",
         "iframe", "object", "xmp", "noembed", "noframes", "plaintext"}  # fmt: skip
_LAYOUT = {"align", "valign", "dir", "lang", "title", "width", "height", "bgcolor", "style"}
_ATTRIBUTES = {
    "*": _LAYOUT,
    "a": {"href"},
    "font": {"color", "size", "face"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "type"},
    "li": {"value"},
}
# Properties whose values name no address and cover nothing outside the letter.
_STYLES = {
    "color", "background-color", "font-family", "font-size", "font-style", "font-weight",
    "text-align", "text-decoration", "line-height", "margin", "margin-left", "margin-right",
    "margin-top", "margin-bottom", "padding", "padding-left", "padding-right", "padding-top",
    "padding-bottom", "border-collapse", "border-color", "border-style", "border-width",
    "vertical-align", "white-space", "width", "max-width", "direction",
}  # fmt: skip
_REMOTE = re.compile(
    r"""(?:src|background|poster|srcset)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//""",
    re.IGNORECASE,
)
# So the sanitiser writes every tag: quotes in a value and brackets in the text are escaped.
_TAG = re.compile(r'<(/?)(\w+)((?: [\w-]+="[^"]*")*)>')
_HREF = re.compile(r' href="([^"]*)"')
# Its own look: what is around a link could make it too small or too faint to be read.
_HOST = Markup(
    ' <span style="font-size:14px;color:#555;background-color:#fff;direction:ltr">({})</span>'
)
ATTRIBUTE_NAMES = set().union(*_ATTRIBUTES.values()) | {"rel", "target"}
_cleaner = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags=_GONE,
    attributes=_ATTRIBUTES,
    filter_style_properties=_STYLES,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
    url_relative="deny",
)


def html_of(raw: bytes) -> str | None:
    """Return the HTML part of a letter, decoded; None where it has none."""
    for part in email.message_from_bytes(raw).walk():
        if part.get_content_type() == "text/html" and not _is_file(part):
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                label = str(part.get_param("charset") or "")
                return charset.decode(payload[:HTML_LIMIT], label).text
    return None


def remote_count(html: str) -> int:
    """Return how many things the HTML would load from elsewhere."""
    return len(_REMOTE.findall(html))


def is_too_tangled(html: str) -> bool:
    """Say whether making the HTML harmless could take long: it is not shown formatted then."""
    return html.count("<") > TAGS_LIMIT


def harmless(html: str) -> str:
    """Return the HTML with only what shapes text; only of what is not too tangled.

    Behind a link stands where it leads, unless its text is just that address.
    """
    if is_too_tangled(html):
        raise ValueError("too tangled to be sanitised in a moment")
    return _with_hosts(_cleaner.clean(html[:HTML_LIMIT]))


def _with_hosts(clean: str) -> str:
    out: list[str] = []
    place = 0
    within: list[tuple[str, int]] = []  # In a table within a link, there can be a further link.
    for tag in _TAG.finditer(clean):
        if tag[2] != "a":
            continue
        if not tag[1]:
            href = _HREF.search(tag[3])
            within.append((entities.unescape(href[1]) if href else "", tag.end()))
        elif within:
            target, start = within.pop()
            out += [clean[place : tag.end()], _host(target, clean[start : tag.start()])]
            place = tag.end()
    return "".join([*out, clean[place:]])


def _host(target: str, inner: str) -> Markup:
    """Return where a browser would go by a link; "" where its text says just that."""
    target = re.sub(r"[\t\r\n]", "", target).strip("".join(map(chr, range(33)))).replace("\\", "/")
    if not target:
        return Markup("")
    if target.lower().startswith("mailto:"):
        where = unquote(target[7:].partition("?")[0])
        same = re.escape(where)
    else:
        where = _host_of(re.sub(r"^(https?):/*", r"\1://", target, flags=re.IGNORECASE))
        same = rf"(?:https?://)?{re.escape(where)}(?::\d+)?(?:[/?#]\S*)?"
    text = entities.unescape(inner).strip()
    if re.fullmatch(same, text, re.IGNORECASE) and "<" not in inner and text.isprintable():
        return Markup("")
    return _HOST.format(marks.visible(where[:200]))


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "?").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return "?"


def _is_file(part: Tree) -> bool:
    return part.get_content_disposition() == "attachment"
