"""A mailbox made from a seed: letters such as a support mailbox gets, 28 KB each on average.

60 % are plain text, 24 % text with HTML beside it, 8 % HTML alone, 8 % carry an attachment of 50
to 500 KB as sent; a third each asks for the profile, about a medicine, or anything else. Every
letter has a sender of its own, so that every one of them is acknowledged.
"""

import base64
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

KINDS = ("plain", "alternative", "html", "attachment")
SHARES = (60, 24, 8, 8)
FIRST = ("Ana", "Björn", "Carla", "Dmitri", "Esther", "Farid", "Grace", "Hiro", "Ivan", "Joana")
LAST = ("Romero", "Okoro", "Smith", "Kaur", "Nowak", "Lind", "Rossi", "Martin", "Yilmaz", "Weber")

SUBJECTS = (
    ("My mother's profile", "Request for a personal profile", "The profile form"),
    ("Question about {medicine}", "Is {medicine} safe with other tablets?", "Dose of {medicine}"),
    ("How can our school help?", "Donation", "Where do your groups meet?"),
)
MEDICINES = ("riluzole", "mexiletine", "edaravone", "baclofen", "tofersen", "gabapentin")
SENTENCES = (
    (
        "I would like to fill in the profile for {person}, who was diagnosed in {month}.",
        "Could you send me the profile form so that we can get a personal answer?",
        "The page with the profile form stays empty on my telephone.",
        "We hope for help that fits {person}, whose hands have become weak.",
        "What else do you need from us to make the profile complete?",
    ),
    (
        "{person} started {medicine} in {month} and has felt tired since.",
        "Is it safe to take {medicine} together with tablets for high blood pressure?",
        "The pharmacist was not sure about the dose of {medicine} in the evening.",
        "Does {medicine} help against cramps, and how long does that take?",
        "We read about side effects of {medicine} and would like to know more.",
    ),
    (
        "Our school collected a donation in {month} and would like to know where to send it.",
        "Do you have a group that meets near us, where {person} could come along?",
        "Thank you for the friendly talk at the fair in {month}.",
        "May we print your leaflet in our newspaper for the neighbourhood?",
        "When is your next open day, and do we have to register for it?",
    ),
)
SMALL_TALK = (
    "I hope that you are all well and that the summer is kind to you.",
    "Sorry for the long letter, it has been a hard time for all of us.",
    "My sister gave me your address and said that you answer everybody.",
    "We live far from the next town, so the telephone is not always easy.",
    "Please answer when you find the time, there is no hurry.",
    "I have read the pages on your website twice and still have this question.",
)
PERSONS = ("my mother", "my father", "my husband", "my wife", "my brother", "a dear friend")
MONTHS = ("January", "March", "May", "June", "September", "November")


def letters(count: int, seed: int = 1, start: int = 0) -> Iterator[bytes]:
    """Yield letters `start` to `start + count`, each the same whenever it is made."""
    now = format_datetime(datetime.now(UTC))
    for number in range(start, start + count):
        yield letter(number, random.Random(seed * 1_000_003 + number), now)


def letter(number: int, dice: random.Random, date: str) -> bytes:
    """Return one letter, sent at `date`."""
    kind = dice.choices(KINDS, SHARES)[0]
    topic = dice.randrange(3)
    words = {
        "person": dice.choice(PERSONS),
        "month": dice.choice(MONTHS),
        "medicine": dice.choice(MEDICINES),
    }
    subject = dice.choice(SUBJECTS[topic]).format(**words)
    text = _text(dice, topic, words)
    top = _header(number, dice, subject, date)
    if kind == "plain":
        quoted = "".join(f"> {dice.choice(SMALL_TALK)}\n" for _ in range(dice.randrange(0, 150)))
        body = f"{text}\n{quoted}" if not quoted else f"{text}\nOn Monday you wrote:\n{quoted}"
        return _crlf(f"{top}Content-Type: text/plain; charset=utf-8\n\n{body}")
    if kind == "html":
        return _crlf(f"{top}Content-Type: text/html; charset=utf-8\n\n{_html(dice, text)}")
    edge = f"=_{dice.getrandbits(96):024x}"
    plain = f"--{edge}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    if kind == "alternative":
        second = f"--{edge}\nContent-Type: text/html; charset=utf-8\n\n{_html(dice, text)}\n"
        subtype = "alternative"
    else:
        second, subtype = _attachment(dice, edge), "mixed"
    return _crlf(
        f'{top}Content-Type: multipart/{subtype}; boundary="{edge}"\n\n{plain}{second}--{edge}--\n'
    )


