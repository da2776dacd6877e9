"""`inboxbot model` and `inboxbot train`: what they say to people and to machines."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inboxbot.checks import offline
from inboxbot.cli import cli
from inboxbot.cli.common import exit_code
from inboxbot.config import load
from inboxbot.store import models
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from tests.installation import Installation, install

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


def objects(result: Result) -> list[dict[str, object]]:
    assert result.exception is None, result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_list_says_what_is_in_force(command: Command) -> None:
    assert [row["in_force"] for row in objects(command("model", "list", "--json"))] == [True, False]
    promoted = command("model", "promote", "1").output
    assert "Model 1 is in force." in promoted
    assert "no restart is needed" in promoted
    shipped, trained = objects(command("model", "list", "--json"))
    assert (shipped["in_force"], trained["in_force"]) == (False, True)
    assert (trained["letters"], trained["corrections"], trained["worse"]) == (8, 8, [])
    shown = command("model", "list").output
    assert "GOT WORSE" in shown
    assert str(trained["version"]) in shown
    assert "The shipped model is in force." in command("model", "rollback").output


def test_what_cannot_be_done_is_said_with_a_code(command: Command) -> None:
    for code, *arguments in ((65, "promote", "7"), (1, "promote", "0"), (1, "rollback")):
        refused = command("model", *arguments).exception
        assert refused is not None
        assert exit_code(refused) == code
    refused = command("replay", "--model", "9").exception
    assert refused is not None
    assert exit_code(refused) == 65


def test_without_anything_new_nothing_is_trained(command: Command) -> None:
    assert objects(command("train", "--if-new", "--json")) == [{"model": None, "promoted": False}]
    assert "no letter since" in command("train", "--if-new").output


def test_check_names_a_damaged_model(
    command: Command, installation: Installation, taught: Database
) -> None:
    command("model", "promote", "1")
    (file,) = models.folder_of(taught).glob("*.model")
    file.write_bytes(file.read_bytes()[:-1])
    found = [each for each in offline(load(installation.configuration)) if "model" in each.place]
    assert [each.place for each in found] == ["classify.model"]
    assert "damaged" in found[0].text
    assert "shipped model is used meanwhile" in found[0].text
    assert "shipped model is used meanwhile" in command("model", "list").output


def test_a_model_that_is_worse_is_shown_with_what_got_worse(
    command: Command, taught: Database
) -> None:
    with write(taught):
        taught.execute(
            "UPDATE model SET comparison = json_set(comparison, '$.changes[1].outcome', 'worse')"
        )
    _, trained = objects(command("model", "list", "--json"))
    assert trained["worse"] == ["shipped letters sorted right"]
    refused = command("model", "promote", "1").exception
    assert "got worse: shipped letters sorted right" in str(refused)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_command_learns_beside_all_shipped_letters(command: Command, taught: Database) -> None:
    (told,) = objects(command("train", "--promote", "--json"))
    assert (told["model"], told["in_force"], told["letters"]) == (2, True, 8)
    changes = {each["what"]: each for each in told["changes"]}  # type: ignore[attr-defined]
    assert changes["letters that staff judged, sorted right"]["outcome"] == "better"
    assert changes["shipped letters sorted right"]["letters"] > 4000
    assert changes["urgent letters found"]["lost"] == 0
    (file,) = models.folder_of(taught).glob("2-*.model")
    assert file.stat().st_mode & 0o077 == 0
