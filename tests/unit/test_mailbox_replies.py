"""What a mailbox says of its replies in `[mailbox.replies]` holds there, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import assembly, checks, config, intake, review
from inboxbot.actions import Release
from inboxbot.classify.category import Classification
from inboxbot.config import Config
from inboxbot.config.mailbox import MailboxReplies
from inboxbot.errors import ConfigError
from inboxbot.fetching import Limits
from inboxbot.intake import Source
from inboxbot.mail.message import Message
from inboxbot.reply.reason import Reason
from inboxbot.reply.samples import SAMPLES
from inboxbot.review import Letter
from inboxbot.store import decisions, mailboxes, replies
from inboxbot.store.database import write
from inboxbot.store.decisions import Recorded
from inboxbot.store.settings import Mode, instance, put
from inboxbot.store.sqlite import Database
from inboxbot.triage import Triage
from inboxbot.web.in_force import sections
from tests.conftest import NOW
from tests.desk import ByWords, Here, letter
from tests.fakes import FakeMailbox
from tests.office import CONFIGURATION

ADDRESSES = {"support": "support@example.org", "madrid": "madrid@example.org"}
MADRID = """
[[mailbox]]
name = "madrid"
address = "madrid@example.org"
[mailbox.imap]
host = "imap.example.org"
username = "madrid@example.org"
[mailbox.smtp]
host = "smtp.example.org"
[mailbox.replies]
"""
DAYS_AGO = timedelta(days=5)


class Quiet(ByWords):
    """Knows no letter's language: the default of the mailbox counts."""

    def classify(self, message: Message) -> Classification:
        return replace(super().classify(message), language=None, language_confidence=0.0)


def configured(folder: Path, own: str, everybody: str = "") -> Config:
    """Return two mailboxes of which the second has replies of its own."""
    file = folder / "inboxbot.toml"
    text = CONFIGURATION.replace("[replies]\n", f"{MADRID}{own}\n\n[replies]\n{everybody}\n")
    file.write_text(text)
    return config.load(file)


class TwoMailboxes:
    """What the configuration makes of two mailboxes in memory; nothing is sent."""

    def __init__(self, db: Database, configuration: Config) -> None:
        self.db = db
        self.now = NOW
        self.boxes = {name: FakeMailbox() for name in ADDRESSES}
        templates = assembly.library(configuration)
        self.rules = assembly.rules(configuration, templates)
        self.triage = Triage(
            db,
            reader=Here(Quiet()),  # type: ignore[arg-type]
            acknowledger=assembly.acknowledger(configuration, templates),
            identities=assembly.identities(configuration, instance(db)),
            rules=self.rules,
            now=lambda: self.now,
        )
        self.set_mode(Mode.LIVE)
        self._poll(NOW - timedelta(days=30))  # They have been watched for long.

    def set_mode(self, mode: Mode) -> None:
        with write(self.db):
            put(self.db, "mode", mode)

    def _poll(self, now: datetime) -> None:
        for name, box in self.boxes.items():
            source = Source(name=name, server=f"{name}@imap", folder="INBOX")
            intake.poll(self.db, box, source, now=now, limits=Limits(min_free=0))

    def take(
        self, *letters: Callable[[str], bytes], age: timedelta = timedelta(0)
    ) -> dict[str, list[Recorded]]:
        """Let letters come into both mailboxes; return what was decided on those of each."""
        for name, address in ADDRESSES.items():
            for written in letters:
                self.boxes[name].deliver(written(address), self.now - age)
        self._poll(self.now)
        found: dict[str, list[Recorded]] = {name: [] for name in ADDRESSES}
        for outcome in self.triage.run():
            recorded = decisions.recorded(self.db, outcome.message)
            assert recorded is not None
            found[recorded.mailbox].append(recorded)
        return found


def from_person(
    number: int, *, person: int = 1, domain: str = "{box}{person}.example", **more: str
) -> Callable[[str], bytes]:
    """Return what writes a letter to each mailbox; without `domain` from somebody else to each."""

    def to(address: str) -> bytes:
        box = address.partition("@")[0]
        sender = f"Ana <ana{person}@{domain.format(box=box, person=person)}>"
        values = {"to": address, "sender": sender, "message_id": f"<{box}{number}@x.example>"}
        return letter(**(values | more))  # type: ignore[arg-type]

    return to


