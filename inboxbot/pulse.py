"""Three pages for machines, on this machine only: /metrics, /livez, /readyz.

They name codes and counts, never a letter or a person. No page can change anything.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from inboxbot.errors import StoreError
from inboxbot.health import SLOW_OUTBOX
from inboxbot.store.figures import Troubles

HOST = "127.0.0.1"
Ready = Callable[[], list[str]]


def not_ready(
    counted: Troubles, *, silent_after: timedelta, free_mb: int, min_free_mb: int, now: datetime
) -> list[str]:
    """Return why the service does not do its work just now, as codes; empty when it does."""
    found = []
    for box in counted.mailboxes:
        if now - (box.last_good_poll_at or box.started_at) > silent_after:
            found.append(f"no good poll: {box.name}")
    if counted.oldest_due_at and now - counted.oldest_due_at > SLOW_OUTBOX:
        found.append("replies wait")
    if free_mb < min_free_mb:
        found.append("disk")
    return found


@contextmanager
def served(port: int, registry: CollectorRegistry, ready: Ready) -> Iterator[int]:
    """Serve the pages during the block; yield the port, which is a free one for 0.

    `ready` is called at each request, in another thread; what it raises counts as not ready.
    Raises `StoreError` where the port is taken.
    """

    class Pages(BaseHTTPRequestHandler):
        server_version, sys_version = "inboxbot", ""

        def do_GET(self) -> None:
            """Answer one request."""
            match self.path.partition("?")[0]:
                case "/metrics":
                    try:
                        self._answer(200, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)
                    except Exception as error:  # noqa: BLE001  (around one request)
                        self._answer(503, type(error).__name__.encode())
                case "/livez":
                    self._answer(200, b"alive\n")
                case "/readyz":
                    reasons = _reasons(ready)
                    text = "\n".join(reasons) or "ready"
                    self._answer(503 if reasons else 200, f"{text}\n".encode())
                case _:
                    self._answer(404, b"There are /metrics, /livez and /readyz.\n")

        def log_message(self, *_: object) -> None:
            """Say nothing: the log has words of its own."""

        def _answer(self, code: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

    try:
        server = ThreadingHTTPServer((HOST, port), Pages)
    except OSError as error:
        raise StoreError(
            f"metrics.port {port} cannot be used ({error.strerror}): choose another one."
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="pulse", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _reasons(ready: Ready) -> list[str]:
    try:
        return ready()
    except Exception as error:  # noqa: BLE001  (around one request)
        return [f"store: {type(error).__name__}"]
