"""Record a trace with what ROI Pool makes of its box, in little time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from roialign_cli.analysis.outlines import outlines
from roialign_cli.analysis.pitfalls import Note
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.quantisation import Quantisation, quantise_one, with_roi_pool
from roialign_cli.analysis.records import plain, point_record, trace_record
from roialign_cli.analysis.rectangle import Rectangle
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.sections import Sections
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float, Frame
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.pooling import pool
from roialign_cli.errors import ArgumentError

# The keys of the JSON of `explain` that the page needs of the second preset.
_KEYS = ("preset", "convention", "roi", "section_size", "sections", "output")


def traced_record(
    trace: Trace,
    section: tuple[int, int],
    point: Point | None,
    *,
    most: int,
    notes: Sequence[Note],
    source: ScaleSource | None,
    other: Trace | None = None,
) -> dict[str, Any]:
    """Return the numbers of ROI Align, ROI Pool and a second preset for the box of a trace.

    The keys are those of `explain --format json`; the points lack their neighbours, except for
    the chosen point. `docs/explore.md` describes the other keys.

    Parameters
    ----------
    trace
        The trace of an operation.
    section
        The chosen section (i, j).
    point
        The chosen point of the section; None if it has no points.
    most
        The largest number of points to list; of more, those of the chosen section are listed.
    notes
        The warnings about the box.
    source
        What determined the scale; None if that is not known.
    other
        The trace of the second preset; None to compare with ROI Pool.
    """
    one = trace.operation
    pooled, rounded = _pooled(one)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.subtract(trace.output, pooled if other is None else other.output)
    listed = _outlines(trace, most, section)
    n_listed = sum(len(outline["points"]) for outline in listed)
    record = trace_record(trace, notes, source, rounded, listed)
    record["box"] |= {"corners": one.boxes_xyxy[0].tolist(), "on_map": _edges(trace.box_on_map)}
    record["roi_pool"] |= _roi_pool(rounded, pooled)
    record["convention"] = plain(record["convention"])  # the rest is nearly always finite
    return record | {
        "output_size": list(one.output_size),
        "n_points": trace.n_points,
        "points_listed": n_listed,
        "other": _other_record(other, most - n_listed, section) if other else None,
        "difference": difference.tolist(),
        "largest_difference": _largest(difference),
        "chosen": {
            "section": list(section),
            "channel": channel_drawn(trace, section),
            "point": None if point is None else point_record(point),
        },
    }


def _other_record(trace: Trace, most: int, section: tuple[int, int]) -> dict[str, Any]:
    """Return the trace of the second preset as plain data; `most` as in `traced_record`."""
    sections = _outlines(trace, most, section)
    record = trace_record(trace, sections=sections)
    record["convention"] = plain(record["convention"])
    return {name: record[name] for name in _KEYS} | {
        "n_points": trace.n_points,
        "points_listed": sum(len(section["points"]) for section in sections),
    }


def _outlines(trace: Trace, most: int, section: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the outlines of all sections; `most` as in `traced_record`."""
    records = outlines(sections_of(trace), most, section)
    for record in records:
        channel = trace.channel_read(*record["section"])
        if channel is not None:
            record["channel"] = channel
    return records


def channel_drawn(trace: Trace, section: tuple[int, int]) -> int | Summary:
    """Return the channel of the map that a section reads, or how all channels are combined."""
    own = trace.channel_read(*section)
    return trace.channel if own is None else own


def sections_of(trace: Trace) -> Sections:
    """Return the sections of the trace of an operation."""
    assert isinstance(trace.sections, Sections)  # noqa: S101 - for the type checker
    return trace.sections


def chosen(
    trace: Trace, section: tuple[int, int] | None, point: tuple[int, int] | None
) -> tuple[tuple[int, int], Point | None]:
    """Return a section (i, j) and one of its points; no point if the section has none.

    Parameters
    ----------
    trace
        The trace of an operation.
    section
        The section; None for the one that `explain` chooses.
    point
        The point (n, m); None for the point that determines the output of the section, or its
        first point.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    sections, columns, rows = sections_of(trace), len(trace.output[0]), len(trace.output)
    i, j = section or trace.example
    if not (i <= columns and j <= rows):
        known = f"sections run from (1, 1) to ({columns}, {rows})"
        raise ArgumentError("section", f"there is no section ({i}, {j}); {known}")
    found = sections.point((i, j), point or sections.winner(i, j) or (1, 1))
    if found is None and point is not None:
        columns, rows = sections.grid(i, j)
        known = "the section has no sample points"
        if columns and rows:
            known = f"points run from (1, 1) to ({columns}, {rows})"
        raise ArgumentError("point", f"there is no point {point}; {known}")
    return (i, j), found


def _pooled(one: Operation) -> tuple[Float, Quantisation]:
    """Return the output of ROI Pool for the only box, (rows, columns), and the rounded box."""
    pooling = with_roi_pool(one)
    plan = pooling.plan()
    pooled: Float = pool(pooling.features, plan, pooling.batch_index)[0, 0].astype(np.float64)
    return pooled, quantise_one(pooling, plan)


def _largest(difference: Float) -> float:
    finite = np.abs(difference[np.isfinite(difference)])
    return float(finite.max(initial=0.0))


def _edges(rectangle: Rectangle) -> dict[str, float]:
    return {name: getattr(rectangle, name) for name in ("left", "top", "right", "bottom")}


def _roi_pool(rounded: Quantisation, pooled: Float) -> dict[str, Any]:
    names = ("left", "right", "top", "bottom")
    sides = zip(names, rounded.sides, strict=True)
    return {
        "x": rounded.rounded.x,
        "y": rounded.rounded.y,
        "gained": {
            name: {"cells": side.gained, "pixels": side.gained_pixels} for name, side in sides
        },
        "columns": [_span(rounded.frame, cells, along_x=True) for cells in rounded.columns],
        "rows": [_span(rounded.frame, cells, along_x=False) for cells in rounded.rows],
        "output": pooled.tolist(),
    }


def _span(frame: Frame, cells: range, *, along_x: bool) -> list[float] | None:
    """Return where cells begin and end, in the frame; None for no cells."""
    if not cells:
        return None
    at = frame.x if along_x else frame.y
    return [at(cells.start - 0.5), at(cells.stop - 0.5)]
