"""A letter without the files that came with it, for when those are to be erased first.

Pure. The parts keep their places and types, so that what is left reads as before; only their
content is gone.
"""

import email
from email.generator import BytesGenerator
from email.message import Message as Tree
from email.policy import compat32
from io import BytesIO

from inboxbot.mail.structure import is_letter, nodes_of, walk


def without_attachments(raw: bytes) -> bytes | None:
    """Return the bytes with every file emptied; None where they cannot be taken apart safely."""
    try:
        tree = email.message_from_bytes(raw, policy=compat32)
        for node in walk(nodes_of(tree)):
            if not is_letter(node) and not node.embedded and not _holds_parts(node.tree):
                _empty(node.tree)
        out = BytesIO()
        BytesGenerator(out, mangle_from_=False, policy=compat32).flatten(tree)
        return out.getvalue()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _holds_parts(tree: Tree) -> bool:
    return tree.is_multipart() and not tree.get_content_type().lower().startswith("message/")


def _empty(tree: Tree) -> None:
    del tree["content-transfer-encoding"]
    tree.set_payload("")
