"""Uncertain replies are looked up in the Sent folder, and never sent again blindly."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from inboxbot.errors import TransientError
from inboxbot.store import alerts, sending
from inboxbot.store.database import write
from inboxbot.store.outbox import State
from inboxbot.store.sqlite import Database
from inboxbot.uncertain import PATIENCE_S, Resolver
from tests.outbox_rows import column, put_reply, state_of

PLACES = ((1, "madrid"), (2, "support"))


class Stage:
    """A resolver over a Sent folder that is a set."""

    def __init__(self, db: Database, now: datetime) -> None:
        self.db, self.now, self.seconds = db, now, 0.0
        self.folder: set[str] | None = set()
        self.files_all = True
        self.asked: list[list[str]] = []
        self.resolver = Resolver(
            db,
            lookup=self.lookup,
            files_all=lambda _: self.files_all,
            now=lambda: self.now,
            monotonic=lambda: self.seconds,
        )

    def lookup(self, mailbox: str, message_ids: Sequence[str]) -> set[str] | None:
        self.asked.append(list(message_ids))
        return None if self.folder is None else self.folder & set(message_ids)

    def uncertain(self, number: int, mailbox: str = "support") -> int:
        row = put_reply(self.db, number, self.now, mailbox=mailbox)
        with write(self.db):
            sending.claim(self.db, row, "dead", self.now)
            sending.begin(self.db, row, "dead", self.now)
            sending.recover(self.db, "new", self.now, alone=True)
            letter = int(str(column(self.db, row, "message_id")))
            alerts.open_alert(self.db, alerts.Code.UNCERTAIN, self.now, message=letter)
        return row

    def wait(self) -> None:
        self.seconds += PATIENCE_S


@pytest.fixture
def stage(db: Database, now: datetime) -> Stage:
    return Stage(db, now)


def test_what_lies_in_the_sent_folder_was_sent(stage: Stage) -> None:
    row = stage.uncertain(1)
    stage.folder = {"<ack-1@example.org>"}
    assert stage.resolver.resolve() == {State.SENT: 1}
    assert state_of(stage.db, row) == "sent"
    assert alerts.unfinished(stage.db) == []


def test_what_is_missing_where_the_provider_files_all_is_queued_after_ten_minutes(
    stage: Stage,
) -> None:
    row = stage.uncertain(1)
    assert stage.resolver.resolve() == {}
    stage.seconds += PATIENCE_S - 1
    assert stage.resolver.resolve() == {}
    stage.seconds += 1
    assert stage.resolver.resolve() == {State.QUEUED: 1}
    assert state_of(stage.db, row) == "queued"


def test_r28_a_wall_clock_set_ahead_does_not_shorten_the_wait(stage: Stage) -> None:
    row = stage.uncertain(1)
    stage.resolver.resolve()
    stage.now += timedelta(days=3650)
    assert stage.resolver.resolve() == {}
    assert state_of(stage.db, row) == "uncertain"


def test_elsewhere_what_is_missing_stays_with_a_person(stage: Stage) -> None:
    stage.files_all = False
    row = stage.uncertain(1)
    for _ in range(10):
        stage.wait()
        assert stage.resolver.resolve() == {}
    assert state_of(stage.db, row) == "uncertain"
    stage.folder = None
    stage.files_all = True
    for _ in range(10):
        stage.wait()
        assert stage.resolver.resolve() == {}
    assert state_of(stage.db, row) == "uncertain"


def test_a_copy_that_is_filed_late_still_counts(stage: Stage) -> None:
    row = stage.uncertain(1)
    stage.resolver.resolve()
    stage.wait()
    stage.folder = {"<ack-1@example.org>"}
    assert stage.resolver.resolve() == {State.SENT: 1}
    assert state_of(stage.db, row) == "sent"


def test_a_server_that_cannot_be_asked_decides_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = stage.uncertain(1)
    stage.resolver.resolve()
    stage.wait()

    def down(mailbox: str, message_ids: Sequence[str]) -> set[str]:
        raise TransientError("down")

    monkeypatch.setattr(stage.resolver, "_lookup", down)
    with pytest.raises(TransientError):
        stage.resolver.resolve()
    assert state_of(stage.db, row) == "uncertain"


def test_a_mailbox_that_cannot_be_asked_keeps_no_other_waiting(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, here, down = (stage.uncertain(n, box) for n, box in enumerate(("gone", "here", "down")))

    def lookup(mailbox: str, message_ids: Sequence[str]) -> set[str]:
        if mailbox != "here":
            raise TransientError(mailbox)
        return set(message_ids)

    monkeypatch.setattr(stage.resolver, "_lookup", lookup)
    with pytest.raises(TransientError, match="gone"):
        stage.resolver.resolve()
    assert [state_of(stage.db, row) for row in (gone, here, down)] == [
        "uncertain",
        "sent",
        "uncertain",
    ]


def test_r42_what_a_restored_backup_holds_is_looked_up_too_and_never_queued(
    stage: Stage,
) -> None:
    sent, unsent = put_reply(stage.db, 1, stage.now), put_reply(stage.db, 2, stage.now)
    with write(stage.db):
        sending.hold_restored(stage.db, stage.now)
    stage.folder = {"<ack-1@example.org>"}
    for _ in range(3):
        stage.resolver.resolve()
        stage.wait()
    assert (state_of(stage.db, sent), state_of(stage.db, unsent)) == ("sent", "held")


def test_nothing_unproven_asks_nobody(stage: Stage) -> None:
    assert stage.resolver.resolve() == {}
    assert stage.asked == []


def test_r42_what_has_no_sent_folder_waits_for_no_look(stage: Stage) -> None:
    stage.folder = None
    put_reply(stage.db, 1, stage.now)
    with write(stage.db):
        sending.hold_restored(stage.db, stage.now)
    assert sending.some_await_look(stage.db)
    stage.resolver.resolve()
    later = put_reply(stage.db, 2, stage.now, state="held", reason="restored")
    assert not sending.awaits_look(stage.db, later)
    assert not sending.some_await_look(stage.db)


def test_r42_what_is_held_later_for_another_reason_waits_for_no_look(stage: Stage) -> None:
    known = put_reply(stage.db, 1, stage.now, state="held", reason="shadow")
    with write(stage.db):
        sending.hold_restored(stage.db, stage.now)
    later = put_reply(stage.db, 2, stage.now, state="held", reason="shadow")
    assert [sending.awaits_look(stage.db, row) for row in (known, later)] == [True, False]


def test_one_server_that_cannot_be_asked_keeps_no_other_waiting(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [put_reply(stage.db, number, stage.now, mailbox=name) for number, name in PLACES]
    with write(stage.db):
        sending.hold_restored(stage.db, stage.now)

    def first_is_down(mailbox: str, message_ids: Sequence[str]) -> set[str]:
        if mailbox == PLACES[0][1]:
            raise TransientError("down")
        return set(message_ids)

    monkeypatch.setattr(stage.resolver, "_lookup", first_is_down)
    with pytest.raises(TransientError):
        stage.resolver.resolve()
    assert [state_of(stage.db, row) for row in rows] == ["held", "sent"]
    assert [sending.awaits_look(stage.db, row) for row in rows] == [True, False]
