"""A folder of templates, a store with a few letters, and the review app over both."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from inboxbot import publishing
from inboxbot.acknowledge import Acknowledger, Facts
from inboxbot.reply.checks import Source
from inboxbot.reply.folder import shipped_templates
from inboxbot.reply.library import Library
from inboxbot.store import templates
from inboxbot.store.templates import Draft, Version
from tests import letters
from tests.letters import Letter
from tests.stand import ARTICLE, Stand, moved, new_store, standing

FACTS = Facts(
    name="ALS Worldwide",
    website="https://www.example.org",
    phone="1-608-663-0920",
    postal_address="5808 Dawley Drive, Fitchburg, WI 53711-7209, USA",
    profile_form_url="https://www.example.org/profile",
    time_zone="America/Chicago",
    hours_to_answer=48,
)
EDITOR = "/templates/general_inquiry/en"
SECRET = "xyzzy-only-in-the-letter"
TEXT = (
    "Subject: We have received your message\n\n{% if first_name %}Dear {{ first_name }},"
    "{% else %}Hello,{% endif %}\n\nThank you for writing to {{ organisation }}. A person"
    " answers you within {{ hours_to_answer }} hours.\n\nYou can call us at {{ phone }}.\n\n"
    "With warm wishes,\n{{ organisation }}\n"
)


@dataclass
class Workshop(Stand):
    """The stand, with the folder that the templates lie in."""

    folder: Path = Path()
    library: Library | None = None

    def file(self, name: str = "general_inquiry", part: str = "txt") -> Path:
        return self.folder / "en" / f"{name}.{part}.j2"

    def by_hand(self, text: str, name: str = "general_inquiry") -> None:
        """Edit a file as with a text editor, a minute ago; the daemon looks at it then."""
        written(self.file(name), text)
        assert self.library is not None
        publishing.sync_one(self.db, self.library, name, "en", datetime.now(UTC))

    def publish(self, text: str, who: str = "kim", name: str = "general_inquiry") -> Version:
        assert self.library is not None
        live = templates.live(self.db, name, "en")
        return publishing.publish(
            self.db,
            self.library,
            name,
            "en",
            Source(text),
            who=who,
            comment="Clearer",
            based_on=live.number if live else 0,
            now=datetime.now(UTC),
        )

    def draft(self, name: str = "general_inquiry", staff: str = "ada") -> Draft | None:
        return templates.draft_of(self.db, name, "en", staff)

    def live(self, name: str = "general_inquiry") -> Version:
        version = templates.live(self.db, name, "en")
        assert version is not None
        return version


def written(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    then = time.time() - 60
    os.utime(path, (then, then))


@contextmanager
def open_workshop(tmp_path: Path, house: Stand | None = None) -> Iterator[Workshop]:
    """Run the app over a new folder with one template of its own; the others are built in.

    A `house` that stands already is lent for it.
    """
    folder = tmp_path / "templates"
    (folder / "en").mkdir(parents=True)
    shutil.copy(shipped_templates() / "languages.toml", folder)
    written(folder / "en" / "general_inquiry.txt.j2", TEXT)
    path = tmp_path / "state" / "inboxbot.sqlite3"
    db = new_store(path)
    now = datetime.now(UTC)
    for minutes, name in ((90, "Ana Romero"), (60, ""), (30, "Søren Kjær")):
        letters.add(
            db,
            Letter(
                category=letters.Category.GENERAL_INQUIRY,
                name=name,
                subject=SECRET,
                text=SECRET,
                address=f"{SECRET}@example.net",
                minutes_ago=minutes,
            ),
            now,
        )
    library = Library(folder)
    publishing.sync_one(db, library, "general_inquiry", "en", now - timedelta(days=9))
    db.close()
    acknowledger = Acknowledger(library, FACTS, lambda: (ARTICLE,), {})
    opened = partial(moved, house) if house else standing
    with opened(path, acknowledger=acknowledger) as stand:
        yield Workshop(**vars(stand), folder=folder, library=library)
