"""A letter's own HTML, made harmless: what could run, load, submit or redirect is gone.

This is the first of three walls; the page that it becomes runs no script and loads nothing by
its own policy (the second), inside a frame that is sandboxed (the third). A sanitiser alone has
been passed too often; a frame alone still opens connections.
"""

import email
import re
from email.message import Message as Tree

import nh3

from inboxbot.mail import charset

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
    """Return the HTML with only what shapes text; only of what is not too tangled."""
    if is_too_tangled(html):
        raise ValueError("too tangled to be sanitised in a moment")
    return _cleaner.clean(html[:HTML_LIMIT])


def _is_file(part: Tree) -> bool:
    return part.get_content_disposition() == "attachment"
