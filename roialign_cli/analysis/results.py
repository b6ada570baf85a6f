"""Hold the outputs of a run with its inputs, and convert them to plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roialign_cli.analysis.pitfalls import Note
from roialign_cli.analysis.records import VERSION, named, notes_record
from roialign_cli.core.boxes import Float
from roialign_cli.core.operation import Operation
from roialign_cli.core.sampling import Plan

if TYPE_CHECKING:
    from roialign_cli.core.pyramid_operation import PyramidOperation


@dataclass(frozen=True)
class OnPyramid:
    """The pyramid that a run pooled from.

    Parameters
    ----------
    operation
        The operation of all boxes on each map, and the level of each box.
    plans
        The plan of all boxes on each map.
    """

    operation: PyramidOperation
    plans: Sequence[Plan]

    def level(self, roi: int) -> int | None:
        """Return the level of a box as the rule numbers it; None if the box is on no map."""
        index = self.map_index(roi)
        return None if index is None else self.operation.levels.first + index

    def map_index(self, roi: int) -> int | None:
        """Return the map of a box, from 0; None if the box is on no map."""
        index = int(self.operation.index[roi])
        return None if index < 0 else index


@dataclass(frozen=True)
class Result:
    """Hold the outputs of a run and its inputs.

    Parameters
    ----------
    operation, plan
        The operation and its sampling plan; of a pyramid, those on the first map.
    pooled
        (R, C, height, width).
    labels
        A label for each of the R boxes, "" for no label.
    channels
        The index of each of the C channels in the feature map.
    scores
        A score for each of the R boxes, NaN for no score; empty if no box has one.
    notes
        The pitfalls of the boxes.
    pyramid
        The pyramid, None for a single map.
    call
        The entry of the record that names a recorded call; None without one.
    """

    operation: Operation
    plan: Plan
    pooled: Float
    labels: Sequence[str]
    channels: Sequence[int]
    scores: Sequence[float] = ()
    notes: Sequence[Note] = ()
    pyramid: OnPyramid | None = None
    call: Mapping[str, Any] | None = None

    def score(self, index: int) -> float:
        """Return the score of a box, NaN for no score."""
        return self.scores[index] if self.scores else math.nan

    def name(self, index: int) -> str:
        """Return the label and the score of a box as text."""
        return named(self.labels[index], self.score(index))

    def roi(self, index: int) -> dict[str, float]:
        """Return the top-left corner and the size of a region in cells, in its frame.

        The numbers are NaN for a box that is on no map of a pyramid.
        """
        frame, plan = self.operation.frame, self.plan
        if self.pyramid is not None:
            on_map = self.pyramid.map_index(index)
            if on_map is None:
                return dict.fromkeys(("x", "y", "width", "height"), math.nan)
            frame = self.pyramid.operation.operations[on_map].frame
            plan = self.pyramid.plans[on_map]
        return {
            "x": frame.x(plan.x.roi_start[index]),
            "y": frame.y(plan.y.roi_start[index]),
            "width": float(plan.x.roi_size[index]),
            "height": float(plan.y.roi_size[index]),
        }

    def parameters(self) -> dict[str, Any]:
        """Return everything that determines the numbers, except features and boxes."""
        return {
            "preset": self.operation.convention.name,
            "convention": self.operation.convention.parameters(),
            "output_size": list(self.operation.output_size),
            **_scales(self.operation, self.pyramid),
        }


def _scales(operation: Operation, pyramid: OnPyramid | None) -> dict[str, Any]:
    if pyramid is None:
        return {"spatial_scale": _scale(operation)}
    rule = pyramid.operation.levels.rule
    scales = [_scale(on_map) for on_map in pyramid.operation.operations]
    return {"pyramid": {"name": rule.name, "rule": rule.parameters()}, "level_scales": scales}


def _scale(operation: Operation) -> dict[str, float]:
    y, x = operation.spatial_scale
    return {"x": x, "y": y}


def result_record(result: Result) -> dict[str, Any]:
    """Return a run as the documented JSON object."""
    rois = [
        {
            "index": r,
            "label": result.labels[r],
            "score": result.score(r),
            "batch_index": int(result.operation.batch_index[r]),
            **_level(result.pyramid, r),
            "box": result.operation.boxes_given[r].tolist(),
            **result.roi(r),
            "output": result.pooled[r].tolist(),
        }
        for r in range(len(result.pooled))
    ]
    return {
        "version": VERSION,
        **(result.call or {}),
        **result.parameters(),
        "frame": {"origin": result.operation.frame.origin},
        **_maps(result),
        "rois": rois,
        "notes": notes_record(result.notes),
    }


def _level(pyramid: OnPyramid | None, roi: int) -> dict[str, Any]:
    """Return the level of a box as plain data; nothing without a pyramid."""
    if pyramid is None:
        return {}
    return {
        "level": pyramid.level(roi),
        "level_number": float(pyramid.operation.levels.number[roi]),
        "map_index": pyramid.map_index(roi),
    }


def _maps(result: Result) -> dict[str, Any]:
    if result.pyramid is None:
        rows, columns = result.operation.map_size
        channels = list(result.channels)
        return {"feature_map": {"height": rows, "width": columns, "channels": channels}}
    sizes = (on_map.map_size for on_map in result.pyramid.operation.operations)
    maps = [{"height": rows, "width": columns} for rows, columns in sizes]
    return {"feature_maps": maps, "channels": list(result.channels)}
