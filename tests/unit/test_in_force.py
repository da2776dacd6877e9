"""web.in_force: the settings as the page shows them."""

from datetime import timedelta

import pytest
from pydantic import BaseModel

from inboxbot.config import Config
from inboxbot.web.in_force import in_force, sections
from tests.office import configuration


@pytest.fixture
def shown(tmp_path):
    return {
        (section.name, each.key): each
        for section in sections(configuration(tmp_path))
        for each in section.settings
    }


def test_every_setting_of_the_configuration_is_there(shown, tmp_path):
    def keys(name, model):
        for key, field in model.model_fields.items():
            inner = field.annotation
            if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
                yield name, key

    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            assert set(keys(name, field.annotation)) <= set(shown)
    assert ("mailbox.imap", "host") in shown
    assert ("mailbox", "imap") not in shown


@pytest.mark.parametrize(
    ("section", "key", "value", "default", "changed"),
    [
        ("replies", "per_day", "120", "300", True),
        ("replies", "per_hour", "60", "60", False),
        ("replies", "require_addressed", "true", "true", False),
        ("mailbox", "own_domains", '["example.org"]', "[]", True),
        ("mailbox.imap", "host", '"imap.example.org"', None, False),
        ("classify", "unsure_below", "0.6", "0.6", False),
        ("retention", "text_by_category", "{ medication_question = 12 }", "{}", True),
    ],
)
def test_a_value_stands_as_in_the_file_beside_its_default(
    shown, section, key, value, default, changed
):
    found = shown[section, key]
    assert (found.value, found.default, found.changed) == (value, default, changed)


def test_what_it_means_is_what_the_example_says(shown):
    assert shown["replies", "max_age_h"].meaning == (
        "older letters are never acknowledged by themselves"
    )
    explained = [each for each in shown.values() if each.meaning]
    assert len(explained) > 0.6 * len(shown)
    assert not any("`" in each.meaning for each in explained)


def test_no_secret_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", "the very secret")
    assert "the very secret" not in repr(sections(configuration(tmp_path)))


def test_a_file_that_was_written_later_is_noticed(tmp_path, now):
    read = configuration(tmp_path)
    written = read.source.stat().st_mtime
    at = now.fromtimestamp(written + 1, now.tzinfo)
    assert not in_force(read, read_at=at).changed_since()
    assert in_force(read, read_at=at - timedelta(seconds=2)).changed_since()
