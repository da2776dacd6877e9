"""The states of a reply, and how they may change; limits and suppressions."""

from datetime import datetime, timedelta

import pytest

from inboxbot.errors import Conflict
from inboxbot.sender import Sender
from inboxbot.store import alerts, limits, outbox, sending
from inboxbot.store.database import stamp, write
from inboxbot.store.outbox import TRANSITIONS, State
from inboxbot.store.sending import LEASE
from inboxbot.store.sqlite import Database
from tests.fake_transport import FakeTransport
from tests.outbox_rows import column, go_live, put_letter, put_reply, reply_to, state_of


def put_in(db: Database, row: int, state: str, now: datetime, owner: str | None = None) -> None:
    """Set a state without asking the table of transitions."""
    with write(db):
        db.execute(
            "UPDATE outbox SET state = ?, lease_owner = ?, lease_until = ? WHERE id = ?",
            [state, owner, stamp(now + LEASE) if owner else None, row],
        )


@pytest.mark.parametrize("source", State)
def test_a_state_changes_only_as_the_table_says(db: Database, now: datetime, source: State) -> None:
    for number, target in enumerate(State):
        row = put_reply(db, number, now)
        put_in(db, row, source, now)
        if target in TRANSITIONS[source]:
            with write(db):
                outbox.move(db, row, target, now, also="reason = reason")
            assert state_of(db, row) == target
        else:
            with pytest.raises((Conflict, ValueError)), write(db):
                outbox.move(db, row, target, now, sources=(source,), also="reason = reason")
            assert state_of(db, row) == source, target


def test_a_sent_reply_is_never_queued_again() -> None:
    def reachable(start: State) -> set[State]:
        seen: set[State] = set()
        todo = [start]
        while todo:
            for state in TRANSITIONS[todo.pop()] - seen:
                seen.add(state)
                todo.append(state)
        return seen

    for final in (State.SENT, State.BOUNCED, State.CANCELLED):
        assert reachable(final) <= {State.BOUNCED}


def test_a_letter_has_one_acknowledgement_and_a_message_id_one_reply(
    db: Database, now: datetime
) -> None:
    letter = put_letter(db, 1, now)
    with write(db):
        outbox.add(db, message=letter, kind="acknowledgement", reply=reply_to(1), now=now)
    for kind, number in (("acknowledgement", 2), ("answer", 1)):
        with pytest.raises(Exception, match="UNIQUE"), write(db):
            outbox.add(db, message=letter, kind=kind, reply=reply_to(number), now=now)
    with write(db):
        outbox.add(db, message=letter, kind="answer", reply=reply_to(3), now=now)


