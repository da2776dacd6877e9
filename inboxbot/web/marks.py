"""A letter's text as HTML: everything escaped, the words that counted marked, links plain to see.

Escaping comes first and last: a link or a mark is wrapped around pieces that were escaped by
themselves, so nothing that a letter says can become a tag.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from inboxbot.frozen import dataclass

SHOWN_LIMIT = 200_000

_LINK = re.compile(r"https?://[^\s<>\"'`{}|\\^]{1,2000}|mailto:[^\s<>\"'`]{1,300}", re.IGNORECASE)
_TRAILING = ".,;:!?)]}»”’"
# Characters that reorder or hide text: shown as a small sign with their number.
_HIDDEN = re.compile("[\u00ad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text that counted, and what it counted for."""

    start: int
    end: int
    kind: str
    label: str


def marked(text: str, spans: Iterable[Span] = (), *, limit: int = SHOWN_LIMIT) -> Markup:
    """Return the text with its links and the spans marked; spans that overlap are cut short."""
    text = text[:limit]
    pieces = _without_overlaps(spans, len(text))
    links = list(_links(text))
    borders = sorted(
        {0, len(text)}
        | {edge for span in pieces for edge in (span.start, span.end)}
        | {edge for start, end, _ in links for edge in (start, end)}
    )
    out: list[Markup] = []
    spans_left, links_left = iter(pieces), iter(links)
    span, link = next(spans_left, None), next(links_left, None)
    for start, end in pairwise(borders):
        while span is not None and span.end <= start:
            span = next(spans_left, None)
        while link is not None and link[1] <= start:
            link = next(links_left, None)
        piece = _visible(text[start:end])
        if span is not None and span.start <= start:
            piece = _mark(span, piece)
        if link is not None and link[0] <= start:
            piece = _linked(link[2], piece, last=end == link[1])
        out.append(piece)
    return Markup("").join(out)


def _mark(span: Span, piece: Markup) -> Markup:
    return Markup('<mark class="{}" title="{}">{}</mark>').format(span.kind, span.label, piece)


def _linked(target: str, piece: Markup, *, last: bool) -> Markup:
    return Markup(
        '<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>{}'
    ).format(target, piece, _host(target) if last else "")


def visible(text: str) -> Markup:
    """Return a short text, such as a subject, with what it hides made visible."""
    return _visible(text)


def reorders(character: str) -> bool:
    """Say whether a character hides itself or changes the order of others."""
    return _HIDDEN.match(character) is not None


def _visible(text: str) -> Markup:
    # What can be printed is neither hidden nor a control: to ask for that is the quickest.
    if text.isprintable() or not (_HIDDEN.search(text) or _CONTROL.search(text)):
        return escape(text)
    text = _CONTROL.sub("\ufffd", text)
    out: list[Markup] = []
    place = 0
    for match in _HIDDEN.finditer(text):
        out.append(escape(text[place : match.start()]))
        out.append(
            Markup('<span class="hidden-sign" title="U+{:04X}">¤</span>').format(ord(match[0]))
        )
        place = match.end()
    out.append(escape(text[place:]))
    return Markup("").join(out)


def _links(text: str) -> Iterable[tuple[int, int, str]]:
    for match in _LINK.finditer(text):
        target = match[0].rstrip(_TRAILING)
        if _HIDDEN.search(target) or target.endswith("://"):
            continue
        yield match.start(), match.start() + len(target), target


def _host(target: str) -> Markup:
    """Return where a link truly leads, where its text could deceive."""
    try:
        host = urlsplit(target).hostname or ""
        plain = host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return Markup(' <span class="link-host">({})</span>').format("?")
    if (
        "@" not in target.partition("//")[2].partition("/")[0]
        and plain == host
        and "xn--" not in host
    ):
        return Markup("")
    return Markup(' <span class="link-host">({})</span>').format(plain)


def _without_overlaps(spans: Iterable[Span], length: int) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        start = max(span.start, kept[-1].end if kept else 0, 0)
        end = min(span.end, length)
        if start < end:
            kept.append(Span(start, end, span.kind, span.label))
    return kept
