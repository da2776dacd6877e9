"""Who gets how many acknowledgements when letters follow each other: intake, triage and sender.

The mail server is a real one on a socket. What it accepted is what counts.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot.mail.conversation import folded
from inboxbot.reply.policy import Rules
from inboxbot.store import alerts, breaker, limits, outbox, reviews, settings
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from tests.conftest import NOW
from tests.desk import OURS, Desk, bounce_of, decided, letter
from tests.fake_transport import FakeTransport
from tests.smtp_sink import Accepted, SmtpSink

ACKNOWLEDGED = ("acknowledge", None)
DUPLICATE = ("suppress", "duplicate")
IN_CONVERSATION = ("suppress", "in_conversation")
RATE_LIMITED = ("hold", "rate_limited")
BREAKER_OPEN = ("hold", "breaker_open")
RELAY = "forms@als.example"
VOUCHED = "Authentication-Results: mx.als.example; dmarc=pass header.from=als.example"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, sink: SmtpSink) -> Iterator[Desk]:
    desk = Desk(tmp_path / "a.sqlite3", NOW, sink, relays=frozenset({RELAY}))
    yield desk
    desk.check()
    desk.close()


@pytest.fixture
def unlimited(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose mail server is in memory, for sequences of hundreds."""
    desk = Desk(tmp_path / "b.sqlite3", NOW, FakeTransport(), relays=frozenset({RELAY}))
    yield desk
    desk.check()
    desk.close()


def person(number: int, domain: str = "", **more: str) -> bytes:
    """Write the letter of another person, each from a domain of its own."""
    sender = f"p{number}@{domain or f'd{number}.example'}"
    return letter(number, sender=sender, message_id=f"<{number}@p.example>", **more)


def form(number: int, visitor: str, **more: str) -> bytes:
    """Write what the organisation's own web form sends for a visitor."""
    options = {
        "sender": f"Website <{RELAY}>",
        "reply_to": visitor,
        "top": VOUCHED,
        "message_id": f"<{number}@forms.als.example>",
        "text": f"Visitor {visitor} asks about riluzole.",
    }
    return letter(number, **(options | more))


def recipients(desk: Desk) -> list[str]:
    if isinstance(desk.sink, FakeTransport):
        return [reply.recipient for reply in desk.sink.accepted]
    return [one.recipients[0] for one in desk.sink.accepted]


# --- the same letter, the same conversation ------------------------------------------


def test_the_same_bytes_at_two_uids_are_one_letter(desk: Desk) -> None:
    assert decided(desk.run(letter(), letter())) == [ACKNOWLEDGED]
    assert desk.run(letter()) == []
    assert recipients(desk) == ["ana@person.example"]


def test_the_same_message_under_other_bytes_is_acknowledged_once(desk: Desk) -> None:
    again = letter(top="Received: from backup.example by mx.als.example; 2 Mar 2026 09:00:00 +0000")
    assert decided(desk.run(letter())) == [ACKNOWLEDGED]
    desk.pass_(days=8)
    assert decided(desk.run(again)) == [DUPLICATE]
    assert recipients(desk) == ["ana@person.example"]


@pytest.mark.parametrize("of", ["ours", "own"])
def test_a_further_letter_of_the_conversation_is_threaded_and_not_acknowledged(
    desk: Desk, of: str
) -> None:
    (first,) = desk.run(letter())
    with write(desk.db):
        reviews.change(desk.db, first.message, desk.now, state=reviews.State.ANSWERED)
    to = desk.sink.message_ids[0] if of == "ours" else "<1@person.example>"
    desk.pass_(days=9)  # However late it comes.
    (second,) = desk.run(letter(2, subject="Re: hello", text="Thank you!", replies_to=to))
    assert decided([second]) == [IN_CONVERSATION]
    assert desk.recorded(second.message).conversation == desk.recorded(first.message).conversation
    reopened = reviews.get(desk.db, first.message)
    assert reopened is not None
    assert reopened.state is reviews.State.REOPENED
    assert len(recipients(desk)) == 1


