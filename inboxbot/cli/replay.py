"""`inboxbot replay`: what another model or other templates would change in stored letters."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from inboxbot.replaying import Answer, Replayed

LAST = 500


@click.command("replay")
@click.option(
    "--model", type=common.number, help="The model to try: a number; 0 is the shipped one."
)
@click.option("--templates", type=PATH, help="A folder of templates to try.")
@click.option(
    "--last",
    type=common.limit,
    default=LAST,
    show_default=True,
    help="How many of the newest letters.",
)
@options
def replay_command(
    model: int | None, templates: Path | None, last: int, config_file: str | None, as_json: bool
) -> None:
    """Decide on stored letters once more with another model or other templates; send nothing.

    Lists the letters of which something would change, with what staff said of their category.
    Limits on how much is sent are left out. Nothing is written.
    """
    from inboxbot import passes

    if model is None and templates is None:
        raise click.UsageError("Say what to try: --model NUMBER, --templates FOLDER, or both.")
    if templates is not None and not templates.is_dir():
        raise NotFound(f"There is no folder {templates}.")
    seen: list[Replayed] = []
    with progress("Replaying", as_json=as_json) as went:
        for each in passes.replay(
            configuration(config_file), model=model, templates=templates, last=last
        ):
            went(1)
            if as_json:
                print_json(_as_object(each))
            else:
                seen.append(each)
    if not as_json:
        _print(seen)


def _as_object(each: "Replayed") -> dict[str, Any]:
    return {
        "id": each.id,
        "changed": each.changed,
        "before": _side(each.before),
        "after": _side(each.after),
        "text_changed": each.text_changed,
        "staff": each.staff,
    }


def _side(answer: "Answer") -> dict[str, Any]:
    return {
        "category": answer.category,
        "confidence": round(answer.confidence, 4),
        "urgent": list(answer.urgent),
        "disposition": answer.disposition,
        "reason": answer.reason,
    }


def _print(seen: "list[Replayed]") -> None:
    changed = [each for each in seen if each.changed]
    if changed:
        print_table(
            [
                (
                    each.id,
                    _step(each.before.category, each.after.category),
                    _step(", ".join(each.before.urgent), ", ".join(each.after.urgent)),
                    _step(_disposition(each.before), _disposition(each.after)),
                    "another text" if each.text_changed else "",
                    each.staff,
                )
                for each in changed
            ],
            ("LETTER", "CATEGORY", "URGENT", "DISPOSITION", "ACKNOWLEDGEMENT", "STAFF SAY"),
        )
        click.echo()
    right = sum(each.before.category != each.staff == each.after.category for each in changed)
    wrong = sum(each.before.category == each.staff != each.after.category for each in changed)
    click.echo(
        f"{len(changed)} of {len(seen)} letters would change. Where staff have said the category, "
        f"{right} would be put right and {wrong} would become wrong. Nothing was sent or written."
    )


def _disposition(answer: "Answer") -> str:
    return f"{answer.disposition} ({answer.reason})" if answer.reason else str(answer.disposition)


def _step(before: str, after: str) -> str:
    return f"{before or '-'} -> {after or '-'}" if before != after else ""
