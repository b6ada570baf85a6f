"""Describe how ROI Pool rounds a box to whole cells, beside the box itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roialign_cli.core.boxes import FrameAxis
from roialign_cli.core.convention import BOX_FIELDS
from roialign_cli.core.operation import Operation
from roialign_cli.core.presets import PRESETS


@dataclass(frozen=True)
class Edge:
    """Describe one edge of a box on the feature map.

    Parameters
    ----------
    position
        Where the edge of the box lies, in cells.
    rounded
        Where ROI Pool places the edge, in cells.
    moved
        The distance between both, in the units of the box; NaN if the scale is 0, as it is for a
        normalised box that ends at the centre of the only cell.
    """

    position: float
    rounded: float
    moved: float


@dataclass(frozen=True)
class RoundedRoi:
    """Describe what ROI Pool's rounding does to a box.

    Parameters
    ----------
    left, right, top, bottom
        The edges of the box.
    size, rounded_size
        (width, height) in cells, before and after rounding. An inverted box has negative sizes
        before.
    bin_widths, bin_heights
        The cells of each bin on the map, from the left and from the top.
    """

    left: Edge
    right: Edge
    top: Edge
    bottom: Edge
    size: tuple[float, float]
    rounded_size: tuple[float, float]
    bin_widths: tuple[int, ...]
    bin_heights: tuple[int, ...]


def rounded_roi(operation: Operation, roi: int) -> RoundedRoi:
    """Round a box of an operation with the rules of the preset roi-pool.

    Positions are in the frame of the operation.

    Parameters
    ----------
    operation
        A call with any convention; its scale and output size are kept.
    roi
        The index of the box.
    """
    fields: dict[str, Any] = {name: getattr(operation.convention, name) for name in BOX_FIELDS}
    convention = replace(PRESETS["roi-pool"].convention, **fields)
    one = replace(operation, convention=convention).for_box_and_channel(roi, 0)
    plan, frame, box = one.plan(), operation.frame, one.boxes_xyxy[0].tolist()
    # Where coordinate 0 of the box lies, in cell-index units.
    ends_at_centres = convention.normalized and convention.normalized_by == "last-centre"
    zero = 0.0 if ends_at_centres else -0.5

    def edge(end: float, scale: float, rounded: float, axis: FrameAxis) -> Edge:
        index = end * scale + zero
        moved = abs(rounded - index) / scale if scale else math.nan
        return Edge(axis.coordinate(index), axis.coordinate(rounded), moved)

    (y_scale, x_scale), x, y = one.spatial_scale, plan.x, plan.y
    left, top = float(x.roi_start[0]), float(y.roi_start[0])
    right, bottom = left + float(x.roi_size[0]), top + float(y.roi_size[0])
    widths, heights = (
        tuple(np.broadcast_to(axis.count[0], axis.sections).tolist()) for axis in (x, y)
    )
    return RoundedRoi(
        left=edge(box[0], x_scale, left, frame.x_axis),
        right=edge(box[2], x_scale, right, frame.x_axis),
        top=edge(box[1], y_scale, top, frame.y_axis),
        bottom=edge(box[3], y_scale, bottom, frame.y_axis),
        size=((box[2] - box[0]) * x_scale, (box[3] - box[1]) * y_scale),
        rounded_size=(float(x.roi_size[0]), float(y.roi_size[0])),
        bin_widths=widths,
        bin_heights=heights,
    )
