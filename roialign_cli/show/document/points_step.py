"""Describe in words where the sample points of an ROI lie and how their cells are found."""

from __future__ import annotations

import math

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention, Interpolation, TieNeighbour
from roialign_cli.show.document.point_rules import grid_limits, has_one_corner_point
from roialign_cli.show.numbers import capitalised, format_number


def points_text(trace: Trace, section: Section) -> str:
    """Return the rule that places the sample points of a section, with its numbers."""
    texts = {
        "centred": _centred_text,
        "dividers": _dividers_text,
        "corners": _corners_text,
        "cells": _cells_text,
        "integral": _integral_text,
    }
    return texts[trace.convention.points](trace, section)


def _centred_text(trace: Trace, section: Section) -> str:
    convention = trace.convention
    share = convention.point_in_part
    where = {0.5: "in the middle", 0.0: "at the start", 1.0: "at the end"}.get(
        share, f"at {format_number(share)}"
    )
    text = (
        f"Each section is divided into g_x × g_y equal parts, and a sample point lies {where} of "
        f"each part; {_grid_text(trace, section)}."
    )
    if convention.clip_sections:
        rows, columns = trace.map_size
        text = (
            f"Each section is cut to the map: in the library, to 0 to {columns} along x and 0 to "
            f"{rows} along y, where 0 is the centre of the first cell. The points begin where the "
            f"cut section begins, and a step is 1/g of the whole section; "
            f"{_grid_text(trace, section)}."
        )
    if convention.grid_points == "cells":
        rows, columns = trace.map_size
        text += (
            f" Of the points along x only the first {columns} are read, and along y the first "
            f"{rows}: as many as the map has cells."
        )
    return text


def _grid_text(trace: Trace, section: Section) -> str:
    """Describe what determines the number of points of a section along x and along y."""
    convention = trace.convention
    if convention.is_adaptive:
        return _adaptive_text(convention)
    across, down = trace.grid(*section.section)
    counts = f"g_x = g_y = {across}" if across == down else f"g_x = {across} and g_y = {down}"
    if convention.grid_from == "output" and 0 in convention.sampling_ratios:
        rows, columns = len(trace.output), len(trace.output[0])
        return f"{counts}, as (rows + columns) // 2 = ({rows} + {columns}) // 2"
    return f"the sampling ratio sets {counts}"


def _adaptive_text(convention: Convention) -> str:
    rounded = {"ceil": "up", "floor": "down", "round": "to the nearest whole number"}
    of = "of the section after the cut" if convention.clip_sections else "of a section"
    how = f"rounded {rounded[convention.grid_rounding]}{grid_limits(convention)}"
    if all(ratio == 0 for ratio in convention.sampling_ratios):
        return f"g_x and g_y are the width and the height {of}, {how}"
    along_y, along_x = convention.sampling_ratios
    if along_x:
        return f"the sampling ratio sets g_x = {along_x}, and g_y is the height {of}, {how}"
    return f"the sampling ratio sets g_y = {along_y}, and g_x is the width {of}, {how}"


def _corners_text(trace: Trace, section: Section) -> str:
    if has_one_corner_point(trace.convention):
        return (
            "Each section has one sample point. The first lies on the first edge of the ROI and "
            "the last on its last edge; the others are spread evenly. A single section has its "
            "point in the middle."
        )
    return (
        "Each section has g_x × g_y sample points. The first point of the first section lies on "
        "the first edge of the ROI and the last point of the last section on its last edge; the "
        f"others are spread evenly. A single point lies in the middle. "
        f"{_sentence(_grid_text(trace, section))}"
    )


def _sentence(text: str) -> str:
    return f"{capitalised(text)}."


def _cells_text(trace: Trace, _section: Section) -> str:
    text = (
        "Every cell that a section touches is a sample point; neighbouring sections share cells. "
        "Only cells of the map count."
    )
    unread = trace.convention.unread_cells
    if unread == 1:
        text += " The last row and the last column are never read."
    elif unread:
        text += f" The last {unread} rows and columns are never read."
    return text


def _integral_text(_trace: Trace, _section: Section) -> str:
    return (
        "There are no sample points. The bilinear surface over a section is the sum of the cells, "
        "each times a hat: along an axis, the hat of a cell is 1 at its centre and falls to 0 a "
        "cell away from it. The weight of a cell along an axis is the mean of its hat over the "
        "section, from x_from to x_to. H(d) is the integral of the hat from its centre to the "
        "distance d."
    )


