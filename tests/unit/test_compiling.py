"""Where tests are gathered by several processes, one compiles them and the others wait for it."""

from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from tests import compiling


@pytest.fixture(autouse=True)
def nothing_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    last = tmp_path / "last"
    monkeypatch.setattr(compiling, "HERE", tmp_path / "here")
    monkeypatch.setattr(compiling, "LAST", last)
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    return last


def test_the_others_wait_for_the_first_and_not_for_each_other(nothing_is_compiled: Path) -> None:
    begun, together = Event(), Barrier(2, timeout=20)

    def gather() -> None:
        with compiling.one_compiles():
            begun.set()
            together.wait()

    others = [Thread(target=gather) for _ in range(2)]
    with compiling.one_compiles():
        for other in others:
            other.start()
        assert not begun.wait(0.3)
        nothing_is_compiled.touch()
    for other in others:
        other.join()
    assert not together.broken


def test_nobody_waits_where_nothing_is_ever_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    with compiling.one_compiles(), compiling.one_compiles():
        pass
    assert not compiling.HERE.exists()


def test_where_all_is_compiled_nobody_waits(nothing_is_compiled: Path) -> None:
    nothing_is_compiled.touch()
    with compiling.one_compiles(), compiling.one_compiles():
        pass
    assert not compiling.HERE.exists()
