"""The acknowledgement as its reader sees it: parsed from what a real mail server accepted."""

import email
import email.policy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from importlib import resources
from pathlib import Path

import pytest

from inboxbot.classify.category import Category, Classification, Flag, Medicine
from inboxbot.mail.message import Message
from inboxbot.reply.knowledge import Article
from inboxbot.reply.policy import Rules
from inboxbot.reply.template import Variables
from inboxbot.store import outbox
from inboxbot.store.database import write
from tests.conftest import NOW
from tests.desk import FACTS, OURS, TEMPLATES, ByWords, Desk, decided, letter
from tests.fake_transport import FakeTransport
from tests.smtp_sink import Accepted, SmtpSink

VOUCHED = "Authentication-Results: mx.als.example; dmarc=pass header.from=person.example"
FIELDS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Inboxbot-Loop",
    "MIME-Version",
    "Content-Type",
]
ARTICLE = Article(
    title="What families ask about riluzole",
    date=date(2025, 11, 3),
    medicine="riluzole",
    review_by=date(2027, 1, 1),
    url="https://www.als.example/articles/riluzole",
)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, sink: SmtpSink) -> Iterator[Desk]:
    desk = Desk(tmp_path / "a.sqlite3", NOW, sink, articles=(ARTICLE,))
    yield desk
    desk.check()
    desk.close()


def answered(desk: Desk, raw: bytes) -> tuple[Accepted, EmailMessage]:
    """Let a letter come in; return what the server accepted for it, and its parsed form."""
    desk.run(raw)
    assert isinstance(desk.sink, SmtpSink)
    accepted = desk.sink.accepted[-1]
    return accepted, parsed(accepted.raw)


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def text_of(message: EmailMessage, subtype: str = "plain") -> str:
    body = message.get_body((subtype,))
    assert body is not None
    return str(body.get_content())


