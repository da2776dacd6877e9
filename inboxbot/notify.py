"""Tell systemd how the process is doing (sd_notify(3)): ready, busy with what, alive, ending.

Without systemd there is no socket and nothing happens, so callers never ask. A message that
cannot be delivered is dropped: the work matters more than the report of it.
"""

import os
import socket
import time
from contextlib import suppress

_LONGEST_STATUS = 200


def ready() -> None:
    """Say that start-up is over: the configuration is read and the store is open."""
    _send("READY=1")


def status(text: str) -> None:
    """Say in one line what the process is doing; `systemctl status` shows it."""
    _send(f"STATUS={' '.join(text.split())[:_LONGEST_STATUS]}")


def watchdog() -> None:
    """Say that the work went on. Call it only when it truly did: silence brings a restart."""
    _send("WATCHDOG=1")


def reloading() -> None:
    """Say that the configuration is being read anew; `ready` must follow."""
    # Type=notify-reload wants the moment by the monotonic clock; Type=notify ignores it.
    _send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    """Say that the process is coming to its end in good order."""
    _send("STOPPING=1")


def _send(message: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # The abstract namespace: a name without a file.
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        # A receiver whose buffer is full must not hold up a poll.
        sock.settimeout(1)
        # Else the wait for its buffer would be a busy one: only of a peer is it known to be full.
        sock.connect(address)
        sock.send(message.encode())
