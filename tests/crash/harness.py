"""Kill the daemon at random moments, and count what became of the letters.

The daemon is the real `inboxbot run`, between a real Dovecot and a mail server that records what
it accepts and is slow to say so. Run by itself (`python -m tests.crash.harness --kills 1000`) it
prints its figures; exit code 1 means that a promise was broken.
"""

import argparse
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from inboxbot.postman import Postman
from inboxbot.store import invariants, sending
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.uncertain import PATIENCE_S, Resolver
from tests.crash.world import World, Zygote, wait_for
from tests.dovecot import Dovecot

SETTLED_WITHIN_S = 180.0
OPEN_PLACES = "SELECT count(*) FROM place WHERE state IN ('listed', 'retry')"
UNDECIDED = "SELECT count(*) FROM message WHERE decided_at IS NULL"
ON_THE_WAY = (
    "SELECT count(*) FROM outbox WHERE state IN ('queued', 'claimed', 'sending', 'deferred')"
)


@dataclass
class Figures:
    """What a run came to."""

    kills: int = 0
    letters: int = 0
    persons: int = 0
    lost: int = 0
    double: int = 0
    silent: int = 0
    machines_answered: int = 0
    integrity: str = "ok"
    violations: list[str] = field(default_factory=list)
    in_flight_at_kill: dict[str, int] = field(default_factory=dict)
    uncertain: int = 0
    uncertain_that_were_sent: int = 0
    uncertain_elsewhere: int = 0
    uncertain_hidden: int = 0
    resolved_by_the_sent_folder: int = 0
    resolved_by_its_lack: int = 0
    left_to_staff: int = 0
    acknowledged: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    seconds: float = 0.0

    @property
    def kept(self) -> bool:
        """Say whether every promise was kept."""
        broken = self.lost + self.double + self.silent + self.machines_answered
        broken += self.uncertain_elsewhere + self.uncertain_hidden + len(self.violations)
        resolved = self.resolved_by_the_sent_folder + self.resolved_by_its_lack
        return broken == 0 and self.integrity == "ok" and resolved >= 0.9 * self.uncertain


