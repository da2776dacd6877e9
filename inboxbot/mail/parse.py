"""Bytes to a `Message`; accepts anything, never raises.

Each step reads less than the one before and is tried only when that one failed: the
library's tree with mail-parser's readers for addresses and dates, the same tree with the
standard library's, the header alone, nothing at all. `Message.parser` says which it was.
"""

import logging
from dataclasses import replace
from email.message import Message as Tree
from email.parser import BytesFeedParser, BytesHeaderParser

import mailparser

from inboxbot.mail import headers, structure
from inboxbot.mail.body import own_words
from inboxbot.mail.clean import one_line, reorders, unfold
from inboxbot.mail.letter import letter
from inboxbot.mail.message import Address, Attachment, Message
from inboxbot.mail.wire import header_end, hollowed, within_limits

# It writes lines of the header that it could not read into the log.
logging.getLogger(mailparser.__name__).setLevel(logging.CRITICAL)

OWN_WORDS_LIMIT = 64 * 1024
DEFECTS_LIMIT = 50
_HEADER_NAME_LIMIT = 100
_PIECE = 64 * 1024

_SENTENCES = {
    "NoBoundaryInMultipartDefect": "The parts of the message are not separated.",
    "StartBoundaryNotFoundDefect": "The parts of the message are not separated as it says.",
    "CloseBoundaryNotFoundDefect": "The end of the message is missing; it may have been cut off.",
    "MissingHeaderBodySeparatorDefect": "The header ends without a blank line.",
    "MultipartInvariantViolationDefect": "The message says that it has parts, and has none.",
    "FirstHeaderLineIsContinuationDefect": "The header begins in the middle of a field.",
    "MisplacedEnvelopeHeaderDefect": "A line of a mail file stands inside the header.",
    "InvalidMultipartContentTransferEncodingDefect": "The parts are encoded as a whole.",
}


def parse(raw: bytes) -> Message:
    """Read a message as far as it can be read.

    Anything may be passed, and a `Message` comes back: what could not be read is empty,
    and `defects` says in words what was wrong.
    """
    if not raw.strip(b"\r\n\t \0"):
        return Message(defects=("The message is empty.",))
    for plainly in (False, True):
        try:
            return _whole(raw, plainly=plainly)
        except Exception:  # noqa: BLE001, S112  (one message: the next step reads less)
            continue
    return parse_header(raw)


def parse_header(raw: bytes) -> Message:
    """Read the header of a message and nothing else; as forgiving as `parse`."""
    try:
        return _header_alone(raw)
    except Exception:  # noqa: BLE001  (one message: there is nothing less to try)
        return Message(defects=("Nothing of the message could be read.",))


def attachment_bytes(raw: bytes, index: int) -> tuple[Attachment, bytes]:
    """Cut one file out of a message.

    Raises:
        LookupError: the message has no attachment of that index.
    """
    limited = within_limits(raw)
    hollow = hollowed(limited.raw)
    root = structure.rebuilt(structure.nodes_of(_tree(hollow.raw)))
    for attachment, data in structure.files(root, hollow, letter(root, hollow).enclosed):
        if attachment.index == index:
            return attachment, data
    raise LookupError(f"no attachment {index}")


def _whole(raw: bytes, *, plainly: bool) -> Message:
    limited = within_limits(raw)
    hollow = hollowed(limited.raw)
    tree = _tree(hollow.raw)
    root = structure.rebuilt(structure.nodes_of(tree))
    text = letter(root, hollow)
    message = _from_header(tree, plainly=plainly)
    files = tuple(attachment for attachment, _ in structure.files(root, hollow, text.enclosed))
    defects = [*limited.defects, *message.defects, *_structural(tree), *text.defects]
    defects += structure.peculiarities(root)
    return replace(
        message,
        parser="email" if plainly else "mail-parser",
        text=own_words(text.text)[:OWN_WORDS_LIMIT] if text.own else "",
        full_text=text.text,
        attachments=files,
        parts=structure.parts(root),
        charset_guessed=text.guessed,
        defects=tuple(dict.fromkeys(defects))[:DEFECTS_LIMIT],
    )


def _tree(raw: bytes) -> Tree:
    """Parse piece by piece: as a whole, the library would hold each letter five times."""
    parser = BytesFeedParser()
    for start in range(0, len(raw), _PIECE):
        parser.feed(raw[start : start + _PIECE])
    return parser.close()


