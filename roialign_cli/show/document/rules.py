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
    "corners": "one a section, spread evenly from the box's first edge to its last; a single one "
    "in the middle",
    "cells": "every cell that the section touches, once the box's edges are rounded to whole cells "
    "(half away from zero) and its last cell is part of it",
}
_TIE_NEIGHBOUR = {
    "lower": "its lower neighbour, and the next cell has weight 0",
    "upper": "its upper neighbour, and the cell before it has weight 0",
    "both": "both of its neighbours",
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
        return "None: a coordinate is a cell's index, rounded to a whole number."
    before = ""
    if c.image_offset:
        verb = "added to" if c.image_offset < 0 else "taken off"
        before = f"{format_number(abs(c.image_offset))} is {verb} a box edge in the image; "
    if c.offset:
        zero = "" if before else f": {_zero_position(c.offset)}"
        return (
            f"{before}{format_number(c.offset)} is taken off a box edge on the map, where cell i "
            f"has its centre at i{zero}."
        )
    return (
        f"{before or 'None: '}a box edge on the map is a cell's index, so 0 is the centre of the "
        "first cell and everything lies half a cell further right and down."
    )


def _zero_position(offset: float) -> str:
    if offset == 0.5:
        return "0 is the edge of the first cell"
    return f"0 is {format_number(offset)} of a cell before the centre of the first cell"


def _size(c: Convention) -> str:
    grows = (
        f"Smaller ones grow to {format_number(c.min_size)} along each axis. " if c.min_size else ""
    )
    return f"{grows}{_REJECTIONS[c.rejects]}".strip() or "As it is, empty and inverted boxes too."


def _points(c: Convention) -> str:
    counts = {
        "centred": "; g is ceil(section size), each axis its own"
        if c.sampling_ratio == 0
        else f"; g is {c.sampling_ratio}",
        "dividers": "; d is the number of sections along that axis"
        if c.divide == 0
        else f"; d is {c.divide}",
    }
    rounded = (
        ""
        if c.coordinate_decimals is None
        else f"; coordinates are rounded to {c.coordinate_decimals} decimals first"
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
            f"A point up to {cells} beyond the outermost cell centres is clamped to them; farther "
            f"out its value is {value}, and it still stands in the average's count."
        )
    return f"A point beyond the outermost cell centres has the value {value}."


def _neighbours(c: Convention) -> str:
    if c.points == "cells":
        return "None: a point is a cell."
    return f"A point exactly on a cell's centre takes it for {_TIE_NEIGHBOUR[c.tie_neighbour]}."


def _average(c: Convention) -> str:
    if c.clamp_count:
        return "The sum over the points divided by their number, at least 1: no points give 0."
    return (
        "The sum over the points divided by their number along y times that along x: no points "
        "give NaN, but a box inverted by a cell and more along both axes gives 0."
    )


def has_finite_max_start(c: Convention) -> bool:
    """Return whether max pooling starts from a number that features can be smaller than."""
    return c.max_start > -1e30


def _maximum(c: Convention) -> str:
    of = {
        "point": "the points' interpolated values",
        "weighted-cell": "the four products weight × cell of every point, never summed",
    }[c.max_of]
    if c.points == "cells":
        of = "the cells' values"
    start = f", starting from {format_number(c.max_start)}" if has_finite_max_start(c) else ""
    skips = "; a point that is NaN is passed over" if c.max_skips_nan else ""
    return f"The largest of {of}{start}{skips}; no points give {format_number(c.max_of_empty)}."


def _arithmetic(c: Convention) -> str:
    if c.double_geometry:
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
        "Aligned and not aligned differ by half a cell of shift, and nothing else warns of it.",
        ("onnx/onnx#3428", "microsoft/onnxruntime#6921", "pytorch/vision#1871"),
    ),
    KnownIssue(
        lambda c: bool(c.min_size),
        "The smallest size hides tiny, empty and inverted boxes: they give plausible numbers.",
        ("pytorch/vision#1875", "pytorch/vision#2438"),
    ),
    KnownIssue(
        lambda c: c.points == "centred" and c.sampling_ratio == 0,
        "The adaptive grid takes ceil(section size) points, each axis its own; on the edge of the "
        "next integer float32 and float64 disagree. An enormous box takes enormous grids.",
        ("microsoft/onnxruntime#3156", "apache/mxnet#11077", "pytorch/vision#8168"),
    ),
    KnownIssue(
        lambda c: c.points == "centred",
        "A sampling ratio left out is 0 (adaptive) in the standard and 1 in some importers.",
        ("openvinotoolkit/openvino#37826",),
    ),
    KnownIssue(
        lambda c: c.points == "centred",
        "ONNX's default became half_pixel with opset 16; exporters shift twice or not at all.",
        ("pytorch/vision#2613", "pytorch/vision#4692", "pytorch/vision#6685"),
    ),
    KnownIssue(
        lambda c: bool(c.image_offset),
        "A shift before the scale is not the shift after it.",
        ("apache/tvm#19501",),
    ),
    KnownIssue(
        lambda c: c.max_of == "weighted-cell",
        "max is not of the interpolated values: a centred point returns a quarter of what one "
        "expects.",
        ("onnx/onnx#4764", "microsoft/onnxruntime#6146"),
    ),
    KnownIssue(
        lambda c: not c.clamp_count and not c.min_size,
        "A box without points gives NaN, and one NaN ROI spoils a loss.",
        (),
    ),
    KnownIssue(
        lambda _: True,
        "x and y swapped, corners read as width and height, normalised or not, a wrong scale: all "
        "zeros, or nonsense.",
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
