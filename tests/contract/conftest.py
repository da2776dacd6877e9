"""A real SMTP server, and a transport to it."""

from collections.abc import Iterator

import pytest

from inboxbot.mail.smtp import SmtpTransport
from tests.handing_in import settings
from tests.smtp_sink import SmtpSink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def transport(sink: SmtpSink) -> Iterator[SmtpTransport]:
    with SmtpTransport(settings(sink.port)) as opened:
        yield opened
