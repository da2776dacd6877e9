"""The reply itself: exactly the intended fields, one recipient, nothing of the letter."""

import email
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from typing import Any

import pytest

from inboxbot.errors import PermanentError
from inboxbot.mail.compose import (
    ComposeMismatchError,
    acknowledgement,
    answer,
    answer_subject,
    is_ours,
    returned_message_ids,
)
from inboxbot.mail.finished import problems
from inboxbot.mail.message import Identity, Message, Reply
from inboxbot.mail.parse import parse

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
US = Identity(
    mailbox="support",
    name="ALS Worldwide",
    address="support@als.example",
    instance_id="instance-1",
    secret=b"s" * 32,
)
LETTER = Message(message_id="<1@clinic.example>", subject="My father's diagnosis")
TEXT = "Dear Maria,\n\nthank you for your message. We will write within two days.\n"
HTML = '<!DOCTYPE html>\n<html lang="en"><body><p>Dear Maria,</p></body></html>\n'
FIELDS = [
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "X-Inboxbot-Loop", "MIME-Version", "Content-Type",
]  # fmt: skip


def reply(
    message: Message = LETTER,
    identity: Identity = US,
    subject: str = "We received your message",
    text: str = TEXT,
    html: str = HTML,
    **changed: Any,
) -> Reply:
    values: dict[str, Any] = {
        "recipient": "maria@clinic.example",
        "kind": "profile_request",
        "language": "en",
        "now": NOW,
        "fingerprint": "ab" * 32,
    }
    return acknowledgement(message, identity, subject, text, html, **(values | changed))


def read(raw: bytes) -> Any:
    return email.message_from_bytes(raw, policy=policy.default)


def test_the_acknowledgement_has_exactly_the_intended_fields() -> None:
    sent = read(reply().raw)
    assert sent.keys() == FIELDS
    assert sent["From"] == "ALS Worldwide <support@als.example>"
    assert sent["To"] == "maria@clinic.example"
    assert sent["Subject"] == "We received your message"
    assert sent["Date"] == "Mon, 02 Mar 2026 10:00:00 +0000"
    assert sent["In-Reply-To"] == sent["References"] == "<1@clinic.example>"
    assert sent["Auto-Submitted"] == "auto-replied"
    assert sent["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert sent["X-Inboxbot-Loop"] == "instance-1"
    assert not sent.defects


def test_the_text_part_stands_alone_beside_the_formatted_one() -> None:
    sent = read(reply().raw)
    assert sent.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]
    plain, formatted = sent.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == TEXT
    assert formatted.get_content().replace("\r\n", "\n") == HTML
    assert plain["Content-Language"] == "en"


def test_the_envelope_sender_is_null_unless_configured() -> None:
    assert reply().envelope_sender == ""
    assert reply(envelope_sender="bounces@als.example").envelope_sender == "bounces@als.example"


def test_the_message_id_is_the_same_whenever_it_is_written() -> None:
    first = reply()
    later = reply(text="Other words.\n", now=NOW + timedelta(days=9))
    assert first.message_id == later.message_id
    assert is_ours(first.message_id, US)
    assert first.message_id in first.raw.decode()
    assert len({reply(fingerprint=f).message_id for f in ("a", "b", "c")}) == 3
    assert len({reply(kind=k).message_id for k in ("a", "b", "c")}) == 3


def test_a_thread_keeps_its_first_and_its_last_ids() -> None:
    references = tuple(f"<{n}@clinic.example>" for n in range(60))
    sent = read(reply(replace(LETTER, references=references)).raw)
    ids = sent["References"].split()
    assert ids[0] == "<0@clinic.example>"
    assert ids[-2:] == ["<59@clinic.example>", "<1@clinic.example>"]
    assert len(ids) == 21


def test_without_an_id_the_thread_stays_as_it_was() -> None:
    sent = read(reply(replace(LETTER, message_id=None, references=("<0@x.example>",))).raw)
    assert sent["In-Reply-To"] is None
    assert sent["References"] == "<0@x.example>"
    assert "References" not in read(reply(replace(LETTER, message_id=None)).raw)


