"""What is explained is what was run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, RoiAlignError, roi_align, trace
from roialign_cli.analysis.sections import Section
from roialign_cli.core.channels import maps_per_channel
from roialign_cli.core.convention import Pooling, Summary
from tests.strategies import OUTPUT_SIZES, boxes_xyxy, feature_maps

CASES = [
    replace(
        row.convention,
        pooling=pooling,
        rejects="nothing",
        divide=3 if row.convention.points == "dividers" else 0,
    )
    for row in PRESETS.values()
    for pooling in get_args(Pooling)
    if (row.convention.points, pooling) != ("integral", "max")
]


def with_maps(
    features: NDArray[Any], convention: Convention, output_size: tuple[int, int]
) -> NDArray[Any]:
    """Return features with as many different channels as a convention needs for two."""
    maps = maps_per_channel(convention, output_size)
    return np.concatenate([np.roll(features, turn, axis=2) for turn in range(maps)])


# Boxes as corners on the map, whatever the preset's library writes.
CORNERS: dict[str, Any] = {"box_format": "xyxy", "origin": "top-left", "normalized": False}


@given(
    features=feature_maps(),
    boxes=boxes_xyxy(),
    output_size=OUTPUT_SIZES,
    convention=st.sampled_from(CASES),
    data=st.data(),
)
def test_a_trace_sums_to_the_output(
    features: NDArray[Any],
    boxes: NDArray[Any],
    output_size: tuple[int, int],
    convention: Any,
    data: st.DataObject,
) -> None:
    boxes = boxes + np.array([0, 0, 0.5, 0.5], np.float32)  # some area for every convention
    roi = data.draw(st.integers(0, len(boxes) - 1))
    channel = data.draw(st.integers(0, 1))
    call: dict[str, Any] = {"convention": convention, **CORNERS}
    features = with_maps(features, convention, output_size)
    out = roi_align(features, boxes, output_size, **call)[roi, channel]
    traced = trace(features, boxes, output_size, roi=roi, channel=channel, **call)
    np.testing.assert_allclose(traced.output, out, atol=1e-5)
    for section in traced.sections:
        values = [sum(q.weight * q.value for q in p.neighbours) for p in section.points]
        np.testing.assert_allclose([p.value for p in section.points], values, atol=1e-9)
        i, j = section.section
        assert reduced(section, convention) == pytest.approx(out[j - 1, i - 1], abs=1e-5)
        if section.winner:
            won = next(p for p in section.points if p.point == section.winner)
            assert won.contribution == section.output


def reduced(section: Section, convention: Convention) -> float:
    """Reduce a section's recorded points by hand."""
    if convention.pooling == "avg":
        return sum(p.value for p in section.points) / max(section.divisor, 1)
    if not section.points:
        return convention.max_of_empty
    taken = [p.value for p in section.points]
    if convention.max_of == "weighted-cell":
        taken = [max(q.weight * q.value for q in p.neighbours) for p in section.points]
    return max(convention.max_start, *taken)


@given(features=feature_maps(), boxes=boxes_xyxy(), convention=st.sampled_from(CASES))
def test_neighbours_are_the_cells_around_the_point(
    features: NDArray[Any], boxes: NDArray[Any], convention: Any
) -> None:
    boxes = boxes + np.array([0, 0, 0.5, 0.5], np.float32)
    features = with_maps(features, convention, (2, 3))
    traced = trace(
        features, boxes, (2, 3), convention=convention, **(CORNERS | {"origin": "bottom-left"})
    )
    height, width = features.shape[1:]
    for section, point in ((s, p) for s in traced.sections for p in s.points):
        channel = traced.channel_read(*section.section) or 0
        for q in point.neighbours:
            assert q.on_map == (0 <= q.row < height and 0 <= q.column < width)
            assert q.value == (features[channel, q.row, q.column] if q.on_map else 0)
            assert (q.x, q.y) == (q.column + 0.5, height - q.row - 0.5)
        if point.border == "inside" and convention.points != "integral":
            assert point.x1 <= point.x <= point.x2
            assert point.y1 <= point.y <= point.y2
            assert sum(q.weight for q in point.neighbours) == pytest.approx(1)
            x = sum(q.weight * q.x for q in point.neighbours)
            y = sum(q.weight * q.y for q in point.neighbours)
            assert (x, y) == pytest.approx((point.x, point.y), abs=1e-5)
        if point.border == "out":
            assert [q.weight for q in point.neighbours] == [0] * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"roi": 1}, "roi: 1 is out of range: there is 1 box (index 0)"),
        ({"channel": 2}, "channel: 2 is out of range: there are 2 channels (0 to 1)"),
        ({"channel": "mean", "features": np.zeros((0, 4, 4))}, "channel: there is no channel"),
    ],
)
def test_what_is_not_there(change: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"features": np.zeros((2, 4, 4)), "boxes": [[0, 0, 2, 2]]} | change
    with pytest.raises(RoiAlignError) as raised:
        trace(output_size=2, convention="torchvision", **call)
    assert str(raised.value) == message


