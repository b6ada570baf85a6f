"""What ROI Pool's rounding does to a box, by hand, by a slow computation, and in its trace."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from roialign_cli import PRESETS, trace
from roialign_cli.analysis.quantisation import (
    Quantisation,
    Side,
    quantise,
    quantised_by_roi_pool,
)
from roialign_cli.analysis.rectangle import Rectangle
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.core.boxes import Frame
from roialign_cli.core.channels import maps_per_channel
from roialign_cli.core.operation import make_operation
from roialign_cli.core.overrides import resolve
from roialign_cli.errors import ArgumentError

BOX = [296, 320, 200, 145]


def of_document(name: str) -> Quantisation:
    """Round the box of the worked example for the preset roi-pool, in the example's frame."""
    fields: dict[str, Any] = {"box_format": "xywh", "origin": "bottom-left"}
    call: dict[str, Any] = {"convention": resolve(name, **fields), "spatial_scale": 1 / 32}
    operation = make_operation(np.zeros((16, 16)), BOX, 3, **call)
    if name == "roi-pool":
        return quantise(trace_operation(operation, frame=Frame("bottom-left", 16.0)))
    return quantised_by_roi_pool(operation, 0)


@pytest.mark.parametrize("name", ["roi-pool", "walkthrough", "torchvision"])
def test_the_box_of_the_document(name: str) -> None:
    rounded = of_document(name)
    # x from 9.25 to 15.5: cells 9 to 16, of which the last one is beyond the 16 columns. y from
    # the top: 16 - 10 = 6 to 16 - 5.46875 = 10.53, so rows 6 to 11, whose edges are 10 and 4.
    assert rounded.box == Rectangle(9.25, 10, 15.5, 5.46875, y_up=True)
    assert (rounded.box.width, rounded.box.height) == (6.25, 4.53125)
    assert rounded.rounded == Rectangle(9, 10, 17, 4, y_up=True)
    assert (rounded.rounded.width, rounded.rounded.height) == (8, 6)
    assert not rounded.enlarged
    # At 32 pixels a cell, it gains 8 pixels to the left, 48 to the right and 47 at the bottom.
    assert rounded.left == Side(9.25, 9, 0.25, 8)
    assert rounded.right == Side(15.5, 17, 1.5, 48)
    assert rounded.top == Side(10, 10, 0, 0)
    assert rounded.bottom == Side(5.46875, 4, 1.46875, 47)
    # Bins of 8/3 cells, rounded outward: 0 to 3, 2 to 6, 5 to 8; the last without column 16.
    assert rounded.columns == (range(9, 12), range(11, 15), range(14, 16))
    assert rounded.rows == (range(6, 8), range(8, 10), range(10, 12))
    assert rounded.bin(2, 1) == Rectangle(11, 10, 15, 8, y_up=True)
    assert rounded.bin(3, 3) == Rectangle(14, 6, 16, 4, y_up=True)


def half_away(value: float) -> int:
    """Round to the nearest whole number, halves away from zero."""
    nearest = math.floor(abs(value) + 0.5)
    return nearest if value >= 0 else -nearest


