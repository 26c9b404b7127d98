"""Small charts as numbers: where columns, their parts and marks stand in a box. Pure; charts.html draws them as SVG, with their words.

Nothing is told by colour alone: parts have patterns, columns and bars stand beside a table with the same figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEFT = 40
"""Units for the words of the scale."""
TOP = 10
BELOW = 18
"""Units for the words under the columns."""
SMALL = (320, 150)
"""Width and height of a chart among several; one unit is about a pixel on a telephone."""
WIDE = (640, 190)
_CHARACTER = 7
"""Units of a character under a column, with some space."""
_BAR = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column; `kind` says which pattern it has."""

    kind: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Column:
    """`label` empty: there is no room for it. `mark_y`: of a line across it, such as a peak; -1 = none."""

    x: int
    width: int
    label: str
    parts: tuple[Part, ...]
    mark_y: int


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of columns in a box of `width` and `height`; `ticks`: (y, word) of the scale. `kinds`: how many parts a column may have."""

    width: int
    height: int
    columns: tuple[Column, ...]
    ticks: tuple[tuple[int, str], ...]
    kinds: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that lies, under its name and figure."""

    name: str
    text: str
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Bars:
    width: int
    height: int
    bars: tuple[Bar, ...]


def columns(
    labels: Sequence[str],
    stacks: Sequence[Sequence[int]],
    *,
    marks: Sequence[int] = (),
    write: Callable[[int], str] = str,
    size: tuple[int, int] = SMALL,
    top: int = 0,
) -> Columns:
    """Columns of one or several parts, the first at the bottom. `marks`: one for each column; `top`: of the scale, 0 = as it is needed."""
    width, height = size
    tall = height - BELOW - TOP
    most = round_up(max((top, *(sum(parts) for parts in stacks), *marks)))
    step = (width - LEFT) / max(1, len(labels))
    every = max(1, -(-max((len(label) for label in labels), default=1) * _CHARACTER // max(1, int(step))))
    made = []
    for place, (label, parts) in enumerate(zip(labels, stacks, strict=True)):
        mark_y = height - BELOW - marks[place] * tall // most if marks and marks[place] else -1
        x = LEFT + int(place * step)
        wide = max(1, LEFT + int((place + 1) * step) - x - (1 if step < 8 else 3))
        fits = place % every == 0 and x + len(label) * _CHARACTER <= width
        made.append(Column(x, wide, label if fits else "", _stacked(parts, most, tall, height - BELOW), mark_y))
    ticks = sorted({0, most // 2, most} if most % 2 == 0 else {0, most})
    scale = tuple((height - BELOW - tick * tall // most, write(tick)) for tick in ticks)
    return Columns(width, height, tuple(made), scale, max((len(parts) for parts in stacks), default=1))


def _stacked(parts: Sequence[int], most: int, tall: int, floor: int) -> tuple[Part, ...]:
    """Parts on each other; whatever is not nothing can be seen, and nothing below zero is drawn."""
    found, below = [], 0
    for kind, count in enumerate(parts):
        if count > 0:
            begin, end = below * tall // most, (below + count) * tall // most
            found.append(Part(kind, floor - max(end, begin + 1), max(end - begin, 1)))
            below += count
    return tuple(found)


def bars(names: Sequence[str], values: Sequence[int], write: Callable[[int], str] = str) -> Bars:
    """Bars under each other, each with its name and figure; the longest is as wide as the box."""
    width, most = SMALL[0], max((1, *values))
    made = tuple(
        Bar(name, write(value), place * _BAR, max(value, 0) * width // most)
        for place, (name, value) in enumerate(zip(names, values, strict=True))
    )
    return Bars(width, max(1, len(made)) * _BAR, made)


def round_up(most: int) -> int:
    """The end of a scale: 1, 2 or 5 with noughts."""
    end = 1
    while True:
        for step in (1, 2, 5):
            if step * end >= most:
                return step * end
        end *= 10
