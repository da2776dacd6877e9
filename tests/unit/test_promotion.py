"""Which model is in force: what is refused, the way back, and a file that is damaged."""

import stat

import pytest

from inboxbot import erasing, promotion
from inboxbot.classify.category import Category
from inboxbot.classify.shipped import shipped_fingerprint
from inboxbot.errors import PermanentError
from inboxbot.promotion import InForce, Watch
from inboxbot.store import alerts, audit, models
from inboxbot.store.database import write
from inboxbot.store.models import Stored
from inboxbot.store.sqlite import Database
from tests import lessons, letters
from tests.conftest import NOW
from tests.letters import Letter


def stored(db: Database, content: bytes = b"numbers", **instead: object) -> Stored:
    values: dict[str, object] = {
        "kind": "light",
        "version": "light-1",
        "shipped": shipped_fingerprint("light"),
        "compared_with": 0,
        "comparison": {"changes": []},
        "learned_from": [],
        "now": NOW,
    }
    with write(db):
        return models.add(db, content, **(values | instead))  # type: ignore[arg-type]


def promote(db: Database, number: int) -> None:
    promotion.promote(db, "light", number, who="jo", now=NOW)


def roll_back(db: Database) -> int:
    return promotion.roll_back(db, "light", who="jo", now=NOW)


def file_of(db: Database, model: Stored):
    return models.folder_of(db) / model.file_name


def test_at_first_the_shipped_model_is_in_force(db: Database) -> None:
    assert promotion.in_force(db, "light") == InForce()
    with pytest.raises(PermanentError, match="none was before it"):
        roll_back(db)


def test_what_is_promoted_is_in_force_and_on_the_record(db: Database) -> None:
    model = stored(db)
    promote(db, model.id)
    assert promotion.in_force(db, "light") == InForce(model.id, b"numbers")
    assert promotion.in_force(db, "encoder") == InForce()
    entry = next(audit.entries(db, limit=1))
    assert (entry.who, entry.what, entry.detail) == ("jo", "promoted model", "0 -> 1")


def test_the_way_back_goes_through_all_that_were_in_force(db: Database) -> None:
    first = stored(db)
    promote(db, first.id)
    second = stored(db, b"more", compared_with=first.id)
    promote(db, second.id)
    promote(db, 0)
    assert [roll_back(db) for _ in range(3)] == [second.id, first.id, 0]
    with pytest.raises(PermanentError):
        roll_back(db)


def test_the_way_back_passes_over_what_was_removed(db: Database) -> None:
    first = stored(db)
    promote(db, first.id)
    second = stored(db, b"more", compared_with=first.id)
    promote(db, second.id)
    promote(db, first.id)
    with write(db):
        models.remove(db, [second.id])
    promotion.sweep(db)
    assert not file_of(db, second).exists()
    assert file_of(db, first).exists()
    assert roll_back(db) == 0


@pytest.mark.parametrize(
    ("instead", "because"),
    [
        ({"comparison": {"changes": [{"what": "urgent", "outcome": "worse"}]}}, "worse: urgent"),
        ({"compared_with": 7}, "compared with model 7"),
        ({"shipped": "0" * 64}, "another version"),
        ({"kind": "encoder"}, "of the kind"),
    ],
)
def test_a_model_that_may_be_worse_is_refused(
    db: Database, instead: dict[str, object], because: str
) -> None:
    model = stored(db, **instead)
    with pytest.raises(PermanentError, match=because):
        promote(db, model.id)
    assert promotion.in_force(db, "light") == InForce()


def test_one_that_is_not_there_or_in_force_already_is_refused(db: Database) -> None:
    with pytest.raises(PermanentError, match="no model 3"):
        promote(db, 3)
    with pytest.raises(PermanentError, match="shipped model is in force already"):
        promote(db, 0)


def test_what_was_in_force_once_may_come_back(db: Database) -> None:
    first = stored(db)
    promote(db, first.id)
    second = stored(db, b"more", compared_with=first.id)
    promote(db, second.id)
    promote(db, first.id)
    assert promotion.in_force(db, "light").number == first.id


def test_the_file_is_for_this_user_alone(db: Database) -> None:
    file = file_of(db, stored(db))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_file_is_named_and_the_shipped_model_used(db: Database, damage: str) -> None:
    model = stored(db)
    promote(db, model.id)
    watch = Watch(db, "light")
    assert watch.changed(NOW) == InForce(model.id, b"numbers")
    assert watch.changed(NOW) is None
    if damage == "changed":
        file_of(db, model).write_bytes(b"numb3rs!")
    else:
        file_of(db, model).unlink()
    found = watch.changed(NOW)
    assert found is not None
    assert (found.number, found.content) == (0, None)
    assert "shipped model is used meanwhile" in found.problem
    assert [alert.code for alert in alerts.unfinished(db)] == [alerts.Code.MODEL]
    roll_back(db)
    assert watch.changed(NOW) == InForce()
    assert alerts.unfinished(db) == []


def test_a_model_beside_another_shipped_one_is_not_used(db: Database) -> None:
    model = stored(db)
    promote(db, model.id)
    with write(db):
        db.execute("UPDATE model SET shipped = ?", ["0" * 64])
    assert "another version" in promotion.in_force(db, "light").problem


def test_what_a_stopped_process_left_is_swept(db: Database) -> None:
    model = stored(db)
    folder = models.folder_of(db)
    (folder / "9-of-a-rolled-back-one.model").write_bytes(b"x")
    (folder / "8-half.part").write_bytes(b"x")
    promotion.sweep(db)
    assert list(folder.iterdir()) == [file_of(db, model)]


def test_a_model_goes_that_learned_a_quote_which_was_taken_out(db: Database) -> None:
    said = "my father has difficulty at night and we do not know whom else to ask about it"
    letters.add(db, Letter(text=f"Hello, {said}.", address="erased@example.net"), NOW)
    quoting = letters.add(
        db, Letter(text=f"Can you help them? They wrote: {said}.", address="tom@example.net"), NOW
    )
    lessons.judge(db, quoting, Category.PROFILE_REQUEST, NOW)
    model = stored(db, learned_from=models.lessons(db))
    found = erasing.look(db, "erased@example.net")
    assert (found.quoting, found.models) == ((quoting,), ())
    erasing.erase(db, found, who="jo", now=NOW)
    assert models.all_models(db) == []
    assert not file_of(db, model).exists()
    assert [entry.what for entry in audit.entries(db, limit=2)] == [
        "erased person", "removed models"
    ]  # fmt: skip


def test_a_model_that_learned_of_others_stays(db: Database) -> None:
    letters.add(db, Letter(text="Hello there, good morning.", address="erased@example.net"), NOW)
    lessons.judged(db, NOW, 2)
    stored(db, learned_from=models.lessons(db))
    erasing.erase(db, erasing.look(db, "erased@example.net"), who="jo", now=NOW)
    assert len(models.all_models(db)) == 1
