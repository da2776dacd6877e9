"""The owner of a mailbox lets inboxbot use it, with OAuth."""

from typing import TYPE_CHECKING

import click

from inboxbot.cli.common import configuration, options, print_json
from inboxbot.clock import utc_now
from inboxbot.errors import ConfigError, Problem

if TYPE_CHECKING:
    from inboxbot.mail import consent


@click.command("login")
@click.argument("mailbox")
@options
def login_command(mailbox: str, config_file: str | None, as_json: bool) -> None:
    """Let inboxbot use the mailbox MAILBOX of the configuration.

    The provider is named in [mailbox.oauth]. It shows an address to open in a browser; there the
    owner of the mailbox signs in and allows it. A running daemon takes it up at its next look.
    """
    from inboxbot import servers
    from inboxbot.mail import consent

    settings = configuration(config_file)
    box = servers.mailbox_named(settings, mailbox)
    if not box.uses_tokens:
        text = 'This mailbox uses passwords: set `auth` to "xoauth2" or "oauthbearer" first.'
        raise ConfigError((Problem("mailbox", text),))
    registration = servers.registration(box)

    def show(invitation: consent.Invitation) -> None:
        if as_json:
            print_json({"mailbox": box.name, "open": invitation.url, "code": invitation.code})
        else:
            click.echo(_invitation(invitation, box.imap.username, registration.redirect_port))

    tokens = consent.log_in(registration, servers.token_file(settings, box), show, utc_now)
    if as_json:
        print_json(
            {
                "mailbox": box.name,
                "access_until": tokens.access_until.isoformat(),
                "permission_until": tokens.grant_until and tokens.grant_until.isoformat(),
            }
        )
    else:
        click.echo(f"inboxbot may use {box.name} now. `inboxbot doctor` tries both servers.")


def _invitation(invitation: "consent.Invitation", username: str, port: int) -> str:
    if invitation.code:
        return (
            f"Open {invitation.url} in any browser, type the code {invitation.code}, and sign in "
            f"as {username}.\nWaiting …"
        )
    return (
        f"Open this address in a browser on this machine and sign in as {username}:\n\n"
        f"  {invitation.url}\n\nFrom another machine, first run there: "
        f"ssh -L {port}:127.0.0.1:{port} THIS-MACHINE\nWaiting …"
    )
