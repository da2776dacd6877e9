"""What is left of the database where the power fails: a model, by copies of the files.

A process that stands still has written all that it had committed; a write-ahead log that is cut
at any byte is what a disk keeps of one that was not synced. With `synchronous = FULL` what was
committed was synced, so only the whole copy must have all of it.
"""

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from inboxbot.store import database, invariants
from inboxbot.store.database import create
from inboxbot.store.migrations import migrate
from tests.crash.pipeline import copied

ROUNDS, COPIES = 8, 25
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Have a process fill a new database at `path`."""
    with closing(create(path)) as db:
        migrate(db)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.writer", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def cut(path: Path, rng: random.Random) -> None:
    """Take away the end of the log from any byte on."""
    log = path.with_name(f"{path.name}-wal")
    with log.open("r+b") as file:
        file.truncate(rng.randrange(log.stat().st_size + 1))


def judge(path: Path, *, at_least: int) -> None:
    """Open the copy and check all of it."""
    with closing(database.connect(path)) as db:
        assert invariants.check(db) == ()
        count = {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("message", "outbox", "review")
        }
    assert count["message"] == count["outbox"] == count["review"] >= at_least


def test_r08_two_hundred_copies_cut_anywhere_open_clean(in_memory: Path) -> None:
    rng = random.Random(8)
    for turn in range(ROUNDS):
        path = in_memory / f"store-{turn}" / "inboxbot.sqlite3"
        with writing(path) as process:
            assert process.stdout is not None
            for number in range(COPIES):
                process.send_signal(signal.SIGCONT)
                for _ in range(rng.randrange(1, 4)):
                    committed = int(process.stdout.readline())
                process.send_signal(signal.SIGSTOP)
                copy = copied(path, in_memory / f"copy-{turn}-{number}")
                if number % 2:
                    cut(copy, rng)
                judge(copy, at_least=0 if number % 2 else committed)
                shutil.rmtree(copy.parent)
