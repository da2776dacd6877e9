"""Messages that no person sends: one of each kind that has stopped a mail program.

Every message is made here, none is stored, so that the kinds can be read and their sizes
turned up. `small()` are under a megabyte each; `large()` take up to 60 MB.
"""

import random
from collections.abc import Callable, Iterator

CHARSETS = (
    b"undefined", b"idna", b"punycode", b"unicode_escape", b"rot13", b"zlib", b"utf-16", b"utf-32",
    b"utf-7", b"hz", b"iso-2022-jp", b"mbcs", b"base64", b"\xff\xfe", b"",
)  # fmt: skip

HEAD = b"From: Jane Doe <jane@example.net>\r\nTo: support@example.org\r\nSubject: hello\r\n"
TAIL = b"Message-ID: <1@example.net>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n"


def plain(body: bytes, *fields: bytes) -> bytes:
    """A letter with further header fields and this body."""
    return HEAD + TAIL + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def typed(kind: bytes, body: bytes, *fields: bytes) -> bytes:
    """A letter whose body is of a type."""
    return plain(body, b"MIME-Version: 1.0", b"Content-Type: " + kind, *fields)


def mixed(*parts: bytes, boundary: bytes = b"b") -> bytes:
    """A multipart/mixed letter of parts that bring their own headers."""
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return typed(b'multipart/mixed; boundary="' + boundary + b'"', body + b"--" + boundary + b"--")


def nested(levels: int, kind: bytes = b"multipart/mixed") -> bytes:
    """Multiparts inside one another."""
    out = [HEAD + TAIL]
    for level in range(levels):
        boundary = b"b%d" % level
        out.append(b'Content-Type: %s; boundary="%s"\r\n\r\n--%s\r\n' % (kind, boundary, boundary))
    out.append(b"Content-Type: text/plain\r\n\r\ncan she take it?\r\n")
    return b"".join(out)


def nested_messages(levels: int) -> bytes:
    """Messages inside messages."""
    return (
        HEAD + TAIL + b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: x\r\n\r\nhello"
    )


def small() -> Iterator[tuple[str, bytes]]:
    """Yield each kind that needs no size, with its name."""
    yield from _empty_and_binary()
    yield from _broken_structure()
    yield from _lying_headers()
    yield from _lying_bodies()
    yield from _bait()


def _empty_and_binary() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b""
    yield "one line end", b"\r\n"
    yield "blank lines", b"\r\n" * 10_000
    yield "NULs", b"\0" * 10_000
    yield "every byte", bytes(range(256)) * 40
    yield "noise", random.Random(1).randbytes(100_000)
    yield "a picture", b"\xff\xd8\xff\xe0" + random.Random(2).randbytes(50_000)
    yield "UTF-16", plain(b"hello").decode("ascii").encode("utf-16")
    yield "no header", b"can she take it?\r\n"
    yield "no body", HEAD + TAIL
    yield "header without end", HEAD.rstrip()
    yield "lone CRs", plain(b"hello").replace(b"\r\n", b"\r")
    yield "lone LFs", plain(b"hello").replace(b"\r\n", b"\n")
    yield "blank line first", b"\r\n" + plain(b"hello")
    yield "text before the header", b"some text\r\n" + plain(b"hello")
    yield "a mail file", b"From jane Mon Mar  2 09:00:00 2026\r\n" + plain(b"hello")
    yield "NULs in the header", plain(b"hello").replace(b"hello", b"he\0llo")
    yield "a colon only", b":\r\n\r\nhello"
    yield "blanks in field names", b"Fro m: x\r\nSubject : y\r\n" + plain(b"hello")


