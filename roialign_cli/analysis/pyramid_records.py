"""Convert pyramid rules and levels to plain data for JSON."""

from __future__ import annotations

from typing import Any

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
