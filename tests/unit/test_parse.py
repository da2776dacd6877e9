"""Parsing: anything is read, whatever a sender made of it, and every string is clean."""

import base64
import hashlib
import quopri
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.mail import headers
from inboxbot.mail.message import Address, Message
from inboxbot.mail.parse import attachment_bytes, parse, parse_header
from tests import hostile

SEEDS = sorted((Path(__file__).parents[1] / "data" / "mail").glob("*.eml"))

PIECES = st.sampled_from(
    [
        b"From: ", b"Subject: ", b"To: ", b"Date: ", b"Content-Type: ", b"multipart/mixed; ",
        b"boundary=b", b"\r\n", b"\r\n\r\n", b"\n", b" ", b"--b", b"--b--",
        b"text/plain; charset=", b"message/rfc822", b"=?utf-8?q?", b"=?gb2312?b?", b"?=",
        b"=0D=0A", b"\xe9", b"\0", b"utf-7", b"base64", b"Content-Transfer-Encoding: ",
        b"format=flowed", b"<a@example.net>", b"<", b">", b'"', b"(", b"\\", b",", b";", b":",
        b"> ", b"On Mon wrote:", b"<div hidden>", b"begin 644 x", b"end", b"-- ", b"Name: x",
        b"Message: y", b"\xed\xa0\x80", b"AAAA", b"9" * 30, b"*0*=", b"''",
    ]
)  # fmt: skip


def strings(message: Message) -> Iterator[tuple[str, bool]]:
    """Yield every string of a message, and whether it must be one line."""
    yield message.text, False
    yield message.full_text, False
    yield message.subject, True
    yield message.message_id or "", True
    for address in (*message.authors, *message.reply_to, *message.recipients):
        yield address.name, True
        yield address.address, True
    if message.sender:
        yield message.sender.name, True
        yield message.sender.address, True
    for name, value in message.headers:
        yield name, True
        yield value, True
    for attachment in message.attachments:
        yield attachment.name, True
        yield attachment.type, True
    for part in message.parts:
        yield part.type, True
        yield part.disposition, True
        for pair in part.parameters:
            yield from ((text, True) for text in pair)
    for text in (*message.in_reply_to, *message.references, *message.defects):
        yield text, True


def assert_clean(message: Message) -> None:
    """Hold what `Message` promises of its strings."""
    for text, one_line in strings(message):
        text.encode("utf-8")
        assert unicodedata.is_normalized("NFC", text)
        assert "\0" not in text
        assert len(text) <= 256 * 1024
        if one_line:
            assert text.isprintable() or not any(
                unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in "\u202e\u202d\u2066\u2067"
                for c in text
            )
            assert len(text) <= 16_384
    for attachment in message.attachments:
        assert attachment.name
        assert "/" not in attachment.name
        assert "\\" not in attachment.name
        assert len(attachment.name) <= 200
    if message.sender is not None:
        assert message.from_fields == 1
        assert headers.usable(message.sender.address) == message.sender.address
    if message.sent_at is not None:
        assert message.sent_at.tzinfo is UTC
    assert len(message.headers) <= 2_000
    assert len(message.subject) <= 998


@given(st.binary(max_size=3_000))
def test_any_bytes_give_a_message_with_clean_strings(raw: bytes) -> None:
    assert_clean(parse(raw))


@given(st.lists(PIECES, max_size=60))
def test_any_pieces_of_mail_in_any_order_give_a_message(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    message = parse(raw)

    assert_clean(message)
    for attachment in message.attachments:
        assert attachment_bytes(raw, attachment.index)[0] == attachment


@given(st.sampled_from(SEEDS), st.data())
def test_any_damage_to_a_letter_gives_a_message(seed: Path, data: st.DataObject) -> None:
    raw = bytearray(seed.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw)))
        until = data.draw(st.integers(at, min(len(raw), at + 40)))
        raw[at:until] = data.draw(st.one_of(st.binary(max_size=10), PIECES))

    assert_clean(parse(bytes(raw)))


