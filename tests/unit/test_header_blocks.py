"""Whatever stands in a header: nothing raises, and no other field than the intended ever leaves."""

import email
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.classify.category import Category, Classification
from inboxbot.mail.compose import ComposeMismatchError, acknowledgement, returned_message_ids
from inboxbot.mail.finished import problems
from inboxbot.mail.message import Address, Identity, Message
from inboxbot.mail.message_id import acknowledgement_id
from inboxbot.mail.parse import parse
from inboxbot.reply.policy import Case, Decision, Rules, decide, sentence
from inboxbot.reply.reason import Disposition

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
US = Identity(
    mailbox="support",
    name="ALS Worldwide",
    address="support@als.example",
    addresses=frozenset({"support@als.example"}),
    own_domains=frozenset({"als.example"}),
    form_relays=frozenset({"forms@als.example"}),
    trusted_authserv_ids=frozenset({"mx.als.example"}),
    own_list_ids=frozenset({"support.als.example"}),
    instance_id="instance-1",
    secret=b"s" * 32,
)
SURE = Classification(
    category=Category.PROFILE_REQUEST,
    confidence=0.9,
    runner_up=Category.GENERAL_INQUIRY,
    runner_up_confidence=0.1,
)
INTENDED = {
    "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
    "x-auto-response-suppress", "x-inboxbot-loop", "mime-version", "content-type",
}  # fmt: skip
ALWAYS = INTENDED - {"in-reply-to", "references"}

NAMES = (
    "From", "To", "Cc", "Reply-To", "Sender", "Subject", "Date", "Message-ID", "In-Reply-To",
    "References", "Return-Path", "Received", "Auto-Submitted", "Precedence", "X-Loop",
    "X-Auto-Response-Suppress", "X-Inboxbot-Loop", "List-Id", "List-Unsubscribe", "Resent-To",
    "Authentication-Results", "Content-Type", "Content-Transfer-Encoding", "X-Spam-Status",
    "X-MS-Exchange-Organization-SCL", "X-Autoreply", "X-Mailer", "X-POST-MessageClass",
    "X-Delivery-Agent", "Feedback-ID", "Delivered-To", "MIME-Version", "X-Failed-Recipients",
    "From ", "Auto-Submitted\t", "Reply-To  ",
)  # fmt: skip
PIECES = (
    "maria@clinic.example", "Maria Lopez <maria@clinic.example>", "support@als.example",
    "forms@als.example", "noreply@als.example", "MAILER-DAEMON", "<>", "<", ">", "@", "@@", ",",
    ";", ":", '"', "\\", "(", ")", "((", "no", "auto-replied", "auto-generated", "bulk", "list",
    "All", "OOF", "DR", "yes", "YES", "<1@clinic.example>", "<a b@c>",
    acknowledgement_id(US, "ab" * 32, "urgent"), "mx.als.example", "; dmarc=pass",
    "; dmarc=fail (p=none)", "header.from=als.example", "header.from = clinic . example",
    "multipart/report; report-type=delivery-status", "multipart/mixed; boundary=b",
    "text/calendar; method=REPLY", "text/plain; charset=", "utf-7", "\r\n ", "\r\n\t", "\n ",
    "\r\nBcc: victim@elsewhere.example", "\nBcc: victim@elsewhere.example", "\rBcc: v@x.example",
    "\r\n\r\n<p>body</p>", "\0", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029",
    "\u202e", "\u2066", "\ufeff", "\ud800", "\U000e0041", "e\u0301", "ß", "İ", "用户", "例子.广告",
    "=?utf-8?q?hi=0D=0ABcc:_v=40x.example?=", "=?utf-8?b?DQpCY2M6IHZAeC5leGFtcGxl?=",
    "=?utf-8?q?=00?=", "=?x?q?=ff?=", "=?utf-16?b?//4=?=", "=?", "?=", "=?utf-8?q?", "%0d%0a",
    "Automatic reply:", "Auto:", "Undelivered Mail", "x" * 300, "a." * 200, "(" * 200, '"' * 99,
    "<ack.0123456789abcdef0123456789abcdef@als.example>", "undisclosed-recipients:;", "instance-1",
)  # fmt: skip
BODIES = (
    "Hello, my father has ALS.\n",
    "",
    "--b\nContent-Type: text/calendar; method=CANCEL\n\nBEGIN:VCALENDAR\n--b--\n",
    "This message was created automatically.\n\n550 5.1.1 no\n",
    "Message-ID: <1@clinic.example>\n\0\n",
)


def block(fields: Sequence[tuple[str, Sequence[str]]], body: str, line_end: str) -> bytes:
    head = line_end.join(f"{name}: {''.join(pieces)}" for name, pieces in fields)
    return f"{head}{line_end}{line_end}{body}".encode("utf-8", "surrogatepass")


