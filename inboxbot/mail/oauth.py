"""Access tokens for the two servers (RFC 6749), renewed before they end.

The only module that asks a token server; with `consent.py` the only one that knows authlib. A
token that the provider has changed is saved before the access token that came with it is used.
Nothing that a token server says gets further than its error code.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests.exceptions import RequestException

from inboxbot import events, faults
from inboxbot.errors import InboxbotError, TokenError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.mail import refusals
from inboxbot.pause import Pauses
from inboxbot.tokens import EARLY, TokenFile, Tokens

USUAL_LIFE_S = 3600.0  # Where the server does not say (RFC 6749, section 5.1).
ANSWER_TIMEOUT_S = 20.0
# A token younger than this that a mail server refuses is not refused for its age.
YOUNG = timedelta(minutes=1)


class Grant(StrEnum):
    """How the permission is given: a code typed elsewhere, a browser here, or no person at all."""

    DEVICE = "device"
    BROWSER = "browser"
    CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider's addresses and manners. `grant_life` is how long an unused permission lasts."""

    name: str
    token_url: str
    authorize_url: str = ""
    device_url: str = ""
    scope: str = ""
    secret_in: str = "client_secret_basic"  # noqa: S105  (a method's name)
    redirect_host: str = "127.0.0.1"
    extra: tuple[tuple[str, str], ...] = ()
    grant_life: timedelta | None = None
    where: str = "your provider's administration pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How we are known at a provider. `secret`, where there is one, is asked at each attempt."""

    provider: Provider
    grant: Grant
    client_id: str
    secret: Callable[[], str] | None = None
    username: str = ""
    redirect_port: int = 0
    ca_file: str | None = None

    @property
    def client(self) -> str:
        """Return which registration it is: another one needs another permission."""
        return f"{self.client_id} at {self.provider.token_url}"


def google() -> Provider:
    """Return Google's addresses. Its device flow does not give access to mail."""
    return Provider(
        name="Google",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106  (an address)
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        scope="https://mail.google.com/",
        secret_in="client_secret_post",  # noqa: S106
        extra=(("access_type", "offline"), ("prompt", "consent")),
        grant_life=timedelta(days=180),
        where="console.cloud.google.com → Google Auth platform → Clients",
    )


def microsoft(tenant: str, grant: Grant) -> Provider:
    """Return Microsoft's addresses for a tenant: its id or domain, `organizations` or `common`."""
    base = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
    mail = "https://outlook.office.com"
    return Provider(
        name="Microsoft",
        token_url=f"{base}/token",
        authorize_url=f"{base}/authorize",
        device_url=f"{base}/devicecode",
        scope="https://outlook.office365.com/.default"
        if grant is Grant.CLIENT_CREDENTIALS
        else f"{mail}/IMAP.AccessAsUser.All {mail}/SMTP.Send offline_access",
        secret_in="client_secret_post",  # noqa: S106
        redirect_host="localhost",
        grant_life=None if grant is Grant.CLIENT_CREDENTIALS else timedelta(days=90),
        where="entra.microsoft.com → App registrations",
    )


