"""What a Python session shows of results: plain text, and of a trace a page inside a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, cast

import numpy as np

from roialign_cli.analysis.comparison import Comparison
from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.search.hypothesis import Identification
from roialign_cli.show.document.blocks import output_grid
from roialign_cli.show.document.comparison import comparison_blocks
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.identification import identification_lines
from roialign_cli.show.document.terminal import blocks_text
from roialign_cli.show.numbers import channel_of, format_number, format_point, name_of
from roialign_cli.show.page.page import explanation_page

_MOST_ROWS = 40
_HEIGHT = 760  # pixels of a notebook's page


def trace_summary(trace: Trace) -> str:
    """Return in one line what a trace is of."""
    rows, columns = len(trace.output), len(trace.output[0])
    channel = f", {channel_of(trace)}" if channel_of(trace) else ""
    return (
        f"ROI {trace.roi} under {name_of(trace.convention)}, {trace.convention.pooling}{channel}: "
        f"top-left {format_point(trace.x, trace.y)}, {format_number(trace.width, 5)} × "
        f"{format_number(trace.height, 5)} cells, {columns} × {rows} sections"
    )


def trace_table(trace: Trace) -> str:
    """Return the output, and a row a sample point, as plain text."""
    grid = output_grid(np.array(trace.output))
    outputs = _columns([grid.headers, *grid.rows])
    points = [(section, point) for section in trace.sections for point in section.points]
    rows = [_point(section, point) for section, point in points[:_MOST_ROWS]]
    remarks = ["", *(_remark(section, point) for section, point in points[:_MOST_ROWS])]
    titles = ["section", "point", "x", "y", "rows", "columns", "value"]
    columns = zip(_columns([titles, *rows]), remarks, strict=True)
    lines = [f"{line}  {remark}".rstrip() for line, remark in columns]
    rest = len(points) - _MOST_ROWS
    more = [f"and {rest} more points; .sections has all."] if rest > 0 else []
    return "\n".join([trace_summary(trace), "", *outputs, "", *lines, *more])


def _point(section: Section, point: Point) -> list[str]:
    rows, columns = ({q.row for q in point.neighbours}, {q.column for q in point.neighbours})
    cells = [_range(rows), _range(columns)] if point.in_bounds else ["–", "–"]
    at = format_number(point.x), format_number(point.y)
    return [
        format_point(*section.section),
        format_point(*point.point),
        *at,
        *cells,
        format_number(point.value),
    ]


def _remark(section: Section, point: Point) -> str:
    if point.point == section.winner:
        return "the output"
    return "" if point.border == "inside" else point.border


def _range(cells: set[int]) -> str:
    return "–".join(map(str, sorted({min(cells), max(cells)})))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of a table as lines, the cells of a column equally wide."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return [line.rstrip() for line in lines]


def trace_html(trace: Trace) -> str:
    """Return a trace's page as part of a notebook, with its table where there are no frames."""
    table = f"<pre>{escape(trace_table(trace))}</pre>"
    try:
        page = explanation_page(Explanation(trace, None, "the features"))
    except ArgumentError:  # too many points for a page
        return table
    return (
        f'<iframe srcdoc="{escape(page)}" title="{escape(trace_summary(trace))}" '
        f'style="width: 100%; height: {_HEIGHT}px; border: 0" sandbox="allow-scripts"></iframe>'
        f"<details><summary>as a table</summary>{table}</details>"
    )


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as text."""
    labels = [""] * len(comparison.differing)
    second = "the given output" if comparison.other is None else name_of(comparison.other)
    return blocks_text(comparison_blocks(comparison, labels, second)).rstrip("\n")


def identification_text(found: Identification) -> str:
    """Return what a search found as text."""
    return "\n".join(identification_lines(found))


# Kind of result → its plain text.
_TEXTS: dict[type, Callable[[Any], str]] = {
    Trace: trace_table,
    Comparison: comparison_text,
    Identification: identification_text,
}


def summary(result: object) -> str:
    """Return a trace in one line."""
    return trace_summary(cast("Trace", result))


def text(result: object) -> str:
    """Return a result as plain text."""
    return _TEXTS[type(result)](result)


def html(result: object) -> str | None:
    """Return a trace as a page in a frame, None for other results."""
    return trace_html(result) if isinstance(result, Trace) else None