def _dividers_text(trace: Trace, section: Section) -> str:
    across, down = section.grid
    d = trace.convention.divide
    parts = f"d × d = {d} × {d}" if d else f"k × t = {across + 1} × {down + 1}"
    points = "(d − 1) × (d − 1)" if d else "(k − 1) × (t − 1)"
    return (
        f"Each section is divided again into {parts} equal parts. The dividing lines inside the "
        f"section cross at {points} = {across} × {down} points: its sample points."
    )


def rounding_text(convention: Convention) -> str:
    """Describe how coordinates are rounded."""
    return (
        f"Coordinates are rounded to {convention.coordinate_decimals} decimals (→), and "
        "everything after is computed from the rounded coordinates."
    )


def neighbour_text(trace: Trace) -> str:
    """Return how the cells on either side of a point are found."""
    tie = _TIES[trace.convention.tie_neighbour]
    if trace.convention.interpolation == "swapped":
        tie = tie.replace("weight 0", "weight 1").replace("1 and 0", "0 and 1")
    if trace.frame.whole:
        return (
            "Find the cell centres around the point: they lie on .5, so write x as a whole number "
            f"plus a fraction f. The same holds for y. {tie}"
        )
    return (
        "Find the cell centres around the point: along x they lie on .5, so write x as a whole "
        f"number plus a fraction f; along y, take the centres on either side. {tie}"
    )


# Which neighbour a point on a cell's centre uses that cell as → the consequence.
_TIES: dict[TieNeighbour, str] = {
    "upper": "If a point lies on a centre, that centre is x2 (or y2), and x1 (or y1) has weight 0.",
    "lower": "If a point lies on a centre, that centre is x1 (or y1), and x2 (or y2) has weight 0.",
    "both": "If a point lies on a centre, that centre is both x1 and x2 (or y1 and y2), with the "
    "weights 1 and 0.",
}


# Convention.interpolation → what happens to the values of the four cells.
INTERPOLATIONS: dict[Interpolation, str] = {
    "linear": "bilinear interpolation",
    "nearest": "the value of the nearest cell",
    "swapped": "bilinear interpolation with exchanged weights",
}


def weights_text(trace: Trace) -> str:
    """Return how the values of the four cells are combined."""
    if trace.convention.interpolation == "nearest":
        upper = "x2 (or y1)" if trace.frame.y_up else "x2 (or y2)"
        return (
            "Then take the value of the nearest cell: along each axis, the nearer centre has "
            f"weight 1 and the other 0. If both are as near, {upper} has weight 1."
        )
    if trace.convention.interpolation == "swapped":
        return (
            "Then add the values of the four cells times their weights. This convention exchanges "
            "the weights of the two centres along each axis, so that the farther cell has the "
            "larger weight:"
        )
    return "Then interpolate between the values of the four cells:"


def border_note(trace: Trace, point: Point) -> str:
    """Describe how the border of the map changes a point, "" if it does not."""
    convention = trace.convention
    margin = _cells(convention.border_margin)
    if point.border == "out":
        left_out = " and it is left out of the average"
        averaged = convention.average_over == "points" or convention.pooling == "max"
        return (
            f"Out: the point lies {f'more than {margin} ' if margin else ''}beyond the outermost "
            f"cell centres, so its value is {format_number(point.value)}"
            f"{'' if averaged else left_out}."
        )
    if point.border == "clamped" and not convention.reads_cells:
        by = f", by no more than {margin}," if margin else ""
        return (
            f"Clamped: the point lies beyond the outermost cell centres{by} and is moved to them."
        )
    if point.border == "beyond" and convention.outside_neighbours == "extrapolated":
        return (
            "Beyond: the point lies before the first cell centre along an axis, so the line "
            "through the first two cells is extended, and weights may be negative."
        )
    if point.border == "beyond":
        value = format_number(convention.extrapolation_value)
        return f"Beyond: neighbours outside the map have the value {value}."
    return ""


def _cells(distance: float) -> str:
    """Return a distance with its unit, "" for none and for any distance."""
    if not distance or math.isinf(distance):
        return ""
    return f"{format_number(distance)} cell{'' if distance == 1 else 's'}"
