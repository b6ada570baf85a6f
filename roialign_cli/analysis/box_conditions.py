"""Find what is special about ROIs: where they lie, their size, their number of points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.point_rules import POINTS_RULES
from roialign_cli.core.sampling import Plan

Mask = NDArray[np.bool_]

_ANY_BORDER = "over the border"
_BORDER_SLACK = 1e-3  # cells over the border that rounding alone may cause
# Relative distance to a whole number of cells at which ceil may round up or not.
_CEIL_SLACK = 4e-6


def box_conditions(plan: Plan) -> dict[str, Mask]:
    """Return which of R regions meet each condition: its name → (R,), bool."""
    y, x = plan.y, plan.x
    heights, widths = box_extents(plan)
    return {
        "outside the map": _off(y) | _off(x),
        "over the left border": _before(x),
        "over the right border": _beyond(x),
        "over the top border": _before(y),
        "over the bottom border": _beyond(y),
        _ANY_BORDER: _before(x) | _beyond(x) | _before(y) | _beyond(y),
        "empty": (heights == 0) | (widths == 0),
        "inverted": (heights < 0) | (widths < 0),
        "smaller than a cell": (np.abs(heights) < 1) | (np.abs(widths) < 1),
        "at a rounding threshold of the adaptive grid": near_a_whole(plan),
    }


def box_extents(plan: Plan) -> tuple[Float, Float]:
    """Return the height and the width of boxes on the map before rounding and minimum size, (R,).

    Inverted boxes have negative extents.
    """
    if plan.convention.points != "cells":
        return plan.y.unclamped_size, plan.x.unclamped_size
    height, width = ((axis.box_end - axis.box_start) * axis.scale for axis in (plan.y, plan.x))
    return height, width


def near_a_whole(plan: Plan) -> Mask:
    """Return which regions have sections of a size so near a threshold that the grid may differ."""
    near = np.zeros(len(plan.y.roi_start), np.bool_)
    if not plan.convention.is_adaptive:
        return near
    # Halves are the thresholds of rounding to the nearest whole number.
    threshold = 0.5 if plan.convention.grid_rounding == "round" else 0.0
    for axis, ratio in zip((plan.y, plan.x), plan.convention.sampling_ratios, strict=True):
        if not ratio:
            near |= _at_a_whole(axis, plan.convention, threshold)
    return near


def _at_a_whole(axis: RoiAxis, convention: Convention, threshold: float) -> Mask:
    section = axis.roi_size.astype(np.float64) / axis.sections
    whole = np.round(section - threshold) + threshold
    # Whole numbers are exact in either precision.
    length = (axis.box_end.astype(np.float64) - axis.box_start) * float(axis.scale)
    exact = (length == whole * axis.sections) | (_exact_size(axis, convention) == axis.roi_size)
    certain = (section == whole) & exact
    # The rounding of the edges, which is proportional to them, counts as well.
    slack = (
        _CEIL_SLACK * np.maximum(np.abs(axis.roi_start) + np.abs(axis.roi_size), 1) / axis.sections
    )
    near = (whole > 0) & (np.abs(section - whole) <= slack)
    return np.asarray(near & ~certain, dtype=np.bool_)


def _exact_size(axis: RoiAxis, convention: Convention) -> Float:
    """Return the extent of each region by the rules, in float64, (R,)."""
    first, last = axis.box_start.astype(np.float64), axis.box_end.astype(np.float64)
    extent = POINTS_RULES[convention.points].extent
    _, size = extent(first, last, np.float64(axis.scale), axis.cells, convention)
    return np.maximum(size, convention.min_size) if convention.min_size else size


def _ends(axis: RoiAxis) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    end = axis.roi_start + axis.roi_size
    return np.minimum(axis.roi_start, end), np.maximum(axis.roi_start, end)


def _off(axis: RoiAxis) -> Mask:
    low, high = _ends(axis)
    return np.asarray((high <= -0.5) | (low >= axis.cells - 0.5), dtype=np.bool_)


def _before(axis: RoiAxis) -> Mask:
    return np.asarray(_ends(axis)[0] < -0.5 - _BORDER_SLACK, dtype=np.bool_)


def _beyond(axis: RoiAxis) -> Mask:
    return np.asarray(_ends(axis)[1] > axis.cells - 0.5 + _BORDER_SLACK, dtype=np.bool_)


def common_conditions(conditions: Mapping[str, Mask], some: Mask) -> list[str]:
    """Return the conditions that all of some regions meet and few of the others, clearest first.

    Examples
    --------
    >>> empty, inverted = np.array([True, True, False]), np.array([False, True, True])
    >>> common_conditions({"empty": empty, "inverted": inverted}, empty)
    ['empty']
    """
    others = ~some
    if not some.any():
        return []
    shares = {
        name: (float(has[some].mean()), float(has[others].mean()) if others.any() else 0.0)
        for name, has in conditions.items()
    }
    distinctive = {
        name: least
        for name, (most, least) in shares.items()
        if most == 1 and least < _MAX_OTHER_SHARE
    }
    if any(name.startswith("over the ") and name != _ANY_BORDER for name in distinctive):
        distinctive.pop(_ANY_BORDER, None)
    return sorted(distinctive, key=lambda name: distinctive[name])


_MAX_OTHER_SHARE = 0.34  # of the other regions that may meet a condition