def test_a_letter_that_only_answers_one_is_threaded_by_that() -> None:
    sent = read(reply(replace(LETTER, in_reply_to=("<0@x.example>",))).raw)
    assert sent["References"].split() == ["<0@x.example>", "<1@clinic.example>"]


@pytest.mark.parametrize(
    "bad",
    [
        "<a b@c.example>", "<a@b>\r\nBcc: v@x.example", "<a@b.example>\nX: y", "<\0@b.example>",
        "<ä@b.example>", f"<{'a' * 300}@b.example>", "a@b.example", "<a@b.example\u202e>",
    ],
)  # fmt: skip
def test_an_id_that_is_none_is_left_out(bad: str) -> None:
    message = replace(LETTER, message_id=bad, references=(bad,), in_reply_to=(bad,))
    sent = read(reply(message).raw)
    assert "In-Reply-To" not in sent
    assert "References" not in sent
    assert problems(reply(message).raw) == ()


@pytest.mark.parametrize(
    "hostile",
    [
        "Hello\r\nBcc: victim@x.example",
        "Hello\nBcc: victim@x.example\n\nbody",
        "Hello\0there",
        "=?utf-8?q?hi=0D=0ABcc:_v=40x.example?=",
        "\u202egnp.exe",
        "a\u2028Bcc: v@x.example",
        "\x85Bcc: v@x.example",
        "x" * 5_000,
        "\ud800",
        "ñandú – 你好 👋🏽" * 20,
    ],
)
def test_whatever_stands_in_a_value_no_other_field_leaves(hostile: str) -> None:
    for sent in (
        reply(subject=hostile),
        reply(identity=replace(US, name=hostile)),
        reply(identity=replace(US, instance_id=hostile)),
        reply(text=TEXT + hostile),
        reply(html=HTML + hostile),
        reply(language=hostile),
    ):
        assert read(sent.raw).keys() == FIELDS
        assert problems(sent.raw) == ()
        assert sent.raw.isascii()
        assert b"\r\nBcc:" not in sent.raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "recipient",
    [
        "", "maria", "maria@clinic", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example",
        "a@b.example>", "<a@b.example>", "a b@c.example", "-x@b.example", "a@[192.0.2.1]",
        "=?utf-8?q?a?=@b.example", "a@b.example\0", "a@b..example", "a@b.example\u202e",
    ],
)  # fmt: skip
def test_what_is_no_single_address_is_never_written_to(recipient: str) -> None:
    with pytest.raises(PermanentError):
        reply(recipient=recipient)


def test_a_refusal_says_what_and_holds_no_content() -> None:
    with pytest.raises(ComposeMismatchError) as caught:
        reply(html='<p>Dear Maria</p><img src="https://x.example/p.png">')
    assert caught.value.problems == ("the formatted text loads or runs something",)
    with pytest.raises(ComposeMismatchError):
        reply(text=" \n")


@pytest.mark.parametrize(
    "markup",
    [
        "<img src=x>", "<SCRIPT>x</SCRIPT>", "<p style='background: URL(https://x.example)'>",
        "<link href=x>", "<iframe></iframe>", "<p background='x'>", "<style>@import 'x'</style>",
        "<meta http-equiv=refresh content=0>", "<svg onload=x>", "<base href=x>",
    ],
)  # fmt: skip
def test_nothing_that_loads_or_runs_is_sent(markup: str) -> None:
    with pytest.raises(ComposeMismatchError):
        reply(html=HTML + markup)


@pytest.mark.parametrize(
    ("recipient", "needs"),
    [
        ("maria@clinic.example", False),
        ("用户@clinic.example", True),
        ("jörg@exämple.example", True),
        ("joerg@exämple.example", False),
    ],
)
def test_an_address_beyond_ascii_says_what_its_server_must_offer(
    recipient: str, needs: bool
) -> None:
    sent = reply(recipient=recipient)
    assert sent.needs_smtputf8 is needs
    assert sent.recipient.rpartition("@")[2].isascii()
    assert f"To: {sent.recipient}\r\n".encode() in sent.raw
    assert problems(sent.raw) == ()
    assert sent.raw.isascii() is not needs


