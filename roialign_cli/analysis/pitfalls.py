"""Find the common pitfalls of ROI Align in a call, and describe them in one line each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from roialign_cli.analysis.box_conditions import Mask, box_extents, near_a_whole
from roialign_cli.analysis.outside import edges_passed, noted_margin, outside_share
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import BoxFormat, Convention
from roialign_cli.core.operation import Operation
from roialign_cli.core.sampling import Plan

Pitfall = Literal[
    "outside",
    "normalized",
    "upside-down",
    "grown",
    "empty",
    "inverted",
    "no-points",
    "left-out",
    "ceil",
    "many-points",
    "no-level",
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
    return find_notes_of(operation, plan, rois)


def find_notes_of(
    operation: Operation, plan: Plan, rois: Mask, *, advise: bool = True
) -> tuple[Note, ...]:
    """Return the pitfalls of some boxes.

    Parameters
    ----------
    operation, plan
        The operation and its plan, of all R boxes.
    rois
        (R,), which boxes.
    advise
        Whether to suggest other readings of the boxes.
    """
    if not rois.any():
        return ()
    outside = outside_share(plan)
    advice = _advice(operation, plan, outside, rois) if advise else ""
    finders = _empty, _no_points, _left_out, _ceil, _many_points
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
    place, margin = "beyond the outermost cell centres", noted_margin(convention)
    if margin:
        place = f"more than {margin:g} {'cell' if margin == 1 else 'cells'} {place}"
    *others, last = edges_passed(plan, requested & (share > 0)) or [""]
    if last:
        edges = f"{', '.join(others)} and {last} edges" if others else f"{last} edge"
        place += f" at the {edges}"
    text = f"{percent} of the sample points lie {place} and {_fate(convention)}"
    if convention.points == "cells":
        text = f"{percent} of the ROI area lies outside the map; sections without cells give 0"
    elif convention.points == "integral":
        text = f"{percent} of the ROI area lies {place}, where the surface is 0"
    yield from _note("outside", share > 0, requested, f"{{}}: {text}{advice}")


def _fate(convention: Convention) -> str:
    """Describe what happens to points outside."""
    if math.isinf(convention.border_margin):
        moved = {
            "clamped": "are moved to them, so the border is repeated",
            "extrapolated": "are extrapolated from the first two cells, or repeat the last",
        }
        if convention.outside_neighbours in moved:
            return moved[convention.outside_neighbours]
    return f"have the value {convention.extrapolation_value:g}"


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
    inverted = ", or inverted," if (_has_negative_size(plan) & requested).any() else ""
    small = ((plan.y.unclamped_size < minimum) | (plan.x.unclamped_size < minimum)) & (minimum > 0)
    text = f"smaller than {minimum:g} × {minimum:g} cells{inverted} and enlarged to that size"
    remedy = "; --min-size 0 keeps the original size, as conventions with aligned=True do"
    if plan.convention.points == "cells" and 0 < minimum <= 1:
        # Whole cells are at least 1 × 1, but the last cell alone makes most boxes that large.
        height, width = box_extents(plan)
        empty = (height <= 0) | (width <= 0)
        rounded_away = small & ~empty & requested
        small |= empty
        state = f"no width or height{inverted}"
        if rounded_away.any():
            state = f"no width or height after rounding{inverted}"
        elif (_has_negative_size(plan) | ~small)[requested].all():
            state = "inverted"
        text = f"{state} and enlarged to one cell along that axis"
        remedy = "" if rounded_away.any() else "; check the box format"
    yield from _note("grown", small, requested, f"{{}}: {text}{advice or remedy}")


def _has_negative_size(plan: Plan) -> Mask:
    """Return which boxes are inverted and stay so until they grow, (R,)."""
    return _is_inverted(plan) & (plan.convention.inverted_boxes != "sorted")


def _empty(plan: Plan, requested: Mask) -> Iterator[Note]:
    y, x = plan.y, plan.x
    grows = plan.convention.min_size > 0
    empty = ((y.unclamped_size == 0) | (x.unclamped_size == 0)) & (not grows)
    yield from _note(
        "empty",
        empty,
        requested,
        f"{{}}: no area; {_result_of(plan.convention, 'empty')}; check the box format",
    )


def _inverted(plan: Plan, requested: Mask, advice: str) -> Iterator[Note]:
    convention = plan.convention
    result = "its edges are exchanged"
    if convention.inverted_boxes == "empty":
        result = f"its size becomes 0; {_result_of(convention, 'empty')}"
    elif convention.inverted_boxes == "kept":
        result = _result_of(convention, "inverted")
    if convention.min_size > 0 and convention.inverted_boxes != "sorted":
        return  # the note on grown boxes
    text = f"the second corner is before the first; {result}{advice or '; check the box format'}"
    yield from _note("inverted", _is_inverted(plan), requested, f"{{}}: {text}")


def _result_of(convention: Convention, kind: str) -> str:
    """Describe what a convention does with an empty or inverted box."""
    if convention.reads_cells:
        number = "0" if convention.clamp_count or convention.pooling == "max" else "not a number"
        return f"without cells, the output is {number}"
    if not convention.is_adaptive or convention.grid_min:
        return {
            "empty": "all sample points of a section lie on a line or in one place",
            "inverted": "the sample points run backwards, which flips the output",
        }[kind]
    if convention.pooling == "max":
        return f"without sample points, the maximum is {convention.max_of_empty:g}"
    value = "0" if convention.clamp_count else "not a number"
    negative = kind == "inverted" and not convention.clamp_count
    zero = ", or 0 if the sections are inverted by at least a cell" if negative else ""
    return f"without sample points, the average is {value}{zero}"


def _no_points(plan: Plan, requested: Mask) -> Iterator[Note]:
    """Yield a note on boxes with an area, but without points, as the adaptive grid rounds down."""
    convention = plan.convention
    if convention.grid_rounding == "ceil" or not convention.is_adaptive:
        return
    lacks = ((plan.y.grid == 0) & (plan.y.roi_size > 0)[:, None]).any(axis=1)
    lacks |= ((plan.x.grid == 0) & (plan.x.roi_size > 0)[:, None]).any(axis=1)
    yield from _note(
        "no-points",
        lacks,
        requested,
        f"{{}}: {convention.grid_rounding}(section size) is 0; {_result_of(convention, 'empty')}; "
        "--sampling-ratio N fixes the grid",
    )


def _left_out(plan: Plan, requested: Mask) -> Iterator[Note]:
    """Yield a note on boxes of which only the first points of the grid are read."""
    along_y, along_x = ((axis.grid > axis.count).any(axis=1) for axis in (plan.y, plan.x))
    fate = "the average is divided by the number of all points, and too small"
    if plan.convention.pooling == "max":
        fate = "the maximum is of these points only"
    yield from _note(
        "left-out",
        np.asarray(along_y | along_x, dtype=np.bool_),
        requested,
        "{}: a section has more points along an axis than the map has cells; only as many points "
        f"are read, the first ones; {fate}",
    )


def _ceil(plan: Plan, requested: Mask) -> Iterator[Note]:
    yield from _note(
        "ceil",
        near_a_whole(plan),
        requested,
        f"{{}}: the section size is {_threshold(plan)} number of cells up to rounding, so the "
        "adaptive grid may have one point more or less in another program; --sampling-ratio N "
        "fixes the grid",
    )


def _threshold(plan: Plan) -> str:
    return "half of an odd" if plan.convention.grid_rounding == "round" else "a whole"


# Points of a box and of one of its sections above which the grid is a pitfall.
_MAX_BOX_POINTS, _MAX_SECTION_POINTS = 10_000_000, 1000


def _many_points(plan: Plan, requested: Mask) -> Iterator[Note]:
    x, y = plan.x.points, plan.y.points
    in_section = np.maximum(plan.x.count, 0).max(axis=1) * np.maximum(plan.y.count, 0).max(axis=1)
    most = int((x * y).argmax())
    adaptive = plan.convention.is_adaptive
    kind = "an adaptive grid" if adaptive else "a grid"
    remedy = "check the scale, or use --sampling-ratio 2" if adaptive else "use fewer points"
    yield from _note(
        "many-points",
        (x * y > _MAX_BOX_POINTS) & (in_section > _MAX_SECTION_POINTS),
        requested,
        f"{{}}: {kind} of up to {x[most]:.3g} × {y[most]:.3g} sample points, which most "
        f"libraries compute one by one; {remedy}",
    )
