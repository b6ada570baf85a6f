"""The sampling plan: where the points of every section lie along an axis, and between which cells.

Every member of the family is two one-dimensional plans, one along y and one along x. They are made
here, once, and read by everything else: pooling contracts them with the feature map, the trace
prints them, the figures draw them.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    start, size
        (R,). First edge and extent, after the convention's offset and smallest size.
    raw_size
        (R,). The extent before the smallest size was applied.
    count
        (R,). Points per section as the convention counts them: not positive where a region is
        empty or inverted and the grid adaptive.
    sections
        Sections per region.
    cells
        Cells of the feature map along this axis.
    """

    start: Float
    size: Float
    raw_size: Float
    count: NDArray[np.intp]
    sections: int
    cells: int

    @property
    def section_size(self) -> Float:
        """(R,). The extent of one section, in cells."""
        return self.size / self.size.dtype.type(self.sections)

    def __getitem__(self, rois: slice) -> RoiAxis:
        """Return the same axis of some of the regions."""
        return RoiAxis(
            self.start[rois],
            self.size[rois],
            self.raw_size[rois],
            self.count[rois],
            self.sections,
            self.cells,
        )


@dataclass(frozen=True)
class AxisSamples:
    """The sample points of R regions, S sections each, along one axis.

    P is the largest number of points that any of these sections has; `present` tells which of
    them are points at all.

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

    def samples(self, rois: slice = slice(None)) -> tuple[AxisSamples, AxisSamples]:
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
    number = first.dtype.type
    with np.errstate(over="ignore", invalid="ignore"):
        start = first * number(scale) - number(convention.offset)
        raw_size = last * number(scale) - number(convention.offset) - start
        size = (
            np.maximum(raw_size, number(convention.min_size)) if convention.min_size else raw_size
        )
        section = size / number(sections)
    _check_extent(start, section)
    count = _COUNTERS[convention.points](section, sections, convention)
    return RoiAxis(start, size, raw_size, count, sections, cells)


def _check_extent(start: Float, section: Float) -> None:
    bad = np.flatnonzero(~(np.isfinite(start) & np.isfinite(section)))
    if len(bad):
        raise ArgumentError("boxes", f"box {bad[0]} times the scale overflows {start.dtype}")


def _count_centred(section: Float, _sections: int, convention: Convention) -> NDArray[np.intp]:
    if convention.sampling_ratio:
        return np.full(section.shape, convention.sampling_ratio, np.intp)
    count = np.ceil(section)
    most = count.max(initial=0)
    if most > _MOST_POINTS:
        roi = int(count.argmax())
        raise ArgumentError(
            "boxes",
            f"box {roi} would take {most:.3g} sample points a section along one axis; "
            "check the scale or set a sampling ratio",
        )
    return count.astype(np.intp)


def _count_dividers(section: Float, sections: int, convention: Convention) -> NDArray[np.intp]:
    parts = convention.divide or sections
    if parts == 1:
        raise ArgumentError(
            "divide", "one section along an axis has no interior dividers; set divide to 2 or more"
        )
    return np.full(section.shape, parts - 1, np.intp)


# (R,) section sizes → (R,) points per section
_COUNTERS = {"centred": _count_centred, "dividers": _count_dividers}


def _refuse(plan: Plan) -> None:
    if plan.convention.refuses == "nothing":
        return
    bad = np.flatnonzero((plan.y.raw_size <= 0) | (plan.x.raw_size <= 0))
    if len(bad):
        raise ArgumentError(
            "boxes",
            f"box {bad[0]} has no area on the feature map, and {plan.convention.name} "
            "needs some; check the box format",
        )


def _place(axis: RoiAxis, convention: Convention, *, reverse: bool) -> AxisSamples:
    number = axis.start.dtype.type
    start = axis.start[:, None, None]
    section = axis.section_size[:, None, None]
    count = axis.count[:, None, None]
    i = np.arange(axis.sections, dtype=number)[:, None]  # (S, 1)
    q = np.arange(axis.count.max(initial=0))  # (P,)

    if convention.points == "centred":
        step = (q.astype(number) + number(0.5)) * section / np.maximum(count, 1).astype(number)
    else:
        step = (q + 1).astype(number) * section / (count + 1).astype(number)
    position = start + i * section + step  # (R, S, P)
    if convention.coordinate_decimals is not None:
        position = np.round(position, convention.coordinate_decimals)

    present = np.broadcast_to(q < count, position.shape)
    margin = number(convention.border_margin)
    counted = present & (position >= -margin) & (position <= axis.cells - 1 + margin)
    clamped = np.clip(position, 0, axis.cells - 1)
    # With y up the upper neighbour in the frame is the one with the smaller row.
    centre_is_upper = (convention.on_centre == "upper") != reverse
    floor = np.ceil(clamped) - 1 if centre_is_upper else np.floor(clamped)
    lower = np.maximum(floor, 0).astype(np.intp)
    upper = np.minimum(lower + 1, axis.cells - 1)
    return AxisSamples(position, lower, upper, clamped - lower.astype(number), counted, present)
