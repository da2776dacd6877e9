"""Many letters and many ends of the daemon: each letter is recorded once, and nothing else of it.

The daemon is the real one, before a real Dovecot; it is in shadow mode, as after an installation.
"""

import json
import random
import time

import pytest

from inboxbot.store import invariants
from inboxbot.store.sqlite import Database
from tests.crash.world import World, Zygote, wait_for
from tests.dovecot import Dovecot

OPEN = (
    "SELECT (SELECT count(*) FROM place WHERE state IN ('listed', 'retry'))"
    " + (SELECT count(*) FROM message WHERE decided_at IS NULL)"
)
READ = (1, 5, 9)


@pytest.mark.parametrize(
    ("letters", "kills"), [(150, 5), pytest.param(10_000, 100, marks=pytest.mark.long)]
)
@pytest.mark.timeout(1_800)
def test_random_kills_leave_every_letter_recorded_once_and_its_flags_unchanged(
    dovecot: Dovecot, letters: int, kills: int
) -> None:
    dice = random.Random(7)
    with World(dovecot) as world, world.zygote() as zygote:
        assert zygote.run("poll") == 0, "the first look, on the empty folder"
        each = letters // (kills + 1)
        deliver(world, dice, letters - each * kills)
        with world.account.client() as client:
            client.add_flags(READ, [b"\\Seen"])
        whole = undisturbed(world, zygote)
        at_work = 0
        for number in range(kills):
            deliver(world, dice, each)
            at_work += killed_at_random(world, zygote, number, whole * dice.random())
            if number % 20 == 0:
                with world.store() as db:
                    assert invariants.check(db) == ()
        settle(world, zygote, letters)
        assert at_work > kills // 3, "the kills missed the work"
        status = json.loads(world.command("status", "--json").stdout)
        assert status["unaccounted"] == 0
        assert status["places"] == {"ingested": letters}
        assert status["messages"] == letters
        with world.store() as db:
            judge(world, db)


def deliver(world: World, dice: random.Random, count: int) -> None:
    for _ in range(count):
        kind = "person" if dice.random() < 0.5 else "robot"
        world.deliver(world.person(dice) if kind == "person" else world.robot(dice), kind)


def undisturbed(world: World, zygote: Zygote) -> float:
    """Let the daemon do all there is to do; return how many seconds this takes it here, today.

    A moment drawn from these seconds falls into the work on a quick machine and on a slow one.
    """
    with world.store() as db:
        zygote.start()
        began = time.monotonic()
        wait_for(lambda: decided(db) == world.count, 60, "all letters are decided on")
        whole = time.monotonic() - began
        zygote.kill()
    return whole


def killed_at_random(world: World, zygote: Zygote, number: int, moment: float) -> bool:
    """Let the daemon live for a moment (in seconds); say whether it left work behind.

    Of three kills one falls on letters that have just come in, one somewhere into what follows
    that, and one anywhere from the start on.
    """
    with world.store() as db:
        before = stored(db)
        zygote.start()
        if number % 3 < 2:
            wait_for(lambda: stored(db) > before, 60, "letters come in", every=0.001)
        if number % 3 > 0:
            time.sleep(moment)
        zygote.kill()
        return bool(db.execute(OPEN).fetchone()[0]) or stored(db) < world.count


def stored(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM message").fetchone()[0])


def decided(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM decision").fetchone()[0])


def settle(world: World, zygote: Zygote, letters: int) -> None:
    """Let the daemon run undisturbed to the end of its work, its sweep included."""
    with world.store() as db:
        # A letter that was being fetched at an end of the daemon waits for five minutes.
        db.execute("UPDATE place SET next_try_at = NULL")
        db.execute("UPDATE mailbox SET last_sweep_at = NULL")
        zygote.start()
        wait_for(
            lambda: (
                stored(db) == letters
                and db.execute(OPEN).fetchone()[0] == 0
                and db.execute("SELECT last_sweep_at FROM mailbox").fetchone()[0] is not None
            ),
            600,
            "every letter is stored and decided on",
        )
        zygote.kill()


def judge(world: World, db: Database) -> None:
    marks = [row[0] for row in db.execute("SELECT fingerprint FROM message")]
    assert sorted(marks) == sorted(world.delivered)
    places, healed = (
        db.execute(query).fetchone()[0]
        for query in ("SELECT count(*) FROM place", "SELECT sum(healed) FROM mailbox")
    )
    assert (places, healed) == (len(marks), 0), "no sweep had anything to find"
    assert invariants.check(db) == ()
    with world.account.client(None) as client:
        client.select_folder("INBOX", readonly=True)
        flags = client.get_flags(client.search("ALL"))
    era = db.execute("SELECT id, uidvalidity FROM mailbox").fetchone()
    assert invariants.check_server(db, *era, flags) == ()
    assert tuple(uid for uid, each in flags.items() if b"\\Seen" in each) == READ
    assert set().union(*flags.values()) <= {b"\\Seen", b"\\Recent"}
