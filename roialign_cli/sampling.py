"""The sampling plan: where the points of every section lie along an axis, and between which cells.

Every member of the family is two one-dimensional plans, one along y and one along x. They are made
here, once, and read by everything else: pooling contracts them with the feature map, the trace
prints them, the figures draw them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roialign_cli.boxes import Float
from roialign_cli.conventions import Convention
from roialign_cli.errors import ArgumentError

# More sample points than this in one section of one axis is a mistake in the boxes or the scale.
_MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class RoiAxis:
    """One axis of R regions of interest, in cell-index units.

    Parameters
    ----------
    first, last
        (R,). The box edges, in image units.
    scale
        Feature-map units per image unit.
    start, size
        (R,). First edge and extent, after the convention's offset, rounding and smallest size.
    raw_size
        (R,). The extent before the smallest size was applied.
    count
        (R, S), or (R, 1) where all sections have the same. Points per section as the convention
        counts them: not positive where a region is empty or inverted and the grid adaptive.
    sections
        Sections per region, S.
    cells
        Cells of the feature map along this axis.
    """

    first: Float
    last: Float
    scale: np.floating
    start: Float
    size: Float
    raw_size: Float
    count: NDArray[np.intp]
    sections: int
    cells: int

    @property
    def section_size(self) -> Float:
        """(R,). The extent of one section, in cells."""
        size: Float = self.size / self.size.dtype.type(self.sections)
        return size

    def __getitem__(self, rois: slice | NDArray[np.intp]) -> RoiAxis:
        """Return the same axis of some of the regions."""
        per_roi = ("first", "last", "start", "size", "raw_size", "count")
        return replace(self, **{name: getattr(self, name)[rois] for name in per_roi})


@dataclass(frozen=True)
class AxisSamples:
    """The sample points of R regions, S sections each, along one axis.

    P is the largest number of points that any of these sections has, at least 1. Where a section
    has fewer its last point stands again, and `present` is false.

    Parameters
    ----------
    position
        (R, S, P), in cell-index units, before a point near the border is clamped.
    lower, upper
        (R, S, P). The two cells that a point lies between.
    upper_weight
        (R, S, P). The weight of the upper cell; the lower one has the rest.
    counted
        (R, S, P), bool. False for a point too far outside the map, whose value is not the map's.
    present
        (R, S, P), bool. False where the section has fewer than P points.
    """

    position: Float
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    upper_weight: Float
    counted: NDArray[np.bool_]
    present: NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """The two axes of R regions and the rules by which their points are placed."""

    y: RoiAxis
    x: RoiAxis
    convention: Convention

    @property
    def map_size(self) -> tuple[int, int]:
        """(height, width) of the feature map in cells."""
        return self.y.cells, self.x.cells

    def samples(
        self, rois: slice | NDArray[np.intp] = slice(None)
    ) -> tuple[AxisSamples, AxisSamples]:
        """Return the samples along y and along x of some of the regions."""
        y_up = self.convention.origin == "bottom-left"
        return (
            _place(self.y[rois], self.convention, reverse=y_up),
            _place(self.x[rois], self.convention, reverse=False),
        )


def make_plan(
    boxes_xyxy: Float,
    spatial_scale: tuple[float, float],
    map_size: tuple[int, int],
    output_size: tuple[int, int],
    convention: Convention,
) -> Plan:
    """Return the sampling plan of R boxes.

    Parameters
    ----------
    boxes_xyxy
        (R, 4) corners with y down, in image units; their dtype is that of all coordinates.
    spatial_scale
        (y, x): feature-map units per image unit.
    map_size
        (height, width) in cells.
    output_size
        (height, width) in sections.
    convention
        The rules.

    Raises
    ------
    ArgumentError
        For boxes that the convention refuses or that overflow their dtype, and for a rule that
        leaves a section without points.
    """
    y, x = (
        _roi_axis(
            boxes_xyxy[:, axis],
            boxes_xyxy[:, axis + 2],
            spatial_scale[1 - axis],
            output_size[1 - axis],
            map_size[1 - axis],
            convention,
        )
        for axis in (1, 0)
    )
    plan = Plan(y, x, convention)
    _refuse(plan)
    return plan


def _roi_axis(
    first: Float, last: Float, scale: float, sections: int, cells: int, convention: Convention
) -> RoiAxis:
    rule = _RULES[convention.points]
    number = first.dtype.type
    with np.errstate(over="ignore", invalid="ignore"):
        start, raw_size = rule.extent(first, last, number(scale), convention)
        size = (
            np.maximum(raw_size, number(convention.min_size)) if convention.min_size else raw_size
        )
        section = size / number(sections)
    bad = np.flatnonzero(~(np.isfinite(start) & np.isfinite(section)))
    if len(bad):
        raise ArgumentError("boxes", f"box {bad[0]} times the scale overflows {start.dtype}")
    axis = RoiAxis(
        first,
        last,
        number(scale),
        start,
        size,
        raw_size,
        np.empty((len(start), 0), np.intp),
        sections,
        cells,
    )
    return replace(axis, count=rule.count(axis, convention))


def _refuse(plan: Plan) -> None:
    if plan.convention.refuses == "nothing":
        return
    refused = {"no-area": np.less_equal, "inverted": np.less}[plan.convention.refuses]
    bad = np.flatnonzero(refused(plan.y.raw_size, 0) | refused(plan.x.raw_size, 0))
    if len(bad):
        what = {"no-area": "has no area on the feature map", "inverted": "is inverted"}
        raise ArgumentError(
            "boxes",
            f"box {bad[0]} {what[plan.convention.refuses]}, which {plan.convention.name} refuses; "
            "check the box format",
        )


def _place(axis: RoiAxis, convention: Convention, *, reverse: bool) -> AxisSamples:
    number = axis.start.dtype.type
    q = np.arange(axis.count.max(initial=1))  # (P,)
    count = axis.count[:, :, None]
    repeated = np.minimum(q, np.maximum(count, 1) - 1).astype(number)  # (R, S, P) or (R, 1, P)
    position = _RULES[convention.points].position(axis, repeated)  # (R, S, P)
    if convention.coordinate_decimals is not None:
        position = np.round(position, convention.coordinate_decimals)
    present = np.broadcast_to(q < count, position.shape)
    margin = number(convention.border_margin)
    counted = (position >= -margin) & (position <= axis.cells - 1 + margin)
    clamped = np.clip(position, 0, axis.cells - 1)
    # With y up the upper neighbour in the frame is the one with the smaller row.
    on_centre = _REVERSED[convention.on_centre] if reverse else convention.on_centre
    lower, upper = _NEIGHBOURS[on_centre](clamped, axis.cells)
    weight = clamped - lower.astype(number)
    return AxisSamples(position, lower, upper, weight, counted, present)


@dataclass(frozen=True)
class _PointsRule:
    """How one of `Convention.points` places its points."""

    # first, last (R,), scale, convention → start, raw size (R,)
    extent: Callable[[Float, Float, np.floating, Convention], tuple[Float, Float]]
    # axis without its count → count (R, S) or (R, 1)
    count: Callable[[RoiAxis, Convention], NDArray[np.intp]]
    # axis, number of the point (R, S, P) or (R, 1, P), from 0 → position (R, S, P)
    position: Callable[[RoiAxis, Float], Float]


def _edges(
    first: Float, last: Float, scale: np.floating, convention: Convention
) -> tuple[Float, Float]:
    before, after = scale.dtype.type(convention.image_offset), scale.dtype.type(convention.offset)
    return (first - before) * scale - after, (last - before) * scale - after


def _extent_between_edges(
    first: Float, last: Float, scale: np.floating, convention: Convention
) -> tuple[Float, Float]:
    start, end = _edges(first, last, scale, convention)
    return start, end - start


def _extent_between_corners(
    first: Float, last: Float, scale: np.floating, convention: Convention
) -> tuple[Float, Float]:
    return _edges(first, last, scale, convention)[0], (last - first) * scale


def _extent_of_cells(
    first: Float, last: Float, scale: np.floating, convention: Convention
) -> tuple[Float, Float]:
    first_cell, last_cell = map(_rounded, _edges(first, last, scale, convention))
    # From the edge of the first cell to that of the last one, which is part of the box.
    return first_cell - scale.dtype.type(0.5), np.maximum(last_cell - first_cell + 1, 1)


def _rounded(values: Float) -> Float:
    """Round half away from zero, as C does."""
    whole = np.trunc(values)
    rounded: Float = whole + np.trunc(2 * (values - whole))
    return rounded


def _count_centred(axis: RoiAxis, convention: Convention) -> NDArray[np.intp]:
    if convention.sampling_ratio:
        return np.full((len(axis.start), 1), convention.sampling_ratio, np.intp)
    count = np.ceil(axis.section_size)
    most = count.max(initial=0)
    if most > _MOST_POINTS:
        raise ArgumentError(
            "boxes",
            f"box {count.argmax()} would take {most:.3g} sample points a section along one axis; "
            "check the scale or set a sampling ratio",
        )
    return count.astype(np.intp)[:, None]


def _count_dividers(axis: RoiAxis, convention: Convention) -> NDArray[np.intp]:
    parts = convention.divide or axis.sections
    if parts == 1:
        raise ArgumentError(
            "divide", "one section along an axis has no interior dividers; set divide to 2 or more"
        )
    return np.full((len(axis.start), 1), parts - 1, np.intp)


def _count_one(axis: RoiAxis, _convention: Convention) -> NDArray[np.intp]:
    return np.ones((len(axis.start), 1), np.intp)


def _count_cells(axis: RoiAxis, _convention: Convention) -> NDArray[np.intp]:
    first, end = _cell_range(axis)
    return np.maximum(end - first, 0).astype(np.intp)


def _cell_range(axis: RoiAxis) -> tuple[Float, Float]:
    """Return the first cell of each section and the one after its last, cut to the map."""
    number = axis.start.dtype.type
    first_cell = (axis.start + number(0.5))[:, None]
    section = axis.section_size[:, None]
    i = np.arange(axis.sections, dtype=number)
    first = first_cell + np.floor(i * section)
    end = first_cell + np.ceil((i + 1) * section)
    return np.clip(first, 0, axis.cells), np.clip(end, 0, axis.cells)  # (R, S)


def _in_section(axis: RoiAxis, step: Float) -> Float:
    """Return positions (R, S, P) from the steps (R, 1, P) into a section."""
    i = np.arange(axis.sections, dtype=axis.start.dtype)[:, None]
    return axis.start[:, None, None] + i * axis.section_size[:, None, None] + step


def _position_centred(axis: RoiAxis, q: Float) -> Float:
    grid = np.maximum(axis.count, 1).astype(q.dtype)[:, :, None]
    return _in_section(axis, (q + q.dtype.type(0.5)) * axis.section_size[:, None, None] / grid)


def _position_dividers(axis: RoiAxis, q: Float) -> Float:
    parts = (axis.count + 1).astype(q.dtype)[:, :, None]
    return _in_section(axis, (q + 1) * axis.section_size[:, None, None] / parts)


def _position_corners(axis: RoiAxis, _q: Float) -> Float:
    number = axis.start.dtype.type
    if axis.sections == 1:
        middle = number(0.5) * (axis.first + axis.last) * axis.scale
        return middle[:, None, None]
    i = np.arange(axis.sections, dtype=number)
    step = (axis.size / number(axis.sections - 1))[:, None]
    return (axis.start[:, None] + i * step)[:, :, None]


def _position_cells(axis: RoiAxis, q: Float) -> Float:
    return _cell_range(axis)[0][:, :, None] + q


_RULES = {
    "centred": _PointsRule(_extent_between_edges, _count_centred, _position_centred),
    "dividers": _PointsRule(_extent_between_edges, _count_dividers, _position_dividers),
    "corners": _PointsRule(_extent_between_corners, _count_one, _position_corners),
    "cells": _PointsRule(_extent_of_cells, _count_cells, _position_cells),
}


def _centre_is_lower(position: Float, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    lower = np.floor(position).astype(np.intp)
    return lower, np.minimum(lower + 1, cells - 1)


def _centre_is_upper(position: Float, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    lower = np.maximum(np.ceil(position) - 1, 0).astype(np.intp)
    return lower, np.minimum(lower + 1, cells - 1)


def _centre_is_both(position: Float, _cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.floor(position).astype(np.intp), np.ceil(position).astype(np.intp)


# position (R, S, P) on the map, cells → lower and upper neighbour (R, S, P)
_NEIGHBOURS = {
    "lower": _centre_is_lower,
    "upper": _centre_is_upper,
    "both": _centre_is_both,
}
_REVERSED = {"lower": "upper", "upper": "lower", "both": "both"}
