"""What all commands share: the options, the configuration, printing, and exit codes."""

import errno
import gc
import json
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from inboxbot import errors

R = TypeVar("R")
_ADDRESS = re.compile(r"[^<>]+@[^\s<>@,;]+")

if TYPE_CHECKING:
    from inboxbot.config import Config

# sysexits.h
OK, FINDINGS = 0, 1
USAGE, DATA, UNAVAILABLE, TRY_LATER, PERMISSION, CONFIGURATION = 64, 65, 69, 75, 77, 78

_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.ConfigError, CONFIGURATION),
    (errors.UsageError, USAGE),
    (errors.Locked, TRY_LATER),
    (errors.StoreError, DATA),
    (errors.NotAllowed, PERMISSION),
    (errors.NotPossible, DATA),
    (errors.Conflict, TRY_LATER),
    (errors.AuthenticationError, UNAVAILABLE),
    (errors.TransientError, UNAVAILABLE),
    (errors.DataError, DATA),
    (errors.PermanentError, FINDINGS),
    (errors.TemplateError, FINDINGS),
    (PermissionError, PERMISSION),
)
# A path that will not do, however long one waits; all else, such as a full disk, may pass.
_WRONG_PATH = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL,
    errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO,
}  # fmt: skip


class NotFound(errors.InboxbotError):
    """There is no letter, reply or file of that name."""


def exit_code(error: BaseException) -> int | None:
    """Return the exit code for an error of ours, or None for a fault in the program."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, NotFound):
        return DATA
    if isinstance(error, OSError):
        return DATA if error.errno in _WRONG_PATH else UNAVAILABLE
    return FINDINGS if isinstance(error, errors.InboxbotError) else None


def translated(error: BaseException) -> BaseException:
    """Return our error for one of SQLite that a command met outside a transaction."""
    import sqlite3

    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.ProgrammingError):
        from inboxbot.store.database import store_error

        return store_error(error)
    return error


def report(error: BaseException) -> None:
    """Say on standard error what is wrong: a line for each problem."""
    context = click.get_current_context(silent=True)
    as_json = bool(context and context.params.get("as_json")) or "--json" in sys.argv
    if isinstance(error, errors.ConfigError):
        lines = [f"{problem.place}: {problem.text}" for problem in error.problems]
    elif isinstance(error, OSError):
        lines = [_of_a_file(error)]
    else:
        lines = [str(error)]
    if as_json:
        click.echo(json.dumps({"error": lines[0], "problems": lines}), err=True)
    else:
        for line in lines:
            click.echo(f"inboxbot: {line}", err=True)


def _of_a_file(error: OSError) -> str:
    why = error.strerror or type(error).__name__
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name]
    sentence = ": ".join([" and ".join(names), f"{why}."] if names else [f"{why}."])
    if isinstance(error, PermissionError):
        return f"{sentence} {errors.AS_THE_SERVICE}"
    return sentence


def print_no_more() -> None:
    """Give up what could not be printed: Python would try again, and fail, when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            sys.stdout.close()


def nobody_reads() -> bool:
    """Say whether our output goes into a pipe whose reader went away."""
    output = select.poll()
    output.register(1, 0)
    return any(happened & select.POLLERR for _, happened in output.poll(0))


def end_when_interrupted() -> None:
    """Let Ctrl-C end the process at once: nothing has begun that would have to be put away.

    As an exception it could be lost. Where `list.index` finds nothing, Python asks for the `repr`
    of what it looked for, and puts its ValueError in the place of whatever that raised; click
    looks for options in this way.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        end_at_interrupts()


def end_at_interrupts() -> None:
    """Let SIGINT end the process at once, also where whoever started it had it ignored."""
    # It has to wait for the change: what Python noted for a handler that is gone, it leaves out.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def raise_when_interrupted() -> None:
    """Let Ctrl-C be an exception again, so that a command can put away what it has begun."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def number(typed: Any, *, least: int = 0) -> int:
    """Return a whole number that the database can hold; raises `BadParameter` for another one."""
    found: int = click.INT.convert(typed, None, None)
    if found < least:
        raise click.BadParameter(f"{found} is below {least}.")
    if found >= 2**63:
        raise click.BadParameter(f"{found} is too large.")
    return found


def limit(typed: Any) -> int:
    """Return how many are wanted, at least one; raises `BadParameter` for another number."""
    return number(typed, least=1)


def address(typed: str) -> str:
    """Return the address of a person as it was typed; raises `BadParameter` where it is none."""
    if not _ADDRESS.fullmatch(typed.strip()):
        raise click.BadParameter("This is no address: write one such as name@example.org.")
    return typed.strip()


# Whether it can be read is found by reading: one file that cannot be is no mistake of the command.
PATH = click.Path(readable=False, path_type=Path)


def options(function: Callable[..., R]) -> Callable[..., R]:
    """Add `--config` and `--json` to a command; `config_file` holds what was given."""

    def run(*args: Any, config_file: str | None, **kwargs: Any) -> R:
        raise_when_interrupted()
        given = config_file or (click.get_current_context().find_root().obj or {}).get("config")
        return function(*args, config_file=given, **kwargs)

    wrapped = update_wrapper(run, function)
    wrapped = click.option(
        "--json", "as_json", is_flag=True, help="Print for machines: one JSON object a line."
    )(wrapped)
    return click.option(
        "--config",
        "config_file",
        metavar="FILE",
        help="The configuration file [$INBOXBOT_CONFIG, config/inboxbot.toml, "
        "/etc/inboxbot/inboxbot.toml].",
    )(wrapped)


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage while the block loads, and never in what it loaded: that stays for good.

    A sixth of what a command costs is spent on it otherwise.
    """
    looked_for = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if looked_for:
            gc.enable()


def configuration(config_file: str | None) -> "Config":
    """Return the configuration; raises `ConfigError` with every problem."""
    with loading():
        from inboxbot import config

    return config.load(config.find(config_file))


def print_json(value: object) -> None:
    """Print one JSON object on one line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_table(rows: Iterable[tuple[object, ...]], heads: tuple[str, ...]) -> None:
    """Print rows in columns, each as wide as its widest cell."""
    cells = [[str("" if cell is None else cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(heads), *cells]) for i in range(len(heads))]
    for line in [list(heads), *cells]:
        click.echo("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


@contextmanager
def progress(what: str, *, as_json: bool) -> Iterator[Callable[[int], None]]:
    """Show how many were gone through while the block runs, on a terminal only."""
    done = 0

    def went(count: int) -> None:
        nonlocal done
        done += count
        if shown:
            click.echo(f"\r{what}: {done} ", nl=False, err=True)

    shown = sys.stderr.isatty() and not as_json
    yield went
    if shown:
        click.echo(err=True)
