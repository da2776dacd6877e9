"""Fetch what is listed: each letter's bytes into the store, or a state that says why not.

An attempt is counted before it is made, so that a letter which kills the program is known as
such afterwards. What was tried once is fetched alone: one bad letter cannot take its
neighbours with it, and it waits behind all others.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from inboxbot import events, faults
from inboxbot.errors import InboxbotError, TransientError
from inboxbot.frozen import dataclass
from inboxbot.mail.mailbox import Details, FetchError, Mailbox, field, identity
from inboxbot.store import messages, places
from inboxbot.store.database import write
from inboxbot.store.mailboxes import Watched
from inboxbot.store.messages import Incoming, Origin, Silence
from inboxbot.store.places import State
from inboxbot.store.sqlite import Database

ATTEMPTS = 3
BREAKS = 5
MIB = 1024 * 1024

# A server's clock may be behind ours: a letter that came this long before we began is not old.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken at once. Sizes are bytes, times seconds.

    `max_size` is the size above which only the first `start_size` bytes are kept; `patience_s`
    is how long nothing may move, `budget_s` how long one poll goes on fetching.
    """

    batch_bytes: int = 8 * MIB
    batch_count: int = 100
    max_size: int = 25 * MIB
    start_size: int = MIB // 2
    min_free: int = 200 * MIB
    patience_s: float = 600.0
    budget_s: float = 300.0


