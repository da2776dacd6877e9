"""How long the pages take, for Prometheus: by the name of the page and the code of the answer.

No address and no user is counted. The figures are served on this machine only, and only where
`[metrics] web_port` asks for it.
"""

import time
from collections.abc import Callable

from flask import Flask, Response, g, request

Count = Callable[[str, int, float], None]


def watch(app: Flask, count: Count) -> None:
    """Count every answer of the app: its page, its code, its seconds."""

    def begin() -> None:
        g.began = time.monotonic()

    def end(response: Response) -> Response:
        count(request.endpoint or "none", response.status_code, time.monotonic() - g.began)
        return response

    # Before the guard: what it turns away is counted, too.
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request(end)
