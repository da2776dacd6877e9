"""A search as a condition of the queue: every value a parameter, every name from a list.

Words are found by the full-text index with their marks folded ("medico" finds "médico"); words
of scripts without spaces by three letters each, and shorter ones by looking. Words that every
letter must hold are told apart from the rest of the condition (`inboxbot.store.finding`).
"""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from inboxbot.classify.category import Category
from inboxbot.mail.conversation import folded
from inboxbot.store.database import stamp
from inboxbot.store.finding import Words
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.query import All, Either, Field, Node, Not, SearchError, Word, parse
from inboxbot.store.queue import Listing
from inboxbot.store.reviews import State

__all__ = ["SearchError", "narrowed"]

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PERIOD = re.compile(r"(\d{1,4})([hdwmy])\Z")
_PERIODS = "“12h”, “2d”, “3w”, “6m”"
_HOURS = {"h": 1, "d": 24, "w": 168, "m": 720, "y": 8760}
_COLUMNS = {"from": "sender_name sender_address", "subject": "subject", "body": "text"}
_CATEGORY_WORDS = {
    "profile": Category.PROFILE_REQUEST,
    "medication": Category.MEDICATION_QUESTION,
    "medicine": Category.MEDICATION_QUESTION,
    "general": Category.GENERAL_INQUIRY,
}
_STATUS = {
    "open": "v.state IN ('new', 'claimed', 'reopened')",
    "done": "v.state IN ('answered', 'closed')",
    "waiting": "v.snoozed_until > :now",
    "spam": "v.closed_as = 'not_for_us'",
    **{state.value: f"v.state = '{state}'" for state in State},
}
_IS = {
    "unsure": "v.needs_review = 1",
    "urgent": "v.urgent = 1",
    "confirmed": "v.confirmed_at IS NOT NULL",
    "sensitive": "d.sensitive <> '[]'",
    "acked": "o.state = 'sent'",
    "quarantined": "d.reason = 'unreadable'",
    "first": "NOT EXISTS (SELECT 1 FROM reading p WHERE p.return_address = r.return_address"
    " AND p.message_id < r.message_id)",
}
_HAS = {
    "attachment": "r.attachments <> '[]'",
    "note": "EXISTS (SELECT 1 FROM note n WHERE n.message_id = v.message_id)",
    "draft": "EXISTS (SELECT 1 FROM draft n WHERE n.message_id = v.message_id)",
    "medicine": "d.medicines <> '[]'",
}


@dataclass
class _Parameters:
    """Gives each value its name."""

    values: dict[str, object] = field(default_factory=dict)

    def add(self, value: object) -> str:
        """Keep a value; return the name that stands for it."""
        name = f"q{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def narrowed(listing: Listing, query: str, now: datetime, *, staff: str = "") -> Listing:
    """Return the list with only what the query finds; days are those of the zone of `now`.

    Raises `SearchError` with its place.
    """
    if not query.strip():
        return listing
    parameters = _Parameters()
    words, rest = _parted(parse(query))
    condition = _condition(All(rest), parameters, now, staff) if rest else ""
    return replace(listing, words=words, condition=condition, values=parameters.values)


def _parted(tree: Node) -> tuple[tuple[Words, ...], tuple[Node, ...]]:
    """Return what the indexes of words must find, one for each index, and the rest of the tree."""
    parts = tree.parts if isinstance(tree, All) else (tree,)
    wanted: dict[str, list[str]] = {}
    for part in parts:
        if (found := _indexed(part)) is not None:
            wanted.setdefault(found.table, []).append(f"({found.wanted})")
    expressions = {table: " AND ".join(each) for table, each in wanted.items()}
    rest: list[Node] = []
    for part in parts:
        without = _indexed(part.part) if isinstance(part, Not) else None
        if without is not None and without.table in expressions:
            before = expressions[without.table]
            expressions[without.table] = f"({before}) NOT ({without.wanted})"
        elif _indexed(part) is None:
            rest.append(part)
    return tuple(Words(table, each) for table, each in expressions.items()), tuple(rest)


def _indexed(node: Node) -> Words | None:
    """Return what an index of words is asked for; None where it takes more than one index."""
    match node:
        case Word(text):
            return _looked_up(text, "")
        case Field(operator, value) if operator in _COLUMNS:
            return _looked_up(value, _COLUMNS[operator])
        case Either(parts):
            found = [_indexed(part) for part in parts]
            if None in found or len({each.table for each in found if each}) != 1:
                return None
            each = [words for words in found if words is not None]
            return Words(each[0].table, " OR ".join(f"({words.wanted})" for words in each))
        case _:
            return None


def _condition(node: Node, to: _Parameters, now: datetime, staff: str) -> str:
    match node:
        case All(parts):
            return "(" + " AND ".join(_condition(part, to, now, staff) for part in parts) + ")"
        case Either(parts):
            return "(" + " OR ".join(_condition(part, to, now, staff) for part in parts) + ")"
        case Not(part):
            return f"NOT coalesce({_condition(part, to, now, staff)}, 0)"
        case Word(text):
            return _words(text, "", to)
        case Field():
            return _field(node, to, now, staff)


