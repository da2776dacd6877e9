"""The MIME tree of a message: which parts are the letter, which are files beside it.

Works on the library's plain (`compat32`) message, whose own look-ups never raise on real
mail; what the library decodes too strictly or not at all is decoded here. An embedded
message is one file: its words are not the sender's.
"""

import email
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from email.message import Message as Tree
from hashlib import sha256
from itertools import pairwise

from inboxbot.mail import charset, headers, transfer
from inboxbot.mail.clean import many_lines, one_line
from inboxbot.mail.flowed import unflowed
from inboxbot.mail.html import html_to_text
from inboxbot.mail.message import Attachment, Part
from inboxbot.mail.wire import Hollow

TEXT_LIMIT = 256 * 1024
PARTS_LIMIT = 1_000
NAME_LIMIT = 200
# Up to here a plain version may be nothing but "this message is in HTML".
_STUB_LENGTH = 400

_TEXT_TYPES = ("text/plain", "text/html", "text/enriched", "text/richtext")
_EXTENSIONS = {
    "application/pdf": "pdf", "application/msword": "doc", "application/rtf": "rtf",
    "application/zip": "zip", "application/ms-tnef": "dat", "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s", "application/pgp-signature": "asc",
    "application/pgp-encrypted": "asc", "application/json": "json", "application/xml": "xml",
    "application/vnd.ms-excel": "xls", "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "image/jpeg": "jpg", "image/jpg": "jpg", "image/png": "png", "image/gif": "gif",
    "image/heic": "heic", "image/tiff": "tif", "image/bmp": "bmp", "image/webp": "webp",
    "image/svg+xml": "svg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/wav": "wav",
    "audio/amr": "amr", "video/mp4": "mp4", "video/quicktime": "mov", "video/3gpp": "3gp",
    "text/plain": "txt", "text/html": "html", "text/calendar": "ics", "text/csv": "csv",
    "text/vcard": "vcf", "text/x-vcard": "vcf", "text/rtf": "rtf", "text/xml": "xml",
    "message/rfc822": "eml", "message/delivery-status": "txt", "text/rfc822-headers": "txt",
    "message/disposition-notification": "txt", "message/feedback-report": "txt",
}  # fmt: skip
_WINMAIL = "Outlook packed text or files into winmail.dat, which is not opened here."
_SENTENCES = {
    "application/ms-tnef": _WINMAIL,
    "application/vnd.ms-tnef": _WINMAIL,
    "multipart/encrypted": "The message is encrypted (PGP); its text cannot be read here.",
    "message/partial": "The message is one piece of a larger one.",
}
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{2,40})", re.I
)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the MIME tree, its header fields read and cleaned."""

    depth: int
    type: str
    parameters: tuple[tuple[str, str], ...]
    disposition: str
    name: str
    encoding: str
    tree: Tree
    number: int
    children: tuple["Node", ...] = ()
    embedded: bool = False

    def parameter(self, name: str) -> str:
        """Return a parameter of Content-Type, or ""."""
        return next((value for key, value in self.parameters if key == name), "")


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


def nodes_of(tree: Tree) -> Node:
    """Read a library message into nodes, numbered in the order of the message."""
    counter = iter(range(PARTS_LIMIT * 2))
    return _node(tree, 0, counter, embedded=False)


def _node(tree: Tree, depth: int, counter: Iterator[int], *, embedded: bool) -> Node:
    content_type = tree.get_content_type().lower()
    _, given = headers.parameters(_field(tree, "content-type"))
    disposition, about = headers.parameters(_field(tree, "content-disposition"))
    name = dict(about).get("filename") or dict(given).get("name") or ""
    number = next(counter, PARTS_LIMIT * 2)
    inside = embedded or (content_type.startswith("message/") and tree.is_multipart())
    children: list[Node] = []
    if tree.is_multipart():
        for child in tree.get_payload():
            if number >= PARTS_LIMIT:
                break
            if isinstance(child, Tree):
                children.append(_node(child, depth + 1, counter, embedded=inside))
    encoding = headers.line(_field(tree, "content-transfer-encoding"), 60)
    return Node(
        depth=depth,
        type=one_line(content_type, 100),
        parameters=given,
        disposition=disposition,
        name=file_name(name),
        encoding=encoding.partition(";")[0].strip().lower(),
        tree=tree,
        number=number,
        children=tuple(children),
        embedded=embedded,
    )


def _field(tree: Tree, name: str) -> str:
    return next((value for key, value in tree.raw_items() if key.lower() == name), "")


def file_name(name: str) -> str:
    """Return the last component of a name, short enough to keep its extension."""
    base = one_line(name.replace("\\", "/").rpartition("/")[2], 4_096).strip(". ")
    if len(base) <= NAME_LIMIT:
        return base
    stem, dot, extension = base.rpartition(".")
    if not dot or len(extension) > 20:
        return base[:NAME_LIMIT]
    return stem[: NAME_LIMIT - len(extension) - 1] + dot + extension


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, in the order of the message."""
    yield node
    for child in node.children:
        yield from walk(child)