PROFILE = {"subject": "Our profile", "text": "How do we fill in the profile?"}
TWO_PEOPLE = tuple(from_person(each, person=each, domain="{box}.example") for each in (1, 2))
TWICE = (from_person(1), from_person(2, **PROFILE))


def reasons(found: dict[str, list[Recorded]]) -> dict[str, list[Reason | None]]:
    return {name: [each.reason for each in letters] for name, letters in found.items()}


def text_of(db: Database, letter: Recorded) -> str:
    reply = replies.acknowledgement(db, letter.id)
    assert reply is not None
    return reply.raw.decode("ascii")


def test_a_mailbox_answers_in_its_own_language_and_dates_in_it(db, tmp_path):
    own = 'default_language = "es"\nlanguages = ["es"]'
    boxes = TwoMailboxes(db, configured(tmp_path, own))
    found = boxes.take(from_person(1))
    (here,), (there,) = found["support"], found["madrid"]
    assert "Content-Language: en\n" in text_of(db, here).replace("\r\n", "\n")
    assert "Content-Language: es\n" in text_of(db, there).replace("\r\n", "\n")
    assert "* * *" not in text_of(db, there)  # Alone, not above the English text.


def test_a_language_that_one_mailbox_sends_alone_gets_a_short_note_at_another(tmp_path):
    configuration = configured(tmp_path, 'languages = ["es"]', 'languages = ["en"]')
    library = assembly.library(configuration)
    rules, own = assembly.rules(configuration, library), assembly.libraries(configuration, library)
    assert "es" in rules.on("support").languages & rules.on("madrid").languages
    assert (own["support"].enabled(), own["madrid"].enabled()) == ({"en"}, {"en", "es"})
    values = SAMPLES[0].variables
    assert "* * *" in own["support"].render("urgent", "es", values).text
    assert "* * *" not in own["madrid"].render("urgent", "es", values).text
    # What is looked through before going live is what any of them sends alone.
    assert library.enabled() == {"en", "es"}


@pytest.mark.parametrize(
    ("own", "letters", "age", "everywhere"),
    [
        ("max_age_h = 240", (from_person(1),), DAYS_AGO, Reason.TOO_OLD),
        (
            "require_addressed = false",
            (from_person(1, to="list@elsewhere.example"),),
            timedelta(0),
            Reason.NOT_ADDRESSED,
        ),
        (
            "per_domain_hour = 5",
            TWO_PEOPLE,
            timedelta(0),
            Reason.RATE_LIMITED,
        ),
    ],
    ids=["age", "addressed", "domain"],
)
def test_a_mailbox_may_be_more_generous_than_the_others(
    db, tmp_path, own, letters, age, everywhere
):
    boxes = TwoMailboxes(db, configured(tmp_path, own, "per_domain_hour = 1"))
    found = reasons(boxes.take(*letters, age=age))
    assert found["support"][-1] == everywhere
    assert found["madrid"] == [None] * len(letters)


@pytest.mark.parametrize(
    ("own", "letters", "reason"),
    [
        ('disabled = ["medication_question"]', TWICE[:1], Reason.DISABLED),
        ("per_address_day = 1", TWICE, Reason.RATE_LIMITED),
        ("per_address_week = 1", TWICE, Reason.RATE_LIMITED),
        ("max_age_h = 24", TWICE[:1], Reason.TOO_OLD),
    ],
)
def test_a_mailbox_may_be_stricter_than_the_others(db, tmp_path, own, letters, reason):
    boxes = TwoMailboxes(db, configured(tmp_path, own))
    found = reasons(boxes.take(*letters, age=timedelta(hours=30)))
    assert found["madrid"][-1] == reason
    assert found["support"] == [None] * len(letters)


