"""Parsing bodies: every charset, every encoding and structure, as mail really comes."""

import base64
import quopri
import unicodedata
from email.message import EmailMessage

import pytest

from inboxbot.mail.charset import decode
from inboxbot.mail.parse import attachment_bytes, parse
from tests.by_fields import letter

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


@pytest.mark.parametrize("label", ["iso-2022-jp", "ISO-2022-JP", "cp50221", None])
def test_the_rows_that_windows_added_to_japanese_are_read(label: str | None) -> None:
    body = b"\x1b$B|b66-!-j\x1b(B (\x1b(I6E\x1b(B) \x1b$BIW$,8F5[$G$-$^$;$s\x1b(B"
    kind = "text/plain" if label is None else f"text/plain; charset={label}"
    message = parse(letter(f"Content-Type: {kind}", body=body))
    assert message.full_text == "髙橋①㈱ (ｶﾅ) 夫が呼吸できません"


@pytest.mark.parametrize("label", [None, "utf-8"])
@pytest.mark.parametrize("words", ["Здравствуйте", "母の薬について", "صباح الخير", "नमस्ते"])
def test_a_text_that_was_cut_within_a_character_is_read(label: str | None, words: str) -> None:
    kind = "text/plain" if label is None else f"text/plain; charset={label}"
    found = parse(letter(f"Content-Type: {kind}", body=words.encode()[:-1])).full_text
    assert found == f"{words[:-1]}\ufffd"


@pytest.mark.parametrize(
    ("label", "body"),
    [
        ("iso-2022-jp", "母の薬について".encode()),
        ("iso-2022-jp", "母の薬について".encode("shift_jis")),
        ("euc-jp", "母の薬、①について".encode("euc_jis_2004")),
    ],
)
def test_a_japanese_label_that_is_nearly_right_is_put_right(label: str, body: bytes) -> None:
    found = parse(letter(f"Content-Type: text/plain; charset={label}", body=body)).full_text
    assert "母の薬" in found
    assert "について" in found


def test_every_cell_of_japanese_text_is_read_as_python_reads_it_or_as_windows_does() -> None:
    cells = [bytes((row, cell)) for row in range(0x21, 0x75) for cell in range(0x21, 0x7F)]
    differing = set()
    for cell in cells:
        try:
            usual = (b"\x1b$B" + cell + b"\x1b(B").decode("iso2022_jp")
        except UnicodeError:
            continue
        # With a cell that only Windows has, all of the text is read as Windows does.
        read = decode(b"\x1b$B-!" + cell + b"\x1b(B", "iso-2022-jp").text
        if read != f"①{usual}":
            differing.add(usual)
    assert differing == set("〜‖−¢£¬")


def test_a_guess_is_told() -> None:
    guessed = parse(letter("Content-Type: text/plain", body="Die Grüße kamen".encode("cp1252")))

    assert guessed.charset_guessed is True


def test_the_charset_of_a_page_is_taken_from_the_page_itself() -> None:
    page = '<html><head><meta charset="koi8-r"></head><body>Привет, доктор</body></html>'
    message = parse(letter("Content-Type: text/html", body=page.encode("koi8-r")))

    assert message.text == "Привет, доктор"


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
