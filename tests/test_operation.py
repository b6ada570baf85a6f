"""roi_align by hand-checked values, by invariants, and at its edges."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, RoiAlignError, roi_align, trace
from roialign_cli.core.convention import ConventionFields
from roialign_cli.core.overrides import resolve
from roialign_cli.errors import ArgumentError
from tests.strategies import OUTPUT_SIZES, boxes_xyxy, feature_maps


@given(features=feature_maps(), boxes=boxes_xyxy(), output_size=OUTPUT_SIZES)
def test_the_frame_does_not_change_what_is_sampled(
    features: NDArray[Any], boxes: NDArray[Any], output_size: tuple[int, int]
) -> None:
    height = features.shape[1]
    x1, y1, x2, y2 = boxes.T.astype(float)
    written = {
        ("xyxy", "bottom-left"): (x1, height - y2, x2, height - y1),
        ("yxyx", "top-left"): (y1, x1, y2, x2),
        ("yxyx", "bottom-left"): (height - y2, x1, height - y1, x2),
        ("xywh", "top-left"): (x1, y1, x2 - x1, y2 - y1),
        ("xywh", "bottom-left"): (x1, height - y1, x2 - x1, y2 - y1),
        ("cxcywh", "top-left"): ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
        ("cxcywh", "bottom-left"): ((x1 + x2) / 2, height - (y1 + y2) / 2, x2 - x1, y2 - y1),
    }
    call: dict[str, Any] = {"convention": "torchvision-aligned", "sampling_ratio": 2}
    expected = roi_align(features, boxes, output_size, **call)
    for (box_format, origin), columns in written.items():
        out = roi_align(
            features,
            np.stack(columns, axis=1),
            output_size,
            box_format=box_format,  # type: ignore[arg-type]
            origin=origin,  # type: ignore[arg-type]
            **call,
        )
        np.testing.assert_allclose(out, expected, atol=2e-5)


def test_hand_checked_average() -> None:
    # Values r·5 + c on a 5 × 5 map: linear, so a section's average is the value at its centre.
    features = np.arange(25, dtype=np.float32).reshape(5, 5)
    out = roi_align(features, [[1, 1, 3, 3]], (2, 1), convention="torchvision-aligned")
    # centres in cell indices: y = 1, 2 and x = 1.5
    np.testing.assert_array_equal(out, [[[[6.5], [11.5]]]])
    out = roi_align(features, [[1, 1, 3, 3]], (2, 1), convention="torchvision")
    np.testing.assert_array_equal(out, [[[[1.5 * 5 + 2], [2.5 * 5 + 2]]]])


def test_batches_and_channels_are_independent() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((3, 4, 6, 7), dtype=np.float32)
    boxes = rng.uniform(0, 6, (5, 4)).astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    index = np.array([2, 0, 1, 2, 2])
    out = roi_align(features, boxes, (2, 3), convention="torchvision", batch_index=index)
    with_column = np.column_stack([index, boxes])
    np.testing.assert_array_equal(
        out, roi_align(features, with_column, (2, 3), convention="torchvision")
    )
    for r, n in enumerate(index):
        for c in range(4):
            alone = roi_align(features[n, c], boxes[r], (2, 3), convention="torchvision")
            np.testing.assert_allclose(out[r, c], alone[0, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("given_dtype", "returned"),
    [
        ("f2", "f2"),
        ("f4", "f4"),
        ("f8", "f8"),
        ("u1", "f4"),
        ("i8", "f4"),
        ("?", "f4"),
        (">f4", "f4"),
        (">f8", "f8"),
        (">f2", "f2"),
    ],
)
def test_dtypes(given_dtype: str, returned: str) -> None:
    features = np.arange(16).reshape(4, 4).astype(given_dtype)
    out = roi_align(features, [[0, 0, 4, 4]], 2, convention="torchvision-aligned")
    assert out.dtype == np.dtype(returned)
    wide = roi_align(features.astype("f8"), [[0, 0, 4, 4]], 2, convention="torchvision-aligned")
    np.testing.assert_allclose(out, wide, rtol=1e-3)


def test_float32_boxes_take_the_float32_number_of_points() -> None:
    # From 19.7 to 33.7 in 7 sections: 2.0 in float32, 2.0000000000000004 in float64.
    features = np.random.default_rng(1).random((1, 40, 40))
    box = [[19.7, 19.7, 33.7, 33.7]]
    adaptive32 = roi_align(features.astype("f4"), box, 7, convention="torchvision")
    two = roi_align(features, box, 7, convention="torchvision", sampling_ratio=2)
    three = roi_align(features, box, 7, convention="torchvision", sampling_ratio=3)
    np.testing.assert_allclose(adaptive32, two, atol=1e-5)
    adaptive64 = roi_align(features, box, 7, convention="torchvision")
    np.testing.assert_allclose(adaptive64, three, atol=1e-12)
    assert np.abs(two - three).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"features": np.zeros(5)},
            "features: must be (N, C, H, W), (C, H, W) or (H, W), got (5,)",
        ),
        ({"features": np.zeros((2, 2), complex)}, "features: must be real numbers, got complex128"),
        (
            {"features": np.zeros((0, 2))},
            "features: has shape (0, 2); a feature map needs at least one row and one column",
        ),
        ({"boxes": [[1, 2, 3]]}, "boxes: must be (R, 4) or (R, 5), got (1, 3)"),
        ({"boxes": [[1, 2, 3, np.nan]]}, "boxes: number 4 of box 0 is nan; use finite numbers"),
        ({"boxes": "box"}, "boxes: must be numbers of shape (R, 4) or (R, 5)"),
        ({"boxes": [[1, 2j, 3, 4]]}, "boxes: must be numbers of shape (R, 4) or (R, 5)"),
        ({"boxes": [[1, 2, 3, 10**400]]}, "boxes: must be numbers of shape (R, 4) or (R, 5)"),
        (
            {"boxes": np.zeros((1, 4), "datetime64[s]")},
            "boxes: must be numbers of shape (R, 4) or (R, 5)",
        ),
        (
            {"features": [[1, 2], [3]]},
            "features: must be an array of numbers; the rows have different lengths",
        ),
        (
            {"features": np.ma.masked_less(np.eye(4), 1)},
            "features: must not be a masked array; fill the array first, for example with "
            "filled(0)",
        ),
        (
            {
                "features": np.broadcast_to(np.float32(1), (2, 2**24 + 1)),
                "convention": "torchvision",
            },
            "features: a map of 2 × 16777217 cells is longer than the 16777216 cells that float32 "
            "coordinates can count; pool a part of the map, or convert it to float64",
        ),
        (
            {"boxes": [[0, 0, 1e39, 1]], "convention": "torchvision"},
            "boxes: box 0 is beyond the range of float32; use smaller numbers",
        ),
        (
            {"boxes": [[-3e38, 0, 3e38, 1]], "convention": "torchvision"},
            "boxes: box 0 times the scale overflows float32; check the scale",
        ),
        (
            {"boxes": [[0, 0, 1e9, 1]], "convention": "torchvision"},
            "boxes: box 0 needs 5e+08 sample points per section along one axis; check the scale or "
            "set a sampling ratio",
        ),
        (
            {"boxes": [[1, 1, 0, 1]]},
            "boxes: box 0 has no area on the feature map, which walkthrough rejects; check the box "
            "format",
        ),
        ({"batch_index": 1}, "batch_index: 1 is out of range: there is 1 map (index 0)"),
        ({"batch_index": [0, 0]}, "batch_index: must have one index per box, shape (1,), got (2,)"),
        ({"batch_index": 0.5}, "batch_index: must be whole numbers; count the feature maps from 0"),
        (
            {"batch_index": 0, "boxes": [[0, 1, 1, 2, 2]]},
            "batch_index: is already the first of the five columns of boxes; give only one of the "
            "two",
        ),
        (
            {"output_size": 0},
            "output_size: must be one or two whole numbers above 0, got 0",
        ),
        (
            {"output_size": (10**9, 10**9)},
            "output_size: (1000000000, 1000000000) is too large; use at most 65536 sections along "
            "an axis",
        ),
        (
            {"spatial_scale": -1.0},
            "spatial_scale: must be one or two numbers above 0, got -1.0",
        ),
        (
            {"output_size": (1, 2)},
            "divide: one section along an axis is one part without dividing lines; use 2 or more",
        ),
        (
            {"convention": "torchvison"},
            "convention: 'torchvison' is not a preset; did you mean torchvision? "
            "`roialign presets` lists all",
        ),
        (
            {"sampling_ratio": 2},
            "sampling_ratio: has no effect with the walkthrough preset; use divide",
        ),
        (
            {"convention": "torchvision", "divide": 2},
            "divide: has no effect with the torchvision preset; use sampling_ratio",
        ),
        (
            {"convention": "roi-pool", "sampling_ratio": 2},
            "sampling_ratio: has no effect with the roi-pool preset; remove this setting",
        ),
        (
            {"convention": "mmcv", "points": "dividers", "sampling_ratio": 2},
            "sampling_ratio: has no effect with points=dividers; use divide",
        ),
        (
            {"convention": "tensorflow", "spatial_scale": 2},
            "spatial_scale: cannot be used with normalised boxes; set normalized=False if the "
            "boxes are in pixels",
        ),
        (
            {"convention": "mmcv", "boxes": [[0, 0, 2, 2], [2, 2, 1, 3]]},
            "boxes: box 1 is inverted, which mmcv rejects; check the box format",
        ),
        ({"pooling": "sum"}, "pooling: 'sum' is not valid; choose avg or max"),
        (
            {"convention": "torchvision", "sampling_ratio": -1},
            "sampling_ratio: must be a whole number of at least 0, got -1",
        ),
    ],
)
def test_errors_name_the_argument(change: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {
        "features": np.zeros((4, 4)).astype("f4"),
        "boxes": [[0, 3, 2, 2]],
        "output_size": 2,
        "convention": "walkthrough",
    }
    with pytest.raises(RoiAlignError) as raised:
        roi_align(**(call | change))
    assert str(raised.value) == message


def test_what_lies_outside_does_not_leak_into_sections_inside() -> None:
    call: dict[str, Any] = {"convention": "torchvision-aligned", "sampling_ratio": 3}
    for value in (-1e9, math.inf, math.nan):
        out = roi_align(
            np.ones((8, 8), np.float32), [1.3, 1.7, 6.1, 6.2], 3, extrapolation_value=value, **call
        )
        np.testing.assert_allclose(out, 1, rtol=1e-6)
    # From −3 to 3 in two sections of three points: the left ones lie at −3, −2 and −1, of which
    # only −1 is within a cell of the map.
    row = roi_align(np.ones((1, 8)), [-3, 0.5, 3, 0.5], (1, 2), extrapolation_value=10, **call)
    np.testing.assert_allclose(row.ravel(), [(2 * 10 + 1) / 3, 1])


def test_points_that_are_cells_are_their_own_neighbours() -> None:
    features = np.arange(100, dtype=np.float32).reshape(10, 10)
    # y up: the box from x = 2, its top at y = 8, is columns 2 to 5 and rows 2 to 5.
    # The cell in which it ends is part of it.
    box: list[list[float]] = [[2, 8, 3, 3]]
    call: dict[str, Any] = {"convention": "walkthrough", "points": "cells", "output_size": 1}
    call |= {"edge_rounding": "round-map", "end_offset": -1}
    traced = trace(features, box, **call)
    assert roi_align(features, box, **call).item() == traced.output[0][0] == 55
    for point in traced.section(1, 1).points:
        assert {(q.row, q.column, q.value) for q in point.neighbours} == {
            (point.neighbours[0].row, point.neighbours[0].column, point.value)
        }


def test_the_last_pixel_of_an_inclusive_box_lies_upward_where_y_does() -> None:
    # Rows 1 to 3, from the top and from the bottom.
    ramp = np.repeat(np.arange(10.0), 10).reshape(10, 10)
    call: dict[str, Any] = {"convention": "torchvision-aligned", "inclusive": True}
    down = roi_align(ramp, [1, 1, 3, 3], 1, **call)
    up = roi_align(ramp, [1, 1, 3, 3], 1, origin="bottom-left", **call)
    corner = roi_align(ramp, [1, 3, 2, 2], 1, origin="bottom-left", box_format="xywh", **call)
    assert (down.item(), up.item(), corner.item()) == pytest.approx((2, 7, 7))


def test_an_image_that_ends_above_the_map_is_measured_from_its_own_bottom() -> None:
    # 100 pixels at 32 a cell: 3.125 of the map's 4 rows. 90 pixels up is 10 pixels from the top.
    features = np.repeat(np.arange(4.0), 4).reshape(4, 4)
    call: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32}
    traced = trace(features, [10, 90, 60, 60], 3, image_height=100, **call)
    assert (traced.y, traced.box[1] / 32) == (2.8125, 2.8125)
    assert traced.bottom == pytest.approx((90 - 60) / 32)
    top = trace(features, [10, 10, 60, 60], 3, origin="top-left", image_height=100, **call)
    assert top.y == 10 / 32
    for section, same in zip(traced.sections, top.sections, strict=True):
        # Rounded to two decimals in either frame, which are 3.125 apart.
        assert section.points[0].y == pytest.approx(3.125 - same.points[0].y, abs=0.01)


def test_a_convention_can_be_given_in_three_forms() -> None:
    row = PRESETS["torchvision"]
    assert resolve("torchvision") is resolve(row) is resolve(row.convention)
    assert row.name == resolve("torchvision", pooling="max").name == "torchvision"
    with pytest.raises(ArgumentError, match="must be a preset, its name or a Convention, got 3"):
        resolve(3)  # type: ignore[arg-type]


def test_a_resolved_convention_keeps_its_name() -> None:
    resolve("torchvision", pooling="max")
    mine = replace(PRESETS["torchvision"].convention, name="mine")
    assert resolve(mine, pooling="max").name == "mine"


def test_every_field_of_a_convention_can_be_overridden() -> None:
    hints = get_type_hints(Convention)
    assert get_type_hints(ConventionFields) == {k: v for k, v in hints.items() if k != "name"}


def test_empty_inputs_give_empty_outputs() -> None:
    call: dict[str, Any] = {"convention": "torchvision", "output_size": (2, 3)}
    features = np.zeros((2, 3, 4, 5), np.float32)
    assert roi_align(features, np.zeros((0, 4)), **call).shape == (0, 3, 2, 3)
    assert roi_align(features, [], **call).shape == (0, 3, 2, 3)
    assert roi_align(features[:, :0], [[0, 0, 2, 2]], **call).shape == (1, 0, 2, 3)
    assert roi_align(features[:0], np.zeros((0, 4)), **call).shape == (0, 3, 2, 3)


def test_a_section_without_points_is_not_extrapolated() -> None:
    # Beyond the map ROI Pool has no cells; a point of its own would have the extrapolation value.
    call: dict[str, Any] = {"convention": "roi-pool", "extrapolation_value": 1.5}
    for pooling in ("avg", "max"):
        out = roi_align(np.ones((2, 2)), [[5, 0, 6, 1]], 1, pooling=pooling, **call)
        assert out.item() == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    # x = column; the box is from 2 to 9, its middle at 5.5 less the offset.
    [({}, 5.5), ({"offset": 0.5}, 5.0), ({"image_offset": 1.0}, 4.5), ({"min_size": 9.0}, 6.5)],
)
def test_one_section_from_corner_to_corner_has_its_point_in_the_middle(
    changes: dict[str, Any], expected: float
) -> None:
    features = np.broadcast_to(np.arange(12.0), (12, 12))
    call: dict[str, Any] = {"normalized": False, "box_format": "xyxy"} | changes
    whole = roi_align(features, [2, 2, 9, 9], 1, convention="tensorflow", **call)
    thirds = roi_align(features, [2, 2, 9, 9], 3, convention="tensorflow", **call)
    assert whole.item() == thirds[0, 0, 1, 1] == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"convention": 3}, "convention: must be a preset, its name or a Convention, got 3"),
        ({"offset": "x"}, "offset: must be a number, got 'x'"),
        (
            {"sampling_ratio": True},
            "sampling_ratio: must be a whole number of at least 0, got True",
        ),
        ({"inclusive": 1}, "inclusive: must be True or False, got 1"),
        ({"pooling": ["avg"]}, "pooling: must be text, got ['avg']"),
        ({"origin": "bottom-left", "image_height": "x"}, "image_height: must be one or two"),
        (
            {"channel": "sum"},
            "channel: 'sum' is not a channel; use an index from 0, mean, max or norm",
        ),
        ({"channel": 1.0}, "channel: must be a whole number, got 1.0"),
        ({"roi": None}, "roi: must be a whole number, got None"),
        ({"pooling": ([],)}, "pooling: must be text, got ([],)"),
        ({"offset": 10**400}, "offset: must be a number, got 1000"),
        ({"offset": -2e9}, "offset: must be from -1e+09 to 1e+09, got -2e+09"),
        ({"border_margin": 1e300}, "border_margin: must be from 0 to 1e+09, got 1e+300"),
        ({"border_margin": math.nan}, "border_margin: must be from 0 to 1e+09, got nan"),
        ({"sampling_ratio": 10**9}, "sampling_ratio: must be from 0 to 100000, got 1000000000"),
        ({"sampling_ratio": 10**400}, "sampling_ratio: must be from 0 to 100000, got 1000"),
        ({"coordinate_decimals": 38}, "coordinate_decimals: must be from 0 to 15, got 38"),
        ({"max_start": math.nan}, "max_start: must be a number, got nan"),
        ({"spatial_scale": 10**400}, "spatial_scale: must be one or two numbers above 0"),
        (
            {"offsets": 1},
            "offsets: is not a field of a convention; did you mean offset? Choose pooling, ",
        ),
        (
            {"convention": "roi-pool", "coordinate_decimals": 0},
            "coordinate_decimals: has no effect with the roi-pool preset; remove this setting",
        ),
        ({"batch_index": [1e300]}, "batch_index: must be whole numbers"),
        ({"batch_index": ["a"]}, "batch_index: must be whole numbers"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(changes: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"convention": "torchvision"} | changes
    with pytest.raises(RoiAlignError) as caught:
        trace(np.eye(4), [[0, 0, 3, 3]], 2, **call)
    assert str(caught.value).startswith(message)


def test_numbers_of_numpy_are_numbers() -> None:
    call: dict[str, Any] = {"sampling_ratio": np.int64(2), "offset": np.float32(0.25)}
    out = roi_align(np.eye(4), [[0, 0, 3, 3]], 2, convention="torchvision", **call)
    plain: dict[str, Any] = {"sampling_ratio": 2, "offset": 0.25}
    again = roi_align(np.eye(4), [[0, 0, 3, 3]], 2, convention="torchvision", **plain)
    np.testing.assert_array_equal(out, again)
