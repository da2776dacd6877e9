"""Is the service well? Each thing that can be wrong is one plain sentence, and nothing else is."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inboxbot.checks import offline
from inboxbot.classify import classifier
from inboxbot.classify.category import Classification
from inboxbot.config import load
from inboxbot.health import Health, health, in_a_line, problems
from inboxbot.mail.message import Message
from inboxbot.reading import LoadClassifier
from inboxbot.store import alerts, figures, scope
from inboxbot.store.database import stamp, write
from inboxbot.store.settings import Mode
from inboxbot.store.sqlite import Database
from tests.conftest import NOW
from tests.counting import steps
from tests.desk import ByWords, Desk, letter
from tests.fake_transport import FakeTransport
from tests.installation import install
from tests.outbox_rows import put_reply

SILENT = timedelta(minutes=30)


def look(db: Database, now: datetime, *, min_free_mb: int = 1) -> Health:
    path = Path(db.execute("PRAGMA database_list").fetchone()[2])
    return health(db, store=path, min_free_mb=min_free_mb, silent_after=SILENT, now=now)


@pytest.fixture
def watched(db: Database, now: datetime) -> Database:
    """A store whose one mailbox was read a minute ago."""
    db.execute(
        "INSERT INTO mailbox (name, server, folder, uidvalidity, started_at, last_good_poll_at)"
        " VALUES ('support', 's', 'INBOX', 1, ?, ?)",
        [stamp(now - timedelta(days=1)), stamp(now - timedelta(minutes=1))],
    )
    return db


def test_a_new_store_is_well_and_in_shadow_mode(db: Database, now: datetime) -> None:
    found = look(db, now)
    assert found.healthy
    assert found.mode is Mode.SHADOW
    assert found.unaccounted is None
    assert found.last_good_poll_at is None


def test_with_twenty_times_the_letters_looking_for_what_is_wrong_takes_not_twice_the_steps(
    watched: Database, now: datetime
) -> None:
    path = Path(watched.execute("PRAGMA database_list").fetchone()[2])

    def look_for_problems() -> None:
        assert problems(watched, store=path, min_free_mb=1, silent_after=SILENT, now=now) == ()

    for number in range(1, 11):
        put_reply(watched, number, now, state="sent")
    few = steps(watched, look_for_problems)
    for number in range(11, 201):
        put_reply(watched, number, now, state="sent")
    assert steps(watched, look_for_problems) < 2 * few


def test_a_line_for_systemd_says_how_things_stand(watched: Database, now: datetime) -> None:
    put_reply(watched, 1, now, state="held", reason="shadow")
    said = in_a_line(Mode.SHADOW, figures.glance(watched))
    assert said.startswith(
        f"Mode shadow, last good look {now - timedelta(minutes=1):%Y-%m-%d %H:%M}"
    )
    assert said.endswith("replies held: 1")


def test_a_mailbox_that_could_never_be_opened_is_named(db: Database, now: datetime) -> None:
    with write(db):
        alerts.open_alert(db, alerts.Code.INTAKE_FAILED, now, detail="support")
    (problem,) = look(db, now).problems
    assert problem == ("Mailbox support: Letters cannot be fetched. `inboxbot doctor` says why.")


def test_a_mailbox_that_is_read_is_well(watched: Database, now: datetime) -> None:
    found = look(watched, now)
    assert found.problems == ()
    assert found.last_good_poll_at == now - timedelta(minutes=1)


@pytest.mark.parametrize("ever", [True, False])
def test_a_mailbox_that_nobody_reads_is_named_with_what_to_do(
    watched: Database, now: datetime, ever: bool
) -> None:
    if not ever:
        watched.execute("UPDATE mailbox SET last_good_poll_at = NULL")
    (problem,) = look(watched, now + timedelta(minutes=30)).problems
    minutes = 31 if ever else 24 * 60 + 30
    assert problem == (
        f"Mailbox support: no look into it has succeeded for {minutes} minutes. "
        "Is the daemon running? `systemctl status inboxbot`"
    )


def test_the_last_error_of_a_mailbox_is_said_in_its_own_words(
    watched: Database, now: datetime
) -> None:
    watched.execute("UPDATE mailbox SET last_error = 'The server refuses the password.'")
    assert look(watched, now).problems == ("Mailbox support: The server refuses the password.",)


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 letter on the server has"), (3, "3 letters on the server have")]
)
def test_letters_on_the_server_without_a_row_are_counted(
    watched: Database, now: datetime, count: int, said: str
) -> None:
    watched.execute("UPDATE mailbox SET unaccounted = ?", [count])
    found = look(watched, now)
    assert found.unaccounted == count
    assert found.problems == (
        f"Mailbox support: {said} no row yet; the next poll fetches what is missing.",
    )


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("uncertain", "1 reply may or may not have been sent: `inboxbot outbox list`"),
        ("failed", "1 reply could not be sent: `inboxbot outbox list`"),
        ("held", None),
        ("sent", None),
        ("bounced", None),
        ("cancelled", None),
    ],
)
def test_replies_that_need_a_person_are_counted_once(
    watched: Database, now: datetime, state: str, problem: str | None
) -> None:
    put_reply(watched, 1, now, state=state)
    with write(watched):
        alerts.open_alert(watched, alerts.Code.UNCERTAIN, now, message=1)
    assert look(watched, now).problems == ((problem,) if problem else ())


def test_a_reply_that_waits_too_long_is_said(watched: Database, now: datetime) -> None:
    put_reply(watched, 1, now)
    assert look(watched, now).healthy
    later = now + timedelta(minutes=31)
    watched.execute("UPDATE mailbox SET last_good_poll_at = ?", [stamp(later)])
    assert look(watched, later).problems == ("A reply has been waiting to be sent for 31 minutes.",)


def test_letters_that_could_not_be_fetched_are_counted(watched: Database, now: datetime) -> None:
    for uid in (1, 2):
        watched.execute(
            "INSERT INTO place (mailbox_id, uidvalidity, uid, state, first_seen_at)"
            " VALUES (1, 1, ?, 'quarantined', ?)",
            [uid, stamp(now)],
        )
    (problem,) = look(watched, now).problems
    assert problem == "2 letters could not be fetched: `inboxbot queue --view problems`"


def test_a_connection_that_is_limited_hears_of_no_other_mailbox(
    watched: Database, now: datetime
) -> None:
    with write(watched):
        for name in ("support", "never opened"):
            alerts.open_alert(watched, alerts.Code.INTAKE_FAILED, now, detail=name)
        watched.execute(
            "INSERT INTO mailbox (name, server, folder, uidvalidity, started_at, last_error)"
            " VALUES ('board', 's', 'INBOX', 1, ?, 'The server refuses the password.')",
            [stamp(now)],
        )
        watched.execute("UPDATE mailbox SET last_error = 'It is busy.' WHERE name = 'support'")
    scope.limit(watched, ("support",))
    assert look(watched, now).problems == ("Mailbox support: It is busy.",)


SAID_ELSEWHERE = (
    alerts.Code.URGENT,
    alerts.Code.UNCERTAIN,
    alerts.Code.QUARANTINED,
    alerts.Code.INTAKE_FAILED,
    alerts.Code.INTAKE_SILENT,
    alerts.Code.OVERSIZE,
)


@pytest.mark.parametrize("code", [code for code in alerts.Code if code not in SAID_ELSEWHERE])
def test_an_open_alert_is_a_problem_until_it_ends(
    watched: Database, now: datetime, code: alerts.Code
) -> None:
    with write(watched):
        alerts.open_alert(watched, code, now, detail="one")
        alerts.open_alert(watched, code, now, detail="two")
    assert look(watched, now).problems == (alerts.SENTENCES[code],)
    with write(watched):
        alerts.end(watched, code, now)
    assert look(watched, now).healthy


@pytest.mark.parametrize("code", SAID_ELSEWHERE)
def test_what_the_counts_say_and_an_urgent_letter_are_no_further_problem(
    watched: Database, now: datetime, code: alerts.Code
) -> None:
    with write(watched):
        alerts.open_alert(watched, code, now, detail="support")
    assert look(watched, now).healthy


def test_a_disk_that_is_nearly_full_is_said_with_its_limit(
    watched: Database, now: datetime
) -> None:
    assert look(watched, now, min_free_mb=0).healthy
    more_than_any_disk_has = 2**40
    (problem,) = look(watched, now, min_free_mb=more_than_any_disk_has).problems
    assert re.match(r"Only \d+ MB are free on the disk of ", problem)
    assert f"below the {2**40} MB of store.min_free_mb: nothing more is fetched" in problem


# --- classifying ---------------------------------------------------------------------


class Breaks:
    def classify(self, message: Message) -> Classification:
        raise RuntimeError


NOT_CLASSIFIED = "Letters are not being classified: run `inboxbot check`."


def test_letters_that_nothing_classifies_are_a_problem_until_one_is_classified(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path / "a.sqlite3", NOW, FakeTransport(), classifier=None)
    assert look(desk.db, NOW).healthy
    desk.take(letter(1))
    assert look(desk.db, NOW).problems == (NOT_CLASSIFIED,)
    desk.reader.classifier = ByWords()  # type: ignore[union-attr]
    desk.take(letter(2, message_id="<2@x.example>"))
    assert look(desk.db, NOW).healthy
    desk.close()


def test_one_letter_that_the_classifier_fails_on_among_others_is_no_problem(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path / "a.sqlite3", NOW, FakeTransport())
    desk.take(letter(1))
    desk.reader.classifier = Breaks()  # type: ignore[union-attr]
    desk.take(letter(2, message_id="<2@x.example>"))
    assert look(desk.db, NOW).healthy
    for number in range(3, 8):
        desk.take(letter(number, message_id=f"<{number}@x.example>"))
    assert look(desk.db, NOW).problems == (NOT_CLASSIFIED,)
    desk.close()


def test_a_letter_that_could_not_be_read_says_nothing_of_the_classifier(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "a.sqlite3", NOW, FakeTransport())
    desk.take(letter(1))
    for number in range(2, 9):
        desk.box.deliver(letter(number, message_id=f"<{number}@x.example>"), NOW)
    desk.poll()
    desk.db.execute("UPDATE message SET attempts = 3 WHERE decided_at IS NULL")
    outcomes = desk.triage.run()
    assert {each.reason for each in outcomes} <= {"unreadable", "rate_limited"}
    assert look(desk.db, NOW).healthy
    desk.close()


# --- check ---------------------------------------------------------------------------


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installation = install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="u", smtp_port=2)
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)
    return load(installation.configuration)


def of_the_classifier(configured) -> list[str]:
    return [each.text for each in offline(configured) if each.place == "classify.model"]


def test_check_says_nothing_of_a_classifier_that_works(configured) -> None:
    assert of_the_classifier(configured) == []


def test_check_names_a_model_that_is_missing(configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inboxbot.classify.shipped.resources.files", lambda _: Path("/nowhere"))
    classifier._shipped.cache_clear()
    (problem,) = of_the_classifier(configured)
    assert "model is missing" in problem
    assert "general inquiry" in problem


def test_check_names_a_model_that_is_damaged(configured, monkeypatch: pytest.MonkeyPatch) -> None:
    load_it = LoadClassifier.__call__
    damaged = LoadClassifier(kind="light", model=b"not a model at all")
    monkeypatch.setattr(LoadClassifier, "__call__", lambda _: load_it(damaged))
    (problem,) = of_the_classifier(configured)
    assert problem.startswith('The classifier "light": ')


def test_check_names_a_library_that_is_missing(configured, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: LoadClassifier) -> None:
        raise ModuleNotFoundError("numpy")

    monkeypatch.setattr(LoadClassifier, "__call__", missing)
    (problem,) = of_the_classifier(configured)
    assert "It cannot be used (ModuleNotFoundError): install inboxbot again." in problem
