"""What a form asks for, as an action of `inboxbot.actions`."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from inboxbot.actions import (
    Action,
    AddNote,
    Claim,
    Close,
    Confirm,
    Correct,
    Drop,
    Hold,
    Merge,
    Release,
    Renew,
    Reopen,
    Resolve,
    Settle,
    Snooze,
    Split,
    Tag,
    Unclaim,
    Untag,
    Wake,
)
from inboxbot.classify.category import Category
from inboxbot.errors import Conflict
from inboxbot.store import users
from inboxbot.web.site import db, now, number, site, writer
from inboxbot.web.words import _

TAKE_BACK = timedelta(seconds=10)
MORNING = time(9)
LATER_TODAY = timedelta(hours=3)
FURTHEST = timedelta(days=366)

# Actions that fit many letters at once.
BULK = ("take", "claim", "unclaim", "confirm", "correct", "close", "not-for-us", "snooze",
        "renew", "reopen", "tag", "hold", "release", "drop")  # fmt: skip


class NotUnderstood(Conflict):
    """The form does not say what to do; the text says what is missing."""


def action(name: str, form: Mapping[str, str]) -> Action:
    """Return the action that a form asks for. Raises `NotUnderstood`."""
    match name:
        case "claim":
            return Claim(_colleague(form.get("assignee", "")))
        case "unclaim":
            return Unclaim()
        case "take":
            return Claim()
        case "settle":
            return Settle(_category(form.get("kind", "")))
        case "renew":
            return Renew()
        case "confirm":
            return Confirm()
        case "correct":
            return Correct(_category(form.get("kind", "")), form.get("why", "")[:40])
        case "close":
            return Close()
        case "not-for-us":
            return Close("not_for_us")
        case "reopen":
            return Reopen()
        case "snooze":
            return Snooze(_until(form.get("until", ""), form.get("day", "")))
        case "wake":
            return Wake()
        case "tag":
            return Tag(form.get("tag", "")[:100])
        case "untag":
            return Untag(form.get("tag", "")[:100])
        case "note":
            return AddNote(form.get("text", ""))
        case "merge":
            return Merge(_number(form.get("into", ""), _("Say which letter, by its number.")))
        case "split":
            return Split()
        case "hold":
            return Hold()
        case "release":
            made = writer()
            return Release(TAKE_BACK, made.acknowledgement if made else None)
        case "drop":
            return Drop()
        case "resolve":
            outcome = form.get("outcome", "")
            reply = _number(form.get("reply", ""), _("There is no such reply."))
            return Resolve(reply, sent=outcome == "sent", again=outcome == "again")
        case _:
            raise NotUnderstood(_("There is no such action."))


def _category(text: str) -> Category:
    if text not in Category.__members__.values():
        raise NotUnderstood(_("Choose one of the three categories."))
    return Category(text)


def _colleague(name: str) -> str:
    if not name:
        return ""
    user = users.named(db(), name.strip().lower())
    if user is None or user.disabled:
        raise NotUnderstood(_("There is no colleague of that name."))
    return user.name


def _number(typed: str, wrong: str) -> int:
    found = number(typed.strip())
    if found is None:
        raise NotUnderstood(wrong)
    return found


def _until(choice: str, day: str) -> datetime:
    """Return the time that a letter is set aside until, in the organisation's own day."""
    local = now().astimezone(site().zone)
    match choice:
        case "later":
            return now() + LATER_TODAY
        case "tomorrow":
            chosen = local.date() + timedelta(days=1)
        case "monday":
            chosen = local.date() + timedelta(days=7 - local.weekday())
        case _:
            try:
                chosen = datetime.fromisoformat(day).date()
            except ValueError:
                raise NotUnderstood(_("Choose a day.")) from None
            if chosen > (local + FURTHEST).date():
                raise NotUnderstood(_("Choose a day within a year."))
    return datetime.combine(chosen, MORNING, site().zone)
