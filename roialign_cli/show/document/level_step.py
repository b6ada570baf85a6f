"""Explain from which level of a pyramid a box is pooled, and how near it is to the next level."""

from __future__ import annotations

import math
from collections.abc import Iterator

from roialign_cli.analysis.scaling import scale_text
from roialign_cli.core.pyramid import Levels
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.pyramids import formula


def level_step(operation: PyramidOperation, roi: int) -> Iterator[Block]:
    """Yield the size of a box, the formula of its level, the levels that there are, and the limits.

    Parameters
    ----------
    operation
        The operation on the pyramid.
    roi
        The index of a box that is on a map.
    """
    levels = operation.levels
    yield Heading(2, "The level of the pyramid")
    if len(operation.operations) == 1:
        yield Paragraph("There is only one map, so all boxes are pooled from it.")
        return
    if math.isnan(levels.rounded[roi]):
        where = f"to the first level, {levels.first}"
        yield Paragraph(f"The rule {levels.rule.name} sends a box with a negative area {where}.")
        yield _table(operation, roi)
        return
    yield Paragraph(
        f"The rule {levels.rule.name} sends a box to a map by its size s, the square root of its "
        "area in pixels of the image:"
    )
    yield Paragraph(_size_line(operation, roi), indent=2)
    yield Paragraph(_level_line(levels, roi), indent=2)
    yield _table(operation, roi)
    yield Paragraph(_distances(levels, roi))


def _size_line(operation: PyramidOperation, roi: int) -> str:
    """Return the size of a box as text, with its sides unless the rule changes the corners."""
    rule, size = operation.levels.rule, digits(float(operation.levels.size[roi]))
    first = operation.operations[0]
    x1, y1, x2, y2 = first.boxes_xyxy[roi].tolist()
    if first.convention.normalized or rule.clip_boxes:
        return f"s = {size}"
    added = f" + {rule.side_offset:g}" if rule.side_offset else ""
    sides = (f"({digits(side)}{added})" if added else digits(side) for side in (x2 - x1, y2 - y1))
    return f"s = √({' · '.join(sides)}) = {size}"


def _level_line(levels: Levels, roi: int) -> str:
    """Return the formula of the level and its result as text."""
    rounded, number = float(levels.rounded[roi]), float(levels.number[roi])  # may be infinite
    level = levels.first + int(levels.index[roi])
    limited = "" if level == rounded else f", limited to {level}"
    line = f"level = {formula(levels.rule)} = {rounded:.0f}{limited}"
    exact = levels.rule.rounding != "thresholds"
    return f"{line} (before rounding: {digits(number)})" if exact else line


def _table(operation: PyramidOperation, roi: int) -> Grid:
    levels = operation.levels
    rows = []
    for index, (on_map, scale) in enumerate(
        zip(operation.operations, operation.scales, strict=True)
    ):
        level = levels.first + index
        mark = " ← this box" if index == levels.index[roi] else ""
        cells = "{} × {}".format(*on_map.map_size)
        rows.append((f"{level}{mark}", cells, scale_text((scale, scale)), _sizes(levels, level)))
    return Grid(("level", "cells", "scale", "boxes with"), tuple(rows), prose=True)


def _sizes(levels: Levels, level: int) -> str:
    """Return the sizes of the boxes on a level as text."""
    start, end = levels.size_range(level)
    # A threshold itself belongs to the level below it.
    at_start, at_end = ("<", "≤") if levels.rule.rounding == "thresholds" else ("≤", "<")
    low = "" if start == 0 else f"{digits(start)} {at_start} "
    high = "" if math.isinf(end) else f" {at_end} {digits(end)}"
    return f"{low}s{high}"


def _distances(levels: Levels, roi: int) -> str:
    """Return how far the size of a box is from the sizes at which its level begins and ends."""
    size, level = float(levels.size[roi]), levels.first + int(levels.index[roi])
    start, end = levels.size_range(level)
    parts = []
    if start > 0:
        parts.append(f"{_distance(size - start)} more than where level {level} begins")
    if end < math.inf:
        parts.append(f"{_distance(end - size)} less than where level {level + 1} begins")
    return f"The size is {' and '.join(parts)}."


def _distance(pixels: float) -> str:
    """Return a distance as text; rounding in float32 may have made it negative."""
    return f"{max(pixels, 0):.6g} pixels"


def digits(value: float) -> str:
    """Return a number with seven digits, as many as float32 has; – if it is undefined."""
    return "–" if math.isnan(value) else f"{value:.7g}"
