"""Counts for the metrics, by label; the queries are all of them, each on its own lines.

Some look at every letter that ever came; they stand apart, in `of_every_letter`. Labels are codes
of closed lists and names of mailboxes, never anything from a letter.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from inboxbot.frozen import dataclass
from inboxbot.store import figures
from inboxbot.store.database import moment
from inboxbot.store.sqlite import Database

TO_ACK_S = (60, 75, 120, 300, 900, 3600, 14400, 86400)


@dataclass(frozen=True, slots=True)
class Tally:
    """One figure: a counter or a gauge; the last column of each row is its value."""

    name: str
    counter: bool
    text: str
    labels: tuple[str, ...]
    rows: list[tuple[Any, ...]]


_Query = tuple[str, tuple[str, ...], str]
_COUNTERS: dict[str, _Query] = {
    "messages_quarantined": (
        "Letters that could not be fetched",
        ("reason",),
        "SELECT state, count(*) FROM place WHERE state IN ('quarantined', 'oversize')"
        " GROUP BY state",
    ),
    "messages_vanished": (
        "Letters that were removed before they could be fetched",
        (),
        "SELECT count(*) FROM place WHERE state = 'vanished'",
    ),
    "sweep_missing": (
        "Letters that a sweep found and no poll had seen",
        ("mailbox",),
        "SELECT name, sum(healed) FROM mailbox GROUP BY name",
    ),
    "login": (
        "Attempts to sign in",
        ("result",),
        "SELECT CASE what WHEN 'signed in' THEN 'ok' ELSE 'failed' END AS result, count(*)"
        " FROM audit WHERE what IN ('signed in', 'sign-in failed', 'code failed')"
        " GROUP BY result",
    ),
    "corrections": (
        "Categories that staff changed or confirmed",
        ("from", "to"),
        "SELECT from_category, to_category, count(*) FROM correction WHERE NOT undone"
        " GROUP BY from_category, to_category",
    ),
}
_GAUGES: dict[str, _Query] = {
    "last_successful_poll_timestamp_seconds": (
        "When a mailbox was last read without an error",
        ("mailbox",),
        "SELECT name, max(unixepoch(last_good_poll_at)) FROM mailbox"
        " WHERE last_good_poll_at IS NOT NULL GROUP BY name",
    ),
    "undecided": (
        "Letters that nobody has looked into yet",
        (),
        "SELECT count(*) FROM message WHERE decided_at IS NULL",
    ),
    "unaccounted": (
        "Letters on the server without a row, at the last sweep",
        ("mailbox",),
        "SELECT name, sum(unaccounted) FROM mailbox WHERE unaccounted IS NOT NULL GROUP BY name",
    ),
    "alerts": (
        "Alerts that are not over",
        ("code",),
        "SELECT code, count(*) FROM alert WHERE ended_at IS NULL GROUP BY code",
    ),
}
_OLDEST = {
    "outbox_oldest_seconds": (
        "How long the oldest reply has been due",
        "SELECT min(due_at) FROM outbox WHERE state IN ('queued', 'deferred')"
        # The second condition is that of the index, which only it makes usable.
        " AND state IN ('queued', 'claimed', 'sending', 'deferred')",
    ),
    "queue_oldest_seconds": (
        "How long the oldest letter has waited for a person",
        "SELECT min(received_at) FROM review INDEXED BY review_open"
        " WHERE state IN ('new', 'claimed', 'reopened')",
    ),
}


def tallies(db: Database) -> Iterator[Tally]:
    """Yield what is counted in no more time with a million letters than with a thousand."""
    for counter, queries in ((True, _COUNTERS), (False, _GAUGES)):
        for name, (text, labels, query) in queries.items():
            yield Tally(name, counter, text, labels, db.execute(query).fetchall())
    replies = list(figures.replies_by_state(db).items())
    yield Tally("outbox_depth", False, "Replies, by state", ("state",), replies)


def queue_depth(db: Database, done: list[tuple[Any, ...]]) -> Tally:
    """Return how many letters are with staff; those that are `done` were counted before."""
    rows = db.execute(_QUEUE.format("'new', 'claimed', 'reopened'")).fetchall()
    text = "Letters with staff, by state and category"
    return Tally("queue_depth", False, text, ("status", "category"), [*rows, *done])


@dataclass(frozen=True, slots=True)
class EveryLetter:
    """What only a look at every letter tells.

    `done` are the letters that staff are done with, by state and category. Of the seconds from a
    letter's arrival to its acknowledgement: how many were within each of `TO_ACK_S`, how many in
    all, and their sum.
    """

    tallies: tuple[Tally, ...]
    done: list[tuple[Any, ...]]
    acknowledged_within: dict[int, int]
    acknowledged: int
    seconds: float


def of_every_letter(db: Database) -> EveryLetter:
    """Look at every letter: some seconds with a million of them."""
    ingested, results, reasons = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    for category, reason, state, count in db.execute(_DECIDED):
        ingested[category] += count
        if state not in _UNDER_WAY:
            results[category, _RESULTS.get(state, "suppressed")] += count
        if reason is not None:
            reasons[reason] += count
    return EveryLetter(
        (
            Tally(
                "messages_ingested",
                True,
                "Stored letters, by what they were taken for",
                ("category",),
                list(ingested.items()),
            ),
            Tally(
                "ack",
                True,
                "Acknowledgements, by what became of them",
                ("category", "result"),
                [(*labels, count) for labels, count in results.items()],
            ),
            Tally(
                "ack_suppressed",
                True,
                "Letters that got no acknowledgement by themselves, by the first reason",
                ("reason",),
                list(reasons.items()),
            ),
        ),
        db.execute(_QUEUE.format("'answered', 'closed'")).fetchall(),
        *_arrival_to_acknowledgement(db),
    )


# In one look, for what counts is to read the letters. No state: there is no acknowledgement.
_DECIDED = (
    "SELECT d.category, d.reason, o.state, count(*) FROM decision d LEFT JOIN outbox o"
    " ON o.message_id = d.message_id AND o.kind = 'acknowledgement' GROUP BY 1, 2, 3"
)
_UNDER_WAY = {"queued", "claimed", "sending", "deferred"}
_RESULTS = {
    "sent": "sent",
    "bounced": "sent",
    "uncertain": "unknown",
    "failed": "failed",
    "held": "held",
}
_QUEUE = "SELECT state, category, count(*) FROM review WHERE state IN ({}) GROUP BY 1, 2"


def oldest(db: Database) -> Iterator[tuple[str, str, datetime | None]]:
    """Yield since when the oldest of a kind has waited: name, what it says, time."""
    for name, (text, query) in _OLDEST.items():
        at = db.execute(query).fetchone()[0]
        yield name, text, moment(at) if at else None


def _arrival_to_acknowledgement(db: Database) -> tuple[dict[int, int], int, float]:
    """Return how fast letters were acknowledged; what a person released does not count."""
    columns = ", ".join(f"count(*) FILTER (WHERE s <= {limit})" for limit in TO_ACK_S)
    row = db.execute(
        f"SELECT {columns}, count(*), coalesce(sum(s), 0) FROM ("  # noqa: S608  (numbers of ours)
        "SELECT unixepoch(o.sent_at) - unixepoch(m.received_at) AS s"
        " FROM outbox o INDEXED BY outbox_waited CROSS JOIN message m ON m.id = o.message_id"
        " WHERE o.kind = 'acknowledgement'"
        " AND o.created_by IS NULL AND o.sent_at IS NOT NULL)"
    ).fetchone()
    return dict(zip(TO_ACK_S, row, strict=False)), row[-2], row[-1]
