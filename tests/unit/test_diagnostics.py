"""web.diagnostics: what is sent along when somebody asks for help."""

from datetime import timedelta
from importlib.metadata import version

import pytest

from inboxbot.health import health
from inboxbot.store import alerts
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.web import diagnostics
from inboxbot.web.in_force import sections
from tests import letters
from tests.letters import Letter
from tests.office import configuration


@pytest.fixture
def text(db, store_path, tmp_path, now):
    letters.add(db, Letter(name="Quilla Canary", address="quilla@canary.example"), now)
    with write(db):
        db.execute("UPDATE mailbox SET uidvalidity = 7, last_error = ?, last_error_at = ?", [
            "smtp.example.org:465 refused the login (535)", str(now)
        ])  # fmt: skip
        alerts.open_alert(db, Code.INTAKE_FAILED, now, detail="support")
    found = health(db, store=store_path, min_free_mb=1, silent_after=timedelta(minutes=15), now=now)
    known = diagnostics.Known(
        health=found, sections=sections(configuration(tmp_path)), store=store_path, now=now
    )
    return diagnostics.text(db, known)


def test_it_says_version_schema_state_alarms_events_and_settings(text):
    for part in (
        f"inboxbot {version('inboxbot')}", "Python 3.", "SQLite 3.", "Schema 00",
        "Mode shadow, not well",
        "Letters: 1 stored", "Outbox: 1 sent", "  support: first look 20",
        "refused the login (535)", "intake_failed (support)",
        "It began: Letters cannot be fetched. (support)", "Last verified backup: never",
        "  [mailbox.imap] # support", "  per_day = 120  # default 300", '  security = "tls"',
    ):  # fmt: skip
        assert part in text, part


def test_no_person_no_letter_and_no_free_text_of_the_settings_is_in_it(text, store_path):
    for canary in (
        "quilla", "canary", "riluzole", "als worldwide", "608-663", "dawley", "example.org",
        "support@", "desk@", "elsewhere", str(store_path.parent).lower(),
    ):  # fmt: skip
        assert canary not in text.lower(), canary
    assert "  host = …" in text
    assert "…:465 refused" in text
