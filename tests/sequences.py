"""Letters that follow each other, and what a sequence of them comes to."""

from tests.desk import Desk, letter
from tests.fake_transport import FakeTransport

ACKNOWLEDGED = ("acknowledge", None)
DUPLICATE = ("suppress", "duplicate")
IN_CONVERSATION = ("suppress", "in_conversation")
RATE_LIMITED = ("hold", "rate_limited")
BREAKER_OPEN = ("hold", "breaker_open")
RELAY = "forms@als.example"
VOUCHED = "Authentication-Results: mx.als.example; dmarc=pass header.from=als.example"


def person(number: int, domain: str = "", **more: str) -> bytes:
    """Write the letter of another person, each from a domain of its own."""
    sender = f"p{number}@{domain or f'd{number}.example'}"
    return letter(number, sender=sender, message_id=f"<{number}@p.example>", **more)


def form(number: int, visitor: str, **more: str) -> bytes:
    """Write what the organisation's own web form sends for a visitor."""
    options = {
        "sender": f"Website <{RELAY}>",
        "reply_to": visitor,
        "top": VOUCHED,
        "message_id": f"<{number}@forms.als.example>",
        "text": f"Visitor {visitor} asks about riluzole.",
    }
    return letter(number, **(options | more))


def recipients(desk: Desk) -> list[str]:
    if isinstance(desk.sink, FakeTransport):
        return [reply.recipient for reply in desk.sink.accepted]
    return [one.recipients[0] for one in desk.sink.accepted]