@pytest.mark.parametrize(
    "text",
    [
        "one\r\ntwo\rthree\n",
        ".\n..\n.x\n",
        "From here on\n-- \nsigned  \n",
        "a" * 3_000 + "\n",
        "Здравствуйте, спасибо за письмо.\n" * 20,
        "ご連絡ありがとうございます。\n" * 20,
        "السلام عليكم\u200f\n",
        "tab\there = é\n",
        "no end of line",
        "\n\n\nlate\n\n\n",
    ],
)
def test_the_text_arrives_as_it_was_written(text: str) -> None:
    raw = reply(text=text).raw
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    plain = next(read(raw).iter_parts())
    expected = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert plain.get_content().replace("\r\n", "\n") == expected


def test_names_and_subjects_in_any_script_arrive() -> None:
    subject = "Wir haben Ihre Nachricht erhalten – vielen Dank für Ihr Vertrauen " * 2
    sent = read(reply(identity=replace(US, name="ALS „weltweit“, e.V."), subject=subject).raw)
    assert sent["Subject"] == subject.strip()
    assert sent["From"].addresses[0].display_name == "ALS „weltweit“, e.V."
    plain = read(reply(identity=replace(US, name='A.L.S. "World" (Inc)')).raw)
    assert plain["From"].addresses[0].display_name == 'A.L.S. "World" (Inc)'


def test_an_answer_of_a_person_is_threaded_and_carries_no_mark_of_a_machine() -> None:
    sent = answer(
        LETTER,
        US,
        answer_subject(LETTER.subject),
        "Dear Maria,\n\nplease call us.\n",
        recipient="maria@clinic.example",
        token="7d0e",
        now=NOW.astimezone(timezone(timedelta(hours=-6))),
    )
    message = read(sent.raw)
    assert message.keys() == [
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
        "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert message["Subject"] == "Re: My father's diagnosis"
    assert message["Date"] == "Mon, 02 Mar 2026 04:00:00 -0600"
    assert is_ours(sent.message_id, US)
    assert sent.message_id.startswith("<answer.")
    assert problems(sent.raw) == ()


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Question", "Re: Question"),
        ("Re: Question", "Re: Question"),
        ("RE: Question", "RE: Question"),
        ("AW: Frage", "AW: Frage"),
        ("Antw : vraag", "Antw : vraag"),
        ("回复：问题", "回复：问题"),
        ("Reply needed", "Re: Reply needed"),
        ("", "Re:"),
        ("a\r\nBcc: x@y.example", "Re: a Bcc: x@y.example"),
    ],
)
def test_the_subject_of_an_answer_does_not_double(subject: str, expected: str) -> None:
    assert answer_subject(subject) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"To: maria@clinic.example", b"To: maria@clinic.example\r\nBcc: x@y.example"),
        (b"To: maria@clinic.example", b"To: maria@clinic.example, x@y.example"),
        (b"To: maria@clinic.example", b"To: maria@clinic.example\r\nTo: x@y.example"),
        (b"To: maria@clinic.example\r\n", b""),
        (b"From: ALS Worldwide <support@als.example>", b"From: a@x.example, b@x.example"),
        (b"Auto-Submitted: auto-replied\r\n", b""),
        (b"Auto-Submitted: auto-replied", b"Auto-Submitted: no"),
        (b"Subject: ", b"X-Other: x\r\nSubject: "),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\n\r\nbody"),
        (b"multipart/alternative", b"multipart/mixed"),
        (b"text/html", b"text/calendar"),
        (b"Date: ", b"Date:\0"),
        (b"Subject: We", b"Subject: We\nBcc: x@y.example\r\nX"),
        # What one program might read otherwise than another.
        (b"Subject: We", b"Subject : We"),
        (b"Subject: We", b"Subject: We\r\n \r\n we"),
        (b"Subject: We", b"no field\r\nSubject: We"),
        (b"Subject: We", b"Subject: \xff We"),
        (b'charset="utf-8"', b'charset="utf-7"'),
        (b'charset="utf-8"', b'charset="utf-8"; charset="utf-7"'),
        (b"multipart/alternative;", b"multipart/alternative; boundary=other;"),
        (
            b"Content-Transfer-Encoding:",
            b"Content-Disposition: attachment\r\nContent-Transfer-Encoding:",
        ),
        (b"Content-Transfer-Encoding:", b"Content-Type: text/html\r\nContent-Transfer-Encoding:"),
    ],
)
def test_the_last_look_finds_what_was_not_meant(old: bytes, new: bytes) -> None:
    raw = reply().raw
    assert old in raw
    assert problems(raw.replace(old, new, 1)) != ()


