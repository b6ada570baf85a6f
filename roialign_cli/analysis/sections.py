"""Describe the sections of an ROI as plain records: points and their neighbour cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.points import AxisCell, AxisPoint, Border, Neighbour, Point, border_of
from roialign_cli.core.boxes import Float, Frame
from roialign_cli.core.channels import own_section
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import Operation
from roialign_cli.core.point_values import contributions, divisor_of, point_values, reduce_points
from roialign_cli.core.sampling import AxisSamples, Plan


@dataclass(frozen=True)
class Section:
    """Describe a section of an ROI: its place, its points and its output.

    Parameters
    ----------
    section
        The numbers (i, j) of the section: i along x, j from the top, from 1.
    x, y
        The top-left corner, in cells.
    points
        The sample points, row by row from the top.
    grid
        The number of points along x and along y.
    divisor
        The number by which "avg" divides the sum of the contributions.
    winner
        The numbers (n, m) of the point that gives "max" its output; None for "avg", and if no
        point reaches the initial value of "max".
    output
        The output of the section.
    """

    section: tuple[int, int]
    x: float
    y: float
    points: tuple[Point, ...]
    grid: tuple[int, int]
    divisor: int
    winner: tuple[int, int] | None
    output: float

    @property
    def winning_point(self) -> Point | None:
        """The point that `winner` names."""
        return next((p for p in self.points if p.point == self.winner), None)


class SamplePoints:
    """Sample points of one ROI where the samples along y and along x cross.

    Parameters
    ----------
    maps
        (M, H, W), the channel that all sections read, or the channels that one section after
        another reads, row by row.
    convention
        The rules.
    frame
        The frame of all positions.
    y, x
        The samples along each axis, (1, T, P) and (1, K, Q).
    """

    def __init__(
        self, maps: Float, convention: Convention, frame: Frame, y: AxisSamples, x: AxisSamples
    ) -> None:
        self.maps, self.convention, self.frame = maps, convention, frame
        self.y, self.x = y, x
        # Which points are no padding, (T, P) and (K, Q).
        self.in_y, self.in_x = (
            np.broadcast_to(samples.valid, samples.position.shape)[0]
            for samples in (self.y, self.x)
        )
        # Read only the window of a large map in which the points lie.
        rows, columns = self.y.span, self.x.span
        window = maps[:, rows, columns].astype(np.float64)
        inside = self.y.seen_from(rows.start), self.x.seen_from(columns.start)
        # (T, P, K, Q) each
        self.contributions = self._own_section(contributions(window, *inside, convention))
        self.values = self._own_section(point_values(window, *inside, convention))

    def _own_section(self, values: Float) -> Float:
        """Return from (M, T, P, K, Q) what was computed for the section that reads each map."""
        if len(values) == 1:
            only: Float = values[0]
            return only
        rows, columns = values.shape[1], values.shape[3]
        own = own_section(values.transpose(2, 4, 0, 1, 3), rows, columns)  # (P, Q, 1, T, K)
        return own[:, :, 0].transpose(2, 0, 3, 1)

    def map_of(self, i: int, j: int) -> Float:
        """Return the map (H, W) that section (i, j) reads, counted from 0."""
        cells: Float = self.maps[j * self.x.position.shape[1] + i if len(self.maps) > 1 else 0]
        return cells

    @cached_property
    def along_x(self) -> list[list[AxisPoint]]:
        """The points of each column of sections along x."""
        axis = self.frame.x
        return [[self._axis_point(self.x, i, n, axis) for n in _valid(row)]
                for i, row in enumerate(self.in_x)]  # fmt: skip

    @cached_property
    def along_y(self) -> list[list[AxisPoint]]:
        """The points of each row of sections along y, from the top."""
        axis = self.frame.y
        return [[self._axis_point(self.y, j, m, axis) for m in _valid(row)]
                for j, row in enumerate(self.in_y)]  # fmt: skip

    def at(self, i: int, j: int, n: int, m: int) -> Point:
        """Return point (n, m) of section (i, j), all from 0."""
        x, y = self.along_x[i][n], self.along_y[j][m]
        border = border_of(x, y)
        # In the direction of the frame: with y up, the first neighbour is the cell below.
        y_cells = tuple(reversed(y.cells)) if self.frame.y_up else y.cells
        corners = [(row, column) for row in reversed(y_cells) for column in x.cells]
        cells = self.map_of(i, j)
        first, second, third, fourth = (
            self._neighbour(cells, row, column, out=border == "out") for row, column in corners
        )
        return Point(
            point=(n + 1, m + 1),
            x=x.coordinate,
            y=y.coordinate,
            x1=third.x,
            x2=fourth.x,
            y1=third.y,
            y2=first.y,
            border=border,
            neighbours=(first, second, third, fourth),
            value=float(self.values[j, m, i, n]),
            contribution=float(self.contributions[j, m, i, n]),
        )

    def _axis_point(
        self, samples: AxisSamples, section: int, point: int, coordinate: Callable[[float], float]
    ) -> AxisPoint:
        at = (0, section, point)
        weight = float(samples.upper_weight[at])
        lower_weight = 1.0 - weight
        if samples.cell_weight is not None:
            lower_weight = float(samples.cell_weight[at])
        lower, upper = int(samples.lower[at]), int(samples.upper[at])
        before, after = 0, 0  # how far off the map
        if samples.cells_off_map is not None:
            before, after = samples.cells_off_map[:, *at].tolist()
        position = float(samples.position[at])
        border: Border = "inside"
        if not samples.in_bounds[at]:
            border = "out"
        elif before or after:
            border = "beyond"
        elif not lower <= position <= upper:
            extended = self.convention.outside_neighbours == "extrapolated" and lower != upper
            border = "beyond" if extended else "clamped"
        lower, upper = lower + before, upper + after
        return AxisPoint(
            coordinate=self._shown(coordinate(position)),
            cells=(
                AxisCell(lower, coordinate(lower), lower_weight, not before),
                AxisCell(upper, coordinate(upper), weight, not after),
            ),
            border=border,
        )

    def _neighbour(self, cells: Float, row: AxisCell, column: AxisCell, *, out: bool) -> Neighbour:
        on_map = row.on_map and column.on_map
        value = self.convention.extrapolation_value
        if on_map:
            value = float(cells[row.cell, column.cell])
        weight = 0.0 if out else row.weight * column.weight
        return Neighbour(
            column.coordinate, row.coordinate, row.cell, column.cell, value, weight, on_map
        )

    def _shown(self, coordinate: float) -> float:
        decimals = self.convention.coordinate_decimals
        return coordinate if decimals is None else round(coordinate, decimals)


class Sections(SamplePoints, Sequence[Section]):
    """Sequence of the sections of one ROI, row by row; each record is created on first access."""

    def __init__(self, one: Operation, plan: Plan, frame: Frame) -> None:
        super().__init__(one.features[0], one.convention, frame, *plan.samples())
        self.plan = plan
        divisor, _ = divisor_of(self.y, self.x, self.convention)
        self.divisor = np.broadcast_to(divisor[0], plan.output_size)
        self.output: Float = reduce_points(self.contributions[None], self.y, self.x, plan)[0]
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

    def winner(self, i: int, j: int) -> tuple[int, int] | None:
        """Return the point (n, m) of section (i, j) whose contribution is the output of "max"."""
        if self.convention.pooling != "max":
            return None
        taken, output = self.contributions[j - 1, :, i - 1], self.output[j - 1, i - 1]
        exists = np.logical_and.outer(self.in_y[j - 1], self.in_x[i - 1])
        equal = exists & ((taken == output) | (np.isnan(taken) & np.isnan(output)))
        if not equal.any():
            return None
        m, n = divmod(int(equal.argmax()), equal.shape[1])
        return n + 1, m + 1

    def point(self, section: tuple[int, int], point: tuple[int, int]) -> Point | None:
        """Return point (n, m) of section (i, j) alone; None if there is no such point."""
        (i, j), (n, m) = section, point
        columns, rows = self.grid(i, j)
        if not (1 <= n <= columns and 1 <= m <= rows):
            return None
        return self.at(i - 1, j - 1, n - 1, m - 1)

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
        points = tuple(
            self.at(i, j, n, m)
            for m in range(len(self.along_y[j]))
            for n in range(len(self.along_x[i]))
        )
        corner_x, corner_y = self.corner(i + 1, j + 1)
        return Section(
            section=(i + 1, j + 1),
            x=corner_x,
            y=corner_y,
            points=points,
            grid=self.grid(i + 1, j + 1),
            divisor=int(self.divisor[j, i]),
            winner=self.winner(i + 1, j + 1),
            output=float(self.output[j, i]),
        )


def point_at(plan: Plan, cells: Float, x: float, y: float) -> Point:
    """Return the point (1, 1) that the convention would read at any position of a map.

    Parameters
    ----------
    plan
        The sampling plan of one ROI.
    cells
        (H, W), the map.
    x, y
        The position in the frame of the plan, in cells.
    """
    samples = plan.samples_at(x, y)
    return SamplePoints(cells[None], plan.convention, plan.frame, *samples).at(0, 0, 0, 0)


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


def _valid(exists: NDArray[np.bool_]) -> list[int]:
    """Return the indices of the points that are no padding."""
    valid: list[int] = np.flatnonzero(exists).tolist()
    return valid
