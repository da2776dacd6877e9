"""Values that are pickled in a row are the same on the other side."""

import copyreg
import pickle
from dataclasses import FrozenInstanceError, dataclass

import pytest

from inboxbot import parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A value with defaults, one within the other."""

    number: int
    inside: "Parcel | None" = None
    words: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def _in_a_row() -> object:
    parcel.pickle_in_a_row([Parcel])
    yield
    del copyreg.dispatch_table[Parcel]


def test_what_comes_out_is_what_went_in() -> None:
    value = Parcel(number=1, inside=Parcel(number=2, words=("a", "b")))
    assert pickle.loads(pickle.dumps(value)) == value


def test_what_comes_out_is_frozen_as_before() -> None:
    made = pickle.loads(pickle.dumps(Parcel(number=1)))
    with pytest.raises(FrozenInstanceError):
        made.number = 2


def test_no_field_is_left_out_unseen() -> None:
    with pytest.raises(ValueError, match="shorter"):
        parcel.made(Parcel, 1)
