from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.actions import AddNote, Claim, Close
from inboxbot.classify.category import Category, Flag
from inboxbot.mail.message import Attachment
from inboxbot.review import Letter as Wanted
from inboxbot.review import perform
from inboxbot.store import queue, search
from inboxbot.store.query import parse
from inboxbot.store.queue import Listing, View
from inboxbot.store.search import SearchError
from inboxbot.store.sqlite import Database, Key
from tests import letters
from tests.conftest import NOW
from tests.letters import Letter
from tests.new_store import new_store


def four_letters(db: Database, now: datetime) -> dict[int, str]:
    """Add four letters; return the name of each by its number."""
    rows = {
        "ramp": letters.add(
            db,
            Letter(
                subject="A wheelchair ramp",
                text="Who builds ramps? The médecin asks.",
                category=Category.GENERAL_INQUIRY,
                name="Ana Romero",
                address="ana@example.net",
                minutes_ago=60 * 24 * 10,
                attachments=(Attachment(1, "plan.pdf", "application/pdf", 10, "x"),),
            ),
            now,
        ),
        "dose": letters.add(
            db,
            Letter(
                subject="Dose of riluzole",
                text="Is 50 mg right? (Not a form.)",
                name="J. Okoro",
                address="okoro@example.org",
                urgent=(Flag("overdose", 0.9, "it speaks of too many tablets"),),
                reply="held",
                reply_reason="shadow",
            ),
            now,
        ),
        "form": letters.add(
            db,
            Letter(
                subject="The form",
                text="The profile form does not open.",
                category=Category.PROFILE_REQUEST,
                language="es",
                confidence=0.5,
                needs_review=True,
                address="ana@example.net",
                minutes_ago=120,
            ),
            now,
        ),
        "japanese": letters.add(
            db,
            Letter(
                subject="プロフィールについて",
                text="母のプロフィールを登録したい。薬を飲みます。",
                name="田中 花子",
                address="tanaka@example.jp",
                language="ja",
                reply="",
            ),
            now,
        ),
    }
    perform(db, Close(), [Wanted(rows["form"])], staff="jo", now=now)
    perform(db, Claim(), [Wanted(rows["ramp"])], staff="kim", now=now)
    perform(db, AddNote("called"), [Wanted(rows["ramp"])], staff="kim", now=now)
    return {number: name for name, number in rows.items()}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory):
    """Return what gives the store with the four letters, and their names: nothing changes it."""
    with ExitStack() as open_stores:

        @cache
        def store(key: Key | None) -> tuple[Database, dict[int, str]]:
            path = tmp_path_factory.mktemp("searched") / "inboxbot.sqlite3"
            db = open_stores.enter_context(closing(new_store(path, key)))
            return db, four_letters(db, NOW)

        yield store


@pytest.fixture
def found(searched, store_key: Key | None):
    """Return a search over the four letters, by their names."""
    db, names = searched(store_key)

    def search_for(query: str) -> set[str]:
        listing = search.narrowed(Listing(view=View.EVERYTHING), query, NOW, staff="kim")
        return {names[each] for each in queue.ids(db, listing, staff="kim", now=NOW, limit=99)}

    return search_for


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ramp", {"ramp"}),
        ("RAMP", {"ramp"}),
        ("ramp*", {"ramp"}),
        ("medecin", {"ramp"}),
        ("form", {"dose", "form"}),
        ("form -profile", {"dose"}),
        ('"profile form"', {"form"}),
        ("ramp OR riluzole", {"ramp", "dose"}),
        ("(ramp OR form) -riluzole", {"ramp", "form"}),
        ("from:ana", {"ramp", "form"}),
        ("from:okoro", {"dose"}),
        ("subject:form", {"form"}),
        ("body:form", {"dose", "form"}),
        ("category:general", {"ramp"}),
        ("category:medication_question", {"dose", "japanese"}),
        ("status:done", {"form"}),
        ("status:claimed", {"ramp"}),
        ("assigned:me", {"ramp"}),
        ("assigned:none", {"dose", "form", "japanese"}),
        ("assigned:kim", {"ramp"}),
        ("is:unsure", {"form"}),
        ("is:urgent", {"dose"}),
        ("is:first from:ana", {"ramp"}),
        ("has:attachment", {"ramp"}),
        ("has:note", {"ramp"}),
        ("lang:ja", {"japanese"}),
        ("older:9d", {"ramp"}),
        ("newer:1h", {"dose", "japanese"}),
        ("before:2026-02-25", {"ramp"}),
        ("after:2026-03-02", {"dose", "form", "japanese"}),
        ("ack:held", {"dose"}),
        ("ack:none", {"japanese"}),
        ("reason:shadow", {"dose"}),
        ("person:Ana@Example.net", {"ramp", "form"}),
        ("プロフィール", {"japanese"}),
        ("登録したい", {"japanese"}),
        ("薬", {"japanese"}),
        ("from:田中", {"japanese"}),
        ("-is:urgent -lang:ja", {"ramp", "form"}),
        ("nothing-like-this", set()),
        ("***", set()),
    ],
)
def test_a_search_finds_what_its_words_and_operators_say(
    found, query: str, expected: set[str]
) -> None:
    assert found(query) == expected


