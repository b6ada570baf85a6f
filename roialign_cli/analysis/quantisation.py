"""Describe how ROI Pool rounds a box to whole cells, and which cells each section pools.

Positions are in cells, in the frame of a trace: cell c covers [c, c + 1) along x.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from roialign_cli.analysis.rectangle import Rectangle
from roialign_cli.analysis.trace import Trace, box_on_map
from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Frame
from roialign_cli.core.convention import BOX_FIELDS
from roialign_cli.core.operation import Operation
from roialign_cli.core.point_rules import pooled_cells
from roialign_cli.core.presets import PRESETS
from roialign_cli.core.sampling import Plan
from roialign_cli.errors import ArgumentError


@dataclass(frozen=True)
class Side:
    """Describe how rounding moves one side of a box.

    Parameters
    ----------
    position
        Where the side of the box lies, in cells.
    rounded
        Where the side of the rounded box lies, in cells.
    gained
        By how much the side moves outward, in cells; negative if the box loses a strip.
    gained_pixels
        The same in image pixels; None if boxes are in cells or normalised.
    """

    position: float
    rounded: float
    gained: float
    gained_pixels: float | None


@dataclass(frozen=True)
class Quantisation:
    """Describe what ROI Pool does to a box.

    Parameters
    ----------
    frame
        The frame of all positions.
    box
        The box on the map before rounding.
    rounded
        The box in whole cells, at least as large as the minimum size. With the rules of roi-pool,
        the cell in which the box ends is part of it. It may reach beyond the map.
    grown
        Whether rounding leaves less than the smallest ROI, so that the rounded box is larger.
    left, right, top, bottom
        What rounding changes at each side of the box.
    columns, rows
        The columns of the map that the sections pool, from the left, and the rows, from the top.
        Ranges of neighbouring sections may overlap; a range is empty if no cell is on the map.
    """

    frame: Frame
    box: Rectangle
    rounded: Rectangle
    grown: bool
    left: Side
    right: Side
    top: Side
    bottom: Side
    columns: tuple[range, ...]
    rows: tuple[range, ...]

    @property
    def sides(self) -> tuple[Side, Side, Side, Side]:
        """The left, right, top and bottom side."""
        return self.left, self.right, self.top, self.bottom

    @property
    def enlarged_along(self) -> tuple[bool, bool]:
        """Whether the box is empty or inverted along x and along y, and so becomes one cell."""
        return self.box.width <= 0, self.box.height <= 0

    @property
    def enlarged(self) -> bool:
        """Whether the box is empty or inverted, and so grows to one cell along an axis."""
        return any(self.enlarged_along)

    def bin(self, i: int, j: int) -> Rectangle | None:
        """Return the cells that section (i, j) pools, None if it pools none.

        Parameters
        ----------
        i, j
            The section: i along x and j from the top, from 1.
        """
        columns, rows = self.columns[i - 1], self.rows[j - 1]
        if not (columns and rows):
            return None
        return Rectangle.of_indices(
            self.frame,
            left=columns.start - 0.5,
            top=rows.start - 0.5,
            right=columns.stop - 0.5,
            bottom=rows.stop - 0.5,
        )


def quantise(trace: Trace) -> Quantisation:
    """Return what the rounding of a trace's convention does to its box.

    Raises
    ------
    ArgumentError
        If the points of the convention are not cells.
    """
    if trace.convention.points != "cells":
        problem = f"must be 'cells' to round a box, got {trace.convention.points!r}"
        raise ArgumentError("points", problem)
    return _quantised(trace.plan, trace.frame, trace.box_on_map, trace.scale)


def quantised_by_roi_pool(operation: Operation, roi: int) -> Quantisation:
    """Return what the preset roi-pool does to a box of an operation with any convention.

    Positions are in the frame of the operation.

    Parameters
    ----------
    operation
        A call; its boxes, scale and output size are kept.
    roi
        The index of the box.
    """
    one = with_roi_pool(operation).for_box_and_channel(roi, 0)
    return quantise_one(one, one.plan())


def with_roi_pool(operation: Operation) -> Operation:
    """Return an operation with the rules of the preset roi-pool, the same boxes and channels."""
    kept = (*BOX_FIELDS, "channel_map")
    fields: dict[str, Any] = {name: getattr(operation.convention, name) for name in kept}
    return replace(operation, convention=replace(PRESETS["roi-pool"].convention, **fields))


def quantise_one(one: Operation, plan: Plan) -> Quantisation:
    """Return what ROI Pool does to the only box of an operation with its rules.

    Parameters
    ----------
    one
        An operation that `with_roi_pool` returned, with one box.
    plan
        Its sampling plan.
    """
    frame, (y_scale, x_scale) = one.frame, one.spatial_scale
    return _quantised(plan, frame, box_on_map(one, frame), (x_scale, y_scale))


def _quantised(
    plan: Plan, frame: Frame, box: Rectangle, scales: tuple[float, float]
) -> Quantisation:
    left, top = float(plan.x.roi_start[0]), float(plan.y.roi_start[0])
    right, bottom = left + float(plan.x.roi_size[0]), top + float(plan.y.roi_size[0])
    rounded = Rectangle.of_indices(frame, left, top, right, bottom)
    has_pixels = not plan.convention.normalized and scales != (1.0, 1.0)

    def side(name: str, outward: int, scale: float) -> Side:
        before, after = getattr(box, name), getattr(rounded, name)
        gained = outward * (after - before) + 0.0  # no negative zero
        return Side(before, after, gained, gained / scale if has_pixels else None)

    return Quantisation(
        frame=frame,
        box=box,
        rounded=rounded,
        grown=bool((plan.x.roi_size > plan.x.unclamped_size)[0])
        or bool((plan.y.roi_size > plan.y.unclamped_size)[0]),
        left=side("left", -1, scales[0]),
        right=side("right", 1, scales[0]),
        top=side("top", -frame.y_sign, scales[1]),
        bottom=side("bottom", frame.y_sign, scales[1]),
        columns=_ranges(plan.x),
        rows=_ranges(plan.y),
    )


def _ranges(axis: RoiAxis) -> tuple[range, ...]:
    first, count = pooled_cells(axis)
    pairs = zip(first[0].tolist(), count[0].tolist(), strict=True)
    return tuple(range(start, start + cells) for start, cells in pairs)