@pytest.mark.parametrize(
    ("name", "raw"), list(hostile.small()), ids=[n for n, _ in hostile.small()]
)
def test_a_hostile_message_gives_a_message_with_clean_strings(name: str, raw: bytes) -> None:
    message = parse(raw)

    assert_clean(message)
    assert message == parse(raw)


@pytest.mark.parametrize("seed", SEEDS, ids=[seed.stem for seed in SEEDS])
def test_reading_the_header_alone_says_the_same_as_reading_it_all(seed: Path) -> None:
    whole, header = parse(seed.read_bytes()), parse_header(seed.read_bytes())

    assert (header.subject, header.sender) == (whole.subject, whole.sender)
    assert (header.message_id, header.sent_at) == (whole.message_id, whole.sent_at)
    assert header.text == ""
    assert header.parser == "headers"


# --- the steps -----------------------------------------------------------------------


def letter(*fields: str | bytes, body: str | bytes = "hello") -> bytes:
    """A letter with these fields and this body."""
    lines = [field.encode() if isinstance(field, str) else field for field in fields]
    return b"\r\n".join([*lines, b"", body.encode() if isinstance(body, str) else body])


def test_an_ordinary_letter_is_read_whole() -> None:
    message = parse(
        letter(
            "From: Jane Doe <jane@example.net>",
            "To: Support <support@example.org>, b@example.org",
            "Cc: c@example.org",
            "Reply-To: jane@home.example.net",
            "Subject: A question",
            "Date: Mon, 2 Mar 2026 10:00:00 +0100",
            "Message-ID: <1@example.net>",
            "In-Reply-To: <0@example.org>",
            "References: <x@example.org> <0@example.org>",
            body="May she take it with milk?\r\n",
        )
    )

    assert message.parser == "mail-parser"
    assert message.sender == Address("Jane Doe", "jane@example.net")
    assert message.authors == (message.sender,)
    assert message.from_fields == 1
    assert [a.address for a in message.recipients] == [
        "support@example.org", "b@example.org", "c@example.org",
    ]  # fmt: skip
    assert message.reply_to == (Address("", "jane@home.example.net"),)
    assert message.subject == "A question"
    assert message.sent_at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert message.message_id == "<1@example.net>"
    assert message.in_reply_to == ("<0@example.org>",)
    assert message.references == ("<x@example.org>", "<0@example.org>")
    assert message.text == "May she take it with milk?"
    assert message.defects == ()
    assert message.charset_guessed is False


def test_where_the_better_reader_fails_the_plain_one_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AttributeError("as the library does on some mail")

    monkeypatch.setattr(headers, "get_addresses", fail)
    message = parse(letter("From: jane@example.net (Jane Doe)", "Subject: hi"))

    assert message.parser == "email"
    assert message.sender == Address("Jane Doe", "jane@example.net")
    assert message.text == "hello"


