"""The commands that give the database a key, take it away, or change it."""

from typing import TYPE_CHECKING

import click

from inboxbot.cli.common import configuration, options, print_json
from inboxbot.clock import utc_now
from inboxbot.errors import ConfigError, Problem

if TYPE_CHECKING:
    from inboxbot.config import Config
    from inboxbot.store.sqlite import Key


@click.group("store")
def store_command() -> None:
    """Encrypt the database with SQLCipher. Stop both services first.

    The database is written anew and compared row by row before it counts. The one before is kept
    beside it. See docs/operations/encryption.md.
    """


@store_command.command("encrypt")
@options
def encrypt_command(config_file: str | None, as_json: bool) -> None:
    """Encrypt the database with the key that store.key_credential names."""
    settings = configuration(config_file)
    _convert(settings, None, _key(settings), "The database is encrypted now.", as_json=as_json)


@store_command.command("decrypt")
@options
def decrypt_command(config_file: str | None, as_json: bool) -> None:
    """Take the encryption off the database; take store.key_credential out afterwards."""
    settings = configuration(config_file)
    said = "The database is not encrypted any more: take store.key_credential out of the settings."
    _convert(settings, _key(settings), None, said, as_json=as_json)


@store_command.command("rekey")
@click.option("--to", "new", metavar="CREDENTIAL", required=True, help="It holds the new key.")
@options
def rekey_command(new: str, config_file: str | None, as_json: bool) -> None:
    """Give the encrypted database another key; name it in store.key_credential afterwards."""
    from inboxbot import opening

    settings = configuration(config_file)
    said = f'The database has the new key: set store.key_credential = "{new}".'
    _convert(settings, _key(settings), opening.key_named(new), said, as_json=as_json)


def _key(settings: "Config") -> "Key":
    from inboxbot import opening

    key = opening.key(settings)
    if key is None:
        what = "Name the credential with the key of the database here first."
        raise ConfigError((Problem("store.key_credential", what),))
    return key


def _convert(
    settings: "Config", old: "Key | None", new: "Key | None", said: str, *, as_json: bool
) -> None:
    from inboxbot import modes
    from inboxbot.lock import locked
    from inboxbot.store import encryption

    path = settings.store_path
    with locked(path.parent):
        aside = encryption.convert(path, old, new, utc_now(), who=modes.operator())
    plain = encryption.plain_copies(path, settings.backup_path) if new else []
    if as_json:
        print_json({"aside": str(aside), "not_encrypted": [str(file) for file in plain]})
        return
    click.echo(said)
    click.echo(f"The one before lies at {aside}: remove it when all is well.")
    if plain:
        click.echo("Not encrypted: run `inboxbot backup`, and remove these when all is well.")
        for file in plain:
            click.echo(f"  {file}")