class Run:
    """One run of many kills."""

    def __init__(self, world: World, kills: int, seed: int) -> None:
        self._world = world
        self._rng = random.Random(seed)
        self._kills = kills
        self._at_kill: Counter[str] = Counter()
        self._sending_at_kill: set[int] = set()
        self.figures = Figures()

    def go(self, *, talk: bool = False) -> Figures:
        """Kill, let it settle, resolve, and count."""
        began = time.monotonic()
        with self._world.zygote() as zygote:
            self._world.begin(zygote)
            for number in range(self._kills):
                self._one(zygote)
                if talk and sys.stderr.isatty():
                    print(
                        f"\r{number + 1} of {self._kills} kills",
                        end="",
                        file=sys.stderr,
                        flush=True,
                    )
            self._settle(zygote)
            with self._world.store() as db:
                self._judge_uncertain(db)
                self._resolve(db)
            self._settle(zygote)
        with self._world.store() as db:
            self._judge(db)
        self.figures.kills = self._kills
        self.figures.in_flight_at_kill = dict(self._at_kill)
        self.figures.seconds = round(time.monotonic() - began, 1)
        return self.figures

    def _one(self, zygote: Zygote) -> None:
        for _ in range(self._rng.randrange(1, 9)):
            self._deliver()
        zygote.start()
        if self._rng.random() < 0.6:
            self._wait_until_it_sends()
            until = 0.05 * self._rng.random()
        else:
            until = self._rng.choice((0.3, 0.6, 1.5)) * self._rng.random()
        end = time.monotonic() + until
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self._rng.random()))
            if self._rng.random() < 0.3:
                self._deliver()
        zygote.kill()
        with self._world.store() as db:
            for row, state in db.execute(
                "SELECT id, state FROM outbox WHERE state IN ('claimed', 'sending')"
            ):
                self._at_kill[state] += 1
                if state == "sending":
                    self._sending_at_kill.add(row)

    def _wait_until_it_sends(self) -> None:
        """Wait until a reply is on its way, so that the kill falls among those that follow."""
        before = len(self._world.sink.accepted)
        deadline = time.monotonic() + 20
        while len(self._world.sink.accepted) == before and time.monotonic() < deadline:
            time.sleep(0.001)

    def _deliver(self) -> None:
        kind = self._rng.choices(("person", "robot", "again"), (85, 10, 5))[0]
        world, rng = self._world, self._rng
        if kind == "robot":
            world.deliver(world.robot(rng), kind)
        elif kind == "person" or not world.letters:
            world.deliver(world.person(rng), "person")
        else:
            world.deliver_again(rng.choice(world.letters))

    def _settle(self, zygote: Zygote) -> None:
        """Let the daemon run undisturbed until there is nothing left to do."""
        zygote.start()
        with self._world.store() as db:
            wait_for(
                lambda: (
                    all(
                        db.execute(query).fetchone()[0] == 0
                        for query in (OPEN_PLACES, UNDECIDED, ON_THE_WAY)
                    )
                    and not self._unlisted(db)
                ),
                SETTLED_WITHIN_S,
                "nothing left to do",
            )
        zygote.kill()

    def _unlisted(self, db: Database) -> bool:
        rows = db.execute("SELECT count(*) FROM place").fetchone()[0]
        return int(rows) < self._world.count

    def _judge_uncertain(self, db: Database) -> None:
        """Check that replies are uncertain only where the kill left no other way."""
        figures, doubtful = self.figures, self._sending_at_kill
        taken = set(self._world.sink.message_ids)
        rows = db.execute("SELECT id, rfc_message_id, state FROM outbox").fetchall()
        still = {row for row, _, state in rows if state == "uncertain"}
        figures.uncertain = len(doubtful)
        figures.uncertain_that_were_sent = sum(
            row in doubtful and message_id in taken for row, message_id, _ in rows
        )
        figures.uncertain_elsewhere = len(still - doubtful)
        # The daemon looks into the Sent folder at each of its starts.
        figures.resolved_by_the_sent_folder = sum(
            row in doubtful and state == "sent" for row, _, state in rows
        )
        shown = db.execute(
            "SELECT count(*) FROM outbox o JOIN alert a ON a.message_id = o.message_id"
            " AND a.code = 'uncertain' AND a.ended_at IS NULL WHERE o.state = 'uncertain'"
        ).fetchone()[0]
        figures.uncertain_hidden = len(still) - int(shown)

    def _resolve(self, db: Database) -> None:
        """Look up what the daemon found nothing of yet, with ten minutes passing at once."""
        postman = Postman(self._world.configuration, db, lambda: datetime.now(UTC))
        seconds = 0.0
        resolver = Resolver(
            db,
            lookup=postman._sent,
            files_all=lambda _: True,
            now=lambda: datetime.now(UTC),
            monotonic=lambda: seconds,
        )
        with write(db):
            sending.recover(db, "none", datetime.now(UTC), alone=True)
        found = resolver.resolve()
        seconds += PATIENCE_S
        missing = resolver.resolve()
        self.figures.resolved_by_the_sent_folder += sum(found.values())
        self.figures.resolved_by_its_lack = sum(missing.values())
        self.figures.left_to_staff = int(
            db.execute("SELECT count(*) FROM outbox WHERE state = 'uncertain'").fetchone()[0]
        )

    def _judge(self, db: Database) -> None:
        """Count letter by letter."""
        figures, world = self.figures, self._world
        figures.letters = len(world.delivered)
        stored = {
            mark: (reply, state, reason)
            for mark, reply, state, reason in db.execute(
                "SELECT m.fingerprint, o.rfc_message_id, o.state, coalesce(o.reason, d.reason)"
                " FROM message m JOIN decision d ON d.message_id = m.id"
                " JOIN review r ON r.message_id = m.id"
                " LEFT JOIN outbox o ON o.message_id = m.id AND o.kind = 'acknowledgement'"
            )
        }
        taken = Counter(world.sink.message_ids)
        reasons: Counter[str] = Counter()
        figures.double = sum(count > 1 for count in taken.values())
        for mark, kind in world.delivered.items():
            figures.persons += kind == "person"
            if mark not in stored:
                quarantined = db.execute(
                    "SELECT count(*) FROM place WHERE state = 'quarantined'"
                ).fetchone()[0]
                figures.quarantined = int(quarantined)
                figures.lost += 1
                continue
            reply, state, reason = stored[mark]
            if kind == "robot":
                figures.machines_answered += taken[reply] > 0 if reply else 0
            elif state == "sent":
                figures.acknowledged += 1
                figures.silent += taken[reply] == 0
            else:
                figures.silent += not (state == "uncertain" or reason)
                reasons[reason or state] += 1
        figures.reasons = dict(reasons)
        violations = invariants.check(db, now=datetime.now(UTC) - timedelta(hours=1))
        figures.violations = [str(violation) for violation in violations]
        integrity = [row[0] for row in db.execute("PRAGMA integrity_check")]
        figures.integrity = ", ".join(integrity)
        with world.account.client() as client:
            uids = client.search("ALL")
        era = db.execute("SELECT id, uidvalidity FROM mailbox").fetchone()
        figures.violations += [str(v) for v in invariants.check_server(db, *era, uids)]


def run(
    kills: int, seed: int = 1, *, dovecot: Dovecot | None = None, talk: bool = False
) -> Figures:
    """Do one run and return its figures."""
    delays = random.Random(seed)
    with World(dovecot, delay=lambda: delays.random() * 0.02) as world:
        return Run(world, kills, seed).go(talk=talk)


def run_side_by_side(kills: int, worlds: int, seed: int) -> Figures:
    """Share the kills among worlds that know nothing of each other; return the sum of all."""
    shares = [kills // worlds + (number < kills % worlds) for number in range(worlds)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(worlds, mp_context=context) as pool:
        runs = [pool.submit(run, share, seed + n, talk=n == 0) for n, share in enumerate(shares)]
        return total([each.result() for each in runs])


def total(runs: Sequence[Figures]) -> Figures:
    """Add up what several runs came to; the time is that of the longest."""
    sums: dict[str, Any] = {}
    for each in fields(Figures):
        values = [getattr(figures, each.name) for figures in runs]
        if each.name == "integrity":
            sums[each.name] = next((value for value in values if value != "ok"), "ok")
        elif each.name == "seconds":
            sums[each.name] = max(values)
        elif isinstance(values[0], dict):
            sums[each.name] = dict(sum(map(Counter, values), Counter()))
        elif isinstance(values[0], list):
            sums[each.name] = [one for value in values for one in value]
        else:
            sums[each.name] = sum(values)
    return Figures(**sums)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--worlds", type=int, default=1, help="mailboxes with a daemon each that share the kills"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = run_side_by_side(arguments.kills, arguments.worlds, arguments.seed)
    if arguments.json:
        print(json.dumps(asdict(figures)))
    else:
        print()
        for name, value in asdict(figures).items():
            print(f"{name.replace('_', ' '):32}{_shown(value)}")
        print("every promise was kept" if figures.kept else "A PROMISE WAS BROKEN")
    sys.exit(0 if figures.kept else 1)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return "; ".join(value) or "none"
    return str(value)


if __name__ == "__main__":
    main()
