"""The reports: how much came in, how long people waited, how right the sorting was.

Nothing here is about one person. A file for download leaves small counts out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from inboxbot import reports
from inboxbot.classify.category import Category
from inboxbot.reports import Period, Report, Wait
from inboxbot.web import charts, spreadsheet, words
from inboxbot.web.site import db, now, site
from inboxbot.web.words import _

pages = Blueprint("reports", __name__)

USUAL = 30
CHOICES = (7, 30, 84, 365)
# Fewer letters than this are not told apart in a file: they might be recognised.
SMALL = 5


@pages.get("/reports")
def show() -> str | tuple[str, int]:
    """Show the figures of a period."""
    period, wrong = _chosen()
    found = reports.report(db(), period)
    page = render_template(
        "reports.html",
        report=found,
        wrong=wrong,
        choices=CHOICES,
        chosen=_choice(period),
        drawn=_drawn(found),
        compared=_compared(found.letters, found.letters_before),
        tables=tuple(TABLES),
        language_name=_language,
    )
    return (page, 422) if wrong else page


def _today() -> date:
    return now().astimezone(site().zone).date()


def _last(days: int) -> Period:
    return Period(_today() - timedelta(days=days - 1), _today(), site().zone)


def _chosen() -> tuple[Period, str]:
    """Return the period that the address asks for, and what is wrong with it."""
    days = request.args.get("days", "")
    if days.isascii() and days.isdigit() and int(days[:6]) in CHOICES:
        return _last(int(days)), ""
    first, last = request.args.get("from", ""), request.args.get("to", "")
    if not first and not last:
        return _last(USUAL), ""
    try:
        period = Period(
            date.fromisoformat(first), date.fromisoformat(last or str(_today())), site().zone
        )
    except ValueError:
        return _last(USUAL), _("Write both days as year-month-day, such as 2026-01-31.")
    if period.first > period.last:
        return _last(USUAL), _("The first day lies after the last one.")
    if period.first.year < 2000 or period.last > _today() + timedelta(days=1):
        return _last(USUAL), _("Choose days between the year 2000 and today.")
    if period.last - period.first > reports.LONGEST:
        return _last(USUAL), _("Choose at most three years.")
    return period, ""


def _choice(period: Period) -> int:
    """Return which of the usual periods it is, or 0."""
    return period.days if period.last == _today() and period.days in CHOICES else 0


def _drawn(found: Report) -> dict[str, charts.Bars | charts.Line]:
    return {
        "steps": charts.stacked([list(step.letters.values()) for step in found.steps]),
        "hours": charts.stacked([(count,) for count in found.hours]),
        "weekdays": charts.stacked([(count,) for count in found.weekdays]),
        "confidence": charts.line([each.confidence for each in found.sureness]),
        "unsure": charts.line([each.unsure for each in found.sureness]),
    }


def _compared(count: int, before: int) -> str:
    """Say how a count compares with the one of the period before."""
    if not before:
        return _("none in the period before")
    change = round((count - before) / before * 100)
    if not change:
        return _("as many as in the period before")
    text = _("{}% more than in the period before") if change > 0 else _("{}% fewer than before")
    return text.format(abs(change))


def _language(code: str | None) -> str:
    acknowledger = site().acknowledger
    known = acknowledger.library.languages() if acknowledger else ()
    names = {language.code: language.english for language in known}
    return _(names[code]) if code in names else code or _("not recognised")


Row = Sequence[object]


def _volumes(found: Report) -> tuple[list[str], Iterable[Row]]:
    heads = [_step_head(found), *map(words.category, Category), _("all")]
    rows = ([step.day, *map(_told, step.letters.values()), step.total] for step in found.steps)
    return heads, rows


def _step_head(found: Report) -> str:
    return _("week from") if found.period.by_week else _("day")


def _waiting(found: Report) -> tuple[list[str], Iterable[Row]]:
    heads = [
        _("kind"),
        *(_("acknowledged: letters"), _("acknowledged: median s"), _("acknowledged: 90% within s")),
        *(_("answered: letters"), _("answered: median s"), _("answered: 90% within s")),
    ]
    rows = (
        [
            words.category(each.category) if each.category else _("all"),
            *_wait(each.acknowledged),
            *_wait(each.answered),
        ]
        for each in found.waits
    )
    return heads, rows


def _wait(wait: Wait | None) -> list[object]:
    if wait is None:
        return [0, "", ""]
    return (
        [_told(wait.letters), "", ""]
        if wait.letters < SMALL
        else [wait.letters, wait.median, wait.p90]
    )


def _corrected(found: Report) -> tuple[list[str], Iterable[Row]]:
    moves = found.corrections.moves
    rows = (
        [words.category(was), *(_told(moves.get((was, to), 0)) for to in Category)]
        for was in Category
    )
    return [_("sorted as"), *(_("is: {}").format(words.category(to)) for to in Category)], rows


def _sure(found: Report) -> tuple[list[str], Iterable[Row]]:
    heads = [_step_head(found), _("letters"), _("mean confidence")]
    heads += [_("share unsure"), _("looked at"), _("share corrected")]
    rows = (
        [
            each.day,
            each.letters,
            *_shares(each.letters, each.confidence, each.unsure),
            each.looked_at,
            *_shares(each.looked_at, each.corrected),
        ]
        for each in found.sureness
    )
    return heads, rows


def _shares(letters: int, *shares: float | None) -> list[object]:
    return ["" if share is None or letters < SMALL else round(share, 3) for share in shares]


def _languages(found: Report) -> tuple[list[str], Iterable[Row]]:
    rows = ([code or "", _language(code), _told(count)] for code, count in found.languages)
    return [_("language"), _("name"), _("letters")], rows


def _hours(found: Report) -> tuple[list[str], Iterable[Row]]:
    rows = ([f"{hour:02}:00", count] for hour, count in enumerate(found.hours))
    return [_("hour"), _("letters")], rows


def _weekdays(found: Report) -> tuple[list[str], Iterable[Row]]:
    return [_("day"), _("letters")], zip(map(_, words.WEEKDAYS), found.weekdays, strict=True)


def _told(count: int) -> object:
    """Return a count as a file may tell it."""
    return count if count == 0 or count >= SMALL else _("under {}").format(SMALL)


TABLES: dict[str, Callable[[Report], tuple[list[str], Iterable[Row]]]] = {
    "volumes": _volumes,
    "waiting": _waiting,
    "corrections": _corrected,
    "confidence": _sure,
    "languages": _languages,
    "hours": _hours,
    "weekdays": _weekdays,
}


@pages.get("/reports/<table>.csv")
def download(table: str) -> Response:
    """Return one table of the reports as a file."""
    if table not in TABLES:
        abort(404)
    period, wrong = _chosen()
    if wrong:
        abort(400)
    heads, rows = TABLES[table](reports.report(db(), period))
    name = f"inboxbot-{table}-{period.first}-{period.last}"
    return spreadsheet.download(name, heads, list(rows))
