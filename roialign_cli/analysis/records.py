"""Results and traces as plain data, for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roialign_cli.analysis.pitfalls import Note
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention, Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.sampling import Plan

if TYPE_CHECKING:
    from roialign_cli.analysis.comparison import Comparison
    from roialign_cli.analysis.footprint import CellContribution
    from roialign_cli.analysis.sections import Point, Section
    from roialign_cli.analysis.trace import Trace

VERSION = 1


@dataclass(frozen=True)
class Result:
    """What a run made, with what it was made from.

    Parameters
    ----------
    operation, plan
        What was run.
    pooled
        (R, C, height, width).
    labels
        R of them, "" where a box has none.
    channels
        The C channels' numbers in the feature map.
    scores
        R of them, NaN where a box has none; empty if none has.
    notes
        The traps that the boxes are in.
    """

    operation: Operation
    plan: Plan
    pooled: Float
    labels: Sequence[str]
    channels: Sequence[int]
    scores: Sequence[float] = ()
    notes: Sequence[Note] = ()

    def score(self, index: int) -> float:
        """Return a box's score, NaN where it has none."""
        return self.scores[index] if self.scores else math.nan

    def name(self, index: int) -> str:
        """Return what a box is called: its label and its score."""
        return named(self.labels[index], self.score(index))

    def roi(self, index: int) -> dict[str, float]:
        """Return where a region lies, in the convention's frame, in cells."""
        frame = self.operation.frame
        return {
            "x": frame.x(self.plan.x.roi_start[index]),
            "y": frame.y(self.plan.y.roi_start[index]),
            "width": float(self.plan.x.roi_size[index]),
            "height": float(self.plan.y.roi_size[index]),
        }

    def parameters(self) -> dict[str, Any]:
        """Return all that decided the numbers, besides the features and the boxes."""
        y, x = self.operation.spatial_scale
        return {
            "preset": self.operation.convention.name,
            "convention": self.operation.convention.parameters(),
            "output_size": list(self.operation.output_size),
            "spatial_scale": {"x": x, "y": y},
        }


def named(label: str, score: float) -> str:
    """Return what a box is called: its label and its score, as far as it has them.

    Examples
    --------
    >>> named("face", 0.9312), named("face", math.nan), named("", 0.5)
    ('face 0.93', 'face', '0.50')
    """
    scored = "" if math.isnan(score) else f"{score:.2f}"
    return f"{label} {scored}".strip()


def result_record(result: Result) -> dict[str, Any]:
    """Return a run as the documented JSON object."""
    rois = [
        {
            "index": r,
            "label": result.labels[r],
            "score": result.score(r),
            "batch_index": int(result.operation.batch_index[r]),
            "box": result.operation.boxes_given[r].tolist(),
            **result.roi(r),
            "output": result.pooled[r].tolist(),
        }
        for r in range(len(result.pooled))
    ]
    rows, columns = result.operation.map_size
    return {
        "version": VERSION,
        **result.parameters(),
        "frame": {"origin": result.operation.frame.origin},
        "feature_map": {
            "height": rows,
            "width": columns,
            "channels": list(result.channels),
        },
        "rois": rois,
        "notes": notes_record(result.notes),
    }


def notes_record(notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Return traps as plain data."""
    return [{"trap": note.trap, "rois": list(note.rois), "text": note.text} for note in notes]


def convention_record(convention: Convention) -> dict[str, Any]:
    """Return a convention as plain data."""
    return {
        "name": convention.name,
        "summary": convention.summary,
        "evidence": convention.evidence,
        "source": convention.source,
        "quirks": convention.quirks,
        "convention": convention.parameters(),
    }


def trace_record(trace: Trace, notes: Sequence[Note] = ()) -> dict[str, Any]:
    """Return a trace as the documented JSON object; sections from 1, arrays from 0."""
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
        },
        "roi": {
            "index": trace.roi,
            "x": trace.x,
            "y": trace.y,
            "width": trace.width,
            "height": trace.height,
        },
        "section_size": {"width": trace.section_width, "height": trace.section_height},
        "sections": [_section(section) for section in trace.sections],
        "output": [list(row) for row in trace.output],
        "notes": notes_record(notes),
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "section": list(section.section),
        "x": section.x,
        "y": section.y,
        "points": [_point(point) for point in section.points],
        "winner": None if section.winner is None else list(section.winner),
        "output": section.output,
    }


def _point(point: Point) -> dict[str, Any]:
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
    roi, channel, section = comparison.worst
    i, j = section
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
        "shape": list(comparison.differences.shape),
        "largest": comparison.largest,
        "mean": comparison.mean,
        "worst": {
            "roi": roi,
            "label": labels[roi],
            "channel": channel,
            "section": list(section),
            "first": float(comparison.outputs[roi, channel, j - 1, i - 1]),
            "second": float(comparison.other_outputs[roi, channel, j - 1, i - 1]),
        },
        "differing_rois": [r for r, differs in enumerate(comparison.differing.tolist()) if differs],
        "common": list(comparison.shared_conditions),
        "reasons": [vars(reason) for reason in comparison.reasons],
        "shift": None
        if shift is None
        else {"x": shift.x, "y": shift.y, "other_grids": shift.other_grids.tolist()},
        "notes": notes_record(notes),
    }


def cell_record(
    operation: Operation,
    cell: tuple[int, int],
    fed: Sequence[CellContribution],
    labels: Sequence[str],
    channel: int | Summary,
    notes: Sequence[Note] = (),
) -> dict[str, Any]:
    """Return which outputs a cell feeds as the documented JSON object."""
    outputs = [
        {
            "roi": one.roi,
            "label": labels[one.roi],
            "batch_index": int(operation.batch_index[one.roi]),
            "section": list(one.section),
            "weight": one.weight,
        }
        for one in fed
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
    """Return a record as JSON text; NaN and infinities, which JSON lacks, become null."""
    import json  # noqa: PLC0415 - slow to import, and tables need none

    separators = (",", ":") if indent is None else None
    return json.dumps(
        _plain(record), ensure_ascii=False, indent=indent, separators=separators, allow_nan=False
    )


def _plain(record: Any) -> Any:  # noqa: ANN401
    match record:
        case dict():
            return {key: _plain(value) for key, value in record.items()}
        case list() | tuple():
            return [_plain(value) for value in record]
        case float():
            return record if math.isfinite(record) else None
        case _:
            return record