@pytest.mark.parametrize("written", ["alice@a.example)bob@b.example", "<a@b.example> c@d.example"])
def test_the_plain_reader_never_picks_one_of_two_addresses(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr(headers, "get_addresses", fail)

    assert parse(letter(f"From: {written}")).sender is None


def test_where_no_tree_can_be_read_the_header_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("inboxbot.mail.structure.nodes_of", fail)
    message = parse(letter("From: Jane <jane@example.net>", "Subject: hi"))

    assert message.parser == "headers"
    assert message.sender == Address("Jane", "jane@example.net")
    assert message.subject == "hi"
    assert "Only the header of the message could be read." in message.defects


def test_an_empty_message_is_a_bare_row() -> None:
    assert parse(b"\r\n\0 ") == Message(defects=("The message is empty.",))


def test_a_header_that_is_too_large_still_tells_who_wrote_what() -> None:
    message = parse(
        b"X-Long: " + b"x" * 5_000_000 + b"\r\n" + b"X-Many: y\r\n" * 3_000
        + letter("From: Jane <jane@example.net>", "Subject: hi")
    )  # fmt: skip

    assert message.sender == Address("Jane", "jane@example.net")
    assert message.subject == "hi"
    assert message.text == "hello"
    assert message.defects[0] == "The header is far too large; only a part of it was read."
    assert len(message.headers) <= 1_100


def test_of_a_message_nested_too_deeply_the_upper_levels_are_read() -> None:
    message = parse(hostile.nested(1_000))

    assert message.subject == "hello"
    assert message.sender == Address("Jane Doe", "jane@example.net")
    assert any("only the first ones were read" in defect for defect in message.defects)


# --- the header ----------------------------------------------------------------------


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


# --- bodies in every charset -------------------------------------------------------------

WORDS = {
    "utf-8": "Grüße, Привет, 你好, 🙂",
    "iso-8859-1": "Grüße, déjà vu",
    "iso-8859-2": "Zażółć gęślą jaźń",
    "iso-8859-5": "Здравствуйте, доктор",
    "iso-8859-7": "Καλημέρα σας",
    "iso-8859-8-i": "שלום רב",
    "iso-8859-9": "Teşekkür ederim, iyi günler",
    "iso-8859-15": "10 € für Grüße",
    "windows-1250": "Příliš žluťoučký kůň",
    "windows-1251": "Здравствуйте, доктор",
    "windows-1252": "“Grüße” – 10 €",
    "windows-1253": "Καλημέρα σας",
    "windows-1254": "Teşekkür ederim, iyi günler",
    "windows-1255": "שלום רב",
    "windows-1256": "السلام عليكم",
    "koi8-r": "Здравствуйте, доктор",
    "koi8-u": "Доброго дня, лікарю",
    "iso-2022-jp": "こんにちは、母の薬について",
    "shift_jis": "こんにちは、母の薬について",
    "euc-jp": "こんにちは、母の薬について",
    "gb2312": "您好，请问药物的问题",
    "gbk": "您好，請問藥物的問題",
    "gb18030": "您好，請問藥物的問題",
    "hz": "您好，请问",
    "big5": "您好，請問藥物的問題",
    "euc-kr": "안녕하세요, 어머니의 약",
    "ks_c_5601-1987": "안녕하세요, 똠방각하",
    "iso-2022-kr": "안녕하세요",
    "tis-620": "สวัสดีครับ",
    "utf-7": "Grüße & 你好",
    "utf-16": "Grüße, 你好",
    "utf-32": "Grüße, 你好",
    "macintosh": "Grüße",
    "cp850": "Grüße",
}
PYTHON_NAME = {
    "iso-8859-8-i": "cp1255",
    "ks_c_5601-1987": "cp949",
    "gb2312": "gb18030",
    "macintosh": "mac_roman",
}


@pytest.mark.parametrize("charset", WORDS)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_a_body_is_read_in_its_charset(charset: str, encoding: str) -> None:
    words = WORDS[charset]
    data = words.encode(PYTHON_NAME.get(charset, charset))
    if encoding == "base64" or charset in ("utf-16", "utf-32"):
        # NULs cannot be sent as they are (RFC 5321, section 4.5.2).
        encoding, data = "base64", base64.encodebytes(data)
    elif encoding == "quoted-printable":
        data = quopri.encodestring(data)
    message = parse(
        letter(
            f'Content-Type: text/plain; charset="{charset}"',
            f"Content-Transfer-Encoding: {encoding}",
            body=data,
        )
    )

    assert message.full_text.rstrip("\n") == unicodedata.normalize("NFC", words)
    assert message.charset_guessed is False


@pytest.mark.parametrize(
    ("label", "codec", "words"),
    [
        ("us-ascii", "utf-8", "Grüße, 你好"),
        ("us-ascii", "cp1252", "déjà vu, “x”"),
        ("iso-8859-1", "utf-8", "Grüße, 你好"),
        ("iso-8859-1", "cp1252", "“x” – 10 €"),
        ("utf-8", "cp1252", "Die Grüße kamen spät an"),
        ("gb2312", "gbk", "藥物"),
        ("utf-16", "utf-8", "Grüße"),
        ("x-unknown", "utf-8", "Grüße"),
        ("x-unknown", "cp1252", "Die Grüße kamen spät an"),
        ("DEFAULT_CHARSET", "cp1252", "Die Grüße kamen spät an"),
        ("x-gbk", "gbk", "您好，請問"),
        ("iso-gb2312", "gbk", "您好，请问"),
        ("unicode-1-1-utf-7", "utf-7", "Grüße"),
        ("unicode_escape", "cp1252", "Die Grüße kamen spät an"),
        ("undefined", "utf-8", "Grüße"),
        ("idna", "utf-8", "Grüße"),
        ("'utf-8'", "utf-8", "Grüße"),
        ("utf8", "utf-8", "Grüße"),
        ("utf-8\0", "utf-8", "Grüße"),
        ("cp-850", "cp850", "Grüße"),
        (None, "utf-8", "Grüße, 你好"),
        (None, "cp1252", "Die Grüße kamen spät an"),
        (None, "iso-2022-jp", "こんにちは、母の薬について"),
        (None, "shift_jis", "こんにちは。母の薬についてお聞きしたいことがあります。"),
        (None, "euc-jp", "こんにちは。母の薬についてお聞きしたいことがあります。"),
        (None, "cp1251", "Здравствуйте, можно ли маме принимать это лекарство?"),
        (None, "koi8-r", "Здравствуйте, можно ли маме принимать это лекарство?"),
        (None, "gb18030", "您好，我的母亲可以和牛奶一起吃这个药吗？"),
        (None, "big5", "您好，我的母親可以和牛奶一起吃這個藥嗎？"),
        (None, "euc-kr", "안녕하세요. 어머니가 이 약을 우유와 함께 먹어도 되나요?"),
        (None, "cp1253", "Καλημέρα, μπορεί η μητέρα μου να πάρει το φάρμακο;"),
        (None, "cp1255", "שלום, האם אמא שלי יכולה לקחת את התרופה עם חלב?"),
        (None, "cp1256", "السلام عليكم، هل يمكن لأمي أن تتناول هذا الدواء؟"),
        (None, "cp874", "สวัสดีครับ คุณแม่ทานยานี้กับนมได้ไหมครับ"),
    ],
)
def test_a_wrong_or_missing_label_is_put_right(label: str | None, codec: str, words: str) -> None:
    kind = "text/plain" if label is None else f'text/plain; charset="{label}"'
    message = parse(letter(f"Content-Type: {kind}", body=words.encode(codec)))

    assert message.full_text == words


def test_a_guess_is_told() -> None:
    guessed = parse(letter("Content-Type: text/plain", body="Die Grüße kamen".encode("cp1252")))

    assert guessed.charset_guessed is True


def test_the_charset_of_a_page_is_taken_from_the_page_itself() -> None:
    page = '<html><head><meta charset="koi8-r"></head><body>Привет, доктор</body></html>'
    message = parse(letter("Content-Type: text/html", body=page.encode("koi8-r")))

    assert message.text == "Привет, доктор"


# --- bodies in every encoding and structure ----------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "body", "read"),
    [
        ("base64", "Y2FuIHNoZSB0YWtlIGl0Pw==", "can she take it?"),
        ("base64", "Y2FuIHNoZSB0YWtlIGl0Pw", "can she take it?"),
        ("base64", "Y2FuIHNoZ\r\nSB0YWtlIGl0Pw=", "can she take it?"),
        ("base64", "Y2Fu!IHNo*ZSB0YWtlIGl0Pw==", "can she take it?"),
        ("base64", "Y2FuIHNoZSB0YWtlIGl0Pw==\r\n-- \r\nlist footer", "can she take it?"),
        ("base64", "Y2FuIHNoZSB0YWtlIGl0Pw==\r\na list\r\n", "can she take it?\na list"),
        ("BASE64 ", "Y2FuIHNoZSB0YWtlIGl0Pw==", "can she take it?"),
        ("base64", "this is not base64 at all", "this is not base64 at all"),
        ("quoted-printable", "can she=20take=\r\n it?", "can she take it?"),
        ("quoted-printable", "50% =XY =", "50% =XY"),
        ("x-unknown", "can she take it?", "can she take it?"),
        ("", "can she take it?", "can she take it?"),
        ("x-uuencode", "begin 644 x\r\n/8V%N('-H92!T86ME(&ET\r\n`\r\nend", "can she take it"),
    ],
)  # fmt: skip
def test_the_question_is_seen_through_a_broken_encoding(
    encoding: str, body: str, read: str
) -> None:
    message = parse(
        letter(
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Transfer-Encoding: {encoding}",
            body=body,
        )
    )

    assert message.text == read