def test_a_quiet_period_of_its_own_holds_for_the_next_letter_of_the_same_kind(db, tmp_path):
    boxes = TwoMailboxes(db, configured(tmp_path, "quiet_period_h = 1"))
    boxes.take(from_person(1))
    boxes.now += timedelta(hours=2)
    again = boxes.take(from_person(2, subject="Once more", text="Riluzole with milk?"))
    assert reasons(again) == {"support": [Reason.RATE_LIMITED], "madrid": [None]}


def test_many_released_at_once_keep_to_the_limits_of_their_mailbox(db, tmp_path):
    boxes = TwoMailboxes(db, configured(tmp_path, "per_domain_hour = 1"))
    boxes.set_mode(Mode.SHADOW)
    boxes.take(*TWO_PEOPLE)
    held = [Letter(each) for each in replies.letters_held(db)]
    assert len(held) == 4
    done = review.perform(db, Release(rules=boxes.rules), held, staff="jo", now=NOW)
    assert len(done.letters) == 3
    ((refused, why),) = done.refused.items()
    assert mailboxes.of_letter(db, refused) == "madrid"
    assert "1 to this domain in an hour, limit 1" in why


def test_every_setting_of_a_mailbox_reaches_its_rules_and_no_others(tmp_path):
    own = """\
default_language = "es"
languages = ["es", "de"]
require_addressed = false
max_age_h = 11
quiet_period_h = 12
per_address_day = 13
per_address_week = 14
per_relay_hour = 15
per_domain_hour = 16
disabled = ["urgent"]"""
    configuration = configured(tmp_path, own, "per_hour = 7")
    (_, madrid) = configuration.mailbox
    assert madrid.replies.model_fields_set == set(MailboxReplies.model_fields)
    general = assembly.rules(configuration, assembly.library(configuration))
    assert general.on("support") == replace(general, own={})
    assert general.on("gone") is general
    assert general.on("madrid") == replace(
        general,
        own={},
        default_language="es",
        require_addressed=False,
        max_age=timedelta(hours=11),
        quiet_period=timedelta(hours=12),
        per_address_day=13,
        per_address_week=14,
        per_relay_hour=15,
        per_domain_hour=16,
        disabled=frozenset({"urgent"}),
    )
    # The breaker guards the whole instance.
    assert {each.per_hour for each in (general, *general.own.values())} == {7}


@pytest.mark.parametrize(
    ("own", "place", "says"),
    [
        ("per_day = 10", "per_day", "for all mailboxes together: write per_day in [replies]"),
        ('templates = "other"', "templates", "write templates in [replies]"),
        ("per_adress_day = 1", "per_adress_day", "Did you mean per_address_day?"),
        ("max_age_h = 0", "max_age_h", "1 or more"),
        ('default_language = "Spanish"', "default_language", "two letters"),
    ],
)
def test_a_mistake_in_it_is_named_with_its_place(tmp_path, own, place, says):
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, own)
    (problem,) = caught.value.problems
    assert problem.place == f"mailbox[1].replies.{place}"
    assert says in problem.text


def test_a_language_without_templates_and_a_reply_of_no_name_are_found_by_check(tmp_path):
    own = 'default_language = "xx"\nlanguages = ["es", "yy"]\ndisabled = ["general"]'
    found = {
        each.place: each.text
        for each in checks.offline(configured(tmp_path, own))
        if ".replies" in each.place
    }
    assert set(found) == {
        f"mailbox[1].replies.{key}" for key in ("default_language", "languages", "disabled")
    }
    assert '"xx" has no section' in found["mailbox[1].replies.default_language"]
    assert '"yy"' in found["mailbox[1].replies.languages"]
    assert "general_inquiry" in found["mailbox[1].replies.disabled"]


def test_the_page_of_settings_shows_what_a_mailbox_says_for_itself_and_what_holds_else(tmp_path):
    shown = sections(configured(tmp_path, "per_address_day = 7", "per_address_day = 3"))
    (own,) = [each for each in shown if each.name == "mailbox.replies"]
    assert own.of == "madrid"
    (setting,) = own.settings
    assert (setting.key, setting.value, setting.default) == ("per_address_day", "7", "3")
    assert setting.changed
    assert setting.meaning
