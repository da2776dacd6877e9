"""Parsing what comes with the words: files, what cannot be opened, what is too long."""

import hashlib
from email.message import EmailMessage

import pytest

from inboxbot.mail.parse import attachment_bytes, parse
from tests.by_fields import letter


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
