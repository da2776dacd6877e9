"""Forget a person: find everything of theirs, also in the letters of others, and erase it.

`look` only reads, and says what would go; `erase` does it in one transaction. A line in a file
beside the database remembers whom it was, as a keyed hash, so that a restored backup forgets
them again.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from inboxbot import events, promotion
from inboxbot.counted import counted
from inboxbot.errors import NotAllowed, TransientError
from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import folded
from inboxbot.mail.parse import attachment_bytes, parse
from inboxbot.mail.traces import Traces, traces
from inboxbot.store import audit, erasure, holds, messages, models, people, settings
from inboxbot.store.backup import Copy
from inboxbot.store.database import file_of, moment, stamp, write
from inboxbot.store.erasure import Written
from inboxbot.store.sqlite import Database

_FILES_SEARCHED = ("text/", "message/", "application/json", "application/xml")
_LONGEST_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is of a person; numbers are rows.

    `quoting` are letters of others that name or quote them, `replies` are replies to others
    that do; `models` learned from the letters; `held` says that a legal hold forbids to erase.
    `damaged` are letters of others that could not be searched: their stored bytes are damaged,
    and what was read of them names nobody.
    """

    addresses: tuple[str, ...]
    names: tuple[str, ...]
    letters: tuple[int, ...]
    quoting: tuple[int, ...]
    replies: tuple[int, ...]
    held: bool
    traces: Traces
    models: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()


def look(
    db: Database,
    address: str,
    *,
    progress: Callable[[int], None] = lambda count: None,  # noqa: ARG005
) -> Found:
    """Find everything of whoever writes from `address`; reads every stored letter once.

    Raises `TransientError` where letters wait to be decided on: nobody knows yet whose they are.
    """
    waiting = erasure.undecided(db)
    if waiting:
        raise TransientError(
            counted(
                "{} letter has not been read yet, and may be theirs: try again when the daemon or "
                "`inboxbot poll` has sorted it.",
                "{} letters have not been read yet, and may be theirs: try again when the daemon "
                "or `inboxbot poll` has sorted them.",
                waiting,
            )
        )
    addresses = people.person(db, address).addresses
    return _find(db, addresses, erasure.letters_of(db, addresses), progress)


def erase(db: Database, found: Found, *, who: str, now: datetime) -> str:
    """Erase what `look` found; return the pseudonym that the audit knows the person by.

    Raises `NotAllowed` under a legal hold and `TransientError` where a reply is just leaving.
    """
    pseudonym = pseudonym_of(db, found.addresses[0])
    with write(db):
        if found.held or _held(db, found.addresses):  # One that was put on since counts, too.
            raise NotAllowed("A legal hold is on this person: nothing was erased.")
        _erase(db, found, now)
        counts = f"{len(found.letters)} letters, {len(found.quoting)} quoting"
        gone = promotion.forget(db, who, now)
        if gone:
            counts += f", {len(gone)} models"
        audit.add(db, who, "erased person", now, detail=f"{pseudonym}: {counts}")
        # Last, when nothing can refuse it any more, and before it is committed: after a crash
        # between the two a restore forgets somebody whom staff had decided to erase.
        _remember(db, found.addresses, now)
    promotion.sweep(db, gone)
    events.person_erased(len(found.letters), len(found.quoting))
    erasure.scrub(db)
    return pseudonym


def erase_again(db: Database, remembered: Path, now: datetime) -> tuple[int, int]:
    """Erase in a restored copy whoever was erased after it was made.

    Returns how many letters were erased, and how many stay because a legal hold of the copy is on
    their writers. Letters that came after a person was erased are new ones, and stay. Called on a
    database that nothing else has open.
    """
    erased, kept = 0, set[int]()
    for at, key in _remembered(remembered):
        for address in [each for each in erasure.known_addresses(db) if _key(db, each) == key]:
            before = erasure.letters_of(db, [address], stored_until=at)
            if _held(db, people.person(db, address).addresses):
                kept |= set(before)
                continue
            with write(db):
                _erase(db, _find(db, (address,), before), now)
            erased += len(before)
    if erased:
        with write(db):
            promotion.forget(db, "restore", now)
        erasure.scrub(db)
    return erased, len(kept)


def _find(
    db: Database,
    addresses: tuple[str, ...],
    own: list[int],
    progress: Callable[[int], None] = lambda count: None,  # noqa: ARG005
) -> Found:
    written = [erasure.written(db, letter) for letter in own]
    sought = _traces(addresses, written)
    quoting, damaged = _quoting(db, set(own), sought, progress)
    return Found(
        addresses=addresses,
        names=tuple(dict.fromkeys(each.sender_name for each in written if each.sender_name)),
        letters=tuple(own),
        quoting=tuple(quoting),
        replies=tuple(_replies(db, set(own), sought)),
        held=_held(db, addresses),
        traces=sought,
        models=tuple(models.learned_from(db, own)),
        damaged=tuple(damaged),
    )


