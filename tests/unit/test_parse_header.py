"""Parsing the header: who wrote, what about, when, and what belongs together."""

import base64
from datetime import UTC, datetime

import pytest

from inboxbot.mail.message import Address
from inboxbot.mail.parse import parse
from tests.by_fields import letter


def test_the_fields_are_kept_in_their_order_unfolded_and_undecoded() -> None:
    message = parse(
        letter(
            "Received: from a\r\n\tby b",
            "Subject: =?utf-8?q?hi?=",
            b"X-Raw: Fr\xf6hlich",
            "RECEIVED: again",
        )
    )

    assert message.headers == (
        ("Received", "from a by b"),
        ("Subject", "=?utf-8?q?hi?="),
        ("X-Raw", "Fröhlich"),
        ("RECEIVED", "again"),
    )
    assert message.header("received") == ("from a by b", "again")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"plain", "plain"),
        (b"one\r\n two\r\n\tthree", "one two three"),
        (b"=?utf-8?q?Fr=C3=B6sche?=", "Frösche"),
        (b"=?utf-8?q?Fr=C3?= =?utf-8?q?=B6sche?=", "Frösche"),
        (b"=?utf-8?b?RnLDtnNjaGU?=", "Frösche"),
        (b"=?iso-8859-1?q?caf=E9?= and =?iso-8859-1?q?th=E9?=", "café and thé"),
        (b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        (b"=?UTF-8*en?Q?hi?=", "hi"),
        (b"=?windows-1252?q?=93hi=94?=", "“hi”"),
        (b"=?iso-8859-1?q?=93hi=94?=", "“hi”"),
        (b"=?gb2312?b?1qPL2A==?=", "郑素"),
        (b"=?gb2312?b?" + base64.b64encode("藥物".encode("gbk")) + b"?=", "藥物"),
        (b"=?iso-2022-jp?b?GyRCNEE7ehsoQg==?=", "漢字"),
        (b"=?iso-2022-jp?b?" + base64.b64encode(b"\x1b$B|b66\x1b(B") + b"?=", "髙橋"),
        (b"=?koi8-r?q?=F0=D2=C9=D7=C5=D4?=", "Привет"),
        (b"=?x-unknown?q?Fr=C3=B6sche?=", "Frösche"),
        (b"=?DEFAULT_CHARSET?q?caf=E9?=", "café"),
        (b"=?iso-8859-1?q?raw \xe9 inside?=", "raw é inside"),
        (b"Fr\xf6sche", "Frösche"),
        ("Frösche".encode(), "Frösche"),
        ("Приве́т".encode("koi8_r", "ignore"), "Привет"),
        (b"=?utf-8?q?hi=0D=0ABcc:_x@example.net?=", "hi Bcc: x@example.net"),
        (b"a\0b\x1b[2Jc", "a b [2Jc"),
        ("a\u202egnp.exe\u202c".encode(), "agnp.exe"),
        (b"=?utf-7?q?+2AA-x?=", "+2AA-x"),
        (b"=?utf-8?q?e=CC=81?=", "é"),
        (b"=?broken", "=?broken"),
        (b"=?utf-8?x?hi?=", "=?utf-8?x?hi?="),
    ],
)  # fmt: skip
def test_a_subject_is_read_as_it_was_meant(written: bytes, read: str) -> None:
    subject = parse(letter(b"Subject: " + written)).subject

    assert subject.replace("\ufffd", "") == read


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("jane@example.net", "", "jane@example.net"),
        ("<jane@example.net>", "", "jane@example.net"),
        ("Jane Doe <jane@example.net>", "Jane Doe", "jane@example.net"),
        ('"Doe, Jane" <jane@example.net>', "Doe, Jane", "jane@example.net"),
        ("Doe, Jane, MD <jane@example.net>", "Doe, Jane, MD", "jane@example.net"),
        ("jane@example.net (Jane Doe)", "Jane Doe", "jane@example.net"),
        ("=?utf-8?q?J=C3=B6rg?= <j@example.net>", "Jörg", "j@example.net"),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@example.net>', "Jörg", "j@example.net"),
        ('"=?ISO-8859-1?B?SvZyZw==?=" <j@example.net>', "Jörg", "j@example.net"),
        ("=?utf-8?q?Doe=2C_Jane?= <jane@example.net>", "Doe, Jane", "jane@example.net"),
        ("Jörg <j@example.net>", "Jörg", "j@example.net"),
        ("Jane <jane@müller.example>", "Jane", "jane@xn--mller-kva.example"),
        ("用户 <用户@例子.example>", "用户", "用户@xn--fsqu00a.example"),
        ("Jane <Jane.Doe+als@Example.NET>", "Jane", "Jane.Doe+als@Example.NET"),
        ("Team: jane@example.net;", "", "jane@example.net"),
        ("Jane\r\n Doe\r\n <jane@example.net>", "Jane Doe", "jane@example.net"),
        ("Jane O'Neil <jane.o'neil@example.net>", "Jane O'Neil", "jane.o'neil@example.net"),
        ('"jane doe"@example.net', "", '"jane doe"@example.net'),
        ("Jane <jane@example.net> ", "Jane", "jane@example.net"),
        ("Jane <jane@sub.example.co.uk>", "Jane", "jane@sub.example.co.uk"),
        ("Jane <\u202ajane@example.net\u202c>", "Jane", "jane@example.net"),
        ("\ufeffjane@example.net\u200b", "", "jane@example.net"),
    ],
)
def test_the_one_author_is_the_sender(written: str, name: str, address: str) -> None:
    message = parse(letter(f"From: {written}"))

    assert message.sender == Address(name, address)
    assert len(message.authors) == 1


