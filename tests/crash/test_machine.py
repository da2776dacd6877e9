"""Any order of letters, servers' answers, crashes, restarts, clocks, renumberings, restores and
decisions of staff: no letter is lost, nobody is answered twice, and every person has an
acknowledgement, a reason for none, or a question about it in front of staff."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from inboxbot import faults, review
from inboxbot.actions import Correct
from inboxbot.classify.category import Category
from inboxbot.errors import Conflict, InboxbotError, StoreError
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.store import backup, outbox, restoring
from inboxbot.store.database import moment, write
from inboxbot.store.outbox import State
from tests.crash.pipeline import (
    MEMORY,
    Crash,
    Outside,
    Process,
    crash,
    failing_at,
    install,
    letter,
    listening,
    shuffled,
)
from tests.fake_transport import ACCEPTED, UNKNOWN, UNKNOWN_TAKEN

# A failure is made small for up to five minutes: it must not be cut off before it is told.
pytestmark = pytest.mark.timeout(900)

OUTCOMES = (
    ACCEPTED,
    Outcome(Verdict.DEFERRED, 451, "4.2.1 later"),
    Outcome(Verdict.DEFERRED, 421, "4.3.2 closing"),
    Outcome(Verdict.REFUSED, 550, "5.1.1 no"),
    UNKNOWN,
    UNKNOWN_TAKEN,
)
REACHABLE = [
    name
    for name in faults.NAMES
    if name.partition(".")[2] not in ("connected", "envelope", "text", "dot", "answered")
]
STAGES = ("everything", "everything", "send", "send", "triage", "poll", "resolve")
KINDS = st.lists(st.sampled_from(("person", "person", "person", "robot")), min_size=1, max_size=4)
ANSWERS = st.lists(st.sampled_from(OUTCOMES), max_size=3)


@cache
def answered_by(raw: bytes) -> str:
    """Return the Message-ID of the letter that a reply answers, else its own."""
    head = message_from_bytes(raw)
    return str(head["In-Reply-To"] or head["Message-ID"])


class Installation(RuleBasedStateMachine):
    """One installation through its whole life."""

    @initialize(kinds=KINDS)
    def install(self, kinds: list[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="inboxbot-machine-", dir=MEMORY))
        self.outside = Outside(
            self.folder / "state" / "inboxbot.sqlite3", datetime(2026, 3, 2, 9, tzinfo=UTC)
        )
        install(self.outside)
        self.process = Process(self.outside, "process 0")
        self.lives = 0
        self.number = 0
        self.copy: Path | None = None
        self.asked_again: set[str] = set()
        self.sorted_anew: dict[int, Category] = {}
        self.letters_come(kinds)
        self.process.poll()
        self.process.triage.run()

    def teardown(self) -> None:
        if not hasattr(self, "process"):
            return
        self.restart()
        self.outside.server.script = []
        self.process.settle()
        assert self.promises_broken() == []
        assert self.process.unaccounted() == []
        self.process.close()
        shutil.rmtree(self.folder)

    # What comes from outside

    @rule(kinds=KINDS)
    def letters_come(self, kinds: list[str]) -> None:
        for kind in kinds:
            self.number += 1
            self.outside.deliver(letter(self.number, kind), kind)

    @rule(kinds=KINDS, answers=ANSWERS)
    def letters_come_and_are_dealt_with(
        self, kinds: list[str], answers: list[Outcome | Exception]
    ) -> None:
        self.letters_come(kinds)
        self.outside.server.script = list(answers)
        self.work("everything")

    @precondition(lambda self: self.outside.written)
    @rule(which=st.integers(0, 100))
    def the_same_letter_comes_again(self, which: int) -> None:
        raw = self.outside.written[which % len(self.outside.written)]
        self.outside.deliver(raw, "again")

    @precondition(lambda self: self.number)
    @rule(which=st.integers(0, 100))
    def the_same_person_writes_again(self, which: int) -> None:
        self.number += 1
        raw = letter(which % self.number + 1, "person", words=f"Further words {self.number}.")
        self.outside.deliver(raw, "person")

    @rule(minutes=st.sampled_from((1, 10, 60, 600, 1500)))
    def time_passes(self, minutes: int) -> None:
        self.outside.pass_(minutes=minutes)

    @rule(hours=st.sampled_from((-24 * 3650, -1, 1, 24 * 3650)))
    def the_clock_is_set(self, hours: int) -> None:
        with suppress(OverflowError):
            self.outside.now += timedelta(hours=hours)

    @rule(seed=st.integers(0, 1000))
    def the_server_numbers_anew(self, seed: int) -> None:
        self.outside.mailbox.reset(shuffled(sorted(self.outside.mailbox.letters), seed))

    # What the program does

    @rule(stage=st.sampled_from(STAGES), answers=ANSWERS)
    def it_works(self, stage: str, answers: list[Outcome | Exception]) -> None:
        self.outside.server.script = list(answers)
        self.work(stage)

    @rule(
        stage=st.sampled_from(STAGES),
        name=st.sampled_from(REACHABLE),
        answers=ANSWERS,
    )
    def it_is_killed_at_a_fault_point(
        self, stage: str, name: str, answers: list[Outcome | Exception]
    ) -> None:
        def listen(reached: str) -> None:
            if reached == name:
                raise Crash

        self.outside.server.script = list(answers)
        with listening(listen), suppress(Crash):
            self.work(stage)
        self.restart()

    @rule(stage=st.sampled_from(STAGES), at=st.integers(1, 25))
    def it_is_killed_at_a_write(self, stage: str, at: int) -> None:
        self.process.close()
        with failing_at(0, crash) as failing:
            self.start()
            failing.writes, failing.fail_at = 0, at
            with suppress(Crash):
                self.work(stage)
        self.restart()

    @rule()
    def it_is_restarted(self) -> None:
        self.restart()

    # What people do

    @rule(which=st.integers(0, 100), act=st.sampled_from(("release", "cancel", "sent", "again")))
    def staff_decide(self, which: int, act: str) -> None:
        db, now = self.process.db, self.outside.now
        waiting = list(outbox.listed(db, State.HELD, State.UNCERTAIN, State.FAILED))
        if not waiting:
            return
        reply = waiting[which % len(waiting)]
        with suppress(Conflict), write(db):
            if act == "release":
                outbox.release(db, reply.id, "ana", now)
            elif act == "cancel":
                outbox.cancel(db, reply.id, "staff", now)
            elif act == "sent":
                outbox.was_sent(db, reply.id, now)
                db.execute("UPDATE outbox SET reason = 'staff' WHERE id = ?", [reply.id])
            else:
                outbox.send_again(db, reply.id, "ana", now)
        if act in ("release", "again"):
            # What was sent without our knowledge and is asked for again by a person goes twice.
            self.asked_again.add(reply.in_reply_to or reply.message_id)

    @rule(which=st.integers(0, 100), category=st.sampled_from(Category))
    def staff_sort_anew(self, which: int, category: Category) -> None:
        """Correct the kind of a letter whose acknowledgement has not left yet."""
        db, now = self.process.db, self.outside.now
        waiting = list(outbox.listed(db, State.HELD, State.QUEUED, State.DEFERRED))
        if not waiting:
            return
        reply = waiting[which % len(waiting)]
        review.perform(db, Correct(category), [review.Letter(reply.letter)], staff="ana", now=now)
        self.sorted_anew[reply.id] = category

    @rule()
    def a_backup_is_made(self) -> None:
        folder = self.folder / "backup"
        shutil.rmtree(folder, ignore_errors=True)
        self.copy = backup.make(self.process.db, folder, self.outside.now).file

    @precondition(lambda self: self.copy is not None)
    @rule()
    def the_backup_is_restored(self) -> None:
        """Restore under whatever clock; one that is behind the backup itself is refused."""
        assert self.copy is not None
        self.process.close()
        self.outside.pass_(minutes=1)
        with closing(sqlite3.connect(self.copy)) as copy:
            newest = copy.execute("SELECT max(received_at) FROM message").fetchone()[0]
        latest = self.outside.now + restoring.CLOCK_TOLERANCE
        behind = newest is not None and moment(newest) > latest
        with pytest.raises(StoreError, match="clock") if behind else nullcontext():
            restoring.restore(self.copy, self.outside.path, self.outside.now, who="ana")
            self.sorted_anew.clear()
        self.start()

    # What must be true

    @invariant()
    def every_promise_is_kept(self) -> None:
        if hasattr(self, "process"):
            assert self.promises_broken() == []

    def promises_broken(self) -> list[str]:
        taken = [answered_by(reply.raw) for reply in self.outside.server.accepted]
        twice = {each for each in taken if taken.count(each) > 1} - self.asked_again
        broken = [each for each in self.process.broken() if "taken twice" not in each]
        broken += ["a letter was answered in the words of another kind"] * self.is_in_old_words()
        return broken + [f"{len(twice)} letters were answered twice"] * bool(twice)

    def is_in_old_words(self) -> bool:
        """Say whether a letter that was sorted anew was acknowledged as what it was before.

        What the Sent folder or a person says of a reply counts for nothing here: it left before.
        """
        sent = self.process.db.execute(
            "SELECT id, template FROM outbox WHERE state = 'sent' AND smtp_reply LIKE '250%'"
        )
        return any(self.sorted_anew.get(row, template) != template for row, template in sent)

    def work(self, stage: str) -> None:
        stages = {
            "poll": self.process.poll,
            "triage": self.process.triage.run,
            "send": self.process.sender.send_due,
            "resolve": self.process.resolver.resolve,
            "everything": self.process.run,
        }
        with suppress(InboxbotError):
            stages[stage]()

    def restart(self) -> None:
        self.process.close()
        self.start()

    def start(self) -> None:
        self.lives += 1
        self.process = Process(self.outside, f"process {self.lives}")


EXAMPLES = {"default": 15, "long": 300, "thorough": 5000}[
    os.environ.get("HYPOTHESIS_PROFILE", "default")
]
TestInstallation = Installation.TestCase
TestInstallation.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
