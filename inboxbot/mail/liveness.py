"""Is the other side of a silent connection still there? Asked of the kernel, not of the server.

The kernel sends a probe a minute on a connection where nothing is said: it keeps the entry in a
NAT router, costs the server's program nothing, and ends the connection after four that nobody
answered. When the last answer came can be read at any time.
"""

import socket
import struct
import time

PROBE_AFTER_S = 60
PROBE_AGAIN_S = 15
PROBES = 4
# Two probes' worth of silence still counts as being there.
SILENCE_S = 2 * PROBE_AFTER_S
SLEPT_S = 20.0

# In the kernel's struct tcp_info, in milliseconds: since data, and since any answer came.
_LAST_DATA, _LAST_ANSWER = 52, 56


def watch(sock: socket.socket) -> None:
    """Have the kernel probe the other side of `sock` when nothing is said."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_AGAIN_S),
        ("TCP_KEEPCNT", PROBES),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def is_there(sock: socket.socket) -> bool:
    """Say whether the other side's machine has answered within two minutes."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        data, answer = (struct.unpack_from("=I", info, at)[0] for at in (_LAST_DATA, _LAST_ANSWER))
    except (OSError, AttributeError, struct.error):
        return False
    return bool(min(data, answer) < SILENCE_S * 1000)


class Sleep:
    """Notices that the machine was asleep: only one of two clocks went on."""

    def __init__(self) -> None:
        self._gap = _gap()

    def happened(self) -> bool:
        """Say whether the machine slept since this was made."""
        return _gap() - self._gap > SLEPT_S


def _gap() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
