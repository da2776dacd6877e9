"""What the machine says: secrets, clock, disk, encryption, the address that the app listens on."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from inboxbot import config
from inboxbot.config import Config
from inboxbot.counted import counted
from inboxbot.doctor.finding import Finding, Level
from inboxbot.store import encryption
from inboxbot.store.sqlite import library

# This program was not there before.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def of_machine(configuration: Config, now: datetime) -> Iterator[Finding]:
    """Yield what can be known without the database and without any server."""
    yield from _secrets(configuration)
    yield from _clock(now)
    yield from _disk(configuration)
    yield from _encryption(configuration)
    yield from _web(configuration)


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


def _disk(configuration: Config) -> Iterator[Finding]:
    folder = _folder(configuration)
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


def _folder(configuration: Config) -> Path:
    return next(each for each in configuration.store_path.parents if each.exists())


def _web(configuration: Config) -> Iterator[Finding]:
    if not config.is_loopback(configuration.web.host):
        yield Finding(
            Level.WARN,
            "web.host",
            f"The review app listens on {configuration.web.host}, without encryption of its own.",
            'Set it to "127.0.0.1" and put a web server with TLS in front.',
        )


def _encryption(configuration: Config) -> Iterator[Finding]:
    what, page = "encryption", "docs/operations/encryption.md"
    folder = _folder(configuration)
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
