"""The cells that one sample point uses, and what each adds to its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.phrases import Phrase, listed
from roialign_cli.show.figures.wording import as_factor, format_decimals, format_significant
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
    on_map
        Whether the cell is on the map; if not, it has the extrapolation value.
    """

    name: str
    x: float
    y: float
    value: float
    weight: float
    colour: str
    opposite: tuple[float, float]
    on_map: bool = True

    @property
    def term(self) -> str:
        """What the cell adds to the value of the point, as a product."""
        return f"{format_decimals(self.weight, 4)}·{as_factor(self.value)}"


def used_cells(point: Point) -> list[UsedCell]:
    """Return the cells that a point uses: four, or two or one where cells or weights coincide.

    A point outside the map, or so far from it that all neighbours are outside, uses none.
    """
    if not point.in_bounds or is_far(point):
        return []
    cells: dict[tuple[int, int], UsedCell] = {}
    opposite = reversed(point.neighbours)
    for name, cell, corner, colour in zip(
        NEIGHBOUR_NAMES, point.neighbours, opposite, AREAS, strict=True
    ):
        key = cell.row, cell.column
        weight = cell.weight + (cells[key].weight if key in cells else 0.0)
        corner_at = corner.x, corner.y
        cells[key] = UsedCell(
            name, cell.x, cell.y, cell.value, weight, colour, corner_at, cell.on_map
        )
    used = [cell for cell in cells.values() if cell.weight or not np.isfinite(cell.value)]
    if len(used) == len(point.neighbours):
        return used
    return [replace(c, name="", colour=colour) for c, colour in zip(used, AREAS, strict=False)]


def is_far(point: Point) -> bool:
    """Return whether a point is farther outside than its neighbours, which are outside, too."""
    is_off = not any(neighbour.on_map for neighbour in point.neighbours)
    return is_off and clamped(point) != (point.x, point.y)


def value_story(trace: Trace, point: Point) -> tuple[list[Phrase], ...]:
    """Return the formula of a point's value, with each term on the colour of its weight.

    A second line has the distances from the point to the centres of its cells, or the centres that
    it is clamped to.
    """
    value = format_significant(point.value)
    cells = used_cells(point)
    if not cells and point.in_bounds:
        far = [
            Phrase("all its neighbours are outside the map"),
            Phrase(f"and have the value {value}"),
        ]
        return (far,)
    if not cells:
        return ([Phrase(f"outside the map: its value is {value}")],)
    formula = [Phrase("P =")]
    for number, cell in enumerate(cells):
        formula += [Phrase("+")] * bool(number) + [Phrase(cell.term, cell.colour)]
    formula.append(Phrase(f"= {value}"))
    places = [] if point.border == "clamped" else [*_distances(point)]
    lines = [formula, listed([*places, *_clamping(point)])]
    lines += [[Phrase(words) for words in rule] for rule in _rules(trace, point, cells)]
    if (trace.convention.pooling, trace.convention.max_of) == ("max", "weighted-cell"):
        largest = format_significant(point.contribution)
        lines.append([Phrase(f"max takes the largest product: {largest}")])
    return tuple(line for line in lines if line)


def _rules(trace: Trace, point: Point, cells: list[UsedCell]) -> Iterator[tuple[str, ...]]:
    """Yield which uncommon rules give the cells and the weights of a point."""
    interpolation = trace.convention.interpolation
    if interpolation == "nearest":
        yield "nearest: along each axis,", "only the nearer cell counts"
    if interpolation == "swapped":
        yield "swapped: each cell has the weight", "of the opposite one"
    if not all(cell.on_map for cell in cells):
        value = format_significant(trace.convention.extrapolation_value)
        yield "a cell outside the map", f"has the value {value}"
    if point.border == "beyond" and any(cell.weight < 0 for cell in cells):
        yield "extrapolated: weights are negative,", "and the areas, which begin at P, overlap"


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
    """Return the place nearest to a point among the centres of its neighbour cells."""
    x, y = _ends(point)
    return float(np.clip(point.x, *x)), float(np.clip(point.y, *y))


def taken_at(point: Point) -> tuple[float, float]:
    """Return where the value of a point is taken: among these centres, if not extrapolated."""
    if point.border != "beyond":
        return clamped(point)
    # Along an axis with one neighbour, nothing is extrapolated.
    (x, y), (along_x, along_y) = clamped(point), _ends(point)
    return point.x if along_x[0] < along_x[1] else x, point.y if along_y[0] < along_y[1] else y


def _ends(point: Point) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first and the last centre of the neighbour cells along x and along y."""
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    return (min(x), max(x)), (min(y), max(y))


def _clamping(point: Point) -> Iterator[str]:
    """Yield the coordinates that are clamped to the outermost centres of cells."""
    for axis, before, after in zip("xy", (point.x, point.y), taken_at(point), strict=True):
        if before != after:
            yield f"{axis} = {format_decimals(before)} is clamped to {format_decimals(after)}"
