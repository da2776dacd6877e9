"""Take in, decide on and answer what lies in a mailbox, stage by stage in one process.

`python -m benchmarks.stages [count]` works on the configuration of `$INBOXBOT_CONFIG` and prints
one object: for each stage the seconds, the CPU of this process and of its worker; with `count`
the statements and commits too, which slows it down.
"""

import json
import os
import sys
import time
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.measure import cpu_of_family
from inboxbot import assembly, config, events, opening
from inboxbot.clock import utc_now
from inboxbot.lock import locked
from inboxbot.postman import Postman
from inboxbot.store.database import must_be_whole
from inboxbot.watcher import Watcher
from tests.counting import counted

QUIET = 40  # logging.ERROR: the lines for journald are counted in the measurement of the daemon


def main(counting: bool) -> dict[str, Any]:
    """Run the three stages once each; return what they took."""
    events.configure(QUIET)
    configuration = config.load(Path(os.environ["INBOXBOT_CONFIG"]))
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        stack.enter_context(locked(configuration.store_path.parent))
        db = stack.enter_context(opening.store(configuration))
        must_be_whole(db)
        watcher = stack.enter_context(
            closing(Watcher(configuration, configuration.mailbox[0], db, utc_now))
        )
        reader = stack.enter_context(assembly.reader(configuration))
        triage = assembly.triage(configuration, db, reader)
        postman = Postman(configuration, db, utc_now)
        # The worker's start, its libraries and its model are a cost of starting, told by itself.
        before = cpu_of_family(os.getpid())
        reader.read(b"From: a@b.example\r\n\r\nHello, is riluzole safe with tablets?\r\n")
        found["worker_start_s"] = cpu_of_family(os.getpid()) - before
        for name, work in (
            ("intake", watcher.poll),
            ("triage", triage.run),
            ("sender", postman.sender.send_due),
        ):
            with counted(db) if counting else nullcontext() as statements:
                own, all_of_us, began = (
                    time.process_time(),
                    cpu_of_family(os.getpid()),
                    time.perf_counter(),
                )
                work()
                wall = time.perf_counter() - began
                own = time.process_time() - own
                all_of_us = cpu_of_family(os.getpid()) - all_of_us
            found[name] = {
                "wall_s": wall,
                "own_s": own,
                "worker_s": max(0.0, all_of_us - own),
                "commits": statements.commits if statements else None,
                "statements": statements.all if statements else None,
            }
    return found


if __name__ == "__main__":
    print(json.dumps(main("count" in sys.argv[1:])))
