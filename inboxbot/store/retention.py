"""What is erased by age: a letter's files first, in the end all but the mark that it was there.

In between go its bytes as received, and then its text.
`due` says what is old enough and deletes nothing. A letter that still waits for a person, whose
reply has not left, or that is under a legal hold, is kept however old it is.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from inboxbot.errors import StoreError
from inboxbot.frozen import dataclass
from inboxbot.mail.strip import without_attachments
from inboxbot.store import erasure, messages
from inboxbot.store.database import stamp, write
from inboxbot.store.outbox import WITH_STAFF
from inboxbot.store.sqlite import Database

BATCH = 100
PARTS = ("attachments", "raw", "text", "metadata")


@dataclass(frozen=True, slots=True)
class Rules:
    """Months after which each part is erased, 0 for never; by part, and by part and category."""

    months: Mapping[str, int]
    by_category: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, part: str, category: str | None) -> int:
        """Return the months of a part for letters of a category."""
        return self.by_category.get(part, {}).get(category or "", self.months.get(part, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Letters of which a part is old enough; `kept` are old enough and must stay for now."""

    attachments: tuple[int, ...] = ()
    raw: tuple[int, ...] = ()
    text: tuple[int, ...] = ()
    metadata: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()

    @property
    def letters(self) -> frozenset[int]:
        """Return every letter of which something goes."""
        return frozenset((*self.attachments, *self.raw, *self.text, *self.metadata))


def due(db: Database, rules: Rules, now: datetime) -> Report:
    """Return what is old enough to be erased at `now`."""
    kept = _waiting(db) | _held(db, _holds(db))
    categories = [row[0] for row in db.execute("SELECT DISTINCT category FROM review")]
    found = {part: _old(db, part, rules, [*categories, None], now) for part in PARTS}
    gone: set[int] = set()
    for part in reversed(PARTS):  # What goes altogether is not named again for its parts.
        found[part] = [letter for letter in found[part] if letter not in gone]
        gone |= set(found[part])
    return Report(
        **{part: tuple(row for row in found[part] if row not in kept) for part in PARTS},
        kept=tuple(sorted(gone & kept)),
    )


def erase(db: Database, report: Report, now: datetime) -> None:
    """Erase what a report names, some letters at a time, and leave no trace in the file.

    A letter that must stay by now, though it did not when the report was made, is left out.
    Raises `TransientError` where the database cannot be written now; the rest waits.
    """
    free = _Free(db)
    for letters in _batches(report.metadata):
        with write(db):
            erasure.erase_letters(db, free.of(letters), now)
    for letters in _batches(report.text):
        with write(db):
            _erase_text(db, free.of(letters))
    for letters in _batches(report.raw):
        with write(db):
            _erase_raw(db, free.of(letters))
    for letter in report.attachments:
        with write(db):
            if free.of([letter]):
                _erase_attachments(db, letter)
    if report.letters:
        erasure.scrub(db)


