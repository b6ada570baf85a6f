"""Convert pyramid rules and levels to plain data for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roialign_cli.analysis.pitfalls import Note
from roialign_cli.analysis.pyramid_comparison import BoxLevel, PyramidComparison
from roialign_cli.analysis.records import VERSION, differences_record, notes_record
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.core.pyramid_rules import PyramidRule


def pyramid_rule_record(rule: PyramidRule) -> dict[str, Any]:
    """Return a pyramid rule as plain data."""
    return {
        "name": rule.name,
        "framework": rule.framework,
        "evidence": rule.evidence,
        "source": rule.source,
        "quirks": rule.quirks,
        "preset": rule.preset,
        "rule": rule.parameters(),
    }


def level_record(operation: PyramidOperation, roi: int) -> dict[str, Any]:
    """Return the level of a box that is on a map, with its numbers, as plain data."""
    levels = operation.levels
    index = int(levels.index[roi])
    start, end = levels.size_range(levels.first + index)
    return {
        "name": levels.rule.name,
        "rule": levels.rule.parameters(),
        "size": float(levels.size[roi]),
        "level_number": float(levels.number[roi]),
        "level": levels.first + index,
        "map_index": index,
        "starts_at": start,
        "ends_at": end,
        "level_scales": list(operation.scales),
    }


def pyramid_comparison_record(
    comparison: PyramidComparison, labels: Sequence[str], second: str, notes: Sequence[Note] = ()
) -> dict[str, Any]:
    """Return a comparison on a pyramid as the documented JSON object."""
    operation, other = comparison.operation, comparison.other
    boxes = operation.operations[0].boxes_given
    changes = [
        {
            "roi": change.roi,
            "label": labels[change.roi],
            "box": boxes[change.roi].tolist(),
            "first": box_level_record(change.first),
            "second": box_level_record(change.second),
        }
        for change in comparison.changes
    ]
    return {
        "version": VERSION,
        "first": _side_record(operation),
        "second": {"name": second, **({} if other is None else _side_record(other))},
        "level_scales": list(operation.scales),
        **differences_record(comparison, labels),
        "level_changes": changes,
        "notes": notes_record(notes),
    }


def _side_record(operation: PyramidOperation) -> dict[str, Any]:
    convention, rule = operation.operations[0].convention, operation.levels.rule
    return {
        "preset": convention.name,
        "convention": convention.parameters(),
        "pyramid": {"name": rule.name, "rule": rule.parameters()},
    }


def box_level_record(one: BoxLevel) -> dict[str, Any]:
    """Return the level of a box by one rule as plain data."""
    return {
        "level": one.level,
        "map_index": one.map_index,
        "size": one.size,
        "level_number": one.number,
        "distance": one.distance,
    }
