"""One pass of each stage over everything that is configured: the commands make one and end.

The daemon makes none of them: its schedule is its own.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any

from inboxbot import assembly, explain, history, opening, promotion, replaying, servers
from inboxbot.clock import utc_now
from inboxbot.config import Config
from inboxbot.errors import InboxbotError
from inboxbot.frozen import dataclass
from inboxbot.intake import PollResult
from inboxbot.lock import locked
from inboxbot.mail.files import iter_files
from inboxbot.mail.message import identity_for
from inboxbot.postman import Postman
from inboxbot.reader import Reader
from inboxbot.replaying import Replayed, Side
from inboxbot.sender import Sent
from inboxbot.store import decisions, messages, settings
from inboxbot.store.database import must_be_whole
from inboxbot.store.settings import Instance
from inboxbot.triage import Outcome
from inboxbot.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look into one mailbox came to; `error` is a sentence, or ""."""

    name: str
    result: PollResult | None
    error: str = ""

    @property
    def sentence(self) -> str:
        """Return it in plain words."""
        if self.result is None:
            return self.error
        if self.result.first:
            return (
                "first look: what lies there now is the baseline and is never acknowledged; "
                "letters that come from now on are."
            )
        counts = ", ".join(f"{count} {state}" for state, count in self.result.states.items())
        waiting = f"; {self.result.waiting} wait for another try" if self.result.waiting else ""
        return (
            f"{self.result.listed} new on the server" + (f" ({counts})" if counts else "") + waiting
        )


