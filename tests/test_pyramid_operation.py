"""ROI Align on a pyramid: each box is pooled from the map of its level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PYRAMID_RULES, RoiAlignError, roi_align, roi_align_pyramid
from roialign_cli.core.presets import PRESETS
from roialign_cli.core.pyramid import NO_LEVEL
from roialign_cli.core.pyramid_operation import make_pyramid_operation
from tests.peers.make_multi_scale import CALLS, IMAGE_SIZE

GOLDEN = Path(__file__).parent / "golden" / "pyramids" / "multi_scale.npz"
RANDOM = np.random.default_rng(4)
IMAGE = (256, 320)
MAPS = [RANDOM.normal(size=(2, 3, 256 // s, 320 // s)).astype(np.float32) for s in (4, 8, 16, 32)]
SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)
# Levels 2, 3, 4 and 4 by torchvision's rule.
BOXES = np.array([[5, 9, 60, 70], [10, 20, 150, 160], [0, 0, 250, 250], [20, 9, 319, 251.0]])
TORCHVISION: dict[str, Any] = {"pyramid": "torchvision", "convention": "torchvision"}


@pytest.mark.parametrize("name", CALLS)
def test_a_thousand_boxes_of_torchvision(name: str) -> None:
    used, output_size, ratio = CALLS[name]
    with np.load(GOLDEN) as file:
        maps = [file[f"map {n}"] for n in used]
        boxes, batch_index, expected = file["boxes"], file["batch_index"], file[name]
    out = roi_align_pyramid(
        maps,
        boxes,
        output_size,
        image_size=IMAGE_SIZE,
        batch_index=batch_index,
        sampling_ratio=ratio,
        **TORCHVISION,
    )
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)
    assert out.dtype == expected.dtype
    assert len(boxes) == 1000


def test_the_golden_boxes_are_on_all_levels() -> None:
    with np.load(GOLDEN) as file:
        maps, boxes = [file[f"map {n}"] for n in range(4)], file["boxes"]
    given: dict[str, Any] = {"image_size": IMAGE_SIZE, **TORCHVISION}
    counts = np.bincount(make_pyramid_operation(maps, boxes, 1, **given).index)
    assert counts.min() > 50
    skipped = make_pyramid_operation(maps[::2], boxes, 1, **given).index
    assert np.unique(skipped).tolist() == [NO_LEVEL, 0, 1]


@pytest.mark.parametrize("rule", PYRAMID_RULES)
def test_each_box_has_the_output_of_its_map(rule: str) -> None:
    convention = PRESETS[PYRAMID_RULES[rule].preset or "torchvision"].convention
    boxes = BOXES
    if convention.normalized:
        boxes = boxes / [320, 256, 320, 256]
    given: dict[str, Any] = {
        "convention": convention,
        "pooling": "avg",
        "batch_index": [0, 1, 1, 0],
    }
    given["box_format"] = "xyxy"
    operation = make_pyramid_operation(MAPS, boxes, 2, pyramid=rule, image_size=IMAGE, **given)
    assert operation.scales == SCALES
    together = roi_align_pyramid(MAPS, boxes, 2, pyramid=rule, image_size=IMAGE, **given)
    assert len({*operation.index.tolist()}) >= 3
    for box, level in enumerate(operation.index.tolist()):
        scale = None if convention.normalized else SCALES[level]
        given["batch_index"] = [0, 1, 1, 0][box]
        alone = roi_align(MAPS[level], boxes[box : box + 1], 2, spatial_scale=scale, **given)
        np.testing.assert_array_equal(together[box], alone[0])


def test_a_box_on_no_map_has_outputs_of_0() -> None:
    boxes = [[5, 9, 60, 70], [60, 9, 5, 70]]
    out = roi_align_pyramid(MAPS, boxes, 2, image_size=IMAGE, **TORCHVISION)
    assert (out[0] != 0).all()
    assert (out[1] == 0).all()
    one_map = roi_align_pyramid(MAPS[:1], boxes, 2, image_size=IMAGE, **TORCHVISION)
    assert (one_map[1] != 0).all()  # without a choice, the rule is skipped


def test_a_box_that_its_map_rejects_is_named_by_its_number() -> None:
    boxes = [[5, 9, 60, 70], [60, 9, 5, 70], [0, 0, 250, 250], [300, 9, 5, 250]]
    given: dict[str, Any] = {"convention": "mmcv", "image_size": IMAGE}
    # By the rule of mmdet, inverted boxes are on no map; by that of Paddle, on the first one.
    out = roi_align_pyramid(MAPS, boxes, 2, pyramid="mmdet", **given)
    assert [(pooled == 0).all() for pooled in out] == [False, True, False, True]
    with pytest.raises(RoiAlignError, match="boxes: box 1 is inverted, which mmcv rejects"):
        roi_align_pyramid(MAPS, boxes, 2, pyramid="paddle", **given)
    with pytest.raises(RoiAlignError, match="boxes: box 1 is inverted, which mmcv rejects"):
        roi_align_pyramid(MAPS, boxes[2:1:-1] + boxes[1:2], 2, pyramid="paddle", **given)


def test_level_scales_replace_the_inferred_ones() -> None:
    inferred = roi_align_pyramid(MAPS, BOXES, 2, image_size=IMAGE, **TORCHVISION)
    given = roi_align_pyramid(MAPS, BOXES, 2, level_scales=SCALES, **TORCHVISION)
    np.testing.assert_array_equal(inferred, given)
    halved = [scale / 2 for scale in SCALES]  # levels 3 to 6: boxes of level 2 are on the first map
    operation = make_pyramid_operation(MAPS, BOXES, 2, level_scales=halved, **TORCHVISION)
    assert operation.index.tolist() == [0, 0, 1, 1]


def test_the_map_size_sets_the_scale_of_each_axis() -> None:
    operation = make_pyramid_operation(
        MAPS, BOXES, 2, pyramid="tensorrt-pyramid", convention="tensorrt", image_size=(250, 300)
    )
    assert operation.operations[1].spatial_scale == (32 / 250, 40 / 300)


def test_y_is_measured_from_the_same_height_on_all_maps() -> None:
    flipped = BOXES.copy()
    flipped[:, [1, 3]] = 256 - BOXES[:, [3, 1]]
    down = roi_align_pyramid(MAPS, BOXES, 2, image_size=IMAGE, **TORCHVISION)
    for size in ({"image_size": IMAGE}, {"level_scales": SCALES}):
        up = roi_align_pyramid(MAPS, flipped, 2, origin="bottom-left", **size, **TORCHVISION)
        np.testing.assert_allclose(up, down, atol=1e-5)


def test_dtypes() -> None:
    half = [array.astype(np.float16) for array in MAPS]
    assert roi_align_pyramid(half, BOXES, 1, image_size=IMAGE, **TORCHVISION).dtype == np.float16
    double = [array.astype(np.float64) for array in MAPS]
    assert roi_align_pyramid(double, BOXES, 1, image_size=IMAGE, **TORCHVISION).dtype == np.float64
    # A side between the boundaries of float32 and of float64.
    box = [[0, 0, 223.99984, 223.99984]]
    found = [
        make_pyramid_operation(maps, box, 1, level_scales=SCALES, **TORCHVISION).index.item()
        for maps in (MAPS, double)
    ]
    assert found == [2, 1]


def test_no_boxes() -> None:
    out = roi_align_pyramid(MAPS, np.empty((0, 4)), 2, image_size=IMAGE, **TORCHVISION)
    assert out.shape == (0, 3, 2, 2)


@pytest.mark.parametrize(
    ("maps", "options", "message"),
    [
        (MAPS[0], {}, "features: must be a list of maps, from the largest to the smallest"),
        ([], {}, "features: must have at least one map, got none"),
        ([MAPS[0], MAPS[1][:1]], {}, r"features: maps 0 and 1 have the shapes .* N and C must be"),
        (MAPS[::-1], {}, "features: maps 0 and 1 have 8 × 10 and 16 × 20 cells; put larger maps"),
        (MAPS, {"image_size": None}, "pyramid: needs the size of the image, or the scale of"),
        (MAPS, {"level_scales": [0.5]}, "level_scales: must be as many as the maps: 4, not 1"),
        (MAPS, {"level_scales": 0.5}, "level_scales: must be as many as the maps: 4, not 1"),
        (MAPS, {"level_scales": ["a"]}, "level_scales: must be finite numbers above 0, got 'a'"),
        (MAPS, {"level_scales": [-1]}, "level_scales: must be finite numbers above 0, got -1"),
        (MAPS, {"image_size": 800}, "image_size: must be two finite numbers above 0"),
        (MAPS, {"image_size": (10**400, 1)}, "image_size: must be two finite numbers above 0"),
        (MAPS, {"image_size": (5, "b")}, "image_size: must be two finite numbers above 0"),
        (MAPS, {"pyramid": 5}, "pyramid: must be the name of a rule or a PyramidRule, got 5"),
        (MAPS, {"image_size": (0, 9)}, "image_size: must be two finite numbers above 0"),
        (MAPS, {"pyramid": "fpn"}, "pyramid: 'fpn' is not a pyramid rule"),
        (MAPS, {"batch_index": 2}, "batch_index: 2 is out of range"),
    ],
)
def test_bad_arguments(maps: Any, options: Any, message: str) -> None:
    given = {"image_size": IMAGE, **TORCHVISION, **options}
    with pytest.raises(RoiAlignError, match=message):
        roi_align_pyramid(maps, BOXES, 2, **given)


@pytest.mark.peers
def test_torchvision_beside_us() -> None:
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops")
    maps = {str(n): torch.from_numpy(array[:1]) for n, array in enumerate(MAPS)}
    boxes = torch.from_numpy(BOXES.astype(np.float32))
    expected = ops.MultiScaleRoIAlign([*maps], 7, 2)(maps, [boxes], [IMAGE])
    ours = [array[:1] for array in MAPS]
    out = roi_align_pyramid(ours, BOXES, 7, image_size=IMAGE, sampling_ratio=2, **TORCHVISION)
    np.testing.assert_allclose(out, np.asarray(expected), atol=1e-5)
