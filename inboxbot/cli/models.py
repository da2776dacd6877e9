"""Commands on models: train one, see what got better and worse, put one in force or back."""

from typing import TYPE_CHECKING, Any

import click

from inboxbot.classify.comparison import Outcome
from inboxbot.cli import common
from inboxbot.cli.common import (
    FINDINGS,
    configuration,
    options,
    print_json,
    print_table,
)
from inboxbot.clock import utc_now
from inboxbot.counted import counted

if TYPE_CHECKING:
    from inboxbot.store.models import Stored

_AT_ONCE = "The daemon uses it from its next pass on, within 20 seconds; no restart is needed."


@click.command("train")
@click.option("--promote", is_flag=True, help="Put it in force if nothing got worse.")
@click.option("--if-new", is_flag=True, help="Only if staff judged a letter since the last time.")
@click.option("--who", hidden=True, help="Whom the audit names: the daemon names itself.")
@options
def train_command(
    promote: bool, if_new: bool, who: str | None, config_file: str | None, as_json: bool
) -> None:
    """Train a model on the shipped letters and all that staff corrected or confirmed.

    It is compared with the model in force, and says what got better and worse. This takes some
    minutes. Exit code 1 where it was to be put in force, and something got worse.
    """
    from inboxbot import learning, modes, opening, promotion
    from inboxbot.lock import locked
    from inboxbot.store import models

    settings = configuration(config_file)
    kind, who = settings.classify.model, who or modes.operator()
    with opening.store(settings, create=False) as db:
        if if_new and not learning.anything_new(db, kind):
            if as_json:
                print_json({"model": None, "promoted": False})
            else:
                click.echo("Staff have judged no letter since the last training.")
            return
        with locked(settings.store_path.parent / models.FOLDER):
            stored = learning.train(db, kind, who=who, now=utc_now())
        worse = promotion.what_got_worse(stored)
        if promote and not worse:
            promotion.promote(db, kind, stored.id, who=who, now=utc_now())
    if as_json:
        print_json(_as_object(stored, promote and not worse) | stored.comparison)
    else:
        _print_trained(stored, worse, promote)
    if promote and worse:
        raise click.exceptions.Exit(FINDINGS)


def _print_trained(stored: "Stored", worse: list[str], promote: bool) -> None:
    from inboxbot import promotion

    letters = counted("{} letter", "{} letters", stored.letters)
    confirmed = stored.letters - stored.corrections
    click.echo(
        f"Model {stored.id} ({stored.version}) learned from {letters} of yours: "
        f"{stored.corrections} corrected, {confirmed} confirmed."
    )
    click.echo(
        f"Compared with {promotion.name(stored.compared_with).lower()}, on letters that neither "
        "had seen:\n"
    )
    for line in _changes(stored.comparison["changes"]):
        click.echo(f"  {line}")
    click.echo()
    if worse:
        click.echo(f"Something got worse, so it is not put in force: {'; '.join(worse)}.")
    elif promote:
        click.echo(f"Nothing got worse: it is in force. {_AT_ONCE}")
    else:
        click.echo(
            "Nothing got worse. To see what it would change: "
            f"`inboxbot replay --model {stored.id}`; to put it in force: "
            f"`inboxbot model promote {stored.id}`."
        )


def _changes(changes: list[dict[str, Any]]) -> list[str]:
    """Return a line for each thing compared; languages in which nothing changed share one."""
    still = [each for each in changes if each["language"] and each["outcome"] == Outcome.SAME]
    lines = [each["sentence"] for each in changes if each not in still]
    if still:
        languages = counted("{} language", "{} languages", len(still))
        lines.append(f"shipped letters in {languages}: {Outcome.SAME}")
    return lines


@click.group("model")
def model_command() -> None:
    """List the models trained here; put one in force, or put back what was before."""


@model_command.command("list")
@options
def model_list(config_file: str | None, as_json: bool) -> None:
    """List the shipped model (0) and those trained here, and which is in force."""
    from inboxbot import opening, promotion
    from inboxbot.store import models

    settings = configuration(config_file)
    kind = settings.classify.model
    with opening.store(settings, create=False) as db:
        present = promotion.in_force(db, kind)
        found = models.all_models(db)
    rows = [_as_object(stored, stored.id == present.number) for stored in found]
    shipped: dict[str, Any] = {"model": 0, "kind": kind, "in_force": present.number == 0}
    if as_json:
        for row in (shipped, *rows):
            print_json(row)
        return
    print_table(
        [
            (0, "", kind, "shipped", "", "", "in force" if shipped["in_force"] else ""),
            *(
                (
                    row["model"],
                    row["at"][:16],
                    row["kind"],
                    row["version"],
                    row["letters"],
                    ", ".join(row["worse"]) or "nothing",
                    "in force" if row["in_force"] else "",
                )
                for row in rows
            ),
        ],
        ("MODEL", "TRAINED", "KIND", "VERSION", "LETTERS", "GOT WORSE", ""),
    )
    if present.problem:
        click.echo(f"\n{present.problem}")


@model_command.command("promote")
@click.argument("number", metavar="MODEL", type=common.number)
@options
def model_promote(number: int, config_file: str | None, as_json: bool) -> None:
    """Put model MODEL in force; 0 is the shipped one.

    Refused where something got worse, or where it was compared with another model than the
    present one: then train again.
    """
    from inboxbot import modes, opening, promotion

    settings = configuration(config_file)
    with opening.store(settings, create=False) as db:
        promotion.promote(db, settings.classify.model, number, who=modes.operator(), now=utc_now())
    _say_in_force(number, as_json)


@model_command.command("rollback")
@options
def model_rollback(config_file: str | None, as_json: bool) -> None:
    """Put in force what was so before: its answers are the same again, to the last digit."""
    from inboxbot import modes, opening, promotion

    settings = configuration(config_file)
    with opening.store(settings, create=False) as db:
        number = promotion.roll_back(
            db, settings.classify.model, who=modes.operator(), now=utc_now()
        )
    _say_in_force(number, as_json)


def _say_in_force(number: int, as_json: bool) -> None:
    from inboxbot import promotion

    if as_json:
        print_json({"model": number, "in_force": True})
    else:
        click.echo(f"{promotion.name(number)} is in force. {_AT_ONCE}")


def _as_object(stored: "Stored", in_force: bool) -> dict[str, Any]:
    from inboxbot import promotion

    return {
        "model": stored.id,
        "at": stored.at.isoformat(),
        "kind": stored.kind,
        "version": stored.version,
        "fingerprint": stored.fingerprint,
        "shipped": stored.shipped,
        "letters": stored.letters,
        "corrections": stored.corrections,
        "compared_with": stored.compared_with,
        "worse": promotion.what_got_worse(stored),
        "in_force": in_force,
    }
