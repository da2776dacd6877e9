"""What a draft would say to letters that came in. Nothing is sent, nothing is stored.

Of a letter only the values that its acknowledgement got are used, never its words.
"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from inboxbot.acknowledge import Acknowledger
from inboxbot.dossier import classification_of, decision_of
from inboxbot.mail.message import Address, Message
from inboxbot.reply import workbench
from inboxbot.reply.checks import Source
from inboxbot.reply.language import long_date
from inboxbot.reply.library import Library
from inboxbot.reply.template import Variables
from inboxbot.reply.workbench import Change
from inboxbot.store import decisions, templates
from inboxbot.store.decisions import Recorded
from inboxbot.store.sqlite import Database
from inboxbot.store.templates import Answered

# Which replies a short note stands before.
_SHORT = {
    "short": ("profile_request", "medication_question", "general_inquiry"),
    "short_urgent": ("urgent",),
    "short_bereavement": ("bereavement",),
}


def letters(
    db: Database, library: Library, name: str, language: str, *, limit: int
) -> list[Answered]:
    """Return the last letters whose acknowledgement holds this template, the newest first."""
    short = name in _SHORT
    languages = tuple(
        known.code
        for known in library.languages()
        if known.code == language or (not short and library.written_in(known.code) == language)
    )
    return templates.answered_with(db, _SHORT.get(name, (name,)), languages, limit=limit)


def values(
    db: Database, acknowledger: Acknowledger, answered: Answered, language: str, zone: ZoneInfo
) -> Variables | None:
    """Return what a template gets for a letter; None where the letter was erased meanwhile."""
    recorded = decisions.recorded(db, answered.letter)
    if recorded is None:
        return None
    return values_of(acknowledger, recorded, language, zone, first_contact=not answered.earlier)


def values_of(
    acknowledger: Acknowledger,
    recorded: Recorded,
    language: str,
    zone: ZoneInfo,
    *,
    first_contact: bool,
) -> Variables:
    """Return the values of a recorded letter, its day written as in `language`."""
    found = acknowledger.variables(
        Message(sender=Address(recorded.sender_name, recorded.sender_address or "")),
        classification_of(recorded),
        decision_of(recorded),
        recorded.received_at,
        first_contact,
        recorded.received_at,
    )
    day = recorded.received_at.astimezone(zone).date()
    return replace(found, received_date=long_date(day, language))


def what_if(
    db: Database,
    acknowledger: Acknowledger,
    name: str,
    language: str,
    *,
    live: Source | None,
    draft: Source,
    zone: ZoneInfo,
    limit: int,
) -> list[tuple[datetime, Change]]:
    """Return, for the last letters, what they would be told now and what the draft says."""
    answered = letters(db, acknowledger.library, name, language, limit=limit)
    people = [
        (each, found)
        for each in answered
        if (found := values(db, acknowledger, each, language, zone)) is not None
    ]
    changes = workbench.what_if(
        language, live, draft, [(each.letter, found) for each, found in people]
    )
    return [(each.received_at, change) for (each, _), change in zip(people, changes, strict=True)]
