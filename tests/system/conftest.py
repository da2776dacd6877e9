"""The servers and an installation that the system tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dovecot import Account
from tests.installation import Installation, install
from tests.smtp_sink import SmtpSink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def installation(tmp_path: Path, account: Account, sink: SmtpSink) -> Installation:
    return install(
        tmp_path,
        imap_host="127.0.0.1",
        imap_port=account.server.port,
        imap_user=account.name,
        smtp_port=sink.port,
    )
