"""What there is to learn: offers that name medicines, and are no questions about one."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inboxbot import learning
from inboxbot.classify.category import Category
from inboxbot.classify.letters import LabelledLetter, shipped
from inboxbot.store import reviews, settings
from inboxbot.store.database import connect, write
from inboxbot.store.models import Stored
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter
from tests.new_store import new_store
from tests.once import once

CITIES = ("Leeds", "Lyon", "Turin", "Ghent", "Porto", "Bergen", "Graz", "Basel")
SUBJECT = "Pharmacy congress"
SIMILAR = (
    "Hello, at the pharmacy congress in Delft we show edaravone and riluzole. "
    "Would you like to rent a stand?"
)


def few_shipped(of_each: int = 32) -> Sequence[LabelledLetter]:
    """Return so few shipped letters of each category that training on them takes seconds."""
    examples = [letter for letter in shipped() if letter.id.startswith("x")]
    return [
        letter
        for category in Category
        for letter in [each for each in examples if each.label is category][:of_each]
    ]


def congress(number: int, **more: object) -> Letter:
    """Return a letter of somebody who rents out stands, taken for a question on a medicine."""
    return Letter(
        subject=SUBJECT,
        text=f"Hello, at the pharmacy congress in {CITIES[number]} we show edaravone and riluzole. "
        "Would you like to rent a stand next to ours?",
        address=f"person{number}@example.net",
        **more,  # type: ignore[arg-type]
    )


def judge(db: Database, letter: int, category: Category, now: datetime) -> None:
    """Store what staff say of a letter's category."""
    with write(db):
        reviews.add_correction(db, letter, "jo", Category.MEDICATION_QUESTION, category, "", now)


def judged(db: Database, now: datetime, count: int = len(CITIES)) -> list[int]:
    """Store letters about congresses, which staff put with the general ones; return their rows."""
    rows = [letters.add(db, congress(number), now) for number in range(count)]
    for row in rows:
        judge(db, row, Category.GENERAL_INQUIRY, now)
    return rows


NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def train(db: Database, now: datetime = NOW) -> Stored:
    """Train on what was judged and few shipped letters; this takes seconds, not minutes."""
    return learning.train(db, "light", who="jo", now=now, shipped=few_shipped())


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with judged letters and a model that learned from them."""

    def make(folder: Path) -> None:
        db = new_store(folder / "inboxbot.sqlite3")
        settings.instance(db)
        judged(db, NOW)
        letters.add(db, letters.Letter(), NOW)
        train(db)
        db.close()

    return once(tmp_path_factory, "trained", make)


@pytest.fixture
def taught(trained: Path, tmp_path: Path) -> Iterator[Database]:
    """A copy of that store, in `state` of the test's folder."""
    shutil.copytree(trained, tmp_path / "state")
    db = connect(tmp_path / "state" / "inboxbot.sqlite3")
    yield db
    db.close()
