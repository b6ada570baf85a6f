"""The cells that one sample point uses, and what each adds to its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.sections import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.phrases import Phrase, listed
from roialign_cli.show.figures.wording import format_decimals, format_significant
from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import AREAS


@dataclass(frozen=True)
class UsedCell:
    """A cell that a sample point uses.

    Parameters
    ----------
    name
        "Q11", "Q21", "Q12" or "Q22"; "" if the point uses fewer than four cells.
    x, y
        The centre of the cell, in cells.
    value, weight
        Its value, and its weight in the value of the point.
    colour
        The colour of its weight, as "#RRGGBB".
    opposite
        The centre of the cell opposite it.
    """

    name: str
    x: float
    y: float
    value: float
    weight: float
    colour: str
    opposite: tuple[float, float]

    @property
    def term(self) -> str:
        """What the cell adds to the value of the point, as a product."""
        value = format_significant(self.value)
        value = f"({value})" if self.value < 0 else value
        return f"{format_decimals(self.weight, 4)}·{value}"


def used_cells(point: Point) -> list[UsedCell]:
    """Return the cells that a point uses: four, or two or one where cells or weights coincide."""
    if not point.in_bounds:
        return []
    cells: dict[tuple[int, int], UsedCell] = {}
    opposite = reversed(point.neighbours)
    for name, cell, corner, colour in zip(
        NEIGHBOUR_NAMES, point.neighbours, opposite, AREAS, strict=True
    ):
        key = cell.row, cell.column
        weight = cell.weight + (cells[key].weight if key in cells else 0.0)
        corner_at = corner.x, corner.y
        cells[key] = UsedCell(name, cell.x, cell.y, cell.value, weight, colour, corner_at)
    used = [cell for cell in cells.values() if cell.weight or not np.isfinite(cell.value)]
    if len(used) == len(point.neighbours):
        return used
    return [
        UsedCell("", c.x, c.y, c.value, c.weight, colour, c.opposite)
        for c, colour in zip(used, AREAS, strict=False)
    ]


def value_story(trace: Trace, point: Point) -> tuple[list[Phrase], ...]:
    """Return the formula of a point's value, with each term on the colour of its weight.

    A second line has the distances from the point to the centres of its cells, or the centres that
    it is clamped to.
    """
    value = format_significant(point.value)
    cells = used_cells(point)
    if not cells:
        return ([Phrase(f"outside the map: its value is {value}")],)
    formula = [Phrase("P =")]
    for number, cell in enumerate(cells):
        formula += [Phrase("+")] * bool(number) + [Phrase(cell.term, cell.colour)]
    formula.append(Phrase(f"= {value}"))
    places = _clamping(point) if point.border == "clamped" else _distances(point)
    lines = [formula, listed(places)]
    if (trace.convention.pooling, trace.convention.max_of) == ("max", "weighted-cell"):
        largest = format_significant(point.contribution)
        lines.append([Phrase(f"max takes the largest product: {largest}")])
    return tuple(line for line in lines if line)


def _distances(point: Point) -> Iterator[str]:
    """Yield the distances from a point to the centres of its cells along each axis."""
    for axis, at, first, second in (
        ("x", point.x, point.x1, point.x2),
        ("y", point.y, point.y1, point.y2),
    ):
        if first != second:
            before, after = (format_decimals(v, 4) for v in (at - first, second - at))
            yield f"{axis} − {axis}1 = {before}"
            yield f"{axis}2 − {axis} = {after}"


def clamped(point: Point) -> tuple[float, float]:
    """Return where the value of a point is taken: among the centres of its neighbour cells."""
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    return float(np.clip(point.x, min(x), max(x))), float(np.clip(point.y, min(y), max(y)))


def _clamping(point: Point) -> Iterator[str]:
    """Yield the coordinates that are clamped to the outermost centres of cells."""
    for axis, before, after in zip("xy", (point.x, point.y), clamped(point), strict=True):
        if before != after:
            yield f"{axis} = {format_decimals(before)} is clamped to {format_decimals(after)}"