def parts(root: Node) -> tuple[Part, ...]:
    """Return the tree as plain values."""
    return tuple(
        Part(node.depth, node.type, node.parameters, node.disposition) for node in walk(root)
    )[:PARTS_LIMIT]


# --- bytes -------------------------------------------------------------------------------


def payload(node: Node, hollow: Hollow) -> bytes:
    """Return the decoded bytes of a leaf, or an embedded message as it was sent."""
    if node.children or node.tree.is_multipart():
        return _embedded_bytes(node, hollow)
    raw = _undecoded(node.tree)
    return transfer.decode(hollow.filled(raw), node.encoding)


def _undecoded(tree: Tree) -> bytes:
    """Return the bytes of a leaf as they were sent.

    The library hands them out untouched only where no field names an encoding, so it is
    asked for a copy's without one.
    """
    bare = copy(tree)
    del bare["content-transfer-encoding"]
    data = bare.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _embedded_bytes(node: Node, hollow: Hollow) -> bytes:
    out: list[bytes] = []
    for child in node.tree.get_payload():
        if isinstance(child, Tree):
            try:
                out.append(child.as_bytes())
            except (ValueError, LookupError, TypeError, AttributeError, KeyError):
                out.append(
                    "".join(f"{k}: {v}\n" for k, v in child.items()).encode("utf-8", "replace")
                )
    return hollow.filled(b"\n".join(out))


# --- the letter --------------------------------------------------------------------------


def letter(root: Node, hollow: Hollow) -> Text:
    """Return what the letter says: every text that is shown, one version of each.

    Where no part is marked as the letter, named texts and what lies outside the parts
    count: it must never look empty where there were words.
    """
    for found in (_shown, _named, _outside):
        joined = _joined(found(root, hollow))
        if _has_words(joined.text):
            return joined
    return replace(_joined(_enclosed(root, hollow)), own=False)


def is_letter(node: Node) -> bool:
    """Say whether a leaf is shown as the letter, and not listed as a file."""
    if node.embedded or node.tree.is_multipart() or node.type not in _TEXT_TYPES:
        return node.type.startswith("multipart/") and not node.tree.is_multipart()
    return node.depth == 0 or (not node.name and node.disposition != "attachment")


def _shown(node: Node, hollow: Hollow) -> list[Text]:
    if node.type.startswith("message/") and node.tree.is_multipart():
        return []
    if node.type == "multipart/alternative" and node.children:
        return _best_alternative(node, hollow)
    if node.children:
        return [text for child in node.children for text in _shown(child, hollow)]
    if is_letter(node):
        return [_text(node, hollow)]
    return []


def _best_alternative(node: Node, hollow: Hollow) -> list[Text]:
    """Choose the plain version, unless it only says that there is an HTML one."""
    stub: list[Text] = []
    for child in sorted(node.children, key=lambda child: child.type != "text/plain"):
        texts = _shown(child, hollow)
        words = " ".join(text.text for text in texts)
        if not _has_words(words):
            continue
        if child.type == "text/plain" and _is_stub(words):
            stub = texts
        elif not stub or len(words) > 2 * len(stub[0].text):
            return texts
    return stub


def _is_stub(words: str) -> bool:
    return len(words) < _STUB_LENGTH and ("html" in words.lower() or len(words.split()) < 3)


def _named(root: Node, hollow: Hollow) -> list[Text]:
    return [
        _text(node, hollow)
        for node in walk(root)
        if not node.embedded
        and not node.tree.is_multipart()
        and node.type.startswith("text/")
        and node.type not in ("text/calendar", "text/vcard", "text/x-vcard", "text/css", "text/rtf")
        and node.disposition != "attachment"
    ]


def _outside(root: Node, hollow: Hollow) -> list[Text]:
    """Return what stands behind the last part: the text of a part that was not marked off."""
    found: list[Text] = []
    for node in walk(root):
        outside = node.tree.epilogue
        if not node.embedded and node.type.startswith("multipart/") and isinstance(outside, str):
            text = charset.decode(hollow.filled(headers.octets(outside))).text
            found.append(Text(many_lines(text, TEXT_LIMIT)))
    return found


def _enclosed(root: Node, hollow: Hollow) -> list[Text]:
    """Return the words of a message that was passed on without any of the sender's own."""
    if root.type == "multipart/report":
        return []
    for node in walk(root):
        if node.type == "message/rfc822" and not node.embedded and node.children:
            return _shown(nodes_of(node.children[0].tree), hollow)
    return []


