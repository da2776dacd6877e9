"""Who wrote: every address once, the newest letter first, page by page."""

from datetime import datetime

from inboxbot.store import people
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter


def test_every_address_stands_once_the_newest_letter_first(db: Database, now: datetime) -> None:
    for address in ("ana@example.net", "tom@example.net", "Ana+form@Example.net", None):
        letters.add(db, Letter(address=address, name=(address or "")[:3]), now)
    ana, tom = people.correspondents(db, limit=9)
    assert (ana.address, ana.name, ana.letters, ana.newest) == ("ana@example.net", "Ana", 2, 3)
    assert (tom.address, tom.letters) == ("tom@example.net", 1)
    assert people.correspondents(db, limit=1) == [ana]
    assert people.correspondents(db, limit=9, before=ana.newest) == [tom]
