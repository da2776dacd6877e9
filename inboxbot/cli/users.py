"""Who may sign in to the review app: add, list, disable and reset accounts."""

import sys
from collections.abc import Callable
from datetime import timedelta

import click

from inboxbot.cli.common import configuration, options, print_json, print_table
from inboxbot.clock import utc_now
from inboxbot.config import Config
from inboxbot.errors import DataError
from inboxbot.store.sqlite import Database


class PasswordRefusedError(DataError):
    """The password that was typed is not good enough; the text says why."""


@click.group("user")
def user_command() -> None:
    """Add, list, disable and reset the accounts of the review app.

    There is no account to begin with; the first administrator is added here.
    """


@user_command.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["staff", "administrator", "auditor"]),
    default="staff",
    show_default=True,
    help="What they may do.",
)
@click.option(
    "--password", "ask", is_flag=True, help="Ask for a password here, instead of making a link."
)
@options
def add_command(name: str, role: str, ask: bool, config_file: str | None, as_json: bool) -> None:
    """Add the account NAME and print the link that its owner signs in with first.

    The link works once, for an hour, to choose a password.
    """
    from inboxbot import accounts, modes
    from inboxbot.store.users import Purpose, Role

    settings = configuration(config_file)
    password = _asked_password(name, settings.organisation.name) if ask else None

    def work(db: Database) -> str:
        return accounts.add_user(
            db, name, Role(role), who=modes.operator(), now=utc_now(), purpose=Purpose.PASSWORD
        )

    _with_link(settings, name, work, password, as_json)


@user_command.command("reset")
@click.argument("name")
@click.option(
    "--password", "ask", is_flag=True, help="Ask for a password here, instead of making a link."
)
@options
def reset_command(name: str, ask: bool, config_file: str | None, as_json: bool) -> None:
    """Take password, second step and sessions of NAME away, and print a new link."""
    from inboxbot import accounts, modes

    settings = configuration(config_file)
    password = _asked_password(name, settings.organisation.name) if ask else None

    def work(db: Database) -> str:
        return accounts.reset(db, name, who=modes.operator(), now=utc_now())

    _with_link(settings, name, work, password, as_json)


@user_command.command("disable")
@click.argument("name")
@options
def disable_command(name: str, config_file: str | None, as_json: bool) -> None:
    """Let NAME no longer sign in, and end their sessions at once; `reset` lets them in again."""
    from inboxbot import accounts, modes, opening

    with opening.store(configuration(config_file)) as db:
        accounts.disable(db, name, who=modes.operator(), now=utc_now())
    if as_json:
        print_json({"name": name.lower(), "disabled": True})
    else:
        click.echo(f"{name.lower()} can no longer sign in.")


@user_command.command("list")
@options
def list_command(config_file: str | None, as_json: bool) -> None:
    """List who may sign in."""
    from inboxbot import opening
    from inboxbot.store import users

    settings = configuration(config_file)
    span = users.Span.of(
        utc_now(),
        idle=timedelta(minutes=settings.web.session_idle_minutes),
        longest=timedelta(hours=settings.web.session_hours),
    )
    with opening.store(settings) as db:
        found = users.everybody(db)
        sessions = {user.id: len(users.sessions(db, user.id, span)) for user in found}
    rows = [
        {
            "name": user.name,
            "role": user.role,
            "disabled": user.disabled,
            "password": user.password_hash is not None,
            "second_factor": user.totp_secret is not None,
            "sessions": sessions[user.id],
        }
        for user in found
    ]
    if as_json:
        for row in rows:
            print_json(row)
    else:
        print_table(
            [tuple(_shown(value) for value in row.values()) for row in rows],
            ("name", "role", "disabled", "password", "second step", "sessions"),
        )


def _shown(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _asked_password(name: str, organisation: str) -> str:
    from inboxbot import accounts

    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline().rstrip("\n")
    wrong = accounts.password_problem(password, name, organisation)
    if wrong is not None:
        raise PasswordRefusedError(wrong)
    return password


def _with_link(
    settings: Config,
    name: str,
    work: Callable[[Database], str],
    password: str | None,
    as_json: bool,
) -> None:
    """Do `work`, which returns the token of a link; use it up where a password was typed."""
    from inboxbot import accounts, modes, opening
    from inboxbot.store import users
    from inboxbot.store.database import write

    with opening.store(settings) as db:
        token = work(db)
        if password is not None:
            with write(db):
                users.use_link(db, token, utc_now())
                user = accounts.known(db, name)
                accounts.set_password(db, user, password, who=modes.operator(), now=utc_now())
    link = f"http://{settings.web.host}:{settings.web.port}/welcome/{token}"
    if as_json:
        print_json({"name": name.lower(), "link": None if password is not None else link})
    elif password is not None:
        click.echo(f"{name.lower()} can sign in now.")
    else:
        click.echo(
            f"{name.lower()} chooses a password here, once, within an hour:\n{link}\n"
            "(behind a proxy, put its address in front of /welcome/)"
        )
