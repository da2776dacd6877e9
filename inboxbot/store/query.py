"""What may be typed into the search field, as a tree. Pure.

    query  = part ("OR" part)*          part = piece+ (all of them)
    piece  = ["-"] ("(" query ")" | operator ":" value | "phrase" | word)

A mistake is said with its place, never guessed away.
"""

import re
from difflib import get_close_matches

from inboxbot.frozen import dataclass

OPERATORS = (
    "from",
    "to",
    "subject",
    "body",
    "category",
    "status",
    "assigned",
    "is",
    "has",
    "lang",
    "before",
    "after",
    "older",
    "newer",
    "ack",
    "reason",
    "template",
    "tag",
    "person",
)
LENGTH_LIMIT, TERMS_LIMIT, DEPTH_LIMIT = 500, 40, 10


class SearchError(ValueError):
    """What was typed cannot be searched for; `position` is where, counted from 0."""

    def __init__(self, text: str, position: int) -> None:
        super().__init__(text)
        self.position = position


@dataclass(frozen=True, slots=True)
class Word:
    """Letters with this word or phrase anywhere."""

    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Field:
    """Letters for which an operator holds."""

    operator: str
    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """Letters for which a part does not hold."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """Letters for which every part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Letters for which one of the parts holds."""

    parts: tuple["Node", ...]


Node = Word | Field | Not | All | Either

_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<minus>-)(?=\S)"
    r"|(?P<operator>[A-Za-z]+):(?=\S)|\"(?P<phrase>[^\"]*)\"|(?P<quote>\")|(?P<word>[^\s()\"]+))"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(query: str) -> Node:
    """Return what was typed as a tree. Raises `SearchError` with the place of the mistake."""
    if len(query) > LENGTH_LIMIT:
        raise SearchError(f"A search may have {LENGTH_LIMIT} characters.", LENGTH_LIMIT)
    reader = _Reader(list(_tokens(query)), len(query))
    tree = reader.either(0)
    if reader.kind() == "close":
        raise SearchError("This parenthesis closes nothing.", reader.position())
    return tree


def _tokens(query: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(query):
        match = _TOKEN.match(query, place)
        if match is None:
            break
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        place = match.end()
    if len(found) > TERMS_LIMIT * 3:
        raise SearchError("This search has too many parts.", found[TERMS_LIMIT * 3].position)
    return found


class _Reader:
    """Reads the tokens from left to right."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._next = 0

    def kind(self) -> str:
        """Return the kind of the next token, or "end"."""
        return self._tokens[self._next].kind if self._next < len(self._tokens) else "end"

    def position(self) -> int:
        """Return where the next token stands."""
        return self._tokens[self._next].position if self.kind() != "end" else self._end

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _at_or(self) -> bool:
        return self.kind() == "word" and self._tokens[self._next].text == "OR"

    def either(self, depth: int) -> Node:
        """Read parts with OR between them."""
        if depth > DEPTH_LIMIT:
            raise SearchError("These parentheses are nested too deeply.", self.position())
        parts = [self._all(depth)]
        while self._at_or():
            self._take()
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.kind() not in ("end", "close") and not self._at_or():
            parts.append(self._piece(depth))
        if not parts:
            raise SearchError("Something is missing here.", self.position())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _piece(self, depth: int) -> Node:
        token = self._take()
        match token.kind:
            case "minus":
                if self.kind() in ("end", "close", "minus"):
                    raise SearchError("After - a word is missing.", token.position)
                return Not(self._piece(depth))
            case "open":
                inner = self.either(depth + 1)
                if self.kind() != "close":
                    raise SearchError("This parenthesis is not closed.", token.position)
                self._take()
                return inner
            case "operator":
                return self._field(token)
            case "quote":
                raise SearchError("This quotation mark is not closed.", token.position)
            case _:
                if not token.text.strip():
                    raise SearchError("Between these quotation marks is nothing.", token.position)
                return Word(token.text, token.position)

    def _field(self, token: _Token) -> Node:
        name = token.text.lower()
        if name not in OPERATORS:
            near = get_close_matches(name, OPERATORS, 1)
            text = f"“{token.text}:” is nothing to search by."
            if near:
                text = f"“{token.text}:” is nothing to search by. Did you mean “{near[0]}:”?"
            raise SearchError(text, token.position)
        if self.kind() not in ("word", "phrase"):
            raise SearchError(f"After “{name}:” a word is missing.", self.position())
        return Field(name, self._take().text, token.position)
