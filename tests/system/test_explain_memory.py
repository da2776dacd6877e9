"""`inboxbot explain` over hostile and real letters: one object for each, within a fixed memory."""

import json
import os
import sys
from itertools import cycle
from pathlib import Path

import pytest

from tests import hostile, memory

ROOT = Path(__file__).parents[2]
REAL = sorted([*(ROOT / "tests/corpus").glob("*.eml"), *(ROOT / "tests/data/mail").glob("*.eml")])
LIMIT = 400 * memory.MIB
# The largest of all, and those that took the most memory when they were read.
COSTLY = frozenset(
    {"a field of 60 MB", "20 MB of text", "a 25 MB file", "the word base64 3 million times"}
)


def fill(folder: Path, count: int, *, every_large_one: bool) -> None:
    """Write hostile letters, the large ones first, and real ones until there are `count`."""
    folder.mkdir()
    large = (make() for name, make in hostile.large() if every_large_one or name in COSTLY)
    raws = [*large, *(raw for _, raw in hostile.small())][: count * 3 // 4]
    for number, raw in enumerate(raws):
        (folder / f"{number:04}.eml").write_bytes(raw)
    for number, path in zip(range(len(raws), count), cycle(REAL), strict=False):
        (folder / f"{number:04}.eml").write_bytes(path.read_bytes())


@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=pytest.mark.long)])
@pytest.mark.timeout(1_800)
def test_r36_a_folder_of_hostile_and_real_letters_is_explained_within_400_mib(
    tmp_path: Path, count: int
) -> None:
    fill(tmp_path / "letters", count, every_large_one=count > 100)
    command = [sys.executable, "-m", "inboxbot", "explain", "--json", str(tmp_path / "letters")]
    environment = os.environ | {"INBOXBOT_CONFIG": str(ROOT / "config/inboxbot.example.toml")}
    most = memory.peak(command, tmp_path / "explained", environment)
    lines = (tmp_path / "explained").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    names = [f"{number:04}.eml" for number in range(count)]
    assert [Path(each["source"]).name for each in found] == names
    assert all("fingerprint" in each for each in found)
    assert most < LIMIT, f"{most // memory.MIB} MiB"
