"""A message that reaches us on several ways: its author is answered once, and danger is told."""

from itertools import permutations

import pytest

from inboxbot import review
from inboxbot.actions import Answer, Close
from inboxbot.store import alerts, messages
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin
from tests.desk import Desk, decided, letter
from tests.outbox_rows import reply_to
from tests.unit.conftest import Make

ACKNOWLEDGED, DUPLICATE = ("acknowledge", None), ("suppress", "duplicate")
DANGER = "She cannot breathe since this morning."
LIST = "List-Id: <friends.example>"
ON_ITS_WAY = {
    "list_mail": LIST,
    "bulk_precedence": "Precedence: list",
    "spam": "X-Spam-Flag: YES",
    "auth_failed": "Authentication-Results: mx.als.example; dmarc=fail header.from=person.example",
}


@pytest.mark.parametrize(("reason", "mark"), [*ON_ITS_WAY.items()])
def test_a_copy_that_was_marked_on_its_way_stands_in_for_no_other(
    desk: Desk, reason: str, mark: str
) -> None:
    marked, clean = letter(top=mark, text=DANGER), letter(text=DANGER)
    assert decided(desk.run(marked)) == [("suppress", reason)]
    assert decided(desk.run(clean)) == [ACKNOWLEDGED]
    assert desk.codes() == ["urgent"]
    assert len(desk.sink.accepted) == 1


@pytest.mark.parametrize("order", [*permutations(("list", "list too", "direct"))])
def test_however_the_copies_come_one_is_acknowledged(desk: Desk, order: tuple[str, ...]) -> None:
    copies = {
        "list": letter(top=LIST),
        "list too": letter(top="List-Id: <others.example>"),
        "direct": letter(),
        "direct too": letter(top="X-Way: another"),
    }
    outcomes = [decided(desk.run(copies[way]))[0] for way in (*order, "direct too")]
    assert outcomes.count(ACKNOWLEDGED) == len(desk.sink.accepted) == 1
    conversations = desk.db.execute("SELECT DISTINCT conversation_id FROM reading").fetchall()
    assert len(conversations) == 1


def test_what_staff_did_with_the_marked_copy_counts_for_the_other(make: Make) -> None:
    for action in (Close(), Answer(reply_to(9, "ana@person.example"))):
        desk = make()
        desk.run(letter(top=LIST))
        review.perform(desk.db, action, [review.Letter(1)], staff="jo", now=desk.now)
        assert decided(desk.run(letter())) == [DUPLICATE]


def test_the_answer_to_the_marked_copy_comes_before_an_acknowledgement_that_waits(
    desk: Desk,
) -> None:
    desk.take(letter(top=LIST), letter())
    wrote = Answer(reply_to(9, "ana@person.example"))
    review.perform(desk.db, wrote, [review.Letter(1)], staff="jo", now=desk.now)
    desk.send()
    assert desk.sink.message_ids == ["<ack-9@example.org>"]


@pytest.mark.parametrize(
    "mark", ["Auto-Submitted: auto-replied", "Auto-Submitted: auto-replied\nList-Id: <x.example>"]
)
def test_what_shows_that_a_machine_wrote_counts_for_every_copy(desk: Desk, mark: str) -> None:
    desk.run(letter(top=mark))
    assert decided(desk.run(letter())) == [DUPLICATE]
    assert desk.sink.accepted == []


def test_danger_is_told_of_one_copy(desk: Desk) -> None:
    machine = letter(top="Auto-Submitted: auto-generated\nList-Id: <x.example>", text=DANGER)
    assert decided(desk.run(machine, letter(text=DANGER)))[1] == DUPLICATE
    assert [alert.message_id for alert in alerts.unfinished(desk.db)] == [2]
    desk.run(letter(top="X-Way: another", text=DANGER))
    assert [alert.message_id for alert in alerts.unfinished(desk.db)] == [2]


def test_a_copy_of_an_imported_letter_alarms_nobody(desk: Desk) -> None:
    old = letter(top="X-Way: the archive", text=DANGER)
    imported = Incoming(
        raw=old, mailbox_id=1, origin=Origin.IMPORT, received_at=desk.now, size=len(old)
    )
    with write(desk.db):
        messages.store(desk.db, imported, desk.now)
    assert decided(desk.run(letter(text=DANGER))) == [("suppress", "baseline"), DUPLICATE]
    assert desk.codes() == []
