"""What is new on the server becomes stored bytes; nothing is parsed here, nothing answered.

Whether a letter is new is decided by our own record of (mailbox, UIDVALIDITY, UID) alone, never
by the server's flags. Each step commits, so that the program may stop between any two lines.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime, timedelta

from inboxbot import events, faults
from inboxbot.errors import InboxbotError
from inboxbot.fetching import ATTEMPTS, Fetcher, Limits
from inboxbot.frozen import dataclass
from inboxbot.mail.mailbox import Details, Mailbox, Status
from inboxbot.store import alerts, mailboxes, messages, places
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.mailboxes import Watched
from inboxbot.store.places import State
from inboxbot.store.sqlite import Database

WINDOW = 5_000
DETAILS = 500
# So many of the letters with the highest numbers tell whether those were given out again.
NEWEST = 20

# Letters that arrived this long before the last good poll may not have been seen by it.
OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which mailbox is polled: its name in the configuration, its server, its folder."""

    name: str
    server: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What a poll found, and what became of the places; `waiting` ones are still open.

    `status` is how the folder was found: handed to the next poll, it saves a search.
    """

    mailbox: int
    status: Status
    first: bool = False
    listed: int = 0
    waiting: int = 0
    states: Mapping[State, int] = field(default_factory=dict)


def poll(
    db: Database,
    box: Mailbox,
    source: Source,
    *,
    now: datetime,
    limits: Limits | None = None,
    restored_at: datetime | None = None,
    previous: Status | None = None,
    mark: str = "",
    stop: Callable[[], bool] = lambda: False,
) -> PollResult:
    """List what is new in a mailbox and fetch what is due.

    At the first start only the baseline is recorded. Raises the errors of `Mailbox`, and
    `TransientError` where the disk or the database is not ready; what was fetched until then
    is stored.
    """
    limits = limits or Limits()
    try:
        box.allow(limits.patience_s)
        status = box.open()
        watched = mailboxes.find(db, source.name, source.server, source.folder)
        if watched is None:
            return _first_start(db, source, status, now)
        if now < watched.started_at:
            # Else every letter would count as older than the first start, for as long as that.
            with write(db):
                mailboxes.begun_by(db, watched.id, now)
            watched = _watched(db, source)
        watched = _same_era(db, box, source, watched, status, now, anew=previous is None)
        listed = 0
        if status != previous or watched.restored_uid < 0:
            listed = _list_new(db, box, watched, status, now)
        if watched.restored_uid < 0:
            watched = _looked_since_restored(db, source, watched, status)
        fetcher = Fetcher(db, box, watched, limits=limits, now=now, restored_at=restored_at)
        fetcher.run(stop)
    except InboxbotError as error:
        with suppress(InboxbotError), write(db):
            mailboxes.failed_poll(db, source.name, source.server, source.folder, str(error), now)
        raise
    with write(db):
        # Also where nothing was due: an earlier process may have ended before it could.
        places.set_floor(db, watched)
        mailboxes.good_poll(db, watched.id, now)
    waiting = places.waiting(db, watched)
    if listed or fetcher.states:
        events.polled(watched.id, listed, waiting, dict(fetcher.states))
    if mark and fetcher.stored:
        _mark(box, watched, fetcher.stored, mark)
    return PollResult(
        mailbox=watched.id,
        status=status,
        listed=listed,
        waiting=waiting,
        states=dict(fetcher.states),
    )


def sweep(
    db: Database,
    box: Mailbox,
    source: Source,
    *,
    now: datetime,
    limits: Limits | None = None,
    restored_at: datetime | None = None,
) -> int:
    """Account for every letter on the server above the baseline; return how many were not.

    Those get their row now and are fetched; so is, once more, what was given up or thought gone
    and is there. What was given up and is not there any more was dealt with by people. Letters
    of the baseline get their rows too, window by window, so that they are known again under
    another UIDVALIDITY.
    """
    limits = limits or Limits()
    result = poll(db, box, source, now=now, limits=limits, restored_at=restored_at)
    watched = _watched(db, source)
    # What is listed above this came while we looked, and waits for the next poll.
    highest = places.highest(db, watched)
    unaccounted = 0
    for first, last in windows(watched.baseline_uid + 1, highest):
        box.allow(limits.patience_s)
        unaccounted += _account(db, box, watched, first, last, now)
    with write(db):
        mailboxes.swept(db, watched.id, unaccounted, now)
    events.swept(watched.id, unaccounted)
    Fetcher(db, box, watched, limits=limits, now=now, restored_at=restored_at).run()
    if not result.first:
        _record_baseline(db, box, watched, limits, now)
    return unaccounted


def windows(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Split UIDs into ranges of at most 5,000: servers and imaplib refuse longer answers."""
    for start in range(first, last + 1, WINDOW):
        yield start, min(start + WINDOW - 1, last)


