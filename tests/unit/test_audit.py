"""store.audit: append only, and a change shows."""

import sqlite3

import pytest

from inboxbot.store import audit
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
