"""Letters in files: .eml, folders of them, mbox and Maildir, one after another.

One letter at a time is in memory, whatever the size of the archive, and its bytes are as they
lie in the file; what comes through a pipe is read whole, up to the size of the largest letter.
What cannot be read is an item too, and the next one follows.
"""

import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from inboxbot.frozen import dataclass
from inboxbot.mail.mailbox import field

SIZE_LIMIT = 100 * 1024 * 1024

# What lies beside letters in a folder without being one.
_OTHER = {".toml", ".json", ".jsonl", ".md", ".csv", ".yaml", ".yml", ".py"}
_MBOX = {".mbox", ".mbx"}

# The line between two letters of an mbox (RFC 4155): "From ", who, and when. A line of a letter
# that begins with "From " has no time of day and year in it, or is quoted with ">".
_POSTMARK = re.compile(rb"From .*\d\d?:\d\d(:\d\d)?\b.*\b(19|20)\d\d\b")
_QUOTED = re.compile(rb">+From ")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a letter could not be read, as a sentence."""

    why: str


def iter_files(paths: Iterable[Path | str]) -> Iterator[tuple[str, bytes | Unreadable]]:
    """Yield every letter in `paths` with where it lies: a path, or `path:number` in an mbox.

    Folders are read in the order of their names, with the folders in them; hidden files and
    configuration files are passed over. Nothing is raised.
    """
    for path in map(Path, paths):
        try:
            if _is_maildir(path):
                yield from _maildir(path)
            elif path.is_dir():
                yield from _folder(path)
            else:
                yield from _file(path)
        except OSError as error:  # What lies in a folder that may not be entered cannot be seen.
            yield str(path), _unreadable(error)


def _is_maildir(path: Path) -> bool:
    return all((path / name).is_dir() for name in ("cur", "new", "tmp"))


def _maildir(path: Path) -> Iterator[tuple[str, bytes | Unreadable]]:
    for name, file in sorted(
        (name, path / part / name) for part in ("cur", "new") for name in _names(path / part)
    ):
        if not name.startswith(".") and file.is_file():
            yield str(file), _read(file)
    for name in _names(path):
        # Folders of a Maildir++ begin with a dot.
        if name not in {"cur", "new", "tmp"} and _is_maildir(path / name):
            yield from _maildir(path / name)


def _folder(path: Path) -> Iterator[tuple[str, bytes | Unreadable]]:
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208  (names are enough, and half the memory)
    except OSError as error:
        yield str(path), _unreadable(error)
        return
    for name in names:
        inside = path / name
        if name.startswith(".") or inside.suffix.lower() in _OTHER:
            continue
        if inside.is_dir():
            # A link to a folder may lead back here.
            yield from () if inside.is_symlink() else iter_files([inside])
        elif inside.is_file() or inside.is_symlink():
            yield from _file(inside)


def _names(path: Path) -> list[str]:
    try:
        return sorted(os.listdir(path))  # noqa: PTH208
    except OSError:
        return []


def _file(path: Path) -> Iterator[tuple[str, bytes | Unreadable]]:
    try:
        with path.open("rb") as opened:
            file: BinaryIO = opened
            if not opened.seekable():  # A pipe gives what is in it once.
                file = BytesIO(opened.read(SIZE_LIMIT + 1))
            if _is_mbox(path, file):
                yield from _mbox(path, file)
            else:
                yield str(path), _letter_in(file)
    except OSError as error:
        yield str(path), _unreadable(error)


def _is_mbox(path: Path, file: BinaryIO) -> bool:
    suffix = path.suffix.lower()
    if suffix in _MBOX or suffix == ".eml":
        return suffix in _MBOX
    first = file.readline(1000)
    file.seek(0)
    return bool(_POSTMARK.match(first))


def _read(path: Path) -> bytes | Unreadable:
    try:
        with path.open("rb") as file:
            return _letter_in(file)
    except OSError as error:
        return _unreadable(error)


def _letter_in(file: BinaryIO) -> bytes | Unreadable:
    raw = file.read(SIZE_LIMIT + 1)
    return raw if len(raw) <= SIZE_LIMIT else _too_large()


def _mbox(path: Path, file: BinaryIO) -> Iterator[tuple[str, bytes | Unreadable]]:
    """Split an mbox and take one `>` off quoted From lines (mboxrd; mboxo quotes once only)."""
    number, lines, size, after_blank = 0, list[bytes](), 0, True
    # A line without end must not be read whole: the next piece counts as a line.
    while line := file.readline(1024 * 1024):
        first = number == 0
        if after_blank and line.startswith(b"From ") and (first or _POSTMARK.match(line)):
            if not first:
                yield f"{path}:{number}", _letter(lines, size)
            number, lines, size = number + 1, [], 0
        else:
            number = max(number, 1)  # An mbox that does not begin with its line.
            if _QUOTED.match(line):
                line = line[1:]
            size += len(line)
            if size <= SIZE_LIMIT:
                lines.append(line)
        after_blank = line in (b"\n", b"\r\n")
    if number:
        yield f"{path}:{number}", _letter(lines, size)


def _letter(lines: list[bytes], size: int) -> bytes | Unreadable:
    if size > SIZE_LIMIT:
        return _too_large()
    if lines and lines[-1] in (b"\n", b"\r\n"):
        lines.pop()  # The empty line before the next letter belongs to the mbox.
    return b"".join(lines)


def _too_large() -> Unreadable:
    return Unreadable(f"It is larger than {SIZE_LIMIT // 1024 // 1024} MiB.")


def _unreadable(error: OSError) -> Unreadable:
    return Unreadable(f"It cannot be read: {error.strerror or type(error).__name__}.")


def received(raw: bytes, otherwise: datetime) -> datetime:
    """Return when a letter came: the newest Received field, or Date, in UTC.

    Where neither can be read, or it would lie after `otherwise`, that is returned.
    """
    texts = ((field(raw, b"received") or b"").rpartition(b";")[2], field(raw, b"date") or b"")
    for text in texts:
        try:
            when = parsedate_to_datetime(text.decode("ascii", "replace"))
            # A zone of -0000 gives a time without one: it is UTC (RFC 5322, section 3.3).
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            return min(when.astimezone(UTC), otherwise)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return otherwise