def test_the_last_look_takes_any_bytes() -> None:
    for raw in (b"", b"\0", b"\xff\xfe", b"x" * 10_000, reply().raw[:200], reply().raw * 2):
        assert problems(raw) != ()


def bounce(returned: str) -> tuple[Message, bytes]:
    raw = (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nMessage-ID: <own@mx.example>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        f"{returned}"
    ).encode()
    return parse(raw), raw


ACK = reply().message_id


@pytest.mark.parametrize(
    "returned",
    [
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nTo: x\r\nMessage-ID: {ACK}\r\n\r\nhi\r\n",
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nmessage-id: {ACK}\r\n--b--",
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID:\n {ACK}\n--b--",
        f"> Subject: x\r\n> Message-Id: {ACK}\r\n",
        f"X-Original-Message-ID: {ACK}\r\n",
        f"Message-ID: {ACK[:40]}=\r\n{ACK[40:]}\r\n",
    ],
)
def test_a_bounce_gives_back_the_id_of_what_came_back(returned: str) -> None:
    message, raw = bounce(returned)
    assert returned_message_ids(message, raw) == (ACK,)
    assert is_ours(returned_message_ids(message, raw)[0], US)


@pytest.mark.parametrize(
    ("actions", "ids"),
    [
        ("Action: failed\r\n", (ACK,)),
        ("Action: delayed\r\n\r\nAction: failed\r\n", (ACK,)),
        ("Action: delayed\r\n", ()),
        ("action: Delivered\r\n", ()),
    ],
)
def test_a_report_of_a_delay_or_a_delivery_is_no_bounce(actions: str, ids: tuple[str, ...]) -> None:
    message, raw = bounce(f"{actions}\r\nMessage-ID: {ACK}\r\n")
    assert returned_message_ids(message, raw) == ids


def test_what_a_bounce_says_that_it_answers_comes_last() -> None:
    raw = b"From: a@b.example\nIn-Reply-To: <2@x.example>\n\nMessage-ID: <1@x.example>\n"
    assert returned_message_ids(parse(raw), raw) == ("<1@x.example>", "<2@x.example>")


def test_a_letter_that_gives_nothing_back_gives_no_ids() -> None:
    for raw in (b"", b"Message-ID: <a@b.example>\n", b"From: a@b.example\n\nMessage-ID: none\n"):
        assert returned_message_ids(parse(raw), raw) == ()


def test_a_hostile_bounce_takes_no_time() -> None:
    for filler in (b"Message-ID: ", b"> ", b"Message-ID:\n", b"=\n", b"<", b"X-Original-"):
        raw = b"From: a@b.example\n\n" + filler * (1_000_000 // len(filler))
        start = time.process_time()
        returned_message_ids(Message(), raw)
        assert time.process_time() - start < 1


def test_writing_an_acknowledgement_is_cheap() -> None:
    reply()
    start = time.process_time()
    for _ in range(200):
        reply()
    assert (time.process_time() - start) / 200 < 0.01
