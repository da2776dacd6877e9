"""Frozen dataclasses as those of the standard library, made in a quarter of the time.

The standard library has Python compile six methods for each class, and a program of small classes
spends a third of its start on that. Here only `__init__` is compiled, since it is what a letter
calls most; the others are the same few functions for all classes. To who reads, to a type checker
and to `replace`, `fields` or `asdict` it is a dataclass: what it does not do itself, it hands on.
"""

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        slots: bool = False,
        eq: bool = True,
        **more: bool,
    ) -> Any:
        """Return the class as a dataclass; all but those with frozen slots are the library's."""
        if frozen and slots and not more.keys() - {"kw_only"}:
            return lambda cls: _made(cls, eq, **more)
        return dataclasses.dataclass(cls, frozen=frozen, slots=slots, eq=eq, **more)


__all__ = ["dataclass"]

Field = dataclasses.Field[Any]


def _made(cls: type, eq: bool, **more: bool) -> type:
    """Return a dataclass with frozen slots, equal to its like where `eq`."""
    own = vars(cls)
    if own.get("__doc__") is None:
        cls.__doc__ = cls.__name__  # Else the library works out the signature to put there.
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, **more)(cls)
    fields = dataclasses.fields(made)
    methods = {
        "__init__": _init(made, fields),
        "__repr__": _repr(tuple(field.name for field in fields if field.repr)),
        "__setattr__": _no_assignment,
        "__delattr__": _no_deletion,
        **_state(tuple(field.name for field in fields)),
    }
    if eq:
        methods |= _equality(
            _values(tuple(field.name for field in fields if field.compare)),
            _values(tuple(f.name for f in fields if (f.compare if f.hash is None else f.hash))),
        )
    for name, method in methods.items():
        if own.get(name) is None:
            setattr(made, name, method)
    return made


def _init(made: type, fields: tuple[Field, ...]) -> Callable[..., None]:
    """Return the one method that is compiled: it puts each value into its slot."""
    given: dict[str, Any] = {"_missing": MISSING}
    positional: list[str] = []
    by_name: list[str] = []
    lines: list[str] = []
    for field in fields:
        name = parameter = value = field.name
        if field.default is not MISSING:
            value = f"_default_{name}"
            given[value] = field.default
        elif field.default_factory is not MISSING:
            value = f"_new_{name}"
            given[value] = field.default_factory
            value += "()"
        elif not field.init:
            continue
        if field.init:
            if field.default is not MISSING:
                parameter, value = f"{name}={value}", name
            elif field.default_factory is not MISSING:
                parameter, value = f"{name}=_missing", f"{value} if {name} is _missing else {name}"
            (by_name if field.kw_only else positional).append(parameter)
        given[f"_put_{name}"] = getattr(made, name).__set__
        lines.append(f"  _put_{name}(self, {value})")
    if hasattr(made, "__post_init__"):
        lines.append("  self.__post_init__()")
    parameters = ", ".join(["self", *positional, *(["*", *by_name] if by_name else [])])
    head = f"def around({', '.join(given)}):\n def __init__({parameters}):\n"
    text = head + ("\n".join(lines) or "  pass") + "\n return __init__"
    names: dict[str, Any] = {}
    exec(text, vars(sys.modules[made.__module__]), names)  # noqa: S102  (names of fields alone)
    init: Callable[..., None] = names["around"](**given)
    init.__qualname__ = f"{made.__qualname__}.__init__"
    init.__annotations__ = {f.name: f.type for f in fields if f.init} | {"return": None}
    return init


def _values(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the values of these fields from an object."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda it: tuple(getattr(it, name) for name in names)


def _equality(
    compared: Callable[[Any], tuple[Any, ...]], hashed: Callable[[Any], tuple[Any, ...]]
) -> dict[str, Callable[..., Any]]:
    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        if other.__class__ is self.__class__:
            return compared(self) == compared(other)
        return NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(hashed(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _repr(names: tuple[str, ...]) -> Callable[[Any], str]:
    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({values})"

    return __repr__


def _state(names: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """Return what pickles and copies an object whose attributes cannot be assigned."""

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return {"__getstate__": __getstate__, "__setstate__": __setstate__}


def _no_assignment(_self: Any, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deletion(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
