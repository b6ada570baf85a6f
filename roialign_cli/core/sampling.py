"""The sampling plan: where the points of every section lie along an axis, and between which cells.

Every ROI Align consists of two one-dimensional plans, one along y and one along x. They are
computed here, once. Everything else reads them: pooling contracts them with the feature map, the
trace prints them, the figures draw them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float, Frame, FrameAxis
from roialign_cli.core.convention import Convention, Interpolation, Rejected, TieNeighbour
from roialign_cli.core.point_rules import POINTS_RULES
from roialign_cli.errors import ArgumentError
from roialign_cli.memory import check_fits

# Sample points above which the free memory is checked, and bytes that each needs.
_MAX_UNCHECKED_SAMPLES = 1 << 22
_BYTES_PER_SAMPLE = 64
_REMEDY = "use fewer points or sections"


@dataclass(frozen=True)
class AxisSamples:
    """Hold the sample points of R regions with S sections each, along one axis.

    P is the largest number of points in a section, at least 1. Shorter sections are padded by
    repeating their last point; `valid` is false for the padding.

    Parameters
    ----------
    position
        (R, S, P), in cell-index units, before points near the border are clamped.
    neighbours
        (2, R, S, P), the indices of the lower and the upper cell that a point lies between.
    upper_weight
        (R, S, P), the weight of the upper cell.
    in_bounds
        (R, S, P), bool, false for points outside the map, which have the extrapolation value.
    count
        (R, S) or (R, 1), points per section, as in `RoiAxis`.
    divisor
        (R, S) or (R, 1), by what the sum along this axis is divided for "avg".
    is_padded
        Whether a section has fewer points than P.
    cells_off_map
        (2, R, S, P), how many cells a neighbour lies before the first cell (negative) or after the
        last; such a neighbour has the extrapolation value, and `neighbours` names the cell nearest
        to it. None if the convention has no neighbours outside the map.
    cell_weight
        (R, S, P), the weight of the lower cell, which is the only one, if points are cells of
        different weights; None if the weight of the lower cell is 1 minus that of the upper one.
    """

    position: Float
    neighbours: NDArray[np.intp]
    upper_weight: Float
    in_bounds: NDArray[np.bool_]
    count: NDArray[np.intp]
    divisor: NDArray[np.intp]
    is_padded: bool
    cells_off_map: NDArray[np.intp] | None = None
    cell_weight: Float | None = None

    @property
    def span(self) -> slice:
        """The range of cells that all points lie between."""
        return slice(int(self.neighbours.min()), int(self.neighbours.max()) + 1)

    def seen_from(self, cell: int) -> AxisSamples:
        """Return the samples with cells counted from another first cell."""
        return replace(self, neighbours=self.neighbours - cell)

    @property
    def lower(self) -> NDArray[np.intp]:
        """Index of the lower neighbour cell, (R, S, P)."""
        lower: NDArray[np.intp] = self.neighbours[0]
        return lower

    @property
    def upper(self) -> NDArray[np.intp]:
        """Index of the upper neighbour cell, (R, S, P)."""
        upper: NDArray[np.intp] = self.neighbours[1]
        return upper

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether a point exists: false for padding. (R, S, P), (R, 1, P) or (1, 1, P)."""
        points = self.position.shape[2]
        if not self.is_padded:
            return np.ones((1, 1, points), np.bool_)
        valid: NDArray[np.bool_] = np.arange(points) < self.count[:, :, None]
        return valid


