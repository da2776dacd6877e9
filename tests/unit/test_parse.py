"""Parsing: anything is read, whatever a sender made of it, and every string is clean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.mail.message import Address, Message
from inboxbot.mail.parse import attachment_bytes, parse, parse_header
from tests import hostile
from tests.by_fields import letter
from tests.clean import assert_clean

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


@pytest.mark.parametrize("seed", SEEDS, ids=[seed.stem for seed in SEEDS])
def test_reading_the_header_alone_says_the_same_as_reading_it_all(seed: Path) -> None:
    whole, header = parse(seed.read_bytes()), parse_header(seed.read_bytes())

    assert (header.subject, header.sender) == (whole.subject, whole.sender)
    assert (header.message_id, header.sent_at) == (whole.message_id, whole.sent_at)
    assert header.text == ""
    assert header.parser == "headers"


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

    monkeypatch.setattr("mailparser.utils.get_addresses", fail)
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

    monkeypatch.setattr("mailparser.utils.get_addresses", fail)

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