def test_a_stranger_who_quotes_it_has_a_conversation_and_an_acknowledgement_of_their_own(
    desk: Desk,
) -> None:
    desk.run(letter())
    eve = letter(
        2, sender="eve@stranger.example", text="What is this?", replies_to="<1@person.example>"
    )
    (outcome,) = desk.run(eve)
    assert decided([outcome]) == [ACKNOWLEDGED]
    assert recipients(desk) == ["ana@person.example", "eve@stranger.example"]
    hers = desk.recorded(outcome.message).conversation
    assert hers != desk.recorded(1).conversation
    related = desk.value("SELECT related_to FROM conversation WHERE id = ?", hers)
    assert related == desk.recorded(1).conversation


# --- the quiet period and the limits -------------------------------------------------


def test_one_person_gets_one_of_a_kind_a_day_two_a_day_and_four_a_week(desk: Desk) -> None:
    texts = ["riluzole?", "riluzole again?", "the profile form", "a ramp"]
    outcomes = [
        desk.run(letter(n, text=text, message_id=f"<{n}@person.example>"))[0]
        for n, text in enumerate(texts)
    ]
    # The same kind is held, another is acknowledged, and a third of the day is held.
    assert decided(outcomes) == [ACKNOWLEDGED, RATE_LIMITED, ACKNOWLEDGED, RATE_LIMITED]
    for day in range(1, 9):
        desk.pass_(days=1)
        for n, text in enumerate(texts):
            desk.run(letter(n, text=f"{text} day {day}", message_id=f"<{day}.{n}@person.example>"))
        week = desk.value(
            "SELECT count(*) FROM outbox WHERE state = 'sent' AND created_at > ?",
            (desk.now - timedelta(days=7)).isoformat(timespec="microseconds"),
        )
        assert isinstance(week, int)
        assert week <= 4
    assert len(recipients(desk)) == 8  # Two on the days 0 and 1, and two on 7 and 8.
    assert {reason for state, reason in desk.states() if state == "held"} == {"rate_limited"}


def test_the_quiet_period_ends_after_24_hours(desk: Desk) -> None:
    desk.run(letter())
    desk.pass_(hours=23, minutes=59)
    assert decided(desk.run(letter(2, text="riluzole?"))) == [RATE_LIMITED]
    desk.pass_(minutes=1)
    assert decided(desk.run(letter(3, text="riluzole!"))) == [ACKNOWLEDGED]


def test_plus_tags_and_case_are_one_person(desk: Desk) -> None:
    senders = ["ana@person.example", "ANA@Person.Example", "ana+1@person.example"]
    outcomes = [
        desk.run(letter(n, sender=sender, text=f"riluzole {n}"))[0]
        for n, sender in enumerate(senders)
    ]
    assert decided(outcomes) == [ACKNOWLEDGED, RATE_LIMITED, RATE_LIMITED]
    assert recipients(desk) == ["ana@person.example"]


def test_two_letters_decided_together_cannot_both_be_the_last_that_fits(desk: Desk) -> None:
    outcomes = desk.run(letter(1, text="riluzole one"), letter(2, text="riluzole two"))
    assert decided(outcomes) == [ACKNOWLEDGED, RATE_LIMITED]


def test_behind_a_form_each_visitor_is_a_person_and_the_form_is_never_answered(
    desk: Desk,
) -> None:
    outcomes = desk.run(
        form(1, "ana@one.example"),
        form(2, "bob@two.example"),
        form(3, "ana@one.example", text="riluzole once more"),
        # A form that gives every letter the same Message-ID and the same words.
        form(4, "cy@three.example", message_id="<form@als.example>", text="Please call me."),
        form(5, "dee@four.example", message_id="<form@als.example>", text="Please call me."),
    )
    assert decided(outcomes) == [
        ACKNOWLEDGED,
        ACKNOWLEDGED,
        RATE_LIMITED,
        ACKNOWLEDGED,
        ACKNOWLEDGED,
    ]
    assert recipients(desk) == [
        "ana@one.example",
        "bob@two.example",
        "cy@three.example",
        "dee@four.example",
    ]


