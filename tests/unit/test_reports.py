"""reports: what came in, how it was sorted, how long people waited."""

import re
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot import reports
from inboxbot.classify.category import Category
from inboxbot.reports import Period
from inboxbot.store.database import stamp, write
from inboxbot.store.reports import Arrived, Piece, Waited
from tests import copies, letters
from tests.letters import Letter

CHICAGO, NEPAL = ZoneInfo("America/Chicago"), ZoneInfo("Asia/Kathmandu")
PROFILE, MEDICATION, GENERAL = Category
MARCH = Period(date(2026, 3, 1), date(2026, 3, 7), CHICAGO)


def came(day: date, was: Category = GENERAL, category: Category | None = None, **more):
    values = {"language": "en", "model": "a", "letters": 1, "confidence": 0.9, "unsure": 0}
    return Arrived(
        day=day, was=was, category=category or was, **({**values, "looked_at": 0} | more)
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_a_period_begins_and_ends_at_midnight_of_its_zone_also_when_clocks_change():
    # Clocks went forward in Chicago on the morning of 8 March 2026.
    period = Period(date(2026, 3, 8), date(2026, 3, 8), CHICAGO)
    assert period.since.astimezone(UTC) == utc(2026, 3, 8, 6)
    assert period.until.astimezone(UTC) == utc(2026, 3, 9, 5)
    assert MARCH.before == Period(date(2026, 2, 22), date(2026, 2, 28), CHICAGO)


def test_every_day_has_its_step_also_without_a_letter():
    found = reports.steps([came(date(2026, 3, 1)), came(date(2026, 3, 2))], MARCH)
    assert [step.day.day for step in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [step.total for step in found] == [1, 1, 0, 0, 0, 0, 0]


def test_a_long_period_is_counted_by_weeks_from_monday():
    period = Period(date(2026, 1, 1), date(2026, 3, 31), CHICAGO)
    assert period.by_week
    found = reports.steps([came(date(2026, 1, 1), letters=3)], period)
    assert found[0].day == date(2025, 12, 29)
    assert found[0].letters[GENERAL] == 3
    assert len(found) == 14


def counted(db, period: Period) -> tuple[list[date], list[int]]:
    """Return the days and the hours on which the report says that letters came."""
    found = reports.report(db, period)
    days = [step.day for step in found.steps if step.total]
    assert [day.weekday() for day in days] == [day for day in range(7) if found.weekdays[day]]
    return days, [hour for hour in range(24) if found.hours[hour]]


@pytest.mark.parametrize(
    ("at", "zone", "day", "hour"),
    [
        (utc(2026, 3, 4, 18, 14, 59), NEPAL, date(2026, 3, 4), 23),
        (utc(2026, 3, 4, 18, 15), NEPAL, date(2026, 3, 5), 0),
        (utc(2026, 3, 4, 5, 59), CHICAGO, date(2026, 3, 3), 23),
        (utc(2026, 3, 4, 6), CHICAGO, date(2026, 3, 4), 0),
        # The clocks of Chicago go from 2:00 to 3:00 on the 8th of March.
        (utc(2026, 3, 8, 7, 59, 59), CHICAGO, date(2026, 3, 8), 1),
        (utc(2026, 3, 8, 8), CHICAGO, date(2026, 3, 8), 3),
        (utc(2026, 3, 9, 4, 59), CHICAGO, date(2026, 3, 8), 23),
        (utc(2026, 3, 9, 5), CHICAGO, date(2026, 3, 9), 0),
    ],
)
def test_days_and_hours_are_those_of_the_zone_also_when_its_clocks_change(db, at, zone, day, hour):
    letters.add(db, Letter(minutes_ago=0), at)
    period = Period(date(2026, 2, 20), date(2026, 3, 20), zone)
    assert counted(db, period) == ([day], [hour])


@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_a_period_falls_into_pieces_of_one_offset_each(zone):
    period = Period(date(2025, 1, 1), date(2027, 12, 31), ZoneInfo(zone))
    pieces = list(period.pieces())
    assert (pieces[0].since, pieces[-1].until) == (period.since, period.until)
    assert len(pieces) == {"Asia/Kathmandu": 1}.get(zone, 7)
    for piece, following in pairwise([*pieces, None]):
        for moment in (piece.since, piece.until - timedelta(seconds=1)):
            assert moment.astimezone(period.zone).utcoffset() == piece.offset
        if following is not None:
            assert following.since == piece.until
            assert following.offset != piece.offset


def test_a_period_that_a_change_of_the_clocks_begins_or_ends_is_one_piece():
    day = Period(date(2026, 3, 7), date(2026, 3, 7), CHICAGO)
    assert list(day.pieces()) == [Piece(day.since, day.until, timedelta(hours=-6))]
    week = Period(date(2026, 3, 9), date(2026, 3, 15), CHICAGO)
    assert [piece.offset for piece in week.pieces()] == [timedelta(hours=-5)]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7], 0.5, 7),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        (range(1, 11), 0.9, 9),
        (range(1, 101), 0.9, 90),
        ([1, 2], 0.9, 2),
        ([4, 4, 9], 0.0, 4),
    ],
)
def test_a_percentile_is_the_value_at_its_nearest_rank(values, share, expected):
    assert reports.percentile(Counter(values), share) == expected


