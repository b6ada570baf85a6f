"""The grids that a kernel without a sampling ratio may have."""

from __future__ import annotations

from typing import Any

from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model

ADAPTIVE = {"sampling_ratio": 0, "grid_from": "section"}
_OTHER_GRIDS: list[dict[str, Any]] = [
    {**ADAPTIVE, "grid_rounding": kind, "grid_min": 1} for kind in ("floor", "round")
]


def default_ratios(first: int) -> list[dict[str, Any]]:
    """Return what may be the ratio of a kernel that takes none, likeliest first."""
    fixed = [{"sampling_ratio": n, "grid_from": "section"} for n in (first, 0, 1, 2, 3, 4)]
    return [*fixed, {"sampling_ratio": 0, "grid_from": "output"}, *_OTHER_GRIDS]


def unseen_grids(evidence: Evidence, model: Model) -> list[list[dict[str, Any]]]:
    """Return the grids of a kernel without a ratio, of which small sections show nothing."""
    if "sampling_ratio" in evidence.target.parameters or model.convention.sampling_ratio > 1:
        return []
    return [[{}, *_OTHER_GRIDS]]