def test_a_form_that_is_flooded_is_held_after_its_limit_and_other_letters_go_on(
    unlimited: Desk,
) -> None:
    desk = unlimited
    flood = [form(n, f"v{n}@d{n}.example") for n in range(35)]
    outcomes = desk.run(*flood)
    assert decided(outcomes) == [ACKNOWLEDGED] * 30 + [RATE_LIMITED] * 5
    assert decided(desk.run(person(99))) == [ACKNOWLEDGED]
    desk.pass_(hours=1, seconds=1)
    assert decided(desk.run(form(50, "later@other.example"))) == [ACKNOWLEDGED]


def test_one_domain_is_held_after_its_limit_and_a_large_provider_is_nobodys(
    unlimited: Desk,
) -> None:
    desk = unlimited
    outcomes = desk.run(*(person(n, "one.example") for n in range(22)))
    assert decided(outcomes) == [ACKNOWLEDGED] * 20 + [RATE_LIMITED] * 2
    outcomes = desk.run(*(person(n, "gmail.com") for n in range(100, 125)))
    assert decided(outcomes) == [ACKNOWLEDGED] * 25


@pytest.mark.parametrize("hours", [4, pytest.param(24, marks=pytest.mark.long)])
def test_a_robot_without_a_mark_that_writes_every_minute_of_a_day_gets_one_acknowledgement(
    unlimited: Desk, hours: int
) -> None:
    desk = unlimited
    for minute in range(0, hours * 60, 30):
        letters = []
        for n in range(minute, minute + 30):
            letters.append(
                letter(
                    n,
                    sender="Monitor <pump@device.example>",
                    message_id=f"<{n}@device.example>" if n % 3 else None,
                    text=f"Level {n} of riluzole dispenser reported.",
                )
            )
        desk.run(*letters)
        desk.pass_(minutes=30)
    assert recipients(desk) == ["pump@device.example"]
    assert desk.value("SELECT count(*) FROM message WHERE decided_at IS NOT NULL") == hours * 60


# --- the breaker ---------------------------------------------------------------------


def test_500_robots_in_an_hour_open_the_breaker_and_intake_goes_on(unlimited: Desk) -> None:
    desk = unlimited
    outcomes = []
    for n in range(500):
        desk.box.deliver(person(n), desk.now)
        if n % 50 == 49:
            desk.poll()
            outcomes += desk.triage.run()
            desk.send()
            desk.pass_(minutes=6)
    # Ten batches of fifty in an hour: the first sixty go, the others are held and ready.
    assert decided(outcomes[:60]) == [ACKNOWLEDGED] * 60
    assert decided(outcomes[60:]) == [BREAKER_OPEN] * 440
    assert desk.value("SELECT count(*) FROM message") == 500
    assert [state for state, _ in desk.states()].count("held") == 440
    assert len(recipients(desk)) == 60
    assert desk.codes() == ["breaker_open"]
    assert desk.value("SELECT count(*) FROM alert") == 1

    # An hour after it opened one is let through; the rest wait until that one was sent.
    desk.pass_(minutes=20)
    outcomes = desk.take(person(1001), person(1002))
    assert decided(outcomes) == [ACKNOWLEDGED, BREAKER_OPEN]
    desk.send()
    assert len(recipients(desk)) == 61
    desk.triage.run()
    assert desk.breaker() is None
    assert desk.codes() == []
    assert decided(desk.run(person(1003))) == [ACKNOWLEDGED]
    assert [reason for state, reason in desk.states() if state == "held"] == ["breaker_open"] * 441


def test_what_the_breaker_held_for_a_day_is_too_old_and_goes_only_when_a_person_says_so(
    unlimited: Desk,
) -> None:
    desk = unlimited
    desk.run(*(person(n) for n in range(61)))
    desk.pass_(hours=23)
    desk.run(person(100), person(101))
    desk.pass_(hours=2)
    desk.triage.run()
    held = [reason for state, reason in desk.states() if state == "held"]
    assert held == ["too_old", "breaker_open"]
    (row,) = outbox.held(desk.db, "too_old")
    with write(desk.db):
        outbox.release(desk.db, row, "ana", desk.now)
    desk.send()
    assert recipients(desk)[-1] == "p60@d60.example"