@given(st.lists(st.integers(0, 10**6), min_size=1), st.floats(0.01, 1))
def test_no_smaller_value_covers_the_share(values, share):
    found = reports.percentile(Counter(values), share)
    covered = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert covered >= share * len(values) - 1e-5
    assert below < share * len(values) + 1e-5


def test_waiting_times_are_told_for_all_and_for_each_category():
    acknowledged = [Waited(GENERAL, 40), Waited(GENERAL, 60), Waited(PROFILE, 1000, 1)]
    everybody, profile, medication, general = reports.waits(acknowledged, [Waited(PROFILE, 7)])
    assert everybody.acknowledged == reports.Wait(3, 60, 1000)
    assert general.acknowledged == reports.Wait(2, 40, 60)
    assert (profile.answered, general.answered) == (reports.Wait(1, 7, 7), None)
    assert medication.acknowledged is None


def test_corrections_count_only_letters_that_a_person_looked_at():
    found = reports.corrections(
        [
            came(date(2026, 3, 2), MEDICATION, GENERAL, letters=2, looked_at=2),
            came(date(2026, 3, 3), MEDICATION, letters=9, looked_at=6),
            came(date(2026, 3, 3), GENERAL, letters=5),
        ]
    )
    assert (found.looked_at, found.corrected) == (8, 2)
    assert found.of(MEDICATION) == (8, 2)
    assert found.of(GENERAL) == (0, 0)


def test_sureness_is_a_mean_over_letters_and_nothing_where_there_are_none():
    first, second, *_ = reports.sureness(
        [
            came(date(2026, 3, 1), letters=3, confidence=2.7, unsure=1),
            came(date(2026, 3, 1), MEDICATION, GENERAL, confidence=0.5, looked_at=1),
        ],
        MARCH,
    )
    assert (first.letters, first.unsure, first.corrected) == (4, 0.25, 1.0)
    assert first.confidence == pytest.approx(0.8)
    assert (second.letters, second.confidence, second.unsure) == (0, None, None)


def test_drift_needs_letters_enough_on_both_sides():
    few, many = [came(date(2026, 3, 1))] * 29, [came(date(2026, 3, 1))] * 30
    assert reports.drift(few, many) == reports.Drift(None, None)
    assert not reports.drift(few, many).wants_a_look
    assert reports.drift(many, many) == reports.Drift(0.0, 0.0)


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ([came(date(2026, 3, 1), confidence=0.86)] * 40, False),
        ([came(date(2026, 3, 1), confidence=0.84)] * 40, True),
        ([came(date(2026, 3, 1))] * 36 + [came(date(2026, 3, 1), PROFILE)] * 4, False),
        ([came(date(2026, 3, 1))] * 30 + [came(date(2026, 3, 1), PROFILE)] * 10, True),
    ],
)
def test_less_confidence_or_another_mix_asks_for_a_look(now, wanted):
    assert reports.drift([came(date(2026, 3, 1))] * 40, now).wants_a_look is wanted


