"""Who gets how many acknowledgements when letters follow each other: intake, triage and sender.

The mail server is a real one on a socket. What it accepted is what counts.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot.reply.policy import Rules
from inboxbot.store import alerts, outbox, reviews, settings
from inboxbot.store.database import write
from tests.conftest import NOW
from tests.desk import OURS, Desk, decided, letter
from tests.sequences import (
    ACKNOWLEDGED,
    DUPLICATE,
    IN_CONVERSATION,
    RATE_LIMITED,
    RELAY,
    VOUCHED,
    form,
    person,
    recipients,
)
from tests.smtp_sink import SmtpSink

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


def test_an_address_beyond_ascii_waits_where_the_server_cannot_take_it_and_others_go(
    tmp_path: Path,
) -> None:
    people = (letter(1, sender="用户 <用户@例子.example>"), person(2))
    for offered, sent in (
        ("no", ["p2@d2.example"]),
        ("yes", ["用户@xn--fsqu00a.example", "p2@d2.example"]),
    ):
        with SmtpSink(faults={} if offered == "yes" else {"SMTPUTF8": "off"}) as sink:
            desk = Desk(tmp_path / f"{offered}.sqlite3", NOW, sink)
            assert decided(desk.run(*people)) == [ACKNOWLEDGED, ACKNOWLEDGED]
            assert recipients(desk) == sent
            states = [("sent" if offered == "yes" else "held"), "sent"]
            assert [state for state, _ in desk.states()] == states
            desk.close()


def test_a_relay_is_followed_to_the_one_person_whatever_its_header_tries(desk: Desk) -> None:
    forged = "Authentication-Results: mx.als.example; spf=none\n" + VOUCHED
    outcomes = desk.run(
        form(1, "ana@one.example", more="Reply-To: eve@evil.example"),
        form(2, "ana@one.example, eve@evil.example"),
        form(3, "kim@als.example"),
        form(4, RELAY),
        form(5, "noreply@one.example"),
        form(6, "ana@one.example", top=forged),
        form(7, "ana@one.example", top=VOUCHED.replace("=als.example", "=evil.example")),
        form(8, '"eve@evil.example" <ana@one.example>', more="Precedence: bulk\nList-Id: <x.y>"),
    )
    assert [(each.disposition, each.reason) for each in outcomes] == [
        ("suppress", "invalid_sender"),
        ("suppress", "invalid_sender"),
        ("suppress", "own_domain"),
        ("suppress", "own_domain"),
        ("suppress", "no_reply_address"),
        ("hold", "untrusted_relay"),
        ("hold", "untrusted_relay"),
        ACKNOWLEDGED,
    ]
    assert recipients(desk) == ["ana@one.example"]


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