def test_a_newsletter_that_comes_at_the_limit_opens_nothing(unlimited: Desk) -> None:
    desk = unlimited
    desk.run(*(person(n) for n in range(60)))
    desk.run(person(61, more="List-Id: <news.example>"))
    assert desk.breaker() is None
    desk.run(person(62))
    assert desk.breaker() is not None


def test_in_shadow_mode_the_breaker_opens_and_closes_too(unlimited: Desk) -> None:
    desk = unlimited
    desk.set_mode(Mode.SHADOW)
    outcomes = desk.run(*(person(n) for n in range(62)))
    assert decided(outcomes)[60:] == [BREAKER_OPEN] * 2
    desk.pass_(hours=1, seconds=1)
    assert decided(desk.run(person(70))) == [ACKNOWLEDGED]
    assert desk.breaker() is None
    assert desk.codes() == []
    assert recipients(desk) == []


def test_five_bounces_in_an_hour_open_it_and_what_is_queued_is_held(desk: Desk) -> None:
    desk.run(*(person(n) for n in range(7)))
    waiting = person(50, "slow.example")
    desk.take(waiting)
    desk.take(*(bounce_of(sent) for sent in desk.sink.accepted[:4]))
    assert desk.breaker() is None
    desk.take(bounce_of(desk.sink.accepted[4]))
    opened = desk.breaker()
    assert opened is not None
    assert opened.cause == breaker.BOUNCES
    desk.send()
    assert desk.states()[7] == ("held", "breaker_open")
    assert decided(desk.run(person(60))) == [BREAKER_OPEN]
    assert desk.codes() == ["breaker_open"]
    desk.pass_(hours=1, seconds=1)
    assert decided(desk.run(person(70), person(71))) == [ACKNOWLEDGED, BREAKER_OPEN]
    assert recipients(desk)[7:] == ["p70@d70.example"]
    assert decided(desk.run(person(72))) == [ACKNOWLEDGED]
    assert desk.breaker() is None


def test_a_fifth_of_the_last_fifty_coming_back_opens_it_and_it_closes_by_itself(
    unlimited: Desk,
) -> None:
    desk = unlimited
    desk.run(*(person(n) for n in range(50)))
    sent = [
        Accepted("", (reply.recipient,), (), reply.raw)
        for reply in desk.sink.accepted  # type: ignore[union-attr]
    ]
    for each in sent[:10]:
        desk.pass_(minutes=20)
        desk.run(bounce_of(each))
    assert desk.breaker() is None
    desk.pass_(minutes=20)
    desk.run(bounce_of(sent[10]))
    opened = desk.breaker()
    assert opened is not None
    assert opened.cause == breaker.BOUNCES
    assert decided(desk.run(person(100))) == [BREAKER_OPEN]
    desk.pass_(hours=1, seconds=1)
    assert decided(desk.run(person(101))) == [ACKNOWLEDGED]
    assert decided(desk.run(*(person(n) for n in range(110, 120)))) == [ACKNOWLEDGED] * 10


# --- bounces of our own --------------------------------------------------------------


def test_a_bounce_of_our_acknowledgement_is_linked_never_answered_and_ends_by_itself(
    desk: Desk,
) -> None:
    (first,) = desk.run(letter())
    with write(desk.db):
        reviews.change(desk.db, first.message, desk.now, state=reviews.State.CLOSED)
    (report,) = desk.run(bounce_of(desk.sink.accepted[0]))
    assert report.disposition == "suppress"
    assert "bounce" in {hit["reason"] for hit in desk.recorded(report.message).hits}
    assert desk.states() == [("bounced", None)]
    assert len(recipients(desk)) == 1
    # Staff see the report, and the letter whose writer does not know that it came.
    for message, state in ((report.message, "new"), (first.message, "reopened")):
        review = reviews.get(desk.db, message)
        assert review is not None
        assert review.state == state
    key = folded("ana@person.example")
    assert limits.suppressed(desk.db, key, desk.now) == "bounced"
    again = letter(2, text="the profile form", message_id="<2@person.example>")
    assert decided(desk.run(again)) == [("suppress", "address_blocked")]
    desk.pass_(days=60, seconds=1)
    later = letter(3, text="riluzole?", message_id="<3@person.example>")
    assert decided(desk.run(later)) == [ACKNOWLEDGED]


