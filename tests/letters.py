"""Letters put straight into the store, decided: what the tests of the staff's side start from."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from inboxbot.classify.category import Category, Classification, Evidence, Flag, Medicine
from inboxbot.mail.message import Address, Attachment, Message, Reply
from inboxbot.reply.policy import Decision
from inboxbot.reply.reason import Disposition, Hit, Reason
from inboxbot.store import conversations, decisions, messages, outbox, reviews
from inboxbot.store.database import stamp, write
from inboxbot.store.messages import Incoming, Origin
from inboxbot.store.sqlite import Database


@dataclass(kw_only=True)
class Letter:
    """A letter to store; `reply` is the state of its acknowledgement, "" where there is none."""

    subject: str = "Question about riluzole"
    text: str = "Hello, my father started riluzole last week. Is it safe with his other tablets?"
    name: str = "Ana Romero"
    address: str | None = "ana@example.net"
    category: Category = Category.MEDICATION_QUESTION
    confidence: float = 0.94
    runner_up: Category = Category.GENERAL_INQUIRY
    evidence: tuple[Evidence, ...] = ()
    urgent: tuple[Flag, ...] = ()
    sensitive: tuple[Flag, ...] = ()
    medicines: tuple[Medicine, ...] = ()
    language: str = "en"
    needs_review: bool = False
    unsure_because: str = ""
    disposition: Disposition = Disposition.ACKNOWLEDGE
    reason: Reason | None = None
    reply: str = "sent"
    reply_reason: str | None = None
    html: str = ""
    raw: bytes = b""
    attachments: tuple[Attachment, ...] = ()
    defects: tuple[str, ...] = ()
    truncated: bool = False
    minutes_ago: float = 12
    extra: dict[str, str] = field(default_factory=dict)


def mailbox(db: Database, now: datetime) -> int:
    """Return the one mailbox, made if need be."""
    row = db.execute("SELECT id FROM mailbox").fetchone()
    if row:
        return int(row[0])
    cursor = db.execute(
        "INSERT INTO mailbox (name, server, folder, started_at, last_good_poll_at)"
        " VALUES ('support', 'support@imap.example.org', 'INBOX', ?, ?)",
        [stamp(now - timedelta(days=30)), stamp(now)],
    )
    return int(cursor.lastrowid or 0)


def raw_of(letter: Letter, number: int, received: datetime) -> bytes:
    """Return the letter as bytes of an email message."""
    if letter.raw:
        return letter.raw
    fields = {
        "From": f"Sender <{letter.address or 'nobody@example.net'}>",
        "To": "support@example.org",
        "Subject": "a letter",
        "Message-ID": f"<{number}@example.net>",
        "Date": format_datetime(received),
        **letter.extra,
    }
    if not letter.html:
        return plain(fields, letter.text)
    message = EmailMessage()
    for name, value in fields.items():
        message[name] = value
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message.as_bytes()


def plain(fields: Mapping[str, str], text: str) -> bytes:
    """Return a message of plain text: the standard library would think about it for a while."""
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    kind = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return f"{head}{kind}MIME-Version: 1.0\n\n{text.rstrip()}\n".encode()


def add(db: Database, letter: Letter, now: datetime) -> int:
    """Store one letter as triage would have; return its number."""
    with write(db):
        return insert(db, letter, now)


def insert(db: Database, letter: Letter, now: datetime) -> int:
    """Store one letter within the caller's transaction; return its number."""
    received = now - timedelta(minutes=letter.minutes_ago)
    number = db.execute("SELECT coalesce(max(id), 0) + 1 FROM message").fetchone()[0]
    raw = raw_of(letter, number, received)
    row, _ = messages.store(
        db,
        Incoming(
            raw=raw,
            mailbox_id=mailbox(db, now),
            origin=Origin.IMAP,
            received_at=received,
            size=len(raw),
            truncated=letter.truncated,
            rfc_message_id=f"<{number}@example.net>",
        ),
        now,
    )
    message = Message(
        message_id=f"<{number}@example.net>",
        sender=Address(letter.name, letter.address) if letter.address else None,
        subject=letter.subject,
        text=letter.text,
        full_text=letter.text,
        attachments=letter.attachments,
        defects=letter.defects,
        sent_at=received,
        parser="mail-parser",
    )
    said = Classification(
        category=letter.category,
        confidence=letter.confidence,
        runner_up=letter.runner_up,
        runner_up_confidence=round((1 - letter.confidence) * 0.8, 3),
        evidence=letter.evidence or evidence_in(letter),
        unsure_because=letter.unsure_because,
        needs_review=letter.needs_review,
        urgent=letter.urgent,
        sensitive=letter.sensitive,
        medicines=letter.medicines,
        language=letter.language,
        language_confidence=0.99,
        model_version="test-1",
    )
    hits = (Hit(letter.reason, letter.disposition, "a test"),) if letter.reason else ()
    decision = Decision(
        disposition=letter.disposition,
        reason=letter.reason,
        hits=hits,
        reply_to=letter.address,
        template=letter.category if letter.address else None,
        language="en" if letter.address else None,
    )
    conversation = conversations.joined(db, message, letter.address, now)
    decisions.record(db, row, message, said, decision, conversation=conversation, now=received)
    reviews.add(db, row, said, received_at=received, now=received)
    if letter.reply and letter.address:
        acknowledge(db, row, letter, received)
    return row