class AccessTokens:
    """The access token of a mailbox. Not to be shared between threads."""

    def __init__(
        self,
        registration: Registration,
        file: TokenFile,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registration = registration
        self._file = file
        self._now = now
        self._pauses = Pauses(monotonic)
        self._failed: tuple[str, InboxbotError] | None = None

    def __call__(self) -> str:
        """Return a token that may be used now.

        Raises `TokenError` where a person must act, and `TransientError` where the token server
        cannot be used; not while the token at hand is good, which `check` tells of.
        """
        try:
            return self.check().access
        except (TokenError, TransientError):
            tokens = self._file.load()
            if tokens is None or not self._is_ours(tokens) or tokens.access_until <= self._now():
                raise
            return tokens.access

    def check(self) -> Tokens:
        """Renew the token where it ends within five minutes; raise what went wrong with that."""
        tokens = self._file.load()
        if tokens is not None and self._lasts(tokens):
            return tokens
        with self._file.locked():
            tokens = self._file.load()  # Another process may have renewed it meanwhile.
            if tokens is not None and self._lasts(tokens):
                return tokens
            return self._renewed(tokens)

    def renew(self) -> bool:
        """Get another token after a server refused this one; False where that cannot help."""
        before = self._file.load()
        with self._file.locked():
            tokens = self._file.load()
            if tokens != before:
                return True
            if tokens is None or self._now() - tokens.obtained_at < YOUNG:
                return False
            self._renewed(tokens)
            return True

    def _is_ours(self, tokens: Tokens) -> bool:
        return tokens.client == self._registration.client

    def _lasts(self, tokens: Tokens) -> bool:
        # Of a token that lives for less than ten minutes, half its life is early enough.
        early = min(EARLY, (tokens.access_until - tokens.obtained_at) / 2)
        return self._is_ours(tokens) and tokens.access_until - self._now() > early

    def _renewed(self, tokens: Tokens | None) -> Tokens:
        """Ask for another token and save it; a server that failed is left alone for a while."""
        refresh = tokens.refresh if tokens is not None and self._is_ours(tokens) else ""
        if self._failed and self._failed[0] == refresh and not self._pauses.over("token"):
            raise self._failed[1]
        try:
            renewed = self._ask(tokens, refresh)
        except InboxbotError as error:
            wait = self._pauses.add("token", hard=isinstance(error, TokenError))
            self._failed = (refresh, error)
            events.token_not_renewed(self._file.mailbox, error, wait)
            raise
        self._pauses.end("token")
        self._failed = None
        events.token_renewed(self._file.mailbox)
        return renewed

    def _ask(self, tokens: Tokens | None, refresh: str) -> Tokens:
        registration, now = self._registration, self._now()
        alone = registration.grant is Grant.CLIENT_CREDENTIALS
        if not alone and not refresh:
            raise TokenError(
                f"Nobody has allowed inboxbot to use this mailbox at {registration.provider.name} "
                f"yet: run `inboxbot login {self._file.mailbox}`."
            )
        url = registration.provider.token_url
        with asking(registration, self._file.mailbox) as session:
            answer = (
                session.fetch_token(url, grant_type="client_credentials", **HTTP)
                if alone
                else session.refresh_token(url, refresh_token=refresh, **HTTP)
            )
        faults.point("tokens.received")
        granted_at = now if tokens is None or alone else tokens.granted_at
        renewed = received(registration, answer, now, granted_at, refresh)
        self._file.save(renewed)
        faults.point("tokens.saved")
        return renewed


HTTP: dict[str, Any] = {"timeout": ANSWER_TIMEOUT_S, "allow_redirects": False}


def received(
    registration: Registration,
    answer: dict[str, Any],
    now: datetime,
    granted_at: datetime,
    refresh: str = "",
) -> Tokens:
    """Return the tokens in a token server's answer; one that is not changed stays (section 6)."""
    access, changed = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access, str) or not access or not access.isascii():
        raise TransientError("The token server answered without an access token; trying later.")
    life = _seconds(answer.get("expires_in"))
    rest = _seconds(answer.get("refresh_token_expires_in", answer.get("refresh_expires_in")))
    lasts = timedelta(seconds=rest) if rest else registration.provider.grant_life
    return Tokens(
        client=registration.client,
        access=access,
        access_until=now + timedelta(seconds=life or USUAL_LIFE_S),
        obtained_at=now,
        refresh=changed if isinstance(changed, str) and changed else refresh,
        granted_at=granted_at,
        grant_until=now + lasts if lasts else None,
    )


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return min(seconds, 10 * 365 * 86400.0) if seconds > 0 else None


@contextmanager
def asking(registration: Registration, mailbox: str) -> Iterator[OAuth2Session]:
    """Give a session with the token server; what goes wrong becomes an error of ours."""
    provider = registration.provider
    session = OAuth2Session(
        client_id=registration.client_id,
        client_secret=registration.secret() if registration.secret else None,
        token_endpoint_auth_method=provider.secret_in if registration.secret else "none",
        scope=provider.scope or None,
    )
    session.verify = registration.ca_file or True
    try:
        yield session
    except OAuthError as error:
        raise explained(provider, mailbox, error) from None
    except RequestException as error:
        raise TransientError(
            f"The token server of {provider.name} cannot be used ({type(error).__name__}); "
            "trying later."
        ) from None
    except (ValueError, TypeError, KeyError):
        raise TransientError(
            f"The token server of {provider.name} answered with what is no token; trying later."
        ) from None
    finally:
        session.close()


def explained(provider: Provider, mailbox: str, error: OAuthError) -> InboxbotError:
    """Return what a person is to do about an error of a token server."""
    code = refusals.code_of(str(error.error or ""))
    if code in refusals.TEMPORARY:
        return TransientError(f"{provider.name} gives no token now ({code}); trying later.")
    said = str(error.description or "")
    return TokenError(refusals.sentence(provider.name, provider.where, mailbox, code, said))