def pooled_slowly(
    low: float, high: float, sections: int, cells: int
) -> tuple[int, int, list[set[int]]]:
    """Return the first cell, the size and the cells of each section of an edge pair in cells."""
    start, end = half_away(low), half_away(high)
    size = max(end - start + 1, 1)
    bins = [
        {
            start + k
            # Whole numbers are divided exactly, unlike the shares of a section.
            for k in range(i * size // sections, -(-(i + 1) * size // sections))
            if 0 <= start + k < cells
        }
        for i in range(sections)
    ]
    return start, size, bins


def ps_pooled_slowly(
    low: float, high: float, sections: int, cells: int
) -> tuple[int, int, list[set[int]]]:
    """Return the same for ps_roi_pool, whose box ends before the cell in which its edge lies.

    The last cell of the map is never read.
    """
    start, end = half_away(low), half_away(high)
    size = max(end - start, 1)
    bins = [
        {
            start + k
            for k in range(i * size // sections, -(-(i + 1) * size // sections))
            if 0 <= start + k < cells - 1
        }
        for i in range(sections)
    ]
    return start, size, bins


# Rows, columns and output size; the sections are powers of 2, so that a bin's share is exact.
MAP, SECTIONS = (20, 24), (4, 2)
SCALES = (1 / 8, 1 / 4)  # y, x
FRAMES: list[dict[str, Any]] = [
    {"box_format": "xyxy"},
    {"box_format": "xyxy", "origin": "bottom-left"},
    # 20.5 rows of cells: the edges of cells do not lie on whole numbers.
    {"box_format": "xyxy", "origin": "bottom-left", "image_height": 164.0},
]


def random_boxes() -> list[list[float]]:
    """Return boxes with corners in eighths of pixels: inverted, over the border, or outside."""
    random = np.random.default_rng(11)
    boxes = np.round(random.uniform(-60, 220, (60, 4)) * 8) / 8
    whole = random.integers(-6, 40, (30, 4)) * 4  # halves of cells along y
    empty = [[10.0, 20.0, 10.0, 60.0], [40.0, 30.0, 60.0, 30.0], [50.0, 50.0, 50.0, 50.0]]
    return [*boxes.tolist(), *whole.astype(float).tolist(), *empty]


CASES = [(box, call) for call in FRAMES for box in random_boxes()]


def traced(box: list[float], call: dict[str, Any]) -> Trace:
    features = np.random.default_rng(3).normal(size=MAP)
    return trace(features, box, SECTIONS, convention="roi-pool", spatial_scale=SCALES, **call)


def in_plane(box: list[float], call: dict[str, Any]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a box in cells from the top-left of the map."""
    (left, y1, right, y2), (y_scale, x_scale) = box, SCALES
    height = call.get("image_height", MAP[0] / y_scale)
    top, bottom = (height - y2, height - y1) if "origin" in call else (y1, y2)
    return left * x_scale, top * y_scale, right * x_scale, bottom * y_scale


@pytest.mark.parametrize(("box", "call"), CASES)
def test_the_rounded_box_and_its_bins_are_those_of_a_slow_computation(
    box: list[float], call: dict[str, Any]
) -> None:
    roi = traced(box, call)
    rounded = quantise(roi)
    left, top, right, bottom = in_plane(box, call)
    first_x, width, columns = pooled_slowly(left, right, SECTIONS[1], MAP[1])
    first_y, height, rows = pooled_slowly(top, bottom, SECTIONS[0], MAP[0])

    def y(depth: float) -> float:
        return roi.frame.height - depth if roi.frame.y_up else depth

    y_up = roi.frame.y_up
    assert rounded.box == Rectangle(left, y(top), right, y(bottom), y_up)
    expected = Rectangle(first_x, y(first_y), first_x + width, y(first_y + height), y_up)
    assert rounded.rounded == expected
    assert [set(one) for one in rounded.columns] == columns
    assert [set(one) for one in rounded.rows] == rows
    assert rounded.enlarged_along == (right <= left, bottom <= top)
    # What both sides gain is what the size grows by.
    for (low, high), sizes, scale in (
        ((rounded.left, rounded.right), (width, right - left), SCALES[1]),
        ((rounded.top, rounded.bottom), (height, bottom - top), SCALES[0]),
    ):
        assert low.gained + high.gained == sizes[0] - sizes[1]
        assert (low.gained_pixels, high.gained_pixels) == (low.gained / scale, high.gained / scale)
    assert rounded.left.gained == left - first_x
    assert rounded.top.gained == top - first_y


@pytest.mark.parametrize(("box", "call"), CASES)
def test_bins_cover_the_rounded_box_and_give_the_output(
    box: list[float], call: dict[str, Any]
) -> None:
    roi = traced(box, call)
    rounded, edges = quantise(roi), (roi.frame.row_edge(0), roi.frame.row_edge(MAP[0]))
    centres_y = [roi.frame.y(row) for row in range(MAP[0])]
    pooled = np.zeros(MAP, np.bool_)
    for i, j in itertools.product((1, 2), (1, 2, 3, 4)):
        one, output = rounded.bin(i, j), roi.output[j - 1][i - 1]
        if one is None:
            assert output == 0
            continue
        assert min(edges) <= min(one.top, one.bottom) < max(one.top, one.bottom) <= max(edges)
        rows = [min(one.top, one.bottom) < y < max(one.top, one.bottom) for y in centres_y]
        columns = [one.left < column + 0.5 < one.right for column in range(MAP[1])]
        cells = np.outer(rows, columns)
        assert cells.sum() == one.width * one.height
        assert roi.cells[cells].max() == output
        pooled |= cells
    box_rounded = rounded.rounded
    low, high = sorted((box_rounded.top, box_rounded.bottom))
    expected = np.outer(
        [low < y < high for y in centres_y],
        [box_rounded.left < column + 0.5 < box_rounded.right for column in range(MAP[1])],
    )
    assert np.array_equal(pooled, expected)


@pytest.mark.parametrize(("box", "call"), CASES)
def test_position_sensitive_pooling_rounds_without_the_last_cell(
    box: list[float], call: dict[str, Any]
) -> None:
    features = np.random.default_rng(3).normal(size=(8, *MAP))
    roi = trace(features, box, SECTIONS, convention="ps-roi-pool", spatial_scale=SCALES, **call)
    rounded = quantise(roi)
    left, top, right, bottom = in_plane(box, call)
    first_x, width, columns = ps_pooled_slowly(left, right, SECTIONS[1], MAP[1])
    first_y, height, rows = ps_pooled_slowly(top, bottom, SECTIONS[0], MAP[0])
    assert (rounded.rounded.left, rounded.rounded.width) == (first_x, width)
    depth = roi.frame.height - rounded.rounded.top if roi.frame.y_up else rounded.rounded.top
    assert (depth, rounded.rounded.height) == (first_y, height)
    assert [set(one) for one in rounded.columns] == columns
    assert [set(one) for one in rounded.rows] == rows
    ends = half_away(right) - half_away(left), half_away(bottom) - half_away(top)
    assert rounded.grown == (min(ends) < 1)
    for i, j in itertools.product((1, 2), (1, 2, 3, 4)):
        # Section (i, j) averages its cells of the channel of its own.
        own = features[(j - 1) * 2 + i - 1][
            np.ix_([*rounded.rows[j - 1]], [*rounded.columns[i - 1]])
        ]
        assert roi.output[j - 1][i - 1] == pytest.approx(own.mean() if own.size else 0)


def test_the_cases_hold_every_kind_of_box() -> None:
    seen = [quantise(traced(*case)) for case in CASES]
    assert {True, False} == {one.enlarged for one in seen}
    assert any(one.bin(1, 1) is None for one in seen)
    assert any(one.left.gained < 0 for one in seen)
    assert any(one.box.width < -1 for one in seen)
    assert any(set(one.columns[0]) & set(one.columns[1]) for one in seen)


@pytest.mark.parametrize("name", ["torchvision", "torchvision-aligned", "mmcv", "roi-pool"])
def test_every_convention_is_compared_with_the_same_rounding(name: str) -> None:
    features = np.random.default_rng(0).random((20, 24), np.float32)
    for box in np.random.default_rng(1).uniform(0, 150, (20, 2, 2)):
        corners = [*box.min(axis=0), *box.max(axis=0)]
        call: dict[str, Any] = {"spatial_scale": 1 / 8}
        operation = make_operation(features, corners, (3, 4), convention=name, **call)
        pooled = trace(features, corners, (3, 4), convention="roi-pool", **call)
        assert quantised_by_roi_pool(operation, 0) == quantise(pooled)
        assert (pooled.x, pooled.y) == (quantise(pooled).rounded.x, quantise(pooled).rounded.y)


@pytest.mark.parametrize("name", PRESETS)
def test_the_box_on_the_map_is_the_box_times_the_scale(name: str) -> None:
    call: dict[str, Any] = {"box_format": "xyxy", "origin": "top-left", "normalized": False}
    convention = resolve(name, **call)
    cells = np.zeros((maps_per_channel(convention, (3, 3)), 9, 9))
    roi = trace(cells, [8, 16, 20, 24], 3, convention=convention, spatial_scale=1 / 8)
    assert roi.box_on_map == Rectangle(1, 2, 2.5, 3)


def test_normalised_boxes_that_end_at_the_last_centre() -> None:
    box = [0.1, 0.2, 1.05, 0.9]  # y1, x1, y2, x2
    operation = make_operation(np.zeros((16, 16)), box, 3, convention="tensorflow")
    rounded = quantised_by_roi_pool(operation, 0)
    # 0.2 · 15 = 3 is the centre of cell 3, which is 3.5 from the left edge.
    assert rounded.left.position == pytest.approx(3.5)
    assert rounded.left.rounded == 3
    assert (rounded.box.width, rounded.box.height) == pytest.approx((10.5, 14.25))
    assert trace_operation(operation).box_on_map == rounded.box


@pytest.mark.parametrize("call", [{"spatial_scale": 1}, {"normalized": True}])
def test_boxes_without_pixels_gain_cells_only(call: dict[str, Any]) -> None:
    box = [0.2, 0.25, 0.5, 0.75]
    rounded = quantise(trace(np.zeros((4, 4)), box, 1, convention="roi-pool", **call))
    assert [side.gained_pixels for side in rounded.sides] == [None] * 4


def test_a_map_of_one_cell_has_no_scale_to_move_by() -> None:
    operation = make_operation(np.zeros((1, 1)), [0, 0, 1, 1], 1, convention="tensorflow")
    assert quantised_by_roi_pool(operation, 0).left == Side(0.5, 0, 0.5, None)


def test_position_sensitive_pooling_leaves_out_the_last_cells() -> None:
    # Edges 1.6 → 2, 8.2 → 8, 4 → 4 and 9.6 → 10; the last row and column of 10 are never read.
    roi = trace(np.zeros((4, 10, 10)), [1.6, 4, 8.2, 9.6], 2, convention="ps-roi-pool")
    rounded = quantise(roi)
    assert (rounded.rounded.x, rounded.rounded.y) == (2, 4)
    assert (rounded.rounded.width, rounded.rounded.height) == (6, 6)
    assert rounded.columns == (range(2, 5), range(5, 8))
    assert rounded.rows == (range(4, 7), range(7, 9))


def test_only_cells_are_quantised() -> None:
    roi = trace(np.zeros((4, 4)), [0, 0, 2, 2], 1, convention="torchvision")
    with pytest.raises(ArgumentError, match="must be 'cells'"):
        quantise(roi)
