"""The MIME tree of a message: its parts, their bytes, the files beside the letter.

Works on the library's plain (`compat32`) message, whose own look-ups never raise on real
mail; what the library decodes too strictly or not at all is decoded here. An embedded
message is one file: its words are not the sender's.
"""

import email
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
from email.message import Message as Tree
from hashlib import sha256
from itertools import pairwise

from inboxbot.frozen import dataclass
from inboxbot.mail import headers, transfer
from inboxbot.mail.clean import one_line
from inboxbot.mail.lexical import without_comments
from inboxbot.mail.message import Attachment, Part
from inboxbot.mail.wire import Hollow

PARTS_LIMIT = 1_000
NAME_LIMIT = 200

_TEXT_TYPES = ("text/plain", "text/html", "text/enriched", "text/richtext")
_DECODED_BY_LIBRARY = frozenset(
    ("quoted-printable", "base64", "x-uuencode", "uuencode", "uue", "x-uue")
)
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


def nodes_of(tree: Tree) -> Node:
    """Read a library message into nodes, numbered in the order of the message."""
    counter = iter(range(PARTS_LIMIT * 2))
    return _node(tree, 0, counter, embedded=False)


def _node(tree: Tree, depth: int, counter: Iterator[int], *, embedded: bool) -> Node:
    content_type = _type(tree)
    fields: dict[str, str] = {}
    for key, value in tree.raw_items():
        fields.setdefault(key.lower(), value)
    _, given = headers.parameters(fields.get("content-type", ""))
    disposition, about = headers.parameters(fields.get("content-disposition", ""))
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
    encoding = headers.line(fields.get("content-transfer-encoding", ""), 60)
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


def _type(tree: Tree) -> str:
    """Return the type as the library reads it, without the comments and blanks that it keeps."""
    content_type = tree.get_content_type().lower()
    if "(" not in content_type and " " not in content_type:
        return content_type
    return "".join(without_comments(content_type).split())


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
    raw = undecoded(node.tree)
    return transfer.decode(hollow.filled(raw), node.encoding)


def undecoded(tree: Tree) -> bytes:
    """Return the bytes of a leaf as they were sent.

    The library hands them out untouched only where no field names an encoding that it knows,
    so it is asked for a copy's without one.
    """
    bare = tree
    if str(tree.get("content-transfer-encoding", "")).lower() in _DECODED_BY_LIBRARY:
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


def is_letter(node: Node) -> bool:
    """Say whether a leaf is shown as the letter, and not listed as a file."""
    if node.embedded or node.tree.is_multipart() or node.type not in _TEXT_TYPES:
        return node.type.startswith("multipart/") and not node.tree.is_multipart()
    return node.depth == 0 or (not node.name and node.disposition != "attachment")


# --- files -------------------------------------------------------------------------------


def files(
    root: Node, hollow: Hollow, enclosed: Iterable[transfer.Enclosed]
) -> Iterator[tuple[Attachment, bytes]]:
    """Yield what lies beside the letter, each with its bytes, in a stable order."""
    index = 0
    for node in _file_nodes(root):
        index += 1
        yield _attachment(index, node.name, node.type, payload(node, hollow))
    for file in enclosed:
        index += 1
        yield _attachment(index, file_name(file.name), "application/octet-stream", file.data)


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
    if root.children:
        children = tuple(rebuilt(child) for child in root.children)
        return replace(root, children=children) if children != root.children else root
    if not root.type.startswith("multipart/") or root.tree.is_multipart():
        return root
    content = root.tree.get_payload()
    boundary = _likely_boundary(content) if isinstance(content, str) else ""
    if not boundary:
        return root
    header = f'Content-Type: {root.type}; boundary="{boundary}"\n\n'
    again = email.message_from_bytes(header.encode() + undecoded(root.tree))
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