@pytest.mark.parametrize(
    ("query", "position", "hint"),
    [
        ('ramp "form', 5, "not closed"),
        ("(ramp", 0, "not closed"),
        ("ramp)", 4, "closes nothing"),
        ("ramp OR", 7, "missing"),
        ("OR ramp", 0, "missing"),
        ("()", 1, "missing"),
        ("ramp -", 5, ""),
        ("catgory:general", 0, "category"),
        ("category:medcation", 0, "medication"),
        ("status:finished", 0, "Known are"),
        ("before:yesterday", 0, "2026-03-02"),
        ("older:soon", 0, "12h"),
        ("ramp older:9999y", 5, "calendar"),
        ("newer:3000y", 0, "calendar"),
        ("after:0001-01-01T00:00+14:00", 0, "calendar"),
        ("before:9999-12-31T23:59-14:00", 0, "calendar"),
        ("subject:", 0, ""),
        ('""', 1, "nothing"),
        ("(" * 30 + "a" + ")" * 30, 11, "deeply"),
        ("a" * 501, 500, "500"),
    ],
)
def test_a_mistake_is_told_with_its_place(found, query: str, position: int, hint: str) -> None:
    if hint == "":
        found(query)  # Nothing to search with, and nothing wrong.
        return
    with pytest.raises(SearchError, match=hint) as caught:
        found(query)
    assert caught.value.position == position


CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("received", "query", "is_found"),
    [
        ("2026-11-21T02:30", "after:2026-11-20 before:2026-11-21", True),
        ("2026-11-21T02:30", "after:2026-11-21", False),
        # Clocks went forward on 8 March, and back on 1 November.
        ("2026-03-09T04:59", "after:2026-03-09", False),
        ("2026-03-09T05:00", "after:2026-03-09", True),
        ("2026-11-02T05:59", "before:2026-11-02", True),
        ("2026-11-02T06:00", "before:2026-11-02", False),
        ("2026-10-31T18:30", "older:24h", True),
        ("2026-11-21T02:30", "before:2026-11-21T02:31Z", True),
    ],
)
def test_days_are_those_of_the_organisation_and_hours_are_hours(
    db: Database, received: str, query: str, is_found: bool
) -> None:
    at = datetime.fromisoformat(f"{received}+00:00")
    row = letters.add(db, Letter(minutes_ago=0), at)
    now = datetime(2026, 11, 1, 13, 0, tzinfo=CHICAGO)
    listing = search.narrowed(Listing(view=View.EVERYTHING), query, now)
    assert queue.ids(db, listing, staff="jo", now=now, limit=5) == [row] * is_found


@given(st.text(max_size=80))
def test_whatever_is_typed_is_searched_for_or_explained(query: str) -> None:
    position = 0
    try:
        parse(query)
    except SearchError as error:
        position = error.position
    assert 0 <= position <= len(query)


@given(query=st.text(alphabet="ab\"'()-*:ORé薬 %_;\\\x00", max_size=40))
def test_no_text_reaches_the_index_as_anything_but_words(
    db: Database, now: datetime, query: str
) -> None:
    try:
        listing = search.narrowed(Listing(view=View.EVERYTHING), query, now)
    except SearchError:
        return
    queue.ids(db, listing, staff="jo", now=now, limit=5)


def test_an_erased_reading_is_found_no_more(db: Database, now: datetime) -> None:
    row = letters.add(db, Letter(subject="Secret", text="母のプロフィール"), now)
    db.execute("UPDATE reading SET subject = '', text = '' WHERE message_id = ?", [row])
    for query in ("secret", "プロフィール", "母"):
        listing = search.narrowed(Listing(view=View.EVERYTHING), query, now)
        assert queue.ids(db, listing, staff="jo", now=now, limit=5) == []


def test_pages_follow_each_other_without_gaps_while_letters_leave(
    db: Database, now: datetime
) -> None:
    rows = letters.a_few_hundred(db, now, 130)
    listing, seen, after = Listing(), [], None
    while page := queue.rows(db, listing, staff="jo", now=now, limit=20, after=after):
        seen += [row.id for row in page]
        after = page[-1].id
        # Whoever works on the page meanwhile takes its last letter away.
        perform(db, Close(), [Wanted(after)], staff="kim", now=now + timedelta(seconds=1))
    assert sorted(seen) == sorted(rows)


@pytest.mark.parametrize("sort", list(queue.Sort))
def test_neighbours_are_those_of_the_list_in_every_order(
    db: Database, now: datetime, sort: queue.Sort
) -> None:
    letters.a_few_hundred(db, now, 40)
    listing = Listing(sort=sort)
    order = queue.ids(db, listing, staff="jo", now=now, limit=99)
    for at, row in enumerate(order):
        before, after = queue.neighbours(db, listing, row, staff="jo", now=now)
        assert before == (order[at - 1] if at else None)
        assert after == (order[at + 1] if at + 1 < len(order) else None)


def test_the_counts_are_those_of_the_lists(db: Database, now: datetime) -> None:
    letters.a_few_hundred(db, now, 120)
    counts = queue.counts(db, staff="jo", now=now)
    for view, count in counts.items():
        listed = queue.ids(db, Listing(view=view), staff="jo", now=now, limit=999)
        assert len(listed) == count, view
