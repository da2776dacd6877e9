"""Stored letters once more: what another model or template changes is told, and nothing is done."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inboxbot import promotion
from inboxbot.acknowledge import Acknowledger
from inboxbot.classify.category import Category, Classification
from inboxbot.cli import cli
from inboxbot.mail.message import Message
from inboxbot.replaying import Replayed, Side, replay
from inboxbot.reply.library import Library
from inboxbot.reply.policy import Rules
from inboxbot.store import decisions
from inboxbot.store.sqlite import Database
from tests import lessons, letters
from tests.conftest import NOW
from tests.desk import FACTS, TEMPLATES, ByWords, Here
from tests.installation import Installation, install
from tests.stand import IDENTITY

SHIPPED = Path(__file__).parents[2] / "templates"


class AllGeneral(ByWords):
    def classify(self, message: Message) -> Classification:
        return Classification(
            category=Category.GENERAL_INQUIRY,
            confidence=0.8,
            runner_up=Category.PROFILE_REQUEST,
            runner_up_confidence=0.2,
            language="en",
        )


def side(classifier: ByWords, library: Library = TEMPLATES) -> Side:
    return Side(
        reader=Here(classifier),  # type: ignore[arg-type]
        acknowledger=Acknowledger(library, FACTS, tuple, {}),
        rules=Rules(languages=library.available()),
    )


def replayed(db: Database, before: Side, after: Side) -> list[Replayed]:
    found = decisions.newest_decided(db, 100)
    return list(replay(db, found, before, after, {"support": IDENTITY}))


@pytest.fixture
def filled(db: Database) -> Database:
    letters.add(db, letters.Letter(), NOW)
    letters.add(db, letters.Letter(text="What are your opening hours?", address="b@y.test"), NOW)
    return db


def test_the_same_model_and_templates_change_nothing(filled: Database) -> None:
    now = side(ByWords())
    assert [each.changed for each in replayed(filled, now, now)] == [False, False]
    assert [each.changed for each in replayed(filled, now, side(ByWords()))] == [False, False]


def test_another_model_changes_category_and_text(filled: Database) -> None:
    medicine, hours = replayed(filled, side(ByWords()), side(AllGeneral()))
    assert medicine.changed
    assert medicine.text_changed
    assert medicine.before.category is Category.MEDICATION_QUESTION
    assert medicine.after.category is Category.GENERAL_INQUIRY
    assert not hours.changed


def test_other_templates_change_the_text_alone(filled: Database, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "templates")
    edited = tmp_path / "templates" / "en" / "general_inquiry.txt.j2"
    edited.write_text(edited.read_text().replace("Thank you", "Many thanks"))
    assert "Many thanks" in edited.read_text()
    before = side(ByWords())
    after = Side(
        reader=before.reader,
        acknowledger=Acknowledger(Library(tmp_path / "templates"), FACTS, tuple, {}),
        rules=before.rules,
    )
    medicine, hours = replayed(filled, before, after)
    assert (medicine.changed, hours.changed) == (False, True)
    assert hours.text_changed
    assert hours.before.category is hours.after.category


def test_what_staff_said_stands_beside_it(db: Database) -> None:
    lessons.judged(db, NOW, 1)
    (found,) = replayed(db, side(ByWords()), side(AllGeneral()))
    assert found.staff is Category.GENERAL_INQUIRY


def test_what_was_sent_in_the_meantime_holds_nothing_back(db: Database) -> None:
    for minutes in (50, 40, 30, 20, 10):
        letters.add(db, letters.Letter(minutes_ago=minutes, text=f"riluzole {minutes}"), NOW)
    found = replayed(db, side(ByWords()), side(ByWords()))
    assert {each.before.reason for each in found}.isdisjoint({"quiet_period", "address_day"})


# --- the command -------------------------------------------------------------------------

Command = Callable[..., Result]


@pytest.fixture
def installation(taught: Database, tmp_path: Path) -> Installation:
    return install(tmp_path, imap_host="127.0.0.1", imap_port=1, imap_user="u", smtp_port=2)


@pytest.fixture
def command(installation: Installation) -> Command:
    def run(*arguments: str) -> Result:
        given = [*arguments, "--config", str(installation.configuration)]
        return CliRunner().invoke(cli, given, standalone_mode=False)

    return run


def everything(db: Database) -> str:
    """Return a digest of every row of every table."""
    digest = hashlib.sha256()
    for line in db.conn.iterdump():
        digest.update(line.encode())
    return digest.hexdigest()


def test_the_command_tells_what_would_change_and_writes_nothing(
    installation: Installation, taught: Database
) -> None:
    taught.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = everything(taught), installation.store.read_bytes()
    found = installation.objects("replay", "--model", "1")
    assert (everything(taught), installation.store.read_bytes()) == before
    assert len(found) == 9
    (first, *_) = found
    assert first["before"]["category"] == "medication_question"
    assert first["after"]["category"] == first["staff"] == "general_inquiry"
    assert first["changed"]
    assert first["text_changed"]
    told = installation.run("replay", "--model", "1", "--last", "9").stdout
    assert "medication_question -> general_inquiry" in told
    assert "8 would be put right and 0 would become wrong" in told
    assert promotion.in_force(taught, "light").number == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "Say what to try"),
        (("--model", "7"), "no model 7"),
        (("--templates", "/nowhere"), "no folder /nowhere"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    command: Command, arguments: tuple[str, ...], error: str
) -> None:
    done = command("replay", *arguments)
    assert done.exception is not None
    assert error in str(done.exception)