def too_many_unknown(unknown: int, usual_day: float) -> bool:
    """Say whether more letters are unknown after a new UIDVALIDITY than can be new ones."""
    return unknown > max(20.0, 3 * usual_day)


def differences(known: Details, found: Details) -> int:
    """Return how many of two signs say that these are two letters: what they are, and the date."""
    if known.identity and found.identity:
        other = known.identity != found.identity
    else:
        other = known.size != found.size
    return other + (found.received_at is not None and found.received_at != known.received_at)


def _first_start(db: Database, source: Source, status: Status, now: datetime) -> PollResult:
    """Record what was there before us, by one number: nothing is listed or fetched."""
    with write(db):
        mailboxes.watch(
            db,
            name=source.name,
            server=source.server,
            folder=source.folder,
            uidvalidity=status.uidvalidity,
            last=status.uidnext - 1,
            now=now,
        )
        mailboxes.good_poll(db, _watched(db, source).id, now)
    watched = _watched(db, source)
    events.baseline(watched.id, watched.baseline_uid)
    return PollResult(mailbox=watched.id, status=status, first=True)


def _watched(db: Database, source: Source) -> Watched:
    watched = mailboxes.find(db, source.name, source.server, source.folder)
    assert watched is not None  # noqa: S101  (its row was just read or made)
    return watched


def _same_era(
    db: Database,
    box: Mailbox,
    source: Source,
    watched: Watched,
    status: Status,
    now: datetime,
    *,
    anew: bool,
) -> Watched:
    """Return the mailbox with its present UIDVALIDITY, its letters found again if it is new.

    They are looked for again, too, where the server was put back to an older copy of itself and
    gives out numbers that we know letters by. `anew` says that we saw no earlier look.
    """
    if watched.name != source.name:
        with write(db):
            mailboxes.rename(db, watched.id, source.name)
    changed = watched.uidvalidity != status.uidvalidity
    # Rows may be there from an earlier time under this UIDVALIDITY.
    here = replace(watched, uidvalidity=status.uidvalidity, baseline_uid=0) if changed else watched
    back = _went_back(db, box, here, status)
    reused = (back and status.uidnext <= here.baseline_uid) or (
        (back or anew or changed) and _numbers_reused(db, box, here, status, back=back)
    )
    if changed or reused:
        seen_until = (watched.last_good_poll_at or watched.started_at) - OVERLAP
        with write(db):
            mailboxes.begin_epoch(
                db, watched.id, status.uidvalidity, silent_before=seen_until, now=now
            )
            if back or reused:
                places.put_aside(db, here, 0 if reused else status.uidnext)
    elif back:
        with write(db):
            mailboxes.goes_back(db, watched.id, status.uidnext - 1)
            places.put_aside(db, here, status.uidnext)
    watched = _watched(db, source)
    if watched.matched:
        return watched
    _find_again(db, box, watched, status, now)
    return _watched(db, source)


def _went_back(db: Database, box: Mailbox, watched: Watched, status: Status) -> bool:
    """Say whether UIDNEXT is not above what we saw, which RFC 9051, section 2.3.1.1, forbids.

    A server that only tells it late has a letter there; one that was put back has none.
    """
    if not status.uidnext_told or status.uidnext > places.highest(db, watched):
        return False
    return not box.uids(status.uidnext, None)


def _numbers_reused(
    db: Database, box: Mailbox, watched: Watched, status: Status, *, back: bool
) -> bool:
    """Say whether other letters lie under the highest numbers that we know and that are in use.

    Unless the server is known to have gone back, one difference is not enough: it may count a
    size anew, or have copied its files without their dates.
    """
    known = {each.uid: each for each in places.newest_known(db, watched, status.uidnext, NEWEST)}
    enough = 1 if back else 2
    there = box.details(sorted(known), identity=True) if known else []
    return any(differences(known[each.uid], each) >= enough for each in there)