def test_a_claim_is_won_once(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        sending.claim(db, row, "one", now)
    with pytest.raises(Conflict), write(db):
        sending.claim(db, row, "two", now)
    assert column(db, row, "attempts") == 1


def test_r29_whoever_lost_the_lease_cannot_send(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        sending.claim(db, row, "slow", now)
    later = now + LEASE + timedelta(seconds=1)
    with write(db):
        assert sending.recover(db, "quick", later).queued == (row,)
        sending.claim(db, row, "quick", later)
    with pytest.raises(Conflict), write(db):
        sending.begin(db, row, "slow", later)
    with write(db):
        sending.begin(db, row, "quick", later)
    assert state_of(db, row) == "sending"


def test_an_answer_that_comes_after_all_is_recorded(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        sending.claim(db, row, "one", now)
        sending.begin(db, row, "one", now)
    with write(db):
        assert sending.recover(db, "two", now, alone=True).uncertain == (row,)
    with pytest.raises(Conflict), write(db):
        sending.sent(db, row, "two", "250", now)
    with write(db):
        sending.sent(db, row, "one", "250 2.0.0 ok", now)
    assert (state_of(db, row), column(db, row, "smtp_reply")) == ("sent", "250 2.0.0 ok")


def test_a_live_lease_is_left_alone(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        sending.claim(db, row, "one", now)
        recovered = sending.recover(db, "two", now + timedelta(minutes=1))
    assert recovered == sending.Recovered((), ())
    assert state_of(db, row) == "claimed"


def test_r28_a_lease_from_a_clock_far_ahead_does_not_last_for_years(
    db: Database, now: datetime
) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        sending.claim(db, row, "one", now + timedelta(days=3650))
        assert sending.recover(db, "two", now).queued == (row,)


def test_r28_a_back_off_from_a_clock_far_ahead_does_not_last_for_years(
    db: Database, now: datetime
) -> None:
    row = put_reply(db, 1, now)
    ahead = now + timedelta(days=3650)
    with write(db):
        sending.claim(db, row, "one", ahead)
        sending.deferred(db, row, "one", "451", ahead + timedelta(minutes=1), ahead)
    entry = sending.next_due(db, "support", now)
    assert entry is not None
    assert entry.id == row


def test_a_deferred_reply_is_due_at_its_time(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        sending.claim(db, row, "one", now)
        sending.deferred(db, row, "one", "451", now + timedelta(minutes=5), now)
    assert sending.next_due(db, "support", now + timedelta(minutes=4)) is None
    entry = sending.next_due(db, "support", now + timedelta(minutes=5))
    assert entry is not None
    assert entry.attempts == 1
    assert sending.due_mailboxes(db, now + timedelta(minutes=5)) == ["support"]


def test_a_reply_that_staff_may_still_take_back_is_not_due(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    with write(db):
        db.execute("UPDATE outbox SET due_at = ?", [stamp(now + timedelta(seconds=10))])
    assert sending.next_due(db, "support", now) is None
    assert sending.due_mailboxes(db, now) == []
    entry = sending.next_due(db, "support", now + timedelta(seconds=10))
    assert entry is not None
    assert entry.id == row
    back = now - timedelta(hours=1)
    assert sending.next_due(db, "support", back) is not None, "R28: the clock was set back"


def test_the_reply_that_waits_longest_is_the_next(db: Database, now: datetime) -> None:
    late = put_reply(db, 1, now)
    early = put_reply(db, 2, now - timedelta(minutes=1))
    other = put_reply(db, 3, now - timedelta(minutes=1), mailbox="office")
    assert sending.due_mailboxes(db, now) == ["office", "support"]
    order = []
    while (entry := sending.next_due(db, "support", now)) is not None:
        order.append(entry.id)
        with write(db):
            sending.claim(db, entry.id, "one", now)
    assert order == [early, late]
    assert state_of(db, other) == "queued"


def test_staff_release_what_is_held_and_nothing_else(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now, state="held", reason="shadow")
    later = now + timedelta(days=3)
    with write(db):
        outbox.release(db, row, "ana", later)
    entry = sending.next_due(db, "support", later)
    assert entry is not None
    assert (entry.created_by, entry.waiting_since) == ("ana", later)
    with pytest.raises(Conflict), write(db):
        outbox.release(db, row, "ana", later)


def test_an_uncertain_reply_is_settled_by_staff_and_its_alert_ends(
    db: Database, now: datetime
) -> None:
    for number, settle in enumerate(
        (
            lambda row: outbox.was_sent(db, row, now),
            lambda row: outbox.send_again(db, row, "ana", now),
            lambda row: outbox.cancel(db, row, "staff", now),
        )
    ):
        row = put_reply(db, number, now)
        raw = column(db, row, "raw")
        with write(db):
            sending.claim(db, row, "one", now)
            sending.begin(db, row, "one", now)
            sending.uncertain(db, row, "one", now)
            letter = int(str(column(db, row, "message_id")))
            alerts.open_alert(db, alerts.Code.UNCERTAIN, now, message=letter)
        with write(db):
            settle(row)
        assert alerts.unfinished(db) == []
        assert column(db, row, "raw") == raw
        assert column(db, row, "rfc_message_id") == f"<ack-{number}@example.org>"
    assert [one.state for one in outbox.listed(db)] == ["sent", "queued", "cancelled"]


@pytest.mark.parametrize("state", ["claimed", "sending", "sent", "bounced", "cancelled"])
def test_what_is_on_its_way_or_gone_cannot_be_cancelled(
    db: Database, now: datetime, state: str
) -> None:
    row = put_reply(db, 1, now)
    put_in(db, row, state, now, "one")
    with pytest.raises(Conflict), write(db):
        outbox.cancel(db, row, "staff", now)


def test_r42_a_restored_backup_sends_nothing_by_itself(db: Database, now: datetime) -> None:
    states = ("queued", "deferred", "claimed", "sending", "uncertain", "sent", "held")
    rows = [put_reply(db, number, now) for number in range(len(states))]
    for row, state in zip(rows, states, strict=True):
        put_in(db, row, state, now, "dead" if state in ("claimed", "sending") else None)
    with write(db):
        assert sending.hold_restored(db, now) == 5
    assert [state_of(db, row) for row in rows] == [
        "held", "held", "held", "held", "held", "sent", "held",
    ]  # fmt: skip
    assert sending.next_due(db, "support", now) is None
    assert [one.id for one in sending.unproven(db)] == [*rows[:5], rows[6]]


# Limits


def count(
    db: Database, now: datetime, key: str = "ana@example.net", relay: str | None = None
) -> limits.Reserved:
    domain = key.partition("@")[2]
    return limits.reserved(db, recipient_key=key, recipient_domain=domain, relay=relay, now=now)


def test_limits_count_what_went_will_go_or_may_have_gone(db: Database, now: datetime) -> None:
    for number, state in enumerate(State):
        row = put_reply(db, number, now, state=state, reason="guard")
        assert row
    counted = count(db, now)
    assert counted.hour == counted.day == counted.address_day == counted.address_week == 7
    assert counted.domain_hour == 7
    put_reply(db, 100, now, state="held", reason="shadow")
    assert count(db, now).hour == 8


def test_limits_tell_persons_domains_relays_and_periods_apart(db: Database, now: datetime) -> None:
    put_reply(db, 1, now, recipient="Ana+form@Example.net", relay="form@example.org")
    put_reply(db, 2, now - timedelta(hours=2), recipient="ana@example.net")
    put_reply(db, 3, now - timedelta(days=3), recipient="ana@example.net")
    put_reply(db, 4, now - timedelta(days=8), recipient="ana@example.net")
    put_reply(db, 5, now, recipient="ben@example.net")
    put_reply(db, 6, now, recipient="ben@example.com")
    put_reply(db, 7, now, kind="answer")
    counted = count(db, now, relay="form@example.org")
    assert (counted.address_day, counted.address_week) == (2, 3)
    assert (counted.domain_hour, counted.relay_hour) == (2, 1)
    assert (counted.hour, counted.day) == (3, 4)


def test_a_bounce_stops_further_acknowledgements_for_sixty_days(
    db: Database, now: datetime
) -> None:
    row = put_reply(db, 1, now, recipient="Ana@example.net")
    put_in(db, row, "sent", now)
    bounce = put_letter(db, 2, now)
    with write(db):
        linked = limits.link_bounce(
            db, message=bounce, rfc_message_id="<ack-1@example.org>", now=now
        )
        again = limits.link_bounce(
            db, message=bounce, rfc_message_id="<ack-1@example.org>", now=now
        )
        unknown = limits.link_bounce(db, message=bounce, rfc_message_id="<x@y>", now=now)
    assert (linked, again, unknown) == (row, row, None)
    assert state_of(db, row) == "bounced"
    assert limits.suppressed(db, "ana@example.net", now + timedelta(days=59)) == "bounced"
    assert limits.suppressed(db, "ana@example.net", now + timedelta(days=61)) is None
    counted = count(db, now)
    assert (counted.bounces_hour, counted.recent_sent, counted.recent_bounced) == (1, 1, 1)


def test_a_bounce_of_a_reply_that_never_left_is_nobodys(db: Database, now: datetime) -> None:
    put_reply(db, 1, now)
    bounce = put_letter(db, 2, now)
    with write(db):
        assert (
            limits.link_bounce(db, message=bounce, rfc_message_id="<ack-1@example.org>", now=now)
            is None
        )


def test_a_bounce_proves_that_an_uncertain_reply_was_sent(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    put_in(db, row, "uncertain", now)
    bounce = put_letter(db, 2, now)
    with write(db):
        limits.link_bounce(db, message=bounce, rfc_message_id="<ack-1@example.org>", now=now)
    assert state_of(db, row) == "bounced"


def test_what_staff_block_stays_blocked_until_they_lift_it(db: Database, now: datetime) -> None:
    row = put_reply(db, 1, now)
    put_in(db, row, "sent", now)
    bounce = put_letter(db, 2, now)
    with write(db):
        limits.suppress(db, "ana@example.net", now)
        limits.link_bounce(db, message=bounce, rfc_message_id="<ack-1@example.org>", now=now)
    assert limits.suppressed(db, "ana@example.net", now + timedelta(days=3650)) == "staff"
    with write(db):
        assert limits.lift(db, "ana@example.net")
        assert not limits.lift(db, "ana@example.net")
    assert limits.suppressed(db, "ana@example.net", now) is None


# --- how a reply is kept -----------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"", b"From: a\r\n\r\n" + bytes(range(256)) * 40, b"From: \xff"])
def test_the_bytes_of_a_reply_come_back_exactly(raw: bytes) -> None:
    assert outbox.unpacked(outbox.packed(raw)) == raw


def test_a_reply_is_kept_in_less_room_and_one_of_before_is_read_as_it_is() -> None:
    raw = b"From: a@b.example\r\n\r\n" + b"<p>Thank you for your letter.</p>\r\n" * 40
    assert len(outbox.packed(raw)) < len(raw) / 4
    assert outbox.unpacked(raw) == raw


def test_every_reply_that_was_ever_packed_can_be_read() -> None:
    kept = bytes.fromhex("0078bb7529ec448334ff131d926016116a0f43db6f0021f712e1")
    assert (
        outbox.unpacked(kept) == b"From: a@b.example\r\nAuto-Submitted: auto-replied\r\n\r\nHello"
    )
    assert outbox.unpacked(kept[:-3]) == b""


def test_a_reply_whose_bytes_are_damaged_is_held_and_the_next_one_goes(
    db: Database, now: datetime
) -> None:
    first, second = put_reply(db, 1, now), put_reply(db, 2, now)
    with write(db):
        kept = db.execute("SELECT raw FROM outbox WHERE id = ?", [first]).fetchone()[0]
        spoilt = kept[:20] + bytes([kept[20] ^ 1]) + kept[21:]
        db.execute("UPDATE outbox SET raw = ? WHERE id = ?", [spoilt, first])
    go_live(db)
    server = FakeTransport()
    Sender(db, transport_for=lambda _: server, owner="one", now=lambda: now).send_due()
    assert (state_of(db, first), column(db, first, "reason")) == ("held", "compose_mismatch")
    assert state_of(db, second) == "sent"
    assert server.message_ids == [reply_to(2).message_id]
