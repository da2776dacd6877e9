"""Pieces of pages that are the same again and again: made once for a language and their values.

Only what follows from codes of closed lists is kept, never anything of a letter or a person.
"""

from collections.abc import Callable
from typing import Protocol

from markupsafe import Markup

from inboxbot.web import languages

LIMIT = 1000


class Macro(Protocol):
    """A macro of the pages."""

    name: str

    def __call__(self, *values: object) -> Markup:
        """Return what it makes of the values."""
        ...


def keeper() -> Callable[..., Markup]:
    """Return what the pages call with a macro and its values, to have it made only once."""
    made: dict[tuple[object, ...], Markup] = {}

    def kept(macro: Macro, *values: object) -> Markup:
        key = (languages.spoken().code, macro.name, *values)
        found = made.get(key)
        if found is None:
            if len(made) >= LIMIT:
                made.clear()
            found = made[key] = macro(*values)
        return found

    return kept
