"""The owner of a mailbox lets inboxbot use it: once, in a browser, here or on another device.

Device code: RFC 8628. Browser: the code comes back to this machine (RFC 8252), bound to this
request by PKCE (RFC 7636). No password of the owner is ever seen here.
"""

import secrets
import socket
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authlib.integrations.base_client import OAuthError

from inboxbot.errors import PermanentError, TokenError
from inboxbot.frozen import dataclass
from inboxbot.mail.oauth import HTTP, Grant, Registration, asking, explained, received
from inboxbot.tokens import TokenFile, Tokens

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PATIENCE_S = 15 * 60.0
SLOWER_S = 5.0
_PAGE = """<!doctype html><meta charset="utf-8"><title>inboxbot</title>
<p>{}</p><p>You may close this page and go back to the terminal.</p>"""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the owner of the mailbox is to do: open `url`, and type `code` where there is one."""

    url: str
    code: str = ""


Show = Callable[[Invitation], None]


def log_in(
    registration: Registration,
    file: TokenFile,
    show: Show,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Tokens:
    """Get a permission in the way that `registration` names, and save it.

    `show` tells the owner what to do. Raises `TokenError` where it was refused or ran out, and
    `TransientError` where the provider cannot be used now.
    """
    began = now()
    match registration.grant:
        case Grant.DEVICE:
            answer = _by_device(registration, file.mailbox, show, sleep)
        case Grant.BROWSER:
            answer = _by_browser(registration, file.mailbox, show)
        case Grant.CLIENT_CREDENTIALS:
            with asking(registration, file.mailbox) as session:
                answer = session.fetch_token(
                    registration.provider.token_url, grant_type="client_credentials", **HTTP
                )
    tokens = received(registration, answer, now(), began)
    if not tokens.refresh and registration.grant is not Grant.CLIENT_CREDENTIALS:
        raise TokenError(
            f"{registration.provider.name} gave a permission that ends within the hour: the scope "
            "must allow offline access."
        )
    with file.locked():
        file.save(tokens)
    return tokens


def _by_device(
    registration: Registration, mailbox: str, show: Show, sleep: Callable[[float], None]
) -> dict[str, Any]:
    provider = registration.provider
    with asking(registration, mailbox) as session:
        response = session.post(
            provider.device_url,
            data={"scope": provider.scope},
            auth=session.client_auth(session.token_endpoint_auth_method),
            **HTTP,
        )
        if response.status_code >= 500:
            response.raise_for_status()
        begun = response.json()
        if "error" in begun:
            raise OAuthError(begun["error"], begun.get("error_description"))
        url = str(begun.get("verification_uri") or begun["verification_url"])
        show(Invitation(url, str(begun["user_code"])))
        interval = float(begun.get("interval", 5))
        deadline = time.monotonic() + min(float(begun.get("expires_in", PATIENCE_S)), PATIENCE_S)
        while time.monotonic() < deadline:
            sleep(interval)
            try:
                answer: dict[str, Any] = session.fetch_token(
                    provider.token_url,
                    grant_type=DEVICE_CODE,
                    device_code=begun["device_code"],
                    **HTTP,
                )
            except OAuthError as error:
                if error.error == "slow_down":
                    interval += SLOWER_S
                elif error.error == "expired_token":
                    break
                elif error.error != "authorization_pending":
                    raise explained(provider, mailbox, error) from None
            else:
                return answer
    raise _ran_out(mailbox)


def _by_browser(registration: Registration, mailbox: str, show: Show) -> dict[str, Any]:
    provider, verifier = registration.provider, secrets.token_urlsafe(64)
    with (
        _Redirect(registration.redirect_port) as redirect,
        asking(registration, mailbox) as session,
    ):
        session.redirect_uri = f"http://{provider.redirect_host}:{redirect.server_port}/"
        session.code_challenge_method = "S256"
        url, state = session.create_authorization_url(
            provider.authorize_url,
            code_verifier=verifier,
            login_hint=registration.username,
            **dict(provider.extra),
        )
        show(Invitation(url))
        values = redirect.wait(state)
        if values is None:
            raise _ran_out(mailbox)
        if "code" not in values:
            raise explained(
                provider,
                mailbox,
                OAuthError(values.get("error", "unknown"), values.get("error_description")),
            )
        answer: dict[str, Any] = session.fetch_token(
            provider.token_url,
            grant_type="authorization_code",
            code=values["code"],
            code_verifier=verifier,
            **HTTP,
        )
        return answer


def _ran_out(mailbox: str) -> TokenError:
    return TokenError(f"Nobody allowed it in time: run `inboxbot login {mailbox}` once more.")


class _Redirect(HTTPServer):
    """Where the browser comes back to: this machine only, until the answer to our request came."""

    address_family = socket.AF_INET
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        self.state = ""
        self.values: dict[str, str] | None = None
        try:
            super().__init__(("127.0.0.1", port), _Answer)
        except OSError as error:
            raise PermanentError(
                f"Port {port} of this machine is taken: set another `redirect_port`."
            ) from error

    def wait(self, state: str) -> dict[str, str] | None:
        """Return what came with the browser, or None where it did not come in time."""
        self.state = state
        deadline = time.monotonic() + PATIENCE_S
        while self.values is None and time.monotonic() < deadline:
            self.timeout = max(0.0, deadline - time.monotonic())
            self.handle_request()
        return self.values


class _Answer(BaseHTTPRequestHandler):
    timeout = 5.0  # A browser opens connections that it never uses.
    server: _Redirect

    def do_GET(self) -> None:
        """Take the code out of the address, if it belongs to our request."""
        found = {name: texts[0] for name, texts in parse_qs(urlsplit(self.path).query).items()}
        ours = secrets.compare_digest(found.get("state", "").encode(), self.server.state.encode())
        if ours and ("code" in found or "error" in found):
            self.server.values = found
            text = "Thank you." if "code" in found else "The permission was not given."
            self._say(200, text)
        else:
            self._say(404, "This is not the answer that inboxbot waits for.")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the address holds the code."""

    def _say(self, status: int, text: str) -> None:
        page = _PAGE.format(text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)
