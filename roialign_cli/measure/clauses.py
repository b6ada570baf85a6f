"""State each rule of a convention in a clause."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from roialign_cli.core.boxes import BOX_NUMBERS
from roialign_cli.core.convention import Convention
from roialign_cli.measure.behaviours import NEARLY_ONE, USUAL_TEXTS
from roialign_cli.measure.rules import AXES, REFUSED


def _boxes(c: Convention) -> str:
    text = f"boxes are {BOX_NUMBERS[c.box_format]}"
    if c.normalized:
        end = "the edge of the map" if c.normalized_by == "size" else "the centre of the last cell"
        text += f", normalised so that 1 is {end}"
    if c.origin == "bottom-left":
        text += ", with y up"
    return text + (", and the second corner is the last pixel" if c.inclusive else "")


def _amount(number: float, unit: str) -> str:
    """Return a number with its unit, in the plural unless it is 1."""
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _moved(what: str, image: float, cells: float) -> str:
    """State by how much something is moved before and after scaling."""
    steps = []
    for amount, unit, when in ((image, "image unit", "before"), (cells, "cell", "after")):
        if amount:
            verb = "is" if abs(amount) == 1 else "are"
            moved = "subtracted from" if amount > 0 else "added to"
            steps.append(f"{_amount(abs(amount), unit)} {verb} {moved} {what} {when} scaling")
    return " and ".join(steps) or f"nothing is subtracted from {what}"


_POINTS = {
    "dividers": "the points lie on the lines between equal parts of the section",
    "corners": "the points are spread from the first edge of the ROI to the last",
    "cells": "every cell of the section is a point",
    "integral": "the bilinear surface is integrated over the section",
}


def _points(c: Convention) -> str:
    if c.points == "dividers" and c.divide:
        return f"{_POINTS[c.points]}, of which there are {c.divide}"
    if c.points != "centred":
        return _POINTS[c.points]
    place = {0.5: "in the middle", 0.0: "at the start", 1.0: "at the end"}
    where = place.get(c.point_in_part, f"at {c.point_in_part:g}")
    return f"each point lies {where} of its part of the section"


def _default_ratio(c: Convention) -> str:
    ratios = c.sampling_ratios
    if c.points == "corners" and c.grid_from == "section":
        ratios = max(ratios[0], 1), max(ratios[1], 1)
    if ratios == (0, 0):
        return "without a ratio the grid is adaptive"
    return f"without a ratio a section has {ratios[1]} × {ratios[0]} points"


def _grid(c: Convention) -> str:
    if c.grid_from == "output":
        return "the adaptive grid is (rows + columns) // 2 along both axes"
    text = f"the adaptive grid is {c.grid_rounding}(section size)"
    text += f", at least {c.grid_min}" if c.grid_min else ""
    text += f", at most {c.grid_max}" if c.grid_max is not None else ""
    return text + (
        ", of which only as many points as the map has cells are computed"
        if c.grid_points == "cells"
        else ""
    )


def _clipping(c: Convention) -> str:
    cut = [
        name for name, is_cut in (("boxes", c.clip_boxes), ("sections", c.clip_sections)) if is_cut
    ]
    return f"{' and '.join(cut)} are cut to the map" if cut else "nothing is cut to the map"


def _margin(c: Convention) -> str:
    if c.border_margin == math.inf:
        return "no point is outside the map"
    if c.border_margin == NEARLY_ONE:
        return "a point that lies 1 cell or more from the last cell centre is outside the map"
    margin = _amount(c.border_margin, "cell")
    return f"a point is outside the map beyond {margin} from the last cell centre"


_NEIGHBOURS = {
    "clamped": "a point near the border is moved to the nearest cell centre",
    "value": "each neighbour outside the map has the value of points outside",
    "extrapolated": "the line through the first two cells is extended before the first",
}


def _outside(c: Convention) -> str:
    return (
        f"{_NEIGHBOURS[c.outside_neighbours]}; points outside the map are {c.extrapolation_value:g}"
    )


def _far_edge(c: Convention) -> str:
    match c.unread_cells:
        case 0:
            return "all cells up to the far edge are read"
        case 1:
            return "the last row and column are never read"
        case count:
            return f"the last {count} rows and columns are never read"


_INVERTED = {
    "kept": "an inverted box keeps its negative size",
    "sorted": "the edges of an inverted box are exchanged",
    "empty": "an inverted box has size 0",
}


def _without_area(c: Convention) -> str:
    value = f"{c.max_of_empty:g}" if c.pooling == "max" else "0" if c.clamp_count else "NaN"
    return f"{_INVERTED[c.inverted_boxes]}; a section without points gives {value}"


def _coordinates(c: Convention) -> str:
    kinds = {"features": "float32", "double": "float64", "half": "float16"}
    text = f"coordinates are {kinds[c.coordinates]} for float32 features"
    if c.coordinate_decimals is None:
        return text
    return f"{text}, rounded to {c.coordinate_decimals} decimals"


_REJECTED = {
    "nothing": "every box is accepted",
    "inverted": "an inverted box is an error",
    "no-area": "a box without area is an error",
    "off-map": "a box that is inverted or reaches beyond the map is an error",
}
_ROUNDED = {
    "none": "box edges are not rounded",
    "round-image": "box edges are rounded before scaling",
    "floor-image": "box edges are rounded down before scaling",
    "round-map": "box edges are rounded on the map",
    "floor-map": "box edges are rounded down on the map",
}
_INTERPOLATED = {
    "linear": "a neighbour's weight is linear in the distance to the other one",
    "nearest": "each point takes the nearest cell",
    "swapped": "each neighbour has the weight of the other one",
}
_MAXIMA = {
    "point": "max is the largest interpolated value",
    "weighted-cell": "max is the largest product of a weight and a cell",
}
_TIES = {
    "lower": "a point on a cell centre reads the next cell, too, with weight 0",
    "upper": "a point on a cell centre reads the cell before, too, with weight 0",
    "both": "a point on a cell centre reads no other cell",
}
_FORMULAS = {
    "section-first": "start + i·section + (q + 0.5)·section / grid",
    "step-first": "start + i·section + section / grid·(q + 0.5)",
    "share-first": "start + section·(i + (q + 0.5) / grid)",
    "roi-first": "start + (i·grid + q + 0.5)·roi / (sections·grid)",
}

# Name of a rule → what a convention does by it, as a clause.
_CLAUSES: Mapping[str, Callable[[Convention], str]] = MappingProxyType(
    {
        "box format": _boxes,
        AXES: lambda _c: "the axes of the output are boxes, channels, rows, columns",
        "scale and shift": lambda c: _moved("box coordinates", c.image_offset, c.offset),
        "box end": lambda c: _moved("the second edge", c.image_end_offset, c.end_offset),
        "edge rounding": lambda c: _ROUNDED[c.edge_rounding],
        "points": _points,
        "interpolation": lambda c: _INTERPOLATED[c.interpolation],
        "pooling": lambda c: f"the pooling is {c.pooling}",
        "maximum": lambda c: _MAXIMA[c.max_of],
        "negative features": lambda c: f"the running maximum starts at {c.max_start:g}",
        "sampling ratio": lambda _c: USUAL_TEXTS["ratio"],
        "default ratio": _default_ratio,
        "divisor": lambda c: (
            "the sum is divided by the number of points inside the map"
            if c.average_over == "inside"
            else USUAL_TEXTS["divisor"]
        ),
        "adaptive grid": _grid,
        "minimum size": lambda c: (
            f"an ROI is enlarged to a size of at least {_amount(c.min_size, 'cell')}"
            if c.min_size
            else "an ROI has no minimum size"
        ),
        "clipping": _clipping,
        "border margin": _margin,
        "outside the map": _outside,
        "far edge": _far_edge,
        "boxes without area": _without_area,
        REFUSED: lambda c: _REJECTED[c.rejects],
        "non-finite cells": lambda c: (
            "max skips points that are NaN" if c.max_skips_nan else "a NaN makes the output NaN"
        ),
        "cell centres": lambda c: _TIES[c.tie_neighbour],
        "coordinates": _coordinates,
        "position formula": lambda c: f"points are computed as {_FORMULAS[c.position_formula]}",
        "batch index": lambda _c: USUAL_TEXTS["batch"],
        "channel map": lambda c: (
            USUAL_TEXTS["channels"]
            if c.channel_map == "same"
            else "each section reads a channel of its own"
        ),
    }
)


def clause(rule: str, convention: Convention) -> str:
    """Return what a convention does by a rule.

    Examples
    --------
    >>> clause("adaptive grid", Convention(grid_rounding="floor", grid_min=1))
    'the adaptive grid is floor(section size), at least 1'
    """
    return _CLAUSES[rule](convention)
