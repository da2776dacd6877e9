"""The words of the pages: categories, states, actions, reasons, times.

Every text goes through `_`, and the tables here are looked up through it: translators find what
stands in a name in capitals (`make words`).
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from inboxbot.classify.category import Category
from inboxbot.reply.reason import EXPLANATIONS, Reason
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.queue import Sort, View
from inboxbot.store.users import Role
from inboxbot.web.languages import _, n_, said, spoken

__all__ = ["_", "n_", "said"]

CATEGORIES = {
    Category.PROFILE_REQUEST: "Profile request",
    Category.MEDICATION_QUESTION: "Medication question",
    Category.GENERAL_INQUIRY: "General inquiry",
}
VIEWS = {
    View.NEEDS_REVIEW: "Needs review",
    View.MINE: "Mine",
    View.UNASSIGNED: "Unassigned",
    View.UNSURE: "Unsure",
    View.HELD: "Held replies",
    View.WAITING: "Set aside",
    View.OPEN: "All open",
    View.DONE: "Done",
    View.PROBLEMS: "Problems",
    View.EVERYTHING: "Every letter",
}
SORTS = {
    Sort.OLDEST: "Oldest first",
    Sort.NEWEST: "Newest first",
    Sort.LEAST_SURE: "Least sure first",
}
STATES = {
    "new": "New",
    "claimed": "In progress",
    "answered": "Answered",
    "closed": "Done",
    "reopened": "Wrote again",
}
URGENT = {
    "breathing": "trouble breathing",
    "choking": "choking",
    "overdose": "overdose",
    "self_harm": "thoughts of self-harm",
    "unsafe_home": "not safe at home",
    "equipment": "failing equipment",
    "reaction": "reaction to a medicine",
    "danger": "somebody may be in danger",
}
SENSITIVE = {
    "bereavement": "bereavement",
    "child": "about a child",
    "complaint": "complaint",
    "legal": "legal matter",
    "press": "press",
}
REPLY_STATES = {
    ReplyState.QUEUED: "About to leave",
    ReplyState.CLAIMED: "Leaving now",
    ReplyState.SENDING: "Leaving now",
    ReplyState.SENT: "Sent",
    ReplyState.BOUNCED: "Came back",
    ReplyState.DEFERRED: "Will be tried again",
    ReplyState.FAILED: "Could not be sent",
    ReplyState.UNCERTAIN: "Sent or not?",
    ReplyState.HELD: "Held",
    ReplyState.CANCELLED: "Not sent",
}
# What an action is called after it was done; its class name is what the store keeps.
DONE = {
    "Claim": ("Assigned.", "{} letters assigned."),
    "Unclaim": ("Given back to everybody.", "{} letters given back."),
    "Correct": ("Category changed.", "{} categories changed."),
    "Confirm": ("Category confirmed.", "{} categories confirmed."),
    "Settle": ("Category set, and done.", "{} letters sorted and done."),
    "Renew": ("New again.", "{} letters new again."),
    "Close": ("Done.", "{} letters done."),
    "Reopen": ("Open again.", "{} letters open again."),
    "Snooze": ("Set aside.", "{} letters set aside."),
    "Wake": ("Back in the queue.", "{} letters back in the queue."),
    "AddNote": ("Note added.", "{} notes added."),
    "Tag": ("Tag added.", "{} letters tagged."),
    "Untag": ("Tag taken off.", "{} tags taken off."),
    "Merge": ("Put into that conversation.", "{} letters put into that conversation."),
    "Split": ("Taken out: it has a conversation of its own.", "{} letters taken out."),
    "Hold": ("The acknowledgement is held.", "{} acknowledgements held."),
    "Release": (
        "The reply leaves in a moment.",
        "{} replies leave in a moment.",
    ),
    "Drop": ("The reply will not be sent.", "{} replies will not be sent."),
    "Resolve": ("Settled.", "{} replies settled."),
    "Answer": ("Your answer leaves in ten seconds.", "{} answers leave in ten seconds."),
}
AUDIT = {
    "viewed": "opened the letter",
    "downloaded": "downloaded a file",
    "claimed": "assigned the letter",
    "unclaimed": "gave the letter back",
    "corrected": "changed the category",
    "confirmed": "confirmed the category",
    "settled": "set the category and closed the letter",
    "renewed": "marked the letter as new",
    "closed": "closed the letter",
    "reopened": "opened the letter again",
    "snoozed": "set the letter aside",
    "woken": "brought the letter back",
    "noted": "wrote a note",
    "tagged": "put a tag on the letter",
    "untagged": "took a tag off the letter",
    "merged": "put the letter into another conversation",
    "split": "took the letter out of its conversation",
    "held": "held the acknowledgement",
    "released": "released the reply",
    "dropped": "decided not to send the reply",
    "resolved": "settled what became of a reply",
    "answered": "answered",
    "undone": "took an action back",
    "person noted": "wrote a note on a person",
    "person changed": "changed what is known of a person",
    "signed in": "signed in",
    "signed out": "signed out",
    "sign-in failed": "failed to sign in",
    "code failed": "gave a wrong code",
    "password set": "set a password",
    "second factor set up": "set up the second factor",
    "second factor removed": "removed the second factor",
    "sessions ended": "ended all their sessions",
    "session over": "was signed out: the time was over",
    "user added": "added a user",
    "user disabled": "disabled a user",
    "user reset": "reset a user",
    "snippet saved": "saved a ready-made reply",
    "snippet removed": "removed a ready-made reply",
    "snippet proposed": "proposed a ready-made reply",
    "snippet approved": "approved a ready-made reply",
    "snippet refused": "refused a ready-made reply",
    "published template": "published a reply template",
    "edited template": "edited a reply template in the folder",
    "mode": "changed the mode",
    "audit read": "read the audit",
    "audit exported": "downloaded the audit",
    "confirmation failed": "typed a wrong password again",
    "session ended": "ended one of their sessions",
    "role changed": "changed a role",
    "mailboxes limited": "changed who may look into which mailbox",
    "everybody signed out": "signed everybody out",
    "templates approved": "approved the templates",
    "test mail": "sent a test mail",
    "address proven": "proved their own address",
    "exported person": "handed over a person's data",
    "erased person": "erased a person",
    "erased by age": "erased by age",
    "legal hold": "put a legal hold on a person",
    "lifted legal hold": "lifted a legal hold",
    "restored backup": "restored a backup",
    "converted store": "encrypted, decrypted, or gave the database another key",
    "trained model": "trained a model",
    "promoted model": "put a model in force",
    "rolled back model": "went back to the model before",
    "removed models": "removed models",
}
ROLES = {
    Role.STAFF: "Staff",
    Role.ADMINISTRATOR: "Administrator",
    Role.AUDITOR: "Auditor",
}
MAY = {
    Role.STAFF: "reads and answers letters, corrects, releases and holds, stops all sending",
    Role.ADMINISTRATOR: "all of that, and templates, users, going live, a person's data",
    Role.AUDITOR: "reads the record and the reports; sees no letter",
}
PERIODS = {7: "7 days", 30: "30 days", 84: "12 weeks", 365: "12 months"}
REPORTS = {
    "volumes": "letters by day",
    "waiting": "waiting times",
    "corrections": "corrections",
    "confidence": "how sure the sorting was",
    "languages": "languages",
    "hours": "hours of the day",
    "weekdays": "days of the week",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE = timedelta(minutes=1)
AGES = ((60, 1, "{} min"), (48 * 60, 60, "{} h"), (14 * 1440, 1440, "{} d"))
PARTS = {
    "attachments": "Files that came with it",
    "raw": "Its bytes as received",
    "text": "Text, subject, notes, our replies",
    "metadata": "All but the mark that it was here",
}
# What a letter may say of its writer: which thing it is, and the values that are words of ours.
SAYS = {
    "writer": "writes as",
    "name": "name",
    "place": "place",
    "telephone": "telephone",
    "contact": "wishes to be reached by",
}
WRITERS = {
    "patient": "patient",
    "loved_one": "loved one",
    "friend": "friend",
    "caregiver": "caregiver",
    "professional": "professional",
    "other": "somebody else",
    "email": "email",
    "telephone": "telephone",
}
# What a page adds to the explanation of a reason: the short form for a line of the queue.
SHORT_REASONS = {
    Reason.SHADOW: "shadow mode",
    Reason.PAUSED: "paused",
    Reason.STAFF: "held by staff",
    Reason.NOT_ADDRESSED: "not addressed to us",
    Reason.RATE_LIMITED: "limit reached",
    Reason.BREAKER_OPEN: "too many at once",
    Reason.IN_CONVERSATION: "already talking",
    Reason.TOO_OLD: "too old",
    Reason.BASELINE: "older than the start",
    Reason.UNREADABLE: "could not be read",
}


def category(value: Category | str) -> str:
    """Return what a category is called."""
    return _(CATEGORIES[Category(value)])


def band(confidence: float, needs_review: bool = False) -> str:
    """Return how sure the classifier is, in a word."""
    if needs_review or confidence < 0.70:
        return _("unsure")
    return _("sure") if confidence >= 0.90 else _("likely")


def reason(code: str | None) -> str:
    """Return why a reply was held back, in a few words."""
    if not code or code not in Reason.__members__.values():
        return ""
    known = Reason(code)
    return _(SHORT_REASONS.get(known) or EXPLANATIONS[known])


def suggested(kind: str, value: str) -> str:
    """Return what a letter says of its writer: words of ours in the pages' language."""
    return _(WRITERS.get(value, value)) if kind in ("writer", "contact") else value


