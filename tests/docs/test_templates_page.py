"""docs/administrators/templates.md names the values, files, filters and limits that there are."""

import re
from pathlib import Path

from inboxbot.reply import checks, guard, language, library, syntax, workbench
from inboxbot.reply.folder import ALL_NAMES, shipped_templates

PAGE = (Path(__file__).parents[2] / "docs" / "administrators" / "templates.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines][2:]


def test_the_table_of_values_is_the_contract():
    assert rows("The values") == [
        [f"`{value.name}`", value.help, value.example, "yes" if value.may_be_empty else "no"]
        for value in workbench.values()
    ]


def test_every_file_is_named():
    named = re.findall(r"`(\w+)\.txt\.j2`", PAGE.split("## Change one by hand")[0])
    assert sorted(named) == sorted(ALL_NAMES)


def test_every_filter_is_named():
    part = PAGE.split("## What you may write", 1)[1].split("## The values", 1)[0]
    named = set(re.findall(r"`\| (\w+)", part.replace("\\|", "|")))
    assert named == syntax.FILTERS


def test_the_figures_are_those_of_the_program():
    assert f"fewer than {checks.MAX_WORDS} words" in PAGE
    assert f"grade {checks.MAX_GRADE:.0f} or" in PAGE
    assert f"at least {language.FLOOR * 100:.0f} % sure" in PAGE
    assert library.SETTLE_S == 2.0
    assert len(guard.languages()) == 13
    shipped = (shipped_templates() / library.LANGUAGES_FILE).read_text("utf-8")
    assert len(language.read_languages(shipped)) == 13
