"""The sections beside the mailboxes, and the whole: a frozen `Config`.

Each setting has its type, range and default here; `config/inboxbot.example.toml` explains it.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inboxbot.config.mailbox import Mailbox, MailboxReplies
from inboxbot.config.values import Count, EmailAddress, Filled, Section, TimeZone, WebAddress


class Organisation(Section):
    """`[organisation]`: what templates may say."""

    name: Filled
    website: WebAddress
    phone: Filled
    postal_address: Filled
    profile_form_url: WebAddress
    time_zone: TimeZone = "UTC"
    hours_to_answer: Annotated[int, Field(ge=1, le=720)] = 48


class Replies(MailboxReplies):
    """`[replies]`: what is sent by itself, and how much of it; the rest is for all together."""

    templates: Filled = "templates"
    per_hour: Count = 60
    per_day: Count = 300
    bounces_hour: Count = 5


class Classify(Section):
    """`[classify]`: which classifier, and when it counts as unsure."""

    model: Literal["encoder", "light"] = "encoder"
    unsure_below: Annotated[float, Field(ge=0.34, le=0.99)] = 0.6
    memory_mb: Annotated[int, Field(ge=128, le=8192)] = 1024
    learn: Literal["off", "nightly"] = "off"


class Store(Section):
    """`[store]`: where the database lies, with which key, and how much disk must stay free."""

    path: Filled = "/var/lib/inboxbot/inboxbot.sqlite3"
    key_credential: str = ""  # "" is a database that is not encrypted
    min_free_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 200


class Web(Section):
    """`[web]`: the review app."""

    host: Filled = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8480
    session_idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12


Months = Annotated[int, Field(ge=0, le=600)]
MonthsOfCategory = dict[
    Literal["profile_request", "medication_question", "general_inquiry"], Months
]


class Retention(Section):
    """`[retention]`: months after which parts of a letter are erased; 0 keeps them."""

    attachments_months: Months = 12
    raw_months: Months = 24
    text_months: Months = 24
    metadata_months: Months = 36
    attachments_by_category: MonthsOfCategory = Field(default={})
    raw_by_category: MonthsOfCategory = Field(default={})
    text_by_category: MonthsOfCategory = Field(default={})
    metadata_by_category: MonthsOfCategory = Field(default={})


class Backup(Section):
    """`[backup]`: where copies of the database go, and how many are kept."""

    folder: str = ""  # "" is the folder `backups` beside the database
    keep_daily: Annotated[int, Field(ge=1, le=366)] = 14
    keep_weekly: Annotated[int, Field(ge=0, le=520)] = 8


class Metrics(Section):
    """`[metrics]`: figures for Prometheus, and two pages that say whether all is well."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: none
    web_port: Annotated[int, Field(ge=0, le=65535)] = 0  # of the review app's own process


class Alerts(Section):
    """`[alerts]`: whom to tell, by mail without content. Empty: nobody."""

    to: tuple[EmailAddress, ...] = Field(default=(), strict=False)
    intake_silent_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    backup_silent_hours: Annotated[int, Field(ge=0, le=8760)] = 48
    daily_summary: bool = False
    summary_hour: Annotated[int, Field(ge=0, le=23)] = 7


class Config(Section):
    """The whole configuration. `root` is the folder that relative paths start from."""

    organisation: Organisation
    mailbox: tuple[Mailbox, ...] = Field(min_length=1, strict=False)
    replies: Replies = Field(default={}, validate_default=True)
    classify: Classify = Field(default={}, validate_default=True)
    store: Store = Field(default={}, validate_default=True)
    web: Web = Field(default={}, validate_default=True)
    retention: Retention = Field(default={}, validate_default=True)
    backup: Backup = Field(default={}, validate_default=True)
    metrics: Metrics = Field(default={}, validate_default=True)
    alerts: Alerts = Field(default={}, validate_default=True)
    source: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [mailbox.name for mailbox in self.mailbox]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'two mailboxes are called "{twice[0]}"; give each its own name')
        return self

    def replies_of(self, mailbox: Mailbox) -> Replies:
        """Return what holds for the replies of a mailbox: its own settings before `[replies]`."""
        own = mailbox.replies
        written = {name: getattr(own, name) for name in own.model_fields_set}
        return self.replies.model_copy(update=written)

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
