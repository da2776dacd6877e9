"""The figures of the reports from a terminal: the same ones as on the page."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from inboxbot.cli.common import configuration, options, print_json, print_table
from inboxbot.clock import utc_now

if TYPE_CHECKING:
    from inboxbot.reports import Period, Report, Wait

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("report")
@click.option("--days", type=click.IntRange(1, 1098), default=30, show_default=True)
@click.option("--from", "first", type=DAY, help="The first day, instead of --days.")
@click.option("--to", "last", type=DAY, help="The last day; today if it is not given.")
@options
def report_command(
    days: int,
    first: datetime | None,
    last: datetime | None,
    config_file: str | None,
    as_json: bool,
) -> None:
    """Say how much came in, how long people waited, and how right the sorting was.

    Days are those of organisation.time_zone. Nothing in it is about one person.
    """
    from inboxbot import opening, reports

    settings = configuration(config_file)
    zone = ZoneInfo(settings.organisation.time_zone)
    period = _period(first, last, days, zone)
    with opening.store(settings, create=False) as db:
        found = reports.report(db, period)
    if as_json:
        print_json(as_object(found))
    else:
        _print(found)


def _period(first: datetime | None, last: datetime | None, days: int, zone: ZoneInfo) -> "Period":
    from inboxbot.reports import LONGEST, Period

    until = last.date() if last else utc_now().astimezone(zone).date()
    since = first.date() if first else until - timedelta(days=days - 1)
    if since > until:
        raise click.UsageError("The first day lies after the last one.")
    if until - since > LONGEST:
        raise click.UsageError("Choose at most three years.")
    return Period(since, until, zone)


def as_object(found: "Report") -> dict[str, Any]:
    """Return a report as `--json` prints it."""
    moves = found.corrections.moves.items()
    return {
        "from": found.period.first.isoformat(),
        "to": found.period.last.isoformat(),
        "time_zone": str(found.period.zone),
        "letters": found.letters,
        "letters_before": found.letters_before,
        "categories": found.categories,
        "steps": [{"day": str(step.day), **step.letters} for step in found.steps],
        "waits": {
            each.category or "all": {
                "acknowledged": _wait(each.acknowledged),
                "answered": _wait(each.answered),
            }
            for each in found.waits
        },
        "looked_at": found.corrections.looked_at,
        "corrected": found.corrections.corrected,
        "moves": [{"was": was, "is": is_, "letters": count} for (was, is_), count in moves],
        "sureness": [
            {
                "day": str(each.day),
                "letters": each.letters,
                "confidence": each.confidence,
                "unsure": each.unsure,
                "corrected": each.corrected,
            }
            for each in found.sureness
        ],
        "drift": {"confidence": found.drift.confidence, "mix": found.drift.mix},
        "models": found.models,
        "languages": {code or "unknown": count for code, count in found.languages},
        "hours": found.hours,
        "weekdays": found.weekdays,
        "oldest_open": found.oldest_open.isoformat() if found.oldest_open else None,
    }


def _wait(wait: "Wait | None") -> dict[str, int] | None:
    if wait is None:
        return None
    return {"letters": wait.letters, "median_s": wait.median, "p90_s": wait.p90}


def _print(found: "Report") -> None:
    period = found.period
    click.echo(f"{period.first} to {period.last}, {period.days} days ({period.zone})")
    click.echo(f"letters          {found.letters} (before: {found.letters_before})")
    looked_at, corrected = found.corrections.looked_at, found.corrections.corrected
    click.echo(f"corrected        {corrected} of {looked_at} that a person looked at")
    if found.oldest_open:
        age = (utc_now() - found.oldest_open.astimezone(UTC)).days
        click.echo(f"waiting longest  {age} days")
    if found.drift.wants_a_look:
        click.echo("drift            something has changed since the period before: look")
    languages = ", ".join(f"{code or 'unknown'} {count}" for code, count in found.languages)
    click.echo(f"languages        {languages or 'none'}\n")
    rows = [
        (
            each.category or "all",
            found.categories[each.category] if each.category else found.letters,
            *_cells(each.acknowledged),
            *_cells(each.answered),
        )
        for each in found.waits
    ]
    heads = ("category", "letters", "acknowledged", "median", "9 of 10", "answered", "median")
    print_table(rows, (*heads, "9 of 10"))


def _cells(wait: "Wait | None") -> tuple[object, ...]:
    if wait is None:
        return 0, "-", "-"
    return wait.letters, timedelta(seconds=wait.median), timedelta(seconds=wait.p90)
