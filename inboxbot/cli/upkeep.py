"""Commands that keep the service well: backups, upgrades, the audit, a look at everything."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inboxbot.cli import common
from inboxbot.cli.common import (
    CONFIGURATION,
    FINDINGS,
    PATH,
    configuration,
    options,
    print_json,
    print_table,
)
from inboxbot.clock import utc_now
from inboxbot.counted import counted
from inboxbot.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from inboxbot.store.backup import Copy


_former_key = click.option(
    "--key",
    "former_key",
    metavar="CREDENTIAL",
    help="The credential with the key of the copy, where it is another than that of the database.",
)


@click.command("backup")
@click.option("--to", "folder", type=PATH, help="Instead of backup.folder.")
@options
def backup_command(folder: Path | None, config_file: str | None, as_json: bool) -> None:
    """Copy the database while everything goes on, verify the copy, remove what is too old.

    Copies in a folder named with --to are never removed.
    """
    from inboxbot import events, opening
    from inboxbot.store import backup

    settings = configuration(config_file)
    where = folder or settings.backup_path
    with opening.store(settings, create=False) as db:
        copy = backup.make(db, where, utc_now())
    removed = []
    if folder is None:
        kept = settings.backup
        removed = backup.thin(where, daily=kept.keep_daily, weekly=kept.keep_weekly)
    assert copy.manifest is not None  # noqa: S101  (it was just written)
    events.backed_up(copy.manifest.messages, copy.manifest.size, len(removed))
    if as_json:
        print_json({**_as_object(copy), "removed": [str(file) for file in removed]})
        return
    click.echo(f"{copy.file}: {_in_words(copy)}; verified.")
    for file in removed:
        click.echo(f"removed {file}")


@click.command("verify-backup")
@click.argument("files", metavar="[FILE...]", nargs=-1, type=PATH)
@_former_key
@options
def verify_backup_command(
    files: tuple[Path, ...], former_key: str | None, config_file: str | None, as_json: bool
) -> None:
    """Read copies to their last byte and check them: checksum, database, invariants.

    Without FILE, the newest one in backup.folder. Exit code 65 for a copy that does not hold.
    """
    from inboxbot import opening
    from inboxbot.store import backup, sqlite

    if not files:
        newest = backup.copies(configuration(config_file).backup_path)[:1]
        files = tuple(copy.file for copy in newest)
    if not files:
        raise StoreError("There is no copy yet: run `inboxbot backup`.")
    key = None
    if any(file.is_file() and sqlite.is_encrypted(file) for file in files):
        key = (
            opening.key_named(former_key) if former_key else opening.key(configuration(config_file))
        )
    for file in files:
        copy = backup.verify(file, key)
        if as_json:
            print_json(_as_object(copy))
        else:
            click.echo(f"{file}: {_in_words(copy)}; it holds.")


@click.command("restore")
@click.argument("file", metavar="FILE", type=PATH)
@_former_key
@options
def restore_command(
    file: Path, former_key: str | None, config_file: str | None, as_json: bool
) -> None:
    """Put the copy FILE in the place of the database. Stop both services first.

    The database that is there now is kept beside it. Nothing that may have been answered since
    the copy was made is answered by itself: it is held, looked up in the Sent folder by the
    daemon, and else shown to staff. Who was erased since is erased again, but for a legal hold.
    """
    from inboxbot import erasing, events, modes, opening
    from inboxbot.lock import locked
    from inboxbot.store import figures, restoring
    from inboxbot.store.settings import mode

    settings = configuration(config_file)
    path, moment = settings.store_path, utc_now()
    erased = kept = 0

    def forget_again(db: Any) -> None:
        nonlocal erased, kept
        erased, kept = erasing.erase_again(db, erasing.remembered_beside(path), moment)

    with locked(path.parent):
        aside = restoring.restore(
            file,
            path,
            moment,
            who=modes.operator(),
            prepare=forget_again,
            key=opening.key(settings),
            key_of_copy=opening.key_named(former_key) if former_key else None,
        )
    db = opening.connect(settings)
    held, in_force = figures.figures(db).held.get("restored", 0), mode(db)
    db.close()
    events.restored(held, erased, kept)
    if as_json:
        print_json(
            {
                "aside": str(aside) if aside else None,
                "held": held,
                "erased_again": erased,
                "kept_by_hold": kept,
            }
        )
        return
    click.echo(f"{file} is the database now.")
    if aside:
        click.echo(f"The one before lies at {aside}: remove it when all is well.")
    if erased:
        click.echo(
            counted(
                "{} letter of people who were erased since is erased again.",
                "{} letters of people who were erased since are erased again.",
                erased,
            )
        )
    if kept:
        click.echo(
            counted(
                "{} letter of people who were erased since stays: the copy has a legal hold on "
                "them. Lift it if it is over, then `inboxbot person erase`.",
                "{} letters of people who were erased since stay: the copy has a legal hold on "
                "them. Lift it if it is over, then `inboxbot person erase`.",
                kept,
            )
        )
    click.echo(
        f"{counted('{} reply is held', '{} replies are held', held)}, and so are those to letters "
        "received before now:\nwhat lies in the Sent folder counts as sent; for the rest see "
        "`inboxbot outbox list`."
    )
    click.echo(f"The mode is {in_force}: {in_force.meaning}.")
    for box in settings.mailbox:
        if box.mark.startswith("move:"):
            click.echo(
                f"Letters that were moved out of {box.folder} ({box.name}) since the copy was made "
                "are not here:\nmove them back there, and they come in again."
            )


@click.command("migrate")
@click.option("--plan", is_flag=True, help="Only name the steps that are missing.")
@options
def migrate_command(plan: bool, config_file: str | None, as_json: bool) -> None:
    """Bring the database up to the schema of this program; a copy is made first.

    The services do the same when they start. There is no way back but the copy.
    """
    from inboxbot import opening
    from inboxbot.store import backup, migrations

    settings = configuration(config_file)
    db = opening.connect(settings)
    try:
        migrations.check_not_newer(db)
        wanted = migrations.pending(db)
        steps = wanted if plan else backup.upgrade(db, settings.backup_path, utc_now())
    finally:
        db.close()
    if as_json:
        print_json({"plan": plan, "steps": steps})
        return
    word = "missing" if plan else "applied"
    for step in steps:
        click.echo(f"{word}  {step}")
    if not steps:
        click.echo("The schema is up to date.")


@click.command("audit")
@click.option("--letter", type=common.number, help="Only who opened and changed this letter.")
@click.option(
    "--person", type=common.address, metavar="ADDRESS", help="Only letters from this person."
)
@click.option("--verify", is_flag=True, help="Check that no row was changed or taken out.")
@click.option(
    "--limit", type=common.limit, default=100, show_default=True, help="At most so many rows."
)
@options
def audit_command(
    letter: int | None,
    person: str | None,
    verify: bool,
    limit: int,
    config_file: str | None,
    as_json: bool,
) -> None:
    """Show who read and who did what and when, the newest first.

    With --verify, exit code 1 where the chain of hashes is broken.
    """
    from inboxbot import opening, upkeep
    from inboxbot.store import audit

    with opening.store(configuration(config_file), create=False) as db:
        if verify:
            broken = audit.verify(db)
            if as_json:
                print_json({"broken": broken})
            elif broken:
                click.echo(f"The chain is broken at rows {', '.join(map(str, broken[:20]))}.")
            else:
                click.echo("Every row is as it was written, and none is missing.")
            raise click.exceptions.Exit(FINDINGS if broken else 0)
        entries = upkeep.entries(db, letter=letter, person=person, limit=limit)
    if as_json:
        for entry in entries:
            print_json(
                {"id": entry.id, "at": entry.at, "who": entry.who, "what": entry.what,
                 "letter": entry.message_id, "detail": entry.detail}
            )  # fmt: skip
        return
    rows = [
        (entry.at[:19].replace("T", " "), entry.who, entry.what, entry.message_id, entry.detail)
        for entry in entries
    ]
    print_table(rows, ("when (UTC)", "who", "what", "letter", "detail"))


@click.command("doctor")
@options
def doctor_command(config_file: str | None, as_json: bool) -> None:
    """Check everything, also the servers; no mail is sent. Each finding says what to do.

    Exit code 78 for a configuration that cannot be used, 1 where something FAILs.
    """
    from inboxbot import doctor

    code = FINDINGS
    try:
        settings = configuration(config_file)
        findings = doctor.examine(settings, utc_now())
    except ConfigError as error:
        findings, code = doctor.of_configuration(error), CONFIGURATION
    failed = 0
    for finding in findings:
        failed += finding.level is doctor.Level.FAIL
        if as_json:
            print_json(
                {"level": finding.level, "what": finding.what, "found": finding.found,
                 "fix": finding.fix}
            )  # fmt: skip
        else:
            click.secho(f"{finding.level:<4}", fg=finding.level.colour, nl=False)
            click.echo(f"  {finding.what}: {finding.found}")
            if finding.fix:
                click.echo(f"      → {finding.fix}")
    if failed:
        raise click.exceptions.Exit(code)


def _as_object(copy: "Copy") -> dict[str, Any]:
    manifest = copy.manifest
    return {
        "file": str(copy.file),
        "made_at": manifest.made_at if manifest else None,
        "messages": manifest.messages if manifest else None,
        "sha256": manifest.sha256 if manifest else None,
    }


def _in_words(copy: "Copy") -> str:
    if copy.manifest is None:
        return "no manifest, so only the database itself could be checked"
    made = copy.manifest
    size = f"{made.size / 2**20:.1f} MB"
    return f"letters: {made.messages}, {size}, made {made.made_at[:19]} UTC"
