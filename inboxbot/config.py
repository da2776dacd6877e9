"""config/inboxbot.toml → a frozen `Config`, or every problem at once.

Secrets are never in the file: each server section names a credential, read from
`$CREDENTIALS_DIRECTORY` (systemd) or from the environment. Only the faces (`cli`, `daemon`,
`web.app`) and the demo read the configuration; everything else is handed values.
"""

import os
import tomllib
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from inboxbot.errors import ConfigError, Problem

DEFAULT_PLACES = (Path("config/inboxbot.toml"), Path("/etc/inboxbot/inboxbot.toml"))
EXAMPLE_DOMAINS = ("example.org", "example.com", "example.net", ".example", ".test", ".invalid")


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
    return text.lower()


def _domain(text: str) -> str:
    if "@" in text or "." not in text or any(c.isspace() for c in text):
        raise ValueError(f'"{text}" is no domain; write one such as "charity.org"')
    return text.lower().strip(".")


def _https(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(c.isspace() for c in text):
        raise ValueError(f'"{text}" is no web address; write one that begins with "https://"')
    return text


TimeZone = Annotated[str, AfterValidator(_time_zone)]
EmailAddress = Annotated[str, AfterValidator(_address)]
Domain = Annotated[str, AfterValidator(_domain)]
WebAddress = Annotated[str, AfterValidator(_https)]
Filled = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Security = Literal["tls", "starttls", "none"]
Authentication = Literal["password", "xoauth2", "oauthbearer"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Organisation(_Section):
    """`[organisation]`: what templates may say."""

    name: Filled
    website: WebAddress
    phone: Filled
    postal_address: Filled
    profile_form_url: WebAddress
    time_zone: TimeZone = "UTC"
    hours_to_answer: Annotated[int, Field(ge=1, le=720)] = 48


class Server(_Section):
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
    envelope_sender: Annotated[str, AfterValidator(lambda text: text and _address(text))] = ""


class OAuth(_Section):
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


class Mailbox(_Section):
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
    oauth: OAuth = OAuth()

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


class Replies(_Section):
    """`[replies]`: the limits of what is sent by itself."""

    templates: Filled = "templates"
    default_language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    languages: tuple[str, ...] = Field(default=(), strict=False)
    require_addressed: bool = True
    max_age_h: Annotated[int, Field(ge=1, le=8760)] = 72
    quiet_period_h: Annotated[int, Field(ge=1, le=8760)] = 24
    per_address_day: Count = 2
    per_address_week: Count = 4
    per_relay_hour: Count = 30
    per_domain_hour: Count = 20
    per_hour: Count = 60
    per_day: Count = 300
    bounces_hour: Count = 5
    disabled: tuple[str, ...] = Field(default=(), strict=False)


class Classify(_Section):
    """`[classify]`: which classifier, and when it counts as unsure."""

    model: Literal["encoder", "light"] = "encoder"
    unsure_below: Annotated[float, Field(ge=0.34, le=0.99)] = 0.6
    memory_mb: Annotated[int, Field(ge=128, le=8192)] = 1024
    learn: Literal["off", "nightly"] = "off"


class Store(_Section):
    """`[store]`: where the database lies, and how much disk must stay free."""

    path: Filled = "/var/lib/inboxbot/inboxbot.sqlite3"
    min_free_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 200


class Web(_Section):
    """`[web]`: the review app."""

    host: Filled = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8480
    session_idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12


Months = Annotated[int, Field(ge=0, le=600)]
MonthsOfCategory = dict[
    Literal["profile_request", "medication_question", "general_inquiry"], Months
]


class Retention(_Section):
    """`[retention]`: months after which parts of a letter are erased; 0 keeps them."""

    attachments_months: Months = 12
    raw_months: Months = 24
    text_months: Months = 24
    metadata_months: Months = 36
    attachments_by_category: MonthsOfCategory = {}
    raw_by_category: MonthsOfCategory = {}
    text_by_category: MonthsOfCategory = {}
    metadata_by_category: MonthsOfCategory = {}


class Backup(_Section):
    """`[backup]`: where copies of the database go, and how many are kept."""

    folder: str = ""  # "" is the folder `backups` beside the database
    keep_daily: Annotated[int, Field(ge=1, le=366)] = 14
    keep_weekly: Annotated[int, Field(ge=0, le=520)] = 8


class Metrics(_Section):
    """`[metrics]`: figures for Prometheus, and two pages that say whether all is well."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: none
    web_port: Annotated[int, Field(ge=0, le=65535)] = 0  # of the review app's own process


class Alerts(_Section):
    """`[alerts]`: whom to tell, by mail without content. Empty: nobody."""

    to: tuple[EmailAddress, ...] = Field(default=(), strict=False)
    intake_silent_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    backup_silent_hours: Annotated[int, Field(ge=0, le=8760)] = 48
    daily_summary: bool = False
    summary_hour: Annotated[int, Field(ge=0, le=23)] = 7


class Config(_Section):
    """The whole configuration. `root` is the folder that relative paths start from."""

    organisation: Organisation
    mailbox: tuple[Mailbox, ...] = Field(min_length=1, strict=False)
    replies: Replies = Replies()
    classify: Classify = Classify()
    store: Store = Store()
    web: Web = Web()
    retention: Retention = Retention()
    backup: Backup = Backup()
    metrics: Metrics = Metrics()
    alerts: Alerts = Alerts()
    source: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [mailbox.name for mailbox in self.mailbox]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'two mailboxes are called "{twice[0]}"; give each its own name')
        return self

    @property
    def root(self) -> Path:
        """Return the folder of the configuration, or the one above where that is `config`."""
        folder = self.source.resolve().parent
        return folder.parent if folder.name == "config" else folder

    @property
    def store_path(self) -> Path:
        """Return where the database lies."""
        return self.root / Path(self.store.path).expanduser()

    @property
    def backup_path(self) -> Path:
        """Return the folder that copies of the database go to."""
        folder = self.backup.folder
        return (
            self.root / Path(folder).expanduser() if folder else self.store_path.parent / "backups"
        )

    @property
    def templates_path(self) -> Path:
        """Return the folder of the reply templates."""
        return self.root / Path(self.replies.templates).expanduser()

    @property
    def knowledge_path(self) -> Path:
        """Return the organisation's own articles: beside the configuration."""
        return self.source.resolve().parent / "knowledge.toml"


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine, by its name or number alone."""
    return host in {"localhost", "::1", "[::1]"} or host.startswith("127.")


def find(given: str | None) -> Path:
    """Return the configuration file to use: as given, from $INBOXBOT_CONFIG, or a usual place.

    Raises `ConfigError` where there is none.
    """
    named = given or os.environ.get("INBOXBOT_CONFIG")
    if named:
        return Path(named)
    for place in DEFAULT_PLACES:
        if place.exists():
            return place
    places = " or ".join(str(place) for place in DEFAULT_PLACES)
    raise ConfigError(
        (
            Problem(
                "configuration",
                f"There is none at {places}: run `inboxbot init`, or name one with --config.",
            ),
        )
    )


def load(path: Path) -> Config:
    """Read the configuration at `path`; raise `ConfigError` with every problem in it."""
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            (Problem(str(path), "There is no such file: run `inboxbot init`."),)
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            (Problem(f"{path}:{line}", "This line is not UTF-8: save the file as UTF-8."),)
        ) from None
    except OSError as error:
        raise ConfigError(
            (
                Problem(
                    str(path), f"It cannot be read ({error.strerror}): check its owner and mode."
                ),
            )
        ) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((Problem(str(path), f"This is not valid TOML: {error}."),)) from None
    try:
        return Config.model_validate(values | {"source": path})
    except ValidationError as error:
        raise ConfigError(_problems(error.errors())) from None


_WANTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number without quotes",
    "float_type": "a number without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": 'a list in brackets, such as ["one", "two"]',
    "model_type": "a section of its own",
}


_PATTERNS = {
    "name": "lower-case letters, digits, - and _, at most 31 of them",
    "mark": 'nothing, "keyword:$Name" or "move:Folder"',
    "default_language": 'a language code of two letters, such as "en"',
}


def _problems(errors: Any) -> tuple[Problem, ...]:
    """Return one problem for each setting, leaving out what only follows from another."""
    places = [_place(error["loc"]) for error in errors]
    return tuple(
        _problem(error)
        for error, place in zip(errors, places, strict=True)
        if not (
            error["type"] == "too_short"
            and any(other != place and other.startswith(place) for other in places)
        )
    )


def _problem(error: Any) -> Problem:
    """Return the problem of ours for one of pydantic's errors."""
    place = _place(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return Problem(place, f"There is no such setting.{_suggestion(error['loc'])}")
        case "missing":
            return Problem(place, "This setting is missing: write it.")
        case "value_error":
            return Problem(place, _sentence(str(error["ctx"]["error"])))
        case "string_too_short" | "too_short":
            return Problem(place, "This is empty: fill it in.")
    found = error["input"]
    shown = f"Found {found!r}: write" if isinstance(found, str | int | float | bool) else "Write"
    match error["type"]:
        case kind if kind in _WANTED:
            return Problem(place, f"{shown} {_WANTED[kind]}.")
        case "literal_error":
            return Problem(place, f"{shown} one of {error['ctx']['expected']}.")
        case "greater_than_equal":
            return Problem(place, f"{shown} {error['ctx']['ge']} or more.")
        case "less_than_equal":
            return Problem(place, f"{shown} {error['ctx']['le']} or less.")
        case "string_pattern_mismatch":
            return Problem(place, f"{shown} {_PATTERNS[error['loc'][-1]]}.")
        case _:
            return Problem(place, f"{error['msg']}.")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _place(location: tuple[str | int, ...]) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "configuration"


def _suggestion(location: tuple[str | int, ...]) -> str:
    section: Any = Config
    for step in location[:-1]:
        if isinstance(step, str):
            field = section.model_fields.get(step)
            if field is None:
                return ""
            section = _section_of(field.annotation)
    near = get_close_matches(str(location[-1]), list(section.model_fields), 1, 0.5)
    if near:
        return f" Did you mean {near[0]}?"
    return f" Known here: {', '.join(name for name in section.model_fields if name != 'source')}."


def _section_of(annotation: Any) -> Any:
    inner = getattr(annotation, "__args__", None)
    return inner[0] if inner else annotation


def placeholders(config: Config) -> tuple[Problem, ...]:
    """Return every value that is still the example's: names reserved by RFC 2606."""
    found: list[Problem] = []

    def look(value: object, place: tuple[str | int, ...]) -> None:
        if isinstance(value, BaseModel):
            for name in type(value).model_fields:
                look(getattr(value, name), (*place, name))
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                look(item, (*place, number))
        elif isinstance(value, str) and _is_example(value):
            found.append(
                Problem(_place(place), f'"{value}" is still the example: write your own here.')
            )

    look(config, ())
    return tuple(found)


def _is_example(value: str) -> bool:
    text = value.lower().rstrip("/")
    host = text.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2].split(":", 1)[0]
    return (
        any(
            host == name.lstrip(".") or host.endswith(f".{name.lstrip('.')}")
            for name in EXAMPLE_DOMAINS
        )
        if "." in host
        else False
    )


def credential(name: str) -> str:
    """Return the secret called `name`; raise `ConfigError` that says where to put it.

    It is read anew at each call, so that a changed password counts without a restart.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder:
        file = Path(folder) / name
        try:
            return file.read_text("utf-8").rstrip("\n")
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                (Problem(f"credential {name}", f"{file} cannot be read as text."),)
            ) from None
    variable = credential_variable(name)
    if variable in os.environ:
        return os.environ[variable]
    raise ConfigError(
        (
            Problem(
                f"credential {name}",
                f"It is missing: put it in the file {name} of $CREDENTIALS_DIRECTORY (systemd: "
                f"LoadCredential={name}:/etc/inboxbot/credentials/{name}), or for a trial in "
                f"the environment variable {variable}.",
            ),
        )
    )


def credential_variable(name: str) -> str:
    """Return the environment variable that may hold the secret called `name`."""
    return f"INBOXBOT_{name.upper().replace('-', '_')}"