def _field(found: Field, to: _Parameters, now: datetime, staff: str) -> str:
    value = found.value
    match found.operator:
        case "from" | "subject" | "body":
            return f"({_words(value, _COLUMNS[found.operator], to)})"
        case "to":
            return f"b.name = {to.add(value)}"
        case "category":
            return f"v.category = {to.add(_category(found))}"
        case "status":
            return _listed(found, _STATUS)
        case "assigned":
            return _assigned(value, to, staff)
        case "is":
            return _listed(found, _IS)
        case "has":
            return _listed(found, _HAS)
        case "lang":
            return f"d.language = {to.add(value.lower())}"
        case "before" | "after":
            sign = "<" if found.operator == "before" else ">="
            return f"v.received_at {sign} {to.add(_bound(found, now))}"
        case "older" | "newer":
            sign = "<" if found.operator == "older" else ">="
            return f"v.received_at {sign} {to.add(_bound(found, now))}"
        case "ack":
            return _acknowledgement(found)
        case "reason":
            return f"(d.reason = {to.add(value)} OR o.reason = {to.add(value)})"
        case "tag":
            return (
                "v.message_id IN (SELECT message_id FROM tag"  # noqa: S608
                f" WHERE name = {to.add(value.casefold())})"
            )
        case "template":
            return f"o.template = {to.add(value)}"
        case _:
            return (
                "v.message_id IN (SELECT message_id FROM reading"  # noqa: S608
                f" WHERE return_address = {to.add(folded(value))})"
            )


def _words(text: str, columns: str, to: _Parameters) -> str:
    if not any(c.isalnum() for c in text):
        return "0"  # Nothing in it could stand in an index.
    words = _looked_up(text, columns)
    if words is None:
        return _looked_for(text, columns, to)
    wanted = to.add(words.wanted)
    return (
        f"v.message_id IN (SELECT rowid FROM {words.table}"  # noqa: S608
        f" WHERE {words.table} MATCH {wanted})"
    )


def _looked_up(text: str, columns: str) -> Words | None:
    """Return what to ask an index for a word; None where it stands in none."""
    prefix = text.endswith("*") and len(text) > 2
    text = text.rstrip("*") if prefix else text
    if not any(c.isalnum() for c in text) or (_UNSPACED.search(text) and len(text) < 3):
        return None
    if _UNSPACED.search(text):
        table, wanted = "reading_unspaced", _quoted(text)
    else:
        table, wanted = "reading_words", _quoted(text) + (" *" if prefix else "")
    return Words(table, f"{{{columns}}} : {wanted}" if columns else wanted)


def _looked_for(text: str, columns: str, to: _Parameters) -> str:
    name = to.add(text)
    places = columns.split() or ["subject", "text", "sender_name"]
    return "(" + " OR ".join(f"instr(r.{place}, {name}) > 0" for place in places) + ")"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""').replace("\0", " ") + '"'


def _category(found: Field) -> Category:
    value = found.value.lower()
    if value in _CATEGORY_WORDS:
        return _CATEGORY_WORDS[value]
    if value in Category.__members__.values():
        return Category(value)
    raise _unknown(found, tuple(_CATEGORY_WORDS))


def _listed(found: Field, conditions: dict[str, str]) -> str:
    if found.value.lower() not in conditions:
        raise _unknown(found, tuple(conditions))
    return conditions[found.value.lower()]


def _unknown(found: Field, known: tuple[str, ...]) -> SearchError:
    near = get_close_matches(found.value.lower(), known, 1)
    typed = f"{found.operator}:{found.value}"
    if near:
        text = f"“{typed}” is not known. Did you mean “{found.operator}:{near[0]}”?"
    else:
        text = f"“{typed}” is not known. Known are “{'”, “'.join(known)}”."
    return SearchError(text, found.position)


def _assigned(value: str, to: _Parameters, staff: str) -> str:
    if value.lower() == "none":
        return "v.assignee IS NULL"
    return f"v.assignee = {to.add(staff if value.lower() == 'me' else value.lower())}"


def _acknowledgement(found: Field) -> str:
    value = found.value.lower()
    if value == "none":
        return "o.id IS NULL"
    if value not in ReplyState.__members__.values():
        raise _unknown(found, ("none", *(state.value for state in ReplyState)))
    return f"o.state = '{ReplyState(value)}'"


def _bound(found: Field, now: datetime) -> str:
    """Return the time that an operator compares with, as it is stored."""
    try:
        if found.operator in ("before", "after"):
            return stamp(_day(found, now))
        return stamp(now.astimezone(UTC) - _period(found))  # Hours passed, whatever clocks did.
    except OverflowError:
        text = f"“{found.operator}:{found.value}” is further away than the calendar goes."
        raise SearchError(text, found.position) from None


def _day(found: Field, now: datetime) -> datetime:
    try:
        day = datetime.fromisoformat(found.value)
    except ValueError:
        raise SearchError(
            f"After “{found.operator}:” write a day such as {now:%Y-%m-%d}.", found.position
        ) from None
    return day if day.tzinfo else day.replace(tzinfo=now.tzinfo)


def _period(found: Field) -> timedelta:
    match = _PERIOD.match(found.value.lower())
    if match is None:
        raise SearchError(
            f"After “{found.operator}:” write a time such as {_PERIODS}.", found.position
        )
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])
