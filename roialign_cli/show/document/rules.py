"""Describe the rules, known issues and equal presets of a convention in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import ALIASES, PRESETS
from roialign_cli.show.numbers import format_number

_COLUMNS = {
    "xyxy": "x1, y1, x2, y2",
    "xywh": "x and y of the top-left corner, width, height",
    "cxcywh": "x and y of the centre, width, height",
    "yxyx": "y1, x1, y2, x2",
}
_NORMALIZED = {
    "size": "normalised, so that 1 is the edge of the map",
    "last-centre": "normalised, so that 1 is the centre of the last cell",
}
_POINTS = {
    "centred": "in the middle of g equal parts of the section along each axis",
    "dividers": "on the lines between d equal parts of the section along each axis",
    "corners": "one per section, spread evenly from the first edge of the ROI to the last; a "
    "single point lies in the middle",
    "cells": "every cell that the section touches, after the box edges are rounded to whole cells "
    "(half away from zero); the last cell is part of the box",
}
_TIE_NEIGHBOUR = {
    "lower": "the lower neighbour, and the next cell has weight 0",
    "upper": "the upper neighbour, and the cell before has weight 0",
    "both": "both neighbours",
}
_POSITION_FORMULA = {
    "section-first": "start + i·section + (q + 0.5)·section / g, computed in this order",
    "step-first": "start + i·section + section / g·(q + 0.5), computed in this order",
    "share-first": "start + section·(i + (q + 0.5) / g), computed in this order",
}
_REJECTIONS = {
    "nothing": "",
    "inverted": "An inverted box is an error.",
    "no-area": "A box without area is an error.",
}


def rules(convention: Convention) -> dict[str, str]:
    """Return the rules of a convention, topic → one or two sentences."""
    return {
        "boxes": _boxes(convention),
        "offset": offset_rule(convention),
        "size": _size(convention),
        "points": _points(convention),
        "border": _border(convention),
        "neighbours": _neighbours(convention),
        "avg": _average(convention),
        "max": _maximum(convention),
        "arithmetic": _arithmetic(convention),
    }


def _boxes(c: Convention) -> str:
    corner = c.origin.replace("-", " ")
    up = "up" if c.origin == "bottom-left" else "down"
    unit = _NORMALIZED[c.normalized_by] if c.normalized else "in image units"
    last = "; the second corner is the last pixel" if c.inclusive else ""
    return f"{_COLUMNS[c.box_format]}, {unit}{last}; origin at the {corner}, y {up}."


def offset_rule(c: Convention) -> str:
    """Describe what is subtracted from box coordinates, and where that places coordinate 0."""
    if c.points == "cells":
        return "No offset: a coordinate is the index of a cell, rounded to a whole number."
    before = ""
    if c.image_offset:
        verb = "added to" if c.image_offset < 0 else "subtracted from"
        before = f"{format_number(abs(c.image_offset))} is {verb} box coordinates in the image; "
    if c.offset:
        zero = "" if before else f": {_zero_position(c.offset)}"
        return (
            f"{before}{format_number(c.offset)} is subtracted from box coordinates on the map, "
            f"where the centre of cell i is at i{zero}."
        )
    return (
        f"{before or 'No offset: '}a box coordinate on the map is the index of a cell, so 0 is the "
        "centre of the first cell, and everything lies half a cell further right and down."
    )


def _zero_position(offset: float) -> str:
    if offset == 0.5:
        return "0 is the edge of the first cell"
    return f"0 is {format_number(offset)} of a cell before the centre of the first cell"


def _size(c: Convention) -> str:
    if c.points == "cells" and c.min_size <= 1 and c.rejects == "nothing":
        return "An ROI is at least one cell wide and high, even if the box is empty or inverted."
    grows = (
        f"Smaller ROIs grow to {format_number(c.min_size)} along each axis. " if c.min_size else ""
    )
    return (
        f"{grows}{_REJECTIONS[c.rejects]}".strip()
        or "ROIs keep their size, even if the box is empty or inverted."
    )


def _points(c: Convention) -> str:
    counts = {
        "centred": "; g is ceil(section size), separately for each axis"
        if c.sampling_ratio == 0
        else f"; g is {c.sampling_ratio}",
        "dividers": "; d is the number of sections along that axis"
        if c.divide == 0
        else f"; d is {c.divide}",
    }
    rounded = (
        ""
        if c.coordinate_decimals is None
        else f"; coordinates are rounded to {c.coordinate_decimals} decimals before they are used"
    )
    text = f"{_POINTS[c.points]}{counts.get(c.points, '')}{rounded}."
    return text[0].upper() + text[1:]


def _border(c: Convention) -> str:
    if c.points == "cells":
        return "Sections are cut to the map."
    value = format_number(c.extrapolation_value)
    if c.border_margin:
        cells = "a cell" if c.border_margin == 1 else f"{format_number(c.border_margin)} cells"
        return (
            f"A point up to {cells} beyond the outermost cell centres is clamped to them; a point "
            f"farther out has the value {value} and still counts in the average."
        )
    return f"A point beyond the outermost cell centres has the value {value}."


def _neighbours(c: Convention) -> str:
    if c.points == "cells":
        return "None: a point is a cell."
    neighbour = _TIE_NEIGHBOUR[c.tie_neighbour]
    return f"For a point exactly on the centre of a cell, this cell is {neighbour}."


def _average(c: Convention) -> str:
    if c.clamp_count:
        return (
            "The values are added and divided by the number of points. A section without points "
            "gives 0."
        )
    return (
        "The values are added and divided by the number of points along y times that along x. A "
        "section without points gives NaN, or 0 if the box is inverted by at least a cell along "
        "both axes."
    )


def has_finite_max_start(c: Convention) -> bool:
    """Return whether max pooling starts from a number that features can be smaller than."""
    return c.max_start > -1e30


def _maximum(c: Convention) -> str:
    of = {
        "point": "the interpolated values of the points",
        "weighted-cell": "the four products weight × cell of every point, which are not summed",
    }[c.max_of]
    if c.points == "cells":
        of = "the cells' values"
    start = f", starting from {format_number(c.max_start)}" if has_finite_max_start(c) else ""
    skips = "; NaN points are skipped" if c.max_skips_nan else ""
    empty = format_number(c.max_of_empty)
    return f"The maximum of {of}{start}{skips}; without points, {empty}."


def _arithmetic(c: Convention) -> str:
    if c.coordinates == "double":
        return "Coordinates in float64."
    order = (
        f" A point is at {_POSITION_FORMULA[c.position_formula]}." if c.points == "centred" else ""
    )
    return f"Coordinates in float32 for float32 features, in float64 for float64.{order}"


@dataclass(frozen=True)
class KnownIssue:
    """A property of some conventions that often leads to wrong results.

    Parameters
    ----------
    concerns
        Whether a convention has the property.
    text
        What happens.
    threads
        Where users reported it, as owner/repository#number.
    """

    concerns: Callable[[Convention], bool]
    text: str
    threads: tuple[str, ...]


KNOWN_ISSUES = (
    KnownIssue(
        lambda c: c.points == "centred",
        "aligned=True and aligned=False differ by a shift of half a cell, and no error reports a "
        "mismatch.",
        ("onnx/onnx#3428", "microsoft/onnxruntime#6921", "pytorch/vision#1871"),
    ),
    KnownIssue(
        lambda c: bool(c.min_size),
        "The minimum size hides tiny, empty and inverted boxes: the outputs look plausible.",
        ("pytorch/vision#1875", "pytorch/vision#2438"),
    ),
    KnownIssue(
        lambda c: c.points == "centred" and c.sampling_ratio == 0,
        "The adaptive grid has ceil(section size) points along each axis; near a whole number, "
        "float32 and float64 may disagree. A huge box needs a huge grid.",
        ("microsoft/onnxruntime#3156", "apache/mxnet#11077", "pytorch/vision#8168"),
    ),
    KnownIssue(
        lambda c: c.points == "centred",
        "An omitted sampling ratio means 0 (adaptive) in the standard and 1 in some importers.",
        ("openvinotoolkit/openvino#37826",),
    ),
    KnownIssue(
        lambda c: c.points == "centred",
        "The ONNX default changed to half_pixel in opset 16; some exporters shift twice or not at "
        "all.",
        ("pytorch/vision#2613", "pytorch/vision#4692", "pytorch/vision#6685"),
    ),
    KnownIssue(
        lambda c: bool(c.image_offset),
        "A shift before scaling differs from the same shift after scaling.",
        ("apache/tvm#19501",),
    ),
    KnownIssue(
        lambda c: c.max_of == "weighted-cell",
        "max does not compare interpolated values: a point in the middle of four equal cells "
        "gives a quarter of the expected value.",
        ("onnx/onnx#4764", "microsoft/onnxruntime#6146"),
    ),
    KnownIssue(
        lambda c: not c.clamp_count and not c.min_size,
        "A box without points gives NaN, and a single NaN makes a loss NaN.",
        (),
    ),
    KnownIssue(
        lambda _: True,
        "Swapped x and y, corners read as width and height, normalised boxes read as absolute, or "
        "a wrong scale give zeros or meaningless values.",
        ("facebookresearch/detectron2#2831", "facebookresearch/detectron2#2835"),
    ),
)


def known_issues(convention: Convention) -> list[KnownIssue]:
    """Return the known issues of a convention."""
    return [issue for issue in KNOWN_ISSUES if issue.concerns(convention)]


def equal_presets(convention: Convention) -> list[str]:
    """Return the names of the other presets, and the aliases, with the same rules."""
    equal = [name for name, row in PRESETS.items() if row.convention == convention]
    same = [name for name in equal if name != convention.name]
    return same + [alias for alias, row in ALIASES.items() if row == convention.name]