def _header_alone(raw: bytes) -> Message:
    limited = within_limits(raw)
    head = limited.raw[: header_end(limited.raw)]
    tree = BytesHeaderParser().parsebytes(head + b"\n\n")
    message = _from_header(tree, plainly=True)
    defects = (*limited.defects, *message.defects, "Only the header of the message could be read.")
    return replace(message, parser="headers", defects=tuple(dict.fromkeys(defects)))


def _structural(tree: Tree) -> list[str]:
    found: list[str] = []
    for part in tree.walk():
        for defect in part.defects:
            sentence = _SENTENCES.get(type(defect).__name__)
            if sentence and sentence not in found:
                found.append(sentence)
    return found


# --- the header ----------------------------------------------------------------------


def _from_header(tree: Tree, *, plainly: bool) -> Message:
    fields: dict[str, list[str]] = {}
    kept: list[tuple[str, str]] = []
    for name, value in tree.raw_items():
        value = str(value)
        fields.setdefault(name.lower(), []).append(value)
        kept.append((one_line(name, _HEADER_NAME_LIMIT), _undecoded(value)))
    defects: list[str] = []
    if not kept:
        defects.append("The message has no header.")

    def mailboxes(*names: str) -> tuple[Address, ...]:
        values = [value for name in names for value in fields.get(name, [])]
        return tuple(headers.addresses(values, plainly=plainly))

    authors = mailboxes("from")
    subject, about_subject = _subject(fields.get("subject", []))
    sender, about_sender = _sender(fields.get("from", []), authors, plainly=plainly)
    identifier, about_identifier = _message_id(fields.get("message-id", []))
    dates = fields.get("date", [])
    sent_at = headers.date(dates[0], plainly=plainly) if dates else None
    if dates and sent_at is None:
        defects.append("The Date field holds no believable date.")
    return Message(
        headers=tuple(kept),
        message_id=identifier,
        sender=sender,
        authors=authors,
        from_fields=len(fields.get("from", [])),
        reply_to=mailboxes("reply-to"),
        recipients=mailboxes("to", "cc", "resent-to", "resent-cc"),
        subject=subject,
        in_reply_to=headers.message_ids(fields.get("in-reply-to", [])),
        references=headers.message_ids(fields.get("references", [])),
        sent_at=sent_at,
        defects=(*defects, *about_sender, *about_subject, *about_identifier),
    )


def _undecoded(value: str) -> str:
    if not value.isascii():
        value = headers.written(value[: headers.VALUE_LIMIT])
    return one_line(value, headers.VALUE_LIMIT)


def _subject(values: list[str]) -> tuple[str, list[str]]:
    if not values:
        return "", []
    defects = ["The message has more than one Subject field."] if len(values) > 1 else []
    if reorders(headers.decoded(values[0])):
        defects.append("The subject held characters that show text in another order.")
    return headers.line(values[0], headers.SUBJECT_LIMIT), defects


def _message_id(values: list[str]) -> tuple[str | None, list[str]]:
    if not values:
        return None, ["The message has no Message-ID."]
    identifier = headers.message_id(values[0])
    defects = ["The message has more than one Message-ID."] if len(values) > 1 else []
    if identifier is None:
        defects.append("The Message-ID is not a valid one.")
    return identifier, defects


def _sender(
    values: list[str], authors: tuple[Address, ...], *, plainly: bool
) -> tuple[Address | None, list[str]]:
    """Return the one author that mail can be sent to (RFC 5322, section 3.6.2), or why none."""
    if not values:
        return None, ["The message has no From field."]
    if len(values) > 1:
        return None, ["The message has more than one From field."]
    if not authors:
        return None, ["The From field holds no address."]
    if len(authors) > 1:
        return None, ["The From field names more than one author."]
    value = unfold(values[0][: headers.VALUE_LIMIT])
    if any(c < " " and c != "\t" for c in headers.decoded(value)):
        return None, ["The From field holds control characters."]
    address = headers.usable(authors[0].address)
    if address is None:
        return None, ["The address in the From field cannot be written to."]
    author = headers.sole_author(values[0], authors[0], plainly=plainly)
    if author is None:
        return None, ["The From field holds more than one address."]
    return Address(author.name, address), []