def _broken_structure() -> Iterator[tuple[str, bytes]]:
    yield "no boundary", typed(b"multipart/mixed", b"--b\r\n\r\nhello\r\n--b--")
    yield "another boundary", typed(b'multipart/mixed; boundary="a"', b"--b\r\n\r\nhello\r\n--b--")
    yield "empty boundary", typed(b'multipart/mixed; boundary=""', b"--\r\n\r\nhello\r\n----")
    yield "boundary of specials", mixed(b"\r\nhello", boundary=b"(.*)+[a-z]?\\")
    yield "boundary without end", mixed(b"\r\nhello", boundary=b"x" * 50_000)
    yield "never closed", mixed(b"\r\nhello").removesuffix(b"--b--")
    inner = b'Content-Type: multipart/mixed; boundary="i"\r\n\r\nno start\r\n--i--'
    yield "inner part without start", mixed(inner).removesuffix(b"--b--")
    yield (
        "message without parts",
        plain(
            b'Content-Type: multipart/mixed; boundary="never"\r\n\r\nhello',
            b"Content-Type: message/rfc822",
        ),
    )
    yield "digest in digest", nested(40, b"multipart/digest")
    yield (
        "report of nothing",
        typed(b"multipart/report; report-type=delivery-status; boundary=b", b""),
    )
    yield "message of nothing", typed(b"message/rfc822", b"")
    yield "status of nothing", typed(b"message/delivery-status", b"")
    yield "piece of a message", typed(b"message/partial; number=2; total=3; id=x", b"hello")
    whole = mixed(
        b"\r\nhello",
        b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
    )
    for quarter in range(1, 8):
        yield f"cut off after {quarter} eighths", whole[: len(whole) * quarter // 8]
    yield "nested 100 deep", nested(100)
    yield "nested 1,000 deep", nested(1_000)
    yield "nested 3,000 deep", nested(3_000, b"multipart/alternative")
    yield "messages 1,000 deep", nested_messages(1_000)
    yield "messages 10,000 deep", nested_messages(10_000)


def _lying_headers() -> Iterator[tuple[str, bytes]]:
    def field(name: bytes, value: bytes) -> bytes:
        return name + b": " + value + b"\r\nFrom: Jane Doe <jane@example.net>\r\n\r\nhello"

    yield "injected line", field(b"Subject", b"=?utf-8?q?hi=0D=0ABcc:_x@example.net?=")
    yield (
        "injected author",
        b"From: =?utf-8?q?x=0D=0ABcc:_y@example.net?= <j@example.net>\r\n\r\nhello",
    )
    yield "NUL in a charset", field(b"Subject", b"=?utf-8\0?q?hi?=")
    yield "NUL in a part's charset", typed(b'text/plain; charset="utf-8\0"', b"hello")
    yield "charset of 5,000 letters", field(b"Subject", b"=?" + b"x" * 5_000 + b"?q?hi?=")
    yield (
        "5,000 digits of order",
        mixed(b"Content-Type: image/png; name*" + b"9" * 5_000 + b"=x\r\n\r\nhello"),
    )
    yield "5,000 digits in a date", field(b"Date", b"9" * 5_000 + b" Mar 2026 09:00:00 +0000")
    yield "date past the end of time", field(b"Date", b"Mon, 31 Dec 9999 23:59:59 -2359")
    yield "50 KB of commas", field(b"To", b"," * 50_000)
    yield "50 KB of colons", field(b"From", b":" * 50_000)
    yield "50 KB of quotes", field(b"To", b'"' * 50_001)
    yield "50 KB of open angles", field(b"Reply-To", b"<" * 50_000)
    yield "50 KB of backslashes", field(b"To", b'"' + b"\\" * 50_001)
    yield "50 KB of ids", field(b"References", b"<a@b> " * 9_000)
    yield "open ids", field(b"In-Reply-To", b"<" * 50_000 + b"@")
    yield "20,000 parameters", typed(b"text/plain" + b"; a=b" * 20_000, b"hello")
    yield "run of semicolons", typed(b"text/plain" + b";" * 24_000, b"hello")
    yield "quote never closed", typed(b'text/plain; charset="' + b'\\"; ' * 10_000, b"hello")
    yield "id of 10 KB", field(b"Message-ID", b"<" + b"x" * 10_000 + b"@example.net>")
    yield "id on two lines", field(b"Message-ID", b"<a\r\n b@example.net>")
    yield "two of everything", HEAD + HEAD + TAIL + TAIL + b"\r\nhello"
    yield "addresses in one angle", b"From: <a@example.net, b@example.net>\r\n\r\nhello"
    yield "raw bytes in every field", plain(b"hello").replace(b"e", b"\xe9")
    yield (
        "fields named after attributes",
        plain(b"hello", b"Parse: x", b"Headers_json: y", b"Defects: z"),
    )


def _lying_bodies() -> Iterator[tuple[str, bytes]]:
    for charset in CHARSETS:
        kind = b'text/plain; charset="' + charset + b'"'
        yield f"charset {charset!r}", typed(kind, b"hello \xe9\x80 +AGE- ~{ \x1b$B\\u0041 world")
    yield "surrogates", typed(b"text/plain; charset=utf-7", b"+2AA- +3AA- hello")
    yield (
        "broken base64",
        typed(b"text/plain", b"aGVsbG8gd29ybGQ\r\n!!\r\n", b"Content-Transfer-Encoding: base64"),
    )
    yield "unknown encoding", typed(b"text/plain", b"hello", b"Content-Transfer-Encoding: x-rot13")
    yield (
        "half an escape",
        typed(b"text/plain", b"=" * 100_001, b"Content-Transfer-Encoding: quoted-printable"),
    )
    yield (
        "winmail.dat",
        mixed(
            b"Content-Type: application/ms-tnef; name=winmail.dat\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\neJ8+IgAAAAD/////"
        ),
    )
    yield "uuencoded without end", plain(b"begin 644 x\r\n" * 20_000)
    yield "uuencoded ends", plain(b"begin 644 x\r\nend\r\n" * 20_000)
    yield (
        "bad uuencoded",
        typed(b"text/plain", b"\xff!\r\n" * 9_000, b"Content-Transfer-Encoding: x-uuencode"),
    )
    yield (
        "attachment names",
        mixed(
            b'Content-Type: image/png; name="../../etc/passwd"\r\n\r\nx',
            b'Content-Type: image/png; name="..\\\\..\\\\boot.ini"\r\n\r\nx',
            b"Content-Type: image/png; name*=utf-8''%2e%2e%2f%00x%0d%0a\r\n\r\nx",
            b'Content-Type: image/png; name="' + b"x" * 5_000 + b'.png"\r\n\r\nx',
            'Content-Type: image/png; name="a\u202egnp.exe"\r\n\r\nx'.encode(),
        ),
    )


def _bait() -> Iterator[tuple[str, bytes]]:
    for name, text in (
        ("On", "On " * 33_000),
        ("On lines", "On Mon wrote ...\n" * 6_000),
        ("On and headers", "On Mon, x wrote ...\nFrom: x\nSent: y\n" * 2_500),
        ("quote marks after On", "On a a a\n" + "> " * 45_000),
        ("100,000 line ends", "\n" * 100_000),
        ("100,000 dashes", "-" * 100_000),
        ("dashes and blanks", "- " * 50_000),
        ("deep quotes", "\n".join(">" * n for n in range(400))),
        ("one long quote", ">" * 200_000),
        ("colons", "a:\n" * 60_000),
        ("closings", "best\n" * 50_000),
        ("notices", "this e-mail is for the intended recipient\n" * 5_000),
        ("forms", "Name: x\nMessage: y\n" * 12_000),
        ("soft line ends", "word \n" * 40_000),
        ("marks on a letter", "a" + "\u0315\u0300" * 40_000),
        ("marks without a letter", "\u0300" * 80_000),
        ("blanks", " " * 200_000 + "x"),
    ):
        yield (
            f"text of {name}",
            typed(b"text/plain; charset=utf-8; format=flowed; delsp=yes", text.encode()),
        )
    for name, page in (
        ("less-thans", "<" * 200_000),
        ("open comments", "<!--" * 60_000 + "hello"),
        ("open tags", "<a " * 60_000 + "hello"),
        ("open quotes", '<a b="' * 40_000 + "hello"),
        ("open declarations", "<![" * 60_000 + "hello"),
        ("nested tags", "<div>" * 50_000 + "hello"),
        ("hidden tags", "<div style='display:none'>" * 10_000 + "hello" + "</div>" * 9_999),
        ("hidden and closed", "<p hidden>x</p>" * 20_000 + "hello"),
        ("ends of scripts", "<script>x</scrip" * 15_000 + "hello"),
        ("references", "&#" + "9" * 100_000 + ";hello"),
        ("ampersands", "&" * 200_000 + "hello"),
        ("quotations", "<blockquote type=cite>" * 10_000 + "hello"),
        ("lists", "<ul><li>" * 25_000 + "hello"),
        ("cells", "<td>" * 60_000 + "hello"),
        ("attributes", "<a " + "style=x " * 30_000 + ">hello</a>"),
    ):
        yield f"page of {name}", typed(b"text/html; charset=utf-8", page.encode())


def large() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield each kind whose size is the attack: its name, and what makes it where it is wanted."""
    yield "50,000 parts", lambda: mixed(*[b"\r\nx"] * 50_000)
    yield "50,000 parts in levels", lambda: nested(50) + b"\r\n--b49\r\n\r\nx" * 50_000
    yield "a million lines in 50 levels", lambda: nested(50) + b"hello\r\n" * 1_000_000
    yield (
        "100,000 Received fields",
        lambda: (
            b"Received: from x by y; Mon, 2 Mar 2026 09:00:00 +0000\r\n" * 100_000 + plain(b"x")
        ),
    )
    yield (
        "100,000 fields",
        lambda: b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + plain(b"hello"),
    )
    yield (
        "100,000 authors",
        lambda: b"From: " + b"a@example.net, " * 100_000 + b"\r\n" + TAIL + b"\r\nhello",
    )
    yield (
        "a million recipients",
        lambda: (
            b"To: " + b"somebody@example.net,\r\n " * 1_000_000 + b"x@y.org\r\n" + plain(b"hello")
        ),
    )
    yield (
        "20,000 encoded words",
        lambda: (
            b"Subject: "
            + b"=?utf-8?q?a_subject_of_words?=\r\n " * 40_000
            + b"\r\n"
            + TAIL
            + b"\r\nhello"
        ),
    )
    yield (
        "a megabyte of open comments",
        lambda: b"From: " + b"(" * 1_000_000 + b"\r\n" + TAIL + b"\r\nhello",
    )
    yield "a field of 10 MB", lambda: b"X-Long: " + b"x" * 10_000_000 + b"\r\n" + plain(b"hello")
    yield "a field of 60 MB", lambda: b"X-Long: " + b"xyz " * 15_000_000 + b"\r\n" + plain(b"hello")
    yield "10 MB without a line end", lambda: b"x" * 10_000_000
    yield (
        "a part's header of 10 MB",
        lambda: mixed(b"Content-Type: text/plain" + b"; a=b" * 2_000_000 + b"\r\n\r\nhello"),
    )
    yield "20 MB of text", lambda: plain(b"can she take it with milk?\r\n" * 750_000)
    yield "20 MB of base64 text", lambda: typed(
        b"text/plain; charset=utf-8", b"aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8g\r\n" * 480_000,
        b"Content-Transfer-Encoding: base64",
    )  # fmt: skip
    yield (
        "20 MB of base64 in one line",
        lambda: typed(b"text/plain", b"aGVs" * 5_000_000, b"Content-Transfer-Encoding: base64"),
    )
    yield (
        "a 25 MB file",
        lambda: mixed(
            b"Content-Type: text/plain\r\n\r\nhello",
            b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + (
                b"UEsDBAoAAAAAAOBhUFUAAAAAAAAAAAAAAAAJAAAAemVyby50eHQAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
                * 440_000
            ),
        ),
    )
    yield "the word base64 3 million times", lambda: typed(b"text/plain", b"base64 " * 3_000_000)
    yield (
        "the word base64 on lines",
        lambda: typed(b"text/plain", b"base64\r\n\r\nAAAA\r\n" * 500_000),
    )
    yield "a page of a million tags", lambda: typed(b"text/html", b"<b>x</b>" * 1_000_000)
    yield "a page of 10 MB of less-thans", lambda: typed(b"text/html", b"<" * 10_000_000)
    yield "a page of 5 MB of comments", lambda: typed(b"text/html", b"<!--" * 1_250_000)
    yield "100 pages", lambda: mixed(*[b"Content-Type: text/html\r\n\r\n" + b"<p>x" * 50_000] * 100)
    yield (
        "300 messages in one",
        lambda: mixed(*[b"Content-Type: message/rfc822\r\n\r\n" + plain(b"x" * 50_000)] * 300),
    )
