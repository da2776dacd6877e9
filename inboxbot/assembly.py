"""The configuration, turned into the values and parts that the stages work with.

The only place that knows both the settings and the stages; the faces call it and hand on.
"""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from inboxbot import events, opening, promotion, publishing
from inboxbot.acknowledge import Acknowledger, Facts
from inboxbot.announce import Recipients
from inboxbot.clock import utc_now
from inboxbot.config import Config, Mailbox, Replies
from inboxbot.errors import ConfigError, InboxbotError
from inboxbot.fetching import MIB
from inboxbot.mail.message import Identity
from inboxbot.promotion import InForce
from inboxbot.reader import Reader
from inboxbot.reading import LoadClassifier
from inboxbot.reading_worker import Limits
from inboxbot.reply.knowledge import Article, read_knowledge
from inboxbot.reply.library import Library
from inboxbot.reply.policy import Rules
from inboxbot.store import migrations, retention
from inboxbot.store import settings as store_settings
from inboxbot.store.settings import Instance
from inboxbot.store.sqlite import Database
from inboxbot.triage import Triage
from inboxbot.upkeep import Patience


def identity(mailbox: Mailbox, organisation: str, instance: Instance) -> Identity:
    """Return who we are on a mailbox."""
    return Identity(
        mailbox=mailbox.name,
        name=mailbox.display_name or organisation,
        address=mailbox.address,
        addresses=frozenset({mailbox.address, *mailbox.aliases}),
        own_domains=frozenset(mailbox.own_domains),
        form_relays=frozenset(mailbox.form_relays),
        trusted_authserv_ids=frozenset(name.lower() for name in mailbox.trusted_authserv_ids),
        own_list_ids=frozenset(name.lower() for name in mailbox.own_list_ids),
        instance_id=instance.id,
        secret=instance.secret,
    )


def identities(configuration: Config, instance: Instance) -> dict[str, Identity]:
    """Return who we are on each mailbox, by its name."""
    name = configuration.organisation.name
    return {box.name: identity(box, name, instance) for box in configuration.mailbox}


