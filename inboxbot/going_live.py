"""The steps from a new installation to one that answers people, each with its real state.

Looking decides nothing and sends nothing; `approve_templates` and the mode are what a person says.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from inboxbot.frozen import dataclass
from inboxbot.reply.folder import ALL_NAMES
from inboxbot.reply.library import Library, version_of
from inboxbot.store import audit, beginnings, settings, test_mails
from inboxbot.store.beginnings import Beginning
from inboxbot.store.database import moment, stamp, write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from inboxbot.store.test_mails import State, TestMail

REVIEWED = "templates_reviewed"


@dataclass(frozen=True, slots=True)
class Connected:
    """A mailbox of the configuration; `beginning` is None until the first look succeeds."""

    name: str
    beginning: Beginning | None

    @property
    def well(self) -> bool:
        """Say whether the last look into it succeeded."""
        found = self.beginning
        return found is not None and found.last_good_poll_at is not None and not found.last_error


@dataclass(frozen=True, slots=True)
class Review:
    """Who said when that the templates may go out, and whether they are still the same ones."""

    who: str
    at: datetime
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How far an installation has come."""

    mode: Mode
    mailboxes: tuple[Connected, ...]
    template_problems: int
    review: Review | None
    test: TestMail | None
    held: int
    confirmed: int

    @property
    def connected(self) -> bool:
        """Say whether every mailbox was read."""
        return bool(self.mailboxes) and all(box.well for box in self.mailboxes)

    @property
    def has_baseline(self) -> bool:
        """Say whether it is known of every mailbox what lay there before."""
        return bool(self.mailboxes) and all(box.beginning is not None for box in self.mailboxes)

    @property
    def baseline(self) -> int:
        """Return how many letters lay there before, and are never acknowledged."""
        return sum(box.beginning.baseline for box in self.mailboxes if box.beginning)

    @property
    def templates_reviewed(self) -> bool:
        """Say whether the templates, as they are now, have no problem and were approved."""
        return not self.template_problems and self.review is not None and self.review.current

    @property
    def tested(self) -> bool:
        """Say whether the last test mail was taken by the mail server."""
        return self.test is not None and self.test.state is State.SENT

    @property
    def open_steps(self) -> int:
        """Return how many of the four steps before going live are not done."""
        done = (self.connected, self.has_baseline, self.templates_reviewed, self.tested)
        return done.count(False)


def way(db: Database, mailboxes: Iterable[str], library: Library | None) -> Way:
    """Return how far the installation has come; `mailboxes` are those of the configuration."""
    known = {each.name: each for each in beginnings.beginnings(db)}
    return Way(
        mode=settings.mode(db),
        mailboxes=tuple(Connected(name, known.get(name)) for name in mailboxes),
        template_problems=len(library.check()) if library else 0,
        review=_review(db, library) if library else None,
        test=test_mails.newest(db),
        held=beginnings.held_for_shadow(db),
        confirmed=beginnings.confirmed(db),
    )


def approve_templates(db: Database, read: str, *, who: str, now: datetime) -> None:
    """Note that somebody has read what is sent, by its fingerprint, and says that it may go out."""
    value = {"who": who, "at": stamp(now), "fingerprint": read}
    with write(db):
        settings.put(db, REVIEWED, json.dumps(value))
        audit.add(db, who, "templates approved", now, detail=read[:12])


def fingerprint(library: Library) -> str:
    """Return one hash over every text that is sent alone, as it is now."""
    marks = hashlib.sha256()
    for language in sorted(library.enabled()):
        for name in ALL_NAMES:
            source, _built_in = library.source(name, language)
            version = version_of(source) if source else "-"
            marks.update(f"{language} {name} {version}\n".encode())
    return marks.hexdigest()


def _review(db: Database, library: Library) -> Review | None:
    text = settings.get(db, REVIEWED)
    if text is None:
        return None
    value = json.loads(text)
    current = value["fingerprint"] == fingerprint(library)
    return Review(value["who"], moment(value["at"]), current)
