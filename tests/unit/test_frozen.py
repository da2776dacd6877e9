"""Our frozen dataclasses behave as those of the standard library: each is made both ways here."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from itertools import count
from typing import Any, ClassVar, get_type_hints

import pytest

from inboxbot import frozen

BOTH = pytest.mark.parametrize("dataclass", [dataclasses.dataclass, frozen.dataclass])
Maker = Callable[..., Any]


def letter(dataclass: Maker) -> Any:
    """Return a class with a field of every kind that is used."""

    @dataclass(frozen=True, slots=True)
    class Letter:
        """One of each."""

        number: int
        text: str = field(repr=False)
        seen: float = field(default=0.0, compare=False)
        marks: list[str] = field(default_factory=list, hash=False)
        kind: str = "plain"
        made: int = field(init=False, default=7)
        kinds: ClassVar[int] = 3

        @property
        def long(self) -> bool:
            return len(self.text) > 3

    return Letter


def later(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class First:
        host: str
        port: int = 25

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Later(First):
        folder: str
        whole: str = field(init=False, hash=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "whole", f"{self.host}:{self.port}/{self.folder}")

        def __repr__(self) -> str:
            return self.whole

    return Later


@frozen.dataclass(frozen=True, slots=True)
class Sent:
    """What is pickled needs a name in its module."""

    number: int
    words: tuple[str, ...] = ()


@frozen.dataclass(frozen=True, slots=True)
class Empty:
    """It has no field."""


@BOTH
def test_values_are_given_by_place_and_by_name_and_the_others_have_their_defaults(
    dataclass: Maker,
) -> None:
    made = letter(dataclass)
    one = made(1, "words", kind="html")
    assert (one.number, one.text, one.seen, one.marks, one.kind, one.made) == (
        1, "words", 0.0, [], "html", 7,
    )  # fmt: skip
    assert made(1, "a").marks is not made(1, "a").marks
    assert made(1, "a", marks=["x"]).marks == ["x"]
    assert (one.long, made.kinds) == (True, 3)


@BOTH
def test_what_is_missing_or_unknown_is_refused_by_the_name_of_the_class(dataclass: Maker) -> None:
    made = letter(dataclass)
    with pytest.raises(TypeError, match=r"Letter\.__init__\(\) missing 1 required .* 'text'"):
        made(1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'made'"):
        made(1, "a", made=8)
    with pytest.raises(TypeError, match="positional"):
        later(dataclass)("host")


@BOTH
def test_nothing_can_be_assigned_removed_or_added(dataclass: Maker) -> None:
    one = letter(dataclass)(1, "a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'number'"):
        one.number = 2
    with pytest.raises((FrozenInstanceError, TypeError)):  # The library's stumbles over slots.
        one.other = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'text'"):
        del one.text
    assert not hasattr(one, "__dict__")


@BOTH
def test_the_same_values_are_equal_and_hash_alike_and_only_in_the_same_class(
    dataclass: Maker,
) -> None:
    made, same = letter(dataclass), letter(dataclass)
    one, other = made(1, "a", seen=1.0), made(1, "a", seen=2.0)
    assert one == other
    assert hash(one) == hash(other) == hash((1, "a", "plain", 7))
    assert one != made(1, "b")
    assert one != same(1, "a")
    assert one != (1, "a", [], "plain", 7)
    assert one.__eq__(1) is NotImplemented


@BOTH
def test_a_class_that_is_not_to_be_compared_is_equal_to_itself_alone(dataclass: Maker) -> None:
    @dataclass(frozen=True, slots=True, eq=False)
    class Held:
        values: list[int]

    one = Held([1])
    assert one == one
    assert one != Held([1])
    assert len({one, Held([1])}) == 2


@BOTH
def test_one_field_hashes_as_a_tuple_of_one(dataclass: Maker) -> None:
    @dataclass(frozen=True, slots=True)
    class Code:
        text: object

    assert hash(Code("a")) == hash(("a",))
    assert Code("a") == Code("a")
    nan = float("nan")
    assert Code(nan) == Code(nan)  # As in a tuple, what is identical is equal.


@BOTH
def test_it_shows_its_fields_but_for_those_left_out_and_itself(dataclass: Maker) -> None:
    one = letter(dataclass)(1, "secret")
    name = "letter.<locals>.Letter"
    assert repr(one) == f"{name}(number=1, seen=0.0, marks=[], kind='plain', made=7)"
    one.marks.append(one)
    assert repr(one) == f"{name}(number=1, seen=0.0, marks=[...], kind='plain', made=7)"


@BOTH
def test_a_class_inherits_fields_and_its_own_methods_stay(dataclass: Maker) -> None:
    made = later(dataclass)
    one = made(host="h", folder="f")
    assert (repr(one), one.whole) == ("h:25/f", "h:25/f")
    assert [each.name for each in dataclasses.fields(made)] == ["host", "port", "folder", "whole"]
    changed = dataclasses.replace(one, port=26)
    assert (changed.whole, hash(changed) == hash(one)) == ("h:26/f", False)


@BOTH
def test_the_helpers_of_the_standard_library_know_it(dataclass: Maker) -> None:
    made = letter(dataclass)
    one = made(1, "a", marks=["x"])
    known: bool = dataclasses.is_dataclass(made)
    assert known
    assert dataclasses.astuple(one) == (1, "a", 0.0, ["x"], "plain", 7)
    assert dataclasses.asdict(one)["marks"] == ["x"]
    assert dataclasses.replace(one, number=2).number == 2
    assert made.__match_args__ == ("number", "text", "seen", "marks", "kind")
    assert made.__doc__ == "One of each."
    assert get_type_hints(made.__init__)["number"] is int
    assert list(inspect.signature(made).parameters) == ["number", "text", "seen", "marks", "kind"]
    assert inspect.signature(made).parameters["kind"].default == "plain"


@BOTH
def test_an_order_is_the_librarys_own(dataclass: Maker) -> None:
    @dataclass(frozen=True, slots=True, order=True)
    class Place:
        line: int
        column: int

    assert sorted([Place(2, 1), Place(1, 9)]) == [Place(1, 9), Place(2, 1)]


@BOTH
def test_what_is_not_frozen_can_be_assigned(dataclass: Maker) -> None:
    numbers = count()

    @dataclass(slots=True)
    class Tally:
        first: int = field(default_factory=lambda: next(numbers))

    tally = Tally()
    tally.first = 5
    assert (tally, Tally().first) == (Tally(5), 1)


def test_it_goes_to_another_process_and_is_copied() -> None:
    one = Sent(1, ("a",))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(one, protocol)) == one
    assert copy.copy(one) == copy.deepcopy(one) == one


def test_without_fields_all_are_equal() -> None:
    assert Empty() == Empty()
    assert (hash(Empty()), repr(Empty())) == (hash(()), "Empty()")
