"""Write the acknowledgement of a letter: template, values, the finished message.

Between deciding (pure) and the outbox (SQL). What goes out is written once, when it is
decided, and stored as bytes: staff see exactly what will leave, and editing a template never
changes what is queued.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from inboxbot.classify.category import Classification
from inboxbot.frozen import dataclass
from inboxbot.mail import compose
from inboxbot.mail.message import Identity, Message, Reply
from inboxbot.reply.knowledge import Article, article_for
from inboxbot.reply.language import long_date
from inboxbot.reply.library import Library
from inboxbot.reply.names import safe_first_name
from inboxbot.reply.policy import Decision
from inboxbot.reply.template import Variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What templates may say of the organisation: `[organisation]` of the configuration."""

    name: str
    website: str
    phone: str
    postal_address: str
    profile_form_url: str
    time_zone: str
    hours_to_answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A finished acknowledgement, with the template and version that it came from."""

    reply: Reply
    template: str
    language: str
    version: str
    subject: str
    text: str


class Acknowledger:
    """Writes acknowledgements from the templates; `articles` are those that may be linked.

    `libraries` has those of mailboxes that answer in other languages than the rest.
    """

    def __init__(
        self,
        library: Library,
        facts: Facts,
        articles: Callable[[], tuple[Article, ...]],
        envelope_senders: dict[str, str],
        libraries: Mapping[str, Library] | None = None,
    ) -> None:
        self.library = library
        self._libraries = libraries or {}
        self._facts = facts
        self._articles = articles
        self._envelope_senders = envelope_senders

    def prepare(
        self,
        message: Message,
        classification: Classification,
        decision: Decision,
        identity: Identity,
        *,
        fingerprint: str,
        received_at: datetime,
        first_contact: bool,
        now: datetime,
    ) -> Prepared:
        """Return the acknowledgement that `decision` asks for.

        Raises `TemplateError` where no template can be used or the guard refuses the text, and
        `PermanentError` where the finished message is not exactly what was meant.
        """
        if decision.reply_to is None or decision.template is None or decision.language is None:
            raise ValueError("this decision names no reply")
        library = self._libraries.get(identity.mailbox, self.library)
        rendered = library.render(
            decision.template,
            decision.language,
            self.variables(
                message, classification, decision, received_at, first_contact, now, library
            ),
        )
        reply = compose.acknowledgement(
            message,
            identity,
            rendered.subject,
            rendered.text,
            rendered.html,
            recipient=decision.reply_to,
            kind=decision.template,
            language=rendered.language,
            now=now,
            fingerprint=fingerprint,
            envelope_sender=self._envelope_senders.get(identity.mailbox, ""),
        )
        return Prepared(
            reply=reply,
            template=rendered.name,
            language=rendered.language,
            version=rendered.version,
            subject=rendered.subject,
            text=rendered.text,
        )

    def variables(
        self,
        message: Message,
        classification: Classification,
        decision: Decision,
        received_at: datetime,
        first_contact: bool,
        now: datetime,
        library: Library | None = None,
    ) -> Variables:
        """Return the values that a template gets for a letter."""
        facts = self._facts
        zone = ZoneInfo(facts.time_zone)
        language = (library or self.library).written_in(decision.language or "en")
        article = self._article(classification, now, zone) if decision.authenticated else None
        # A From address can be forged: only a vouched-for sender is called by name.
        name = message.sender.name if decision.authenticated and message.sender else ""
        return Variables(
            organisation=facts.name,
            website=facts.website,
            phone=facts.phone,
            postal_address=facts.postal_address,
            profile_form_url=facts.profile_form_url,
            hours_to_answer=facts.hours_to_answer,
            received_date=long_date(received_at.astimezone(zone).date(), language),
            first_name=safe_first_name(name),
            is_first_contact=first_contact,
            article_title=article.title if article else "",
            article_date=long_date(article.date, language) if article else "",
            article_url=article.url if article else "",
        )

    def _article(
        self, classification: Classification, now: datetime, zone: ZoneInfo
    ) -> Article | None:
        medicines = tuple(medicine.generic for medicine in classification.medicines)
        return article_for(medicines, self._articles(), now.astimezone(zone).date())
