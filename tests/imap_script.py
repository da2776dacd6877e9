"""An IMAP server of a few commands that misbehaves line by line, as a test tells it to.

It holds its letters in memory. The contract tests show that, left alone, it answers as Dovecot
does. `cut_at` closes the connection in the middle of the n-th piece that it sends; `answer` may
replace the answer to any command; `dribble_s` sends one byte at a time.
"""

import base64
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from inboxbot.mail.imap import Settings

PASSWORD = "only for tests"
_ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^)]*\))|(\S+)')
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass
class Held:
    """A letter on the server."""

    raw: bytes
    received_at: datetime
    flags: set[bytes] = field(default_factory=set)


@dataclass
class ScriptedServer:
    """The server; use it as a context manager. What it holds and does may change at any time."""

    letters: dict[int, Held] = field(default_factory=dict)
    uidvalidity: bytes = b"77"
    uidnext: int = 1
    greeting: bytes = b"* OK ready"
    capabilities: bytes = b"IMAP4rev1 AUTH=PLAIN IDLE"
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    cut_at: int | None = None
    dribble_s: float = 0.0
    hang_at: int | None = None
    answer: Callable[[bytes, bytes], Sequence[bytes] | None] = lambda tag, line: None
    folders: tuple[bytes, ...] = (b"INBOX",)
    sent: int = 0
    connections: int = 0
    commands: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()
        thread = threading.Thread(target=self._accept)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def settings(self, **changes: object) -> Settings:
        values: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "username": "support",
            "auth": "password",
            "secret": lambda: PASSWORD,
            "timeout_s": 5.0,
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]

    def deliver(self, raw: bytes, received_at: datetime) -> int:
        uid = self.uidnext
        self.letters[uid] = Held(raw, received_at)
        self.uidnext += 1
        return uid

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            with self._lock:
                self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        session = _Session(self, sock)
        try:
            session.run()
        except (OSError, EOFError, ssl.SSLError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            with suppress(OSError):
                session.sock.close()
            with suppress(OSError):
                sock.close()


class _Session:
    """One connection."""

    def __init__(self, server: ScriptedServer, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.selected = False
        self.told: tuple[object, ...] = ()

    def run(self) -> None:
        if self.server.implicit_tls and self.server.tls:
            self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile("rb")
        self.send(self.server.greeting + b"\r\n")
        while line := self.file.readline():
            line = line.rstrip(b"\r\n")
            self.server.commands.append(line)
            tag, _, rest = line.partition(b" ")
            told = self.server.answer(tag, rest)
            for piece in self.respond(tag, rest) if told is None else told:
                self.send(piece)
            if rest.upper() == b"LOGOUT":
                return

    def send(self, piece: bytes) -> None:
        server = self.server
        server.sent += 1
        if server.hang_at == server.sent:
            server._ended.wait(60)
            raise EOFError
        if server.cut_at == server.sent:
            self.sock.sendall(piece[: len(piece) // 2])
            self.sock.shutdown(socket.SHUT_RDWR)
            raise EOFError
        if not server.dribble_s:
            self.sock.sendall(piece)
            return
        for at in range(len(piece)):
            if server._ended.is_set():
                raise EOFError
            self.sock.sendall(piece[at : at + 1])
            time.sleep(server.dribble_s)

    def respond(self, tag: bytes, line: bytes) -> list[bytes]:
        verb, _, rest = line.partition(b" ")
        name = verb.upper()
        if name == b"UID":
            verb, _, rest = rest.partition(b" ")
            name = b"UID_" + verb.upper()
        method = getattr(self, f"do_{name.decode('ascii', 'replace').lower()}", None)
        if method is None:
            return [tag + b" BAD unknown command\r\n"]
        return [*method(tag, rest)]

    def do_capability(self, tag: bytes, _: bytes) -> list[bytes]:
        return [
            b"* CAPABILITY " + self.server.capabilities + b"\r\n",
            tag + b" OK done\r\n",
        ]

    def do_noop(self, tag: bytes, _: bytes) -> list[bytes]:
        news = [] if self.told == self._now() else [b"* %d EXISTS\r\n" % len(self.server.letters)]
        self.told = self._now()
        return [*news, tag + b" OK done\r\n"]

    def _now(self) -> tuple[object, ...]:
        return (self.server.uidvalidity, self.server.uidnext, *self.server.letters)

    def do_logout(self, tag: bytes, _: bytes) -> list[bytes]:
        return [b"* BYE logging out\r\n", tag + b" OK done\r\n"]

    def do_starttls(self, tag: bytes, _: bytes) -> list[bytes]:
        if self.server.tls is None:
            return [tag + b" NO no TLS here\r\n"]
        self.send(tag + b" OK begin\r\n")
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile("rb")
        return []

    def do_authenticate(self, tag: bytes, _: bytes) -> list[bytes]:
        self.send(b"+ \r\n")
        parts = base64.b64decode(self.file.readline()).split(b"\0")
        return self._admit(tag, parts[-1])

    def do_login(self, tag: bytes, rest: bytes) -> list[bytes]:
        words = [b"".join(found) for found in _ARGUMENT.findall(rest)]
        return self._admit(tag, words[-1])

    def _admit(self, tag: bytes, password: bytes) -> list[bytes]:
        if password.decode() != PASSWORD:
            return [tag + b" NO [AUTHENTICATIONFAILED] no\r\n"]
        return [tag + b" OK welcome\r\n"]

    def do_list(self, tag: bytes, _: bytes) -> list[bytes]:
        rows = [b'* LIST (\\HasNoChildren) "/" "%s"\r\n' % name for name in self.server.folders]
        return [*rows, tag + b" OK done\r\n"]

    def do_examine(self, tag: bytes, rest: bytes) -> list[bytes]:
        if rest.strip(b'"') not in self.server.folders:
            return [tag + b" NO [NONEXISTENT] no such folder\r\n"]
        self.selected = True
        self.told = self._now()
        server = self.server
        return [
            b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n",
            b"* %d EXISTS\r\n" % len(server.letters),
            b"* 0 RECENT\r\n",
            b"* OK [UIDVALIDITY " + server.uidvalidity + b"] valid\r\n",
            b"* OK [UIDNEXT %d] next\r\n" % server.uidnext,
            tag + b" OK [READ-ONLY] done\r\n",
        ]

    def do_uid_search(self, tag: bytes, rest: bytes) -> list[bytes]:
        words = rest.split()
        uids = sorted(self.server.letters)
        first, last = self._range(words[words.index(b"UID") + 1])
        found = [uid for uid in uids if first <= uid <= last]
        if b"SINCE" in words:
            day, month, year = words[words.index(b"SINCE") + 1].decode().split("-")
            since = datetime(int(year), _MONTHS.index(month) + 1, int(day), tzinfo=UTC)
            found = [uid for uid in found if self.server.letters[uid].received_at >= since]
        listed = b"".join(b" %d" % uid for uid in found)
        return [b"* SEARCH" + listed + b"\r\n", tag + b" OK done\r\n"]

    def do_uid_fetch(self, tag: bytes, rest: bytes) -> list[bytes]:
        which, _, items = rest.partition(b" ")
        pieces: list[bytes] = []
        order = sorted(self.server.letters)
        for uid in order:
            if any(first <= uid <= last for first, last in map(self._range, which.split(b","))):
                pieces += self._fetched(order.index(uid) + 1, uid, items.upper())
        return [*pieces, tag + b" OK done\r\n"]

    def _range(self, text: bytes) -> tuple[int, int]:
        top = max(self.server.letters, default=0)
        ends = [top if end == b"*" else int(end) for end in text.split(b":")]
        return min(ends), max(ends)

    def _fetched(self, number: int, uid: int, items: bytes) -> list[bytes]:
        held = self.server.letters[uid]
        head = b"* %d FETCH (UID %d" % (number, uid)
        if b"INTERNALDATE" in items:
            when = held.received_at
            text = f"{when:%d}-{_MONTHS[when.month - 1]}-{when:%Y %H:%M:%S} +0000"
            head += b' INTERNALDATE "' + text.encode() + b'"'
        if b"RFC822.SIZE" in items:
            head += b" RFC822.SIZE %d" % len(held.raw)
        if b"HEADER.FIELDS" in items:
            fields = _fields(held.raw, (b"message-id", b"date"))
            name = b" BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {%d}\r\n" % len(fields)
            return [head + name, fields, b")\r\n"]
        partial = re.search(rb"BODY\.PEEK\[\]<0\.(\d+)>", items)
        if partial:
            start = held.raw[: int(partial[1])]
            return [head + b" BODY[]<0> {%d}\r\n" % len(start), start, b")\r\n"]
        if b"BODY.PEEK[]" in items:
            return [head + b" BODY[] {%d}\r\n" % len(held.raw), held.raw, b")\r\n"]
        return [head + b")\r\n"]

    def do_idle(self, tag: bytes, _: bytes) -> list[bytes]:
        before = len(self.server.letters)
        self.send(b"+ idling\r\n")
        self.sock.settimeout(0.05)
        while True:
            try:
                line = self.file.readline()
            except TimeoutError:
                # A timeout spoils the file: it is made anew.
                self.file = self.sock.makefile("rb")
                if len(self.server.letters) != before:
                    before = len(self.server.letters)
                    self.send(b"* %d EXISTS\r\n" % before)
                continue
            self.sock.settimeout(None)
            if not line:
                raise EOFError
            return [tag + b" OK idle done\r\n"]


def _fields(raw: bytes, names: tuple[bytes, ...]) -> bytes:
    header = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    lines = re.findall(rb"(?m)^[^\s][^\n]*(?:\n[ \t][^\n]*)*", header)
    kept = [line.rstrip(b"\r") for line in lines if line.split(b":")[0].lower() in names]
    return b"".join(line + b"\r\n" for line in kept) + b"\r\n"