def _text(node: Node, hollow: Hollow) -> Text:
    data = payload(node, hollow)
    defects: list[str] = []
    if len(data) > 4 * TEXT_LIMIT:
        data = data[: 4 * TEXT_LIMIT]
    html = node.type != "text/plain" and not node.type.startswith("multipart/")
    label = node.parameter("charset")
    if html and not label:
        meta = _META_CHARSET.search(data[:4096])
        label = meta[1].decode("ascii") if meta else ""
    decoded = charset.decode(data, label)
    text = decoded.text
    if len(text) > TEXT_LIMIT:
        defects.append("The text is very long; only its beginning was read.")
        text = text[:TEXT_LIMIT]
    if not html and text[:200].lstrip()[:20].lower().startswith(("<html", "<!doctype html")):
        html = True
    if html:
        return Text(
            many_lines(html_to_text(text), TEXT_LIMIT),
            guessed=decoded.guessed,
            defects=tuple(defects),
        )
    text = many_lines(text, TEXT_LIMIT)
    if node.parameter("format").lower() == "flowed":
        text = unflowed(text, delete_space=node.parameter("delsp").lower() == "yes")
    text, files = transfer.split_enclosed(text)
    if "-----BEGIN PGP MESSAGE-----" in text:
        defects.append("The text is encrypted (PGP) and cannot be read here.")
    return Text(text, guessed=decoded.guessed, defects=tuple(defects), enclosed=files)


def _joined(texts: list[Text]) -> Text:
    if len(texts) == 1:
        return texts[0]
    return Text(
        "\n".join(text.text for text in texts if text.text)[:TEXT_LIMIT],
        guessed=any(text.guessed for text in texts),
        defects=tuple(dict.fromkeys(defect for text in texts for defect in text.defects)),
        enclosed=tuple(file for text in texts for file in text.enclosed),
    )


def _has_words(text: str) -> bool:
    return any(c.isalnum() for c in text)


# --- files -------------------------------------------------------------------------------


def files(root: Node, hollow: Hollow, text: Text) -> Iterator[tuple[Attachment, bytes]]:
    """Yield what lies beside the letter, each with its bytes, in a stable order."""
    index = 0
    for node in _file_nodes(root):
        index += 1
        yield _attachment(index, node.name, node.type, payload(node, hollow))
    for enclosed in text.enclosed:
        index += 1
        yield _attachment(
            index, file_name(enclosed.name), "application/octet-stream", enclosed.data
        )


def _attachment(index: int, name: str, kind: str, data: bytes) -> tuple[Attachment, bytes]:
    extension = _EXTENSIONS.get(kind, "bin")
    return (
        Attachment(
            index, name or f"part-{index}.{extension}", kind, len(data), sha256(data).hexdigest()
        ),
        data,
    )


def _file_nodes(node: Node) -> Iterator[Node]:
    if node.type.startswith("message/") and node.tree.is_multipart():
        yield node
    elif node.children:
        for child in node.children:
            yield from _file_nodes(child)
    elif not node.tree.is_multipart() and not is_letter(node):
        yield node


def peculiarities(root: Node) -> Iterator[str]:
    """Yield what staff should know of the kinds of parts, in sentences."""
    for node in walk(root):
        if node.embedded:
            continue
        if node.type in _SENTENCES:
            yield _SENTENCES[node.type]
        elif node.name.lower() == "winmail.dat":
            yield _WINMAIL
        elif node.type in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            signed = node.parameter("smime-type") == "signed-data"
            yield (
                "The text is wrapped in a signature (S/MIME) and cannot be read here."
                if signed
                else "The message is encrypted (S/MIME); its text cannot be read here."
            )


def rebuilt(root: Node) -> Node:
    """Give a multipart whose boundary is wrong or missing the parts that its lines show."""
    if root.children or not root.type.startswith("multipart/") or root.tree.is_multipart():
        return replace(root, children=tuple(rebuilt(child) for child in root.children))
    content = root.tree.get_payload()
    boundary = _likely_boundary(content) if isinstance(content, str) else ""
    if not boundary:
        return root
    header = f'Content-Type: {root.type}; boundary="{boundary}"\n\n'
    again = email.message_from_bytes(header.encode() + _undecoded(root.tree))
    if not again.is_multipart():
        return root
    fresh = nodes_of(again)
    return replace(root, tree=again, children=fresh.children)


def _likely_boundary(content: str) -> str:
    lines = content[:65_536].splitlines()
    for line, following in pairwise(lines):
        if line.startswith("--") and len(line) < 200 and following.lower().startswith("content-"):
            boundary = line[2:].rstrip()
            if boundary and boundary.isascii() and '"' not in boundary and "\\" not in boundary:
                return boundary
    return ""
