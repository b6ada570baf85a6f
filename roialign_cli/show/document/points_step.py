"""Describe in words where the sample points of an ROI lie and how their cells are found."""

from __future__ import annotations

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention, TieNeighbour
from roialign_cli.show.numbers import format_number


def points_text(trace: Trace, section: Section) -> str:
    """Return the rule that places the sample points of a section, with its numbers."""
    convention, (across, down) = trace.convention, section.grid
    if convention.points == "dividers":
        return _dividers_text(trace, across, down)
    if convention.points == "centred":
        counts = (
            "g_x and g_y are the width and the height of a section, rounded up"
            if convention.sampling_ratio == 0
            else f"the sampling ratio sets g_x = g_y = {convention.sampling_ratio}"
        )
        return (
            "Each section is divided into g_x × g_y equal parts, and a sample point lies in the "
            f"middle of each part; {counts}."
        )
    return _OTHER_POINTS[convention.points]


_OTHER_POINTS = {
    "corners": "Each section has one sample point. The first lies on the first edge of the ROI and "
    "the last on its last edge; the others are spread evenly. A single section has its point in "
    "the middle.",
    "cells": "Every cell that a section touches is a sample point; neighbouring sections share "
    "cells. Only cells of the map count.",
}


def _dividers_text(trace: Trace, across: int, down: int) -> str:
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


def border_note(trace: Trace, point: Point) -> str:
    """Describe how the border of the map changes a point, "" if it does not."""
    margin = _cells(trace.convention.border_margin)
    if point.border == "out":
        return (
            f"Out: the point lies {f'more than {margin} ' if margin else ''}beyond the outermost "
            f"cell centres, so its value is {format_number(point.value)}."
        )
    if point.border == "clamped" and trace.convention.points != "cells":
        return (
            "Clamped: the point lies beyond the outermost cell centres, by no more than "
            f"{margin}, and is moved to them."
        )
    return ""


def _cells(distance: float) -> str:
    """Return a distance with its unit, "" for none."""
    if not distance:
        return ""
    return f"{format_number(distance)} cell{'' if distance == 1 else 's'}"
