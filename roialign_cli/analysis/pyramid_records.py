"""Convert pyramid rules and levels to plain data for JSON."""

from __future__ import annotations

from typing import Any

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