def test_languages_stand_by_how_many_letters_came_in_them():
    day = date(2026, 3, 1)
    arrived = [
        came(day, language="es", letters=2),
        came(day, language="es", model="b", letters=2),
        came(day, language=None),
        came(day, language="en", letters=3),
    ]
    assert reports.languages(arrived) == (("es", 4), ("en", 3), (None, 1))


def test_a_report_of_real_letters_adds_up(db, now):
    def add(**more):
        return letters.add(db, Letter(**more), now)

    add(category=GENERAL, minutes_ago=10)
    corrected = add(category=MEDICATION, minutes_ago=20, language="es", confidence=0.6)
    add(category=MEDICATION, reply="held", minutes_ago=30)
    released = add(category=PROFILE, minutes_ago=40)
    add(category=GENERAL, minutes_ago=60 * 24 * 8)  # in the period before
    add(category=GENERAL, minutes_ago=60 * 24 * 40)
    with write(db):
        db.execute(
            "UPDATE review SET category = 'general_inquiry', confirmed_at = ? WHERE message_id = ?",
            [stamp(now), corrected],
        )
        db.execute("UPDATE outbox SET created_by = 'jo' WHERE message_id = ?", [released])
        db.execute(
            "UPDATE outbox SET kind = 'answer', sent_at = ? WHERE message_id = ?",
            [stamp(now), corrected],
        )
    today = now.astimezone(CHICAGO).date()
    found = reports.report(db, Period(today - timedelta(days=6), today, CHICAGO))
    assert found.categories == {PROFILE: 1, MEDICATION: 1, GENERAL: 2}
    assert (found.letters, found.letters_before) == (4, 1)
    # Held, released by a person: neither waited for an acknowledgement that left by itself.
    assert found.waits[0].acknowledged == reports.Wait(1, 41, 41)
    assert found.waits[0].answered == reports.Wait(1, 20 * 60, 20 * 60)
    assert found.corrections.moves == {(MEDICATION, GENERAL): 1}
    assert found.languages == (("en", 3), ("es", 1))
    assert found.models == ("test-1",)
    assert sum(found.hours) == sum(found.weekdays) == 4
    assert found.oldest_open == now - timedelta(days=40)


def test_the_queries_read_neither_evidence_nor_bytes(db, now):
    period = Period(now.date(), now.date(), CHICAGO)
    plans = []
    db.conn.set_trace_callback(plans.append)
    reports.report(db, period)
    db.conn.set_trace_callback(None)
    asked = [each for each in plans if "decision_figures" in each or "outbox_waited" in each]
    assert len(asked) == 4
    for query in asked:
        steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]
        read = [step for step in steps if re.search(r"(SEARCH|SCAN) (d|o|outbox)\b", step)]
        assert any("COVERING INDEX" in step for step in read), steps


def test_a_report_of_some_thousand_letters_takes_little_work(db, now):
    letters.a_few_hundred(db, now)
    copies.multiply(db, 25)
    today = now.date()
    steps = calls = 0

    def count_steps() -> int:
        nonlocal steps
        steps += 1000
        return 0

    def count_calls(_frame: object, event: str, _about: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    # Of SQLite's machine and of Python: the same on any machine, however busy.
    db.conn.set_progress_handler(count_steps, 1000)
    sys.setprofile(count_calls)
    found = reports.report(db, Period(today - timedelta(days=365), today, CHICAGO))
    sys.setprofile(None)
    db.conn.set_progress_handler(None, 0)
    assert found.letters == 6000
    assert steps < 120 * found.letters
    assert calls < 3 * found.letters
