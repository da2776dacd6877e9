"""What a letter says: the text that is shown, one version of each, decoded and clean.

The rule: a letter never looks empty where there were words, and never costs more than its
budget, however many parts it has.
"""

import re
from collections.abc import Iterator
from dataclasses import field, replace

from inboxbot.frozen import dataclass
from inboxbot.mail import charset, headers, transfer
from inboxbot.mail.clean import many_lines
from inboxbot.mail.flowed import unflowed
from inboxbot.mail.html import HTML_LIMIT, html_to_text
from inboxbot.mail.structure import Node, is_letter, nodes_of, payload, walk
from inboxbot.mail.wire import Hollow

TEXT_LIMIT = 256 * 1024
# What is looked at in all the parts together, before anything is made of it.
BUDGET = 1024 * 1024
# Up to here a plain version may be nothing but "this message is in HTML".
_STUB_LENGTH = 400
_NOT_PROSE = ("text/calendar", "text/vcard", "text/x-vcard", "text/css", "text/rtf", "text/csv")
_VERY_LONG = "The text is very long; only its beginning was read."
# All but the tab, line ends, and the shifts and escapes of ISO 2022.
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x0e\x0f\x1b") + b"\x7f"
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{2,40})", re.I
)
# Programs that fill in forms send pages as plain text.
_PAGE_START = re.compile(r"\s{0,20}<(?:html|!doctype html|body|div|p|table)\b[^>]{0,500}>", re.I)
_TAGS_OF_PAGES = re.compile(
    r"</?(?:p|div|br|font|span|td|tr|table|b|i|strong|em)\b[^<>]{0,200}>", re.I
)


@dataclass(frozen=True, slots=True)
class Text:
    """The letter's text as a person would see it.

    `own` is false where the only words are those of a message that was passed on whole.
    """

    text: str = ""
    own: bool = True
    guessed: bool = False
    defects: tuple[str, ...] = ()
    enclosed: tuple[transfer.Enclosed, ...] = field(default=())


def letter(root: Node, hollow: Hollow) -> Text:
    """Return what the letter says: every text that is shown, one version of each.

    Where no part is marked as the letter, named texts and what stands behind the last part
    count; at last the words of a message that was passed on without any of the sender's own.
    """
    reading = _Reading(hollow)
    defects: tuple[str, ...] = ()
    for texts in (reading.shown(root), reading.named(root), reading.behind(root)):
        joined = _joined(texts)
        if has_words(joined.text):
            return joined
        defects += joined.defects
    return replace(_joined(reading.passed_on(root)), own=False, defects=defects)


def has_words(text: str) -> bool:
    """Say whether a text holds a letter or a digit of any script."""
    return any(map(str.isalnum, text))


@dataclass(slots=True)
class _Reading:
    """One walk over the parts, with what is left of the budget."""

    hollow: Hollow
    left: int = BUDGET

    def shown(self, node: Node) -> Iterator[Text]:
        if node.type.startswith("message/") and node.tree.is_multipart():
            return
        if node.type == "multipart/alternative" and node.children:
            yield from self._best_alternative(node)
        elif node.children:
            for child in node.children:
                yield from self.shown(child)
        elif is_letter(node):
            yield self._text(node)

    def named(self, root: Node) -> Iterator[Text]:
        for node in walk(root):
            beside = node.embedded or node.tree.is_multipart() or node.disposition == "attachment"
            if not beside and node.type.startswith("text/") and node.type not in _NOT_PROSE:
                yield self._text(node)

    def behind(self, root: Node) -> Iterator[Text]:
        """Yield what follows the last part: the text of one that was not marked off."""
        for node in walk(root):
            rest = node.tree.epilogue
            if not node.embedded and node.type.startswith("multipart/") and isinstance(rest, str):
                data = self._within_budget(self.hollow.filled(headers.octets(rest)))
                yield Text(many_lines(charset.decode(data).text, TEXT_LIMIT))

    def passed_on(self, root: Node) -> Iterator[Text]:
        if root.type == "multipart/report":
            return
        for node in walk(root):
            if node.type == "message/rfc822" and not node.embedded and node.children:
                yield from self.shown(nodes_of(node.children[0].tree))
                return

    def _best_alternative(self, node: Node) -> list[Text]:
        """Choose the plain version, unless it only says that there is an HTML one."""
        stub: list[Text] = []
        for child in sorted(node.children, key=lambda child: child.type != "text/plain"):
            texts = list(self.shown(child))
            words = " ".join(text.text for text in texts)
            if not has_words(words):
                continue
            if child.type == "text/plain" and _is_stub(words):
                stub = texts
            elif not stub or len(words) > len(stub[0].text):
                return texts
        return stub

    def _text(self, node: Node) -> Text:
        if self.left <= 0:
            return Text(defects=(_VERY_LONG,))
        data = payload(node, self.hollow)
        read = self._within_budget(data)
        defects = [_VERY_LONG] if len(read) < len(data) else []
        html = node.type != "text/plain" and not node.type.startswith("multipart/")
        label = node.parameter("charset")
        if html and not label:
            meta = _META_CHARSET.search(read[:4096])
            label = meta[1].decode("ascii") if meta else ""
        if _is_binary(read, label):
            return Text(defects=("What should be the text is not text.",))
        decoded = charset.decode(read, label)
        text, limit = decoded.text, TEXT_LIMIT
        if html or _PAGE_START.match(text):
            text, limit = _from_html(text), HTML_LIMIT
        elif "</" in text and len(_TAGS_OF_PAGES.findall(text[:TEXT_LIMIT])) > 1:
            text = _from_html(text[:TEXT_LIMIT].replace("\n", "<br>"))
        elif node.parameter("format").lower() == "flowed":
            text = many_lines(text, TEXT_LIMIT)
            text = unflowed(text, delete_space=node.parameter("delsp").lower() == "yes")
        if len(decoded.text) > limit:
            defects = [_VERY_LONG]
        text, files = transfer.split_enclosed(many_lines(text, TEXT_LIMIT))
        if "-----BEGIN PGP MESSAGE-----" in text:
            defects.append("The text is encrypted (PGP) and cannot be read here.")
        return Text(text, guessed=decoded.guessed, defects=tuple(defects), enclosed=files)

    def _within_budget(self, data: bytes) -> bytes:
        read = data[: self.left]
        self.left -= len(read)
        return read


def _from_html(page: str) -> str:
    if len(page) > HTML_LIMIT:
        # Not in the middle of a tag: its first half would be shown as text.
        page = page[: max(page.rfind("<", 0, HTML_LIMIT), 1)]
    return html_to_text(page)


def _is_stub(words: str) -> bool:
    return len(words) < _STUB_LENGTH and ("html" in words.lower() or len(words.split()) < 3)


def _is_binary(data: bytes, label: str) -> bool:
    """Say whether bytes are no text in any charset: more than a few control characters."""
    if label.lower().startswith(("utf-16", "utf-32", "utf16", "utf32", "ucs")):
        return False
    sample = data[:4096]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls * 20 > len(sample) and not sample.startswith((b"\xff\xfe", b"\xfe\xff"))


def _joined(found: Iterator[Text]) -> Text:
    texts = list(found)
    if len(texts) == 1:
        return texts[0]
    return Text(
        "\n".join(text.text for text in texts if text.text)[:TEXT_LIMIT],
        guessed=any(text.guessed for text in texts),
        defects=tuple(dict.fromkeys(defect for text in texts for defect in text.defects)),
        enclosed=tuple(file for text in texts for file in text.enclosed),
    )
