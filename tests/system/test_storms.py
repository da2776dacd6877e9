"""Storms: the breaker, bounces and loops, over intake, triage and sender.

The mail server is a real one on a socket. What it accepted is what counts.
"""

import re
from pathlib import Path

import pytest

from inboxbot.mail.conversation import folded
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.store import breaker, limits, outbox, reviews
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from tests.conftest import NOW
from tests.desk import Desk, bounce_of, decided, letter
from tests.fake_transport import FakeTransport
from tests.sequences import (
    ACKNOWLEDGED,
    BREAKER_OPEN,
    person,
    recipients,
)
from tests.smtp_sink import Accepted, SmtpSink


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


def test_three_hundred_in_a_day_open_it_and_it_closes_when_a_day_has_passed(
    unlimited: Desk,
) -> None:
    desk = unlimited
    for hour in range(8):
        desk.run(*(person(hour * 100 + n) for n in range(50)))
        desk.pass_(hours=1)
    assert len(recipients(desk)) == 300
    assert decided(desk.run(person(9_000))) == [BREAKER_OPEN]
    assert desk.codes() == ["breaker_open"]
    assert desk.value("SELECT count(*) FROM alert") == 1
    desk.pass_(hours=17)
    assert decided(desk.run(person(9_001))) == [ACKNOWLEDGED]
    assert decided(desk.run(person(9_002))) == [ACKNOWLEDGED]
    assert desk.breaker() is None


def test_a_probe_that_is_refused_lets_the_breaker_rest_another_hour(unlimited: Desk) -> None:
    desk = unlimited
    assert isinstance(desk.sink, FakeTransport)
    desk.run(*(person(n) for n in range(61)))
    desk.pass_(hours=1, seconds=1)
    desk.sink.script = [Outcome(Verdict.REFUSED, 550, "5.1.1 nobody")]
    assert decided(desk.run(person(100), person(101))) == [ACKNOWLEDGED, BREAKER_OPEN]
    desk.triage.run()
    desk.pass_(minutes=59)
    assert decided(desk.run(person(102))) == [BREAKER_OPEN]
    desk.pass_(minutes=2)
    assert decided(desk.run(person(103))) == [ACKNOWLEDGED]
    desk.triage.run()
    assert desk.breaker() is None
    assert desk.value("SELECT count(*) FROM alert") == 1


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


def rewritten(raw: bytes) -> bytes:
    """Return an unmarked message under another subject and another Message-ID."""
    raw = re.sub(rb"(?m)^Subject:.*\r\n(?:[ \t].*\r\n)*", b"Subject: Forwarded\r\n", unmarked(raw))
    return re.sub(rb"(?m)^Message-ID: <", b"Message-ID: <gateway-", raw)


# A gateway that leaves nothing of ours leaves the limits: another kind may follow once a day.
@pytest.mark.parametrize(
    ("gateway", "most"),
    [(lambda raw: raw, 1), (unmarked, 1), (rewritten, 2)],
    ids=["marked", "unmarked", "rewritten"],
)
def test_r38_two_installations_acknowledge_each_other_at_most_once(
    tmp_path: Path, sink: SmtpSink, gateway, most: int
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
        sent = [len(desk.sink.accepted) for desk, _ in desks]
        assert 1 <= max(sent) <= most
        assert sent[0] <= 1
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
