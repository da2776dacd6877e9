"""Where each mailbox is read and its replies are handed in: the settings, as its servers take them.

Apart from `assembly`, which knows every stage: a look at a mailbox loads nothing that reads, sorts
or writes letters.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from inboxbot import config
from inboxbot.clock import utc_now
from inboxbot.config import Config, Mailbox, Server
from inboxbot.errors import UsageError
from inboxbot.fetching import MIB, Limits
from inboxbot.intake import Source
from inboxbot.mail import connection
from inboxbot.pace import Pace, pace
from inboxbot.tokens import FOLDER, TokenFile

if TYPE_CHECKING:
    from inboxbot.mail import smtp
    from inboxbot.mail.oauth import AccessTokens, Registration


def mailbox_named(configuration: Config, name: str | None) -> Mailbox:
    """Return the mailbox called `name`, or the first; raises `UsageError` for another name."""
    for box in configuration.mailbox:
        if name in (None, box.name):
            return box
    known = ", ".join(box.name for box in configuration.mailbox)
    raise UsageError(f'There is no mailbox "{name}"; there are: {known}.')


def source(box: Mailbox) -> Source:
    """Return which mailbox it is, for the record: another server or folder starts anew."""
    server = connection.server_name(box.imap.username, box.imap.host)
    return Source(name=box.name, server=server, folder=box.folder)


def limits(configuration: Config, box: Mailbox) -> Limits:
    """Return how much is fetched at once."""
    return Limits(max_size=box.max_size_mb * MIB, min_free=configuration.store.min_free_mb * MIB)


def imap_settings(
    configuration: Config, box: Mailbox, tokens: "AccessTokens | None" = None
) -> connection.Settings:
    """Return where a mailbox is read, and how to get in."""
    return connection.Settings(folder=box.folder, **_way_in(configuration, box, box.imap, tokens))


def smtp_settings(configuration: Config, box: Mailbox) -> "smtp.Settings":
    """Return where replies of a mailbox are handed in, and how to get in."""
    from inboxbot.mail import smtp  # Loaded with the first reply.

    return smtp.Settings(**_way_in(configuration, box, box.smtp, None))


def pace_of(box: Mailbox) -> Pace:
    """Return how fast replies of a mailbox may leave."""
    smtp = box.smtp
    return pace(smtp.provider, per_minute=smtp.per_minute, per_day=smtp.per_day)


def _way_in(
    configuration: Config, box: Mailbox, server: Server, tokens: "AccessTokens | None"
) -> dict[str, Any]:
    way: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "security": server.security,
        "username": server.username,
        "auth": server.auth,
        "ca_file": server.ca_file or None,
        "timeout_s": float(server.timeout_s),
    }
    if server.auth == "password":
        return way | {"secret": partial(config.credential, server.credential)}
    tokens = tokens or access_tokens(configuration, box)
    return way | {"secret": tokens, "renew": tokens.renew}


def access_tokens(configuration: Config, box: Mailbox) -> "AccessTokens":
    """Return what gives the access tokens of a mailbox."""
    from inboxbot.mail.oauth import AccessTokens  # Its libraries take a while to load.

    return AccessTokens(registration(box), token_file(configuration, box), utc_now)


def token_file(configuration: Config, box: Mailbox) -> TokenFile:
    """Return where the tokens of a mailbox lie: in the state folder."""
    return TokenFile(configuration.store_path.parent / FOLDER, box.name)


def registration(box: Mailbox) -> "Registration":
    """Return how a mailbox's provider knows us."""
    from inboxbot.mail import oauth

    settings, grant = box.oauth, oauth.Grant(box.oauth.grant)
    match settings.provider:
        case "google":
            provider = oauth.google()
        case "microsoft":
            provider = oauth.microsoft(settings.tenant, grant)
        case "custom":
            provider = oauth.Provider(name="The provider", token_url="")
    given = {
        name: value
        for name in ("token_url", "device_url", "authorize_url", "scope")
        if (value := getattr(settings, name))
    }
    return oauth.Registration(
        provider=replace(provider, **given),
        grant=grant,
        client_id=settings.client_id,
        secret=partial(config.credential, settings.credential) if settings.credential else None,
        username=box.imap.username,
        redirect_port=settings.redirect_port,
        ca_file=settings.ca_file or None,
    )


def day(text: str) -> datetime:
    """Return the beginning of a day of the configuration, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