def months_before(now: datetime, months: int) -> datetime:
    """Return the same day so many months ago, or the last of that month."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    for day in (now.day, 30, 29, 28):
        try:
            return now.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


_LEFT = {
    "attachments": "EXISTS (SELECT 1 FROM raw w WHERE w.message_id = m.id AND NOT w.stripped)"
    " AND EXISTS (SELECT 1 FROM reading r WHERE r.message_id = m.id AND r.attachments <> '[]')",
    "raw": "EXISTS (SELECT 1 FROM raw w WHERE w.message_id = m.id)",
    "text": "EXISTS (SELECT 1 FROM reading r WHERE r.message_id = m.id AND r.parser <> 'erased')",
    "metadata": "TRUE",
}


def _old(
    db: Database, part: str, rules: Rules, categories: Sequence[str | None], now: datetime
) -> list[int]:
    """Return the letters of which a part is there and old enough, in one look at all letters."""
    months = {category: rules.of(part, category) for category in categories}
    before = {each: stamp(months_before(now, count)) for each, count in months.items() if count}
    if not before:
        return []
    cases = " ".join("WHEN v.category IS ? THEN ?" for _ in before)
    rows = db.execute(
        "SELECT m.id FROM message m LEFT JOIN review v ON v.message_id = m.id"  # noqa: S608
        f" WHERE m.erased_at IS NULL AND m.received_at < CASE {cases} END"
        f" AND {_LEFT[part]} ORDER BY m.id",
        [value for pair in before.items() for value in pair],
    )
    return [int(row[0]) for row in rows]


def _waiting(db: Database) -> set[int]:
    """Return the letters that a person has yet to see to, or whose reply may still leave."""
    # Each condition of an index stands here word for word: this is asked for every few letters.
    rows = db.execute(
        "SELECT message_id FROM review WHERE state IN ('new', 'claimed', 'reopened')"  # noqa: S608
        " UNION SELECT message_id FROM outbox"
        "  WHERE state IN ('queued', 'claimed', 'sending', 'deferred')"
        f" UNION SELECT message_id FROM outbox WHERE state = 'uncertain' AND {WITH_STAFF}"
        " UNION SELECT id FROM message WHERE decided_at IS NULL"
    )
    return {int(row[0]) for row in rows}


def _holds(db: Database) -> list[str]:
    return [str(row[0]) for row in db.execute("SELECT address FROM legal_hold ORDER BY address")]


def _held(db: Database, addresses: Sequence[str]) -> set[int]:
    return set(erasure.letters_of(db, addresses)) if addresses else set()


class _Free:
    """Says which letters may be erased at this moment, within the caller's transaction.

    Whose letters are held takes a look at all of them: one for each change of the holds.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._holds: list[str] = []
        self._held: set[int] = set()

    def of(self, letters: Sequence[int]) -> list[int]:
        """Return those of the letters that need not stay for now."""
        holds = _holds(self._db)
        if holds != self._holds:
            self._holds, self._held = holds, _held(self._db, holds)
        kept = _waiting(self._db) | self._held
        return [letter for letter in letters if letter not in kept]


def _erase_text(db: Database, letters: Sequence[int]) -> None:
    """Leave who wrote, when, of which kind, and what was decided; nothing that was said."""
    ids = [json.dumps(letters)]
    which = " message_id IN (SELECT value FROM json_each(?))"
    for statement in (
        "UPDATE reading SET subject = '', text = '', defects = '[]', attachments = '[]',"
        " parser = 'erased' WHERE",
        "UPDATE decision SET evidence = '[]', medicines = '[]', suggestions = '[]' WHERE",
        # What is empty can never be sent, not even by a person.
        "UPDATE outbox SET state = 'cancelled', reason = 'too_old', raw = x''"
        " WHERE state IN ('held', 'failed') AND",
        "UPDATE outbox SET raw = x'' WHERE",
        "DELETE FROM note WHERE",
        "DELETE FROM draft WHERE",
        "DELETE FROM raw WHERE",
    ):
        db.execute(statement + which, ids)


def _erase_raw(db: Database, letters: Sequence[int]) -> None:
    db.execute(
        "DELETE FROM raw WHERE message_id IN (SELECT value FROM json_each(?))",
        [json.dumps(letters)],
    )


def _erase_attachments(db: Database, letter: int) -> None:
    """Empty the files of a letter; one that cannot be taken apart loses its bytes altogether.

    So does one whose bytes are damaged: it must not keep the others from being erased.
    """
    try:
        left = without_attachments(messages.raw(db, letter))
    except StoreError:
        left = None
    if left is None:
        _erase_raw(db, [letter])
    else:
        db.execute(
            "UPDATE raw SET encoding = 'zlib', bytes = ?, stripped = 1 WHERE message_id = ?",
            [zlib.compress(left), letter],
        )


def _batches(letters: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(letters), BATCH):
        yield letters[start : start + BATCH]