def acknowledge(db: Database, row: int, letter: Letter, received: datetime) -> int:
    """Put an acknowledgement of the letter into the outbox, in the state that it asks for."""
    raw = plain(
        {
            "From": "ALS Worldwide <support@example.org>",
            "To": str(letter.address),
            "Subject": "We received your message",
            "Message-ID": f"<ack-{row}@example.org>",
        },
        "Dear friend,\n\nthank you for writing to us. A person will answer you within 48 hours.",
    )
    reply = outbox.add(
        db,
        message=row,
        kind="acknowledgement",
        reply=Reply(
            raw=raw,
            recipient=str(letter.address),
            message_id=f"<ack-{row}@example.org>",
        ),
        template=letter.category,
        template_version="7",
        in_reply_to=f"<{row}@example.net>",
        state="queued" if letter.reply == "sent" else letter.reply,
        reason=letter.reply_reason,
        now=received,
    )
    if letter.reply == "sent":
        db.execute(
            "UPDATE outbox SET state = 'sent', sent_at = ?, smtp_reply = '250 ok' WHERE id = ?",
            [stamp(received + timedelta(seconds=41)), reply],
        )
    return reply


def evidence_in(letter: Letter) -> tuple[Evidence, ...]:
    """Return evidence for the words of the letter that usually count."""
    found = []
    for word in ("riluzole", "tablets", "profile", "form", "donation"):
        start = letter.text.lower().find(word)
        if start >= 0:
            found.append(
                Evidence(
                    "text",
                    start,
                    start + len(word),
                    letter.text[start : start + len(word)],
                    letter.category,
                    0.8,
                )
            )
    return tuple(found)


NAMES = (
    "Ana Romero",
    "J. Okoro",
    "李伟",
    "Maria da Silva",
    "Søren Kjær",
    "Нина Петрова",
    "Tom",
    "محمد علي",
    "Grace O’Neill",
    "田中 花子",
    "Willem de Vries",
    "",
)
TEXTS = (
    (
        Category.MEDICATION_QUESTION,
        "Question about riluzole dose",
        "my father started riluzole last week and his doctor mentioned mexiletine tablets.",
        "en",
    ),
    (
        Category.PROFILE_REQUEST,
        "The profile form does not open",
        "I would like to fill in the profile form for my mother, but the page stays empty.",
        "en",
    ),
    (
        Category.GENERAL_INQUIRY,
        "How can we help?",
        "our school collected a donation and we would like to know where to send it.",
        "en",
    ),
    (
        Category.MEDICATION_QUESTION,
        "Pregunta sobre el riluzol",
        "mi padre empezó con riluzol y tiene náuseas. ¿Es normal? Gracias de corazón.",
        "es",
    ),
    (
        Category.GENERAL_INQUIRY,
        "مرحبا",
        "أكتب إليكم من القاهرة. هل لديكم مجموعة دعم قريبة منا؟",
        "ar",
    ),
    (
        Category.PROFILE_REQUEST,
        "プロフィールについて",
        "母のプロフィールを登録したいのですが、どうすればよいでしょうか。",
        "ja",
    ),
)


def a_few_hundred(db: Database, now: datetime, count: int = 240) -> list[int]:
    """Fill the store with letters of many kinds, states and languages, always the same ones."""
    dice = random.Random(7)
    rows = []
    with write(db):
        for number in range(count):
            category, subject, text, language = TEXTS[number % len(TEXTS)]
            unsure = number % 9 == 4
            reply, reason, disposition = "sent", None, Disposition.ACKNOWLEDGE
            if number % 11 == 3:
                reply, reason = "held", "shadow"
            elif number % 13 == 5:
                reply, reason = "", Reason.AUTO_SUBMITTED
                disposition = Disposition.SUPPRESS
            elif number % 37 == 9:
                reply, reason = "uncertain", None
            rows.append(
                insert(
                    db,
                    Letter(
                        subject=subject,
                        text=f"Hello, {text}\n\nLetter {number}.",
                        name=NAMES[number % len(NAMES)],
                        address=f"person{number % 60}@example.net",
                        category=category,
                        confidence=0.55 if unsure else round(dice.uniform(0.72, 0.99), 3),
                        needs_review=unsure,
                        unsure_because="Two kinds fit about equally well." if unsure else "",
                        urgent=(Flag("breathing", 0.9, "it speaks of trouble breathing"),)
                        if number % 41 == 7
                        else (),
                        language=language,
                        disposition=disposition,
                        reason=reason if isinstance(reason, Reason) else None,
                        reply=reply,
                        reply_reason=reason if reply == "held" else None,
                        minutes_ago=5 + number * 37,
                    ),
                    now,
                )
            )
    return rows
