"""Where a kernel places the points of a section, from boxes well inside the map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from roialign_cli.core.convention import Convention
from roialign_cli.measure.behaviours import (
    DIVISOR_BEHAVIOURS,
    EXCHANGED_WEIGHTS,
    HALF_TO_EVEN,
    POOLINGS,
    RATIO_BEHAVIOURS,
    SIZES_OF_LARGE_BOXES,
    USUAL,
)
from roialign_cli.measure.call import Answer
from roialign_cli.measure.elimination import Changes, by_unusualness, each_of
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.grids import default_ratios
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Reading, likely_points

ROUNDINGS = ("none", "round-map", "floor-map", "round-image", "floor-image")


def placement(evidence: Evidence, _model: Model, reading: Reading) -> Iterator[Changes]:
    """Yield rules that may place one point in each section, likeliest first."""
    # Edges that are rounded and points that take other cells hide where a box lies exactly.
    is_exact = reading.is_linear or _is_maximum(_value_of_ones(evidence), reading)
    starts = _near(reading.start, _USUAL_STARTS, is_exact=is_exact)
    ends = [end - start for start, end in zip(reading.start, reading.end, strict=True)]
    takes_ratio = "sampling_ratio" in evidence.target.parameters
    points = list(likely_points(reading.shares))
    if not reading.is_linear:  # rounding moves sections, so that their shares are not exact
        points = [{"points": "centred", "point_in_part": 0.5}, *points]
    # A grid from the output size, which is spread over the ROI, changes two rules at once.
    ratio = [*default_ratios(0), {"sampling_ratio": 0, "grid_from": "output", "points": "corners"}]
    if takes_ratio:
        ratio = each_of("behaviour:ratio", [USUAL, *RATIO_BEHAVIOURS])[:_MAX_RATIOS]
    dimensions: list[Sequence[Changes]] = [
        each_of("offset", dict.fromkeys(starts)),
        each_of("end_offset", dict.fromkeys(_near(ends, _USUAL_ENDS, is_exact=is_exact))),
        *_weights(reading),
        _poolings(_value_of_ones(evidence), reading),
        _divisors(_value_of_ones(evidence)),
        points,
        ratio,
    ]
    yield from by_unusualness(dimensions)


def placement_by_axis(evidence: Evidence, reading: Reading) -> Iterator[Changes]:
    """Yield the rules along y and along x that give the positions along these axes, if any do."""
    found = [_placed_along(axis, evidence, reading) for axis in (1, 0)]
    if None not in found:
        along_y, along_x = (dict(each or {}) for each in found)
        yield {**reading.fields, **along_y, **{f"x:{name}": v for name, v in along_x.items()}}


def _placed_along(axis: int, evidence: Evidence, reading: Reading) -> Changes | None:
    """Return the rules that give the positions along x (0) or y (1); None if none do."""
    call, answer = evidence.answers["placement"]
    position = (1 + axis) * call.maps_per_channel  # the channel that holds it
    if answer.output is None or answer.output.shape[1] <= position:
        return None
    start, end = reading.start[axis], reading.end[axis]
    dimensions: list[Sequence[Changes]] = [
        each_of("offset", dict.fromkeys(_near([start], _USUAL_STARTS))),
        each_of("end_offset", dict.fromkeys(_near([end - start], _USUAL_ENDS))),
        each_of("edge_rounding", ROUNDINGS),
        each_of("interpolation", ("linear", "nearest", "swapped")),
        each_of("point_in_part", (0.5, 0.0, 1.0), points="centred"),
    ]
    channels = slice(position, position + 1)
    given = Answer(answer.output[:, channels])
    for changes in by_unusualness(dimensions, 200):
        output = Model(Convention()).having({**reading.fields, **changes}).answer(call).output
        if output is not None and evidence.equal(Answer(output[:, channels]), given):
            return changes
    return None


def _value_of_ones(evidence: Evidence) -> float:
    """Return what sections of a map of ones give; NaN if there is no answer."""
    _, answer = evidence.answers["placement"]
    return math.nan if answer.output is None else float(np.median(answer.output[:, 0]))


def _divisors(of_ones: float) -> list[dict[str, Any]]:
    """Return the usual divisor, and all others if a map of ones does not give ones."""
    others = DIVISOR_BEHAVIOURS if abs(of_ones - 1) > _EXACT else ()
    return each_of("behaviour:divisor", [USUAL, *others])


def _poolings(of_ones: float, reading: Reading) -> list[Changes]:
    """Return the poolings, likeliest first; one point has the same average and maximum."""
    average, of_points, of_products = POOLINGS
    if _is_maximum(of_ones, reading):
        return [of_points, of_products, average]
    return [average, of_products, of_points]


def _is_maximum(of_ones: float, reading: Reading) -> bool:
    """Return whether sections are a maximum over several points.

    The weights of an average add up to what a map of ones gives, those of a maximum to much more:
    two points that are half a cell apart give two cells weights of 3/4.
    """
    return reading.weight > of_ones + 0.25


TIES = ("lower", "both", "upper")


def _weights(reading: Reading) -> list[list[dict[str, Any]]]:
    """Return what decides the weights of cells: the rounding of edges, and the interpolation."""
    if reading.is_bilinear:
        return []
    kinds = [
        {"interpolation": "linear"},
        {"interpolation": "nearest"},
        # A point on a cell centre then has the value of its other neighbour.
        *({"interpolation": "swapped", "tie_neighbour": tie} for tie in TIES),
        {"behaviour:interpolation": EXCHANGED_WEIGHTS},
    ]
    roundings = each_of("edge_rounding", ROUNDINGS)
    # At scale 1 all that are rounded half to even before the shift are the same.
    roundings += each_of("behaviour:edges", HALF_TO_EVEN[:1], edge_rounding="none")
    roundings += each_of("behaviour:size", SIZES_OF_LARGE_BOXES, edge_rounding="none")
    return [roundings, kinds]


_MAX_RATIOS = 6  # that are tried before the stage that measures the ratio
_USUAL_STARTS = (0.5, 0.0, 1.0, -0.5)
_USUAL_ENDS = (0.0, -1.0, 1.0, 0.5, -0.5)


def _near(
    measured: Sequence[float], distances: Sequence[float], *, is_exact: bool = True
) -> list[float]:
    """Return the likeliest distances in cells for what was measured along x and y."""
    at = float(np.mean(measured))
    usual = sorted(distances, key=lambda distance: is_exact and abs(distance - at) > _EXACT)
    # Edges that are rounded down lie 3/8 of a cell lower in the mean of four phases. What is
    # subtracted before a fixed scale is a fraction of a cell.
    return [*usual, round(at, 3), round(at - 0.375, 3), round(at * 64) / 64]


_EXACT = 0.02  # cells by which measured distances differ from true ones
