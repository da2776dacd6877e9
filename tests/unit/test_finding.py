"""A search of words gives the same letters in the same order, however many hold the words."""

import pytest

from inboxbot.store import finding, queue, search
from inboxbot.store.queue import Listing, Sort, View
from tests import copies, letters

ORDER = {
    Sort.OLDEST: "-v.urgent, v.received_at, v.message_id",
    Sort.NEWEST: "v.received_at DESC, v.message_id DESC",
    Sort.LEAST_SURE: "v.confidence, v.message_id",
}
MANY = {
    "mexiletine": "r.text LIKE '%mexiletine%'",
    "mexiletine -group7": "r.text LIKE '%mexiletine%' AND r.text NOT LIKE '%group7'",
    "mexiletine OR donation": "r.text LIKE '%mexiletine%' OR r.text LIKE '%donation%'",
    "subject:dose OR body:donation": "r.subject LIKE '%dose%' OR r.text LIKE '%donation%'",
    "mexiletine is:urgent": "r.text LIKE '%mexiletine%' AND v.urgent = 1",
    "mexiletine lang:en": "r.text LIKE '%mexiletine%' AND d.language = 'en'",
    "letter プロフィール": "r.text LIKE '%letter%' AND r.text LIKE '%プロフィール%'",
}
FEW = {
    "group7": "r.text LIKE '%group7'",
    '"Letter 7"': "r.text LIKE '%Letter 7.%'",
    '"Letter 6" mexiletine': "r.text LIKE '%Letter 6.%' AND r.text LIKE '%mexiletine%'",
}


@pytest.fixture
def full(db, now, monkeypatch):
    """A store in which "many" begins at twenty."""
    monkeypatch.setattr(finding, "FEW", 20)
    monkeypatch.setattr(finding, "_FIRST_PIECE", 16)
    monkeypatch.setattr(finding, "_LARGEST_PIECE", 128)
    monkeypatch.setattr(finding, "_APART", 40)
    letters.a_few_hundred(db, now, 60)
    copies.multiply(db, 8)
    return db


def held(db, condition: str, sort: Sort) -> list[int]:
    return [
        row[0]
        for row in db.execute(
            "SELECT v.message_id FROM review v JOIN reading r USING (message_id)"
            f" JOIN decision d USING (message_id) WHERE {condition} ORDER BY {ORDER[sort]}"
        )
    ]


@pytest.mark.parametrize("sort", list(Sort))
def test_a_search_finds_what_looking_at_every_letter_finds(full, now, sort) -> None:
    for query, condition in (MANY | FEW).items():
        listing = search.narrowed(Listing(view=View.EVERYTHING, sort=sort), query, now)
        assert listing.words
        assert (finding.few(full, listing.words) is None) is (query in MANY)
        expected = held(full, condition, sort)
        assert queue.ids(full, listing, staff="jo", now=now, limit=-1) == expected
        at = len(expected) // 2
        page = queue.rows(full, listing, staff="jo", now=now, limit=20, after=expected[at])
        assert [row.id for row in page] == expected[at + 1 : at + 21]
        beside = queue.neighbours(full, listing, expected[at], staff="jo", now=now)
        assert beside == (expected[at - 1], expected[at + 1])


def test_letters_that_came_in_since_are_counted_among_many(full, now) -> None:
    last = max(held(full, "1", Sort.NEWEST))
    for query, condition in (MANY | FEW).items():
        listing = search.narrowed(Listing(view=View.EVERYTHING, above=last - 200), query, now)
        since = held(full, f"({condition}) AND v.message_id > {last - 200}", Sort.NEWEST)
        assert queue.count(full, listing, staff="jo", now=now) == len(since)


@pytest.mark.parametrize("view", [View.OPEN, View.NEEDS_REVIEW, View.UNASSIGNED, View.UNSURE])
def test_the_counts_above_the_queue_read_no_row_of_a_letter(db, now, view) -> None:
    where, values = queue._where(db, Listing(view=view), "jo", now)
    plan = db.execute(
        f"EXPLAIN QUERY PLAN SELECT 1 FROM review v WHERE {where} LIMIT 1000", values
    ).fetchall()
    assert [("COVERING INDEX" in step[3]) for step in plan] == [True]
