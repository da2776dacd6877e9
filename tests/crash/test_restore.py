"""R42: a restored backup does not know what was sent after it was made."""

from datetime import datetime
from pathlib import Path

import pytest

from inboxbot.store import backup, restoring
from tests.crash.pipeline import Outside, Process, letter


@pytest.mark.parametrize("known_to_the_copy", ["nothing", "stored", "decided"])
def test_r42_what_was_answered_after_the_backup_is_not_answered_again(
    tmp_path: Path, now: datetime, known_to_the_copy: str
) -> None:
    outside = Outside(tmp_path / "state" / "inboxbot.sqlite3", now)
    process = Process(outside)
    process.go_live()
    process.poll()
    outside.deliver(letter(1), "person")
    if known_to_the_copy != "nothing":
        process.poll()
    if known_to_the_copy == "decided":
        process.triage.run()
    copy = backup.make(process.db, tmp_path / "backup", now).file
    process.run()
    assert len(outside.server.accepted) == 1
    process.close()
    outside.pass_(minutes=1)
    restoring.restore(copy, outside.path, outside.now, who="ana")
    process = Process(outside)
    process.poll()
    process.triage.run()
    process.sender.send_due()
    assert len(outside.server.accepted) == 1
    process.settle()
    assert len(outside.server.accepted) == 1
    assert process.broken() == []
    assert process.unaccounted() == []
    states = [row[0] for row in process.db.execute("SELECT state FROM outbox")]
    assert states == ["sent"], "the Sent folder has told"
    process.close()
