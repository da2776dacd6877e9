"""A reply, and how SmtpTransport comes to the servers of the tests."""

from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Settings
from tests.smtp_sink import (
    PASSWORD,
    USER,
)


def reply(number: int = 1, **changes: str | bytes) -> Reply:
    message_id = f"<ack-{number}@example.org>"
    raw = (
        f"From: support@example.org\r\nTo: ana@example.net\r\nMessage-ID: {message_id}\r\n"
        "Subject: We have your letter\r\n\r\nThank you.\r\n.\r\n..two dots\r\n"
    ).encode()
    values = {"raw": raw, "recipient": "ana@example.net", "message_id": message_id}
    return Reply(**(values | changes))  # type: ignore[arg-type]


def settings(port: int, **changes: object) -> Settings:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": USER,
        "auth": "password",
        "secret": lambda: PASSWORD,
        "timeout_s": 5.0,
        "answer_timeout_s": 5.0,
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]


def nothing() -> None:
    pass
