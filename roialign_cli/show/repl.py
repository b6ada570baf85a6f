"""Present results in a Python session as plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from roialign_cli.analysis.comparison import Comparison
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.calls.differences.result import RecordingDifferences
from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.search.pyramid_result import PyramidIdentification
from roialign_cli.search.result import Identification
from roialign_cli.show.document.blocks import output_grid
from roialign_cli.show.document.comparison import comparison_blocks
from roialign_cli.show.document.identification import identification_lines
from roialign_cli.show.document.probe import fingerprint_text
from roialign_cli.show.document.pyramid_identification import pyramid_identification_text
from roialign_cli.show.document.recordings import recording_blocks
from roialign_cli.show.document.terminal import blocks_text
from roialign_cli.show.numbers import channel_of, format_number, format_point, name_of

_MAX_POINT_ROWS = 40


def trace_summary(trace: Trace) -> str:
    """Describe a trace in one line."""
    rows, columns = len(trace.output), len(trace.output[0])
    channel = f", {channel_of(trace)}" if channel_of(trace) else ""
    return (
        f"ROI {trace.roi} under {name_of(trace.convention)}, {trace.convention.pooling}{channel}: "
        f"top-left {format_point(trace.x, trace.y)}, {format_number(trace.width, 5)} × "
        f"{format_number(trace.height, 5)} cells, {columns} × {rows} sections"
    )


def trace_table(trace: Trace) -> str:
    """Return the output of a trace and a row for each sample point as plain text."""
    grid = output_grid(np.array(trace.output))
    outputs = _columns([grid.headers, *grid.rows])
    points = [(section, point) for section in trace.sections for point in section.points]
    shown = points[:_MAX_POINT_ROWS]
    rows = [_point_row(section, point) for section, point in shown]
    remarks = ["", *(_remark(section, point) for section, point in shown)]
    point, value = "point", "value"
    if trace.convention.points == "integral":
        point, value = "cell", "weight × cell"
    titles = ["section", point, "x", "y", "rows", "columns", value]
    columns = zip(_columns([titles, *rows]), remarks, strict=True)
    lines = [f"{line}  {remark}".rstrip() for line, remark in columns]
    rest = len(points) - _MAX_POINT_ROWS
    more = [f"and {rest} more {point}s; .sections has all."] if rest > 0 else []
    return "\n".join([trace_summary(trace), "", *outputs, "", *lines, *more])


def _point_row(section: Section, point: Point) -> list[str]:
    cells = ({q.row for q in point.neighbours}, {q.column for q in point.neighbours})
    return [
        format_point(*section.section),
        format_point(*point.point),
        format_number(point.x),
        format_number(point.y),
        *(_range(indices) if point.in_bounds else "–" for indices in cells),
        format_number(point.value),
    ]


def _remark(section: Section, point: Point) -> str:
    if point.point == section.winner:
        return "the output"
    return "" if point.border == "inside" else point.border


def _range(indices: set[int]) -> str:
    return "–".join(map(str, sorted({min(indices), max(indices)})))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows of a table as lines whose cells are right-aligned in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return [line.rstrip() for line in lines]


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as text."""
    labels = [""] * len(comparison.differing)
    second = "the given output" if comparison.other is None else name_of(comparison.other)
    return blocks_text(comparison_blocks(comparison, labels, second)).rstrip("\n")


def identification_text(found: Identification) -> str:
    """Return the result of a search as text."""
    return "\n".join(identification_lines(found))


def recordings_text(found: RecordingDifferences) -> str:
    """Return the differences of two recordings as text."""
    return blocks_text(recording_blocks(found)).rstrip("\n")


# Type of result → the function that returns it as plain text.
_TEXTS: dict[type, Callable[[Any], str]] = {
    Trace: trace_table,
    Comparison: comparison_text,
    Identification: identification_text,
    Fingerprint: fingerprint_text,
    RecordingDifferences: recordings_text,
    PyramidIdentification: pyramid_identification_text,
}


def summary(result: object) -> str:
    """Describe a result, which must be a trace, in one line."""
    return trace_summary(cast("Trace", result))


def text(result: object) -> str:
    """Return a result as plain text."""
    return _TEXTS[type(result)](result)
