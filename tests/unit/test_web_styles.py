"""The stylesheets of the pages: what they say of sides holds for a mirrored page, too."""

import re
from pathlib import Path

import pytest

import inboxbot.web

SHEETS = sorted((Path(inboxbot.web.__file__).parent / "static").glob("*.css"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_no_rule_tells_left_from_right(sheet: Path) -> None:
    rules = sheet.read_text("utf-8")
    assert not re.findall(r"[{;]\s*(?:[a-z]+-)?(?:left|right)\s*:", rules)
    for found in re.finditer(r"\b(?:padding|margin|inset): ([^;!]*)", rules):
        sizes = re.findall(r"[\w.-]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?", found[1])
        assert len(sizes) < 4 or sizes[1] == sizes[3], found[0]
