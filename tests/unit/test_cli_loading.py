"""What a command loads stays for good: no garbage is looked for meanwhile, nor in it afterwards."""

import gc

import pytest

from inboxbot.cli.common import loading


def test_no_garbage_is_looked_for_while_a_command_loads_and_it_is_again_afterwards() -> None:
    kept = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        new: list[list[int]] = [[] for _ in range(100)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= kept + len(new)


def test_what_cannot_be_loaded_leaves_it_as_it_was() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()


def test_who_looks_for_no_garbage_at_all_is_left_alone() -> None:
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
