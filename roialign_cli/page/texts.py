"""The texts about a section and a sample point, as lines of typed parts for the scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.formulas import FormulaLine, PagePart, to_page
from roialign_cli.show.document.points_step import border_note
from roialign_cli.show.document.steps import interpolated, weighted
from roialign_cli.show.numbers import format_number, format_point


def section_texts(explanation: Explanation, section: Section) -> dict[str, Any]:
    """Return the title of a section and the lines that compute its output, for a script."""
    return {
        "title": f"Section {format_point(*section.section)} = {format_number(section.output)}",
        "reduced": _lines(explanation.reduced(section)),
    }


def point_texts(explanation: Explanation, section: Section, point: Point) -> dict[str, Any]:
    """Return the title of a sample point and the lines that compute its value, for a script."""
    coordinates = _lines(explanation.coordinates(section, point))
    return value_texts(explanation, point) | {"coordinates": coordinates}


def value_texts(explanation: Explanation, point: Point) -> dict[str, Any]:
    """Return the texts of a point at any position, without the lines that compute the position."""
    trace = explanation.trace
    out = point.border == "out"
    interpolates = not (out or trace.convention.reads_cells)
    return {
        "title": f"Point {format_point(*point.point)} at {format_point(point.x, point.y)} "
        f"= {format_number(point.value)}",
        "note": border_note(trace, point),
        "coordinates": [],
        "between": _lines(explanation.neighbours(point)) if interpolates else [],
        "interpolated": [] if out else _lines(interpolated(trace, point)),
        "weighted": _lines(weighted(point)) if interpolates else [],
    }


def _lines(lines: Iterable[FormulaLine]) -> list[list[PagePart]]:
    return [to_page(line) for line in lines]
