"""store.audit: append only, and a change shows."""

import sqlite3
from datetime import timedelta

import pytest

from inboxbot.store import audit
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import write


@pytest.fixture
def three(db, now):
    with write(db):
        for number in range(3):
            audit.add(db, "jo", "viewed", now, message=number + 1)
    return db


def test_a_whole_chain_verifies(three):
    assert audit.verify(three) == []
    assert [entry.message_id for entry in audit.entries(three)] == [3, 2, 1]
    assert [entry.id for entry in audit.entries(three, before=3, limit=1)] == [2]
    assert [entry.id for entry in audit.entries(three, message=1)] == [1]


def test_a_part_of_the_chain_can_be_looked_at_from_a_row_on(three):
    assert audit.verify(three, after=2) == []
    three.execute("DROP TRIGGER audit_is_append_only_update")
    three.execute("UPDATE audit SET who = 'kim' WHERE id = 2")
    assert audit.verify(three, after=1) == [2]
    assert audit.verify(three, after=2) == []


def test_rows_are_narrowed_down_by_who_what_and_when(three, now):
    with write(three):
        audit.add(three, "kim", "viewed", now + timedelta(days=1), message=1)
        audit.add(three, "kim", "closed", now + timedelta(days=2), message=1)

    def ids(**wanted):
        return [entry.id for entry in audit.entries(three, Narrowed(**wanted))]

    assert ids(who="kim") == [5, 4]
    assert ids(what="viewed", message=1) == [4, 1]
    assert ids(since=now + timedelta(days=1)) == [5, 4]
    assert ids(since=now, until=now + timedelta(days=2)) == [4, 3, 2, 1]
    assert ids(who="kim' OR 1=1 --") == []
    assert audit.people(three) == ["jo", "kim"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'kim'", "DELETE FROM audit"])
def test_nothing_in_the_audit_can_be_changed_or_deleted(three, statement):
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        three.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE audit SET who = 'kim' WHERE id = 2", [2]),
        ("UPDATE audit SET at = '2026-03-02T10:00:00.000000+00:00' WHERE id = 1", [1]),
        ("UPDATE audit SET detail = 'x' WHERE id = 3", [3]),
        ("DELETE FROM audit WHERE id = 2", [3]),
        ("DELETE FROM audit WHERE id = 1", [2]),
    ],
)
def test_tampering_past_the_triggers_is_detected(three, tampering, broken):
    three.execute("DROP TRIGGER audit_is_append_only_update")
    three.execute("DROP TRIGGER audit_is_append_only_delete")
    three.execute(tampering)
    assert audit.verify(three) == broken
