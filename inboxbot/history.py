"""Bring old letters in: from files, or from what lay in the mailbox before the first start.

They are recorded and never acknowledged. Both ways can be stopped at any moment and started
again: what is stored already is known by its fingerprint or its place.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from inboxbot.errors import PermanentError
from inboxbot.fetching import Fetcher, Limits
from inboxbot.frozen import dataclass
from inboxbot.intake import Source, windows
from inboxbot.mail.files import Unreadable, iter_files, received
from inboxbot.mail.mailbox import Mailbox, field
from inboxbot.store import mailboxes, messages, places
from inboxbot.store.database import write
from inboxbot.store.messages import Incoming, Origin, Silence
from inboxbot.store.places import State
from inboxbot.store.sqlite import Database

BATCH_BYTES = 8 * 1024 * 1024
BATCH_COUNT = 200


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: letters stored, known already, and not readable."""

    stored: int = 0
    known: int = 0
    unreadable: int = 0


def import_files(
    db: Database,
    paths: Iterable[Path | str],
    *,
    mailbox: str,
    now: datetime,
    progress: Callable[[int], None] = lambda count: None,  # noqa: ARG005
    unreadable: Callable[[str, str], None] = lambda source, why: None,  # noqa: ARG005
    stop: Callable[[], bool] = lambda: False,
) -> Imported:
    """Store the letters in .eml files, folders, mbox and Maildir as those of `mailbox`.

    `progress` is called with the number of letters just gone through, `unreadable` with where
    a letter lies that could not be read, and why. Raises `TransientError` where the database
    cannot be written now.
    """
    with write(db):
        row = mailboxes.archive(db, mailbox, now)
    done = Imported()
    batch: list[bytes] = []
    for source, raw in iter_files(paths):
        if isinstance(raw, Unreadable):
            unreadable(source, raw.why)
            done = replace(done, unreadable=done.unreadable + 1)
            progress(1)
            continue
        batch.append(raw)
        if len(batch) >= BATCH_COUNT or sum(map(len, batch)) >= BATCH_BYTES:
            done = _store(db, row, batch, done, now)
            progress(len(batch))
            batch = []
            if stop():
                break
    if batch:
        done = _store(db, row, batch, done, now)
        progress(len(batch))
    return done


def _store(
    db: Database, mailbox: int, raws: Iterable[bytes], done: Imported, now: datetime
) -> Imported:
    with write(db):
        for raw in raws:
            message_id = (field(raw, b"message-id") or b"")[:998].decode("ascii", "replace")
            letter = Incoming(
                raw=raw,
                mailbox_id=mailbox,
                origin=Origin.IMPORT,
                received_at=received(raw, now),
                size=len(raw),
                keep_silent=Silence.BASELINE,
                rfc_message_id=message_id or None,
            )
            _, new = messages.store(db, letter, now)
            done = replace(done, stored=done.stored + new, known=done.known + (not new))
    return done


def import_since(
    db: Database,
    box: Mailbox,
    source: Source,
    since: datetime,
    *,
    now: datetime,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Fetch the letters of the baseline that the server received on the day `since` or later.

    Returns how many were fetched now; `progress` gets that number and how many there are in
    all. A mailbox that was never polled has no baseline: raises `PermanentError`. Raises the
    errors of `Mailbox` too; what was fetched until then is stored, and the next call goes on.
    """
    limits = replace(limits or Limits(), budget_s=float("inf"))
    watched = mailboxes.find(db, source.name, source.server, source.folder)
    if watched is None:
        raise PermanentError("This mailbox was never polled: run `inboxbot poll` first.")
    box.allow(limits.patience_s)
    if box.open().uidvalidity != watched.uidvalidity:
        raise PermanentError("The server has numbered its letters anew: run `inboxbot poll` first.")
    for first, last in windows(1, places.highest(db, watched)):
        box.allow(limits.patience_s)
        uids = box.uids(first, last, since)
        known = places.states(db, watched, first, last)
        with write(db):
            places.list_new(db, watched, (u for u in uids if u <= watched.baseline_uid), now)
            places.reopen(db, watched, (u for u in uids if known.get(u) is State.BASELINE), 0)
    total, done = places.waiting(db, watched), 0

    def count(fetched: int) -> None:
        nonlocal done
        done += fetched
        progress(done, total)

    Fetcher(db, box, watched, limits=limits, now=now, progress=count).run(stop)
    return done