def test_sections_and_points_that_are_not_there() -> None:
    traced = trace(np.zeros((4, 4)), [[0, 0, 2, 2]], (2, 3), convention="torchvision")
    with pytest.raises(
        RoiAlignError, match=r"there is no section \(4, 1\); sections run from \(1, 1\) to \(3, 2\)"
    ):
        traced.select((4, 1))
    with pytest.raises(
        RoiAlignError, match=r"there is no point \(1, 2\); points run from \(1, 1\) to \(1, 1\)"
    ):
        traced.select((1, 1), (1, 2))


@pytest.mark.parametrize(
    ("summary", "expected"),
    [("mean", [5 / 3, 1 / 3]), ("max", [6.0, 4.0]), ("norm", [7.0, 5.0])],
)
def test_a_trace_of_all_channels_is_of_the_map_made_of_them(
    summary: Summary, expected: list[float]
) -> None:
    features = np.array([[[[6.0, 4.0]], [[2.0, -3.0]], [[-3.0, 0.0]]]])
    traced = trace(features, [[0, 0, 2, 1]], 1, channel=summary, convention="torchvision-aligned")
    np.testing.assert_allclose(traced.cells[0], expected)
    assert (traced.channel, traced.channels) == (summary, 3)
    assert traced.output[0][0] == pytest.approx(np.mean(expected))


def test_a_trace_prints_as_a_table_with_every_point() -> None:
    features = np.arange(36.0).reshape(6, 6)
    call: dict[str, Any] = {"convention": "torchvision-aligned", "sampling_ratio": 2}
    traced = trace(features, [-2, 0.5, 4, 3.5], 2, pooling="max", **call)
    lines = str(traced).splitlines()
    assert lines[0] in repr(traced)
    assert len(repr(traced).splitlines()) == 1
    # A cell is 6·row + column: x = −1.25 is out, x = 0.25 is clamped to column 0, y = 1.625 is at
    # row 1.125, so that its value is 6·1.125 = 6.75.
    assert lines[2:5] == ["        i = 1   i = 2", "j = 1   6.750   9.500", "j = 2  15.750  18.500"]
    rows = [line.split() for line in lines[7:]]
    assert len(rows) == 16
    assert rows[0] == ["(1,", "1)", "(1,", "1)", "-1.25", "0.875", "–", "–", "0", "out"]
    assert rows[3][4:] == ["0.25", "1.625", "1–2", "0–1", "6.75", "the", "output"]


def test_a_long_table_is_cut_and_says_so() -> None:
    traced = trace(np.eye(9), [0, 0, 9, 9], 7, convention="torchvision-aligned")
    assert str(traced).splitlines()[-1] == f"and {4 * 49 - 40} more points; .sections has all."


def test_a_trace_with_numbers_of_numpy_is_a_page() -> None:
    features = np.eye(4).reshape(1, 4, 4)
    call: dict[str, Any] = {"convention": "torchvision", "roi": np.int64(0)}
    traced = trace(features, [[0, 0, 2, 2]], 2, channel=np.int64(0), **call)  # type: ignore[arg-type]
    assert str(traced._repr_html_()).startswith("<iframe")


def test_a_summary_has_the_grid_of_the_channels() -> None:
    # From 19.7 to 33.7 in 7 sections: 2.0 cells in float32, and a little more in float64.
    features = np.random.default_rng(0).normal(size=(3, 40, 40)).astype(np.float32)
    call: dict[str, Any] = {"convention": "torchvision", "boxes": [[19.7, 1, 33.7, 20]]}
    for channel in (0, "mean", "max", "norm"):
        assert trace(features, output_size=7, channel=channel, **call).sections[0].grid == (2, 3)