@pytest.mark.parametrize(
    ("parameters", "body", "read"),
    [
        ("format=flowed", "may she \r\ntake it\r\nnow", "may she take it\nnow"),
        ("format=flowed; delsp=yes", "rilu \r\nzole", "riluzole"),
        ("format=flowed", " From me", "From me"),
        ("format=flowed", "hello \r\n-- \r\nJane", "hello"),
        ("format=flowed", "> old \r\n> words\r\nnew", "new"),
    ],
)
def test_soft_line_ends_are_undone(parameters: str, body: str, read: str) -> None:
    message = parse(letter(f"Content-Type: text/plain; {parameters}", body=body))

    assert message.text == read


@pytest.mark.parametrize(
    "raw",
    [
        letter("Content-Type: multipart/mixed", body="--b\r\n\r\nthe question\r\n--b--"),
        letter("Content-Type: multipart/mixed", body="the question"),
        letter(
            "Content-Type: multipart/mixed; boundary=a",
            body="--b\r\nContent-Type: text/plain\r\n\r\nthe question\r\n--b--",
        ),
        letter(
            "Content-Type: multipart/mixed; boundary=a",
            body="--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            "dGhlIHF1ZXN0aW9u\r\n--b--",
        ),
        letter("Content-Type: multipart/mixed; boundary=b", body="--b\r\n\r\nthe question"),
        letter(
            "Content-Type: multipart/mixed; boundary=b",
            body='--b\r\nContent-Type: multipart/mixed; boundary="i"\r\n\r\nthe question\r\n',
        ),
        letter('Content-Type: text/plain; name="letter.txt"', body="the question"),
        letter(
            "Content-Type: multipart/mixed; boundary=b",
            body='--b\r\nContent-Type: text/plain; name="letter.txt"\r\n\r\nthe question\r\n--b--',
        ),
        letter("Content-Type: nonsense", body="the question"),
        letter("Content-Type: text/x-whatever; charset=utf-8", body="the question"),
    ],
)
def test_the_question_is_seen_through_a_broken_structure(raw: bytes) -> None:
    assert "the question" in parse(raw).text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div>May she<br>take it?</div>", "May she\ntake it?"),
        (
            "May she take it?\r\n<br><font size=1>our <b>portal</b></font>",
            "May she take it?\n\nour portal",
        ),
        ("my weight is < 50 kg and > 40", "my weight is < 50 kg and > 40"),
        ("write to <jane@example.net>", "write to <jane@example.net>"),
    ],
)
def test_a_page_sent_as_plain_text_is_read_as_a_page(body: str, text: str) -> None:
    assert parse(letter("Content-Type: text/plain", body=body)).text == text


