"""What the adaptive grid may be, and the grid of a kernel without a sampling ratio."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from roialign_cli.core.preset import FLT_MAX
from roialign_cli.measure.behaviours import (
    AT_LEAST_ONE,
    GRID_BEHAVIOURS,
    OTHER_POOLINGS,
    POOLINGS,
    USUAL,
)
from roialign_cli.measure.elimination import Changes, alternatives, by_unusualness, each_of
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Reading

ADAPTIVE = {"sampling_ratio": 0, "grid_from": "section"}
_OTHER_GRIDS: list[dict[str, Any]] = [
    {**ADAPTIVE, "grid_rounding": kind, "grid_min": 1} for kind in ("floor", "round")
]


def default_ratios(first: int) -> list[dict[str, Any]]:
    """Return what may be the ratio of a kernel that takes none, likeliest first."""
    fixed = each_of("sampling_ratio", dict.fromkeys((first, 0, 1, 2, 3, 4)), grid_from="section")
    return [*fixed, {"sampling_ratio": 0, "grid_from": "output"}, *_OTHER_GRIDS]


def unseen_grids(evidence: Evidence, model: Model) -> list[list[dict[str, Any]]]:
    """Return the grids of a kernel without a ratio, of which small sections show nothing."""
    if "sampling_ratio" in evidence.target.parameters or model.convention.sampling_ratio > 1:
        return []
    return [[{}, *_OTHER_GRIDS]]


def grid(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    """Yield adaptive grids of sections of usual sizes, likeliest first."""
    is_open = bool(unseen_grids(evidence, model))
    dimensions = [
        [{}, ADAPTIVE] if is_open else [{}],
        alternatives(model, "grid_from", ["section", "output"]),
        alternatives(model, "grid_rounding", ["ceil", "floor", "round"]),
        alternatives(model, "grid_max", [None, 2, 1, 3]),
        alternatives(model, "grid_min", [0, 1, 2, 3] if is_open else [0, 2, 3]),
        alternatives(model, "behaviour:grid", [USUAL, *GRID_BEHAVIOURS]),
    ]
    yield from by_unusualness(dimensions)


def large_grid(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    """Yield what only large sections show: the most points, and what one point hides."""
    grids = unseen_grids(evidence, model)
    dimensions: list[Sequence[Changes]] = [
        *grids,
        alternatives(model, "grid_max", [None, *range(1, 20)]),
    ]
    if grids:  # the one point of smaller sections has the same average and maximum
        dimensions.append([{}, *POOLINGS, *OTHER_POOLINGS])
    yield from by_unusualness(dimensions)


def small_grid(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    """Yield what only small sections show: the fewest points, and sections without any."""
    dimensions = [
        alternatives(model, "grid_min", [0, 1, 2, 3]),
        alternatives(model, "grid_rounding", ["ceil", "floor", "round"]),
        with_minimum(model, "behaviour:grid", GRID_BEHAVIOURS),
        *without_points(model),
    ]
    yield from by_unusualness(dimensions)


def with_minimum(model: Model, name: str, known: Iterable[str]) -> list[dict[str, Any]]:
    """Return no change, and the same behaviour with a minimum of 1, or without if it has one."""
    own = model.get(name)
    kind = own.removesuffix(AT_LEAST_ONE)
    others = [each for each in known if each in {kind, kind + AT_LEAST_ONE} - {own}]
    return [{}, *each_of(name, others)]


def without_points(model: Model) -> list[list[dict[str, Any]]]:
    """Return the alternatives for the output of a section without points."""
    if model.convention.pooling == "avg":
        return [alternatives(model, "clamp_count", [True, False])]
    return [alternatives(model, "max_of_empty", [0.0, -FLT_MAX, -10_000.0, -math.inf])]
