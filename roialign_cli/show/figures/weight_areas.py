"""The weights of a point's cells as areas between four cells, or as lengths between two.

With linear weights the area opposite a cell is its weight. Where a point is extrapolated, the areas
lie over each other: the sum of the weights is the area between the cells.
"""

from __future__ import annotations

from dataclasses import dataclass

from roialign_cli.analysis.points import Point
from roialign_cli.core.convention import Convention
from roialign_cli.show.figures.cells_used import UsedCell, clamped, taken_at, used_cells
from roialign_cli.show.figures.geometry import Sides

_BAND = 0.12  # cells, the thickness of a length


@dataclass(frozen=True)
class WeightArea:
    """The rectangle whose size is the weight of a cell.

    Parameters
    ----------
    cell
        The cell.
    sides
        The rectangle, in cells.
    visible
        The part of it that no smaller area covers.
    is_length
        Whether the length of the rectangle is the weight, and not its area.
    """

    cell: UsedCell
    sides: Sides
    visible: Sides
    is_length: bool


def weight_areas(convention: Convention, point: Point) -> list[WeightArea]:
    """Return the areas or lengths that are the weights of a point's cells, the largest first.

    One cell has none, and neither have cells if only the nearest one counts.
    """
    cells = used_cells(point)
    if len(cells) < 2 or convention.interpolation == "nearest":
        return []
    areas = [_area(convention, point, cell, cells) for cell in cells]
    if all(cell.weight >= 0 for cell in cells):
        return areas
    return sorted(areas, key=lambda area: -abs(area.cell.weight))


def _area(
    convention: Convention, point: Point, cell: UsedCell, cells: list[UsedCell]
) -> WeightArea:
    (x, y), start = _far_corner(convention, cell, cells), taken_at(point)
    from_x, from_y = map(_uncovered, start, clamped(point), (x, y))
    sides, visible = Sides(start[0], x, start[1], y), Sides(from_x, x, from_y, y)
    if not (sides.width and sides.height):
        sides, visible = _band_around(sides), _band_around(visible)
        return WeightArea(cell, sides, visible, is_length=True)
    return WeightArea(cell, sides, visible, is_length=False)


def _far_corner(
    convention: Convention, cell: UsedCell, cells: list[UsedCell]
) -> tuple[float, float]:
    """Return where the rectangle from the point ends."""
    if convention.interpolation == "swapped":
        return cell.x, cell.y
    if len(cells) == 2:
        return next((other.x, other.y) for other in cells if other is not cell)
    return cell.opposite


def _uncovered(start: float, between: float, end: float) -> float:
    """Return where the part of a side begins that no smaller area covers.

    Parameters
    ----------
    start, end
        The ends of the side.
    between
        The place between the centres of the cells that is nearest to the start.
    """
    return start if end == between else between


def _band_around(sides: Sides) -> Sides:
    """Return a rectangle without width or height as a band."""
    band = _BAND / 2
    if not sides.width:
        return Sides(sides.left - band, sides.right + band, sides.top, sides.bottom)
    return Sides(sides.left, sides.right, sides.top - band, sides.bottom + band)