def alternative(plain: str, page: str) -> bytes:
    message = EmailMessage()
    message["From"] = "Jane <jane@example.net>"
    message.set_content(plain)
    message.add_alternative(page, subtype="html")
    return message.as_bytes()


def test_of_two_versions_one_is_read() -> None:
    assert parse(alternative("the question", "<p>the question</p>")).text == "the question"


def test_a_plain_version_that_only_points_at_the_page_is_not_the_letter() -> None:
    raw = alternative("This message is in HTML.", "<p>May she take riluzole with milk, please?</p>")

    assert parse(raw).text == "May she take riluzole with milk, please?"


def test_a_message_passed_on_is_a_file_and_not_the_senders_words() -> None:
    inner = "From: b@example.net\r\nSubject: inner\r\n\r\nour own acknowledgement"
    raw = letter(
        "From: Jane <jane@example.net>",
        "Content-Type: multipart/mixed; boundary=b",
        body=f"--b\r\n\r\nmy words\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--",
    )
    message = parse(raw)

    assert message.text == "my words"
    assert "acknowledgement" not in message.full_text
    assert [(a.type, a.name) for a in message.attachments] == [("message/rfc822", "part-1.eml")]
    assert [part.type for part in message.parts] == [
        "multipart/mixed", "text/plain", "message/rfc822", "text/plain",
    ]  # fmt: skip
    assert b"our own acknowledgement" in attachment_bytes(raw, 1)[1]


