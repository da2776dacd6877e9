"""What a letter and a page cost in things that can be counted: the same on any machine.

Times are measured by `make bench`; here, what they are made of is held down: round trips, bytes,
commits and statements, and that none of them grows with what lies in the mailbox or the store.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import mail
from inboxbot import assembly, config, consequences, modes, opening
from inboxbot.mail import imap as imap_client
from inboxbot.mail.imap import OPEN_ANEW_EVERY, ImapMailbox
from inboxbot.postman import Postman
from inboxbot.store import figures, sending, tallies
from inboxbot.store.settings import Mode
from inboxbot.store.users import Role
from inboxbot.watcher import Watcher
from inboxbot.web.site import db as request_db
from tests import copies, letters
from tests.counting import Line, Statements, counted, steps
from tests.dovecot import Account
from tests.installation import Installation, install
from tests.numbered import letter
from tests.smtp_sink import SmtpSink
from tests.stand import new_app, new_store
from tests.system.test_web_pages import signed_in

LETTERS = 40
NO_LIMITS = "[replies]\nper_hour = 1000\nper_day = 1000\n"


@pytest.fixture
def imap(account: Account) -> Iterator[Line]:
    account.client().logout()
    with Line(account.server.port) as line:
        yield line


@pytest.fixture
def smtp(sink: SmtpSink) -> Iterator[Line]:
    with Line(sink.port) as line:
        yield line


@pytest.fixture
def counting(
    tmp_path: Path,
    account: Account,
    imap: Line,
    smtp: Line,
    monkeypatch: pytest.MonkeyPatch,
) -> Installation:
    made = install(
        tmp_path,
        imap_host="127.0.0.1",
        imap_port=imap.port,
        imap_user=account.name,
        imap="idle = false",
        smtp_port=smtp.port,
        more=NO_LIMITS,
    )
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def now() -> datetime:
    return datetime.now(UTC)


def test_a_letter_costs_few_commits_and_statements_and_two_round_trips_to_answer(
    counting: Installation, account: Account, sink: SmtpSink, imap: Line, smtp: Line
) -> None:
    configuration = config.load(counting.configuration)
    with (
        opening.store(configuration) as db,
        closing(Watcher(configuration, configuration.mailbox[0], db, now)) as watcher,
        assembly.reader(configuration) as reader,
    ):
        watcher.poll()
        modes.set_mode(db, Mode.LIVE, who="test", now=now())
        account.fill(mail.letters(LETTERS))
        before = imap.traffic
        with counted(db) as intake:
            watcher.poll()
        line = imap.traffic.since(before)
        with counted(db) as triage:
            assembly.triage(configuration, db, reader).run()
        postman = Postman(configuration, db, now)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with counted(db) as sent:
            postman.sender.send_due()
        pages = configuration.store_path.with_name("inboxbot.sqlite3-wal").stat().st_size // 4096
    assert len(sink.accepted) == LETTERS
    # Batches share round trips and commits: they do not grow with the letters of a batch.
    # Asked for news, opened, listed, and then two for each megabytes that come at once.
    assert line.round_trips <= 5 + 1
    assert intake.commits <= 8
    assert triage.commits <= 4
    assert intake.all <= 7 * LETTERS
    assert triage.all <= 24 * LETTERS
    # At most once takes a commit before the reply, one before its end, and one after it.
    # The answer to one reply and the claim of the next are one.
    assert sent.commits <= 2 * LETTERS + 3
    # Each of the three changes of its state counts twice: a trigger looks whether it still counts.
    assert sent.all <= 12 * LETTERS + 10
    assert pages <= 10 * LETTERS
    # With PIPELINING: the envelope is one, the text with its end the other; the rest is greeting.
    assert smtp.traffic.connections == 1
    assert smtp.traffic.round_trips <= 2 * LETTERS + 6


@pytest.mark.parametrize("old", [3, 300])
def test_an_idle_poll_costs_one_round_trip_however_many_letters_lie_there(
    counting: Installation, account: Account, imap: Line, old: int
) -> None:
    account.fill(letter(number) for number in range(1, old + 1))
    configuration = config.load(counting.configuration)
    with (
        opening.store(configuration) as db,
        closing(Watcher(configuration, configuration.mailbox[0], db, now)) as watcher,
    ):
        watcher.poll()
        watcher.poll()
        before = imap.traffic
        with counted(db) as statements:
            for _ in range(OPEN_ANEW_EVERY):
                watcher.poll()
        line = imap.traffic.since(before)  # Before it says LOGOUT.
    assert (line.connections, line.round_trips) == (0, OPEN_ANEW_EVERY)
    assert line.down <= 100 * OPEN_ANEW_EVERY
    assert statements.commits <= OPEN_ANEW_EVERY
    assert statements.all <= 14 * OPEN_ANEW_EVERY


def test_an_idle_hour_with_push_costs_two_round_trips(
    account: Account, imap: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 3600 // imap_client.IDLE_RENEWAL_S == 2
    monkeypatch.setattr(imap_client, "IDLE_RENEWAL_S", 0.25)
    account.fill([letter(1)])
    settings = account.settings(host="127.0.0.1", port=imap.port, security="none", ca_file=None)
    with ImapMailbox(settings) as box, account.client(None) as others:
        box.open()
        assert box.can_wait()
        before, end = imap.traffic, time.monotonic() + 2.1
        assert box.wait(3600, lambda: time.monotonic() > end) is False
        line = imap.traffic.since(before)
        # Eight renewals, and the beginning and the end of the whole wait.
        assert 3 <= line.round_trips - 2 <= 8
        assert line.connections == 0
        # What comes while the wait is renewed again and again ends it, told of or seen by itself.
        box.open()
        threading.Timer(0.6, others.append, ("INBOX", letter(2))).start()
        box.wait(3600, lambda: time.monotonic() > end + 20)
        assert time.monotonic() < end + 10
        assert box.open().exists == 2


def test_a_page_asks_the_store_as_often_however_many_letters_are_in_it(store_path: Path) -> None:
    db = new_store(store_path)
    letters.a_few_hundred(db, now(), 60)
    asked = Statements()
    app = new_app(store_path)
    app.before_request(lambda: request_db().conn.set_trace_callback(asked))
    client = signed_in(app, db, Role.STAFF)

    def statements(page: str) -> int:
        asked.by_verb.clear()
        assert client.get(page).status_code == 200
        return asked.all

    pages = ("/queue", "/queue?view=everything&q=mexiletine", "/m/5")
    for page in pages:  # The first look at the store's health is kept for the next ones.
        statements(page)
    few = [statements(page) for page in pages]
    copies.multiply(db, 10)
    many = [statements(page) for page in pages]
    db.close()
    assert max(few) <= 45
    assert many == few


def test_what_is_looked_at_again_and_again_is_found_in_as_few_steps_among_many_letters(
    store_path: Path,
) -> None:
    db = new_store(store_path)
    letters.a_few_hundred(db, now(), 60)

    looks: dict[str, Callable[[], object]] = {
        "what follows from decisions": lambda: consequences.settle(db, now()),
        "what may have been sent": lambda: sending.unproven(db),
        "how things stand": lambda: figures.glance(db),
        "what is wrong": lambda: figures.troubles(db),
        "how many replies": lambda: figures.replies_by_state(db),
        "the metrics": lambda: list(tallies.tallies(db)),
        "how long something waits": lambda: list(tallies.oldest(db)),
    }
    few = {name: steps(db, look) for name, look in looks.items()}
    copies.multiply(db, 40)
    many = {name: steps(db, look) for name, look in looks.items()}
    db.close()
    # Those that wait are a few more: one letter in forty.
    grown = {name: (few[name], many[name]) for name in looks if many[name] > 2 * few[name] + 20}
    assert grown == {}


def test_what_is_due_is_found_without_looking_at_every_reply_ever_written(
    store_path: Path,
) -> None:
    db = new_store(store_path)
    with counted(db, keep=True) as asked:
        sending.due_mailboxes(db, now())
        sending.next_due(db, "support", now())
        sending.recover(db, "nobody", now())
    for statement in asked.kept:
        plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
        assert "USING INDEX outbox_open" in plan, plan
    db.close()
    assert len(asked.kept) == 3
