"""Everything that can be known to be wrong, also by asking the servers: PASS, WARN or FAIL.

No mail is sent and nothing is changed. Each finding says what was found and what to do.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from inboxbot import checks, config, domain_records, opening, servers
from inboxbot.config import Config, Mailbox
from inboxbot.counted import counted
from inboxbot.errors import AuthenticationError, ConfigError, InboxbotError, TokenError
from inboxbot.frozen import dataclass
from inboxbot.health import health
from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.smtp import SmtpTransport
from inboxbot.store import audit, backup, encryption, invariants, mailboxes, migrations, settings
from inboxbot.store.database import moment, store_error
from inboxbot.store.sqlite import Database, library

# This program was not there before.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(minutes=5)
TOKEN_SOON = timedelta(days=7)
CERTIFICATE_SOON = timedelta(days=21)


class Level(StrEnum):
    """How bad it is."""

    PASS = "PASS"  # noqa: S105  (the word, not a secret)
    WARN = "WARN"
    FAIL = "FAIL"

    @property
    def colour(self) -> str:
        """Return how a terminal shows it."""
        return {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "red"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, what was found, and what to do."""

    level: Level
    what: str
    found: str
    fix: str = ""


def of_configuration(error: ConfigError) -> Iterator[Finding]:
    """Yield the findings where the configuration cannot be used: nothing else can be asked."""
    for problem in error.problems:
        yield Finding(Level.FAIL, problem.place, problem.text, "Then run `inboxbot check`.")


def examine(configuration: Config, now: datetime) -> Iterator[Finding]:
    """Yield every finding, the quick ones first."""
    yield from _offline(configuration)
    yield from _secrets(configuration)
    yield from _clock(now)
    yield from _machine(configuration)
    yield from _store(configuration, now)
    for box in configuration.mailbox:
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
    for domain in dict.fromkeys(box.address.partition("@")[2] for box in configuration.mailbox):
        yield from _domain(domain)


def _offline(configuration: Config) -> Iterator[Finding]:
    problems = checks.offline(configuration)
    for problem in problems:
        yield Finding(Level.FAIL, problem.place, problem.text)
    if not problems:
        yield Finding(Level.PASS, "configuration", "Settings, templates and files are in order.")


def _secrets(configuration: Config) -> Iterator[Finding]:
    servers = [server for box in configuration.mailbox for server in (box.imap, box.smtp)]
    names = [server.credential for server in servers]
    if configuration.store.key_credential:
        names.append(configuration.store.key_credential)
    for name in dict.fromkeys(names):
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        # Whether it is there and can be read, the configuration's own check has said.
        from_file = folder is not None and os.access(Path(folder) / name, os.R_OK)
        if not from_file and config.credential_variable(name) in os.environ:
            yield Finding(
                Level.WARN,
                f"credential {name}",
                "It comes from the environment, which other processes of the same user can read.",
                f"Beyond a trial use LoadCredential={name}:/etc/inboxbot/credentials/{name}.",
            )


def _clock(now: datetime) -> Iterator[Finding]:
    if now < EPOCH:
        yield Finding(
            Level.FAIL,
            "clock",
            f"It is set to {now:%Y-%m-%d}, before this program was written: certificates look "
            "invalid and letters of today look like letters from the future.",
            "`timedatectl set-ntp true`, or set the clock by hand.",
        )
        return
    if Path("/run/systemd/system").exists() and not _synchronised():
        yield Finding(
            Level.WARN,
            "clock",
            "Nothing seems to keep it right.",
            "`timedatectl set-ntp true`, or install chrony.",
        )
        return
    yield Finding(Level.PASS, "clock", f"{now:%Y-%m-%d %H:%M} UTC.")


def _synchronised() -> bool:
    signs = ("/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/ntpd.pid")
    return any(Path(sign).exists() for sign in signs)


def _machine(configuration: Config) -> Iterator[Finding]:
    folder = next(each for each in configuration.store_path.parents if each.exists())
    free, wanted = shutil.disk_usage(folder).free // 2**20, configuration.store.min_free_mb
    if free < wanted:
        yield Finding(
            Level.FAIL,
            "disk",
            f"{free} MB are free in {folder}, below the {wanted} of store.min_free_mb: nothing is "
            "fetched.",
            "Make room: old copies in backup.folder, other files, or a larger disk.",
        )
    elif free < 3 * wanted:
        yield Finding(
            Level.WARN, "disk", f"Only {free} MB are free in {folder}.", "Make room soon."
        )
    else:
        yield Finding(Level.PASS, "disk", f"{free} MB are free in {folder}.")
    yield from _encryption(configuration, folder)
    if not config.is_loopback(configuration.web.host):
        yield Finding(
            Level.WARN,
            "web.host",
            f"The review app listens on {configuration.web.host}, without encryption of its own.",
            'Set it to "127.0.0.1" and put a web server with TLS in front.',
        )


