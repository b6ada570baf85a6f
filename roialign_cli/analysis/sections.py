"""Describe the sections of an ROI as plain records: points and their neighbour cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float, Frame
from roialign_cli.core.operation import Operation
from roialign_cli.core.point_values import contributions, point_values, reduce_points
from roialign_cli.core.sampling import AxisSamples, Plan

Border = Literal["inside", "clamped", "out"]


@dataclass(frozen=True)
class Neighbour:
    """Describe a neighbour cell of a point: its centre, row and column, value and weight."""

    x: float
    y: float
    row: int
    column: int
    value: float
    weight: float


@dataclass(frozen=True)
class Point:
    """Describe a sample point (n, m) and its neighbour cells.

    `neighbours` are the cells at (x1, y2), (x2, y2), (x1, y1) and (x2, y1): Q11, Q21, Q12, Q22.
    `border` says whether the point lies between cell centres ("inside"), was clamped to them
    ("clamped"), or lies outside the map and has the extrapolation value ("out"). `contribution` is
    the number that pooling uses: the value of the point, or its largest product weight × cell.
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


@dataclass(frozen=True)
class Section:
    """Describe a section (i, j): its top-left corner, its points and its output.

    `grid` is the number of points along x and along y. `winner` is the point whose contribution is
    the output; None for "avg", and if no point reaches the initial value of "max".
    """

    section: tuple[int, int]
    x: float
    y: float
    points: tuple[Point, ...]
    grid: tuple[int, int]
    winner: tuple[int, int] | None
    output: float

    @property
    def winning_point(self) -> Point | None:
        """The point that `winner` names."""
        return next((p for p in self.points if p.point == self.winner), None)


