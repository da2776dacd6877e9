"""Renews a token again and again in a process of its own, which may kill itself on the way.

A line on standard input is a fault point (or `-` for none) and the hour that it is; the answer is
how the process ended.
"""

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inboxbot import faults
from inboxbot.errors import TokenError
from inboxbot.mail.oauth import AccessTokens, Grant, Provider, Registration
from inboxbot.tokens import TokenFile
from tests.token_server import CLIENT, SECRET

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOT_ALLOWED = 3


def main(url: str, folder: str) -> None:
    provider = Provider(name="The provider", token_url=url)
    registration = Registration(
        provider=provider, grant=Grant.BROWSER, client_id=CLIENT, secret=lambda: SECRET
    )
    for line in sys.stdin:
        point, hour = line.split()
        pid = os.fork()
        if pid == 0:
            now = BEGAN + timedelta(hours=int(hour))
            os._exit(_renew(registration, Path(folder), point, now))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _renew(registration: Registration, folder: Path, point: str, now: datetime) -> int:
    def strike(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.point = strike
    try:
        AccessTokens(registration, TokenFile(folder, "support"), lambda: now)()
    except TokenError:
        return NOT_ALLOWED
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
