"""Describe sample points as plain records, with the cells that they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Border = Literal["inside", "clamped", "beyond", "out"]


@dataclass(frozen=True)
class Neighbour:
    """Describe a neighbour cell of a point.

    Parameters
    ----------
    x, y
        The centre of the cell, in cells.
    row, column
        The indices of the cell in the feature map, from 0 at the top left.
    value
        The value of the cell; the extrapolation value if it is not on the map.
    weight
        The weight of the cell in the value of the point.
    on_map
        Whether the cell is on the map.
    """

    x: float
    y: float
    row: int
    column: int
    value: float
    weight: float
    on_map: bool = True


@dataclass(frozen=True)
class Point:
    """Describe a sample point and its neighbour cells.

    Parameters
    ----------
    point
        The numbers (n, m) of the point in its section: n along x, m from the top, from 1.
    x, y
        The position of the point, in cells.
    x1, x2, y1, y2
        The centres of the neighbour cells along x and along y, in cells.
    border
        Whether the point lies between cell centres ("inside"), was clamped to them ("clamped"), is
        extrapolated or has a neighbour outside the map ("beyond"), or lies outside the map and has
        the extrapolation value ("out").
    neighbours
        The cells at (x1, y2), (x2, y2), (x1, y1) and (x2, y1): Q11, Q21, Q12, Q22.
    value
        The interpolated value.
    contribution
        The number that pooling uses: the value, or the largest product weight × cell.
    """

    point: tuple[int, int]
    x: float
    y: float
    x1: float
    x2: float
    y1: float
    y2: float
    border: Border
    neighbours: tuple[Neighbour, Neighbour, Neighbour, Neighbour]
    value: float
    contribution: float

    @property
    def in_bounds(self) -> bool:
        """Whether the value of the point comes from the map."""
        return self.border != "out"


class AxisCell(NamedTuple):
    """A cell along one axis: its index, its centre in the frame, its weight, and where it is."""

    cell: int
    coordinate: float
    weight: float
    on_map: bool


@dataclass(frozen=True)
class AxisPoint:
    """Describe one point along one axis: its coordinate, and the two cells with their weights."""

    coordinate: float
    cells: tuple[AxisCell, AxisCell]
    border: Border


_BORDERS: tuple[Border, ...] = get_args(Border)


def border_of(x: AxisPoint, y: AxisPoint) -> Border:
    """Return the border of the point with these two coordinates."""
    return max(x.border, y.border, key=_BORDERS.index)
