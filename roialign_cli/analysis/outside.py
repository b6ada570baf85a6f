"""Measure how much of each region lies outside the map."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.sampling import AxisSamples, Plan


def outside_share(plan: Plan) -> Float:
    """Return the share of the points of each region that lie outside the map, (R,).

    ROI Pool has no points outside; there it is the share of the area more than a cell outside.
    If no point is ever outside, it is the share of the points more than a cell outside.
    """
    inside = np.ones(len(plan.y.roi_start))
    convention, margin = plan.convention, noted_margin(plan.convention)
    if convention.reads_cells:
        beyond = margin + (0.5 if convention.points == "cells" else 0.0)
        for axis in (plan.y, plan.x):
            cells = axis.cells - convention.unread_cells
            inside *= _overlap(axis, -beyond, cells - 1 + beyond)
        return 1 - inside
    plain = convention.point_in_part == 0.5 and convention.grid_points == "all"
    if convention.points != "centred" or convention.clip_sections or not plain:
        # Few points per section and axis, or at most as many as the map has cells.
        with np.errstate(over="ignore"):
            samples = plan.samples()
        for axis_samples, cells in zip(samples, plan.map_size, strict=True):
            inside *= _share_of_samples(axis_samples, margin, cells)
        return 1 - inside
    for axis in (plan.y, plan.x):
        inside *= _share_within(axis, -margin, axis.cells - 1 + margin)
    return 1 - inside


def _share_of_samples(samples: AxisSamples, margin: float, cells: int) -> Float:
    """Return the share of the points of each region up to a distance from the map, (R,)."""
    number = samples.position.dtype.type
    within = (samples.position >= -number(margin)) & (
        samples.position <= number(cells - 1) + number(margin)
    )
    valid = np.broadcast_to(samples.valid, within.shape)
    points = np.count_nonzero(valid, axis=(1, 2))
    share: Float = np.count_nonzero(within & valid, axis=(1, 2)) / np.maximum(points, 1)
    return np.where(points > 0, share, 1.0)


def _overlap(axis: RoiAxis, low: float, high: float) -> Float:
    """Return the share of the extent of each region between two positions, (R,)."""
    start, size = axis.roi_start.astype(np.float64), axis.roi_size.astype(np.float64)
    overlap = np.minimum(start + size, high) - np.maximum(start, low)
    in_one_place = (start >= low) & (start <= high)
    share = np.clip(overlap / np.where(size > 0, size, 1), 0, 1)
    return np.where(size > 0, share, in_one_place)


def _share_within(axis: RoiAxis, low: float, high: float) -> Float:
    """Return the share of centred points of each region between two positions, (R,)."""
    points = np.maximum(axis.points, 1)
    step = np.abs(axis.roi_size.astype(np.float64)) / points
    first = np.minimum(axis.roi_start, axis.roi_start + axis.roi_size) + step / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        before = np.ceil((low - first) / step)
        until = np.floor((high - first) / step) + 1
    between = np.clip(until, 0, points) - np.clip(before, 0, points)
    in_one_place = (first >= low) & (first <= high)
    return np.where(step > 0, np.maximum(between, 0) / points, in_one_place)


def edges_passed(plan: Plan, rois: NDArray[np.bool_]) -> list[str]:
    """Return the edges of the map that some regions pass by more than the noted margin."""
    margin = noted_margin(plan.convention)
    edges = []
    for axis, names in ((plan.x, ("left", "right")), (plan.y, ("top", "bottom"))):
        start, size = axis.roi_start[rois], axis.roi_size[rois]
        with np.errstate(over="ignore", invalid="ignore"):  # huge boxes
            corners = np.concatenate([start, start + size])
        passed = corners.min(initial=0) < -margin, corners.max(initial=0) > axis.cells - 1 + margin
        edges += [name for name, is_passed in zip(names, passed, strict=True) if is_passed]
    return edges


def noted_margin(convention: Convention) -> float:
    """Return how far beyond the outermost cell centres a point may lie without a note, in cells."""
    is_always_inside = math.isinf(convention.border_margin) or convention.points == "integral"
    return 1.0 if is_always_inside else convention.border_margin