def _text(dice: random.Random, topic: int, words: dict[str, str]) -> str:
    own = dice.sample(SENTENCES[topic], dice.randrange(2, 5))
    more = dice.sample(SMALL_TALK, dice.randrange(0, 4))
    lines = [sentence.format(**words) for sentence in own] + more
    name = dice.choice(FIRST)
    return "Dear all,\n\n" + "\n".join(lines) + f"\n\nKind regards,\n{name}\n"


def _header(number: int, dice: random.Random, subject: str, date: str) -> str:
    name = f"{dice.choice(FIRST)} {dice.choice(LAST)}"
    domain = f"post{number % 997}.example"
    signature = base64.b64encode(dice.randbytes(256)).decode()
    folded = "\n\t".join(signature[at : at + 72] for at in range(0, len(signature), 72))
    name = name.replace("ö", "=F6")
    sender = f"=?iso-8859-1?q?{name.replace(' ', '_')}?=" if "=" in name else name
    hops = "".join(
        f"Received: from out{hop}.{domain} (out{hop}.{domain} [192.0.2.{hop + 1}])\n"
        f"\tby mx{hop}.example.org with ESMTPS id {dice.getrandbits(64):016x}\n"
        f"\tfor <support@example.org>; {date}\n"
        for hop in range(4)
    )
    return (
        f"Return-Path: <person{number}@{domain}>\n{hops}"
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1;\n"
        f"\th=from:to:subject:date:message-id; b={folded}\n"
        f"From: {sender} <person{number}@{domain}>\nTo: support@example.org\n"
        f"Subject: {subject}\nDate: {date}\n"
        f"Message-ID: <{number}.{dice.getrandbits(64):016x}@{domain}>\nMIME-Version: 1.0\n"
    )


def _html(dice: random.Random, text: str) -> str:
    rules = "".join(
        f"p.style{rule} {{ margin: 0 0 {dice.randrange(20)}pt 0; font-size: {dice.randrange(9, 14)}"
        f"pt; color: #{dice.getrandbits(24):06x}; }}\n"
        for rule in range(dice.randrange(60, 300))
    )
    lines = "".join(
        f'<p class="style{place}" style="mso-margin-top-alt: auto"><span lang="EN-US" '
        f'style="font-family: Calibri, sans-serif">{line or "&nbsp;"}</span></p>\n'
        for place, line in enumerate(text.splitlines())
    )
    foot = "".join(
        f'<tr><td style="padding: 4px"><a href="https://news.example/{dice.getrandbits(128):032x}">'
        f"{dice.choice(SMALL_TALK)}</a></td></tr>\n"
        for _ in range(dice.randrange(0, 80))
    )
    return (
        f"<html><head><style>\n{rules}</style></head><body>\n{lines}"
        f"<blockquote><table>{foot}</table></blockquote></body></html>\n"
    )


def _attachment(dice: random.Random, edge: str) -> str:
    size = int(math.exp(dice.uniform(math.log(50_000), math.log(500_000))) * 3 / 4)
    encoded = base64.encodebytes(dice.randbytes(size)).decode()
    return (
        f"--{edge}\nContent-Type: image/jpeg\nContent-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment; filename="photo.jpg"\n\n{encoded}'
    )


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
