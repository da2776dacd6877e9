"""What there is to learn: offers that name medicines, and are no questions about one."""

from collections.abc import Sequence
from datetime import datetime

from inboxbot.classify.category import Category
from inboxbot.classify.letters import LabelledLetter, shipped
from inboxbot.store import reviews
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter

CITIES = ("Leeds", "Lyon", "Turin", "Ghent", "Porto", "Bergen", "Graz", "Basel")
SUBJECT = "Pharmacy congress"
SIMILAR = (
    "Hello, at the pharmacy congress in Delft we show edaravone and riluzole. "
    "Would you like to rent a stand?"
)


def few_shipped(of_each: int = 40) -> Sequence[LabelledLetter]:
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
