"""A whole desk over one database: real intake, triage and sender, with a clock that a test moves.

The mailbox is in memory, the mail server a real one on a socket, and the classifier a small
fixed one: it is not the subject of these tests.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from inboxbot import intake, reading
from inboxbot.acknowledge import Acknowledger, Facts
from inboxbot.classify.category import Category, Classification, Flag, Medicine
from inboxbot.fetching import Limits
from inboxbot.intake import Source
from inboxbot.mail.message import Identity, Message
from inboxbot.mail.parse import parse_header
from inboxbot.mail.smtp import SmtpTransport
from inboxbot.reader import GIVEN_UP
from inboxbot.reading import Classifies, Reading, ReadingFailed, unclassified
from inboxbot.reply.knowledge import Article
from inboxbot.reply.library import Library
from inboxbot.reply.policy import Rules
from inboxbot.sender import Sender, Sent, Transport
from inboxbot.store import alerts, breaker, decisions, invariants, outbox, settings
from inboxbot.store.database import write
from inboxbot.store.decisions import Recorded
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from inboxbot.triage import Outcome, Triage
from inboxbot.writing import Writer
from tests.fake_transport import FakeTransport
from tests.fakes import FakeMailbox
from tests.new_store import new_store
from tests.smtp_sink import Accepted, SmtpSink

OURS = "support@als.example"
FACTS = Facts(
    name="ALS Worldwide",
    website="https://www.als.example",
    phone="1-608-663-0920",
    postal_address="5808 Dawley Drive, Fitchburg",
    profile_form_url="https://www.als.example/profile",
    time_zone="America/Chicago",
    hours_to_answer=48,
)
TEMPLATES = Library()


class ByWords:
    """Classifies by a few plain words; `version` is the model's."""

    version = "words"

    def classify(self, message: Message) -> Classification:
        said = f"{message.subject} {message.text}".lower()
        category = Category.GENERAL_INQUIRY
        medicines: tuple[Medicine, ...] = ()
        if "riluzole" in said:
            category = Category.MEDICATION_QUESTION
            medicines = (Medicine("riluzole", "riluzole", "text", 0, 8),)
        elif "profile" in said:
            category = Category.PROFILE_REQUEST
        danger = (Flag("breathing", 0.9, "breathing"),) if "cannot breathe" in said else ()
        return Classification(
            category=category,
            confidence=0.9,
            runner_up=Category.GENERAL_INQUIRY,
            runner_up_confidence=0.1,
            urgent=danger,
            medicines=medicines,
            language="en",
            language_confidence=1.0,
            model_version=self.version,
        )


class Here:
    """A `Reader` in this process: the worker has tests of its own."""

    def __init__(self, classifier: Classifies | None) -> None:
        self.classifier = classifier

    def read_many(self, raws: Sequence[bytes]) -> Iterator[Reading | ReadingFailed]:
        return (reading.read(raw, self.classifier) for raw in raws)

    def give_up(self, raw: bytes) -> ReadingFailed:
        return ReadingFailed(parse_header(raw), unclassified("It could not be read."), GIVEN_UP)