@dataclass(frozen=True)
class Plan:
    """Hold the two axes of R regions and the rules that place their points.

    Coordinates are read in `frame`, and rounded there if the convention rounds them.
    """

    y: RoiAxis
    x: RoiAxis
    convention: Convention
    frame: Frame

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of the feature map in cells."""
        return self.y.cells, self.x.cells

    @property
    def output_size(self) -> tuple[int, int]:
        """Number of sections, (rows, columns)."""
        return self.y.sections, self.x.sections

    def __getitem__(self, rois: NDArray[np.intp]) -> Plan:
        """Return the plan of some of the regions."""
        return Plan(self.y[rois], self.x[rois], self.convention, self.frame)

    def samples(self) -> tuple[AxisSamples, AxisSamples]:
        """Return the samples along y and along x.

        A position that overflows becomes infinite, which is outside any map.
        """
        return (
            _place(self.y, self.convention, self.frame.y_axis),
            _place(self.x, self.convention, self.frame.x_axis),
        )

    def samples_at(self, x: float, y: float) -> tuple[AxisSamples, AxisSamples]:
        """Return the samples along y and along x of one point at any position.

        Parameters
        ----------
        x, y
            The position in the frame, in cells. It becomes a coordinate of the dtype of the plan.
        """
        along_y, along_x = (
            _samples_at(
                np.full((1, 1, 1), frame_axis.index(at), axis.roi_start.dtype),
                replace(axis, grid=_ONE, count=_ONE),
                self.convention,
                frame_axis,
            )
            for axis, frame_axis, at in (
                (self.y, self.frame.y_axis, y),
                (self.x, self.frame.x_axis, x),
            )
        )
        return along_y, along_x


_ONE = np.ones((1, 1), np.intp)


def make_plan(
    boxes_xyxy: Float,
    spatial_scale: tuple[float, float],
    map_size: tuple[int, int],
    output_size: tuple[int, int],
    convention: Convention,
    frame: Frame,
) -> Plan:
    """Return the sampling plan of R boxes.

    Parameters
    ----------
    boxes_xyxy
        (R, 4), corners with y down, in image units; their dtype is the dtype of all coordinates.
    spatial_scale
        (y, x), feature-map units per image unit.
    map_size
        (height, width) in cells.
    output_size
        (rows, columns) of sections.
    convention
        The rules.
    frame
        The frame in which coordinates are read.

    Raises
    ------
    ArgumentError
        If the convention refuses a box, a box overflows its dtype, a rule leaves a section without
        points, or the dtype cannot represent all cell indices of the map.
    """
    _check_map_size(map_size, boxes_xyxy.dtype)
    ratios = convention.sampling_ratios
    if convention.grid_from == "output":
        ratios = ratios[0] or sum(output_size) // 2, ratios[1] or sum(output_size) // 2
    with np.errstate(over="ignore", invalid="ignore"):
        y, x = (
            _roi_axis(
                boxes_xyxy[:, axis],
                boxes_xyxy[:, axis + 2],
                spatial_scale[1 - axis],
                output_size[1 - axis],
                map_size[1 - axis],
                ratios[1 - axis],
                convention,
            )
            for axis in (1, 0)
        )
    plan = Plan(y, x, convention, frame)
    check_accepted(plan)
    return plan


def _check_map_size(map_size: tuple[int, int], dtype: np.dtype[np.floating]) -> None:
    """Raise an `ArgumentError` if coordinates cannot represent every cell index of a map."""
    largest = 1 << (np.finfo(dtype).nmant + 1)  # the range of exact integers
    if max(map_size) > largest:
        raise ArgumentError(
            "features",
            f"a map of {map_size[0]} × {map_size[1]} cells is longer than the {largest} cells that "
            f"{dtype} coordinates can count; pool a part of the map, or convert it to float64",
        )


def _roi_axis(
    first: Float,
    last: Float,
    scale: float,
    sections: int,
    cells: int,
    ratio: int,
    convention: Convention,
) -> RoiAxis:
    rule = POINTS_RULES[convention.points]
    number = first.dtype.type
    start, unclamped_size = rule.extent(first, last, number(scale), cells, convention)
    size = unclamped_size
    if convention.min_size or convention.inverted_boxes == "empty":
        size = np.maximum(unclamped_size, number(convention.min_size))
    section = size / number(sections)
    finite = np.isfinite(start) & np.isfinite(section)
    if not finite.all():
        raise ArgumentError(
            "boxes",
            f"box {finite.argmin()} times the scale overflows {start.dtype}; check the scale",
        )
    grid = rule.grid(section, start, sections, cells, ratio, convention)
    count = np.minimum(grid, cells) if convention.grid_points == "cells" else grid
    return RoiAxis(
        first, last, number(scale), start, size, unclamped_size, grid, count, sections, cells
    )


def check_accepted(plan: Plan, boxes: NDArray[np.bool_] | bool = True) -> None:  # noqa: FBT001, FBT002
    """Raise an error if the convention rejects a box, or one of some boxes, (R,)."""
    if plan.convention.rejects == "nothing":
        return
    refused = _REFUSED[plan.convention.rejects]
    bad = np.flatnonzero((refused(plan.y) | refused(plan.x)) & boxes)
    if len(bad):
        what = {
            "no-area": "has no area on the feature map",
            "inverted": "is inverted",
            "off-map": "is inverted or reaches beyond the feature map",
        }
        raise ArgumentError(
            "boxes",
            f"box {bad[0]} {what[plan.convention.rejects]}, which {plan.convention.name} rejects; "
            f"{_corners_remedy(plan, bad[0])}",
        )


def _corners_remedy(plan: Plan, box: int) -> str:
    """Return what to do about a box that a convention rejects."""
    convention = plan.convention
    y_up = convention.origin == "bottom-left" and convention.box_format in {"xyxy", "yxyx"}
    if y_up and plan.y.unclamped_size[box] < 0:
        return "y points up, so write the bottom edge of the box before its top edge"
    return "check the box format"


def _is_off_map(axis: RoiAxis) -> NDArray[np.bool_]:
    first, last = axis.box_start * axis.scale, axis.box_end * axis.scale
    return np.asarray((first < 0) | (last > axis.cells) | (first > last), dtype=np.bool_)


# Convention.rejects → which regions it refuses for one of their axes, (R,)
_REFUSED: dict[Rejected, Callable[[RoiAxis], NDArray[np.bool_]]] = {
    "no-area": lambda axis: axis.unclamped_size <= 0,
    "inverted": lambda axis: axis.unclamped_size < 0,
    "off-map": _is_off_map,
}


def _place(axis: RoiAxis, convention: Convention, frame_axis: FrameAxis) -> AxisSamples:
    rule, number = POINTS_RULES[convention.points], axis.roi_start.dtype.type
    total = len(axis.roi_start) * axis.sections * axis.most_points
    if total > _MAX_UNCHECKED_SAMPLES:
        check_fits(
            "sampling_ratio", _BYTES_PER_SAMPLE * total, f"{total} sample points take", _REMEDY
        )
    points = np.arange(axis.most_points, dtype=number)
    if axis.is_padded:  # (R, S, P) or (R, 1, P)
        points = np.minimum(points, (np.maximum(axis.count, 1) - 1).astype(number)[:, :, None])
    position = rule.position(axis, points, convention)
    samples = _samples_at(position, axis, convention, frame_axis)
    if rule.cell_weight is None:
        return samples
    weight = rule.cell_weight(axis, position)
    return replace(samples, cell_weight=weight, divisor=np.minimum(axis.grid, 1))


def _samples_at(
    position: Float, axis: RoiAxis, convention: Convention, frame_axis: FrameAxis
) -> AxisSamples:
    """Return the samples at positions (R, S, P), in cell-index units: the cells that they read."""
    rule, number = POINTS_RULES[convention.points], axis.roi_start.dtype.type
    if convention.coordinate_decimals is not None and rule.between_cells:
        coordinate = frame_axis.coordinate(position.astype(np.float64))
        rounded = np.round(coordinate, convention.coordinate_decimals)
        position = frame_axis.index(rounded).astype(number)
    margin, end = number(convention.border_margin), number(axis.cells - 1)
    in_bounds = (position >= -margin) & (position <= end + margin)
    tie_neighbour = convention.tie_neighbour if rule.between_cells else "both"
    if frame_axis.sign < 0:
        # With y up the upper neighbour in the frame is the one with the smaller row.
        tie_neighbour = _REVERSED[tie_neighbour]
    first, last = number(0), end
    if convention.outside_neighbours == "value":
        # Positions farther off the map have no neighbour on it, wherever they are.
        first, last = number(-_MAX_CELLS_OFF_MAP), end + number(_MAX_CELLS_OFF_MAP)
    nearest = np.minimum(np.maximum(position, first), last)
    lower, upper = _NEIGHBOURS[tie_neighbour](nearest, first, last)
    # Only the line through the first two cells is extended.
    at = np.minimum(position, end) if convention.outside_neighbours == "extrapolated" else nearest
    neighbours = np.empty((2, *position.shape), np.intp)
    neighbours[0], neighbours[1] = lower, upper
    samples = AxisSamples(
        position,
        neighbours,
        _WEIGHTS[convention.interpolation](at - lower),
        in_bounds,
        axis.count,
        axis.grid,
        axis.is_padded,
    )
    return _with_uncommon_rules(samples, axis.cells, convention)


def _with_uncommon_rules(samples: AxisSamples, cells: int, convention: Convention) -> AxisSamples:
    if convention.outside_neighbours == "value":
        on_map = np.clip(samples.neighbours, 0, cells - 1)
        off_map = samples.neighbours - on_map
        samples = replace(samples, neighbours=on_map, cells_off_map=off_map)
    if convention.average_over == "inside":
        inside = np.count_nonzero(samples.in_bounds & samples.valid, axis=2)
        samples = replace(samples, divisor=inside)
    return samples


# How far off the map neighbours are named; farther ones have the extrapolation value, too.
_MAX_CELLS_OFF_MAP = 3


# Linear weight of the upper neighbour → its weight, (R, S, P)
_WEIGHTS: dict[Interpolation, Callable[[Float], Float]] = {
    "linear": lambda upper_weight: upper_weight,
    "nearest": lambda upper_weight: (2 * upper_weight >= 1).astype(upper_weight.dtype),
    "swapped": lambda upper_weight: upper_weight.dtype.type(1) - upper_weight,
}


def _centre_is_lower(
    position: Float, _first: np.floating, last: np.floating
) -> tuple[Float, Float]:
    lower = np.floor(position)
    return lower, np.minimum(lower + lower.dtype.type(1), last)


def _centre_is_upper(position: Float, first: np.floating, last: np.floating) -> tuple[Float, Float]:
    one = position.dtype.type(1)
    lower = np.maximum(np.ceil(position) - one, first)
    return lower, np.minimum(lower + one, last)


def _centre_is_both(
    position: Float, _first: np.floating, _last: np.floating
) -> tuple[Float, Float]:
    return np.floor(position), np.ceil(position)


# position between the first and the last cell → lower and upper neighbour, (R, S, P) each
_NEIGHBOURS = {"lower": _centre_is_lower, "upper": _centre_is_upper, "both": _centre_is_both}
_REVERSED: dict[TieNeighbour, TieNeighbour] = {"lower": "upper", "upper": "lower", "both": "both"}
