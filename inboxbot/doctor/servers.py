"""What the servers of a mailbox say when they are asked: IMAP, SMTP, and who gives out tokens."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from inboxbot import opening, servers
from inboxbot.config import Config, Mailbox
from inboxbot.counted import counted
from inboxbot.doctor.finding import Finding, Level
from inboxbot.errors import AuthenticationError, ConfigError, InboxbotError, TokenError
from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.smtp import SmtpTransport
from inboxbot.store import mailboxes, migrations

TOKEN_SOON = timedelta(days=7)
CERTIFICATE_SOON = timedelta(days=21)


def of_mailbox(box: Mailbox, configuration: Config, now: datetime) -> Iterator[Finding]:
    """Yield what the servers of a mailbox answer, and whose word on senders is taken there."""
    if box.uses_tokens:
        yield from of_token(box, configuration, now)
    for what, section, server, asked in (
        (f"{box.name}: IMAP", "mailbox.imap", box.imap, _imap),
        (f"{box.name}: SMTP", "mailbox.smtp", box.smtp, _smtp),
    ):
        refused = (
            f"Put the right password in place of the credential named in [{section}]."
            if server.auth == "password"
            else f"Compare `username` in [{section}] with who signed in, or run "
            f"`inboxbot login {box.name}` again; docs/operations/providers.md says where the "
            "provider switches the protocol on."
        )
        yield from _asked(what, section, refused, asked(box, configuration, now))
    yield from _trust(box)


def _asked(what: str, section: str, refused: str, found: Iterator[Finding]) -> Iterator[Finding]:
    """Yield what asking a server came to; `refused` is what to do about a login that failed."""
    try:
        yield from found
    except ConfigError as error:
        for problem in error.problems:
            yield Finding(Level.FAIL, what, problem.text)
    except TokenError as error:
        yield Finding(Level.FAIL, what, str(error))
    except AuthenticationError as error:
        yield Finding(Level.FAIL, what, str(error), refused)
    except InboxbotError as error:
        fix = f"Correct [{section}], or ask your provider whether the server is well."
        yield Finding(Level.FAIL, what, str(error), fix)


def of_token(box: Mailbox, configuration: Config, now: datetime) -> Iterator[Finding]:
    """Yield how the access token of a mailbox stands, or what to do so that there is one."""
    what = f"{box.name}: token"
    yield from _asked(what, "mailbox.oauth", "", _token(box, configuration, now))


def _token(box: Mailbox, configuration: Config, now: datetime) -> Iterator[Finding]:
    """Renew the token where it is due, as the daemon does, and say how long all of it lasts."""
    what = f"{box.name}: token"
    tokens = servers.access_tokens(configuration, box).check()
    found = f"The access token lasts until {tokens.access_until:%Y-%m-%d %H:%M} UTC."
    ends_at = tokens.ends_at(now)
    if ends_at is not None:
        days = (ends_at - now).days
        found += f" Unused, the permission ends in {days} days."
        if days < TOKEN_SOON.days:
            fix = f"Run `inboxbot login {box.name}` before then."
            yield Finding(Level.WARN, what, found, fix)
            return
    yield Finding(Level.PASS, what, found)


def _imap(box: Mailbox, configuration: Config, now: datetime) -> Iterator[Finding]:
    what = f"{box.name}: IMAP"
    with ImapMailbox(servers.imap_settings(configuration, box)) as mailbox:
        mailbox.allow(4.0 * box.imap.timeout_s)
        status = mailbox.open()
        idle = "IDLE" in mailbox.capabilities()
        letters = counted("{} letter", "{} letters", status.exists)
        yield Finding(
            Level.PASS,
            what,
            f"{box.folder} of {box.imap.host} holds {letters}, UIDVALIDITY "
            f"{status.uidvalidity}, {'with' if idle else 'without'} IDLE.",
        )
        if mailbox.holds_all_mail():
            yield Finding(
                Level.WARN,
                what,
                f"{box.folder} holds every letter of the account, also those that it sent.",
                'Watch the folder in which letters arrive: set folder = "INBOX".',
            )
        until = mailbox.certificate_until()
        yield from _certificate(what, until, now)
        if box.sent_copy != "none" and not box.sent_folder and mailbox.sent_folder() is None:
            yield Finding(
                Level.WARN,
                what,
                "sent_copy wants a Sent folder, and the server marks none as such.",
                "Name it in sent_folder.",
            )
    known = _known_uidvalidity(box, configuration)
    if known not in (None, status.uidvalidity):
        yield Finding(
            Level.WARN,
            what,
            f"UIDVALIDITY was {known}: the server has numbered the letters anew.",
            "Nothing to do: the next poll finds the letters again by what they hold.",
        )


def _trust(box: Mailbox) -> Iterator[Finding]:
    if not box.trusted_authserv_ids:
        yield Finding(
            Level.WARN,
            f"{box.name}: trusted_authserv_ids",
            "It is empty: nobody is greeted by name, and forged senders are not noticed.",
            "Write there what stands first behind `Authentication-Results:` in the source of a "
            "letter that came in, such as mx.charity.org.",
        )


def _known_uidvalidity(box: Mailbox, configuration: Config) -> int | None:
    if not configuration.store_path.exists():
        return None
    with closing(opening.connect(configuration)) as db:
        if migrations.pending(db):
            return None
        source = servers.source(box)
        watched = mailboxes.find(db, source.name, source.server, source.folder)
    return watched.uidvalidity if watched else None


def _smtp(box: Mailbox, configuration: Config, now: datetime) -> Iterator[Finding]:
    what = f"{box.name}: SMTP"
    with SmtpTransport(servers.smtp_settings(configuration, box)) as transport:
        probe = transport.probe()
    if not probe.null_sender and not box.smtp.envelope_sender:
        yield Finding(
            Level.FAIL,
            what,
            f"{box.smtp.host} takes no mail from the null sender <>.",
            f'Set envelope_sender = "{box.address}" in [mailbox.smtp].',
        )
    else:
        yield Finding(Level.PASS, what, f"{box.smtp.host} let us in; no mail was sent.")
    yield from _certificate(what, probe.certificate_until, now)


def _certificate(what: str, until: datetime | None, now: datetime) -> Iterator[Finding]:
    if until is not None and until - now < CERTIFICATE_SOON:
        yield Finding(
            Level.WARN,
            what,
            f"The server's certificate ends {until:%Y-%m-%d}.",
            "Ask whoever runs the server to renew it.",
        )
