"""The review app with a configuration and templates, as those who look after it see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from inboxbot import assembly, config
from inboxbot.reply.library import Library
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database
from inboxbot.web.in_force import in_force
from tests.stand import IDENTITY, Stand, standing

CONFIGURATION = """\
[organisation]
name = "ALS Worldwide"
website = "https://www.example.org"
phone = "1-608-663-0920"
postal_address = "5808 Dawley Drive, Fitchburg, WI 53711-7209, USA"
profile_form_url = "https://www.example.org/profile"
time_zone = "America/Chicago"

[[mailbox]]
name = "support"
address = "support@example.org"
own_domains = ["example.org"]
[mailbox.imap]
host = "imap.example.org"
username = "support@example.org"
[mailbox.smtp]
host = "smtp.example.org"

[replies]
per_day = 120

[retention]
attachments_months = 6
text_by_category = { medication_question = 12 }

[alerts]
to = ["desk@elsewhere.example"]
"""


# Looking through all templates takes seconds: it is done once.
TEMPLATES = Library()


def configuration(folder: Path) -> config.Config:
    """Return a configuration that stands in a file."""
    file = folder / "inboxbot.toml"
    file.write_text(CONFIGURATION)
    return config.load(file)


def parts(folder: Path) -> dict[str, object]:
    """Return what the app is made with beyond its store."""
    read = configuration(folder)
    return {
        "identities": {"support": IDENTITY},
        "acknowledger": assembly.acknowledger(read, TEMPLATES),
        "in_force": in_force(read, read_at=datetime.now(UTC)),
    }


@contextmanager
def office(store: Path, folder: Path, **more: object) -> Iterator[Stand]:
    """Run the app over a store until the block ends."""
    with standing(store, **(parts(folder) | more)) as stand:
        yield stand


def watch(db: Database, now: datetime, *, baseline: int) -> None:
    """Let the one mailbox have been opened, with so many letters in it that were there before."""
    db.execute("UPDATE mailbox SET uidvalidity = 7, baseline_uid = ?", [baseline])
    (mailbox,) = db.execute("SELECT id FROM mailbox").fetchone()
    for uid in range(1, baseline + 1):
        db.execute(
            "INSERT INTO place (mailbox_id, uidvalidity, uid, state, first_seen_at)"
            " VALUES (?, 7, ?, 'baseline', ?)",
            [mailbox, uid, stamp(now)],
        )
