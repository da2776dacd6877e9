"""What a single setting may hold: types that say in a sentence what to write instead.

Their errors are shown to whoever edits the file; they name what was found and give an example.
"""

import os
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# No other package has a say in how settings are read: pydantic would look through all of them.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f'"{name}" is no time zone; write one such as "America/Chicago" or "Europe/Berlin"'
        ) from error
    return name


def _address(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not (local and at and "." in domain) or any(c.isspace() or c in '<>,;"' for c in text):
        raise ValueError(f'"{text}" is no email address; write one such as "support@charity.org"')
    return f"{local.lower()}@{_as_mail_has_it(domain)}"


def _domain(text: str) -> str:
    if "@" in text or "." not in text or any(c.isspace() for c in text):
        raise ValueError(f'"{text}" is no domain; write one such as "charity.org"')
    return _as_mail_has_it(text.strip("."))


def _as_mail_has_it(domain: str) -> str:
    """Return a domain in small letters of ASCII, as it stands in every letter (RFC 5890)."""
    try:
        return domain.lower().encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f'"{domain}" is no domain; write one such as "charity.org"') from error


def _https(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(c.isspace() for c in text):
        raise ValueError(f'"{text}" is no web address; write one that begins with "https://"')
    return text


TimeZone = Annotated[str, AfterValidator(_time_zone)]
EmailAddress = Annotated[str, AfterValidator(_address)]
OptionalAddress = Annotated[str, AfterValidator(lambda text: text and _address(text))]
Domain = Annotated[str, AfterValidator(_domain)]
WebAddress = Annotated[str, AfterValidator(_https)]
Filled = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Security = Literal["tls", "starttls", "none"]
Authentication = Literal["password", "xoauth2", "oauthbearer"]


class Section(BaseModel):
    """A section of the file: what it does not know is an error, and nothing changes later."""

    # What checks a section is built once, with the whole that it is part of.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine, by its name or number alone."""
    return host in {"localhost", "::1", "[::1]"} or host.startswith("127.")
