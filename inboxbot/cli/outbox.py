"""Commands on the outbox: what is in it, and what to do with replies that need a person."""

from dataclasses import asdict

import click

from inboxbot.cli import common
from inboxbot.cli.common import NotFound, configuration, options, print_json, print_table
from inboxbot.clock import utc_now
from inboxbot.errors import NotPossible


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
    from inboxbot import opening
    from inboxbot.store import outbox

    try:
        wanted = tuple(outbox.State(state) for state in states)
    except ValueError:
        known = ", ".join(outbox.State)
        raise click.UsageError(f"There is no such state; there are {known}.") from None
    with opening.store(configuration(config_file), create=False) as db:
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
@click.argument("reply", metavar="ID", type=common.number)
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
@click.argument("reply", metavar="ID", type=common.number)
@options
def outbox_cancel(reply: int, config_file: str | None, as_json: bool) -> None:
    """Give up a reply that is not in flight; it is not sent.

    Of an acknowledgement that was held, it is kept that the rule was right to hold it.
    """
    _resolve(reply, False, False, config_file, as_json)


def _resolve(reply: int, sent: bool, again: bool, config_file: str | None, as_json: bool) -> None:
    from inboxbot import modes, opening, review
    from inboxbot.actions import Drop, Resolve
    from inboxbot.store import replies

    with opening.store(configuration(config_file), create=False) as db:
        wanted = replies.get(db, reply)
        if wanted is None:
            raise NotFound(f"There is no reply {reply}.")
        letter = wanted.letter
        found = replies.held(db, letter)
        held = found is not None and found.id == reply
        given_up = not (sent or again)
        try:
            review.perform(
                db,
                Drop() if held and given_up else Resolve(reply, sent=sent, again=again),
                [review.Letter(letter)],
                staff=modes.operator(),
                now=utc_now(),
            )
        except NotPossible as error:
            raise NotPossible(f"{error} It is {wanted.state}.") from error
        state = (replies.get(db, reply) or wanted).state
    if as_json:
        print_json({"id": reply, "letter": letter, "state": state})
    else:
        click.echo(f"Reply {reply} is {state} now.")