@pytest.mark.parametrize(
    "written",
    [
        "",
        "MAILER-DAEMON",
        "moderator",
        "Jane Doe",
        "jane@",
        "@example.net",
        "jane@localhost",
        "jane@[192.0.2.1]",
        "jane@192.0.2.1",
        "jane@example..net",
        "jane@example.net.",
        "jane@-example.net",
        "-jane@example.net",
        "jane..doe@example.net",
        "jane@exa mple.net",
        "jane@exam_ple.net",
        "alice@a.example)bob@b.example",
        "<a@example.net, b@example.net>",
        "a@example.net, b@example.net",
        "a@example.net <b@example.net> <c@example.net>",
        "Jane <jane@example.net> b@example.net",
        "jane@example.net, broken@",
        "undisclosed-recipients:;",
        "Team: a@example.net, b@example.net;",
        "=?utf-8?q?x=0D=0ABcc:_y@example.net?= <jane@example.net>",
        "Jane <jane\0@example.net>",
        "x" * 65 + "@example.net",
        "jane@" + "x." * 130 + "net",
        "=?utf-8?q?jane=40example.net?=",
        "Jane <ja\u200bne@example.net>",
        "Jane <jane@exam\u202eple.net>",
        "Jane <jane@exam\u00adple.net>",
        "Jane <j\ufeff@example.net>",
    ],
)
def test_what_is_not_exactly_one_usable_address_is_no_sender(written: str) -> None:
    message = parse(letter(f"From: {written}"))

    assert message.sender is None
    assert any("From field" in defect for defect in message.defects)


def test_two_from_fields_are_two_authors_and_no_sender() -> None:
    message = parse(letter("From: a@example.net", "Subject: x", "From: b@example.net"))

    assert message.sender is None
    assert message.from_fields == 2
    assert [author.address for author in message.authors] == ["a@example.net", "b@example.net"]


def test_no_from_field_is_no_sender() -> None:
    message = parse(letter("Subject: x"))

    assert message.sender is None
    assert message.from_fields == 0
    assert "The message has no From field." in message.defects


def test_of_repeated_fields_the_first_counts() -> None:
    message = parse(
        letter("Subject: one", "Subject: two", "Message-ID: <1@x.y>", "Message-ID: <2@x.y>")
    )

    assert message.subject == "one"
    assert message.message_id == "<1@x.y>"
    assert "The message has more than one Subject field." in message.defects
    assert "The message has more than one Message-ID." in message.defects


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<1@example.net>", "<1@example.net>"),
        ("  <1@example.net>  (comment)", "<1@example.net>"),
        ("1@example.net", "<1@example.net>"),
        ("<1@\r\n example.net>", "<1@example.net>"),
        ("<1\r\n\t@example.net>", "<1@example.net>"),
        ("<" + "x" * 900 + "@example.net>", "<" + "x" * 900 + "@example.net>"),
        ("<" + "x" * 10_000 + "@example.net>", None),
        ("<no-at-sign>", None),
        ("<é@example.net>", None),
        ("<>", None),
        ("", None),
    ],
)
def test_a_message_id_is_normalised_or_none(written: str, read: str | None) -> None:
    assert parse(letter(f"Message-ID: {written}")).message_id == read


def test_long_references_keep_their_ends() -> None:
    message = parse(letter("References: " + " ".join(f"<{n}@x.y>" for n in range(600))))

    assert message.references[0] == "<0@x.y>"
    assert message.references[-1] == "<599@x.y>"
    assert len(message.references) == 100


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Mon, 2 Mar 2026 10:00:00 +0100", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        ("2 Mar 2026 09:00 GMT", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        ("Mon, 2 Mar 2026 09:00:00 -0000 (comment)", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        ("Thu, 1 Jan 1970 00:00:00 +0000", None),
        ("Fri, 1 Jan 2100 00:00:00 +0000", None),
        ("Mon, 31 Feb 2026 09:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
        ("9" * 6_000, None),
        ("Mon, 31 Dec 9999 23:59:59 -2359", None),
    ],
)
def test_only_a_believable_date_is_one(written: str, read: datetime | None) -> None:
    message = parse(letter(f"Date: {written}"))

    assert message.sent_at == read
    assert ("The Date field holds no believable date." in message.defects) == (read is None)


def test_a_line_that_is_no_field_does_not_end_the_header() -> None:
    message = parse(letter("Received: x", "this is no field", "From: Jane <jane@example.net>"))

    assert message.sender == Address("Jane", "jane@example.net")
    assert message.text == "hello"
    assert "A line inside the header is no field; it was passed over." in message.defects


def test_a_blank_before_the_colon_hides_no_field() -> None:
    message = parse(
        letter(
            "From : Jane <jane@example.net>",
            "Received\t: x",
            "Auto-Submitted  : auto-replied",
            "Subject: At 10 : 30",
            "X-Folded: a",
            "\tb : c",
        )
    )

    assert message.sender == Address("Jane", "jane@example.net")
    assert message.header("Auto-Submitted") == ("auto-replied",)
    assert message.subject == "At 10 : 30"
    assert message.header("X-Folded") == ("a b : c",)
    assert message.text == "hello"
    assert not any("no field" in defect for defect in message.defects)


def test_a_second_author_behind_a_blank_is_seen() -> None:
    message = parse(letter("From : a@example.net", "From: b@example.net"))

    assert message.sender is None
    assert message.from_fields == 2
