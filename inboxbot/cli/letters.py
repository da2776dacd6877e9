"""Commands that fetch, decide on, explain and send."""

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click

from inboxbot.cli import common
from inboxbot.cli.common import (
    OK,
    PATH,
    UNAVAILABLE,
    NotFound,
    configuration,
    options,
    print_json,
    progress,
)
from inboxbot.counted import counted


@click.command("poll")
@options
def poll_command(config_file: str | None, as_json: bool) -> None:
    """Make one pass of intake and triage over every mailbox, then end.

    Exit code 69 when a mailbox could not be read; the others are read all the same.
    """
    from inboxbot import passes

    result = passes.poll(configuration(config_file))
    if as_json:
        print_json(result.as_object())
    else:
        for box in result.mailboxes:
            click.echo(f"{box.name}: {box.sentence}")
        for outcome in result.outcomes:
            why = f" ({outcome.reason})" if outcome.reason else ""
            click.echo(
                f"letter {outcome.message}: {outcome.category} {outcome.confidence:.2f}, "
                f"{outcome.disposition}{why}"
            )
    raise click.exceptions.Exit(OK if result.all_well else UNAVAILABLE)


@click.command("send")
@options
def send_command(config_file: str | None, as_json: bool) -> None:
    """Make one pass over the outbox, then end.

    Exit code 69 when the server could not be reached; the replies stay where they are.
    """
    from inboxbot import passes

    result = passes.send(configuration(config_file))
    if as_json:
        print_json(result.as_object())
    else:
        for sentence in result.sentences():
            click.echo(sentence)
    raise click.exceptions.Exit(OK if result.all_well else UNAVAILABLE)


@click.command("explain")
@click.argument("paths", metavar="PATH...", nargs=-1, type=PATH)
@click.option(
    "--id", "ids", type=common.number, multiple=True, help="A stored letter; may be repeated."
)
@click.option("--mailbox", help="As if it came into this mailbox; the first one by default.")
@click.option(
    "--received-at", type=click.DateTime(), help="When it came (UTC), instead of now, for files."
)
@click.option("--with-history", is_flag=True, help="Count earlier letters and limits, too.")
@options
def explain_command(
    paths: tuple[Path, ...],
    ids: tuple[int, ...],
    mailbox: str | None,
    received_at: datetime | None,
    with_history: bool,
    config_file: str | None,
    as_json: bool,
) -> None:
    """Say what would be decided for letters, and why; writes nothing.

    PATH is an .eml file, a folder of them, an mbox or a Maildir.
    """
    from inboxbot import passes

    if not paths and not ids:
        raise click.UsageError("Name files or folders, or stored letters with --id.")
    when = received_at.replace(tzinfo=UTC) if received_at else None
    settings = configuration(config_file)
    found = chain(
        passes.explain_files(
            settings, paths, mailbox=mailbox, received_at=when, with_history=with_history
        )
        if paths
        else (),
        passes.explain_stored(settings, ids, with_history=with_history) if ids else (),
    )
    for item in found:
        if as_json:
            print_json(item)
        else:
            _print_explained(item)


def _print_explained(item: dict[str, Any]) -> None:
    click.secho(str(item["source"]), bold=True)
    if "error" in item:
        click.echo(f"  could not be read: {item['error']}\n")
        return
    rows = [
        ("category", f"{item['category']} {item['confidence']:.2f}"),
        ("next best", f"{item['runner_up']['category']} {item['runner_up']['confidence']:.2f}"),
        ("because of", ", ".join(f"“{phrase}”" for phrase in item["evidence"])),
        ("unsure", item["unsure_because"]),
        ("urgent", ", ".join(item["urgent"])),
        ("sensitive", ", ".join(item["sensitive"])),
        ("medicines", ", ".join(item["medicines"])),
        ("language", item["language"]),
        ("decision", item["why"]),
        *(("rule", f"{hit['reason']}: {hit['evidence']}") for hit in item["hits"]),
        ("reply", item["reply_to"] and f"{item['template']} ({item['language_of_reply']})"),
        *(("defect", defect) for defect in item["defects"]),
    ]
    for head, text in rows:
        if text:
            click.echo(f"  {head:<11} {text}")
    click.echo()


@click.command("import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@click.option("--mailbox", help="The mailbox that they belong to; the first one by default.")
@options
def import_command(
    paths: tuple[Path, ...], mailbox: str | None, config_file: str | None, as_json: bool
) -> None:
    """Record old letters from mbox, Maildir or .eml files; they are never acknowledged.

    It can be stopped and started again: what is recorded already is passed over.
    """
    from inboxbot import passes

    for path in paths:
        if not path.exists():
            raise NotFound(f"There is no {path}.")
    with progress("Importing", as_json=as_json) as went:
        result = passes.import_files(
            configuration(config_file), paths, mailbox=mailbox, progress=went
        )
    if as_json:
        print_json(asdict(result))
        return
    click.echo(
        f"{counted('{} letter', '{} letters', result.stored)} recorded, {result.known} known "
        f"before, {result.unreadable} not readable. They are never acknowledged; the daemon or "
        "`inboxbot poll` sorts them."
    )
