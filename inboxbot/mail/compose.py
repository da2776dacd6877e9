"""Write the bytes of a reply: threaded, to exactly one person, marked when it is automatic.

No value of the letter goes into the reply but its valid Message-IDs. The finished bytes are
read again, and whatever is not exactly what was meant never leaves.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime

from inboxbot.errors import PermanentError
from inboxbot.mail import headers
from inboxbot.mail.clean import one_line
from inboxbot.mail.conversation import is_reply
from inboxbot.mail.encode import boundary, mailbox, part, text_lines, words
from inboxbot.mail.finished import problems
from inboxbot.mail.message import Identity, Message, Reply
from inboxbot.mail.message_id import acknowledgement_id, answer_id, is_ours, is_valid
from inboxbot.mail.origin import LOOP_FIELD, loop_mark

__all__ = [
    "ComposeMismatchError",
    "acknowledgement",
    "answer",
    "answer_subject",
    "is_ours",
    "returned_message_ids",
]

SUBJECT_LIMIT = 200
_REFERENCES_KEPT = 20
_RETURNED_LIMIT = 50
_SCANNED = 4 * 1024 * 1024

# MS-OXCMAIL: no receipt, no out-of-office and no automatic reply to this; but a bounce may come.
_SUPPRESS = "DR, RN, NRN, OOF, AutoReply"
# As fields or as quoted lines of text, folded or not, and cut by quoted-printable.
_RETURNED_ID = re.compile(
    rb"^[> \t]{0,20}(?:X-)?(?:Original-)?Message-ID:[ \t]{0,20}(?:\r?\n[> \t]{1,20})?"
    rb"(<[^<>\s]{1,250}>)",
    re.IGNORECASE | re.MULTILINE,
)
# RFC 3464, section 2.3.3.
_ACTION = re.compile(
    rb"^Action:[ \t]{0,20}(failed|delayed|delivered|relayed|expanded)\b",
    re.IGNORECASE | re.MULTILINE,
)


class ComposeMismatchError(PermanentError):
    """The finished message is not exactly what was meant: hold it, a person must look."""

    def __init__(self, found: tuple[str, ...]) -> None:
        super().__init__("; ".join(found))
        self.problems = found


def acknowledgement(
    message: Message,
    identity: Identity,
    rendered_subject: str,
    rendered_text: str,
    rendered_html: str,
    *,
    recipient: str,
    kind: str,
    language: str,
    now: datetime,
    fingerprint: str,
    envelope_sender: str = "",
) -> Reply:
    """Return the automatic reply to `message`, marked as such (RFC 3834, section 3).

    `fingerprint` is that of the incoming bytes: with `kind` it makes the one Message-ID that
    this acknowledgement ever has. Raises `ComposeMismatchError` where it cannot be sent as meant.
    """
    marked = (
        "Auto-Submitted: auto-replied",
        f"X-Auto-Response-Suppress: {_SUPPRESS}",
        f"{LOOP_FIELD}: {loop_mark(identity)}",
    )
    return _reply(
        message,
        identity,
        recipient=recipient,
        subject=rendered_subject,
        bodies=_bodies(rendered_text, rendered_html, language),
        message_id=acknowledgement_id(identity, fingerprint, kind),
        marked=marked,
        now=now,
        envelope_sender=envelope_sender,
    )


def answer(
    message: Message,
    identity: Identity,
    subject: str,
    text: str,
    *,
    recipient: str,
    token: str,
    now: datetime,
    html: str = "",
    language: str = "",
    envelope_sender: str = "",
) -> Reply:
    """Return what a member of staff wrote, threaded to `message`; a person's, so unmarked.

    `token` makes its Message-ID: the same token gives the same id. Raises
    `ComposeMismatchError` where it cannot be sent as meant.
    """
    return _reply(
        message,
        identity,
        recipient=recipient,
        subject=subject,
        bodies=_bodies(text, html, language),
        message_id=answer_id(identity, token),
        marked=(),
        now=now,
        envelope_sender=envelope_sender,
    )


def answer_subject(subject: str) -> str:
    """Return the subject of an answer to a letter with this subject; `Re:` is not doubled."""
    line = one_line(subject, SUBJECT_LIMIT - 4)
    return line if is_reply(line) else f"Re: {line}".rstrip()


def returned_message_ids(message: Message, raw: bytes) -> tuple[str, ...]:
    """Return the Message-IDs that a bounce gives back, most telling first.

    From the returned header (RFC 3464: message/rfc822 or text/rfc822-headers) or from plain
    text, and then what the bounce itself says that it answers. Empty where the report says
    only that a message is late or was delivered.
    """
    start = re.search(rb"\r?\n\r?\n", raw)
    body = raw[start.end() : _SCANNED] if start else b""
    body = body.replace(b"=\r\n", b"").replace(b"=\n", b"")
    actions = {match[1].lower() for match in _ACTION.finditer(body)}
    if actions and b"failed" not in actions:
        return ()
    found = [match[1].decode("ascii", "replace") for match in _RETURNED_ID.finditer(body)]
    ids = (*found[:_RETURNED_LIMIT], *message.in_reply_to, *message.references)
    return tuple(dict.fromkeys(filter(is_valid, ids)))[:_RETURNED_LIMIT]


# --- the parts -----------------------------------------------------------------------


def _bodies(text: str, html: str, language: str) -> tuple[tuple[str, str, str], ...]:
    given = (("plain", text_lines(text)), ("html", text_lines(html)))
    return tuple((subtype, body, language) for subtype, body in given if body.strip())


def _reply(
    message: Message,
    identity: Identity,
    *,
    recipient: str,
    subject: str,
    bodies: tuple[tuple[str, str, str], ...],
    message_id: str,
    marked: Iterable[str],
    now: datetime,
    envelope_sender: str,
) -> Reply:
    person = headers.usable(recipient)
    if person is None or not bodies or bodies[0][0] != "plain":
        raise ComposeMismatchError(("there is no usable recipient or no text",))
    subject = one_line(subject, SUBJECT_LIMIT)
    lines = [
        f"From: {mailbox(one_line(identity.name, SUBJECT_LIMIT), identity.address)}",
        f"To: {person}",
        f"Subject: {words(subject, len('Subject: '))}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {message_id}",
        *_thread(message),
        *marked,
        "MIME-Version: 1.0",
        *_content(bodies, message_id),
    ]
    raw = "\r\n".join(lines).encode()
    found = problems(raw, recipient=person, subject=subject, message_id=message_id, bodies=bodies)
    if found:
        raise ComposeMismatchError(found)
    return Reply(
        raw=raw,
        recipient=person,
        message_id=message_id,
        envelope_sender=envelope_sender,
        needs_smtputf8=not f"{person}{identity.address}{envelope_sender}".isascii(),
    )


def _thread(message: Message) -> list[str]:
    """Return the fields that thread the reply; ids of a stranger only if they are valid.

    RFC 5322, section 3.6.4, and RFC 5230, section 5.8.
    """
    before = message.references or (message.in_reply_to if len(message.in_reply_to) == 1 else ())
    references = [reference for reference in before if is_valid(reference)]
    lines = []
    if message.message_id and is_valid(message.message_id):
        lines.append(f"In-Reply-To: {message.message_id}")
        references = [r for r in references if r != message.message_id] + [message.message_id]
    if len(references) > _REFERENCES_KEPT + 1:
        references = references[:1] + references[-_REFERENCES_KEPT:]
    if references:
        lines.append("References: " + "\r\n ".join(references))
    return lines


def _content(bodies: tuple[tuple[str, str, str], ...], message_id: str) -> list[str]:
    parts = [part(subtype, body, language) for subtype, body, language in bodies]
    if len(parts) == 1:
        return [*parts[0]]
    border = boundary(message_id)
    lines = ["Content-Type: multipart/alternative;", f' boundary="{border}"', ""]
    for lines_of_part in parts:
        lines += [f"--{border}", *lines_of_part]
    return [*lines, f"--{border}--", ""]