class Sections(Sequence[Section]):
    """Sequence of the sections of one ROI, row by row; each record is created on first access."""

    def __init__(self, one: Operation, plan: Plan, frame: Frame) -> None:
        self.convention, self.plan, self.frame = one.convention, plan, frame
        self.cells: Float = one.features[0, 0]  # (H, W)
        self.y, self.x = plan.samples()  # (1, T, P) and (1, K, Q)
        # Which points are no padding, (T, P) and (K, Q).
        self.in_y, self.in_x = (
            np.broadcast_to(samples.valid, samples.position.shape)[0]
            for samples in (self.y, self.x)
        )
        # Read only the window of a large map in which the points lie.
        rows, columns = self.y.span, self.x.span
        window = one.features[0][:, rows, columns].astype(np.float64)
        inside = self.y.seen_from(rows.start), self.x.seen_from(columns.start)
        taken = contributions(window, *inside, one.convention)
        self.contributions: Float = taken[0]  # (T, P, K, Q)
        self.values: Float = point_values(window, *inside, one.convention)[0]  # (T, P, K, Q)
        self.output: Float = reduce_points(taken, *inside, plan)[0]  # (T, K)
        self._made: dict[int, Section] = {}

    def __len__(self) -> int:
        return self.output.size

    @overload
    def __getitem__(self, index: int) -> Section: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Section]: ...

    def __getitem__(self, index: int | slice) -> Section | Sequence[Section]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(self._section(place) for place in places)
        return self._section(places)

    def corner(self, i: int, j: int) -> tuple[float, float]:
        """Return x and y of the top-left corner of section (i, j), without its record."""
        x, y = self.plan.x, self.plan.y
        return (
            self.frame.x(float(x.roi_start[0]) + (i - 1) * float(x.section_size[0])),
            self.frame.y(float(y.roi_start[0]) + (j - 1) * float(y.section_size[0])),
        )

    def grid(self, i: int, j: int) -> tuple[int, int]:
        """Return the number of points of section (i, j) along x and along y."""
        return int(self.in_x[i - 1].sum()), int(self.in_y[j - 1].sum())

    def example(self) -> tuple[int, int]:
        """Return the section (i, j) to explain by default.

        This is the first section with points that read different cells of the map; otherwise the
        first section with points, or section (1, 1).
        """
        (y_cells, y_points), (x_cells, x_points) = (
            _read_along(self.y, self.in_y),
            _read_along(self.x, self.in_x),
        )
        varied = np.maximum.outer(y_cells, x_cells) > 1
        on_map = np.minimum.outer(y_cells, x_cells) > 0
        has_points = np.minimum.outer(y_points, x_points) > 0
        for suitable in (varied & on_map, has_points):
            if suitable.any():
                j, i = np.argwhere(suitable)[0].tolist()
                return i + 1, j + 1
        return 1, 1

    def _section(self, place: int) -> Section:
        if place not in self._made:
            self._made[place] = self._record(*divmod(place, self.plan.x.sections))
        return self._made[place]

    def _record(self, j: int, i: int) -> Section:
        columns, rows = np.flatnonzero(self.in_x[i]), np.flatnonzero(self.in_y[j])
        points = tuple(self._point(i, j, int(n), int(m)) for m in rows for n in columns)
        output = float(self.output[j, i])
        corner_x, corner_y = self.corner(i + 1, j + 1)
        return Section(
            section=(i + 1, j + 1),
            x=corner_x,
            y=corner_y,
            points=points,
            grid=(len(columns), len(rows)),
            winner=self._winner(points, output),
            output=output,
        )

    def _winner(self, points: tuple[Point, ...], output: float) -> tuple[int, int] | None:
        if self.convention.pooling != "max":
            return None
        won = (p for p in points if np.array_equal(p.contribution, output, equal_nan=True))
        return next((p.point for p in won), None)

    def _point(self, i: int, j: int, n: int, m: int) -> Point:
        x, y = self._axis_point(self.x, i, n), self._axis_point(self.y, j, m)
        border: Border = "clamped" if x.clamped or y.clamped else "inside"
        if not (x.in_bounds and y.in_bounds):
            border = "out"
        # In the direction of the frame: with y up, the first neighbour is the cell below.
        y_cells = tuple(reversed(y.cells)) if self.frame.y_up else y.cells
        (column1, wx1), (column2, wx2) = x.cells
        (row1, wy1), (row2, wy2) = y_cells
        corners = (
            (row2, column1, wy2 * wx1),
            (row2, column2, wy2 * wx2),
            (row1, column1, wy1 * wx1),
            (row1, column2, wy1 * wx2),
        )
        first, second, third, fourth = (
            self._neighbour(row, column, weight if border != "out" else 0.0)
            for row, column, weight in corners
        )
        return Point(
            point=(n + 1, m + 1),
            x=self._shown(self.frame.x(x.position)),
            y=self._shown(self.frame.y(y.position)),
            x1=third.x,
            x2=fourth.x,
            y1=third.y,
            y2=first.y,
            border=border,
            neighbours=(first, second, third, fourth),
            value=float(self.values[j, m, i, n]),
            contribution=float(self.contributions[j, m, i, n]),
        )

    def _axis_point(self, samples: AxisSamples, section: int, point: int) -> _AxisPoint:
        at = (0, section, point)
        weight = float(samples.upper_weight[at])
        lower, upper = int(samples.lower[at]), int(samples.upper[at])
        position = float(samples.position[at])
        return _AxisPoint(
            position=position,
            cells=((lower, 1.0 - weight), (upper, weight)),
            in_bounds=bool(samples.in_bounds[at]),
            clamped=not lower <= position <= upper,
        )

    def _neighbour(self, row: int, column: int, weight: float) -> Neighbour:
        value = float(self.cells[row, column])
        return Neighbour(self.frame.x(column), self.frame.y(row), row, column, value, weight)

    def _shown(self, coordinate: float) -> float:
        decimals = self.convention.coordinate_decimals
        return coordinate if decimals is None else round(coordinate, decimals)


def _read_along(
    samples: AxisSamples, exists: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return how many pairs of cells the points of each section read, and how many points it has.

    Parameters
    ----------
    samples
        The points of one ROI along one axis.
    exists
        (S, P), which points are no padding.
    """
    lower = samples.lower[0]
    read = exists & samples.in_bounds[0]
    pairs = [len(np.unique(row[used])) for row, used in zip(lower, read, strict=True)]
    return np.array(pairs, np.intp), exists.sum(axis=1)


@dataclass(frozen=True)
class _AxisPoint:
    """Describe one point along one axis in cell-index units: two cells with their weights."""

    position: float
    cells: tuple[tuple[int, float], tuple[int, float]]
    in_bounds: bool
    clamped: bool
