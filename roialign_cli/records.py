"""Results and traces as plain data, for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roialign_cli.boxes import Float
from roialign_cli.conventions import Convention
from roialign_cli.operation import Operation
from roialign_cli.sampling import Plan

if TYPE_CHECKING:
    from roialign_cli.tracing import Point, Section, Trace
    from roialign_cli.ways import Identification, Match, Partial, Way

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
    """

    operation: Operation
    plan: Plan
    pooled: Float
    labels: Sequence[str]
    channels: Sequence[int]

    def roi(self, index: int) -> dict[str, float]:
        """Return where a region lies, in the convention's frame, in cells."""
        frame = self.operation.frame
        return {
            "x": frame.x(self.plan.x.start[index]),
            "y": frame.y(self.plan.y.start[index]),
            "width": float(self.plan.x.size[index]),
            "height": float(self.plan.y.size[index]),
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


def result_record(result: Result) -> dict[str, Any]:
    """Return a run as the documented JSON object."""
    rois = [
        {
            "index": r,
            "label": result.labels[r],
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
    }


def convention_record(convention: Convention) -> dict[str, Any]:
    """Return a convention as plain data; an unbounded start of "max" becomes null."""
    return {
        "name": convention.name,
        "summary": convention.summary,
        "standing": convention.standing,
        "source": convention.source,
        "peculiar": convention.peculiar,
        "convention": convention.parameters(),
    }


def trace_record(trace: Trace) -> dict[str, Any]:
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
        "counted": point.counted,
        "neighbours": [vars(neighbour) for neighbour in point.neighbours],
        "value": point.value,
        "contribution": point.contribution,
    }


def identification_record(found: Identification) -> dict[str, Any]:
    """Return what a search found as the documented JSON object, best match first."""
    return {
        "version": VERSION,
        "matches": [_match(match) for match in found.matches],
        "closest": None if found.closest is None else _match(found.closest),
        "partial": None if found.partial is None else _partial(found.partial),
        "searched": found.searched,
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        **_way(match.way),
        "max_difference": match.max_difference,
        "equivalents": [convention.name for convention in match.equivalents],
    }


def _way(way: Way) -> dict[str, Any]:
    rules = way.convention
    scale = way.spatial_scale
    return {
        "preset": rules.name,
        "pooling": rules.pooling,
        "sampling_ratio": rules.sampling_ratio if rules.points == "centred" else None,
        "box_format": rules.box_format,
        "origin": rules.origin,
        "normalized": rules.normalized,
        "spatial_scale": None if scale is None else {"x": scale[1], "y": scale[0]},
        "layout": way.layout,
        "batches": way.batches,
        "oddities": way.oddities(),
        "convention": rules.parameters(),
    }


def _partial(partial: Partial) -> dict[str, Any]:
    return {
        **_way(partial.way),
        "max_difference": partial.max_difference,
        "boxes": partial.boxes.tolist(),
        "channels": partial.channels.tolist(),
        "sections": partial.sections.tolist(),
        "common": list(partial.common),
    }


def to_json(record: Any) -> str:  # noqa: ANN401
    """Return a record as JSON text; NaN and infinities, which JSON lacks, become null."""
    import json  # noqa: PLC0415 - slow to import, and tables need none

    return json.dumps(_plain(record), ensure_ascii=False, indent=1, allow_nan=False)


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
