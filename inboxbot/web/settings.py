"""What is in force: the settings as the file has them, the languages, and what age erases next.

Nothing is changed here: the configuration file is the truth, and the page says where each stands.
"""

from datetime import timedelta

from flask import Blueprint, render_template

from inboxbot.store import audit, holds, retention
from inboxbot.store.audit import Narrowed
from inboxbot.web.in_force import InForce
from inboxbot.web.site import db, now, site
from inboxbot.web.words import _

pages = Blueprint("settings", __name__)

# What people ask for first; the rest stands below, section by section.
SHORT = (
    ("replies", "max_age_h", "Letters older than this are never acknowledged (hours)"),
    ("replies", "quiet_period_h", "No second acknowledgement of the same kind within (hours)"),
    ("replies", "per_address_day", "For one address in a day, at most"),
    ("replies", "per_address_week", "For one address in a week, at most"),
    ("replies", "per_hour", "In all in an hour, at most"),
    ("replies", "per_day", "In all in a day, at most"),
    ("replies", "default_language", "Language when the letter's is unknown"),
    ("classify", "unsure_below", "Staff are asked to look below this confidence"),
    ("organisation", "hours_to_answer", "A person answers within (hours)"),
    ("organisation", "time_zone", "Times are those of"),
)
AHEAD = (0, 30)


@pages.get("/settings")
def show() -> str:
    """Show every setting that is in force, and where it is set."""
    found, acknowledger = site().in_force, site().acknowledger
    library = acknowledger.library if acknowledger else None
    return render_template(
        "settings.html",
        found=found,
        changed=found is not None and found.changed_since(),
        short=_short(found) if found else (),
        languages=library.languages() if library else (),
        enabled=library.enabled() if library else frozenset(),
    )


def _short(found: InForce) -> list[tuple[str, str, str]]:
    values = {
        (section.name, each.key): each.value
        for section in found.sections
        for each in section.settings
    }
    return [
        (f"[{section}] {key}", values[section, key].strip('"'), _(text))
        for section, key, text in SHORT
    ]


@pages.get("/settings/retention")
def retention_page() -> str:
    """Show after how long what is erased, and what would go next; nothing is erased here."""
    found = site().in_force
    rules = found.retention if found else None
    reports = [
        (days, retention.due(db(), rules, now() + timedelta(days=days))) if rules else (days, None)
        for days in AHEAD
    ]
    return render_template(
        "retention.html",
        found=found,
        parts_of_letters=retention.PARTS,
        reports=reports,
        holds=holds.all_holds(db()),
        last=next(audit.entries(db(), Narrowed(what="erased by age"), limit=1), None),
    )
