"""What was erased stands in no page of the search index, nor anywhere else in the store's files."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from inboxbot.store import erasure, retention
from inboxbot.store.database import write
from inboxbot.store.retention import Report
from inboxbot.store.sqlite import Database
from tests import letters
from tests.letters import Letter

WORDS = ("xylocanary", "kwadratcanary", "母親金糸雀", "fourthcanary")


def hidden(store: Path) -> list[str]:
    """Return which of the words stand in the bytes of the store, its log, or its indexes."""
    files = [store, store.with_name(store.name + "-wal")]
    content = b"".join(file.read_bytes() for file in files if file.exists()).lower()
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        terms = set()
        for index in ("reading_words", "reading_unspaced"):
            db.execute(f"CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, {index}, row)")
            terms |= {row[0] for row in db.execute("SELECT term FROM temp.terms")}
            db.execute("DROP TABLE temp.terms")
    return [
        word
        for word in WORDS
        if word.encode() in content or {word, word[:3]} & terms or word[-6:].encode() in content
    ]


def test_no_word_of_an_erased_letter_stays_however_the_index_was_built(
    db: Database, store_path: Path, now: datetime
) -> None:
    kept = letters.add(db, Letter(text="xylophone music stays here"), now)
    erased = []
    for number in range(60):  # Each letter is a part of the index of its own, merged now and then.
        text = f"{WORDS[number % 3]} {number} and words that others use, too"
        erased.append(letters.add(db, Letter(subject=WORDS[3], text=text), now))
    with write(db):  # What is not done with stays.
        db.execute("UPDATE review SET state = 'closed'")
        db.execute("UPDATE outbox SET state = 'cancelled'")
    assert set(hidden(store_path)) == set(WORDS)
    retention.erase(db, Report(text=tuple(erased[:30])), now)
    with write(db):
        erasure.erase_letters(db, erased[30:], now)
    erasure.scrub(db)
    assert hidden(store_path) == []
    found = db.execute("SELECT rowid FROM reading_words WHERE reading_words MATCH 'xylophone'")
    assert found.fetchall() == [(kept,)]
