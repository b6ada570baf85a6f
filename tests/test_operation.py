"""roi_align against a scalar oracle, by invariants, and at its edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli import PRESETS, RoiAlignError, roi_align, trace
from roialign_cli.conventions import ALIASES, Pooling
from tests.oracle import roi_align_oracle
from tests.strategies import OUTPUT_SIZES, SCALES, boxes_xyxy, feature_maps

TORCHVISION = ["torchvision", "torchvision-aligned"]


@given(
    features=feature_maps() | feature_maps(dtype="f8"),
    boxes=boxes_xyxy(),
    output_size=OUTPUT_SIZES,
    scale=SCALES,
    name=st.sampled_from(TORCHVISION),
    pooling=st.sampled_from(["avg", "max"]),
    ratio=st.integers(0, 3),
)
def test_agrees_with_the_oracle(
    features: NDArray[Any],
    boxes: NDArray[Any],
    output_size: tuple[int, int],
    scale: float,
    name: str,
    pooling: Pooling,
    ratio: int,
) -> None:
    convention = replace(PRESETS[name], pooling=pooling, sampling_ratio=ratio)
    out = roi_align(features, boxes, output_size, convention=convention, spatial_scale=scale)
    expected = roi_align_oracle(features, boxes, output_size, convention, scale)
    np.testing.assert_allclose(out, expected, atol=1e-5)


@given(
    features=feature_maps() | feature_maps(dtype="f8"),
    boxes=boxes_xyxy(),
    output_size=OUTPUT_SIZES,
    pooling=st.sampled_from(["avg", "max"]),
    divide=st.integers(2, 4),
    decimals=st.sampled_from([None, 0, 2]),
)
def test_walkthrough_agrees_with_the_oracle(
    features: NDArray[Any],
    boxes: NDArray[Any],
    output_size: tuple[int, int],
    pooling: Pooling,
    divide: int,
    decimals: int | None,
) -> None:
    boxes = boxes[(boxes[:, 2] - boxes[:, 0] > 0.01) & (boxes[:, 3] - boxes[:, 1] > 0.01)]
    convention = replace(
        PRESETS["walkthrough"],
        pooling=pooling,
        divide=divide,
        coordinate_decimals=decimals,
        box_format="xyxy",
        origin="top-left",
    )
    out = roi_align(features, boxes, output_size, convention=convention)
    expected = roi_align_oracle(features, boxes, output_size, convention)
    np.testing.assert_allclose(out, expected, atol=1e-5)


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
        ({"features": np.zeros((0, 2))}, "features: a map of (0, 2) cells has nothing to sample"),
        ({"boxes": [[1, 2, 3]]}, "boxes: must be (R, 4) or (R, 5), got (1, 3)"),
        ({"boxes": [[1, 2, 3, np.nan]]}, "boxes: number 4 of box 0 is nan; must be finite"),
        ({"boxes": "box"}, "boxes: must be numbers of shape (R, 4) or (R, 5)"),
        (
            {"boxes": [[0, 0, 1e39, 1]], "convention": "torchvision"},
            "boxes: box 0 is beyond the range of float32",
        ),
        (
            {"boxes": [[-3e38, 0, 3e38, 1]], "convention": "torchvision"},
            "boxes: box 0 times the scale overflows float32",
        ),
        (
            {"boxes": [[0, 0, 1e9, 1]], "convention": "torchvision"},
            "boxes: box 0 would take 5e+08 sample points a section along one axis; check the scale "
            "or set a sampling ratio",
        ),
        (
            {"boxes": [[1, 1, 0, 1]]},
            "boxes: box 0 has no area on the feature map, which walkthrough refuses; check the box "
            "format",
        ),
        ({"batch_index": 1}, "batch_index: 1 is none of the 1 maps, from 0"),
        ({"batch_index": [0, 0]}, "batch_index: must be one a box, (1,), got (2,)"),
        ({"batch_index": 0.5}, "batch_index: must be whole numbers"),
        (
            {"batch_index": 0, "boxes": [[0, 1, 1, 2, 2]]},
            "batch_index: is already the first of the boxes' five columns",
        ),
        (
            {"output_size": 0},
            "output_size: must be a whole number above 0 or a pair of them, got 0",
        ),
        (
            {"spatial_scale": -1.0},
            "spatial_scale: must be a number above 0 or a pair of them, got -1.0",
        ),
        (
            {"output_size": (1, 2)},
            "divide: one section along an axis has no interior dividers; set divide to 2 or more",
        ),
        (
            {"convention": "torchvison"},
            "convention: no preset 'torchvison'; did you mean torchvision? known: "
            + ", ".join([*PRESETS, *ALIASES]),
        ),
        (
            {"sampling_ratio": 2},
            "sampling_ratio: walkthrough places its points by the rule dividers, set by divide",
        ),
        (
            {"convention": "torchvision", "divide": 2},
            "divide: torchvision places its points by the rule centred, set by sampling_ratio",
        ),
        (
            {"convention": "tensorflow", "sampling_ratio": 2},
            "sampling_ratio: tensorflow places its points by the rule corners",
        ),
        (
            {"convention": "tensorflow", "spatial_scale": 2},
            "spatial_scale: normalised boxes need none; if these are in pixels, say so with "
            "normalized=False",
        ),
        (
            {"convention": "mmcv", "boxes": [[0, 0, 2, 2], [2, 2, 1, 3]]},
            "boxes: box 1 is inverted, which mmcv refuses; check the box format",
        ),
        ({"pooling": "sum"}, "pooling: 'sum' is not one of avg, max"),
        (
            {"convention": "torchvision", "sampling_ratio": -1},
            "sampling_ratio: must be a whole number from 0 up, got -1",
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
        ({"convention": 3}, "convention: must be a preset's name or a Convention, got 3"),
        ({"offset": "x"}, "offset: must be a number, got 'x'"),
        ({"sampling_ratio": True}, "sampling_ratio: must be a whole number from 0 up, got True"),
        ({"double_geometry": 1}, "double_geometry: must be True or False, got 1"),
        ({"pooling": ["avg"]}, "pooling: cannot be ['avg']"),
        ({"origin": "bottom-left", "image_height": "x"}, "image_height: must be a number above 0"),
        ({"channel": "sum"}, "channel: 'sum' is neither a number nor one of mean, max, norm"),
        ({"channel": 1.0}, "channel: must be a whole number, got 1.0"),
        ({"roi": None}, "roi: must be a whole number, got None"),
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
