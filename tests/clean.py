"""What every message promises of its strings, however it came."""

import unicodedata
from collections.abc import Iterator
from datetime import UTC

from inboxbot.mail import headers
from inboxbot.mail.message import Message


def strings(message: Message) -> Iterator[tuple[str, bool]]:
    """Yield every string of a message, and whether it must be one line."""
    yield message.text, False
    yield message.full_text, False
    yield message.subject, True
    yield message.message_id or "", True
    for address in (*message.authors, *message.reply_to, *message.recipients):
        yield address.name, True
        yield address.address, True
    if message.sender:
        yield message.sender.name, True
        yield message.sender.address, True
    for name, value in message.headers:
        yield name, True
        yield value, True
    for attachment in message.attachments:
        yield attachment.name, True
        yield attachment.type, True
    for part in message.parts:
        yield part.type, True
        yield part.disposition, True
        for pair in part.parameters:
            yield from ((text, True) for text in pair)
    for text in (*message.in_reply_to, *message.references, *message.defects):
        yield text, True


def assert_clean(message: Message) -> None:
    """Hold what `Message` promises of its strings."""
    for text, one_line in strings(message):
        text.encode("utf-8")
        assert unicodedata.is_normalized("NFC", text)
        assert "\0" not in text
        assert len(text) <= 256 * 1024
        if one_line:
            assert text.isprintable() or not any(
                unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in "\u202e\u202d\u2066\u2067"
                for c in text
            )
            assert len(text) <= 16_384
    for attachment in message.attachments:
        assert attachment.name
        assert "/" not in attachment.name
        assert "\\" not in attachment.name
        assert len(attachment.name) <= 200
    if message.sender is not None:
        assert message.from_fields == 1
        assert headers.usable(message.sender.address) == message.sender.address
    if message.sent_at is not None:
        assert message.sent_at.tzinfo is UTC
    assert len(message.headers) <= 2_000
    assert len(message.subject) <= 998
