"""The real daemon between real servers: killed at every named place, asked to stop, doubled,
and without room on its disk."""

import json
import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from inboxbot import faults
from inboxbot.postman import Postman
from inboxbot.store import invariants, outbox, sending
from inboxbot.store.alerts import SENTENCES, Code
from inboxbot.store.database import write
from inboxbot.uncertain import PATIENCE_S, Resolver
from tests.crash.world import World, Zygote, wait_for
from tests.dovecot import Dovecot


@pytest.fixture
def world(dovecot: Dovecot) -> Iterator[World]:
    with World(dovecot) as made:
        yield made


@pytest.fixture
def zygote(world: World) -> Iterator[Zygote]:
    with world.zygote() as made:
        world.begin(made)
        yield made


def states(world: World) -> list[str]:
    with world.store() as db:
        return [reply.state for reply in outbox.listed(db)]


def undecided(world: World) -> int:
    with world.store() as db:
        query = "SELECT count(*) FROM message WHERE decided_at IS NULL"
        return int(db.execute(query).fetchone()[0])


def all_sent(world: World, count: int) -> bool:
    # The database is opened only where it may be so: this is asked twenty times a second.
    return len(world.sink.accepted) >= count and states(world) == ["sent"] * count


def broken(world: World) -> list[str]:
    with world.store() as db:
        found = [str(violation) for violation in invariants.check(db)]
    if invariants.seen_twice(world.sink.message_ids):
        found.append("a reply was taken twice")
    return found


def complaints(zygote: Zygote) -> int:
    """Return how often the daemon said that a job or a look failed."""
    log = zygote.log.read_text()
    return log.count("mailbox-failed") + log.count("job-failed")


def resolve(world: World) -> None:
    """Look into the Sent folder as the daemon does, with ten minutes passing at once."""
    seconds = 0.0
    with world.store() as db:
        resolver = Resolver(
            db,
            lookup=Postman(world.configuration, db, lambda: datetime.now(UTC))._sent,
            files_all=lambda _: True,
            now=lambda: datetime.now(UTC),
            monotonic=lambda: seconds,
        )
        with write(db):
            sending.recover(db, "none", datetime.now(UTC), alone=True)
        resolver.resolve()
        seconds += PATIENCE_S
        resolver.resolve()


def at_rest(world: World) -> bool:
    """Say whether every letter is decided and no reply is on its way."""
    return undecided(world) == 0 and not {*states(world)} & {"queued", "claimed", "sending"}


def test_r01_to_r06_killed_at_every_place_it_loses_nothing_and_sends_nothing_twice(
    world: World, zygote: Zygote
) -> None:
    rng = random.Random(1)
    doubtful = 0
    for name in faults.NAMES:
        world.deliver(world.person(rng), "person")
        zygote.start(fault=f"{name}:kill")
        assert zygote.wait(60) == -signal.SIGKILL, f"{name} was reached"
        assert broken(world) == [], name
        sending_now = states(world).count("sending")
        assert sending_now == (name in ("sender.sending", "sender.dot", "sender.answered")), name
        doubtful += sending_now
        if undecided(world):
            # A letter that is there at three ends of the process goes to staff unread.
            zygote.start()
            wait_for(lambda: at_rest(world), 60, "every letter is decided")
            zygote.kill()
    count = len(faults.NAMES)
    zygote.start()
    wait_for(
        lambda: len(states(world)) == count and {*states(world)} <= {"sent", "uncertain"},
        60,
        "every reply is sent or uncertain",
    )
    zygote.kill()
    assert doubtful == 3
    resolve(world)
    zygote.start()
    wait_for(lambda: all_sent(world, count), 60, "every reply is sent")
    zygote.kill()
    assert len(world.sink.accepted) == count
    assert broken(world) == []


def test_r29_a_second_instance_ends_with_75_within_two_seconds(
    world: World, zygote: Zygote
) -> None:
    zygote.start()
    wait_for(lambda: "started" in zygote.log.read_text(), 30, "the daemon is up")
    with world.zygote() as second:
        for command in ("run", "poll", "send"):
            began = time.monotonic()
            second.start(command=command)
            assert second.wait(10) == 75
            assert time.monotonic() - began < 2
            assert str(zygote.pid) in second.log.read_text()
    zygote.kill()
    assert zygote.run("send") == 0, "a lock left by a kill is no obstacle"


@pytest.mark.parametrize("turns", [6, pytest.param(60, marks=pytest.mark.long)])
def test_r30_asked_to_stop_it_ends_in_time_and_leaves_nothing_uncertain(
    world: World, zygote: Zygote, turns: int
) -> None:
    rng = random.Random(30)
    world.sink.delay = lambda: 0.05 * rng.random()
    count = 0
    for turn in range(turns):
        for _ in range(1 + rng.randrange(4)):
            world.deliver(world.person(rng), "person")
            count += 1
        zygote.start()
        if turn % 3:
            # Among the replies, where the most is at stake; else anywhere on the way there.
            before = len(world.sink.accepted)
            wait_for(lambda n=before: len(world.sink.accepted) > n, 20, "a reply is on its way")  # type: ignore[misc]
            time.sleep(0.1 * rng.random())
        else:
            time.sleep(rng.random())
        began = time.monotonic()
        code = zygote.kill(rng.choice((signal.SIGTERM, signal.SIGINT)))
        assert time.monotonic() - began < 10
        # Asked before it listens, it ends as any process does; afterwards in good order.
        assert code in (0, -signal.SIGTERM, -signal.SIGINT, 130)
        assert not {"uncertain", "sending"} & set(states(world))
    zygote.start()
    wait_for(lambda: all_sent(world, count), 60, "every reply is sent")
    zygote.kill(signal.SIGTERM)
    assert len(world.sink.accepted) == count
    assert broken(world) == []


