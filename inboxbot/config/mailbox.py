"""`[[mailbox]]`: a folder that we watch, its two servers, and how we get in.

A secret is never among the settings: each server names the credential that holds it.
"""

from datetime import datetime
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from inboxbot.config.values import (
    Authentication,
    Count,
    Domain,
    EmailAddress,
    Filled,
    OptionalAddress,
    Port,
    Section,
    Security,
    is_loopback,
)


class Server(Section):
    """What the two server sections have in common."""

    host: Filled
    port: Port
    security: Security = "tls"
    username: Filled
    auth: Authentication = "password"
    credential: Filled
    ca_file: str = ""
    timeout_s: Annotated[int, Field(ge=1, le=600)] = 60

    @model_validator(mode="after")
    def _clear_text_stays_here(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                f'security = "none" is for servers on this machine only, and "{self.host}" is not; '
                'write "tls" or "starttls"'
            )
        return self


class Imap(Server):
    """`[mailbox.imap]`: where letters are read."""

    port: Port = 993
    credential: Filled = "imap-password"
    idle: bool = True


class Smtp(Server):
    """`[mailbox.smtp]`: where replies are handed in. `envelope_sender` "" is the null sender."""

    port: Port = 465
    username: str = ""  # "" for a mail server on this machine that asks for none
    credential: Filled = "smtp-password"
    envelope_sender: OptionalAddress = ""
    provider: Literal["", "google-workspace", "gmail", "microsoft-365", "yahoo", "icloud"] = (
        ""  # whose limits are kept
    )
    per_minute: Annotated[int, Field(ge=0, le=10_000)] = 0  # 0: as the provider says
    per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class OAuth(Section):
    """`[mailbox.oauth]`: how access tokens are got, where `auth` is not "password"."""

    provider: Literal["google", "microsoft", "custom"] = "custom"
    tenant: Filled = "organizations"
    client_id: str = ""
    credential: str = ""  # "" for a registration without a secret
    grant: Literal["device", "browser", "client_credentials"] = "browser"
    redirect_port: Annotated[int, Field(ge=1024, le=65535)] = 8765
    scope: str = ""
    token_url: str = ""
    device_url: str = ""
    authorize_url: str = ""
    ca_file: str = ""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        for name in ("token_url", "device_url", "authorize_url"):
            url = urlsplit(getattr(self, name))
            if url.netloc and url.scheme != "https" and not is_loopback(url.hostname or ""):
                raise ValueError(f'{name} must begin with "https://"')
        wanted = {"device": "device_url", "browser": "authorize_url"}.get(self.grant)
        if self.client_id and self.provider == "custom":
            for name in filter(None, ("token_url", wanted)):
                if not urlsplit(getattr(self, name)).netloc:
                    raise ValueError(f"{name} is missing: your provider's documentation names it")
        if self.provider == "google" and self.grant != "browser":
            raise ValueError(
                f'grant is "{self.grant}", with which Google gives no access to mail; '
                'write "browser"'
            )
        if not self.credential and (self.provider == "google" and self.client_id):
            raise ValueError("credential is missing: Google gives a secret with each client id")
        if not self.credential and self.grant == "client_credentials":
            raise ValueError('credential is missing: grant "client_credentials" needs a secret')
        return self


class MailboxReplies(Section):
    """`[mailbox.replies]`: what a mailbox may say otherwise than `[replies]` does for all."""

    default_language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    languages: tuple[str, ...] = Field(default=(), strict=False)
    require_addressed: bool = True
    max_age_h: Annotated[int, Field(ge=1, le=8760)] = 72
    quiet_period_h: Annotated[int, Field(ge=1, le=8760)] = 24
    per_address_day: Count = 2
    per_address_week: Count = 4
    per_relay_hour: Count = 30
    per_domain_hour: Count = 20
    disabled: tuple[str, ...] = Field(default=(), strict=False)


class Mailbox(Section):
    """`[[mailbox]]`: a folder that we watch, with its addresses and servers."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")]
    address: EmailAddress
    display_name: str = ""
    aliases: tuple[EmailAddress, ...] = Field(default=(), strict=False)
    own_domains: tuple[Domain, ...] = Field(default=(), strict=False)
    form_relays: tuple[EmailAddress, ...] = Field(default=(), strict=False)
    own_list_ids: tuple[str, ...] = Field(default=(), strict=False)
    trusted_authserv_ids: tuple[str, ...] = Field(default=(), strict=False)
    folder: Filled = "INBOX"
    sent_folder: str = ""
    sent_copy: Literal["server", "append", "none"] = "none"
    poll_every_s: Annotated[int, Field(ge=1, le=3600)] = 60
    max_size_mb: Annotated[int, Field(ge=1, le=100)] = 25
    import_since: str = ""
    mark: Annotated[str, Field(pattern=r"^(|keyword:[A-Za-z0-9$_-]+|move:.+)$")] = ""
    imap: Imap
    smtp: Smtp
    oauth: OAuth = Field(default={}, validate_default=True)
    replies: MailboxReplies = Field(default={}, validate_default=True)

    @model_validator(mode="after")
    def _tokens_come_from_somewhere(self) -> Self:
        if self.uses_tokens and not self.oauth.client_id:
            raise ValueError(
                "auth asks for tokens, and [mailbox.oauth] has no client_id: "
                "docs/operations/providers.md shows how to get one"
            )
        return self

    @property
    def uses_tokens(self) -> bool:
        """Say whether one of the two servers is logged in to with an access token."""
        return any(server.auth != "password" for server in (self.imap, self.smtp))

    @model_validator(mode="after")
    def _since_is_a_day(self) -> Self:
        if self.import_since:
            try:
                datetime.fromisoformat(self.import_since)
            except ValueError as error:
                raise ValueError(
                    f'import_since is "{self.import_since}"; write a day such as "2026-01-31"'
                ) from error
        return self
