"""Who did what: the record, narrowed down by who, what, when and letter; and as a file.

Read only. That somebody took a copy of it stands in it, too.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from inboxbot.store import audit
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.web import spreadsheet, words
from inboxbot.web.site import db, me, now, number, site
from inboxbot.web.words import _

pages = Blueprint("audit", __name__)

PAGE = 50
LOOKED_AT = 5_000


@pages.get("/audit")
def show() -> str:
    """Show a page of the record, the newest first."""
    before = number(request.values.get("before", ""))
    narrowed, typed = _narrowed()
    rows = list(audit.entries(db(), narrowed, before=before, limit=PAGE + 1))
    first = before is None and narrowed == Narrowed()
    # Looking at years of it takes seconds; `doctor` does, and whoever asks for it here.
    whole = "check" in request.args or not rows or rows[0].id <= LOOKED_AT
    return render_template(
        "audit.html",
        rows=rows[:PAGE],
        more=rows[PAGE - 1].id if len(rows) > PAGE else None,
        before=before,
        typed=typed,
        people=audit.people(db()),
        kinds=sorted(words.AUDIT.items(), key=lambda item: item[1]),
        checked=first,
        whole=whole,
        broken=audit.verify(db(), after=0 if whole else rows[0].id - LOOKED_AT) if first else [],
    )


@pages.post("/audit/file")
def download() -> Response:
    """Return all of the record that the filters leave, as a file."""
    narrowed, typed = _narrowed()
    detail = ", ".join(f"{name} {text}" for name, text in typed.items() if text and name != "who")
    with write(db()):
        audit.add(db(), me().name, "audit exported", now(), detail=detail[:200])
    # What was done stays in the record's own words, which its hashes are over.
    heads = [_("number"), _("at (UTC)"), _("who"), _("what"), _("letter"), _("detail")]
    heads += [_("hash before it"), _("hash")]
    rows = _rows(site().open, narrowed)
    return spreadsheet.download(f"inboxbot-audit-{now():%Y%m%dT%H%M%SZ}", heads, rows)


def _rows(open_store: Callable[[], Database], narrowed: Narrowed) -> Iterator[tuple[object, ...]]:
    with closing(open_store()) as own:  # The request's connection ends before the file does.
        for entry in audit.entries(own, narrowed):
            yield astuple(entry)


def _narrowed() -> tuple[Narrowed, dict[str, str]]:
    """Return what the filters ask for, and how they were typed; what makes no sense is left out."""
    typed = {
        "who": request.values.get("who", "")[:60],
        "what": request.values.get("what", ""),
        "from": request.values.get("from", ""),
        "to": request.values.get("to", ""),
        "letter": request.values.get("letter", ""),
    }
    first, last, letter = _day(typed["from"]), _day(typed["to"]), number(typed["letter"])
    typed["what"] = typed["what"] if typed["what"] in words.AUDIT else ""
    typed["from"], typed["to"] = (str(day) if day else "" for day in (first, last))
    typed["letter"] = str(letter) if letter else ""
    return (
        Narrowed(
            who=typed["who"] or None,
            what=typed["what"] or None,
            message=letter,
            since=_moment(first) if first else None,
            until=_moment(last + timedelta(days=1)) if last else None,
        ),
        typed,
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1990 < day.year < 3000 else None


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), site().zone).astimezone(UTC)