def test_a_report_of_a_reply_that_we_never_sent_blocks_nobody(desk: Desk) -> None:
    forged = Accepted("", ("ana@person.example",), (), b"Message-ID: <ack.0@als.example>\r\n\r\nx")
    desk.run(bounce_of(forged))
    assert limits.suppressed(desk.db, "ana@person.example", desk.now) is None
    assert decided(desk.run(letter())) == [ACKNOWLEDGED]


# --- loops ---------------------------------------------------------------------------


def test_r38_our_own_acknowledgement_fed_back_is_never_answered(desk: Desk) -> None:
    desk.run(letter())
    (outcome,) = desk.run(desk.sink.accepted[0].raw)
    assert outcome.disposition == "suppress"
    reasons = {hit["reason"] for hit in desk.recorded(outcome.message).hits}
    assert {"loop", "own_address"} <= reasons
    assert desk.codes() == ["loop"]
    assert len(recipients(desk)) == 1
    desk.pass_(hours=24, seconds=1)
    desk.triage.run()
    assert desk.codes() == []


def unmarked(raw: bytes) -> bytes:
    """Return a message as a gateway delivers it that takes off every mark of a machine."""
    return re.sub(
        rb"(?im)^(?:auto-submitted|x-auto-response-suppress|x-inboxbot-loop|in-reply-to"
        rb"|references):.*\r\n(?:[ \t].*\r\n)*",
        b"",
        raw,
    )


@pytest.mark.parametrize("gateway", [lambda raw: raw, unmarked], ids=["marked", "unmarked"])
def test_r38_two_installations_acknowledge_each_other_at_most_once(
    tmp_path: Path, sink: SmtpSink, gateway
) -> None:
    with SmtpSink() as other_sink:
        one = Desk(tmp_path / "one.sqlite3", NOW, sink)
        other = Desk(tmp_path / "other.sqlite3", NOW, other_sink, address="help@mnd.example")
        # A letter with a forged sender starts it.
        forged = letter(sender="ALS Worldwide <support@als.example>", to="help@mnd.example")
        other.box.deliver(forged, NOW)
        desks = ((one, other), (other, one))
        taken = {id(one): 0, id(other): 0}
        hops = 0
        moved = True
        while moved and hops < 20:
            hops += 1
            moved = False
            for desk, peer in desks:
                moved = bool(desk.run()) or moved
                for sent in desk.sink.accepted[taken[id(desk)] :]:
                    assert sent.recipients == (peer.address,)
                    peer.box.deliver(gateway(sent.raw), peer.now)
                    taken[id(desk)] += 1
                    moved = True
                desk.pass_(minutes=1)
        assert hops <= 5
        assert [len(desk.sink.accepted) for desk, _ in desks] in ([0, 1], [1, 1])
        for desk, _ in desks:
            desk.check()
            desk.close()


@pytest.mark.parametrize("fields", ["reply", "subject", "nothing"])
def test_r38_a_vacation_responder_without_marks_ends_the_talk(desk: Desk, fields: str) -> None:
    desk.run(letter())
    for day in range(3):
        for hour in range(5):
            sent = desk.sink.accepted[-1]
            subject = {"subject": "Re: We have received your message"}.get(fields, "Away")
            away = letter(
                day * 10 + hour + 2,
                subject=subject,
                text=f"I cannot take riluzole questions until Monday. {day} {hour}",
                replies_to=sent.message_id if fields == "reply" else "",
                message_id=f"<{day}.{hour}@vacation.example>",
            )
            desk.run(away)
            desk.pass_(minutes=1)
        desk.pass_(hours=24)
    # Answers to us never get another; one without any sign of it gets one a day at most.
    assert len(recipients(desk)) == (3 if fields == "nothing" else 1)