def _held(db: Database, addresses: tuple[str, ...]) -> bool:
    return any(holds.held(db, each) for each in addresses)


def _erase(db: Database, found: Found, now: datetime) -> None:
    erasure.erase_letters(db, found.letters, now)
    erasure.erase_person(db, found.addresses, found.names)
    erasure.take_out(db, found.quoting, found.traces)
    erasure.take_out_of_replies(db, found.replies, found.traces)
    erasure.take_out_of_notes(db, found.traces)


def outside(copies: Sequence[Copy], weeks: int, aside: Sequence[Path] = ()) -> list[str]:
    """Return what erasing cannot reach, in words; backups are kept for `weeks` at the longest.

    `aside` are former databases that nobody has removed yet.
    """
    found = [
        "the mailbox on the mail server, its Sent folder and its own backups",
        "answers that staff sent by other programs, exports, printed pages",
        "mentions of the person by name alone, in letters or notes on somebody else",
        "text inside files such as PDF or images in letters of others",
    ]
    if copies:
        backups = counted("{} backup", "{} backups", len(copies))
        until = counted("{} week", "{} weeks", weeks)
        found.append(
            f"{backups} in {copies[0].file.parent}, the last of which goes in about {until}; "
            "should one be restored, this person is erased from it again"
        )
    if aside:
        databases = counted("{} former database", "{} former databases", len(aside))
        found.append(
            f"{databases} in {aside[0].parent}, which a restore or an encryption has kept: to be "
            "removed by whoever looks after the machine"
        )
    return found


def remembered_beside(database: Path) -> Path:
    """Return the file that remembers who was erased."""
    return database.with_name(f"{database.name}.erased")


def pseudonym_of(db: Database, address: str) -> str:
    """Return what the audit calls a person who was erased."""
    return f"person-{_key(db, folded(address))[:12]}"


def _traces(addresses: tuple[str, ...], written: list[Written]) -> Traces:
    # Addresses as written, too: folded ones have lost their tag.
    tagged = [each.sender_address for each in written if folded(each.sender_address) in addresses]
    return traces(
        names=[*addresses, *tagged, *(name for each in written for name in each.message_ids)],
        subjects=[each.subject for each in written],
        texts=[text for each in written for text in (each.subject, each.text)],
        ours=[parse(raw).full_text for each in written for raw in each.replies],
    )


def _quoting(
    db: Database, own: set[int], sought: Traces, progress: Callable[[int], None]
) -> tuple[list[int], list[int]]:
    """Return the letters of others that name or quote them, and those that cannot tell."""
    quoting, damaged = [], []
    for letter in erasure.letters_with_bytes(db):
        if letter not in own:
            try:
                if _names(messages.raw(db, letter), sought):
                    quoting.append(letter)
            except messages.Damaged:
                damaged.append(letter)
        progress(1)
    for letter, subject, text in erasure.texts_without_bytes(db, and_of=damaged):
        if letter not in own and (sought.in_text(text) or sought.in_text(subject)):
            quoting.append(letter)
    return quoting, [letter for letter in damaged if letter not in quoting]


def _replies(db: Database, own: set[int], sought: Traces) -> Iterator[int]:
    for reply, letter, raw in erasure.replies(db):
        if letter not in own and raw and _names(raw, sought):
            yield reply


def _names(raw: bytes, sought: Traces) -> bool:
    if sought.in_bytes(raw):
        return True
    message = parse(raw)
    if sought.in_text(f"{message.subject}\n{message.full_text}"):
        return True
    return any(
        sought.in_bytes(data) or sought.in_text(data.decode("utf-8", "replace"))
        for each in message.attachments
        if each.type.startswith(_FILES_SEARCHED) and each.size <= _LONGEST_FILE
        for data in [attachment_bytes(raw, each.index)[1]]
    )


def _key(db: Database, address: str) -> str:
    secret = settings.instance(db).secret
    return hmac.new(secret, f"erased {address}".encode(), hashlib.sha256).hexdigest()


def _remember(db: Database, addresses: tuple[str, ...], now: datetime) -> None:
    """Write down outside the store whom it concerns: a restored copy does not know."""
    file = remembered_beside(file_of(db))
    handle = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        for address in addresses:
            line = json.dumps({"at": stamp(now), "key": _key(db, address)})
            os.write(handle, f"{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _remembered(file: Path) -> list[tuple[datetime, str]]:
    if not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]
    return [(moment(line["at"]), str(line["key"])) for line in lines]