def visible(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# --- the message ---------------------------------------------------------------------


def test_it_has_exactly_the_intended_fields_each_once_in_their_order(desk: Desk) -> None:
    _, message = answered(desk, letter())
    assert message.keys() == FIELDS


def test_it_goes_to_one_recipient_from_the_null_sender(desk: Desk) -> None:
    raw = letter(
        sender="Ana Romero <ana@person.example>",
        to=f"{OURS}, friend@other.example",
        more="Cc: nurse@clinic.example\nBcc: hidden@clinic.example",
    )
    accepted, message = answered(desk, raw)
    assert accepted.envelope_sender == ""
    assert accepted.recipients == ("ana@person.example",)
    assert message["To"] == "ana@person.example"
    assert len(message["To"].addresses) == 1
    assert message["From"] == f"ALS Worldwide <{OURS}>"
    assert message["Cc"] is None
    assert message["Bcc"] is None


def test_it_is_marked_so_that_no_machine_answers_it(desk: Desk) -> None:
    _, message = answered(desk, letter())
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert message["X-Inboxbot-Loop"] == desk.identity.instance_id


def test_it_is_threaded_by_valid_ids_only(desk: Desk) -> None:
    raw = letter(more="References: <a@b.example> <not valid> <c@d.example>")
    _, message = answered(desk, raw)
    assert message["In-Reply-To"] == "<1@person.example>"
    assert message["References"].split() == [
        "<a@b.example>",
        "<c@d.example>",
        "<1@person.example>",
    ]


@pytest.mark.parametrize("message_id", [None, "no brackets", "<>", "<é@x.example>"])
def test_a_letter_without_a_valid_id_is_answered_unthreaded(
    desk: Desk, message_id: str | None
) -> None:
    _, message = answered(desk, letter(message_id=message_id))
    assert message.keys() == [name for name in FIELDS if name not in ("In-Reply-To", "References")]


def test_its_message_id_comes_from_the_letter_alone(tmp_path: Path, sink: SmtpSink) -> None:
    ids = []
    for number in (1, 2):
        desk = Desk(tmp_path / f"{number}.sqlite3", NOW, sink)
        with write(desk.db):  # The same installation, its database restored or lost.
            desk.db.execute("UPDATE setting SET value = 'ab' WHERE name = 'instance_secret'")
        desk.identity = type(desk.identity)(
            **{name: getattr(desk.identity, name) for name in desk.identity.__slots__}
            | {"secret": b"\xab"}
        )
        desk.triage = desk.new_triage()
        desk.pass_(days=number)
        ids.append(answered(desk, letter())[1]["Message-ID"])
        desk.close()
    assert ids[0] == ids[1]
    assert re.fullmatch(r"<ack\.[0-9a-f]{32}@als\.example>", ids[0])


def test_its_text_part_stands_alone_and_the_formatted_one_says_the_same(desk: Desk) -> None:
    _, message = answered(desk, letter())
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain, html = text_of(message), text_of(message, "html")
    assert FACTS.phone in plain
    assert FACTS.profile_form_url in plain
    assert "48 hours" in plain
    assert "<" not in plain
    assert " ".join(plain.split()) in visible(html)
    assert not re.search(r"<(?:img|script|iframe|form|link|object)\b|\bsrc=|url\(", html, re.I)


def test_every_line_is_short_ascii_on_the_wire(desk: Desk) -> None:
    accepted, _ = answered(desk, letter(subject="ünïcode", text="Привет 🙂 riluzole"))
    assert accepted.raw.isascii()
    assert max(map(len, accepted.raw.split(b"\r\n"))) <= 998
    assert b"\n" not in accepted.raw.replace(b"\r\n", b"")


def test_what_is_stored_is_what_left(desk: Desk) -> None:
    accepted, _ = answered(desk, letter())
    stored = desk.value("SELECT raw FROM outbox")
    assert isinstance(stored, bytes)
    assert accepted.raw.rstrip() == outbox.unpacked(stored).rstrip()


def test_editing_a_template_never_changes_what_is_queued(tmp_path: Path, sink: SmtpSink) -> None:
    file = tmp_path / "templates" / "en" / "general_inquiry.txt.j2"
    file.parent.mkdir(parents=True)
    source = (TEMPLATES.shipped / "en" / file.name).read_text()
    library = type(TEMPLATES)(tmp_path / "templates", clock=lambda: 0.0)
    desk = Desk(tmp_path / "e.sqlite3", NOW, sink, library=library)
    file.write_text(source)
    desk.take(letter(1, text="A ramp?"))
    file.write_text(source.replace("Thank you for writing", "We thank you for writing", 1))
    desk.take(letter(2, sender="b@b.example", text="A ramp?"))
    desk.send()
    texts = [text_of(parsed(one.raw)) for one in sink.accepted]
    assert ["We thank you" in text for text in texts] == [False, True]
    desk.close()


# --- what it may say -----------------------------------------------------------------


def test_a_name_is_used_only_where_a_trusted_server_vouches_for_the_sender(desk: Desk) -> None:
    _, plain = answered(desk, letter())
    assert text_of(plain).lstrip().startswith("Hello,")
    desk.pass_(days=8)
    _, vouched = answered(desk, letter(2, top=VOUCHED, text="riluzole?"))
    assert text_of(vouched).lstrip().startswith("Dear Ana,")


@pytest.mark.parametrize(
    "top",
    [
        "Authentication-Results: mx.elsewhere.example; dmarc=pass header.from=person.example",
        "Authentication-Results: mx.als.example; dmarc=none; spf=pass smtp.mailfrom=person.example",
        "Authentication-Results: mx.als.example; dmarc=pass header.from=other.example",
        "Authentication-Results: mx.als.example; dmarc=none\n" + VOUCHED,
    ],
)
def test_less_than_that_vouches_for_nobody(desk: Desk, top: str) -> None:
    _, message = answered(desk, letter(top=top))
    assert "Ana" not in message.as_string()
    assert "riluzole" not in text_of(message)


@pytest.mark.parametrize(
    "name",
    [
        "Take two tablets daily",
        "www.pills.example",
        "Dr. Smith",
        "<script>alert(1)</script>",
        "{{ organisation }}",
        "X" * 300,
    ],
)
def test_a_display_name_that_is_no_first_name_is_not_used(desk: Desk, name: str) -> None:
    accepted, message = answered(desk, letter(top=VOUCHED, sender=f'"{name}" <ana@person.example>'))
    assert message.keys() == FIELDS
    assert accepted.recipients == ("ana@person.example",)
    assert text_of(message).lstrip().startswith("Hello,")
    assert "script" not in text_of(message, "html")


def test_what_turns_the_direction_of_a_name_does_not_leave(desk: Desk) -> None:
    accepted, message = answered(
        desk, letter(top=VOUCHED, sender='"Ana\u202eoremoR" <ana@person.example>')
    )
    assert accepted.recipients == ("ana@person.example",)
    assert "\u202e" not in text_of(message) + text_of(message, "html")


def test_a_name_that_would_break_the_line_is_no_sender(desk: Desk) -> None:
    sender = "=?utf-8?q?Ana=0D=0ABcc=3A_x=40y.example?= <ana@person.example>"
    assert decided(desk.run(letter(top=VOUCHED, sender=sender))) == [("suppress", "invalid_sender")]


def test_an_article_is_linked_only_where_the_sender_is_vouched_for(desk: Desk) -> None:
    _, plain = answered(desk, letter())
    assert ARTICLE.url not in plain.as_string()
    assert "riluzole" not in text_of(plain) + text_of(plain, "html")
    desk.pass_(days=8)
    _, vouched = answered(desk, letter(2, top=VOUCHED, text="riluzole?"))
    assert ARTICLE.url in text_of(vouched)
    assert f"{ARTICLE.title} (3 November 2025)" in text_of(vouched)


def test_behind_a_form_nobody_is_called_by_name(tmp_path: Path, sink: SmtpSink) -> None:
    relay = "forms@als.example"
    desk = Desk(tmp_path / "f.sqlite3", NOW, sink, relays=frozenset({relay}), articles=(ARTICLE,))
    raw = letter(
        sender=f"Ana Romero <{relay}>",
        reply_to="Ana Romero <ana@person.example>",
        top="Authentication-Results: mx.als.example; dmarc=pass header.from=als.example",
    )
    accepted, message = answered(desk, raw)
    assert accepted.recipients == ("ana@person.example",)
    assert text_of(message).lstrip().startswith("Hello,")
    assert ARTICLE.url not in text_of(message)
    desk.close()


@pytest.mark.parametrize(
    "subject",
    [
        "my ALS and riluzole",
        "=?utf-8?q?x=0D=0ABcc=3A_evil=40x.example?=",
        "Re: Re: {{ 7 * 7 }} <b>bold</b>",
        "\u202egnp.exe",
        "",
    ],
)
def test_its_subject_is_the_templates_own_whatever_the_letter_says(
    desk: Desk, subject: str
) -> None:
    accepted, message = answered(desk, letter(subject=subject))
    assert message["Subject"] == "We have received your message"
    assert message.keys() == FIELDS
    assert accepted.recipients == ("ana@person.example",)


def test_it_is_as_new_as_the_letter_was_received_in_the_time_zone_of_the_organisation(
    tmp_path: Path, sink: SmtpSink
) -> None:
    folder = tmp_path / "templates" / "en"
    folder.mkdir(parents=True)
    source = (TEMPLATES.shipped / "en" / "general_inquiry.txt.j2").read_text()
    changed = source.replace(
        "Your message reached us", "It came on {{ received_date }}. Your message reached us", 1
    )
    (folder / "general_inquiry.txt.j2").write_text(changed)
    assert "{{ received_date }}" in changed
    library = type(TEMPLATES)(folder.parent, clock=lambda: 0.0)
    desk = Desk(tmp_path / "z.sqlite3", NOW.replace(hour=3), sink, library=library)
    _, message = answered(desk, letter(text="A ramp?"))
    assert "It came on 1 March 2026." in text_of(message)
    desk.close()


# --- an address in other letters than ASCII ------------------------------------------


def test_an_internationalised_address_is_written_to_where_the_server_can(desk: Desk) -> None:
    raw = letter(sender="Ана <ана@person.example>", more="").decode().encode()
    desk.run(raw)
    assert isinstance(desk.sink, SmtpSink)
    (accepted,) = desk.sink.accepted
    assert accepted.recipients == ("ана@person.example",)
    assert "SMTPUTF8" in accepted.mail_options


def test_and_is_held_where_the_server_cannot(tmp_path: Path) -> None:
    with SmtpSink(faults={"SMTPUTF8": "no"}) as sink:
        desk = Desk(tmp_path / "u.sqlite3", NOW, sink)
        desk.run(letter(sender="Ана <ана@person.example>"))
        assert sink.accepted == []
        assert [(reply.state, reply.reason) for reply in desk.replies()] == [
            (outbox.State.HELD, "invalid_sender")
        ]
        desk.close()


# --- two hundred letters -------------------------------------------------------------


@dataclass
class AsLabelled:
    """Classifies each letter as the people who wrote the examples labelled it."""

    rows: dict[str, dict[str, object]]

    def classify(self, message: Message) -> Classification:
        row = self.rows[message.message_id or ""]
        names = row["medications"]
        assert isinstance(names, list)
        return Classification(
            category=Category(str(row["label"])),
            confidence=0.95,
            runner_up=Category.GENERAL_INQUIRY,
            runner_up_confidence=0.02,
            urgent=(Flag("breathing", 0.9, "breathing"),) if row["urgent"] else (),
            medicines=tuple(Medicine(name, name, "text", 0, 1) for name in names),
            language=str(row["lang"]),
            language_confidence=0.99,
            model_version="labelled",
        )


DISEASES = re.compile(
    r"\b(?:(?-i:ALS|MND)|ela|sla|ms|motor neuron\w*|lou gehrig\w*|sclerosis|dementia"
    r"|parkinson\w*|cancer|depress\w*|pneumonia|spasticity|cramps?|saliva|weakness|paralys\w*|ventilat\w*|peg|suicid\w*"
    r"|stroke|seizures?)\b",
    re.IGNORECASE,
)


NOBODY = Variables(
    organisation=FACTS.name,
    website=FACTS.website,
    phone=FACTS.phone,
    postal_address=FACTS.postal_address,
    profile_form_url=FACTS.profile_form_url,
    hours_to_answer=FACTS.hours_to_answer,
    received_date="2 March 2026",
    first_name="",
    is_first_contact=True,
    article_title="",
    article_date="",
    article_url="",
)


def diseases(text: str) -> set[str]:
    return {match.casefold() for match in DISEASES.findall(text)}


def four_grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + 4]) for i in range(len(words) - 3)}


