"""Commands on replies: what is in the outbox, and the templates that acknowledgements come from."""

import difflib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inboxbot.cli.common import (
    FINDINGS,
    NotFound,
    configuration,
    now,
    options,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from inboxbot.reply.folder import FileProblem
    from inboxbot.reply.library import Library


@click.group("outbox")
def outbox_command() -> None:
    """List, resolve or cancel replies that need a person."""


@outbox_command.command("list")
@click.option("--state", "states", multiple=True, help="Only replies in this state; may repeat.")
@options
def outbox_list(states: tuple[str, ...], config_file: str | None, as_json: bool) -> None:
    """List replies, the oldest first; all of them, or those in some states.

    \b
    held       kept back: `inboxbot release LETTER` sends it
    uncertain  may have been sent: `inboxbot outbox resolve ID --sent` or `--again`
    failed     refused for good, or given up: `--again` tries it once more
    """
    from inboxbot import assembly
    from inboxbot.store import outbox

    try:
        wanted = tuple(outbox.State(state) for state in states)
    except ValueError:
        known = ", ".join(outbox.State)
        raise click.UsageError(f"There is no such state; there are {known}.") from None
    with assembly.store(configuration(config_file), create=False) as db:
        found = list(outbox.listed(db, *wanted))
    if as_json:
        for reply in found:
            print_json(asdict(reply) | {"updated_at": reply.updated_at.isoformat()})
        return
    if not found:
        click.echo("There are no replies in these states." if wanted else "There are no replies.")
        return
    print_table(
        [
            (r.id, r.letter, r.state, r.reason, r.attempts, f"{r.updated_at:%Y-%m-%d %H:%M}")
            for r in found
        ],
        ("ID", "LETTER", "STATE", "REASON", "TRIES", "CHANGED (UTC)"),
    )


@outbox_command.command("resolve")
@click.argument("reply", metavar="ID", type=int)
@click.option("--sent", is_flag=True, help="It was sent: somebody knows.")
@click.option("--again", is_flag=True, help="Send the same bytes again.")
@options
def outbox_resolve(
    reply: int, sent: bool, again: bool, config_file: str | None, as_json: bool
) -> None:
    """Say what became of an uncertain or failed reply."""
    if sent == again:
        raise click.UsageError("Say either --sent or --again.")
    _resolve(reply, sent, again, config_file, as_json)


@outbox_command.command("cancel")
@click.argument("reply", metavar="ID", type=int)
@options
def outbox_cancel(reply: int, config_file: str | None, as_json: bool) -> None:
    """Give up a reply that is not in flight; it is not sent."""
    _resolve(reply, False, False, config_file, as_json)


def _resolve(reply: int, sent: bool, again: bool, config_file: str | None, as_json: bool) -> None:
    from inboxbot import assembly, modes, review
    from inboxbot.actions import Resolve
    from inboxbot.store import outbox

    with assembly.store(configuration(config_file), create=False) as db:
        letter = next((item.letter for item in outbox.listed(db) if item.id == reply), None)
        if letter is None:
            raise NotFound(f"There is no reply {reply}.")
        review.perform(
            db,
            Resolve(reply, sent=sent, again=again),
            [review.Letter(letter)],
            staff=modes.operator(),
            now=now(),
        )
        state = next(item.state for item in outbox.listed(db) if item.id == reply)
    if as_json:
        print_json({"id": reply, "letter": letter, "state": state})
    else:
        click.echo(f"Reply {reply} is {state} now.")


@click.group("template")
def template_command() -> None:
    """List, check, preview, publish and roll back reply templates."""


def _library(config_file: str | None) -> "Library":
    from inboxbot import assembly

    return assembly.library(configuration(config_file))


@template_command.command("list")
@options
def template_list(config_file: str | None, as_json: bool) -> None:
    """List the templates by language: own, built in, broken or missing."""
    from inboxbot.reply.template import NAMES

    library = _library(config_file)
    cells = library.matrix()
    languages = sorted({language for _, language in cells}, key=lambda code: (code != "en", code))
    if as_json:
        for (name, language), state in sorted(cells.items()):
            sent = language in library.enabled()
            print_json({"name": name, "language": language, "state": state, "sent_alone": sent})
        return
    print_table(
        [(name, *(cells.get((name, code), "missing") for code in languages)) for name in NAMES],
        ("TEMPLATE", *languages),
    )
    click.echo(f"\nSent alone: {', '.join(sorted(library.enabled()))}. The others come above the")
    click.echo("default language's text, as a short note, until a native reader has reviewed them.")


@template_command.command("check")
@click.argument("files", metavar="[FILE...]", nargs=-1, type=click.Path(path_type=Path))
@options
def template_check(files: tuple[Path, ...], config_file: str | None, as_json: bool) -> None:
    """Check the templates in use, or FILEs; exit code 1 when there is a problem."""
    from inboxbot.reply.folder import check_file

    found: list[FileProblem] = []
    if files:
        for file in files:
            if not file.exists():
                raise NotFound(f"There is no {file}.")
            found += check_file(file)
    else:
        found += _library(config_file).check()
    for problem in found:
        if as_json:
            print_json(
                {
                    "file": problem.file,
                    "line": problem.line,
                    "column": problem.column,
                    "message": f"{problem.message} {problem.suggestion}".strip(),
                }
            )
        else:
            place = f"{problem.file}:{problem.line}:{problem.column}"
            click.echo(f"{place}: {problem.message} {problem.suggestion}".rstrip())
    if found:
        raise click.exceptions.Exit(FINDINGS)
    if not as_json:
        click.echo("Every template is well.")


@template_command.command("preview")
@click.argument("name")
@click.option("--language", default="en", show_default=True)
@click.option("--sample", default=0, show_default=True, help="Which of the sample people.")
@click.option("--html", is_flag=True, help="Print the HTML part.")
@options
def template_preview(
    name: str, language: str, sample: int, html: bool, config_file: str | None, as_json: bool
) -> None:
    """Print what a sample person would receive."""
    from inboxbot.reply.samples import SAMPLES
    from inboxbot.reply.template import NAMES

    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, 1)
        hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(NAMES)}."
        raise click.UsageError(f"There is no template {name}.{hint}")
    if not 0 <= sample < len(SAMPLES):
        raise click.UsageError(f"The sample people are numbered 0 to {len(SAMPLES) - 1}.")
    rendered = _library(config_file).render(name, language, SAMPLES[sample].variables)
    if as_json:
        print_json(asdict(rendered))
        return
    click.echo(f"Subject: {rendered.subject}\n")
    click.echo(rendered.html if html else rendered.text)
