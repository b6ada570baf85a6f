"""Find the common pitfalls of ROI Align in a call, and describe them in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from roialign_cli.analysis.box_conditions import Mask, box_extents, near_a_whole
from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import BoxFormat, Convention
from roialign_cli.core.operation import Operation
from roialign_cli.core.sampling import Plan

Pitfall = Literal[
    "outside", "normalized", "upside-down", "grown", "empty", "inverted", "ceil", "many-points"
]


@dataclass(frozen=True)
class Note:
    """Describe a pitfall and what to do about it.

    Parameters
    ----------
    pitfall
        Which pitfall.
    rois
        The boxes concerned, from 0.
    text
        The warning, one line.
    """

    pitfall: Pitfall
    rois: tuple[int, ...]
    text: str


def find_notes(operation: Operation, plan: Plan, roi: int | None = None) -> tuple[Note, ...]:
    """Return the pitfalls of one box, or of all boxes."""
    rois = np.ones(len(operation.boxes_xyxy), np.bool_)
    if roi is not None:
        rois = np.arange(len(rois)) == roi
    if not rois.any():
        return ()
    outside = outside_share(plan)
    advice = _advice(operation, plan, outside, rois)
    finders = _empty, _ceil, _many_points
    return (
        *_outside(plan, outside, rois, advice),
        *_normalized(operation, rois),
        *_grown(plan, rois, advice),
        *_inverted(plan, rois, advice),
        *(note for find in finders for note in find(plan, rois)),
    )


def _note(pitfall: Pitfall, mask: Mask, requested: Mask, text: str) -> Iterator[Note]:
    """Yield a note if any requested box is concerned; `{}` in the text becomes their numbers."""
    rois = np.flatnonzero(mask & requested).tolist()
    if rois:
        yield Note(pitfall, tuple(rois), text.format(numbered(rois)))


_MAX_LISTED = 8


def numbered(rois: Sequence[int]) -> str:
    """Format the numbers of some boxes, at most the first `_MAX_LISTED`."""
    listed = ", ".join(map(str, rois[:_MAX_LISTED]))
    rest = f" and {len(rois) - _MAX_LISTED} more" if len(rois) > _MAX_LISTED else ""
    return f"ROI{'s' if len(rois) > 1 else ''} {listed}{rest}"


def _outside(plan: Plan, share: Float, requested: Mask, advice: str) -> Iterator[Note]:
    convention = plan.convention
    percent = f"{max(100 * float(share[requested].mean()), 0.1):.3g} %"
    value = f"{convention.extrapolation_value:g}"
    place, margin = "beyond the outermost cell centres", convention.border_margin
    if margin:
        place = f"more than {margin:g} {'cell' if margin == 1 else 'cells'} {place}"
    text = f"{percent} of the sample points lie {place} and have the value {value}"
    if convention.points == "cells":
        text = f"{percent} of the ROI area lies outside the map; sections without cells give 0"
    yield from _note("outside", share > 0, requested, f"{{}}: {text}{advice}")


def outside_share(plan: Plan) -> Float:
    """Return the share of the points of each region that lie outside the map, (R,).

    ROI Pool has no points outside; there it is the share of the area more than a cell outside.
    """
    inside = np.ones(len(plan.y.roi_start))
    margin = plan.convention.border_margin
    if plan.convention.points == "cells":
        for axis in (plan.y, plan.x):
            inside *= _overlap(axis, -0.5 - margin, axis.cells - 0.5 + margin)
        return 1 - inside
    if plan.convention.points != "centred":  # few points per section and axis
        with np.errstate(over="ignore"):
            samples = plan.samples()
        for axis_samples in samples:
            inside *= axis_samples.in_bounds.mean(axis=(1, 2))
        return 1 - inside
    for axis in (plan.y, plan.x):
        inside *= _share_within(axis, -margin, axis.cells - 1 + margin)
    return 1 - inside


def _overlap(axis: RoiAxis, low: float, high: float) -> Float:
    """Return the share of the extent of each region between two positions, (R,)."""
    start, size = axis.roi_start.astype(np.float64), axis.roi_size.astype(np.float64)
    overlap = np.minimum(start + size, high) - np.maximum(start, low)
    return np.asarray(np.clip(overlap / size, 0, 1))


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


_MISREAD_SHARE = 0.25  # points outside from which the boxes may be misread


def _advice(operation: Operation, plan: Plan, outside: Float, requested: Mask) -> str:
    """Describe readings of the boxes that put all of them inside the map.

    Return "" if there are none, or if nothing suggests that the boxes are misread: their points
    lie inside, and no box is inverted or, like all others, smaller than a cell.
    """
    tiny = (plan.y.unclamped_size < 1) & (plan.x.unclamped_size < 1)
    all_tiny = bool(tiny[requested].all()) and plan.convention.min_size > 0
    misread = outside[requested].mean() >= _MISREAD_SHARE or (_is_inverted(plan) & requested).any()
    if not misread and not all_tiny:
        return ""
    formats = () if all_tiny and not misread else _other_formats(operation)
    found = [words for readings in (_other_scales(operation), formats) for words in _fits(readings)]
    return f"; {', or '.join(found)} would place all points inside the map" if found else ""


def _fits(readings: Iterable[tuple[str, Operation]]) -> list[str]:
    """Return the first of some readings that puts all boxes inside the map, if any."""
    for words, changed in readings:
        plan = changed.plan()
        if outside_share(plan).max() <= 0 and not _is_inverted(plan).any():
            return [words]
    return []


def _is_inverted(plan: Plan) -> Mask:
    """Return which boxes have their second corner before the first, (R,)."""
    inverted = (plan.y.box_end < plan.y.box_start) | (plan.x.box_end < plan.x.box_start)
    return np.asarray(inverted, dtype=np.bool_)


def _normalized(operation: Operation, requested: Mask) -> Iterator[Note]:
    given = np.abs(operation.boxes_given)
    small = given.max(initial=0) <= _MAX_FRACTION and operation.spatial_scale == (1.0, 1.0)
    if small and not operation.convention.normalized and min(operation.map_size) > _MAX_FRACTION:
        yield from _note(
            "normalized",
            np.full(len(given), fill_value=True),
            requested,
            "{}: all coordinates are at most 1, so all boxes lie in the first cell of the map; "
            "--normalized reads coordinates as fractions of the map",
        )


_MAX_FRACTION = 1.05  # the largest coordinate that may be a fraction of the map


def _read_again(
    operation: Operation,
    scale: float | None = None,
    **fields: Any,  # noqa: ANN401
) -> Operation:
    """Return the operation with other convention fields for reading boxes, or another scale."""
    plain: dict[str, Any] = {"rejects": "nothing", "inclusive": False}
    convention = replace(operation.convention, **(plain | fields))
    scales = operation.spatial_scale if scale is None else (scale, scale)
    return replace(operation, convention=convention, spatial_scale=scales).with_corners()


def _other_scales(operation: Operation) -> Iterator[tuple[str, Operation]]:
    """Yield the operation with boxes in cells or, from cells, in pixels at common strides."""
    if operation.convention.normalized:
        yield (
            "reading the boxes in cells (--absolute)",
            _read_again(operation, 1.0, normalized=False),
        )
    elif operation.spatial_scale == (1.0, 1.0):
        # Boxes that fit the map in another format are hardly in pixels.
        if np.abs(operation.boxes_given).max() <= max(operation.map_size):
            return
        for by in (4, 8, 16, 32):
            yield f"dividing by {by} (--spatial-scale 1/{by})", _read_again(operation, 1 / by)
    else:
        yield "reading the boxes in cells (--spatial-scale 1)", _read_again(operation, 1.0)


def _other_formats(operation: Operation) -> Iterator[tuple[str, Operation]]:
    """Yield the operation with the boxes in each other format."""
    convention = operation.convention
    if convention.origin == "bottom-left":
        changed = _read_again(operation, origin="top-left")
        yield "measuring y from the top (--origin top-left)", changed
    for box_format in get_args(BoxFormat):
        changed = _read_again(operation, box_format=box_format)
        xyxy = changed.boxes_xyxy
        if box_format == convention.box_format or (xyxy[:, 2:] < xyxy[:, :2]).any():
            continue
        swapped = {convention.box_format, box_format} == {"xyxy", "yxyx"}
        words = "swapping x and y" if swapped else f"reading the boxes as {box_format}"
        yield f"{words} (--box-format {box_format})", changed


def _grown(plan: Plan, requested: Mask, advice: str) -> Iterator[Note]:
    minimum = plan.convention.min_size
    inverted = ", or inverted," if (_is_inverted(plan) & requested).any() else ""
    small = ((plan.y.unclamped_size < minimum) | (plan.x.unclamped_size < minimum)) & (minimum > 0)
    text = f"smaller than {minimum:g} × {minimum:g} cells{inverted} and enlarged to that size"
    remedy = "; --min-size 0 keeps the original size, as conventions with aligned=True do"
    if plan.convention.points == "cells" and minimum <= 1:
        # Whole cells are at least 1 × 1, but the last cell alone makes most boxes that large.
        height, width = box_extents(plan)
        small = (height <= 0) | (width <= 0)
        state = "no width or height, or inverted," if inverted else "no width or height"
        if (_is_inverted(plan) | ~small)[requested].all():
            state = "inverted"
        text = f"{state} and enlarged to one cell along that axis"
        remedy = "; check the box format"
    yield from _note("grown", small, requested, f"{{}}: {text}{advice or remedy}")


def _empty(plan: Plan, requested: Mask) -> Iterator[Note]:
    y, x = plan.y, plan.x
    empty = ((y.unclamped_size == 0) | (x.unclamped_size == 0)) & _keeps_size(plan)
    yield from _note(
        "empty",
        empty,
        requested,
        f"{{}}: no area; {_result_of(plan.convention, 'empty')}; check the box format",
    )


def _inverted(plan: Plan, requested: Mask, advice: str) -> Iterator[Note]:
    convention = plan.convention
    if convention.min_size > 0 or convention.points == "cells":  # the note on grown boxes
        return
    result = _result_of(convention, "inverted")
    text = f"the second corner is before the first; {result}{advice or '; check the box format'}"
    yield from _note("inverted", _is_inverted(plan), requested, f"{{}}: {text}")


def _keeps_size(plan: Plan) -> Mask:
    """Return which regions do not grow to a minimum size, (R,); those of ROI Pool always do."""
    convention = plan.convention
    grows = convention.min_size > 0 or convention.points == "cells"
    return np.full(len(plan.y.roi_start), not grows)


def _result_of(convention: Convention, kind: str) -> str:
    """Describe what a convention does with an empty or inverted box."""
    if convention.points != "centred" or convention.sampling_ratio:
        return {
            "empty": "all sample points of a section lie on a line or in one place",
            "inverted": "the sample points run backwards, which flips the output",
        }[kind]
    if convention.pooling == "max":
        return f"without sample points, the maximum is {convention.max_of_empty:g}"
    value = "0" if convention.clamp_count else "not a number"
    both = (
        ", 0 if inverted along both axes"
        if kind == "inverted" and not convention.clamp_count
        else ""
    )
    return f"without sample points, the average is {value}{both}"


def _ceil(plan: Plan, requested: Mask) -> Iterator[Note]:
    yield from _note(
        "ceil",
        near_a_whole(plan),
        requested,
        "{}: the section size is a whole number of cells up to rounding, so the adaptive grid may "
        "have one point more or less in another program; --sampling-ratio N fixes the grid",
    )


# Points of a box and of one of its sections above which the grid is a pitfall.
_MAX_BOX_POINTS, _MAX_SECTION_POINTS = 10_000_000, 1000


def _many_points(plan: Plan, requested: Mask) -> Iterator[Note]:
    x, y = plan.x.points, plan.y.points
    in_section = np.maximum(plan.x.count, 0).max(axis=1) * np.maximum(plan.y.count, 0).max(axis=1)
    most = int((x * y).argmax())
    adaptive = plan.convention.points == "centred" and not plan.convention.sampling_ratio
    kind = "an adaptive grid" if adaptive else "a grid"
    remedy = "check the scale, or use --sampling-ratio 2" if adaptive else "use fewer points"
    yield from _note(
        "many-points",
        (x * y > _MAX_BOX_POINTS) & (in_section > _MAX_SECTION_POINTS),
        requested,
        f"{{}}: {kind} of up to {x[most]:.3g} × {y[most]:.3g} sample points, which most "
        f"libraries compute one by one; {remedy}",
    )
