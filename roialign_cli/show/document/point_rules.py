"""Describe in words how a convention places sample points and which cells they read."""

from __future__ import annotations

import math

from roialign_cli.core.convention import Convention, TieNeighbour
from roialign_cli.show.numbers import format_number


def points_rule(c: Convention) -> str:
    """Describe where the sample points of a section lie, and how many there are."""
    texts = {
        "centred": _centred,
        "dividers": _dividers,
        "corners": _corners,
        "cells": _cells,
        "integral": _integral,
    }
    rounded = (
        ""
        if c.coordinate_decimals is None
        else f"; coordinates are rounded to {c.coordinate_decimals} decimals before they are used"
    )
    return f"{texts[c.points](c)}{rounded}."


def _centred(c: Convention) -> str:
    where = _PART.get(c.point_in_part, f"At {format_number(c.point_in_part)} of each of")
    text = f"{where} g equal parts of the section along each axis; g is {_grid(c)}"
    if c.clip_sections:
        share = "half" if c.point_in_part == 0.5 else f"{format_number(c.point_in_part)}"
        text = (
            "Each section is cut to the map. A step is 1/g of the section before the cut, and the "
            f"first point lies {share} a step after the start of the cut section; g is {_grid(c)}"
        )
    if c.grid_points == "cells":
        text += ". Along each axis only the first points are read, as many as the map has cells"
    return text


_PART = {0.5: "In the middle of", 0.0: "At the start of each of", 1.0: "At the end of each of"}


def _grid(c: Convention) -> str:
    """Describe the number of points per section and axis."""
    along_y, along_x = c.sampling_ratios
    if c.grid_from == "output":
        adaptive = separate = "(rows + columns) // 2"
    else:
        of = "size after the cut" if c.clip_sections else "section size"
        adaptive = f"{c.grid_rounding}({of}){grid_limits(c)}"
        separate = f"{adaptive}, separately for each axis"
    if along_y == along_x:
        return str(along_y) if along_y else separate
    return f"{along_y or adaptive} along y and {along_x or adaptive} along x"


def grid_limits(c: Convention) -> str:
    """Describe the fewest and the most points of the adaptive grid, "" without limits."""
    least = f", at least {c.grid_min}" if c.grid_min else ""
    return least + ("" if c.grid_max is None else f", at most {c.grid_max}")


def _dividers(c: Convention) -> str:
    d = "the number of sections along that axis" if c.divide == 0 else str(c.divide)
    return f"On the lines between d equal parts of the section along each axis; d is {d}"


def has_one_corner_point(c: Convention) -> bool:
    """Return whether a section has a single point, for points from corner to corner."""
    return c.grid_from == "section" and all(ratio in {0, 1} for ratio in c.sampling_ratios)


def _corners(c: Convention) -> str:
    spread = (
        "per section{}, spread evenly from the first edge of the ROI to the last; a single point "
        "lies in the middle"
    )
    if has_one_corner_point(c):
        return f"One {spread.format('')}"
    return f"g {spread.format(' along each axis')}; g is {_corner_grid(c)}"


def _corner_grid(c: Convention) -> str:
    by_default = "(rows + columns) // 2" if c.grid_from == "output" else "1"
    along_y, along_x = (str(ratio) if ratio else by_default for ratio in c.sampling_ratios)
    return along_y if along_y == along_x else f"{along_y} along y and {along_x} along x"


def _cells(c: Convention) -> str:
    how = "down" if c.edge_rounding == "floor-map" else "half away from zero"
    text = (
        "Every cell that the section touches, after the box edges are rounded to whole cells "
        f"({how})"
    )
    text += _LAST_CELL.get(c.end_offset, "")
    if c.unread_cells == 1:
        text += ". The last row and the last column of the map are never read"
    elif c.unread_cells:
        text += f". The last {c.unread_cells} rows and columns of the map are never read"
    return text


# Offset of the second edge → which cell is the last of the box, for points that are cells.
_LAST_CELL = {
    -1.0: "; the last cell is part of the box",
    0.0: "; the cell in which the box ends is not part of it",
}


def _integral(_c: Convention) -> str:
    return (
        "None: the output is the integral of the bilinear surface over the section, divided by the "
        "area of the section. So each cell has a weight: along an axis, the mean over the section "
        "of 1 − the distance to the centre of the cell, or of 0 more than a cell away"
    )


def border_rule(c: Convention) -> str:
    """Describe what the border of the map changes."""
    if c.points == "cells":
        return "Sections are cut to the map."
    if c.points == "integral":
        return "The surface falls to 0 within a cell beyond the outermost cell centres."
    value = format_number(c.extrapolation_value)
    average = "still counts in the average"
    if c.average_over == "inside":
        average = "does not count in the average"
    outside = f"has the value {value} and {average}"
    near = _NEAR_BORDER[c.outside_neighbours].format(value=value)
    if math.isinf(c.border_margin):
        return f"{near} No point is outside the map."
    if not c.border_margin:
        counts = f" and {average}" if c.average_over == "inside" else ""
        return f"A point beyond the outermost cell centres has the value {value}{counts}."
    cells = "a cell" if c.border_margin == 1 else f"{format_number(c.border_margin)} cells"
    if c.outside_neighbours == "clamped":
        return (
            f"A point up to {cells} beyond the outermost cell centres is clamped to them; a point "
            f"farther out {outside}."
        )
    return f"{near} A point more than {cells} beyond the outermost cell centres {outside}."


_NEAR_BORDER = {
    "clamped": "A point beyond the outermost cell centres is clamped to them.",
    "value": "A neighbour outside the map has the value {value}, so values fade to {value} within "
    "a cell beyond the outermost cell centres.",
    "extrapolated": "Before the first cell centre, the line through the first two cells is "
    "extended; beyond the last, the last cell is repeated.",
}


def neighbours_rule(c: Convention) -> str:
    """Describe which cells a point is interpolated from, and with which weights."""
    if c.points == "cells":
        return "None: a point is a cell."
    if c.points == "integral":
        return "None: every cell near the section has a weight."
    if c.interpolation == "nearest":
        return (
            "The nearer of the two cells along each axis has weight 1; if both are as near, the "
            "one with the larger index."
        )
    weight = "1" if c.interpolation == "swapped" else "0"
    tie = _TIE_NEIGHBOUR[c.tie_neighbour].format(weight=weight)
    text = f"For a point exactly on the centre of a cell, this cell is {tie}."
    if c.interpolation == "swapped":
        text = f"Along each axis, the two cells have the weight of each other. {text}"
    return text


_TIE_NEIGHBOUR: dict[TieNeighbour, str] = {
    "lower": "the lower neighbour, and the next cell has weight {weight}",
    "upper": "the upper neighbour, and the cell before has weight {weight}",
    "both": "both neighbours",
}
