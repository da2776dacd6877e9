"""A letter without its files: its words and its shape as before, nothing of the files."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inboxbot.mail.parse import attachment_bytes, parse
from inboxbot.mail.strip import without_attachments

CORPUS = sorted((Path(__file__).parents[1] / "corpus").glob("*.eml"))


def test_an_embedded_letter_is_a_file_and_goes():
    raw = (
        b"Subject: see below\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nPlease read this.\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"From: ana@home.test\r\nSubject: secret\r\n\r\nthe hidden words\r\n--b--\r\n"
    )
    left = without_attachments(raw)
    assert left is not None
    assert b"hidden words" not in left
    assert b"secret" not in left
    assert parse(left).text == parse(raw).text


def test_every_letter_that_we_have_keeps_its_words_and_loses_its_files():
    kept = 0
    for file in CORPUS:
        raw = file.read_bytes()
        left = without_attachments(raw)
        if left is None:
            continue  # Its bytes are erased altogether then.
        kept += 1
        before, after = parse(raw), parse(left)
        assert after.text.split() == before.text.split(), file.stem
        assert after.subject == before.subject, file.stem
        for each in after.attachments:
            assert attachment_bytes(left, each.index)[1].strip() == b"", file.stem
    assert kept > len(CORPUS) / 2


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_fail(raw):
    left = without_attachments(raw)
    assert left is None or isinstance(left, bytes)
