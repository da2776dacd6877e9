"""Plain letters by the number: small, different from each other, and reproducible."""

from collections.abc import Iterator


def letter(number: int, text: str = "Hello", *, message_id: str | None = None) -> bytes:
    """Return a plain letter; two numbers never give the same bytes."""
    name = f"<{number}@sender.test>" if message_id is None else message_id
    field = f"Message-ID: {name}\r\n" if name else ""
    return (
        f"From: writer{number}@sender.test\r\nTo: support@example.org\r\n"
        f"Subject: Letter {number}\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n{field}\r\n"
        f"{text} {number}\r\n"
    ).encode()


def letters(count: int, size: int = 0) -> Iterator[bytes]:
    """Yield so many letters, each with `size` bytes of text more."""
    for number in range(1, count + 1):
        yield letter(number, "x" * size or "Hello")