def _encryption(configuration: Config, folder: Path) -> Iterator[Finding]:
    what, page = "encryption", "docs/operations/encryption.md"
    if not configuration.store.key_credential:
        if not _encrypted(folder):
            yield Finding(
                Level.WARN,
                what,
                f"The disk below {folder} does not seem to be encrypted.",
                f"Letters about illness lie on it: see {page} (LUKS).",
            )
        return
    plain = encryption.plain_copies(configuration.store_path, configuration.backup_path)
    if plain and not _encrypted(folder):
        copies = counted("{} copy of it is not", "{} copies of it are not", len(plain))
        yield Finding(
            Level.WARN,
            what,
            f"The database is to be encrypted, and {copies}, such as {plain[0]}.",
            f"Make a new one with `inboxbot backup`, then remove them: see {page}.",
        )
        return
    found = f"The database asks for a key (SQLite {library()}); no copy without one was found."
    yield Finding(Level.PASS, what, found)


def _encrypted(folder: Path) -> bool:
    """Say whether the device that a folder lies on is, or lies on, dm-crypt."""
    number = folder.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    return any(_is_crypt(each) for each in (device, *device.glob("slaves/*")))


def _is_crypt(device: Path) -> bool:
    try:
        return (device / "dm" / "uuid").read_text().startswith("CRYPT-")
    except OSError:
        return False


def _store(configuration: Config, now: datetime) -> Iterator[Finding]:
    path = configuration.store_path
    if not path.exists():
        try:
            opening.connect(configuration).close()
        except InboxbotError as error:
            lost = "missing though" in str(error)
            yield Finding(Level.FAIL if lost else Level.WARN, "database", str(error))
        return
    try:
        with closing(opening.connect(configuration)) as db:
            yield from _opened(db, configuration, now)
    except InboxbotError as error:
        yield Finding(Level.FAIL, "database", str(error))
    except sqlite3.Error as error:
        yield Finding(Level.FAIL, "database", str(store_error(error, path)))


def _opened(db: Database, configuration: Config, now: datetime) -> Iterator[Finding]:
    migrations.check_not_newer(db)
    if migrations.pending(db):
        return  # `checks` has said so; what follows needs the present schema.
    _can_write(db, configuration.store_path)
    broken = invariants.check(db)
    for violation in broken:
        fix = (
            "Somebody changed it by hand: keep the file, and compare it with a backup."
            if violation.invariant == "I8"
            else "Keep a copy of the file, then run `inboxbot restore` with the newest backup."
        )
        yield Finding(Level.FAIL, f"database {violation.invariant}", f"{violation}.", fix)
    if not broken:
        yield Finding(
            Level.PASS, "database", f"Whole, with {audit.count(db)} rows of an unbroken audit."
        )
    newest = max((entry.at for entry in audit.entries(db, limit=1)), default=None)
    if newest and moment(newest) > now + CLOCK_TOLERANCE:
        yield Finding(
            Level.FAIL,
            "clock",
            f"The database was written at {newest[:16]} UTC, which is yet to come.",
            "The clock is, or was, wrong: `timedatectl set-ntp true`.",
        )
    found = health(
        db,
        store=configuration.store_path,
        min_free_mb=0,
        silent_after=timedelta(minutes=configuration.alerts.intake_silent_minutes),
        now=now,
    )
    for sentence in found.problems:
        yield Finding(Level.WARN, "service", sentence)
    yield from _backup(db, configuration, now)


def _can_write(db: Database, path: Path) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise store_error(error, path) from error


def _backup(db: Database, configuration: Config, now: datetime) -> Iterator[Finding]:
    hours = configuration.alerts.backup_silent_hours
    at = settings.get_moment(db, backup.VERIFIED_AT)
    if at is None or (hours and now - at > timedelta(hours=hours)):
        yield Finding(
            Level.WARN,
            "backup",
            f"The last verified one was made {at:%Y-%m-%d %H:%M} UTC." if at else "There is none.",
            "`systemctl enable --now inboxbot-backup.timer`, or run `inboxbot backup`.",
        )
    else:
        yield Finding(Level.PASS, "backup", f"Verified {at:%Y-%m-%d %H:%M} UTC.")


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


def _domain(domain: str) -> Iterator[Finding]:
    try:
        for hint in domain_records.hints(domain):
            level = Level.PASS if hint.well else Level.WARN
            yield Finding(level, f"DNS {hint.record}", hint.found, hint.fix)
    except domain_records.Unanswered:
        yield Finding(
            Level.WARN,
            "DNS",
            f"No name server answered, so the records of {domain} were not looked at.",
            "Look again when DNS is there.",
        )