def letter(
    number: int = 1,
    *,
    sender: str = "Ana Romero <ana@person.example>",
    to: str = OURS,
    subject: str = "A question",
    text: str = "May my father take riluzole with food?",
    message_id: str | None = "",
    replies_to: str = "",
    reply_to: str = "",
    top: str = "",
    more: str = "",
) -> bytes:
    """Write a letter; `top` holds fields that servers put on top, `more` any further ones."""
    lines = [
        *top.splitlines(),
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        "Date: Mon, 02 Mar 2026 08:59:00 +0000",
    ]
    if message_id is not None:
        lines.append(f"Message-ID: {message_id or f'<{number}@person.example>'}")
    if replies_to:
        lines += [f"In-Reply-To: {replies_to}", f"References: {replies_to}"]
    if reply_to:
        lines.append(f"Reply-To: {reply_to}")
    lines += [*more.splitlines(), "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    return "\r\n".join([*lines, "", text, ""]).encode()


def bounce_of(reply: Accepted, to: str = OURS) -> bytes:
    """Write the report of a mail server that could not deliver `reply` (RFC 3464)."""
    report = EmailMessage()
    report["From"] = "Mail Delivery System <MAILER-DAEMON@mx.example>"
    report["To"] = to
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Message-ID"] = f"<bounce-{reply.message_id[1:20]}@mx.example>"
    head = reply.raw.partition(b"\r\n\r\n")[0]
    return (
        b"Return-Path: <>\r\n"
        + report.as_bytes().replace(b"\n", b"\r\n").strip()
        + b'\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.example\r\n\r\n"
        b"Final-Recipient: rfc822; " + reply.recipients[0].encode() + b"\r\nAction: failed\r\n"
        b"Status: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + head + b"\r\n\r\n--b--\r\n"
    )


@dataclass
class Desk:
    """One installation; `now` moves only when a test says so."""

    path: Path
    now: datetime
    sink: SmtpSink | FakeTransport
    address: str = OURS
    rules: Rules = field(default_factory=Rules)
    classifier: Classifies | None = field(default_factory=ByWords)
    articles: tuple[Article, ...] = ()
    relays: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset({"mx.als.example"})
    library: Library = TEMPLATES
    mode: Mode = Mode.LIVE
    box: FakeMailbox = field(default_factory=FakeMailbox)
    seconds: float = 0.0
    reader: Here | None = None

    def __post_init__(self) -> None:
        self.db: Database = new_store(self.path)
        instance = settings.instance(self.db)
        domain = self.address.partition("@")[2]
        self.identity = Identity(
            mailbox="support",
            name="ALS Worldwide",
            address=self.address,
            addresses=frozenset({self.address}),
            own_domains=frozenset({domain}),
            form_relays=self.relays,
            trusted_authserv_ids=self.trusted,
            instance_id=instance.id,
            secret=instance.secret,
        )
        self.reader = self.reader or Here(self.classifier)
        self.triage = self.new_triage()
        self.sender = Sender(
            self.db,
            transport_for=self._transport_for,
            owner="desk",
            now=lambda: self.now,
            monotonic=lambda: self.seconds,
            written_anew=lambda letter: self.writer().anew(letter),
        )
        self.set_mode(self.mode)
        self.poll()  # What lay there before is the baseline.

    def writer(self) -> Writer:
        acknowledger = Acknowledger(self.library, FACTS, lambda: self.articles, {})
        return Writer(self.db, acknowledger, {"support": self.identity}, self.now)

    def new_triage(self, **instead: object) -> Triage:
        parts: dict[str, object] = {
            "reader": self.reader,
            "acknowledger": Acknowledger(self.library, FACTS, lambda: self.articles, {}),
            "identities": {"support": self.identity},
            "rules": self.rules,
            "now": lambda: self.now,
        }
        return Triage(self.db, **(parts | instead))  # type: ignore[arg-type]

    @contextmanager
    def _transport_for(self, _mailbox: str) -> Iterator[Transport]:
        if isinstance(self.sink, FakeTransport):
            yield self.sink
            return
        with SmtpTransport(self.sink.settings()) as transport:
            yield transport

    def close(self) -> None:
        self.db.close()

    def set_mode(self, mode: Mode) -> None:
        with write(self.db):
            settings.put(self.db, "mode", mode)

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()

    def poll(self) -> None:
        intake.poll(
            self.db,
            self.box,
            Source(name="support", server=f"support@{self.path}", folder="INBOX"),
            now=self.now,
            limits=Limits(min_free=0),
            restored_at=settings.get_moment(self.db, "restored_at"),
        )

    def take(self, *letters: bytes) -> list[Outcome]:
        """Let letters come in, and decide on them."""
        for raw in letters:
            self.box.deliver(raw, self.now)
        self.poll()
        return self.triage.run()

    def send(self) -> Sent:
        return self.sender.send_due()

    def run(self, *letters: bytes) -> list[Outcome]:
        """Let letters come in, decide on them, and send what is due."""
        outcomes = self.take(*letters)
        self.send()
        return outcomes

    # --- what tests ask ------------------------------------------------------------------

    def recorded(self, message: int) -> Recorded:
        found = decisions.recorded(self.db, message)
        assert found is not None
        return found

    def replies(self) -> list[outbox.Listed]:
        return list(outbox.listed(self.db))

    def states(self) -> list[tuple[str, str | None]]:
        return [(str(reply.state), reply.reason) for reply in self.replies()]

    def codes(self) -> list[str]:
        return [str(alert.code) for alert in alerts.unfinished(self.db)]

    def breaker(self) -> breaker.Breaker | None:
        return breaker.state(self.db)

    def value(self, query: str, *values: object) -> object:
        return self.db.execute(query, list(values)).fetchone()[0]

    def check(self) -> None:
        assert invariants.check(self.db) == ()
        taken: Iterable[str] = self.sink.message_ids
        assert invariants.seen_twice(taken) == 0


def decided(outcomes: Sequence[Outcome]) -> list[tuple[str, str | None]]:
    """Return each outcome as disposition and reason."""
    return [(str(each.disposition), each.reason and str(each.reason)) for each in outcomes]
