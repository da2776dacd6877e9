"""Commands to set up, start and look after the service."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inboxbot.cli.common import (
    CONFIGURATION,
    FINDINGS,
    PATH,
    configuration,
    end_at_interrupts,
    loading,
    options,
    print_json,
)
from inboxbot.clock import utc_now
from inboxbot.errors import ConfigError, Problem

if TYPE_CHECKING:
    from inboxbot.config import Config
    from inboxbot.health import Health
    from inboxbot.store.sqlite import Database

SERVICE_STORE = 'path = "/var/lib/inboxbot/inboxbot.sqlite3"'
PORT = click.IntRange(0, 65535)
ALL_WELL = "Configuration, templates and store are well."


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=PATH)
@options
def init_command(folder: Path, config_file: str | None, as_json: bool) -> None:  # noqa: ARG001
    """Write a commented configuration and the templates to start from into DIR.

    Nothing that is there already is overwritten. The database will be in DIR, too.
    """
    from inboxbot.reply.checked import CHECKED_FILE
    from inboxbot.reply.folder import shipped_templates

    templates = shipped_templates()
    examples = templates.parent / "config"
    wanted = [
        (examples / "inboxbot.example.toml", folder / "config" / "inboxbot.toml"),
        (examples / "knowledge.toml", folder / "config" / "knowledge.toml"),
        *(
            (source, folder / "templates" / source.relative_to(templates))
            for source in sorted(templates.rglob("*"))
            if source.is_file() and source.name != CHECKED_FILE
        ),
    ]
    written, kept = [], []
    for source, target in wanted:
        if target.exists():
            kept.append(str(target))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        if target.name == "inboxbot.toml":
            _keep_all_in_this_folder(target)
        written.append(str(target))
    if as_json:
        print_json({"written": written, "kept": kept})
        return
    for name in kept:
        click.echo(f"kept      {name}")
    click.echo(f"written   {len(written)} files in {folder}")
    settings = folder / "config" / "inboxbot.toml"
    there = "" if folder == Path() else f"cd {folder}, and "
    click.echo(
        f"\nNext: fill in {settings}, then {there}run `inboxbot check`. A new installation is in"
        "\nshadow mode: it does everything but send, and shows what it would have sent."
    )


def _keep_all_in_this_folder(settings: Path) -> None:
    """Put the database beside the settings: on trial, nobody has the folder of the service."""
    text = settings.read_text("utf-8")
    settings.write_text(text.replace(SERVICE_STORE, 'path = "state/inboxbot.sqlite3"'), "utf-8")


@click.command("check")
@click.option(
    "--settings-only", is_flag=True, help="Only whether the settings can be used, as for a reload."
)
@options
def check_command(settings_only: bool, config_file: str | None, as_json: bool) -> None:
    """Check configuration, templates, permissions and schema, offline.

    Prints every problem with its place. Exit code 78 for a configuration that cannot be used,
    1 for other findings.
    """
    from inboxbot import checks

    try:
        settings = configuration(config_file)
        problems = () if settings_only else checks.offline(settings)
        code = FINDINGS
    except ConfigError as error:
        problems, code = error.problems, CONFIGURATION
    looked_at = "The settings can be used." if settings_only else ALL_WELL
    _print_problems(problems, as_json, looked_at)
    if problems:
        raise click.exceptions.Exit(code)


def _print_problems(problems: tuple[Problem, ...], as_json: bool, well: str) -> None:
    if as_json:
        for problem in problems:
            print_json({"place": problem.place, "message": problem.text})
        return
    for problem in problems:
        click.echo(f"{problem.place}: {problem.text}")
    click.echo(f"{len(problems)} to mend." if problems else well)


@click.command("run")
@options
def run_command(config_file: str | None, as_json: bool) -> None:  # noqa: ARG001
    """Run the daemon until SIGTERM or Ctrl-C; one at a time for each store."""
    # Until the daemon listens, Ctrl-C ends it as SIGTERM does. As an exception it would be lost, or
    # become another error, in whatever library is at work.
    end_at_interrupts()
    with loading():
        from inboxbot import daemon, heap

    heap.share()
    daemon.run(configuration(config_file))


@click.command("web")
@click.option("--port", type=PORT, help="Instead of the port in the configuration.")
@options
def web_command(port: int | None, config_file: str | None, as_json: bool) -> None:  # noqa: ARG001
    """Run the review app for staff until SIGTERM or Ctrl-C."""
    with loading():
        from inboxbot.web.serve import serve

    serve(configuration(config_file), port=port)


@click.command("mode")
@click.argument(
    "wanted",
    metavar="[shadow|live|paused]",
    required=False,
    type=click.Choice(["shadow", "live", "paused"]),
)
@options
def mode_command(wanted: str | None, config_file: str | None, as_json: bool) -> None:
    """Show or set the mode; it is kept in the database and audited.

    \b
    shadow  everything but sending; shows what would have been sent (a new installation)
    live    acknowledgements are sent
    paused  acknowledgements are held until somebody says live
    """
    from inboxbot import modes, opening
    from inboxbot.store.settings import Mode

    with opening.store(configuration(config_file)) as db:
        if wanted is not None:
            modes.set_mode(db, Mode(wanted), who=modes.operator(), now=utc_now())
        state = modes.state(db)
    if as_json:
        print_json({"mode": state.mode, "held": state.held})
        return
    click.echo(f"{state.mode}: {state.mode.meaning}")
    if state.held:
        reasons = ", ".join(f"{count} {reason}" for reason, count in state.held.items())
        click.echo(
            f"Acknowledgements that are held: {reasons}. They stay held: look at them with\n"
            "`inboxbot queue --view held`, and send some with `inboxbot release ID`, or all of\n"
            "one reason with `inboxbot release --held-for shadow`."
        )


@click.command("status")
@click.option("--diagnostics", is_flag=True, help="All of it and more, to send to who helps you.")
@options
def status_command(diagnostics: bool, config_file: str | None, as_json: bool) -> None:
    """Show health, mode, last good poll, queue and outbox on one screen.

    With --diagnostics also version, schema, settings and what happened lately; without names,
    addresses and servers. Exit code 1 when something is wrong.
    """
    from inboxbot import opening
    from inboxbot.health import health

    settings = configuration(config_file)
    with opening.store(settings, create=False) as db:
        found = health(
            db,
            store=settings.store_path,
            min_free_mb=settings.store.min_free_mb,
            silent_after=timedelta(minutes=settings.alerts.intake_silent_minutes),
            now=utc_now(),
        )
        report = _diagnostics(db, settings, found) if diagnostics else ""
    if report:
        print_json({"diagnostics": report}) if as_json else click.echo(report, nl=False)
    elif as_json:
        print_json(_as_json(found))
    else:
        _print_health(found)
    if not found.healthy:
        raise click.exceptions.Exit(FINDINGS)


def _diagnostics(db: "Database", settings: "Config", found: "Health") -> str:
    from inboxbot.web import diagnostics, in_force

    known = diagnostics.Known(
        health=found,
        sections=in_force.sections(settings),
        store=settings.store_path,
        now=utc_now(),
    )
    return diagnostics.text(db, known)


def _as_json(found: "Health") -> dict[str, object]:
    last = found.last_good_poll_at
    return {
        "mode": found.mode,
        "healthy": found.healthy,
        "problems": list(found.problems),
        "messages": found.figures.messages,
        "undecided": found.figures.undecided,
        "places": found.figures.places,
        "outbox": found.figures.outbox,
        "held": found.figures.held,
        "queue": found.figures.queue,
        "unaccounted": found.unaccounted,
        "last_good_poll_at": last.isoformat() if last else None,
    }


def _print_health(found: "Health") -> None:
    counted = found.figures
    last = found.last_good_poll_at
    click.echo(f"{'well' if found.healthy else 'NOT WELL'} · mode {found.mode}")
    for sentence in found.problems:
        click.echo(f"  ! {sentence}")
    click.echo(f"last good poll   {last.isoformat(timespec='seconds') if last else 'none yet'}")
    click.echo(f"letters          {counted.messages} stored, {counted.undecided} undecided")
    unaccounted = "not swept yet" if found.unaccounted is None else found.unaccounted
    click.echo(f"unaccounted      {unaccounted}")
    for head, counts in (
        ("places", counted.places),
        ("outbox", counted.outbox),
        ("queue", counted.queue),
    ):
        text = ", ".join(f"{count} {state}" for state, count in counts.items())
        click.echo(f"{head:<16} {text or 'nothing'}")


@click.command("demo")
@click.option("--once", is_flag=True, help="Do it all, print a summary and end.")
@click.option("--port", type=PORT, default=0, help="Of the review page; a free one by default.")
@click.option("--imap-port", type=PORT, default=0, help="Of the IMAP server.")
@click.option("--smtp-port", type=PORT, default=0, help="Of the SMTP server.")
@options
def demo_command(
    once: bool,
    port: int,
    imap_port: int,
    smtp_port: int,
    config_file: str | None,  # noqa: ARG001
    as_json: bool,
) -> None:
    """Show everything at once: mail servers, sample letters, the daemon and the review app.

    All of it lives in a temporary folder and on this machine; Ctrl-C ends it and leaves nothing.
    """
    from inboxbot.demo.show import Ports, show

    show(once=once, ports=Ports(web=port, imap=imap_port, smtp=smtp_port), as_json=as_json)
