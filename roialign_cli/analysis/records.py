"""Convert traces, comparisons and presets to plain data for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roialign_cli.analysis.pitfalls import Note
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.preset import Preset

if TYPE_CHECKING:
    from roialign_cli.analysis.comparison import Comparison, Differences
    from roialign_cli.analysis.footprint import CellContribution
    from roialign_cli.analysis.points import Point
    from roialign_cli.analysis.quantisation import Quantisation, Side
    from roialign_cli.analysis.scaling import ScaleSource
    from roialign_cli.analysis.sections import Section
    from roialign_cli.analysis.trace import Trace

VERSION = 1


@dataclass(frozen=True)
class Defaults:
    """Say what a command chose because nothing else decided it.

    Parameters
    ----------
    preset_of
        The kind of features whose default preset is used, "arrays" or "images"; None if the user
        chose a preset.
    reading
        Whether the preset decides the box format and the origin.
    output_size
        Whether the preset decides the output size.
    cells
        Whether every pixel of an image is a cell because no stride was given.
    """

    preset_of: str | None
    reading: bool
    output_size: bool
    cells: bool


def named(label: str, score: float) -> str:
    """Return the label and the score of a box as text.

    Examples
    --------
    >>> named("face", 0.9312), named("face", math.nan), named("", 0.5)
    ('face 0.93', 'face', '0.50')
    """
    scored = "" if math.isnan(score) else f"{score:.2f}"
    return f"{label} {scored}".strip()


def notes_record(notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Return notes as plain data."""
    return [{"trap": note.pitfall, "rois": list(note.rois), "text": note.text} for note in notes]


def preset_record(preset: Preset) -> dict[str, Any]:
    """Return a preset as plain data."""
    return {
        "name": preset.name,
        "framework": preset.framework,
        "poolings": list(preset.poolings),
        "summary": preset.summary,
        "evidence": preset.evidence,
        "source": preset.source,
        "quirks": preset.quirks,
        "convention": preset.convention.parameters(),
    }


