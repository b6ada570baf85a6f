"""What ROI Pool's rounding does to a box, counted by hand and read off its own trace."""

from __future__ import annotations

import numpy as np
import pytest

from roialign_cli import PRESETS, trace
from roialign_cli.analysis.rounding import Edge, rounded_roi
from roialign_cli.core.operation import make_operation

BOX = [296, 320, 200, 145]


def test_the_box_of_the_document() -> None:
    call = {"convention": "walkthrough", "spatial_scale": 1 / 32}
    rounded = rounded_roi(make_operation(np.zeros((16, 16)), BOX, 3, **call), 0)  # type: ignore[arg-type]
    # x from 9.25 to 15.5: cells 9 to 16, of which the last one is beyond the 16 columns. y from
    # the top: 16 - 10 = 6 to 16 - 5.46875 = 10.53, so rows 6 to 11, whose edges are 10 and 4.
    assert rounded.left == Edge(9.25, 9, 8)
    assert rounded.right == Edge(15.5, 17, 48)
    assert rounded.top == Edge(10, 10, 0)
    assert rounded.bottom == Edge(5.46875, 4, 32 * 1.46875)
    assert rounded.size == (6.25, 4.53125)
    assert rounded.rounded_size == (8.0, 6.0)
    # Bins of 8/3 cells, rounded outward: 0 to 3, 2 to 6, 5 to 8; the last without column 16.
    assert rounded.bin_widths == (3, 4, 2)
    assert rounded.bin_heights == (2, 2, 2)


@pytest.mark.parametrize("name", ["torchvision", "torchvision-aligned", "mmcv", "roi-pool"])
def test_bins_are_those_of_the_trace_of_roi_pool(name: str) -> None:
    features = np.random.default_rng(0).random((20, 24), np.float32)
    for box in np.random.default_rng(1).uniform(0, 150, (20, 2, 2)):
        corners = [*box.min(axis=0), *box.max(axis=0)]
        call = {"spatial_scale": 1 / 8}
        operation = make_operation(features, corners, (3, 4), convention=name, **call)  # type: ignore[arg-type]
        rounded = rounded_roi(operation, 0)
        pooled = trace(features, corners, (3, 4), convention="roi-pool", **call)  # type: ignore[arg-type]
        assert (rounded.left.rounded, rounded.top.rounded) == (pooled.x, pooled.y)
        assert rounded.rounded_size == (pooled.width, pooled.height)
        assert rounded.bin_widths == tuple(pooled.section(i, 1).grid[0] for i in range(1, 5))
        assert rounded.bin_heights == tuple(pooled.section(1, j).grid[1] for j in range(1, 4))
        for edge in (rounded.left, rounded.right, rounded.top, rounded.bottom):
            assert edge.moved == pytest.approx(8 * abs(edge.rounded - edge.position), abs=1e-9)
        assert rounded.left.position == pytest.approx(corners[0] / 8)


def test_normalised_boxes_that_end_at_the_last_centre() -> None:
    box = [0.1, 0.2, 1.05, 0.9]  # y1, x1, y2, x2
    operation = make_operation(np.zeros((16, 16)), box, 3, convention="tensorflow")
    rounded = rounded_roi(operation, 0)
    # 0.2 · 15 = 3 is the centre of cell 3, which is 3.5 from the left edge.
    assert rounded.left.position == pytest.approx(3.5)
    assert rounded.left.rounded == 3
    assert rounded.size == pytest.approx((10.5, 14.25))


def test_a_map_of_one_cell_has_no_scale_to_move_by() -> None:
    operation = make_operation(np.zeros((1, 1)), [0, 0, 1, 1], 1, convention="tensorflow")
    rounded = rounded_roi(operation, 0)
    assert (rounded.left.position, rounded.left.rounded) == (0.5, 0)
    assert np.isnan(rounded.left.moved)


def test_an_inverted_box_has_a_negative_size() -> None:
    operation = make_operation(np.zeros((9, 9)), [6, 5, 5, 8], 1, convention="torchvision-aligned")
    assert rounded_roi(operation, 0).size == (-1, 3)
    assert PRESETS["roi-pool"].convention.rejects == "nothing"
