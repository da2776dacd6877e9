"""Fills a database as the stages do, and says after each letter how far it is."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inboxbot.store import database, outbox, sending
from inboxbot.store.database import write
from tests.outbox_rows import letter_rows, reply_to


def main() -> None:
    db = database.connect(Path(sys.argv[1]))
    # Pages that are in the database proper already were synced in the log before.
    db.execute("PRAGMA wal_autocheckpoint = 0")
    number = 0
    while True:
        number += 1
        now = datetime.now(UTC)
        with write(db):
            letter = letter_rows(db, number, now)
            row = outbox.add(
                db, message=letter, kind="acknowledgement", reply=reply_to(number), now=now
            )
        with write(db):
            sending.claim(db, row, "writer", now)
        with write(db):
            sending.begin(db, row, "writer", now + timedelta(seconds=1))
        with write(db):
            sending.sent(db, row, "writer", "250", now)
        print(number, flush=True)


if __name__ == "__main__":
    main()
