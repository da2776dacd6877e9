"""A provider's token server on loopback: it changes refresh tokens, refuses, and goes down.

As large providers do, it takes the refresh token before the last one until the last one was used;
with `strict` it does not. `mint` makes an access token; what it was asked lies in `asked`.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey

from inboxbot.mail.oauth import Grant, Provider, Registration

CLIENT, SECRET = "client-of-ours", "secret-of-ours"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def token_for(key: bytes, name: str, life_s: float = 3600) -> str:
    """Return an access token that the test Dovecot takes for the account `name`."""
    began = int(time.time())
    claims = {
        "iss": "https://issuer.test",
        "sub": name,
        "email": name,
        "iat": began,
        "nbf": began - 5,
        "exp": began + int(life_s),
        "jti": secrets.token_hex(8),
    }
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(key))


@dataclass
class TokenServer:
    """Use it as a context manager. What it does may change at any time."""

    mint: Callable[[], str] = lambda: secrets.token_urlsafe(16)
    life_s: float = 3600
    rotates: bool = True
    strict: bool = False
    public: bool = False
    error: str = ""
    description: str = ""
    down: bool = False
    body: bytes | None = None
    approved_after: int = 1
    slow_down_once: bool = False
    current: str = ""
    previous: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._challenge = self._code = self._redirect = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def registration(self, grant: Grant = Grant.BROWSER, **changes: Any) -> Registration:
        provider = Provider(
            name="The provider",
            token_url=f"{self.url}/token",
            authorize_url=f"{self.url}/authorize",
            device_url=f"{self.url}/device",
            scope="mail offline",
        )
        secret = None if self.public else lambda: SECRET
        values: dict[str, Any] = {"provider": provider, "grant": grant, "client_id": CLIENT}
        return Registration(**(values | {"secret": secret} | changes))

    def permit(self) -> str:
        """Give a permission, as if somebody had signed in; return its refresh token."""
        self.current, self.previous = secrets.token_urlsafe(16), ""
        return self.current

    def answer(self, path: str, form: dict[str, str], who: str) -> tuple[int, dict[str, object]]:
        with self._lock:
            self.asked.append({"path": path, "who": who} | form)
            if self.error:
                return 400, {"error": self.error, "error_description": self.description}
            if not self.public and who != f"{CLIENT}:{SECRET}":
                return 401, {"error": "invalid_client"}
            match path, form.get("grant_type"):
                case "/device", None:
                    return 200, {
                        "device_code": "device", "user_code": "ABCD-EFGH", "interval": 0,
                        "verification_uri": f"{self.url}/enter", "expires_in": 60,
                    }  # fmt: skip
                case "/token", "refresh_token":
                    return self._refresh(form["refresh_token"])
                case "/token", "client_credentials":
                    return 200, self._tokens(None)
                case "/token", "authorization_code":
                    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                    known = (self._code, self._challenge, self._redirect)
                    if (form["code"], challenge, form["redirect_uri"]) != known:
                        return 400, {"error": "invalid_grant"}
                    return 200, self._tokens(self.permit())
                case "/token", grant if grant == DEVICE:
                    return self._device()
        return 400, {"error": "unsupported_grant_type"}

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser is sent to after somebody signed in and allowed it."""
        self._challenge, self._code = query["code_challenge"], secrets.token_urlsafe(8)
        self._redirect = query["redirect_uri"]
        values = {"code": self._code, "state": query["state"]}
        if self.error:
            values = {"error": self.error, "state": query["state"]}
        return f"{query['redirect_uri']}?{urlencode(values)}"

    def _device(self) -> tuple[int, dict[str, object]]:
        if self.slow_down_once:
            self.slow_down_once = False
            return 400, {"error": "slow_down"}
        self.approved_after -= 1
        if self.approved_after >= 0:
            return 400, {"error": "authorization_pending"}
        return 200, self._tokens(self.permit())

    def _refresh(self, token: str) -> tuple[int, dict[str, object]]:
        if token not in filter(None, (self.current, self.previous)):
            return 400, {"error": "invalid_grant"}
        if not self.rotates:
            return 200, self._tokens(None)
        self.previous = "" if self.strict else token
        self.current = secrets.token_urlsafe(16)
        return 200, self._tokens(self.current)

    def _tokens(self, refresh: str | None) -> dict[str, object]:
        access = self.mint()
        self.given.append(access)
        more = {} if refresh is None else {"refresh_token": refresh}
        return {
            "access_token": access, "token_type": "Bearer", "expires_in": self.life_s, **more
        }  # fmt: skip


def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            kind, _, basic = self.headers.get("Authorization", "").partition(" ")
            who = base64.b64decode(basic).decode() if kind == "Basic" else ""
            if server.down:
                self._say(503, b"down for repair")
            elif server.body is not None:
                self._say(200, server.body)
            else:
                status, answer = server.answer(self.path, form, who)
                self._say(status, json.dumps(answer).encode())

        def do_GET(self) -> None:
            query = {
                name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
            }
            self.send_response(302)
            self.send_header("Location", server.authorize(query))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