def test_a_letter_that_only_passes_another_on_shows_it_but_has_no_words_of_its_own() -> None:
    raw = letter(
        "Content-Type: multipart/mixed; boundary=b",
        body="--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--",
    )
    message = parse(raw)

    assert message.text == ""
    assert message.full_text == "hello"
    assert b"aGVsbG8=" in attachment_bytes(raw, 1)[1]


def test_a_bounce_does_not_bring_the_returned_words_with_it() -> None:
    raw = letter(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        body="--b\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nour words\r\n--b--",
    )
    message = parse(raw)

    assert message.text == "It could not be delivered."
    assert "our words" not in message.full_text
    assert message.parts[0].parameters == (("report-type", "delivery-status"), ("boundary", "b"))


def mixed(*parts: str) -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return letter("Content-Type: multipart/mixed; boundary=b", body=f"{body}--b--")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('Content-Type: application/pdf; name="plan.pdf"', "plan.pdf"),
        ("Content-Type: application/pdf", "part-1.pdf"),
        ("Content-Type: image/jpeg", "part-1.jpg"),
        ("Content-Type: application/x-unheard-of", "part-1.bin"),
        (
            "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf",
            "a.pdf",
        ),
        (
            "Content-Type: application/pdf; name=b.pdf\r\n"
            "Content-Disposition: attachment; filename=a.pdf",
            "a.pdf",
        ),
        ("Content-Type: text/plain\r\nContent-Disposition: attachment", "part-1.txt"),
        ("Content-Type: application/pdf; name*=utf-8''Pl%C3%A4ne.pdf", "Pläne.pdf"),
        (
            "Content-Type: application/pdf; name*0*=utf-8''Pl%C3; name*1*=%A4ne; name*2=.pdf",
            "Pläne.pdf",
        ),
        ("Content-Type: application/pdf; name*1=b.pdf; name*0=a", "ab.pdf"),
        ('Content-Type: application/pdf; name="=?utf-8?q?Pl=C3=A4ne.pdf?="', "Pläne.pdf"),
        ("Content-Type: application/pdf; name=Pläne.pdf", "Pläne.pdf"),
        ('Content-Type: application/pdf; name="../../etc/passwd"', "passwd"),
        ('Content-Type: application/pdf; name="C:\\\\temp\\\\x.pdf"', "x.pdf"),
        ('Content-Type: application/pdf; name="a;b.pdf"', "a;b.pdf"),
        ('Content-Type: application/pdf; name="a\u202efdp.exe"', "afdp.exe"),
        ('Content-Type: application/pdf; name="' + "x" * 400 + '.pdf"', "x" * 196 + ".pdf"),
        ('Content-Type: application/pdf; name=".."', "part-1.pdf"),
        ("Content-Type: application/pdf; name*" + "9" * 5_000 + "=x.pdf", "x.pdf"),
    ],
)
def test_a_file_has_one_stable_safe_name(head: str, name: str) -> None:
    raw = mixed("\r\nhello", f"{head}\r\n\r\ncontent")
    message = parse(raw)

    assert [attachment.name for attachment in message.attachments] == [name]
    assert message.text == "hello"
    assert parse(raw).attachments == message.attachments


