"""lately: what happened to the service, in plain words."""

from datetime import UTC, datetime, timedelta

from inboxbot import modes
from inboxbot.lately import UPGRADED, applied, lately
from inboxbot.store import alerts, audit, backup, settings
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.settings import Mode


def test_alarms_changes_upgrades_and_backups_stand_in_one_list_the_newest_first(db, now):
    now = now + timedelta(days=3650)  # After the schema was made, which is told by the real clock.
    with write(db):
        alerts.open_alert(db, Code.INTAKE_FAILED, now, detail="support")
        alerts.end(db, Code.INTAKE_FAILED, now + timedelta(minutes=9), detail="support")
        settings.put_moment(db, backup.VERIFIED_AT, now + timedelta(minutes=5))
    modes.set_mode(db, Mode.LIVE, who="ada", now=now + timedelta(minutes=3))
    assert [each.text for each in lately(db, 20)] == [
        "It is over: Letters cannot be fetched. (support)",
        "A backup was made and verified.",
        "The mode was changed. (shadow -> live)",
        "It began: Letters cannot be fetched. (support)",
        lately(db, 20)[-1].text,
    ]
    assert lately(db, 20)[-1].text.startswith("The database was brought up to the schema")
    assert len(lately(db, 2)) == 2


def test_an_upgrade_is_told_once_wherever_the_clock_stood_and_two_are_two(db, now):
    steps = [step for step, _ in applied(db)]
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    first, second = midnight - timedelta(seconds=2), midnight + timedelta(days=40)
    with write(db):
        for number, step in enumerate(steps):
            at = first + timedelta(seconds=number) if step != steps[-1] else second
            db.execute(
                "UPDATE _sqlite_migrations SET applied_at = ? WHERE name = ?",
                [at.isoformat(), step],
            )
    told = [(each.at, each.detail) for each in lately(db, 99) if each.sentence == UPGRADED]
    assert told == [(second, steps[-1]), (first + timedelta(seconds=len(steps) - 2), steps[-2])]


def test_an_alarm_of_long_ago_that_ends_now_is_among_the_last(db, now):
    with write(db):
        alerts.open_alert(db, Code.DISK, now - timedelta(days=9))
        for number in range(50):
            alerts.open_alert(db, Code.MISSING, now - timedelta(days=2), detail=str(number))
        alerts.end(db, Code.DISK, now)
    assert "disk" in next(each.text for each in lately(db, 5) if each.phase)


def test_of_letters_and_of_who_did_it_it_says_nothing(db, now):
    with write(db):
        audit.add(db, "ada", "viewed", now, message=7)
        audit.add(db, "ada", "user added", now, detail="jo administrator")
        audit.add(db, "ada", "published template", now, detail="general_inquiry en 3")
        alerts.open_alert(db, Code.URGENT, now, message=7)
    said = [each.text for each in lately(db, 20)]
    assert "A reply template was published. (general_inquiry en 3)" in said
    assert not [text for text in said if "ada" in text or "jo" in text or "7" in text]
