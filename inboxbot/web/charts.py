"""Where the bars and the line of a chart lie, in the units of its drawing; pure.

The pages draw them as SVG without a script; the same figures stand in a table below.
"""

from collections.abc import Sequence

from inboxbot.frozen import dataclass

WIDTH, HEIGHT = 600.0, 160.0
_GAP = 0.25  # of the room of a bar
_WIDEST = 40.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle from its upper left corner; `kind` says which value of the stack it is."""

    x: float
    y: float
    width: float
    height: float
    kind: int


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a chart, and the value that its full height stands for."""

    bars: tuple[Bar, ...]
    top: int
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True, slots=True)
class Line:
    """The points of a line, in pieces where a value is missing; the height runs from 0 to 1."""

    pieces: tuple[tuple[tuple[float, float], ...], ...]
    width: float = WIDTH
    height: float = HEIGHT


def stacked(values: Sequence[Sequence[int]]) -> Bars:
    """Return a bar for each entry, its values on top of one another, the first one lowest."""
    top = round_up(max((sum(each) for each in values), default=0))
    room = WIDTH / max(len(values), 1)
    width = min(room * (1 - _GAP), _WIDEST)
    bars = []
    for at, entry in enumerate(values):
        floor = HEIGHT
        for kind, value in enumerate(entry):
            height = value / top * HEIGHT
            floor -= height
            if value:
                x = at * room + (room - width) / 2
                bars.append(_bar(x, floor, width, height, kind))
    return Bars(tuple(bars), top)


def _bar(x: float, y: float, width: float, height: float, kind: int) -> Bar:
    return Bar(round(x, 2), round(y, 2), round(width, 2), round(height, 2), kind)


def line(shares: Sequence[float | None]) -> Line:
    """Return the line through shares between 0 and 1; it is broken where there is none."""
    room = WIDTH / max(len(shares), 1)
    pieces: list[list[tuple[float, float]]] = [[]]
    for at, share in enumerate(shares):
        if share is None:
            pieces.append([])
        else:
            pieces[-1].append((round((at + 0.5) * room, 2), round((1 - share) * HEIGHT, 2)))
    return Line(tuple(tuple(piece) for piece in pieces if piece))


def round_up(value: int) -> int:
    """Return the next even number of one figure and noughts, for the top of a scale."""
    size = 1
    while True:
        for step in (2, 4, 6, 8, 10):
            if value <= step * size:
                return step * size
        size *= 10
