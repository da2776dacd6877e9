"""What is erased by age: with a clock that travels, and every part of a letter looked at."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot import review, upkeep
from inboxbot.actions import Answer, Reopen
from inboxbot.mail.parse import parse
from inboxbot.store import alerts, audit, erasure, holds, messages, retention
from inboxbot.store.alerts import Code
from inboxbot.store.database import stamp, write
from inboxbot.store.invariants import check
from inboxbot.store.retention import Report, Rules, due, months_before
from tests.outbox_rows import put_reply, reply_to, state_of

RULES = Rules({"attachments": 12, "raw": 24, "text": 24, "metadata": 36})
WITH_FILE = b"""From: ana@example.net\r
Subject: photo\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
Here is the photo that you asked for.\r
--b\r
Content-Type: image/png; name="photo.png"\r
Content-Transfer-Encoding: base64\r
\r
aW1hZ2Vjb250ZW50\r
--b--\r
"""


def put(db, number, at, *, category="general_inquiry", state="closed", raw=WITH_FILE, reply="sent"):
    """Store a finished letter with a file, read and answered; return its row."""
    row = put_reply(db, number, at, recipient=f"p{number}@example.net", state=reply)
    letter = db.execute("SELECT message_id FROM outbox WHERE id = ?", [row]).fetchone()[0]
    content = raw + f"\r\n{number}".encode()
    message = parse(content)
    files = [{"index": each.index, "name": each.name} for each in message.attachments]
    with write(db):
        db.execute(
            "UPDATE message SET fingerprint = ? WHERE id = ?",
            [messages.fingerprint(content), letter],
        )
        db.execute("UPDATE raw SET bytes = ? WHERE message_id = ?", [content, letter])
        db.execute(
            "INSERT INTO reading (message_id, identity_key, sender_name, sender_address,"
            " return_address, subject, text, parser, defects, attachments)"
            " VALUES (?, '', 'Ana', ?, ?, 'photo', 'Here is the photo', 'p', '[]', ?)",
            [letter, f"p{number}@example.net", f"p{number}@example.net", json.dumps(files)],
        )
        db.execute(
            "UPDATE review SET state = ?, category = ? WHERE message_id = ?",
            [state, category, letter],
        )
        db.execute(
            "INSERT INTO note (message_id, at, staff, text) VALUES (?, ?, 'ana', 'a note')",
            [letter, stamp(at)],
        )
    return letter


def parts(db, letter):
    """Return which parts of a letter are there."""
    one = lambda query: db.execute(query, [letter]).fetchone()  # noqa: E731
    found = set()
    if row := one("SELECT stripped FROM raw WHERE message_id = ?"):
        found |= {"raw"} if row[0] else {"raw", "attachments"}
    if (row := one("SELECT text FROM reading WHERE message_id = ?")) and row[0]:
        found.add("text")
    if one("SELECT 1 FROM reading WHERE message_id = ?"):
        found.add("metadata")
    return found


def test_each_part_goes_in_its_month(db, now):
    letter = put(db, 1, now)
    seen = {}
    for month in range(40):
        at = months_before(now, -month) + timedelta(days=1)
        upkeep.erase_by_age(db, RULES, at)
        seen[month] = parts(db, letter)
        assert check(db) == ()
    everything = {"attachments", "raw", "text", "metadata"}
    assert all(seen[month] == everything for month in range(12))
    assert all(seen[month] == everything - {"attachments"} for month in range(12, 24))
    assert all(seen[month] == {"metadata"} for month in range(24, 36))
    assert all(seen[month] == set() for month in range(36, 40))


def test_the_files_go_and_the_words_stay(db, now):
    letter = put(db, 1, now)
    before = parse(messages.raw(db, letter))
    upkeep.erase_by_age(db, RULES, now + timedelta(days=400))
    raw = messages.raw(db, letter)
    after = parse(raw)
    assert b"aW1hZ2Vjb250ZW50" not in raw
    assert after.text == before.text
    assert after.subject == before.subject
    assert [(each.index, each.name, each.size) for each in after.attachments] == [
        (1, "photo.png", 0)
    ]


def test_a_letter_that_cannot_be_taken_apart_loses_its_bytes(db, now, monkeypatch):
    letter = put(db, 1, now)
    monkeypatch.setattr(retention, "without_attachments", lambda raw: None)
    upkeep.erase_by_age(db, RULES, now + timedelta(days=400))
    assert parts(db, letter) == {"text", "metadata"}


def test_a_letter_whose_bytes_are_damaged_loses_them_and_holds_up_no_other(db, now):
    damaged, other = put(db, 1, now), put(db, 2, now)
    query = "UPDATE raw SET encoding = 'zlib', bytes = x'00' WHERE message_id = ?"
    db.execute(query, [damaged])
    upkeep.erase_by_age(db, RULES, now + timedelta(days=400))
    assert parts(db, damaged) == {"text", "metadata"}
    assert parts(db, other) == {"raw", "text", "metadata"}


def test_a_kind_of_letter_may_have_months_of_its_own(db, now):
    rules = Rules({"raw": 24}, {"raw": {"medication_question": 6, "profile_request": 0}})
    short = put(db, 1, now, category="medication_question")
    usual = put(db, 2, now)
    never = put(db, 3, now, category="profile_request")
    assert due(db, rules, now + timedelta(days=200)).raw == (short,)
    assert due(db, rules, now + timedelta(days=9000)).raw == (short, usual)
    assert never not in due(db, rules, now + timedelta(days=9000)).letters


def test_nothing_goes_where_nothing_is_to_be_erased(db, now):
    put(db, 1, now)
    rules = Rules(dict.fromkeys(retention.PARTS, 0))
    assert due(db, rules, now + timedelta(days=9000)) == Report()


@pytest.mark.parametrize("state", ["new", "claimed", "reopened"])
def test_a_letter_that_waits_for_a_person_is_kept_and_counted(db, now, state):
    letter = put(db, 1, now, state=state)
    report = upkeep.erase_by_age(db, RULES, now + timedelta(days=9000))
    assert report == Report(kept=(letter,))
    assert parts(db, letter) == {"attachments", "raw", "text", "metadata"}


@pytest.mark.parametrize("reply", ["queued", "deferred", "uncertain"])
def test_a_letter_whose_reply_may_still_leave_is_kept(db, now, reply):
    letter = put(db, 1, now, reply=reply)
    assert due(db, RULES, now + timedelta(days=9000)) == Report(kept=(letter,))


def test_a_legal_hold_keeps_a_person_and_nobody_else(db, now):
    held, other = put(db, 1, now), put(db, 2, now)
    with write(db):
        holds.put(db, "P1+x@Example.net", who="root", why="case 7", now=now)
    late = now + timedelta(days=9000)
    report = upkeep.erase_by_age(db, RULES, late)
    assert (report.kept, report.metadata) == ((held,), (other,))
    with write(db):
        assert holds.lift(db, "p1@example.net", who="root", now=late)
    assert upkeep.erase_by_age(db, RULES, late).metadata == (held,)


MONTHS_OLD = {"metadata": 40, "text": 30, "raw": 30, "attachments": 18}


@pytest.mark.parametrize("part", MONTHS_OLD)
def test_what_happens_to_a_letter_between_the_look_and_the_erasing_counts(db, now, part):
    rules = Rules(RULES.months | ({"text": 0} if part == "raw" else {}))
    at = months_before(now, MONTHS_OLD[part])
    answered, held, uncertain, other = (put(db, number, at) for number in range(1, 5))
    report = due(db, rules, now)
    assert getattr(report, part) == (answered, held, uncertain, other)
    before = parts(db, answered)
    with write(db):
        holds.put(db, "p2@example.net", who="root", why="case 7", now=now)
    review.perform(db, Reopen(), [review.Letter(answered)], staff="ana", now=now)
    review.perform(db, Answer(reply_to(99)), [review.Letter(answered)], staff="ana", now=now)
    db.execute("UPDATE outbox SET state = 'uncertain' WHERE message_id = ?", [uncertain])
    retention.erase(db, report, now)
    assert parts(db, answered) == parts(db, held) == parts(db, uncertain) == before
    assert parts(db, other) < before
    (answer,) = db.execute("SELECT state, length(raw) FROM outbox WHERE kind = 'answer'").fetchall()
    assert answer[0] == "queued"
    assert answer[1]


def test_a_hold_that_comes_while_others_are_erased_counts(db, now, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    first, held = (put(db, number, months_before(now, 40)) for number in (1, 2))
    report = due(db, RULES, now)
    erase_letters = erasure.erase_letters

    def erasing(db, letters, now):
        erase_letters(db, letters, now)
        if letters == [first]:
            holds.put(db, "p2@example.net", who="root", why="case 7", now=now)

    monkeypatch.setattr(erasure, "erase_letters", erasing)
    retention.erase(db, report, now)
    assert (parts(db, first), "raw" in parts(db, held)) == (set(), True)


def test_a_reply_without_its_text_can_never_be_sent(db, now):
    letter = put(db, 1, now, reply="failed")
    reply = db.execute("SELECT id FROM outbox WHERE message_id = ?", [letter]).fetchone()[0]
    upkeep.erase_by_age(db, RULES, now + timedelta(days=800))
    assert state_of(db, reply) == "cancelled"
    assert check(db) == ()


def test_looking_deletes_nothing_and_erasing_says_so_in_the_audit(db, now):
    put(db, 1, now)
    late = now + timedelta(days=9000)
    first = due(db, RULES, late)
    assert due(db, RULES, late) == first
    upkeep.erase_by_age(db, RULES, late)
    (entry,) = audit.entries(db)
    assert (entry.who, entry.what, entry.detail) == ("retention", "erased by age", "1 metadata")
    assert due(db, RULES, late) == Report()


def test_what_was_erased_by_age_does_not_come_in_again(db, now):
    letter = put(db, 1, now)
    mark = db.execute("SELECT fingerprint FROM message WHERE id = ?", [letter]).fetchone()[0]
    upkeep.erase_by_age(db, RULES, now + timedelta(days=9000))
    row = db.execute(
        "SELECT id, rfc_message_id, erased_at IS NOT NULL FROM message WHERE fingerprint = ?",
        [mark],
    ).fetchone()
    assert row == (letter, None, 1)


def test_hundreds_of_letters_go_in_one_run(db, now):
    for number in range(250):
        put(db, number, now, raw=b"Subject: x\r\n\r\nHello")
    report = upkeep.erase_by_age(db, RULES, now + timedelta(days=9000))
    assert len(report.metadata) == 250
    assert db.execute("SELECT count(*) FROM reading").fetchone()[0] == 0


def test_r28_a_clock_that_is_years_ahead_for_a_moment_erases_nothing(db, now):
    letter = put(db, 1, now - timedelta(days=1))
    assert upkeep.erase_daily(db, RULES, now) == Report()
    ahead = now + timedelta(days=3650)
    for minutes in (0, 1, 600):  # The daemon looks at each start, too.
        assert upkeep.erase_daily(db, RULES, ahead + timedelta(minutes=minutes)) is None
    assert [alert.code for alert in alerts.unfinished(db)] == [Code.CLOCK]
    assert upkeep.erase_daily(db, RULES, now + timedelta(days=1)) == Report()
    assert alerts.unfinished(db) == []
    assert parts(db, letter) == {"attachments", "raw", "text", "metadata"}
    assert upkeep.erase_daily(db, RULES, ahead) is None


def test_a_machine_that_was_off_for_long_erases_a_day_later(db, now):
    letter = put(db, 1, now - timedelta(days=360))
    assert upkeep.erase_daily(db, RULES, now) == Report()
    later = now + timedelta(days=60)
    assert upkeep.erase_daily(db, RULES, later) is None
    assert upkeep.erase_daily(db, RULES, later + timedelta(days=1)).attachments == (letter,)
    assert alerts.unfinished(db) == []


def test_a_clock_is_trusted_that_goes_on_from_what_it_said_before(now):
    day, month, year = timedelta(days=1), timedelta(days=31), timedelta(days=365)
    assert upkeep.is_sure(now, None, None)
    assert upkeep.is_sure(now, now - day, None)
    assert upkeep.is_sure(now, now + year, None)  # Set back: less is old enough.
    assert not upkeep.is_sure(now, now - month, None)
    assert not upkeep.is_sure(now, now - year, now - timedelta(hours=1))
    assert upkeep.is_sure(now, now - year, now - day)
    assert not upkeep.is_sure(now, now - year, now - month)
    assert not upkeep.is_sure(now, now - year, now + day)


def test_a_second_leap_is_doubted_anew(db, now):
    put(db, 1, now)
    upkeep.erase_daily(db, RULES, now)
    for years in (10, 5, 20):
        assert upkeep.erase_daily(db, RULES, now + timedelta(days=365 * years)) is None
    assert upkeep.erase_daily(db, RULES, now + timedelta(days=365 * 20 + 1)) is not None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(0, 600))  # noqa: DTZ001
def test_months_are_those_of_the_calendar(day, months):
    now = day.replace(tzinfo=UTC)
    before = months_before(now, months)
    apart = (now.year - before.year) * 12 + now.month - before.month
    assert apart == months
    assert before.day <= now.day
    assert before.timetz() == now.timetz()