def done(action: str, count: int) -> str:
    """Return what to say after an action."""
    one, many = DONE[action]
    return n_(one, many, count)


def audited(what: str) -> str:
    """Return a word of the audit as part of a sentence."""
    return _(AUDIT.get(what, what))


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago something was, in the largest unit that says enough."""
    minutes = (now - then) // _MINUTE
    if minutes < 1:
        return _("now")
    for limit, unit, text in AGES:
        if minutes < limit:
            return _(text).format(minutes // unit)
    return _("{} w").format(minutes // (7 * 1440))


def due(received: datetime, hours: int, now: datetime) -> tuple[str, bool]:
    """Return until when a person is promised an answer, and whether that time is over."""
    at = received + timedelta(hours=hours)
    if at < now:
        return _("overdue {}").format(ago(at, now)), True
    return _("due in {}").format(ago(now, at)), False


def clock(zone: ZoneInfo) -> Callable[[datetime], str]:
    """Return how a time is written out in a zone."""

    return lambda moment: _written(moment.replace(second=0, microsecond=0), zone, spoken().code)


@lru_cache(maxsize=4000)
def _written(minute: datetime, zone: ZoneInfo, _language: str) -> str:
    local = minute.astimezone(zone)
    return _("{weekday} {day}, {time}").format(
        weekday=_(SHORT_WEEKDAYS[local.weekday()]), day=day(local), time=f"{local:%H:%M}"
    )


def dated(moment: datetime, zone: ZoneInfo, now: datetime) -> Markup:
    """Return how long ago something was, with the time written out beside it."""
    at = moment.isoformat(timespec="seconds")
    title, text = escape(clock(zone)(moment)), escape(ago(moment, now))
    return Markup(f'<time datetime="{at}" title="{title}">{text}</time>')  # noqa: S704  (escaped)


def lasting(seconds: int) -> str:
    """Return how long something takes, in its two largest units."""
    units = ((86400, _("{} d")), (3600, _("{} h")), (60, _("{} min")), (1, _("{} s")))
    for at, (size, text) in enumerate(units):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            smaller, smaller_text = units[at + 1] if at + 1 < len(units) else (0, "")
            below = rest // smaller if smaller and whole < 10 else 0
            return text.format(whole) + (f" {smaller_text.format(below)}" if below else "")
    return _("{} s").format(0)


def day(chosen: date) -> str:
    """Return a day as the pages write it."""
    return _("{day} {month} {year}").format(
        day=chosen.day, month=_(MONTHS[chosen.month - 1]), year=chosen.year
    )


def minute(at: str, zone: ZoneInfo) -> str:
    """Return a stored time in a zone, to the minute, so that rows stand below one another."""
    return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M}"