def _looked_since_restored(
    db: Database, source: Source, watched: Watched, status: Status
) -> Watched:
    """Note how far the first look after a restore went, once all of it has its rows.

    Noted sooner, what was not listed yet would be forgotten if the server numbered anew just then.
    """
    last = max(status.uidnext - 1, places.highest(db, watched))
    with write(db):
        mailboxes.looked_since_restored(db, watched.id, last)
    return _watched(db, source)


def _find_again(
    db: Database, box: Mailbox, watched: Watched, status: Status, now: datetime
) -> None:
    """List a folder that the server numbered anew, and link what we know to its messages.

    What is not found again and is old was seen before, most likely: it is stored, and not
    acknowledged. Should there be more than can be new, none of it is.
    """
    for first, last in windows(1, status.uidnext - 1):
        _list_with_details(db, box, watched, first, last, State.LISTED, now)
        faults.point("intake.listed")
    with write(db):
        matched = places.match(db, watched)
        silent_before = watched.silent_before or now
        unmatched = places.unmatched_since(db, watched, silent_before)
        silenced = too_many_unknown(unmatched, messages.usual_day(db, watched.id, now))
        mailboxes.matching_done(db, watched.id, silent_before=now if silenced else silent_before)
        if silenced:
            alerts.open_alert(db, Code.UIDVALIDITY, now, detail=watched.name)
    events.uidvalidity_changed(watched.id, matched, unmatched, silenced)


def _list_with_details(
    db: Database, box: Mailbox, watched: Watched, first: int, last: int, state: State, now: datetime
) -> None:
    uids = box.uids(first, last)
    for start in range(0, len(uids), DETAILS):
        details = box.details(uids[start : start + DETAILS], identity=True)
        with write(db):
            places.list_with_details(db, watched, details, state, now)


def _list_new(db: Database, box: Mailbox, watched: Watched, status: Status, now: datetime) -> int:
    """Make a row for every UID that has none, from the floor to the end; gaps never wait."""
    start = max(watched.floor_uid, watched.baseline_uid) + 1
    ranges: list[tuple[int, int | None]] = list(windows(start, status.uidnext - 1))
    # The last range is open, in case UIDNEXT was not quite up to date.
    ranges[-1:] = [(ranges[-1][0] if ranges else start, None)]
    listed = 0
    for first, last in ranges:
        uids = box.uids(first, last)
        with write(db):
            listed += places.list_new(db, watched, uids, now)
        faults.point("intake.listed")
    return listed


def _account(
    db: Database, box: Mailbox, watched: Watched, first: int, last: int, now: datetime
) -> int:
    """Compare a range of UIDs with our rows, heal the difference, and return how large it was."""
    there = box.uids(first, last)
    known = places.states(db, watched, first, last)
    lost = [uid for uid in there if uid not in known]
    back = [uid for uid in there if known.get(uid) is State.VANISHED]
    given_up = {uid for uid, state in known.items() if state is State.QUARANTINED}
    gone = given_up - set(there)
    with write(db):
        places.list_new(db, watched, lost, now)
        places.reopen(db, watched, back, 0)
        places.reopen(db, watched, given_up - gone, ATTEMPTS - 1)
        for uid in gone:
            why = "It could not be fetched, and somebody moved or removed it since."
            places.finish(db, watched, uid, State.VANISHED, error=why)
        places.set_floor(db, watched)
    return len(lost) + len(back)


def _record_baseline(
    db: Database, box: Mailbox, watched: Watched, limits: Limits, now: datetime
) -> None:
    """Give the letters that were there before us their rows, where they have none yet."""
    for first, last in windows(watched.baseline_recorded_uid + 1, watched.baseline_uid):
        box.allow(limits.patience_s)
        _list_with_details(db, box, watched, first, last, State.BASELINE, now)
        with write(db):
            mailboxes.baseline_recorded(db, watched.id, last)


def _mark(box: Mailbox, watched: Watched, uids: list[int], mark: str) -> None:
    """Set the cosmetic mark; whatever happens, what we know stays as it is."""
    try:
        box.mark(uids, mark, watched.uidvalidity)
    except InboxbotError:
        events.mark_failed(watched.id)