def test_r24_without_room_nothing_is_acknowledged_that_is_not_stored_and_it_recovers_by_itself(
    world: World, zygote: Zygote
) -> None:
    size = world.path.stat().st_size
    # No file of the process may become larger: the write-ahead log is full after a few letters.
    zygote.start(file_size=max(size, 120_000))
    rng = random.Random(24)
    for _ in range(40):
        world.deliver(world.person(rng), "person")
    wait_for(lambda: complaints(zygote) > 0, 60, "it says that it cannot write")
    # It goes on trying, and failing, for as long as there is no room.
    failures = complaints(zygote)
    wait_for(lambda: complaints(zygote) > failures, 60, "it tries again")
    zygote.lift_file_size()
    wait_for(lambda: all_sent(world, 40), 90, "every reply is sent")
    zygote.kill()
    assert len(world.sink.accepted) == 40
    assert broken(world) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r30_asked_to_stop_as_soon_as_it_is_started_it_ends(
    world: World, zygote: Zygote, number: signal.Signals
) -> None:
    for turn in range(20):
        zygote.start()
        time.sleep(turn / 2000)
        began = time.monotonic()
        # Where the machine is slow it may be listening by now, and ends in good order.
        assert zygote.kill(number) in (0, -number, 130)
        assert time.monotonic() - began < 10


def test_r25_a_foreign_writer_that_holds_the_database_delays_and_breaks_nothing(
    world: World, zygote: Zygote
) -> None:
    zygote.start()
    wait_for(lambda: "started" in zygote.log.read_text(), 30, "the daemon is up")
    with closing(sqlite3.connect(world.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        for _ in range(5):
            world.deliver(world.person(random.Random()), "person")
        wait_for(
            lambda: "failed" in zygote.log.read_text(), 40, "a job gives up after the busy timeout"
        )
        foreign.execute("COMMIT")
    wait_for(lambda: all_sent(world, 5), 60, "every reply is sent")
    zygote.kill()
    assert broken(world) == []


def test_r40_with_few_files_to_open_it_does_all_of_its_work(world: World, zygote: Zygote) -> None:
    zygote.start(open_files=64)
    rng = random.Random(40)
    for _ in range(10):
        world.deliver(world.person(rng), "person")
    wait_for(lambda: all_sent(world, 10), 60, "every reply is sent")
    zygote.kill()
    assert broken(world) == []


def test_r40_a_worker_that_the_kernel_ends_for_its_memory_is_started_again(
    world: World, zygote: Zygote
) -> None:
    zygote.start()
    rng = random.Random(40)
    for count in range(1, 4):
        world.deliver(world.person(rng), "person")
        wait_for(lambda count=count: all_sent(world, count), 60, "every reply is sent")  # type: ignore[misc]
        os.kill(zygote.worker(), signal.SIGKILL)
    assert zygote.kill(signal.SIGTERM) == 0
    assert broken(world) == []


def test_r41_a_daemon_that_died_is_named_by_status(world: World, zygote: Zygote) -> None:
    zygote.start()
    wait_for(lambda: "started" in zygote.log.read_text(), 30, "the daemon is up")
    zygote.kill()
    with world.store() as db, write(db):
        db.execute(
            "UPDATE mailbox SET last_good_poll_at = ?",
            [(datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="microseconds")],
        )
    status = json.loads(world.command("status", "--json").stdout)
    assert status["healthy"] is False
    assert any("no look into it has succeeded" in problem for problem in status["problems"])


@pytest.mark.parametrize(
    ("verb", "answer", "code"),
    [
        ("MAIL", "421 4.3.2 closing", Code.MAIL_OUT_FAILED),
        ("AUTH", "535 5.7.8 no", Code.AUTHENTICATION),
    ],
)
def test_status_names_what_is_wrong_with_the_mail_server(
    world: World, zygote: Zygote, verb: str, answer: str, code: Code
) -> None:
    world.deliver(world.person(random.Random(1)), "person")
    world.sink.faults[verb] = answer
    assert zygote.run("poll") == 0
    zygote.run("send")
    problems = json.loads(world.command("status", "--json").stdout)["problems"]
    assert SENTENCES[code] in problems


def test_r35_a_burst_is_all_stored_and_acknowledged_no_faster_than_allowed(
    dovecot: Dovecot,
) -> None:
    rng = random.Random(35)
    with World(dovecot, replies="per_hour = 20") as world:
        with world.zygote() as zygote:
            world.begin(zygote)
            for _ in range(150):
                world.deliver(world.person(rng), "person")
            zygote.start()
            with world.store() as db:
                wait_for(
                    lambda: (
                        db.execute("SELECT count(*) FROM decision").fetchone()[0] == 150
                        and not {"queued", "claimed", "sending"} & set(states(world))
                    ),
                    90,
                    "every letter is decided",
                )
            zygote.kill()
        counted = {state: states(world).count(state) for state in ("sent", "held")}
        assert counted == {"sent": 20, "held": 130}
        assert len(world.sink.accepted) == 20
        assert broken(world) == []
