"""What signals ask of the daemon.

A handler in Python runs in the main thread between any two of its steps: where that thread is about
to wait for an event, setting the event in the handler waits for a lock that the thread holds, and
so for ever. Ours only note a number. What wakes the main thread is the byte that the interpreter
itself writes for each signal (`signal.set_wakeup_fd`), and what follows is done there.
"""

import select
import signal
import socket
import threading
from contextlib import suppress

from inboxbot import events


class Requests:
    """What the process was asked for; `halt` ends the daemon that runs now.

    To be made and waited on in the main thread.
    """

    def __init__(self) -> None:
        self.halt = threading.Event()
        self._number = 0
        self._stops = False
        self._reload = False
        self._ear, self._voice = socket.socketpair()
        for end in (self._ear, self._voice):
            end.setblocking(False)
        signal.set_wakeup_fd(self._voice.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGHUP, self._ask_to_reload)

    def wait(self, seconds: float) -> bool:
        """Wait so long for a signal, or until one comes; return whether to stop.

        Where it is to stop, `halt` is set.
        """
        if not self._number:
            select.select([self._ear], [], [], seconds)
        with suppress(BlockingIOError):
            self._ear.recv(4096)
        if self._number and not self._stops:
            self._stops = True
            events.stopping(signal.Signals(self._number).name)
            self.halt.set()
        return self._stops

    def take_reload(self) -> bool:
        """Say whether a reload was asked for since the last call."""
        if not self._reload:
            return False
        self._reload = False
        return True

    def _ask_to_stop(self, number: int, _frame: object) -> None:
        self._number = number

    def _ask_to_reload(self, _number: int, _frame: object) -> None:
        self._reload = True
