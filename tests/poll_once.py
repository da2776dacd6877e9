"""Poll a mailbox once in a process that a test may kill: PORT STORE PASSWORD [USER]."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from inboxbot import intake
from inboxbot.fetching import Limits
from inboxbot.mail.imap import ImapMailbox, Settings
from inboxbot.store.database import connect
from tests.taking_in import SOURCE


def main(port: int, store: Path, password: str, user: str = "support") -> None:
    settings = Settings(
        host="127.0.0.1",
        port=port,
        security="none",
        username=user,
        auth="password",
        secret=lambda: password,
        timeout_s=30.0,
    )
    with ImapMailbox(settings) as box:
        limits = Limits(min_free=0)
        intake.poll(connect(store), box, SOURCE, now=datetime.now(UTC), limits=limits)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
