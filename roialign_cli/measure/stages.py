"""The order in which the fields of a convention are measured, each from calls of its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from roialign_cli.core.preset import FLT_MAX
from roialign_cli.measure.behaviours import (
    BATCH_BEHAVIOURS,
    DIVISOR_BEHAVIOURS,
    EDGE_BEHAVIOURS,
    GRID_BEHAVIOURS,
    HALF_TO_EVEN,
    NEARLY_ONE,
    OTHER_POOLINGS,
    POOLINGS,
    RATIO_BEHAVIOURS,
    SCALE_BEHAVIOURS,
    SIZE_BEHAVIOURS,
    SIZES_OF_LARGE_BOXES,
    USUAL,
)
from roialign_cli.measure.elimination import (
    Changes,
    along_one_axis,
    alternatives,
    by_unusualness,
    each_of,
)
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.grids import (
    default_ratios,
    grid,
    large_grid,
    small_grid,
    unseen_grids,
    with_minimum,
    without_points,
)
from roialign_cli.measure.model import Model
from roialign_cli.measure.placing import (
    ROUNDINGS,
    TIES,
    placement,
    placement_by_axis,
)
from roialign_cli.measure.reading import Reading


@dataclass(frozen=True)
class Stage:
    """One step of the measurement.

    Parameters
    ----------
    rule
        The rule that is broken if no candidate agrees.
    calls
        Names of the calls whose answers decide.
    candidates
        Evidence, the model so far and the reading of boxes → changes of the model to try,
        likeliest first.
    needs
        Names of the stages without which this one cannot be understood.
    """

    rule: str
    calls: tuple[str, ...]
    candidates: Callable[[Evidence, Model, Reading], Iterator[Changes]]
    needs: tuple[str, ...] = ()

    def axis_candidates(
        self, evidence: Evidence, model: Model, reading: Reading
    ) -> Iterator[Changes]:
        """Yield changes along one axis only, for a kernel that does not treat both alike."""
        if self.calls == ("placement",):
            yield from placement_by_axis(evidence, reading)
        else:
            each = along_one_axis(model, lambda one: self.candidates(evidence, one, reading))
            yield from islice(each, _MAX_AXIS_CANDIDATES)


_MAX_AXIS_CANDIDATES = 80


def _scaled(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    total, end = model.convention.offset, model.convention.end_offset
    starts: list[dict[str, Any]] = [
        {"offset": total - image, "image_offset": image}
        for image in dict.fromkeys((0.0, total, -0.5, 0.5, 1.0, -1.0))
    ]
    ends: list[dict[str, Any]] = [
        {"end_offset": end - image, "image_end_offset": image}
        for image in dict.fromkeys((0.0, end, -1.0, 1.0))
    ]
    rounding = alternatives(model, "edge_rounding", ROUNDINGS)
    # Without a shift the others are the same as the field.
    behaviours = EDGE_BEHAVIOURS if model.convention.offset else HALF_TO_EVEN
    rounding += each_of("behaviour:edges", behaviours, edge_rounding="none")
    scales = alternatives(model, "behaviour:scale", [USUAL, *SCALE_BEHAVIOURS])
    yield from by_unusualness([starts, ends, rounding, scales])


def _points(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    points: list[dict[str, Any]] = [
        {"points": model.convention.points},
        {"points": "dividers"},
        {"points": "dividers", "divide": 3},
        {"points": "integral", "pooling": "avg"},
        {"points": "centred"},
    ]
    ratios = alternatives(model, "behaviour:ratio", [USUAL, *RATIO_BEHAVIOURS])
    if "sampling_ratio" not in evidence.target.parameters:
        ratios = default_ratios(model.convention.sampling_ratio)
    poolings: list[Changes] = [
        {"pooling": model.convention.pooling, "max_of": model.convention.max_of}
    ]
    poolings += [each for each in POOLINGS if each != poolings[0]]
    poolings += OTHER_POOLINGS
    divisors = alternatives(model, "behaviour:divisor", [USUAL, *DIVISOR_BEHAVIOURS])
    coordinates = alternatives(model, "coordinates", ["features", "half"])
    decimals = alternatives(model, "coordinate_decimals", [None, 2, 3])
    formulas = alternatives(model, "position_formula", _FORMULAS)
    sizes = alternatives(model, "behaviour:size", [USUAL, *SIZES_OF_LARGE_BOXES])
    yield from by_unusualness(
        [points, ratios, poolings, divisors, coordinates, decimals, formulas, sizes]
    )


_FORMULAS = ("section-first", "step-first", "share-first", "roi-first")


def _digits(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    coordinates = alternatives(model, "coordinates", ["features", "half"])
    decimals = alternatives(model, "coordinate_decimals", [None, 2, 1, 3, 0, 4])
    # The last digit shows at once if coordinates are rounded, or points take the nearest cell.
    formulas = alternatives(model, "position_formula", _FORMULAS)
    sizes = alternatives(model, "behaviour:size", [USUAL, *SIZES_OF_LARGE_BOXES])
    grids = unseen_grids(evidence, model)
    yield from by_unusualness([coordinates, decimals, formulas, sizes, *grids])


def _whole_sizes(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    coordinates = alternatives(model, "coordinates", ["features", "double"])
    tolerance = next(
        behaviour for behaviour in GRID_BEHAVIOURS if "just above a whole number" in behaviour
    )
    behaviours = alternatives(model, "behaviour:grid", [tolerance])
    # Points of sections that are cut are computed by another formula.
    cut = alternatives(model, "clip_sections", [False, True])
    margins = alternatives(model, "border_margin", _USUAL_MARGINS)
    yield from by_unusualness([coordinates, behaviours, cut, margins])


def _default_ratio(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    yield from by_unusualness([alternatives(model, "sampling_ratio", [0, 2, 1, 3, 4, 5, 6, 7, 8])])


def _border(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    values = _constants(evidence, ("far outside", "low border", "high border"))
    # The ladder of boxes measures a margin to a quarter of a cell, and whether its end counts.
    margins = (*_USUAL_MARGINS, *np.arange(0.25, 3.9, 0.25).tolist())
    dimensions = [
        alternatives(model, "border_margin", margins),
        alternatives(model, "outside_neighbours", _OUTSIDE_NEIGHBOURS),
        [{"extrapolation_value": value} for value in dict.fromkeys([*values, 0.0])],
        alternatives(model, "clip_boxes", [False, True]),
        alternatives(model, "clip_sections", [False, True]),
        alternatives(model, "unread_cells", [0, 1]),
        alternatives(model, "average_over", ["points", "inside"]),
        *without_points(model),
        _other_roundings(model),
        *_deciding_digits(evidence, model),
    ]
    yield from by_unusualness(dimensions, 700)


def _deciding_digits(evidence: Evidence, model: Model) -> list[list[dict[str, Any]]]:
    """Return the rules of last digits if they decide whether points on the margin are outside.

    A third or seventh of a box is not exact, unlike the sections of the usual output size.
    """
    if evidence.output_size is None:
        return []
    return [
        alternatives(model, "coordinates", ["features", "double"]),
        alternatives(model, "position_formula", _FORMULAS),
    ]


_USUAL_MARGINS = (1.0, 0.0, math.inf, 0.5, NEARLY_ONE)
_OUTSIDE_NEIGHBOURS = ("clamped", "value", "extrapolated")


def _other_roundings(model: Model) -> list[dict[str, Any]]:
    """Return ways to round edges that differ only for negative coordinates.

    round(x − 0.5), halves away from zero, is floor(x) for x > 0.
    """
    rules = model.convention
    own: dict[str, Any] = {"offset": rules.offset, "edge_rounding": rules.edge_rounding}
    kind, _, place = rules.edge_rounding.partition("-")
    if kind == "none":
        return [own]
    other = "floor" if kind == "round" else "round"
    moved = "offset" if place == "map" else "image_offset"
    return [
        own,
        *(
            {**own, moved: getattr(rules, moved) + by, "edge_rounding": f"{rounding}-{place}"}
            for rounding in (other, kind)
            for by in (-0.5, 0.5, 0.0)
        ),
    ]


def _constants(evidence: Evidence, names: Sequence[str]) -> list[float]:
    """Return the values that all channels of some section have, the most frequent first."""
    values: Counter[float] = Counter()
    for _, answer in (evidence.answers[name] for name in names if name in evidence.answers):
        if answer.output is not None and answer.output.shape[1] > 1:
            output = np.moveaxis(answer.output, 1, -1).reshape(-1, answer.output.shape[1])
            same = output[(output == output[:, :1]).all(axis=1), 0]
            values.update(same.astype(float).tolist())
    return [value for value, _ in values.most_common(3)]


def _across(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    dimensions = [
        alternatives(model, "average_over", ["points", "inside"]),
        alternatives(model, "clip_sections", [False, True]),
        *without_points(model),
        *unseen_grids(evidence, model),
        # Rules of which one point in each section showed no difference.
        alternatives(model, "outside_neighbours", _OUTSIDE_NEIGHBOURS),
        alternatives(model, "border_margin", _USUAL_MARGINS),
        *_deciding_digits(evidence, model),
    ]
    yield from by_unusualness(dimensions, 300)


def _larger(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    dimensions = [
        alternatives(model, "grid_points", ["all", "cells"]),
        alternatives(model, "clip_sections", [False, True]),
        alternatives(model, "average_over", ["points", "inside"]),
        alternatives(model, "border_margin", _USUAL_MARGINS),
        alternatives(model, "position_formula", _FORMULAS),
    ]
    yield from by_unusualness(dimensions, 300)


def _size(evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    sizes = [*_SIZES, *_grown_sizes(evidence)]
    behaviours = with_minimum(model, "behaviour:size", SIZE_BEHAVIOURS)
    yield from by_unusualness([behaviours, alternatives(model, "min_size", sizes)])


def _grown_sizes(evidence: Evidence) -> list[float]:
    """Return the width of the narrowest box, in cells, from the channel that holds x."""
    if "small boxes" not in evidence.answers:
        return []
    call, answer = evidence.answers["small boxes"]
    x_channel = call.maps_per_channel  # the first channel is constant
    if answer.output is None or answer.output.shape[1] <= x_channel:
        return []
    left, right = answer.output[0, x_channel, 0].astype(float)
    width = abs(round(2 * (right - left), 3))
    return [width] if np.isfinite(width) and width > 0.25 else []


_SIZES = (0.0, 1.0, 0.1, 0.5, 2.0, 0.01, 0.001, 0.05, 0.25, 1.5)


def _empty(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    dimensions = [
        alternatives(model, "inverted_boxes", ["kept", "sorted", "empty"]),
        *without_points(model),
        alternatives(model, "grid_min", [0, 1]),
        alternatives(model, "min_size", _SIZES),
        alternatives(model, "clip_sections", [False, True]),
    ]
    yield from by_unusualness(dimensions)


def _negative(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    if model.convention.pooling == "avg":
        yield {}
        return
    starts = [-math.inf, 0.0, -10_000.0, -1.0, -1000.0]
    dimensions = [
        alternatives(model, "max_start", starts),
        alternatives(model, "max_of", ["point", "weighted-cell"]),
    ]
    yield from by_unusualness(dimensions)


def _not_finite(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    dimensions = [alternatives(model, "tie_neighbour", TIES)]
    if model.convention.pooling == "max":
        dimensions.append(alternatives(model, "max_skips_nan", [False, True]))
        if model.convention.max_start < -1e30:
            starts = [-math.inf, -FLT_MAX, -10_000.0, -1000.0, -1.0]
            dimensions.append(alternatives(model, "max_start", starts))
    yield from by_unusualness(dimensions)


def _last_digits(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    dimensions = [
        alternatives(model, "position_formula", _FORMULAS),
        alternatives(model, "coordinates", ["features", "double"]),
        alternatives(model, "coordinate_decimals", [None, 2, 3]),
    ]
    yield from by_unusualness(dimensions)


def _batch(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    yield from by_unusualness([alternatives(model, "behaviour:batch", [USUAL, *BATCH_BEHAVIOURS])])


def _channels(_evidence: Evidence, model: Model, _reading: Reading) -> Iterator[Changes]:
    yield from by_unusualness([alternatives(model, "channel_map", ["same", "position-sensitive"])])


_SCALED = ("placement, scale 1/2", "placement, scale 1/4")
_RATIOS = ("ratio 2", "ratio 3", "ratio 4", "9 sections")
_ACROSS = ("across the border, ratio 2", "across the border, ratio 4")
_NEGATIVE = ("negative features", "very negative features")
_ENDLESS = ("endlessly negative features",)
_NOT_FINITE = ("non-finite cells", "non-finite cells, ratio 2", *_ENDLESS)
_LAST_DIGITS = tuple(f"last digits, margin {margin}" for margin in ("0", "0.5", "1"))
_EMPTY = tuple(
    f"{kind}, {ratio}"
    for kind in (
        "no width", "no height", "no width and height", "inverted along x", "inverted along y",
        "inverted along both axes",
    )
    for ratio in ("adaptive grid", "ratio 2")
)  # fmt: skip

# Name → how it is measured, in order.
STAGES: dict[str, Stage] = {
    "placement": Stage("interpolation", ("placement",), placement),
    "digits": Stage("coordinates", ("decimals",), _digits, ("placement",)),
    "scale": Stage("scale and shift", _SCALED, _scaled, ("placement",)),
    "points": Stage("sampling ratio", _RATIOS, _points, ("placement",)),
    "channels": Stage("channel map", ("channels",), _channels, ("placement",)),
    "batch": Stage("batch index", ("batch index",), _batch, ("placement",)),
    "grid": Stage("adaptive grid", ("grid", "grid, 2 × 4 sections"), grid, ("points",)),
    "scaled grid": Stage("adaptive grid", ("grid, scale 1/2",), grid, ("grid", "scale")),
    "large grid": Stage("adaptive grid", ("grid, large sections",), large_grid, ("grid",)),
    "size": Stage("minimum size", ("small boxes",), _size, ("placement",)),
    "scaled size": Stage("minimum size", ("small boxes, scale 1/2",), _size, ("scale", "size")),
    "small grid": Stage("adaptive grid", ("grid, small sections",), small_grid, ("grid", "size")),
    "default ratio": Stage("default ratio", ("no ratio",), _default_ratio, ("grid",)),
    "empty": Stage("boxes without area", _EMPTY, _empty, ("points", "small grid")),
    "near border": Stage("border margin", ("low border",), _border, ("placement",)),
    "border": Stage("far edge", ("high border", "far outside"), _border, ("near border",)),
    "across": Stage("divisor", _ACROSS, _across, ("points", "border")),
    "across, grid": Stage(
        "adaptive grid", ("across the border, grid",), _across, ("across", "grid")
    ),
    "larger": Stage("adaptive grid", ("larger than the map",), _larger, ("across", "grid")),
    "whole sizes": Stage("coordinates", ("grid, whole sizes",), _whole_sizes, ("grid", "digits")),
    "negative": Stage("negative features", _NEGATIVE, _negative, ("points",)),
    "not finite": Stage("non-finite cells", _NOT_FINITE, _not_finite, ("points",)),
    # It shows where the maximum starts even if the kernel has no known rule for NaN.
    "endless": Stage("non-finite cells", _ENDLESS, _not_finite, ("negative",)),
    "last digits": Stage("position formula", _LAST_DIGITS, _last_digits, ("points", "border")),
}
