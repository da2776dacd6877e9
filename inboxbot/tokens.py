"""Access and refresh tokens, one file for each mailbox in the state folder.

Only the service can read a file (0600), and it is replaced whole: written beside, made durable,
renamed. A refresh token that the provider has just changed is on disk before anything is done
with what came along with it; a file that was complete and not yet renamed is taken up again.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, field
from datetime import datetime, timedelta
from pathlib import Path

from inboxbot import faults
from inboxbot.errors import PermanentError, TokenError, TransientError
from inboxbot.frozen import dataclass

FOLDER = "tokens"
EARLY = timedelta(minutes=5)  # So long before its end a token is renewed.
PATIENCE_S = 90.0  # Longer than any answer of a token server is waited for.
PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a provider gave. `client` says to which registration; `grant_until` may be unknown."""

    client: str
    access: str = field(repr=False)
    access_until: datetime
    obtained_at: datetime
    refresh: str = field(default="", repr=False)
    granted_at: datetime
    grant_until: datetime | None = None

    def ends_at(self, now: datetime) -> datetime | None:
        """Return when somebody must sign in again if nothing is renewed, or None if unknown.

        A permission that can no longer be renewed ends with its access token.
        """
        if self.grant_until is not None and self.grant_until <= now:
            return self.access_until
        return self.grant_until


class TokenFile:
    """The tokens of one mailbox. Several processes may use it at once."""

    def __init__(self, folder: Path, mailbox: str) -> None:
        self.mailbox = mailbox
        self._path = folder / f"{mailbox}.json"
        self._new = folder / f"{mailbox}.new"
        self._lock = folder / f"{mailbox}.lock"

    def load(self) -> Tokens | None:
        """Return the tokens, or None where nobody has signed in.

        Raises `TokenError` where the file is damaged, and `PermanentError` where it cannot be read.
        """
        try:
            return _tokens(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PermanentError(
                f"{self._path} cannot be read ({error.strerror}): give it to the user that "
                "inboxbot runs as."
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise TokenError(
                f"{self._path} is damaged: run `inboxbot login {self.mailbox}`."
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the file alone for the length of the block.

        Raises `TransientError` where another process keeps it for too long.
        """
        self._make_folder()
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._own(handle)
            deadline = time.monotonic() + PATIENCE_S
            while not _got(handle):
                if time.monotonic() > deadline:
                    raise TransientError(
                        f"Another process is renewing the token of {self.mailbox}; trying later."
                    )
                time.sleep(PAUSE_S)
            self._take_up()
            yield
        finally:
            os.close(handle)

    def save(self, tokens: Tokens) -> None:
        """Put `tokens` in the place of what was there, durably. The caller has the lock.

        Raises `TransientError` where they cannot be written: nothing may be done with them then.
        """
        values = asdict(tokens)
        for name in ("access_until", "obtained_at", "granted_at", "grant_until"):
            values[name] = values[name] and values[name].isoformat()
        try:
            handle = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                self._own(file.fileno())
                json.dump(values, file)
                file.flush()
                os.fsync(file.fileno())
            faults.point("tokens.written")
            self._rename()
        except OSError as error:
            raise TransientError(
                f"The token of {self.mailbox} cannot be saved ({error.strerror}): is the disk full?"
            ) from error

    def is_private(self) -> bool:
        """Say whether nobody but the owner can read the file."""
        return not self._path.exists() or not self._path.stat().st_mode & 0o077

    def _make_folder(self) -> None:
        folder = self._path.parent
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
            try:
                self._own(handle, folder.parent)
            finally:
                os.close(handle)

    def _own(self, handle: int, like: Path | None = None) -> None:
        """Give a file that root made to the service, which owns the folder."""
        if os.geteuid() == 0:
            owner = (like or self._path.parent).stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)

    def _rename(self) -> None:
        self._new.rename(self._path)
        handle = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _take_up(self) -> None:
        """Finish what a process that was killed had written whole."""
        try:
            text = self._new.read_text("utf-8")
        except FileNotFoundError:
            return
        try:
            _tokens(text)
        except (ValueError, TypeError, KeyError):
            self._new.unlink()
        else:
            self._rename()


def ends(folder: Path, now: datetime) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Yield mailbox, end of its access token, and of the permission if unused and known.

    What cannot be read is left out: the poll that needs it says so.
    """
    for path in sorted(folder.glob("*.json")):
        with suppress(PermanentError):
            tokens = TokenFile(folder, path.stem).load()
            if tokens is not None:
                yield path.stem, tokens.access_until, tokens.ends_at(now)


def _tokens(text: str) -> Tokens:
    values = json.loads(text)
    for name in ("access_until", "obtained_at", "granted_at", "grant_until"):
        values[name] = values[name] and datetime.fromisoformat(values[name])
    return Tokens(**values)


def _got(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
