"""The yardstick: IMAPClient as it comes fetches in batches of 100, one commit a batch, no more.

`python -m benchmarks.yardstick PORT USER` prints one object. Nobody who keeps what a mailbox
holds with these two libraries does less.
"""

import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from imapclient import IMAPClient

from tests.dovecot import PASSWORD

BATCH = 100


def main(port: int, user: str) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory() as folder,
        IMAPClient("127.0.0.1", port, ssl=False) as client,
    ):
        db = sqlite3.connect(Path(folder) / "yardstick.sqlite3", isolation_level=None)
        db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE message (uid INTEGER PRIMARY KEY, raw BLOB);"
        )
        client.login(user, PASSWORD)
        client.select_folder("INBOX", readonly=True)
        began, cpu = time.perf_counter(), time.process_time()
        uids = client.search()
        for at in range(0, len(uids), BATCH):
            found = client.fetch(uids[at : at + BATCH], ["BODY.PEEK[]"])
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "INSERT INTO message VALUES (?, ?)",
                [(uid, data[b"BODY[]"]) for uid, data in found.items()],
            )
            db.execute("COMMIT")
        result = {
            "letters": len(uids),
            "wall_s": time.perf_counter() - began,
            "cpu_s": time.process_time() - cpu,
        }
        db.close()
    return result


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
