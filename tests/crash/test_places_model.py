"""The places of letters against a model: whatever is done to the mailbox, nothing is lost.

Letters are delivered, read elsewhere, moved away and back, deleted; the server numbers them
anew, is put back to an older copy of itself, breaks connections and leaves letters out; the
program stops at any of its steps.
"""

import random
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from inboxbot import faults
from inboxbot.errors import TransientError
from inboxbot.mail.mailbox import FetchError
from inboxbot.store.database import connect
from tests.conftest import NOW
from tests.crash.pipeline import MEMORY
from tests.fakes import FakeMailbox, Kept
from tests.new_store import new_store
from tests.numbered import letter
from tests.taking_in import TakingIn

# A failure is made small for up to five minutes: it must not be cut off before it is told.
pytestmark = pytest.mark.timeout(900)

POINTS = [name for name in faults.NAMES if name.startswith("intake.")]


class Places(RuleBasedStateMachine):
    """`must` holds the bytes that lay in the mailbox, after the first start, at a good poll."""

    away = Bundle("away")

    @initialize(old=st.integers(0, 3), email_ids=st.booleans())
    def start(self, old: int, email_ids: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="inboxbot-places-", dir=MEMORY))
        self.path = self.folder / "inboxbot.sqlite3"
        new_store(self.path).close()
        self.box = FakeMailbox(email_ids=email_ids)
        self.number, self.eras = 0, 1
        self.old: set[bytes] = set()
        for _ in range(old):
            self.old.add(self.put(timedelta(days=-90)))
        self.taking = TakingIn(connect(self.path), self.box, NOW)
        self.taking.poll()
        self.must: set[bytes] = set()
        self.renumbered = False
        self.keep_copy()

    def put(self, age: timedelta = timedelta(), text: str = "Hello") -> bytes:
        self.number += 1
        raw = letter(self.number, text)
        self.box.deliver(raw, self.now() + age + timedelta(seconds=self.number))
        return raw

    def now(self) -> datetime:
        return self.taking.now if hasattr(self, "taking") else NOW

    @rule(days=st.sampled_from([0, 0, 0, -2, -400]), same=st.booleans())
    def deliver(self, days: int, same: bool) -> None:
        self.put(timedelta(days=days))
        if same:  # The same Message-ID, Date and size, and other text.
            self.number -= 1
            self.put(timedelta(days=days), "Jello")

    @rule(data=st.data())
    def read_elsewhere(self, data: st.DataObject) -> None:
        if self.box.letters:
            uid = data.draw(st.sampled_from(sorted(self.box.letters)))
            self.box.letters[uid].flags ^= {"\\Seen"}

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.box.letters:
            del self.box.letters[data.draw(st.sampled_from(sorted(self.box.letters)))]

    @rule(data=st.data(), target=away)
    def move_away(self, data: st.DataObject) -> Kept | None:
        if not self.box.letters:
            return None
        return self.box.letters.pop(data.draw(st.sampled_from(sorted(self.box.letters))))

    @rule(kept=consumes(away))
    def move_back(self, kept: Kept | None) -> None:
        if kept is not None:
            self.box.deliver(kept.raw, kept.received_at)

    @rule(data=st.data())
    def copy(self, data: st.DataObject) -> None:
        if self.box.letters:
            kept = self.box.letters[data.draw(st.sampled_from(sorted(self.box.letters)))]
            self.box.deliver(kept.raw, kept.received_at)

    @rule(order=st.randoms(use_true_random=False))
    def reset(self, order: random.Random) -> None:
        uids = sorted(self.box.letters)
        order.shuffle(uids)
        self.box.reset(uids)
        self.eras += 1
        self.box.uidvalidity = self.eras
        self.renumbered = True

    @rule()
    def keep_copy(self) -> None:
        self.kept = dict(self.box.letters), self.box.uidnext, self.box.uidvalidity

    @rule(new=st.integers(0, 5))
    def put_back(self, new: int) -> None:
        letters, self.box.uidnext, self.box.uidvalidity = self.kept
        self.box.letters = dict(letters)
        for _ in range(new):
            self.put()
        self.renumbered = True

    @rule(nth=st.integers(1, 8), kind=st.sampled_from([FetchError, TransientError]))
    def poll_with_a_broken_connection(self, nth: int, kind: type[TransientError]) -> None:
        count = 0

        def breaks(operation: str, uids: Sequence[int]) -> None:
            nonlocal count
            count += 1
            if count == nth:
                raise kind("The connection broke off.")

        self.box.trouble = breaks
        with suppress(TransientError):
            self.taking.poll()
        self.box.trouble = lambda operation, uids: None

    @rule(data=st.data())
    def poll_with_letters_left_out(self, data: st.DataObject) -> None:
        if self.box.letters:
            self.box.hidden = {data.draw(st.sampled_from(sorted(self.box.letters)))}
        self.taking.poll()
        self.box.hidden = set()

    @rule(name=st.sampled_from(POINTS), nth=st.integers(1, 3))
    def poll_and_stop(self, name: str, nth: int) -> None:
        count = 0

        def ends(reached: str) -> None:
            nonlocal count
            count += reached == name
            if reached == name and count == nth:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(faults, "point", ends)
            with suppress(KeyboardInterrupt):
                self.taking.poll()
        # The next process opens the database anew.
        self.taking.db.close()
        self.taking.db = connect(self.path)

    @rule()
    def poll(self) -> None:
        self.taking.poll()

    @rule(minutes=st.sampled_from([1, 6, 600]))
    def later(self, minutes: int) -> None:
        self.taking.later(minutes=minutes)

    @rule()
    def settle(self) -> None:
        """Poll and sweep without trouble: every letter there now is stored, or was before us."""
        self.taking.later(minutes=6)
        self.taking.poll()
        self.taking.sweep()
        assert self.taking.sweep() == 0
        there = {
            kept.raw
            for uid, kept in self.box.letters.items()
            if not self.is_taken_for_its_twin(uid, kept.raw)
        }
        self.must |= there - self.old
        stored = self.taking.stored()
        assert set(stored) >= self.must
        assert len(stored) == len(set(stored))
        places = self.taking.places()
        # Every place is final, and nothing is left that people would have to look for.
        assert not set(places.values()) & {"listed", "retry", "quarantined"}

    def is_taken_for_its_twin(self, uid: int, raw: bytes) -> bool:
        """Say whether a letter met the one thing that matching cannot tell; see test_epochs."""
        if not self.renumbered or raw in self.must:
            return False
        twin = raw.translate(bytes.maketrans(b"HJ", b"JH"))
        row = self.taking.db.execute(
            "SELECT m.fingerprint FROM place p JOIN mailbox b ON b.uidvalidity = p.uidvalidity"
            " JOIN message m ON m.id = p.message_id WHERE p.uid = ? AND p.state = 'ingested'",
            [uid],
        ).fetchone()
        return row is not None and row[0] == sha256(twin).hexdigest()

    @invariant()
    @precondition(lambda self: hasattr(self, "taking"))
    def nothing_is_out_of_order(self) -> None:
        self.taking.check()
        assert set(self.taking.stored()) >= self.must

    def teardown(self) -> None:
        if hasattr(self, "taking"):
            try:
                self.settle()
            finally:
                self.taking.db.close()
                shutil.rmtree(self.folder)


TestPlaces = Places.TestCase
TestPlaces.settings = settings(
    max_examples=settings.default.max_examples // 4,  # type: ignore[union-attr]
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
