"""Commands that guard what letters tell: erase by age and by request, hand over, hold."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inboxbot.cli import common
from inboxbot.cli.common import (
    PATH,
    NotFound,
    configuration,
    options,
    print_json,
    print_table,
    progress,
)
from inboxbot.clock import utc_now
from inboxbot.counted import counted

if TYPE_CHECKING:
    from inboxbot.erasing import Found
    from inboxbot.store.retention import Report


@click.group("retention")
def retention_command() -> None:
    """Erase by age what `[retention]` says, and keep what is under a legal hold."""


@retention_command.command("run")
@click.option("--dry-run", is_flag=True, help="Only say what is old enough.")
@options
def retention_run(dry_run: bool, config_file: str | None, as_json: bool) -> None:
    """Say what is old enough to be erased, and erase it."""
    from inboxbot import assembly, opening, upkeep
    from inboxbot.store import retention

    settings = configuration(config_file)
    with opening.store(settings, create=False) as db:
        rules = assembly.retention_rules(settings)
        report = retention.due(db, rules, utc_now())
        _print_report(report, as_json)
        if not dry_run:
            upkeep.erase_by_age(db, rules, utc_now())


def _print_report(report: "Report", as_json: bool) -> None:
    parts = {
        "attachments": report.attachments,
        "raw": report.raw,
        "text": report.text,
        "metadata": report.metadata,
        "kept": report.kept,
    }
    if as_json:
        print_json({name: len(rows) for name, rows in parts.items()})
        return
    meanings = {
        "attachments": "letters lose the files that came with them",
        "raw": "lose their bytes as received",
        "text": "lose text, subject, notes and our replies",
        "metadata": "disappear but for the mark that they were here",
        "kept": "are old enough and kept: a person has yet to see to them, or a legal hold",
    }
    for name, rows in parts.items():
        click.echo(f"{len(rows):>7} {meanings[name]}")


@retention_command.command("hold")
@click.argument("address", type=common.address, required=False)
@click.option("--why", default="", help="A few words, such as the number of a case.")
@click.option("--lift", is_flag=True, help="Lift the hold on this person.")
@options
def retention_hold(
    address: str | None, why: str, lift: bool, config_file: str | None, as_json: bool
) -> None:
    """Keep everything of whoever writes from ADDRESS; without ADDRESS list the holds."""
    from inboxbot import modes, opening
    from inboxbot.store import holds
    from inboxbot.store.database import write

    if lift and not address:
        raise click.UsageError("Say whose hold to lift: name the ADDRESS.")
    with opening.store(configuration(config_file), create=False) as db:
        if address and lift:
            with write(db):
                lifted = holds.lift(db, address, who=modes.operator(), now=utc_now())
            if not lifted:
                raise NotFound("There is no hold on this address: `inboxbot retention hold`.")
        elif address:
            with write(db):
                holds.put(db, address, who=modes.operator(), why=why, now=utc_now())
        found = holds.all_holds(db)
    if as_json:
        for hold in found:
            print_json(
                {"address": hold.address, "at": hold.at.isoformat(), "staff": hold.staff,
                 "why": hold.why}
            )  # fmt: skip
        return
    rows = [(hold.address, f"{hold.at:%Y-%m-%d}", hold.staff, hold.why) for hold in found]
    print_table(rows, ("address", "since", "by", "why"))


@click.group("person")
def person_command() -> None:
    """Hand over, or erase, everything about one person."""


@person_command.command("export")
@click.argument("address", type=common.address)
@click.option("--to", "target", type=PATH, help="The zip file; else one named by date.")
@options
def person_export(
    address: str, target: Path | None, config_file: str | None, as_json: bool
) -> None:
    """Write all about whoever writes from ADDRESS into a zip: JSON, letters as .eml, a page."""
    from inboxbot import exporting, modes, opening
    from inboxbot.store import audit
    from inboxbot.store.database import write

    # Whole, because for root the command may run in another folder than the one it was typed in.
    file = (target or Path(f"inboxbot-person-{utc_now():%Y%m%dT%H%M%SZ}.zip")).absolute()
    with (
        opening.store(configuration(config_file), create=False) as db,
        progress("Exporting", as_json=as_json) as went,
    ):
        done = exporting.export(db, address, file, utc_now(), progress=went)
        with write(db):
            audit.add(db, modes.operator(), "exported person", utc_now(), detail=f"{done.letters}")
    if as_json:
        print_json({"file": str(file), "letters": done.letters, "replies": done.replies})
    else:
        letters = counted("{} letter", "{} letters", done.letters)
        replies = counted("{} reply", "{} replies", done.replies)
        click.echo(f"{file}: {letters}, {replies}. Send it safely.")


@person_command.command("erase")
@click.argument("address", type=common.address)
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@options
def person_erase(
    address: str, dry_run: bool, yes: bool, config_file: str | None, as_json: bool
) -> None:
    """Erase everything of whoever writes from ADDRESS, here and in the letters of others.

    It cannot be undone. Exit code 77 while a legal hold is on the person.
    """
    from inboxbot import erasing, modes, opening
    from inboxbot.store import backup

    settings = configuration(config_file)
    with opening.store(settings, create=False) as db:
        with progress("Searching", as_json=as_json) as went:
            found = erasing.look(db, address, progress=went)
        copies = backup.copies(settings.backup_path)
        weeks, aside = settings.backup.keep_weekly, backup.kept_aside(settings.store_path)
        _print_found(found, erasing.outside(copies, weeks, aside), as_json)
        if dry_run:
            return
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise click.UsageError("Say --yes to erase, or --dry-run to look.")
            click.confirm("Erase all of this?", abort=True)
        pseudonym = erasing.erase(db, found, who=modes.operator(), now=utc_now())
    if not as_json:
        click.echo(f"Erased. The audit knows this person as {pseudonym} from now on.")


def _print_found(found: "Found", outside: list[str], as_json: bool) -> None:
    if as_json:
        print_json(
            {"addresses": found.addresses, "letters": len(found.letters),
             "quoting": len(found.quoting), "replies_to_others": len(found.replies),
             "models": found.models, "damaged": found.damaged,
             "legal_hold": found.held, "outside": outside}
        )  # fmt: skip
        return
    quoting = counted("{} names or quotes them", "{} name or quote them", len(found.quoting))
    replies = counted("{} holds their words", "{} hold their words", len(found.replies))
    click.echo(f"addresses         {', '.join(found.addresses)}")
    click.echo(f"letters           {len(found.letters)}, with replies, notes and corrections")
    click.echo(
        f"letters of others {quoting}: the quote is taken out, and\n"
        "                  the bytes as received are erased"
    )
    click.echo(f"replies to others {replies}: the bytes are erased")
    click.echo(
        f"models            {len(found.models)} learned from their letters and will be removed:\n"
        "                  the daemon trains again what was in force"
    )
    if found.damaged:
        click.echo(
            f"damaged           {', '.join(map(str, found.damaged))}: the stored bytes of these "
            "letters of others\n                  cannot be searched, and stay; `inboxbot doctor` "
            "says what to do"
        )
    if found.held:
        click.echo("legal hold        yes: nothing can be erased")
    click.echo("out of reach of this command:")
    for line in outside:
        click.echo(f"  - {line}")
