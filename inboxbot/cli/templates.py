"""Commands on the templates that acknowledgements come from: check, preview, publish, roll back."""

import difflib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inboxbot.cli import common
from inboxbot.cli.common import (
    FINDINGS,
    PATH,
    NotFound,
    configuration,
    options,
    print_json,
    print_table,
)
from inboxbot.clock import utc_now
from inboxbot.errors import TemplateError

if TYPE_CHECKING:
    from inboxbot.reply.checks import Source
    from inboxbot.reply.folder import FileProblem
    from inboxbot.reply.library import Library
    from inboxbot.reply.template import TemplateProblem
    from inboxbot.store.sqlite import Database
    from inboxbot.store.templates import Version


@click.group("template")
def template_command() -> None:
    """List, check, preview, publish and roll back reply templates."""


def _library(config_file: str | None) -> "Library":
    from inboxbot import assembly

    return assembly.library(configuration(config_file))


def _as_it_stands(config_file: str | None) -> "Library":
    """Return the folder of templates without the last good versions: a slip of just now counts."""
    from inboxbot.reply.library import Library

    folder = configuration(config_file).templates_path
    return Library(folder if folder.is_dir() else None)


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
@click.argument("files", metavar="[FILE...]", nargs=-1, type=PATH)
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
        found += _as_it_stands(config_file).check()
    for problem in found:
        _print_problem(problem, as_json)
    if found:
        raise click.exceptions.Exit(FINDINGS)
    if not as_json:
        click.echo("Every template is well.")


def _print_problem(problem: "FileProblem", as_json: bool) -> None:
    message = f"{problem.message} {problem.suggestion}".strip()
    if as_json:
        print_json(
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "message": message,
            }
        )
    else:
        click.echo(f"{problem.file}:{problem.line}:{problem.column}: {message}")


@template_command.command("preview")
@click.argument("name")
@click.option("--language", default="en", show_default=True)
@click.option("--sample", default=0, show_default=True, help="Which of the sample people.")
@click.option("--html", is_flag=True, help="Print the HTML part.")
@options
def template_preview(
    name: str, language: str, sample: int, html: bool, config_file: str | None, as_json: bool
) -> None:
    """Print what a sample person would receive from your organisation.

    Where the file has a mistake, that is said too, and the last good version is printed.
    """
    from inboxbot import assembly
    from inboxbot.reply.samples import SAMPLES
    from inboxbot.reply.template import NAMES

    _must_be_known("template", name, NAMES)
    if not 0 <= sample < len(SAMPLES):
        raise click.UsageError(f"The sample people are numbered 0 to {len(SAMPLES) - 1}.")
    settings = configuration(config_file)
    ours = asdict(assembly.facts(settings))
    ours["organisation"] = ours.pop("name")
    # A sample whose organisation is odd on purpose stays so.
    given, usual = asdict(SAMPLES[sample].variables), asdict(SAMPLES[0].variables)
    changes = {key: ours[key] for key in usual.keys() & ours if given[key] == usual[key]}
    variables = replace(SAMPLES[sample].variables, **changes)
    # For ever after: what was saved just now counts.
    library = assembly.library(settings, clock=lambda: math.inf)
    _must_be_known("language", language, [known.code for known in library.languages()])
    for problem in library.check():
        if problem.file.startswith(f"{language}/{name}."):
            click.echo(
                f"{problem.file}:{problem.line}:{problem.column}: {problem.message}", err=True
            )
    rendered = library.render(name, language, variables)
    if as_json:
        print_json(asdict(rendered))
        return
    click.echo(f"Subject: {rendered.subject}\n")
    click.echo(rendered.html if html else rendered.text)


_LANGUAGE = click.option("--language", default="en", show_default=True, help="In two letters.")


@template_command.command("publish")
@click.argument("name")
@_LANGUAGE
@click.option("--text", "text_file", metavar="FILE", help="The text part.")
@click.option("--html", "html_file", metavar="FILE", help="The HTML part.")
@click.option("--why", required=True, help="What the history says about it.")
@options
def template_publish(
    name: str,
    language: str,
    text_file: str | None,
    html_file: str | None,
    why: str,
    config_file: str | None,
    as_json: bool,
) -> None:
    """Make a text the one that is sent; a part that is not given stays as it is.

    It is checked first: with a problem nothing changes, and the exit code is 1. It applies to
    letters that are decided from now on. A FILE of - is standard input.
    """
    from inboxbot import modes, publishing
    from inboxbot.reply.folder import FileProblem
    from inboxbot.store import templates

    if text_file is None and html_file is None:
        raise click.UsageError("Say what to publish: --text FILE, --html FILE, or both.")
    with _workplace(name, language, config_file) as (db, library):
        source, wrong = _typed(library, name, language, text_file, html_file)
        if wrong:
            for file, problem in wrong:
                _print_problem(FileProblem(file, *astuple(problem)), as_json)
            raise click.exceptions.Exit(FINDINGS)
        live = templates.live(db, name, language)
        version = publishing.publish(
            db,
            library,
            name,
            language,
            source,
            who=modes.operator(),
            comment=why,
            based_on=live.number if live else 0,
            now=utc_now(),
        )
    _print_version(version, as_json)