def test_the_bytes_of_a_file_are_cut_out_of_the_raw_message() -> None:
    content = bytes(range(256)) * 300
    message = EmailMessage()
    message.set_content("hello")
    message.add_attachment(content, maintype="image", subtype="png", filename="a.png")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="b.pdf")
    raw = message.as_bytes()
    first, second = parse(raw).attachments

    assert (first.name, first.size) == ("a.png", len(content))
    assert first.fingerprint == hashlib.sha256(content).hexdigest()
    assert attachment_bytes(raw, first.index) == (first, content)
    assert attachment_bytes(raw, second.index) == (second, b"%PDF")
    with pytest.raises(LookupError):
        attachment_bytes(raw, 3)


def test_base64_text_longer_than_what_is_set_aside_is_read() -> None:
    words = "Может ли моя мама принимать рилузол с молоком? " * 300
    message = EmailMessage()
    message.set_content(words, cte="base64")

    assert parse(message.as_bytes()).full_text.strip() == words.strip()


def test_a_file_written_into_the_text_is_listed_and_taken_out() -> None:
    raw = letter(body="hello\r\nbegin 644 plan.txt\r\n#8V%T\r\n`\r\nend\r\nthe question\r\n")
    message = parse(raw)

    assert message.text == "hello\nthe question"
    assert [(a.name, a.size) for a in message.attachments] == [("plan.txt", 3)]
    assert attachment_bytes(raw, 1)[1] == b"cat"


def test_a_line_that_begins_like_a_file_is_a_line() -> None:
    assert parse(letter(body="begin 100 mg now\nend")).text == "begin 100 mg now\nend"


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        ("Content-Type: application/ms-tnef; name=winmail.dat", "winmail.dat"),
        ("Content-Type: application/octet-stream; name=WINMAIL.DAT", "winmail.dat"),
        ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", "encrypted (S/MIME)"),
        ("Content-Type: application/pkcs7-mime; smime-type=signed-data", "wrapped in a signature"),
        ("Content-Type: message/partial; number=1; total=2; id=x", "one piece"),
    ],
)
def test_what_cannot_be_opened_is_said_in_words(head: str, sentence: str) -> None:
    message = parse(mixed(f"{head}\r\n\r\nxxxx"))

    assert any(sentence in defect for defect in message.defects)
    assert len(message.attachments) == 1


def test_an_encrypted_message_says_so() -> None:
    armoured = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----"
    enveloped = letter(
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
        body="--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b--",
    )

    assert any("encrypted (PGP)" in defect for defect in parse(letter(body=armoured)).defects)
    assert any("encrypted (PGP)" in defect for defect in parse(enveloped).defects)


def test_data_in_the_place_of_text_is_not_shown_as_text() -> None:
    message = parse(letter("From: j@example.net", body=bytes(range(256)) * 20))

    assert message.text == ""
    assert "What should be the text is not text." in message.defects


def test_a_very_long_text_is_cut_and_says_so() -> None:
    message = parse(letter(body="may she take it? " * 100_000))

    assert message.text.startswith("may she take it?")
    assert len(message.full_text) <= 256 * 1024
    assert any("very long" in defect for defect in message.defects)