def trace_record(
    trace: Trace,
    notes: Sequence[Note] = (),
    source: ScaleSource | None = None,
    rounded: Quantisation | None = None,
    sections: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a trace as the documented JSON object; sections from 1, arrays from 0.

    Parameters
    ----------
    trace
        One ROI and channel.
    notes
        The warnings about its box.
    source
        What determined the scale; None if that is not known.
    rounded
        The box as ROI Pool rounds it; None to leave it out.
    sections
        The records of the sections, such as those of `outlines`; None for complete records.
    """
    rows, columns = trace.map_size
    return {
        "version": VERSION,
        "preset": trace.convention.name,
        "convention": trace.convention.parameters(),
        "frame": {"origin": trace.frame.origin},
        "feature_map": {
            "height": rows,
            "width": columns,
            "channels": trace.channels,
            "channel": trace.channel,
        },
        "box": {
            "format": trace.convention.box_format,
            "values": list(trace.box),
            "spatial_scale": {"x": trace.scale[0], "y": trace.scale[1]},
            **({} if source is None else vars(source)),
        },
        "roi": {
            "index": trace.roi,
            "x": trace.x,
            "y": trace.y,
            "width": trace.width,
            "height": trace.height,
        },
        "section_size": {"width": trace.section_width, "height": trace.section_height},
        "sections": _section_records(trace) if sections is None else list(sections),
        "output": [list(row) for row in trace.output],
        **({} if rounded is None else {"roi_pool": _roi_pool(rounded, trace.scale)}),
        "notes": notes_record(notes),
    }


def _roi_pool(rounded: Quantisation, scale: tuple[float, float]) -> dict[str, Any]:
    x_scale, y_scale = scale
    return {
        "width": rounded.rounded.width,
        "height": rounded.rounded.height,
        "left": _side(rounded.left, x_scale),
        "right": _side(rounded.right, x_scale),
        "top": _side(rounded.top, y_scale),
        "bottom": _side(rounded.bottom, y_scale),
        "bin_widths": [len(cells) for cells in rounded.columns],
        "bin_heights": [len(cells) for cells in rounded.rows],
    }


def _side(side: Side, scale: float) -> dict[str, float]:
    # A normalised box that ends at the centre of the only cell has the scale 0.
    moved = abs(side.gained) / scale if scale else math.nan
    return {"position": side.position, "rounded": side.rounded, "moved": moved}


def _section_records(trace: Trace) -> list[dict[str, Any]]:
    """Return all sections of a trace; `channel` only if each reads a channel of its own."""
    records = []
    for section in trace.sections:
        channel = trace.channel_read(*section.section)
        own = {} if channel is None else {"channel": channel}
        records.append(section_record(section) | own)
    return records


def section_record(section: Section) -> dict[str, Any]:
    """Return a section with all its points as plain data."""
    return {
        "section": list(section.section),
        "x": section.x,
        "y": section.y,
        "points": [point_record(point) for point in section.points],
        "divisor": section.divisor,
        "winner": None if section.winner is None else list(section.winner),
        "output": section.output,
    }


def point_record(point: Point) -> dict[str, Any]:
    """Return a point with its neighbours as plain data."""
    return {
        "point": list(point.point),
        "x": point.x,
        "y": point.y,
        "x1": point.x1,
        "x2": point.x2,
        "y1": point.y1,
        "y2": point.y2,
        "border": point.border,
        "in_bounds": point.in_bounds,
        "neighbours": [vars(neighbour) for neighbour in point.neighbours],
        "value": point.value,
        "contribution": point.contribution,
    }


def comparison_record(
    comparison: Comparison, labels: Sequence[str], second: str, notes: Sequence[Note] = ()
) -> dict[str, Any]:
    """Return a comparison as the documented JSON object."""
    shift = comparison.shift
    return {
        "version": VERSION,
        "first": {
            "preset": comparison.operation.convention.name,
            "convention": comparison.operation.convention.parameters(),
        },
        "second": {
            "name": second,
            "convention": None if comparison.other is None else comparison.other.parameters(),
        },
        **differences_record(comparison, labels),
        "common": list(comparison.shared_conditions),
        "reasons": [vars(reason) for reason in comparison.reasons],
        "shift": None
        if shift is None
        else {"x": shift.x, "y": shift.y, "other_grids": shift.other_grids.tolist()},
        "notes": notes_record(notes),
    }


def differences_record(compared: Differences, labels: Sequence[str]) -> dict[str, Any]:
    """Return the size and the place of the differences of two outputs as plain data."""
    roi, channel, section = compared.worst
    i, j = section
    return {
        "shape": list(compared.differences.shape),
        "largest": compared.largest,
        "mean": compared.mean,
        "worst": {
            "roi": roi,
            "label": labels[roi],
            "channel": channel,
            "section": list(section),
            "first": float(compared.outputs[roi, channel, j - 1, i - 1]),
            "second": float(compared.other_outputs[roi, channel, j - 1, i - 1]),
        },
        "tolerance": compared.tolerance,
        "differing_rois": [r for r, differs in enumerate(compared.differing.tolist()) if differs],
    }


def cell_record(
    operation: Operation,
    cell: tuple[int, int],
    contributions: Sequence[CellContribution],
    labels: Sequence[str],
    channel: int | Summary,
    notes: Sequence[Note] = (),
) -> dict[str, Any]:
    """Return the outputs that use a cell as the documented JSON object."""
    outputs = [
        {
            "roi": one.roi,
            "label": labels[one.roi],
            "batch_index": int(operation.batch_index[one.roi]),
            "section": list(one.section),
            "weight": one.weight,
        }
        for one in contributions
    ]
    return {
        "version": VERSION,
        "preset": operation.convention.name,
        "convention": operation.convention.parameters(),
        "channel": channel,
        "cell": {"row": cell[0], "column": cell[1]},
        "outputs": outputs,
        "notes": notes_record(notes),
    }


def to_json(record: Any, indent: int | None = 1) -> str:  # noqa: ANN401
    """Return a record as JSON text; NaN and infinities become null."""
    import json  # noqa: PLC0415 - slow to import, and tables need none

    separators = (",", ":") if indent is None else None

    def dumped(finite: Any) -> str:  # noqa: ANN401
        return json.dumps(
            finite, ensure_ascii=False, indent=indent, separators=separators, allow_nan=False
        )

    try:
        return dumped(record)
    except ValueError:  # of a number that is not finite
        return dumped(plain(record))


def plain(record: Any) -> Any:  # noqa: ANN401
    """Return a record with None in place of NaN and infinities."""
    match record:
        case dict():
            return {key: plain(value) for key, value in record.items()}
        case list() | tuple():
            return [plain(value) for value in record]
        case float():
            return record if math.isfinite(record) else None
        case _:
            return record