def library(
    configuration: Config,
    folder: Path | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Library:
    """Return the reply templates: of `folder` or that of the configuration, else built-in ones.

    Sent alone are the languages that any of the mailboxes answers in; `libraries` has those of
    each.
    """
    folder = folder or configuration.templates_path
    replies = [configuration.replies, *map(configuration.replies_of, configuration.mailbox)]
    chosen = [language for each in replies for language in (*each.languages, each.default_language)]
    return Library(
        folder if folder.is_dir() else None,
        enabled=frozenset() if all(each.languages for each in replies) else None,
        elsewhere=frozenset(chosen),
        default_language=configuration.replies.default_language,
        recall=publishing.recall(lambda: opening.store(configuration, create=False)),
        clock=clock,
    )


def libraries(configuration: Config, templates: Library) -> dict[str, Library]:
    """Return the templates as each mailbox uses them: with the languages that it answers in."""
    return {
        box.name: _spoken(configuration.replies_of(box), templates) for box in configuration.mailbox
    }


def _spoken(replies: Replies, templates: Library) -> Library:
    enabled = frozenset(replies.languages) if replies.languages else None
    return templates.answering_in(enabled, replies.default_language)


def rules(configuration: Config, templates: Library) -> Rules:
    """Return the limits of `[replies]` and of each mailbox, with the languages to answer in."""
    own = {
        box.name: _rules(configuration.replies_of(box), templates) for box in configuration.mailbox
    }
    return replace(_rules(configuration.replies, templates), own=own)


def _rules(replies: Replies, templates: Library) -> Rules:
    return Rules(
        max_age=timedelta(hours=replies.max_age_h),
        quiet_period=timedelta(hours=replies.quiet_period_h),
        per_address_day=replies.per_address_day,
        per_address_week=replies.per_address_week,
        per_relay_hour=replies.per_relay_hour,
        per_domain_hour=replies.per_domain_hour,
        per_hour=replies.per_hour,
        per_day=replies.per_day,
        bounces_hour=replies.bounces_hour,
        require_addressed=replies.require_addressed,
        default_language=replies.default_language,
        languages=_spoken(replies, templates).available(),
        disabled=frozenset(replies.disabled),
    )


def facts(configuration: Config) -> Facts:
    """Return what templates may say of the organisation."""
    organisation = configuration.organisation
    return Facts(
        name=organisation.name,
        website=organisation.website,
        phone=organisation.phone,
        postal_address=organisation.postal_address,
        profile_form_url=organisation.profile_form_url,
        time_zone=organisation.time_zone,
        hours_to_answer=organisation.hours_to_answer,
    )


class Knowledge:
    """The organisation's own articles, read again when the file has changed.

    A file that cannot be read or is wrong links nothing: the letter is answered all the same.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._articles: tuple[Article, ...] = ()

    def __call__(self) -> tuple[Article, ...]:
        """Return the articles as the file has them now."""
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._seen = seen
                self._articles = read_knowledge(self._path.read_text("utf-8-sig"))
        except FileNotFoundError:
            self._seen, self._articles = None, ()
        except (ConfigError, OSError, UnicodeDecodeError):
            events.knowledge_unreadable()
            self._articles = ()
        return self._articles


def acknowledger(configuration: Config, templates: Library) -> Acknowledger:
    """Return what writes acknowledgements."""
    return Acknowledger(
        templates,
        facts(configuration),
        Knowledge(configuration.knowledge_path),
        {box.name: box.smtp.envelope_sender for box in configuration.mailbox},
        libraries(configuration, templates),
    )


def triage(configuration: Config, db: Database, reader: Reader) -> Triage:
    """Return what decides on stored letters."""
    templates = library(configuration)
    return Triage(
        db,
        reader=reader,
        acknowledger=acknowledger(configuration, templates),
        identities=identities(configuration, store_settings.instance(db)),
        rules=rules(configuration, templates),
        now=utc_now,
    )


def model_in_force(configuration: Config) -> InForce:
    """Return the model that letters are to be sorted with; the shipped one without a store."""
    if configuration.store_path.exists():
        with suppress(InboxbotError), closing(opening.connect(configuration)) as db:
            if not migrations.pending(db):
                return promotion.in_force(db, configuration.classify.model)
    return InForce()


def classifier(configuration: Config, model: InForce) -> LoadClassifier:
    """Return how the worker comes to the classifier with this model."""
    settings = configuration.classify
    return LoadClassifier(
        kind=settings.model,
        model=model.content,
        medicines=tuple(article.medicine for article in Knowledge(configuration.knowledge_path)()),
        unsure_below=settings.unsure_below,
    )


def reader(configuration: Config, model: InForce | None = None) -> Reader:
    """Return the worker that reads and classifies letters; use it as a context manager.

    Without `model` it is the one in force.
    """
    return Reader(
        classifier(configuration, model or model_in_force(configuration)),
        Limits(memory=configuration.classify.memory_mb * MIB),
    )


def retention_rules(configuration: Config) -> retention.Rules:
    """Return after how many months each part of a letter is erased."""
    months = configuration.retention.model_dump()
    return retention.Rules(
        months={part: months[f"{part}_months"] for part in retention.PARTS},
        by_category={part: months[f"{part}_by_category"] for part in retention.PARTS},
    )


def patience(configuration: Config) -> Patience:
    """Return how long things may take before somebody is told."""
    told = configuration.alerts
    return Patience(
        intake=timedelta(minutes=told.intake_silent_minutes),
        backup=timedelta(hours=told.backup_silent_hours),
        min_free_mb=configuration.store.min_free_mb,
    )


def recipients(configuration: Config) -> Recipients:
    """Return which staff are told by mail, from the first mailbox."""
    box = configuration.mailbox[0]
    return Recipients(
        to=configuration.alerts.to,
        sender=box.address,
        envelope_sender=box.smtp.envelope_sender,
    )