def decided(message: Message) -> Decision:
    case = Case(message=message, received_at=NOW - timedelta(hours=1), classification=SURE)
    return decide(case, US, Rules(), NOW)


def prove(message: Message) -> Disposition:
    """Decide and write the reply, and look at it with another reader than the program's own."""
    decision = decided(message)
    text = sentence(decision)
    assert "\n" not in text
    assert "\r" not in text
    if decision.reply_to is None:
        assert decision.disposition is Disposition.SUPPRESS
        return decision.disposition
    reply = acknowledgement(
        message,
        US,
        "We received your message",
        "Thank you.\n",
        "<p>Thank you.</p>\n",
        recipient=decision.reply_to,
        kind="profile_request",
        language="en",
        now=NOW,
        fingerprint="ab" * 32,
    )
    assert problems(reply.raw) == ()
    head, _, rest = reply.raw.partition(b"\r\n\r\n")
    names = [
        line.partition(b":")[0].decode().lower()
        for line in head.split(b"\r\n")
        if not line.startswith((b" ", b"\t"))
    ]
    assert len(names) == len(set(names))
    assert set(ALWAYS) <= set(names) <= INTENDED
    assert b"victim@" not in rest
    assert head.lower().count(b"\nto: ") == 1
    assert f"\r\nTo: {decision.reply_to}\r\n".encode() in head
    tree = email.message_from_bytes(reply.raw)
    assert sorted(name.lower() for name in tree.keys()) == sorted(names)  # noqa: SIM118
    return decision.disposition


VALUES = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=5)
FIELDS = st.lists(
    st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=12)), VALUES), max_size=12
)


@given(FIELDS, st.sampled_from(BODIES), st.sampled_from(("\n", "\r\n", "\r")))
def test_any_header_block_is_decided_and_no_injected_field_leaves(
    fields: list[tuple[str, list[str]]], body: str, line_end: str
) -> None:
    raw = block([("From", ["Maria <maria@clinic.example>"]), *fields], body, line_end)
    message = parse(raw)
    prove(message)
    returned_message_ids(message, raw)


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES.map("".join)), max_size=10),
    VALUES.map("".join),
    VALUES.map("".join),
    VALUES.map("".join),
)
def test_nothing_is_taken_on_trust_from_whoever_parsed(
    headers: list[tuple[str, str]], address: str, identifier: str, subject: str
) -> None:
    mailbox = Address(subject, address)
    message = Message(
        headers=tuple(headers),
        message_id=identifier,
        sender=mailbox,
        authors=(mailbox,),
        from_fields=1,
        reply_to=(Address(subject, address),),
        recipients=(mailbox,),
        subject=subject,
        text=subject,
        full_text=subject,
        in_reply_to=(identifier,),
        references=(identifier, identifier),
    )
    prove(message)


@given(VALUES.map("".join), VALUES.map("".join), VALUES.map("".join), VALUES.map("".join))
def test_nothing_is_taken_on_trust_from_templates_and_configuration(
    name: str, subject: str, text: str, recipient: str
) -> None:
    identity = Identity(
        mailbox="support", name=name, address="support@als.example", instance_id=subject
    )
    try:
        reply = acknowledgement(
            Message(),
            identity,
            subject,
            text,
            f"<p>{text.replace('<', '&lt;')}</p>",
            recipient=recipient,
            kind=subject,
            language=name,
            now=NOW,
            fingerprint=text,
        )
    except ComposeMismatchError:
        return
    assert problems(reply.raw) == ()


def random_block(chance: random.Random) -> bytes:
    fields = [("From", ["Maria <maria@clinic.example>"])] if chance.random() < 0.8 else []
    if chance.random() < 0.8:
        fields.append(("To", ["support@als.example"]))
    for _ in range(chance.randrange(10)):
        pieces = chance.choices(PIECES, k=chance.randrange(1, 5))
        if chance.random() < 0.2:
            pieces.append(chr(chance.randrange(0xD7FF)))
        fields.append((chance.choice(NAMES), pieces))
    return block(fields, chance.choice(BODIES), chance.choice(("\n", "\r\n")))


@pytest.mark.long
@pytest.mark.timeout(240)
def test_two_minutes_of_random_header_blocks() -> None:
    seen: dict[Disposition, int] = dict.fromkeys(Disposition, 0)
    end = time.monotonic() + 120
    seed = 0
    while time.monotonic() < end:
        raw = random_block(random.Random(seed))
        try:
            seen[prove(parse(raw))] += 1
        except Exception as error:
            error.add_note(f"seed {seed}: {raw!r}")
            raise
        seed += 1
    print(f"{seed} header blocks: {seen}")
    assert min(seen.values()) > 100