class Fetcher:
    """One pass over what is due in one mailbox; `states` counts what became of the places."""

    def __init__(
        self,
        db: Database,
        box: Mailbox,
        watched: Watched,
        *,
        limits: Limits,
        now: datetime,
        restored_at: datetime | None = None,
        progress: Callable[[int], None] = lambda count: None,  # noqa: ARG005
    ) -> None:
        self._db = db
        self._box = box
        self._watched = watched
        self._limits = limits
        self._now = now
        self._restored_at = restored_at
        self._progress = progress
        self._folder = messages.folder(db)
        self._absent: list[int] = []
        self._breaks = 0
        self.states: Counter[State] = Counter()
        self.stored: list[int] = []

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Fetch until nothing is due, `stop` says so, or the time is used up.

        Raises `TransientError` where the server or the disk has trouble; what was fetched
        until then is stored.
        """
        end = time.monotonic() + self._limits.budget_s
        tried = False
        try:
            while time.monotonic() < end and not stop():
                due = places.due(self._db, self._watched, self._now, self._limits.batch_count)
                if due:
                    tried = True
                    self._check_disk(0)
                    self._take(due)
                elif self._absent:
                    self._look_again()
                else:
                    break
        finally:
            if tried:
                # Without the lock or the disk the floor stays where it is, which is always right.
                with suppress(TransientError), write(self._db):
                    places.set_floor(self._db, self._watched)

    def _take(self, due: Sequence[places.Place]) -> None:
        """Try the letters never tried before together, or else the least tried one alone."""
        fresh = [place.uid for place in due if place.attempts == 0]
        first = due[0]
        if fresh:
            self._try(fresh, 1)
        elif first.attempts >= ATTEMPTS:
            self._give_up(first.uid, first.error or "The program ended each time that it came.")
        else:
            self._try([first.uid], first.attempts + 1)

    def _try(self, uids: Sequence[int], attempt: int) -> None:
        with write(self._db):
            places.count_attempts(self._db, self._watched, uids)
        faults.point("intake.attempt")
        try:
            self._fetch(uids)
        except FetchError as error:
            # It counts against the letter only if the server still answers.
            try:
                self._connect_anew()
            except InboxbotError:
                self._postpone(uids)
                raise
            self._failed(uids, attempt, str(error))
        except InboxbotError:
            self._postpone(uids)
            raise
        except OSError as error:
            self._postpone(uids)
            raise TransientError(f"No letter can be stored ({error.strerror}).") from error
        except Exception as error:  # noqa: BLE001  (around one message, or a batch of them)
            self._failed(uids, attempt, f"It could not be stored ({type(error).__name__}).")

    def _postpone(self, uids: Sequence[int]) -> None:
        """Take an attempt back that failed through no fault of the letter; others go first.

        A batch keeps its attempt: each of it is next fetched alone, should one be the cause.
        """
        if len(uids) > 1:
            return
        with suppress(TransientError), write(self._db):
            places.count_attempts(self._db, self._watched, uids, -1)
            at = self._now + retry_after(ATTEMPTS)
            places.retry(self._db, self._watched, uids[0], "The server had trouble.", at)

    def _connect_anew(self) -> None:
        self._breaks += 1
        if self._breaks > BREAKS:
            raise TransientError(
                f"The connection broke {self._breaks} times in one poll; what came is stored."
            )
        if self._box.open(anew=True).uidvalidity != self._watched.uidvalidity:
            raise TransientError("UIDVALIDITY changed during a poll; the next one begins anew.")

    def _failed(self, uids: Sequence[int], attempt: int, why: str) -> None:
        if len(uids) > 1:
            return  # Each of them has one attempt now, and is next fetched alone.
        uid = uids[0]
        if attempt >= ATTEMPTS:
            self._give_up(uid, why)
            return
        with write(self._db):
            places.retry(self._db, self._watched, uid, why, self._now + retry_after(attempt))
        events.fetch_failed(self._watched.id, uid, attempt)

    def _give_up(self, uid: int, why: str) -> None:
        with write(self._db):
            places.finish(self._db, self._watched, uid, State.QUARANTINED, error=why)
        self.states[State.QUARANTINED] += 1
        events.quarantined(self._watched.id, uid)

    def _fetch(self, uids: Sequence[int]) -> None:
        details = self._box.details(uids)
        self._missing(set(uids) - {each.uid for each in details})
        for batch in batches(details, self._limits):
            self._check_disk(sum(min(each.size, self._limits.max_size) for each in batch))
            self._store(batch, self._bytes_of(batch))
            self._box.allow(self._limits.patience_s)

    def _bytes_of(self, batch: Sequence[Details]) -> dict[int, bytes]:
        if batch[0].size <= self._limits.max_size:
            found = self._box.fetch([each.uid for each in batch])
        else:
            start = self._box.fetch_start(batch[0].uid, self._limits.start_size)
            found = {} if start is None else {batch[0].uid: start}
        # A letter that has a size and came without a byte was left out, too.
        empty = {each.uid for each in batch if each.size == 0}
        return {uid: raw for uid, raw in found.items() if raw or uid in empty}

    def _check_disk(self, size: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < self._limits.min_free + 2 * size:
            raise TransientError(
                f"Only {free // MIB} MiB are free where the database lies, and "
                f"{self._limits.min_free // MIB} must stay free (`min_free_mb`): no letter is "
                "fetched until there is room."
            )

    def _store(self, batch: Sequence[Details], raws: dict[int, bytes]) -> None:
        """Store what came of a batch in one transaction: bytes, message and place."""
        faults.point("intake.fetched")
        here = [each for each in batch if each.uid in raws]
        with write(self._db):
            outcomes = [self._store_one(each, raws[each.uid]) for each in here]
            faults.point("intake.before_commit")
        faults.point("intake.stored")
        self.states.update(state for state, _ in outcomes)
        self.stored += [each.uid for each in here]
        self._missing({each.uid for each in batch} - raws.keys())
        for state, message in outcomes:
            if state is State.OVERSIZE:
                events.oversize(message)
        self._progress(len(here))

    def _store_one(self, details: Details, raw: bytes) -> tuple[State, int]:
        truncated = details.size > self._limits.max_size
        received_at = details.received_at or self._now
        message_id = field(raw, b"message-id") or b""
        message, new = messages.store(
            self._db,
            Incoming(
                raw=raw,
                mailbox_id=self._watched.id,
                origin=Origin.IMPORT if details.uid <= self._watched.baseline_uid else Origin.IMAP,
                received_at=received_at,
                size=details.size if truncated else len(raw),
                truncated=truncated,
                keep_silent=silence(details.uid, received_at, self._watched, self._restored_at),
                rfc_message_id=message_id[:998].decode("ascii", "replace") or None,
            ),
            self._now,
        )
        state = State.DUPLICATE if not new else State.OVERSIZE if truncated else State.INGESTED
        known = Details(
            details.uid,
            details.size,
            received_at,
            details.email_id,
            identity(raw, details.size),
        )
        places.finish(self._db, self._watched, details.uid, state, message=message, details=known)
        return state, message

    def _missing(self, uids: Iterable[int]) -> None:
        """Note letters that the server left out; whether they are gone is looked up later."""
        for uid in sorted(uids):
            with write(self._db):
                at = self._now + retry_after(ATTEMPTS)
                places.retry(self._db, self._watched, uid, "The server left it out.", at)
            self._absent.append(uid)

    def _look_again(self) -> None:
        """Ask for what was left out on a new connection: gone, or to be tried again."""
        absent, self._absent = self._absent, []
        self._connect_anew()
        there = {each.uid for each in self._box.details(absent)}
        for uid in absent:
            if uid in there:
                with write(self._db):
                    places.retry(self._db, self._watched, uid, "The server left it out.", self._now)
            else:
                with write(self._db):
                    places.finish(
                        self._db,
                        self._watched,
                        uid,
                        State.VANISHED,
                        error="It was removed before it could be fetched.",
                    )
                self.states[State.VANISHED] += 1
                events.vanished(self._watched.id, uid)


def retry_after(attempt: int) -> timedelta:
    """Return how long to wait after a failed attempt at one letter: at once, then 5 minutes."""
    return timedelta() if attempt <= 1 else places.LONGEST_WAIT


def batches(details: Iterable[Details], limits: Limits) -> Iterator[list[Details]]:
    """Split letters into batches of bounded bytes and number; an oversize one is alone."""
    batch: list[Details] = []
    size = 0
    for each in details:
        alone = each.size > limits.max_size
        full = size + each.size > limits.batch_bytes or len(batch) >= limits.batch_count
        if batch and (alone or full):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.size
        if alone:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def silence(
    uid: int, received_at: datetime, watched: Watched, restored_at: datetime | None
) -> Silence | None:
    """Return why a letter is never acknowledged by itself, or None."""
    if uid <= watched.baseline_uid or received_at < watched.started_at - CLOCK_TOLERANCE:
        return Silence.BASELINE
    # By number first: the clock may have been behind when the backup was restored.
    if uid <= watched.restored_uid or (restored_at is not None and received_at < restored_at):
        return Silence.RESTORED
    if watched.silent_before is not None and received_at < watched.silent_before:
        return Silence.UIDVALIDITY
    return None
