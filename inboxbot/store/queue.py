"""The staff queue: which letters a view holds, in which order, a page at a time.

A page starts after the letter that the page before ended with, so a letter that leaves or joins
the view meanwhile shifts nothing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

from inboxbot.classify.category import Category
from inboxbot.frozen import dataclass
from inboxbot.store import finding, places, scope
from inboxbot.store.database import moment, stamp
from inboxbot.store.finding import Words
from inboxbot.store.reviews import State
from inboxbot.store.sqlite import Database


class View(StrEnum):
    """The lists that staff can look at."""

    NEEDS_REVIEW = "needs_review"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    UNSURE = "unsure"
    HELD = "held"
    WAITING = "waiting"
    OPEN = "open"
    DONE = "done"
    PROBLEMS = "problems"
    EVERYTHING = "everything"


class Sort(StrEnum):
    """The orders of a list; `oldest` has urgent letters on top."""

    OLDEST = "oldest"
    NEWEST = "newest"
    LEAST_SURE = "least_sure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of letters: a view, an order, and what narrows it down.

    `words` and `condition` (SQL over the names of this module, with its `values`) are made by
    `inboxbot.store.search` from what was typed; never typed text itself. Only letters above
    `above` are listed, and none above `upto`.
    """

    view: View = View.NEEDS_REVIEW
    sort: Sort = Sort.OLDEST
    category: Category | None = None
    mailbox: str | None = None
    words: tuple[Words, ...] = ()
    condition: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    above: int = 0
    upto: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue."""

    id: int
    fingerprint: str
    message_id: str | None
    received_at: datetime
    mailbox: str
    sender_name: str
    sender_address: str | None
    subject: str
    snippet: str
    language: str | None
    attachments: int
    category: Category
    confidence: float
    urgent: bool
    needs_review: bool
    confirmed: bool
    disposition: str
    reason: str | None
    outbox_state: str | None
    outbox_reason: str | None
    state: State
    assignee: str | None
    snoozed_until: datetime | None
    version: int


_OPEN = "v.state IN ('new', 'claimed', 'reopened')"
_AWAKE = "(v.snoozed_until IS NULL OR v.snoozed_until <= :now)"
# What a person must look at although nobody asked: found by their partial indexes, not by a scan.
_TROUBLED = (
    "v.message_id IN (SELECT message_id FROM outbox WHERE state = 'uncertain'"
    " UNION SELECT o.message_id FROM outbox o CROSS JOIN review w ON w.message_id = o.message_id"
    "  WHERE o.state IN ('failed', 'bounced') AND w.state IN ('new', 'claimed', 'reopened')"
    " UNION SELECT d.message_id FROM decision d CROSS JOIN review w ON w.message_id = d.message_id"
    "  WHERE d.reason IN ('unreadable', 'template_error', 'compose_mismatch', 'guard')"
    "  AND w.state IN ('new', 'claimed', 'reopened')"
    " UNION SELECT m.id FROM message m CROSS JOIN review w ON w.message_id = m.id"
    "  WHERE m.truncated = 1 AND w.state IN ('new', 'claimed', 'reopened'))"
)
_HELD = "v.message_id IN (SELECT message_id FROM outbox WHERE state = 'held')"

CONDITIONS: dict[View, str] = {
    View.NEEDS_REVIEW: f"{_OPEN} AND {_AWAKE} AND v.confirmed_at IS NULL",
    View.MINE: f"{_OPEN} AND {_AWAKE} AND v.assignee = :staff",
    View.UNASSIGNED: f"{_OPEN} AND {_AWAKE} AND v.assignee IS NULL",
    View.UNSURE: f"{_OPEN} AND {_AWAKE} AND v.needs_review = 1 AND v.confirmed_at IS NULL",
    View.HELD: _HELD,
    View.WAITING: f"{_OPEN} AND v.snoozed_until > :now",
    View.OPEN: f"{_OPEN} AND {_AWAKE}",
    View.DONE: "v.state IN ('answered', 'closed')",
    View.PROBLEMS: _TROUBLED,
    View.EVERYTHING: "1",
}

_ORDER = {
    Sort.OLDEST: ("v.rank", "v.received_at", "v.message_id"),
    Sort.NEWEST: ("v.received_at DESC", "v.message_id DESC"),
    Sort.LEAST_SURE: ("v.confidence", "v.message_id"),
}

# The names that a condition may use. The review comes first (CROSS JOIN keeps SQLite to it), so
# that an index in the order of the list gives a page without sorting everything.
_BESIDE = (
    " CROSS JOIN message m ON m.id = v.message_id"
    " CROSS JOIN mailbox b ON b.id = m.mailbox_id"
    " CROSS JOIN reading r ON r.message_id = v.message_id"
    " CROSS JOIN decision d ON d.message_id = v.message_id"
    " LEFT JOIN outbox o ON o.message_id = v.message_id AND o.kind = 'acknowledgement'"
)
_REVIEW = "review v"
_FOUND = "json_each(:found) f CROSS JOIN review v ON v.message_id = f.value"
_ALL = "m.r.d.o.b."
COUNTED = 1000


def _order(sort: Sort, *, backwards: bool = False) -> str:
    if not backwards:
        return ", ".join(_ORDER[sort])
    return ", ".join(
        each.removesuffix(" DESC") if each.endswith(" DESC") else f"{each} DESC"
        for each in _ORDER[sort]
    )


def _behind(sort: Sort, *, backwards: bool = False) -> tuple[str, ...]:
    """Return where a page goes on: behind (or before) the letter :anchor, in the view or not.

    Each condition is a run of an index; what the first does not fill comes from the next.
    """
    names = [each.removesuffix(" DESC") for each in _ORDER[sort]]
    sign = "<" if (sort is Sort.NEWEST) is not backwards else ">"
    if sort is not Sort.OLDEST:
        return (f" AND {_compared(names, sign)}",)
    same, further = _compared(names[:1], "="), _compared(names[:1], sign)
    return f" AND {same} AND {_compared(names[1:], sign)}", f" AND {further}"


def _compared(names: list[str], sign: str) -> str:
    columns = ", ".join(name.removeprefix("v.") for name in names)
    anchor = f"(SELECT {columns} FROM review WHERE message_id = :anchor)"  # noqa: S608
    return f"({', '.join(names)}) {sign} {anchor}"


def rows(
    db: Database,
    listing: Listing,
    *,
    staff: str,
    now: datetime,
    limit: int,
    after: int | None = None,
) -> list[Row]:
    """Return a page of a list: from its start, or behind the letter `after`."""
    where, values = _where(db, listing, staff, now)
    source, parts = _tables(listing), ("",) if after is None else _behind(listing.sort)
    if listing.words:
        letters = _ids(db, listing, staff, now, limit, after)
        source, parts = _source(_ALL, _FOUND), ("",)
        where, values = "1", {"found": json.dumps(letters)}
    values["anchor"] = after
    found: list[Row] = []
    for part in parts:
        cursor = db.execute(
            "SELECT m.id, m.fingerprint, r.rfc_message_id, m.received_at, b.name, r.sender_name,"
            " r.sender_address, r.subject, substr(r.text, 1, 200), d.language,"
            " json_array_length(r.attachments), v.category, v.confidence, v.urgent,"
            " v.needs_review, v.confirmed_at IS NOT NULL, d.disposition, d.reason, o.state,"
            " o.reason, v.state, v.assignee, v.snoozed_until, v.version"
            f"{source} WHERE {where}{part} ORDER BY {_order(listing.sort)} LIMIT :limit",
            values | {"limit": limit - len(found)},
        )
        found += [_row(row) for row in cursor]
        if len(found) == limit:
            break
    return found


def neighbours(
    db: Database, listing: Listing, letter: int, *, staff: str, now: datetime
) -> tuple[int | None, int | None]:
    """Return the letters before and behind `letter` in a list that it need not be in."""
    before = _ids(db, listing, staff, now, 1, letter, backwards=True)
    behind = _ids(db, listing, staff, now, 1, letter)
    return (before[0] if before else None, behind[0] if behind else None)


def ids(db: Database, listing: Listing, *, staff: str, now: datetime, limit: int) -> list[int]:
    """Return the letters of a list, in its order."""
    return _ids(db, listing, staff, now, limit, None)


def _ids(
    db: Database,
    listing: Listing,
    staff: str,
    now: datetime,
    limit: int,
    after: int | None,
    *,
    backwards: bool = False,
) -> list[int]:
    """Return letters of a list: from its start, or behind (or before) the letter `after`."""
    found = finding.few(db, listing.words) if listing.words else None
    by_pieces = bool(listing.words) and found is None
    asked = replace(listing, condition="") if by_pieces else listing
    where, values = _where(db, asked, staff, now)
    letters = _walk(
        db, asked.sort, where, values, after, -1 if by_pieces else limit, found, backwards=backwards
    )
    if by_pieces:
        letters = _holding(db, listing, letters, values)
    return list(islice(letters, limit if limit >= 0 else None))


def _walk(
    db: Database,
    sort: Sort,
    where: str,
    values: dict[str, object],
    after: int | None,
    limit: int,
    found: list[int] | None,
    *,
    backwards: bool,
) -> Iterator[int]:
    """Yield the letters that a condition holds for, all or of those that were found, in order."""
    values = values | {"anchor": after, "limit": limit}
    if found is not None:
        values["found"] = json.dumps(found)
    source = _source(where, _REVIEW if found is None else _FOUND)
    for part in ("",) if after is None else _behind(sort, backwards=backwards):
        cursor = db.execute(
            f"SELECT v.message_id{source} WHERE {where}{part}"
            f" ORDER BY {_order(sort, backwards=backwards)} LIMIT :limit",
            values,
        )
        yield from (row[0] for row in cursor)


def _holding(
    db: Database, listing: Listing, letters: Iterator[int], values: dict[str, object]
) -> Iterator[int]:
    """Yield those of the letters that a search finds, compared by the piece."""
    condition = listing.condition or "1"
    for size in finding.sizes():
        piece = list(islice(letters, size))
        if not piece:
            return
        held = finding.among(db, listing.words, piece)
        rows = db.execute(
            f"SELECT v.message_id{_source(condition, _FOUND)} WHERE {condition}",
            values | {"found": json.dumps(held)},
        )
        kept = {row[0] for row in rows}
        yield from (letter for letter in held if letter in kept)


def counts(db: Database, *, staff: str, now: datetime) -> dict[View, int]:
    """Return how many letters each view holds; `COUNTED` stands for as many or more.

    Those that could not be fetched are problems as well, though nothing of them is here.
    """
    found: dict[View, int] = {
        view: count(db, Listing(view=view), staff=staff, now=now)
        for view in View
        if view is not View.EVERYTHING
    }
    found[View.PROBLEMS] += len(places.unfetched(db))
    return found


def count(db: Database, listing: Listing, *, staff: str, now: datetime) -> int:
    """Return how many letters a list holds; `COUNTED` stands for as many or more."""
    where, values = _where(db, listing, staff, now)
    source = _source(where, "{}")
    review = _REVIEW
    if listing.words:
        # The indexes of words first: what is counted are mostly the few that came in since.
        first = listing.words[0].table
        joined = (
            f" CROSS JOIN {each.table} ON {each.table}.rowid = {first}.rowid"
            for each in listing.words[1:]
        )
        review = f"{first}{''.join(joined)} CROSS JOIN review v ON v.message_id = {first}.rowid"
    for number, words in enumerate(listing.words):
        where += f" AND {words.table} MATCH :w{number} AND {words.table}.rowid > :above"
        values[f"w{number}"] = words.wanted
    row = db.execute(
        f"SELECT count(*) FROM (SELECT 1{source.format(review)} WHERE {where} LIMIT {COUNTED})",  # noqa: S608
        values,
    ).fetchone()
    return int(row[0])


def _where(
    db: Database, listing: Listing, staff: str, now: datetime
) -> tuple[str, dict[str, object]]:
    where = CONDITIONS[listing.view]
    values: dict[str, object] = {"now": stamp(now), "staff": staff, **listing.values}
    if listing.category is not None:
        where += " AND v.category = :category"
        values["category"] = listing.category
    if listing.mailbox is not None:
        where += " AND b.name = :mailbox"
        values["mailbox"] = listing.mailbox
    if listing.condition:
        where += f" AND ({listing.condition})"
    if listing.above:
        where += " AND v.message_id > :above"
    values["above"] = listing.above
    if listing.upto is not None:
        where += " AND v.message_id <= :upto"
        values["upto"] = listing.upto
    return where + scope.letters(db, "v.message_id"), values


def _tables(listing: Listing) -> str:
    """Return all tables; SQLite cannot know that few letters may be done, and is told so."""
    few = listing.view is View.DONE and listing.sort is Sort.NEWEST
    return _source(_ALL, "review v INDEXED BY review_done" if few else _REVIEW)


def _source(where: str, review: str) -> str:
    """Return the tables that a condition needs: the review alone, unless it names others."""
    names = any(f"{name}." in where for name in ("m", "r", "d", "o", "b"))
    return f" FROM {review}{_BESIDE if names else ''}"


def _row(row: tuple[object, ...]) -> Row:
    values = list(row)
    values[3] = moment(str(values[3]))
    values[8] = " ".join(str(values[8]).split())
    values[11] = Category(str(values[11]))
    values[13], values[14], values[15] = bool(values[13]), bool(values[14]), bool(values[15])
    values[20] = State(str(values[20]))
    values[22] = moment(str(values[22])) if values[22] else None
    return Row(*values)  # type: ignore[arg-type]
