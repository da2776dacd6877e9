"""The `inboxbot` command: read arguments, call one function, print.

Nothing is decided here. The commands of one kind lie in one module, imported only when one
of them is called, so that `inboxbot --help` answers at once.
"""

import sys
from importlib import import_module
from typing import Any

import click

from inboxbot.cli.common import (
    OK,
    UNAVAILABLE,
    end_when_interrupted,
    exit_code,
    nobody_reads,
    print_no_more,
    report,
    translated,
)

# command: (module, what it does in a line)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("start", "Show everything at once with an embedded mail server and sample letters."),
    "init": ("start", "Write a commented configuration and the templates to start from."),
    "check": ("start", "Check configuration, templates and database offline; name every problem."),
    "login": ("login", "Let inboxbot use a mailbox at Google, Microsoft or another provider."),
    "run": ("start", "Run the daemon: poll and send on schedule."),
    "web": ("start", "Run the review app for staff."),
    "mode": ("start", "Show or set the mode: shadow, live or paused."),
    "status": ("start", "Show health, mode and counts on one screen."),
    "poll": ("letters", "Make one pass of intake and triage over every mailbox."),
    "send": ("letters", "Make one pass over the outbox."),
    "explain": ("letters", "Say what would be decided for letters in files or in the store."),
    "import": ("letters", "Record old letters from files; they are never acknowledged."),
    "queue": ("staff", "List the letters that wait for a person."),
    "show": ("staff", "Show one letter with everything that was decided on it."),
    "why": ("staff", "Say in one sentence why a letter was or was not answered."),
    "correct": ("staff", "Set another category; it is kept for the next training."),
    "release": ("staff", "Send an acknowledgement that was held back."),
    "hold": ("staff", "Keep an acknowledgement back that has not left yet."),
    "close": ("staff", "Close a letter that needs nothing more."),
    "note": ("staff", "Write a note on a letter, for staff only."),
    "user": ("users", "Add, list, disable and reset who may sign in to the review app."),
    "outbox": ("outbox", "List, resolve or cancel replies that need a person."),
    "report": ("reporting", "Say how much came in, how long people waited, how right it was."),
    "doctor": ("upkeep", "Check everything, also the servers; each finding with what to do."),
    "backup": ("upkeep", "Copy the database while everything goes on, and verify the copy."),
    "verify-backup": ("upkeep", "Check copies to their last byte."),
    "restore": ("upkeep", "Put a copy in the place of the database."),
    "store": ("store", "Encrypt the database, take the encryption off, or change its key."),
    "migrate": ("upkeep", "Bring the database up to the schema of this program."),
    "audit": ("upkeep", "Show who read and did what; verify that nothing was changed."),
    "retention": ("privacy", "Erase by age; keep what is under a legal hold."),
    "person": ("privacy", "Hand over, or erase, everything about one person."),
    "train": ("models", "Learn from what staff corrected; compare with the model in force."),
    "model": ("models", "List the models trained here; put one in force, or put it back."),
    "replay": ("replay", "Say what another model or other templates would change; send nothing."),
    "evaluate": ("learning", "Say how right the classifier is on letters that somebody labelled."),
    "template": ("templates", "List, check, preview, publish and roll back reply templates."),
}


class _BrokenPipe(Exception):  # noqa: N818  (carries an error past click, which ends at it with 1)
    """A pipe has no reader any more; the cause is the error itself."""


class _Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError as error:
            raise _BrokenPipe from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _BrokenPipe from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = import_module(f"inboxbot.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, f"{name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], list(COMMANDS), 1) if args else []
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]}?", ctx) from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", metavar="FILE", help="The configuration file; it may also stand behind the command."
)
@click.version_option(package_name="inboxbot", message="inboxbot %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """Read a support mailbox, sort each letter, acknowledge it once, and say why."""
    ctx.obj = {"config": config}


def main(arguments: list[str] | None = None) -> None:
    """Run the command; the exit code follows sysexits (see docs/operations)."""
    end_when_interrupted()
    try:
        # Without its standalone mode click hands the code of `Exit` back as the result.
        code = cli.main(args=arguments, prog_name="inboxbot", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(64)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except _BrokenPipe as error:
        print_no_more()
        if nobody_reads():  # As head and less go away: nothing is wrong.
            sys.exit(OK)
        report(error.__cause__ or error)
        sys.exit(UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        ours = translated(error)
        failed = exit_code(ours)
        if failed is None:
            raise
        print_no_more()
        report(ours)
        sys.exit(failed)