def test_r38_an_acknowledgement_that_comes_back_is_answered_by_nobody(desk: Desk) -> None:
    desk.run(letter())
    (outcome,) = desk.run(bounce_of(desk.sink.accepted[0]))
    assert outcome.disposition == "suppress"
    assert [state for state, _ in desk.states()] == ["bounced"]
    desk.pass_(hours=1)
    assert decided(desk.run(letter(2, message_id="<2@person.example>")))[0][0] != "acknowledge"
    assert len(recipients(desk)) == 1


# --- who is never acknowledged -------------------------------------------------------


def test_a_person_without_a_usable_address_is_shown_and_nothing_is_sent(desk: Desk) -> None:
    outcomes = desk.run(
        letter(1, sender="A person"),
        letter(2, sender="ana@localhost"),
        letter(3, sender="a@x.example, b@y.example"),
    )
    assert decided(outcomes) == [("suppress", "invalid_sender")] * 3
    assert reviews.states(desk.db) == {"new": 3}
    assert recipients(desk) == []


def test_what_lay_there_before_the_first_start_is_never_acknowledged(
    tmp_path: Path, sink: SmtpSink
) -> None:
    path = tmp_path / "late.sqlite3"
    from tests.fakes import FakeMailbox

    box = FakeMailbox()
    box.deliver(letter(), NOW - timedelta(days=1))
    desk = Desk(path, NOW, sink, box=box)
    assert desk.run() == []
    assert decided(desk.run(letter(2, sender="b@b.example"))) == [ACKNOWLEDGED]
    assert recipients(desk) == ["b@b.example"]
    desk.close()


def test_a_letter_older_than_the_limit_is_shown_and_not_acknowledged(desk: Desk) -> None:
    desk.box.deliver(letter(), desk.now)
    desk.pass_(hours=72, seconds=1)
    assert decided(desk.run()) == [("suppress", "too_old")]
    assert recipients(desk) == []


def test_letters_from_before_a_restore_are_held_until_somebody_looks(desk: Desk) -> None:
    desk.pass_(hours=1)
    with write(desk.db):
        settings.put_moment(desk.db, "restored_at", desk.now + timedelta(minutes=30))
    assert decided(desk.run(letter())) == [("hold", "restored")]
    assert desk.states() == [("held", "restored")]
    desk.pass_(hours=1)
    assert decided(desk.run(person(2))) == [ACKNOWLEDGED]
    with write(desk.db):
        (row,) = outbox.held(desk.db)
        outbox.release(desk.db, row, "ana", desk.now)
    desk.send()
    assert recipients(desk) == ["p2@d2.example", "ana@person.example"]


def test_a_held_reply_that_staff_release_is_sent_once(desk: Desk) -> None:
    assert decided(desk.run(letter(to="others@else.example"))) == [("hold", "not_addressed")]
    assert recipients(desk) == []
    (row,) = outbox.held(desk.db)
    with write(desk.db):
        outbox.release(desk.db, row, "ana", desk.now)
    desk.send()
    desk.send()
    assert recipients(desk) == ["ana@person.example"]


def test_a_kind_that_is_switched_off_is_not_acknowledged(tmp_path: Path, sink: SmtpSink) -> None:
    rules = replace(Rules(), disabled=frozenset({"medication_question"}))
    desk = Desk(tmp_path / "off.sqlite3", NOW, sink, rules=rules)
    outcomes = desk.run(letter(), letter(2, sender="b@b.example", text="a ramp"))
    assert decided(outcomes) == [("suppress", "disabled"), ACKNOWLEDGED]
    assert alerts.unfinished(desk.db) == []
    desk.close()


def test_every_own_address_and_domain_is_silent(desk: Desk) -> None:
    outcomes = desk.run(
        letter(1, sender=OURS),
        letter(2, sender="Support+x@ALS.example"),
        letter(3, sender="kim@als.example"),
        letter(4, sender="kim@staff.als.example"),
        letter(5, sender="kim@notals.example"),
    )
    assert [each.disposition for each in outcomes] == ["suppress"] * 4 + ["acknowledge"]
