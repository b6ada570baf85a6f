"""Cells that are NaN or infinite: which sections they reach, and which they do not.

Every kernel multiplies the four cells around a point by their weights, and 0 × NaN and 0 × ∞ are
NaN: such a cell reaches the points that have it among their four, weight 0 or not, and no others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, roi_align, trace
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from tests.strategies import OUTPUT_SIZES, SIDES, boxes_around, fewer_examples

Array = NDArray[Any]
PLAIN: dict[str, Any] = {"box_format": "xyxy", "origin": "top-left", "normalized": False}
NAN = (math.nan,)
INFINITE = (math.inf, -math.inf)


@st.composite
def spoilt_maps(draw: st.DrawFn, bad: tuple[float, ...]) -> Array:
    """(H, W) with some cells replaced."""
    shape = draw(SIDES), draw(SIDES)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cells = random.uniform(-2, 2, shape)
    non_finite = random.random(shape) < draw(st.sampled_from([0.05, 0.2, 1.0]))
    cells[non_finite] = random.choice(bad, non_finite.sum())
    return cells


@st.composite
def calls(draw: st.DrawFn, name: str, bad: tuple[float, ...]) -> dict[str, Any]:
    features = draw(spoilt_maps(bad))
    box = draw(boxes_around(*features.shape))[:1]
    # Not inverted: then no library says how many points there are. Some refuse empty boxes too.
    least = 0.5 if PRESETS[name].convention.rejects == "no-area" else 0.0
    box[:, 2:] = box[:, :2] + np.abs(box[:, 2:] - box[:, :2]) + least
    call = {"features": features, "boxes": box, "output_size": draw(OUTPUT_SIZES)}
    if PRESETS[name].convention.points == "centred":
        call["sampling_ratio"] = draw(st.integers(0, 3))
    if PRESETS[name].convention.points == "dividers":
        call["divide"] = draw(st.integers(2, 4))
    return call | PLAIN


def taken(point: Point, rules: Convention) -> float:
    """Return what pooling takes from a point, from its four cells and weights alone."""
    cells = [neighbour.value for neighbour in point.neighbours]
    if not point.in_bounds:
        return rules.extrapolation_value
    if rules.points == "cells":
        return cells[0]  # the point is the cell, nothing is multiplied
    products = np.array([neighbour.weight for neighbour in point.neighbours]) * cells
    if rules.pooling == "max" and rules.max_of == "weighted-cell":
        return float(np.max(products))
    return float(np.sum(products))


def predicted(section: Section, rules: Convention) -> float:
    values = np.array([taken(point, rules) for point in section.points])
    if rules.pooling == "avg":
        nothing = 0.0 if rules.clamp_count else math.nan
        return float(values.sum() / section.divisor) if len(values) else nothing
    if not len(values):
        return rules.max_of_empty
    largest = np.fmax if rules.max_skips_nan else np.maximum
    return float(largest.reduce(values, initial=rules.max_start))


# Those that take any box, and read the same channel in all sections.
NAMES = [
    name
    for name, row in PRESETS.items()
    if (row.convention.channel_map, row.convention.rejects != "off-map") == ("same", True)
]


# By default the kinds of cells take turns over the presets; the other half is thorough.
PRESETS_AND_BAD_CELLS = [
    pytest.param(
        name, bad, id=f"{name}-{kind}", marks=() if turn % 2 == index else pytest.mark.thorough
    )
    for turn, name in enumerate(NAMES)
    for index, (kind, bad) in enumerate((("nan", NAN), ("infinite", INFINITE)))
]


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize(("name", "bad"), PRESETS_AND_BAD_CELLS)
@fewer_examples
@given(data=st.data())
def test_they_do_to_a_section_what_they_do_to_its_points(
    name: str, pooling: str, bad: tuple[float, ...], data: st.DataObject
) -> None:
    if PRESETS[name].convention.points == "integral":
        pooling = "avg"
    call = data.draw(calls(name, bad)) | {"convention": name, "pooling": pooling}
    with np.errstate(invalid="ignore"):
        traced = trace(**call)
        expected = [predicted(section, traced.convention) for section in traced.sections]
    np.testing.assert_allclose(roi_align(**call).ravel(), expected, rtol=1e-9, atol=1e-12)


INTERPOLATING = [n for n in NAMES if PRESETS[n].convention.points != "cells"]


@pytest.mark.parametrize("name", INTERPOLATING)
@fewer_examples
@given(data=st.data())
def test_an_average_is_spoilt_by_the_cells_of_its_points_and_no_others(
    name: str, data: st.DataObject
) -> None:
    call = data.draw(calls(name, NAN + INFINITE))
    call |= {"convention": name, "pooling": "avg"}
    with np.errstate(invalid="ignore"):
        traced = trace(**call)
    non_finite = [
        any(
            point.in_bounds and not all(math.isfinite(cell.value) for cell in point.neighbours)
            for point in section.points
        )
        for section in traced.sections
        if section.points
    ]
    has_points = [bool(section.points) for section in traced.sections]
    assert (~np.isfinite(roi_align(**call).ravel()[has_points])).tolist() == non_finite


def test_tracing_an_infinite_cell_does_not_warn() -> None:
    trace(np.full((1, 1), math.inf), [[0, 0, 1, 1]], 1, convention="torchvision")


def test_a_weight_of_zero_still_multiplies() -> None:
    # Points at 1, 3 in cell indices: their upper neighbours are 2 and 4, with weight 0.
    cells = np.zeros((1, 6))
    call: dict[str, Any] = {"convention": "torchvision-aligned", "output_size": (1, 2)}
    for column, non_finite in [(0, [False, False]), (2, [True, False]), (4, [False, True])]:
        spoiling = cells.copy()
        spoiling[0, column] = math.nan
        out = roi_align(spoiling, [[0.5, 0, 4.5, 1]], sampling_ratio=1, **call)
        assert np.isnan(out).ravel().tolist() == non_finite


def test_a_point_that_is_out_reads_nothing() -> None:
    everywhere = np.full((4, 4), math.nan)
    for pooling in ("avg", "max"):
        for name in ("torchvision", "onnx-half-pixel", "openvino-asymmetric", "mnn-aligned"):
            out = roi_align(everywhere, [[6, 6, 9, 9]], 2, convention=name, pooling=pooling)
            np.testing.assert_array_equal(out, np.zeros((1, 1, 2, 2)))