def examples(count: int) -> list[dict[str, object]]:
    """Return letters spread over the whole file."""
    file = resources.files("inboxbot.classify").joinpath("data/examples.jsonl")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]
    return rows[:: max(1, len(rows) // count)][:count]


def test_nothing_of_two_hundred_letters_is_in_their_acknowledgements(tmp_path: Path) -> None:
    rows = examples(200)
    assert len(rows) == 200
    by_id = {f"<{n}@person.example>": row for n, row in enumerate(rows)}
    rules = Rules(
        per_hour=1000, per_day=1000, per_domain_hour=1000, languages=TEMPLATES.available()
    )
    desk = Desk(
        tmp_path / "g.sqlite3", NOW, FakeTransport(), rules=rules, classifier=AsLabelled(by_id)
    )
    outcomes = desk.run(
        *(
            letter(
                n,
                sender=f"Person <p{n}@d{n}.example>",
                subject=re.sub(r"\s+", " ", str(row["subject"])),
                text=str(row["body"]).replace("\n", "\r\n"),
            )
            for n, row in enumerate(rows)
        )
    )
    acknowledged = {o.message for o in outcomes if o.disposition == "acknowledge"}
    assert len(acknowledged) >= 190
    assert isinstance(desk.sink, FakeTransport)
    rows_of = {
        str(rfc): (by_id[str(in_reply_to)], str(template))
        for rfc, in_reply_to, template in desk.db.execute(
            "SELECT rfc_message_id, in_reply_to, template FROM outbox"
        )
    }
    for reply in desk.sink.accepted:
        row, template = rows_of[reply.message_id]
        message = parsed(reply.raw)
        said = f"{message['Subject']}\n{text_of(message)}".replace("\r\n", "\n")
        whole = f"{said}\n{visible(text_of(message, 'html'))}"
        # Word for word what anybody gets of this kind in this language.
        neutral = TEMPLATES.render(template, str(row["lang"]), NOBODY)
        assert said == f"{neutral.subject}\n{neutral.text}", row["id"]
        of_all = f"{neutral.subject}\n{neutral.text}\n{visible(neutral.html)}"
        taken = four_grams(str(row["body"])) & four_grams(whole)
        assert taken <= four_grams(of_all), row["id"]
        for name in row["medications"]:  # type: ignore[attr-defined]
            assert str(name).casefold() not in whole.casefold(), row["id"]
        beyond_our_name = whole.replace(FACTS.name, "").replace(FACTS.website, "")
        assert not diseases(str(row["body"])) & diseases(beyond_our_name), row["id"]
    assert len(desk.sink.accepted) == len(acknowledged)
    desk.close()


def test_a_letter_that_speaks_of_danger_gets_the_emergency_line(desk: Desk) -> None:
    _, message = answered(desk, letter(text="She cannot breathe", top=VOUCHED))
    assert "emergency number" in text_of(message)[:500]


def test_one_that_is_unsure_gets_the_general_one(tmp_path: Path, sink: SmtpSink) -> None:
    class Unsure(ByWords):
        def classify(self, message: Message) -> Classification:
            from dataclasses import replace

            return replace(super().classify(message), needs_review=True)

    desk = Desk(tmp_path / "n.sqlite3", NOW, sink, classifier=Unsure())
    assert decided(desk.run(letter())) == [("acknowledge", None)]
    assert desk.value("SELECT template FROM outbox") == "general_inquiry"
    assert desk.recorded(1).template == "general_inquiry"
    desk.close()