@template_command.command("history")
@click.argument("name")
@_LANGUAGE
@options
def template_history(name: str, language: str, config_file: str | None, as_json: bool) -> None:
    """List every version of a template, the newest first: who, when, why, how often sent."""
    from inboxbot.store import templates

    with _workplace(name, language, config_file) as (db, _):
        rows = [
            (version, templates.times_sent(db, version))
            for version in templates.history(db, name, language)
        ]
    if as_json:
        for version, sent in rows:
            print_json(_shown(version) | {"sent": sent, "text": version.text, "html": version.html})
        return
    if not rows:
        click.echo("It is the built-in reply; nobody has changed it yet.")
        return
    print_table(
        [(v.number, v.state, f"{v.at:%Y-%m-%d %H:%M}", v.who, sent, v.comment) for v, sent in rows],
        ("VERSION", "STATE", "WHEN (UTC)", "WHO", "SENT", "WHY"),
    )


@template_command.command("rollback")
@click.argument("name")
@_LANGUAGE
@click.option(
    "--to", "number", metavar="VERSION", type=common.number, required=True, help="Which one."
)
@options
def template_rollback(
    name: str, language: str, number: int, config_file: str | None, as_json: bool
) -> None:
    """Send an earlier version again, as a new version; nothing is lost."""
    from inboxbot import modes, publishing
    from inboxbot.store import templates

    with _workplace(name, language, config_file) as (db, library):
        if templates.get(db, name, language, number) is None:
            raise NotFound(f"There is no version {number} of {language}/{name}.")
        version = publishing.roll_back(
            db, library, name, language, number, who=modes.operator(), now=utc_now()
        )
    _print_version(version, as_json)


def _must_be_known(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        near = difflib.get_close_matches(given, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
        raise click.UsageError(f"There is no {what} {given}. {hint}")


@contextmanager
def _workplace(
    name: str, language: str, config_file: str | None
) -> Iterator[tuple["Database", "Library"]]:
    """Open the store and the folder of one template, edits by hand recorded first."""
    from inboxbot import assembly, opening, publishing
    from inboxbot.reply.folder import ALL_NAMES

    settings = configuration(config_file)
    library = assembly.library(settings)
    _must_be_known("template", name, ALL_NAMES)
    _must_be_known("language", language, [known.code for known in library.languages()])
    if library.folder == library.shipped:
        raise TemplateError("There is no templates folder of your own; `inboxbot init` makes one.")
    with opening.store(settings) as db:
        publishing.sync_one(db, library, name, language, utc_now())
        yield db, library


def _typed(
    library: "Library", name: str, language: str, text_file: str | None, html_file: str | None
) -> tuple["Source", list[tuple[str, "TemplateProblem"]]]:
    """Return what is to be published, and each problem of it with the file that it is in."""
    from inboxbot.reply.checks import Source, problems

    now_live = library.source(name, language)[0]
    parts = [
        _part(text_file, now_live.text if now_live else ""),
        _part(html_file, (now_live.html if now_live else None) or ""),
    ]
    source = Source(parts[0][1], parts[1][1] or None)
    unreadable = [(file, problem) for file, _, found in parts for problem in found]
    if unreadable:
        return source, unreadable
    found = problems(name, library.language(language), source)
    return source, [(parts[each.part == "html"][0], each.problem) for each in found]


def _part(file: str | None, otherwise: str) -> tuple[str, str, tuple["TemplateProblem", ...]]:
    """Return where a part comes from, its text, and why it cannot be read."""
    from inboxbot.reply.source import MAX_SOURCE, decode

    if file is None:
        return "(as it is)", otherwise, ()
    if not Path(file).exists() and file != "-":
        raise NotFound(f"There is no {file}.")
    with click.open_file(file, "rb") as opened:
        return (file, *decode(opened.read(4 * MAX_SOURCE)))


def _shown(version: "Version") -> dict[str, object]:
    return {
        "name": version.name,
        "language": version.language,
        "version": version.number,
        "state": version.state,
        "who": version.who,
        "at": version.at.isoformat(),
        "why": version.comment,
        "fingerprint": version.fingerprint,
    }


def _print_version(version: "Version", as_json: bool) -> None:
    if as_json:
        print_json(_shown(version))
        return
    place = f"{version.language}/{version.name}"
    click.echo(f"Version {version.number} of {place} is sent from now on.")
    click.echo(
        f"Another one again: inboxbot template rollback {version.name} --language "
        f"{version.language} --to NUMBER"
    )