@dataclass(frozen=True, slots=True)
class Polled:
    """What one pass of intake and triage came to."""

    mailboxes: tuple[Looked, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def all_well(self) -> bool:
        """Say whether every mailbox could be read."""
        return all(not box.error for box in self.mailboxes)

    def as_object(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "mailboxes": [
                {
                    "name": box.name,
                    "listed": box.result.listed if box.result else 0,
                    "waiting": box.result.waiting if box.result else None,
                    "states": dict(box.result.states) if box.result else {},
                    "error": box.error or None,
                }
                for box in self.mailboxes
            ],
            "decided": [
                {
                    "id": outcome.message,
                    "category": outcome.category,
                    "confidence": round(outcome.confidence, 4),
                    "disposition": outcome.disposition,
                    "reason": outcome.reason,
                }
                for outcome in self.outcomes
            ],
        }


def poll(configuration: Config) -> Polled:
    """Look into every mailbox and decide on what is stored. Raises `Locked`, `StoreError`."""
    looked = []
    with locked(configuration.store_path.parent), opening.store(configuration) as db:
        must_be_whole(db)
        for box in configuration.mailbox:
            with closing(Watcher(configuration, box, db, utc_now)) as watcher:
                try:
                    looked.append(Looked(box.name, watcher.poll()))
                except InboxbotError as error:
                    looked.append(Looked(box.name, None, str(error)))
        with assembly.reader(configuration) as reader:
            outcomes = assembly.triage(configuration, db, reader).run()
    return Polled(tuple(looked), tuple(outcomes))


@dataclass(frozen=True, slots=True)
class Posted:
    """What one pass over the outbox came to; `errors` says which servers failed, and why."""

    sent: Sent
    errors: dict[str, str]

    @property
    def all_well(self) -> bool:
        """Say whether every server that was needed could be used."""
        return not self.errors

    def as_object(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {"replies": dict(self.sent.counts), "errors": self.errors}

    def sentences(self) -> list[str]:
        """Return it in plain words."""
        counts = ", ".join(f"{count} {state}" for state, count in self.sent.counts.items())
        errors = [f"{name}: {error}" for name, error in self.errors.items()]
        return [f"Replies: {counts or 'nothing was due'}.", *errors]


def send(configuration: Config) -> Posted:
    """Make one pass over the outbox. Raises `Locked`, `StoreError`, `TransientError`."""
    with locked(configuration.store_path.parent), opening.store(configuration) as db:
        must_be_whole(db)
        postman = Postman(configuration, db, utc_now)
        postman.sender.start()
        sent = postman.sender.send_due()
        errors = {
            box.name: error
            for box in configuration.mailbox
            if (error := settings.get(db, f"mail_out_error {box.name}"))
        }
    return Posted(sent, errors)


def explain_files(
    configuration: Config,
    paths: Iterable[Path],
    *,
    mailbox: str | None = None,
    received_at: datetime | None = None,
    with_history: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield what would be decided for each letter in `paths`; nothing is written."""
    box = servers.mailbox_named(configuration, mailbox)
    templates = assembly.library(configuration)
    now = utc_now()
    with ExitStack() as stack:
        db = None
        if with_history:
            db = stack.enter_context(opening.store(configuration, create=False))
        instance = settings.instance(db) if db is not None else Instance("", b"")
        identity = assembly.identity(box, configuration.organisation.name, instance)
        rules = assembly.rules(configuration, templates)
        reader = stack.enter_context(assembly.reader(configuration))
        yield from explain.explain(
            iter_files(paths),
            reader=reader,
            decide=explain.decider(db, identity, rules, received_at or now, now),
        )


def explain_stored(
    configuration: Config, ids: Iterable[int], *, with_history: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield what would be decided today for stored letters; nothing is written."""
    templates = assembly.library(configuration)
    rules = assembly.rules(configuration, templates)
    now = utc_now()
    with (
        opening.store(configuration, create=False) as db,
        assembly.reader(configuration) as reader,
    ):
        identities = assembly.identities(configuration, settings.instance(db))
        for number in ids:
            stored = messages.find(db, number)
            if stored is None:
                yield {"source": str(number), "error": "There is no stored letter of this number."}
                continue
            if stored.damaged:
                error = f"The bytes of message {number} are damaged in the database."
                yield {"source": str(number), "error": error}
                continue
            identity = identity_for(identities, stored.mailbox)
            history_db = db if with_history else None
            yield from explain.explain(
                [(str(number), stored.raw)],
                reader=reader,
                decide=explain.decider(
                    history_db, identity, rules, stored.received_at, now, stored=stored
                ),
            )


def replay(
    configuration: Config, *, model: int | None, templates: Path | None, last: int
) -> Iterator[Replayed]:
    """Yield the newest stored letters as another model and other templates would decide on them.

    None is what is in force. Writes nothing, and could not: the connection only reads. Raises
    `PermanentError` where there is no such model, or it cannot be used.
    """
    kind = configuration.classify.model
    with ExitStack() as stack:
        db = stack.enter_context(opening.store(configuration, create=False))
        db.execute("PRAGMA query_only = ON")
        identities = assembly.identities(configuration, settings.instance(db))
        reader = stack.enter_context(assembly.reader(configuration, promotion.in_force(db, kind)))
        before = _side(configuration, reader, None)
        if model is not None:
            found = promotion.of_number(db, kind, model)
            reader = stack.enter_context(assembly.reader(configuration, found))
        after = _side(configuration, reader, templates)
        letters = decisions.newest_decided(db, last)
        yield from replaying.replay(db, letters, before, after, identities)


def _side(configuration: Config, reader: Reader, templates: Path | None) -> Side:
    library = assembly.library(configuration, templates)
    return Side(
        reader=reader,
        acknowledger=assembly.acknowledger(configuration, library),
        rules=assembly.rules(configuration, library),
    )


def import_files(
    configuration: Config,
    paths: Iterable[Path],
    *,
    mailbox: str | None,
    progress: Callable[[int], None],
) -> history.Imported:
    """Record old letters from files, as those of a mailbox; raises `TransientError`."""
    box = servers.mailbox_named(configuration, mailbox)
    with opening.store(configuration) as db:
        return history.import_files(
            db,
            paths,
            mailbox=box.name,
            now=utc_now(),
            progress=progress,
            unreadable=_say_unreadable,
        )


def _say_unreadable(source: str, why: str) -> None:
    print(f"inboxbot: {source}: {why}", file=sys.stderr)  # noqa: T201  (the user's own file)
