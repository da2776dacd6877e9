"""Training on what staff judged: what is learned from, what is kept, and what is forgotten."""

import dataclasses
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from inboxbot import erasing, learning, promotion, upkeep
from inboxbot.classify.category import Category
from inboxbot.classify.classifier import Classifier
from inboxbot.classify.comparison import Comparison
from inboxbot.classify.model import Model
from inboxbot.errors import PermanentError, TransientError
from inboxbot.mail.message import Message
from inboxbot.store import audit, models, retention, settings
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from tests import lessons, letters
from tests.conftest import NOW

SIMILAR = Message(subject=lessons.SUBJECT, text=lessons.SIMILAR)


def classifier(db: Database) -> Classifier:
    return Classifier.load("light", promotion.in_force(db, "light").content)


def files(db: Database) -> list[Path]:
    return sorted(models.folder_of(db).iterdir())


def test_what_staff_corrected_decides_the_next_similar_letter(taught: Database) -> None:
    assert classifier(taught).classify(SIMILAR).category is Category.MEDICATION_QUESTION
    promotion.promote(taught, "light", 1, who="jo", now=NOW)
    assert classifier(taught).classify(SIMILAR).category is Category.GENERAL_INQUIRY


def test_going_back_gives_the_very_same_answers(taught: Database) -> None:
    asked = [SIMILAR, *(letter.message for letter in lessons.few_shipped(10))]
    before = [dataclasses.astuple(classifier(taught).classify(each)) for each in asked]
    promotion.promote(taught, "light", 1, who="jo", now=NOW)
    between = [dataclasses.astuple(classifier(taught).classify(each)) for each in asked]
    assert promotion.roll_back(taught, "light", who="jo", now=NOW) == models.SHIPPED
    after = [dataclasses.astuple(classifier(taught).classify(each)) for each in asked]
    assert before == after
    assert between != before


def test_a_model_says_where_it_comes_from(taught: Database) -> None:
    (stored,) = models.all_models(taught)
    assert (stored.letters, stored.corrections, stored.compared_with) == (8, 8, 0)
    assert stored.at == NOW
    (file,) = files(taught)
    assert file.name == stored.file_name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "trained model" in [entry.what for entry in audit.entries(taught)]


def test_the_comparison_is_on_letters_that_neither_model_saw(taught: Database) -> None:
    (stored,) = models.all_models(taught)
    changes = {each["what"]: each for each in stored.comparison["changes"]}
    own = changes["letters that staff judged, sorted right"]
    assert (own["letters"], own["outcome"]) == (8, "better")
    assert own["before"] <= 2
    assert own["after"] >= 7
    assert changes["shipped letters sorted right"]["letters"] == len(lessons.few_shipped())
    urgent = changes["urgent letters found"]
    assert urgent["after"] == urgent["before"]


def test_no_model_remains_that_learned_from_an_erased_person(taught: Database) -> None:
    promotion.promote(taught, "light", 1, who="jo", now=NOW)
    found = erasing.look(taught, "person3@example.net")
    assert found.models == (1,)
    erasing.erase(taught, found, who="jo", now=NOW)
    assert models.all_models(taught) == []
    assert files(taught) == []
    assert promotion.in_force(taught, "light") == promotion.InForce()
    assert settings.get(taught, promotion.LEARN_AGAIN) == "1"
    again = lessons.train(taught)
    assert again.id == 2, "a number is not given twice"
    assert set(found.letters).isdisjoint(models.learned(taught, again.id))
    assert again.letters == 7
    assert settings.get(taught, promotion.LEARN_AGAIN) is None


def test_erasing_somebody_else_leaves_the_model(taught: Database) -> None:
    found = erasing.look(taught, "ana@example.net")
    assert found.models == ()
    erasing.erase(taught, found, who="jo", now=NOW)
    assert len(models.all_models(taught)) == len(files(taught)) == 1


def test_what_age_erased_is_unlearned_as_well(taught: Database) -> None:
    with write(taught):
        taught.execute("UPDATE review SET state = 'closed'")
    months = {"attachments": 0, "raw": 0, "text": 12, "metadata": 0}
    rules = retention.Rules(months=months, by_category={part: {} for part in months})
    upkeep.erase_by_age(taught, rules, NOW + timedelta(days=800))
    assert models.all_models(taught) == []
    assert files(taught) == []


def test_a_letter_that_is_erased_while_a_model_is_trained_ends_it(taught: Database) -> None:
    (first,) = models.all_models(taught)
    gathered = learning.gather(taught, "light", lessons.few_shipped())
    content = models.content(taught, first)
    found = erasing.look(taught, "person3@example.net")
    erasing.erase(taught, found, who="jo", now=NOW)
    with pytest.raises(TransientError, match="thrown away"):
        learning.keep(taught, gathered, Model.from_bytes(content), Comparison((), {}), "jo", NOW)
    assert models.all_models(taught) == []
    promotion.sweep(taught)
    assert files(taught) == []


def test_what_staff_took_back_is_not_learned(db: Database) -> None:
    rows = lessons.judged(db, NOW, 3)
    lessons.judge(db, rows[1], Category.PROFILE_REQUEST, NOW)
    with write(db):
        db.execute("UPDATE correction SET undone = 1 WHERE message_id = ?", [rows[0]])
    found = {lesson.message: lesson.category for lesson in models.lessons(db)}
    assert found == {
        rows[1]: Category.PROFILE_REQUEST,
        rows[2]: Category.GENERAL_INQUIRY,
    }


def test_without_a_judged_letter_there_is_nothing_to_learn(db: Database) -> None:
    letters.add(db, letters.Letter(), NOW)
    assert not learning.anything_new(db, "light")
    with pytest.raises(PermanentError, match="nothing to learn"):
        lessons.train(db)


def test_it_is_known_whether_staff_judged_something_since(taught: Database) -> None:
    assert not learning.anything_new(taught, "light")
    row = letters.add(taught, lessons.congress(1, html="<p>once more</p>"), NOW)
    lessons.judge(taught, row, Category.GENERAL_INQUIRY, NOW)
    assert learning.anything_new(taught, "light")
