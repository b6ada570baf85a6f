"""The level of a pyramid that each library pools a box from."""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.cli.main import main
from roialign_cli.core.presets import preset
from roialign_cli.core.pyramid import NO_LEVEL, assign_levels, infer_scales, levels
from roialign_cli.core.pyramid_rules import PYRAMID_RULES, PyramidRule, pyramid_rule
from roialign_cli.errors import ArgumentError
from tests.peers.pyramid_boxes import pyramid_boxes

GOLDEN = Path(__file__).parent / "golden" / "pyramids" / "levels.npz"
SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)
IMAGE = (1024.0, 1024.0)
RULES = [*PYRAMID_RULES.values()]
by_rule = pytest.mark.parametrize("rule", RULES, ids=PYRAMID_RULES)

# Rule → levels 2 to 5 of square boxes with these sides in pixels, by hand. A side below 112 · 2^k
# is one level lower than that side; with + 1 it already reaches it one pixel earlier, and with
# rounding to the nearest level, at 112 / √2 = 79.2, 158.4, 316.8 pixels.
SIDES = (79, 80, 111, 112, 113, 158, 159, 223, 224, 225, 447, 448, 449)
FLOOR = "2 2 2 3 3 3 3 3 4 4 4 5 5"
PLUS_ONE = "2 2 3 3 3 3 3 4 4 4 5 5 5"
NEAREST = "2 3 3 3 3 3 4 4 4 4 5 5 5"
STRICT = "2 2 2 2 3 3 3 3 3 4 4 4 5"
BY_HAND = {
    "torchvision": FLOOR,
    "torchvision-legacy": FLOOR,
    "maskrcnn-benchmark": FLOOR,
    "detectron2": FLOOR,
    "detectron": PLUS_ONE,
    "caffe2": PLUS_ONE,
    "mmdet": FLOOR,
    "mmdet-1": PLUS_ONE,
    "mmdeploy": FLOOR,
    "paddle": FLOOR,
    "paddle-pixel-offset": PLUS_ONE,
    "paddle-gpu": FLOOR,
    "model-garden": FLOOR,
    "od-api": FLOOR,
    "tensorpack": FLOOR,
    "matterport": NEAREST,
    "tensorrt-pyramid": STRICT,
    "openvino": FLOOR,
    "openvino-gpu": NEAREST,
}
# Rule → the largest float32 side below 224 that is still on level 3.
LARGEST_ON_3 = {
    "torchvision": 223.99983,
    "torchvision-legacy": 223.99974,
    "maskrcnn-benchmark": 223.99974,
    "detectron2": 223.99997,
    "mmdet": 223.99994,
    "paddle": 223.99974,
    "model-garden": 223.99998,
}


def squares(sides: Any) -> Any:
    """Return square boxes at (0, 0), (R, 4)."""
    sides = np.asarray(sides, np.float64)
    return np.stack([0 * sides, 0 * sides, sides, sides], axis=1)


def levels_of(boxes: Any, rule: PyramidRule, **options: Any) -> Any:
    return levels(boxes, rule, SCALES, **{"image_size": IMAGE, **options})


def oracle(box: tuple[float, ...], rule: PyramidRule) -> int:
    """Return the index of the map of a box, from its exact area and without a logarithm."""
    x1, y1, x2, y2 = map(Fraction, box)
    offset = Fraction(rule.side_offset)
    area = (x2 - x1 + offset) * (y2 - y1 + offset)
    canonical = Fraction(rule.canonical_size) ** 2
    first = 2 if rule.first_level is None else rule.first_level
    level = len(SCALES) - 2 if rule.name == "od-api" else rule.canonical_level
    half = 2 if "half" in rule.rounding else 1
    starts = [canonical * Fraction(4) ** (first + n - level) / half for n in (1, 2, 3)]
    return sum(area >= start for start in starts)


def test_every_rule_is_checked_by_hand() -> None:
    assert {*BY_HAND} == {*PYRAMID_RULES}


@by_rule
def test_the_levels_at_112_224_and_448_pixels(rule: PyramidRule) -> None:
    assert (levels_of(squares(SIDES), rule) + 2).tolist() == [*map(int, BY_HAND[rule.name].split())]


@pytest.mark.parametrize("name", LARGEST_ON_3)
def test_the_largest_side_below_224_pixels_on_level_3(name: str) -> None:
    sides = (np.float32(224).view(np.int32) - np.arange(1, 60)).astype(np.int32).view(np.float32)
    on_3 = sides[levels_of(squares(sides), PYRAMID_RULES[name]) == 1]
    assert on_3.max() == pytest.approx(LARGEST_ON_3[name], abs=5e-6)


@by_rule
def test_random_boxes_against_the_exact_area(rule: PyramidRule) -> None:
    boxes = pyramid_boxes()[45_000:100_000:40]
    boxes = boxes[((boxes[:, 2:] > boxes[:, :2]) & (boxes[:, 2:] <= IMAGE[0])).all(axis=1)]
    number = assign_levels(boxes.astype(float), rule, SCALES, image_size=IMAGE).number
    start = 0.5 if "half" in rule.rounding else 0
    clear = np.abs(number - start - np.rint(number - start)) > 1e-5
    assert clear.sum() > 500
    expected = [oracle(tuple(box), rule) for box in boxes[clear].tolist()]
    assert levels_of(boxes[clear], rule).tolist() == expected


def golden(key: str) -> Any:
    with np.load(GOLDEN) as file:
        index = file[key].astype(int)
    return np.where(index == 255, NO_LEVEL, index)


def test_the_boxes_of_the_libraries_are_the_same() -> None:
    with np.load(GOLDEN) as file:
        assert hashlib.sha256(pyramid_boxes().tobytes()).hexdigest() == str(file["boxes_sha256"])


@pytest.mark.parametrize(
    ("name", "key", "dtype"),
    [
        ("torchvision", "torchvision rounded", np.float32),
        ("torchvision", "torchvision float64", np.float64),
        ("openvino", "openvino", np.float32),
        ("paddle", "paddle", np.float32),
        ("paddle-pixel-offset", "paddle-pixel-offset", np.float32),
    ],
)
def test_a_hundred_thousand_boxes_of_a_library(name: str, key: str, dtype: Any) -> None:
    boxes = pyramid_boxes().astype(np.float64)
    np.testing.assert_array_equal(levels_of(boxes, PYRAMID_RULES[name], dtype=dtype), golden(key))
    assert len({*golden(key).tolist()} - {NO_LEVEL}) == len(SCALES)


def test_only_boundaries_depend_on_the_square_root_of_torch() -> None:
    rule = PYRAMID_RULES["torchvision"]
    given = assign_levels(pyramid_boxes().astype(float), rule, SCALES)
    differ = given.index != golden("torchvision")
    assert differ.sum() < 100
    boundary = np.array([given.start(level) for level in (3, 4, 5)])
    away = np.abs(given.size[differ][:, None] - boundary).min(axis=1)
    assert away.max() < 2e-4


@by_rule
def test_a_measured_rule_has_golden_levels(rule: PyramidRule) -> None:
    with np.load(GOLDEN) as file:
        assert (rule.name in file) is (rule.evidence == "measured")


@by_rule
def test_the_start_of_a_level_is_where_the_level_changes(rule: PyramidRule) -> None:
    given = assign_levels(squares([200]), rule, SCALES, image_size=IMAGE)
    for index in (1, 2, 3):
        start = given.start(given.first + index) - rule.side_offset
        around = squares([start * (1 - 2e-6), start * (1 + 2e-6)])
        assert levels_of(around, rule).tolist() == [index - 1, index]


@by_rule
def test_a_rule_names_a_preset_that_exists(rule: PyramidRule) -> None:
    assert rule.preset is None or preset(rule.preset).name == rule.preset


def test_boxes_without_area() -> None:
    boxes = np.array([[9.0, 9, 9, 300], [300.0, 9, 9, 300], [300.0, 300, 9, 9]])
    expected = {
        "torchvision": [0, NO_LEVEL, 2],
        "paddle": [0, 0, 0],
        "model-garden": [0, 0, 2],
        "tensorrt-pyramid": [0, 2, 2],
        "openvino": [NO_LEVEL, NO_LEVEL, 2],
    }
    for name, index in expected.items():
        assert levels_of(boxes, PYRAMID_RULES[name]).tolist() == index
    with pytest.raises(ArgumentError, match="boxes: box 1 has a negative area, which detectron"):
        levels_of(boxes, PYRAMID_RULES["detectron"])


def test_boxes_are_cut_to_the_image_for_thresholds() -> None:
    box = np.array([[-500.0, -500, 100, 100], [1000.0, 1000, 3000, 3000]])
    assert levels_of(box, PYRAMID_RULES["tensorrt-pyramid"]).tolist() == [0, 0]
    assert levels_of(box, PYRAMID_RULES["torchvision"]).tolist() == [3, 3]


def test_the_first_map_counts_for_some_rules_and_its_stride_for_others() -> None:
    boxes = squares([100, 224, 500])
    scales = (1 / 8, 1 / 16, 1 / 32)
    assert levels(boxes, PYRAMID_RULES["torchvision"], scales).tolist() == [0, 1, 2]
    assert levels(boxes, PYRAMID_RULES["mmdet"], scales).tolist() == [0, 2, 2]
    assert levels(boxes, PYRAMID_RULES["openvino"], scales).tolist() == [0, 2, 2]
    od_api = PYRAMID_RULES["od-api"]
    assert levels(boxes, od_api, scales, image_size=IMAGE).tolist() == [0, 1, 2]
    assert levels(boxes, od_api, (*SCALES, 1 / 64), image_size=IMAGE).tolist() == [1, 3, 4]


def test_a_skipped_level_of_torchvision() -> None:
    boxes = squares([112, 224, 448])
    scales = (1 / 8, 1 / 32)  # levels 3 and 5
    assert levels(boxes, PYRAMID_RULES["torchvision"], scales).tolist() == [0, 1, NO_LEVEL]


@by_rule
def test_normalised_boxes_have_the_levels_of_pixels(rule: PyramidRule) -> None:
    pixels = squares([50, 100, 200, 300, 400, 900])
    boxes = pixels / 1024
    assert (levels_of(boxes, rule, normalized=True) == levels_of(pixels, rule)).all()


def test_the_width_of_the_image_counts_for_normalised_rules() -> None:
    boxes = np.array([[0, 0, 0.25, 0.25]])
    rule = PYRAMID_RULES["matterport"]
    found = [
        levels_of(boxes, rule, image_size=(512.0, width), normalized=True).item()
        for width in (512.0, 2048.0)
    ]
    assert found == [1, 2]  # 128 × 128 pixels, and 128 × 512, as large as 256 × 256


@pytest.mark.parametrize(
    ("name", "scales", "options", "message"),
    [
        ("torchvision", (), {}, "level_scales: must have a scale for each map, got none"),
        ("torchvision", (0.25, 0), {}, "level_scales: must be finite numbers above 0, got 0"),
        ("torchvision", (0.3, 0.1), {}, "level_scales: 0.3 is not a power of two; torchvision"),
        ("matterport", SCALES, {}, "image_size: is needed, because the levels of matterport"),
        ("paddle", SCALES, {"normalized": True}, "image_size: is needed for the levels of norm"),
        ("paddle", SCALES, {"image_size": (0, 5)}, "image_size: must be two finite numbers above"),
    ],
)
def test_bad_arguments(name: str, scales: Any, options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        levels(squares([5]), PYRAMID_RULES[name], scales, **options)


def test_an_unknown_rule_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ArgumentError, match="pyramid: 'mmdett' is not a pyramid rule; did you mea"):
        pyramid_rule("mmdett")
    assert pyramid_rule("mmdet").name == "mmdet"


def test_scales_that_torchvision_infers() -> None:
    with np.load(GOLDEN) as file:
        heights, expected = file["heights"], file["scales"]
    for (map_height, image_height), scale in zip(heights.tolist(), expected, strict=True):
        # The widths have no influence.
        assert infer_scales([(map_height, 3)], (image_height, 5)) == (scale,)


@by_rule
def test_a_rule_is_shown_in_full(rule: PyramidRule, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", rule.name, "--pyramids", "--format", "markdown"]) == 0
    printed = capfd.readouterr().out
    assert rule.source.split()[0] in printed
    assert rule.quirks in printed
    for name in rule.parameters():
        assert f"| {name} | " in printed
    assert main(["presets", rule.name, "--pyramids", "--format", "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    described = {name: record[name] for name in record if name != "rule"}
    assert PyramidRule(**record["rule"], **described) == rule


def test_all_rules_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--pyramids"]) == 0
    table = capfd.readouterr().out
    assert max(map(len, table.splitlines())) <= 80
    assert "…" not in table
    rows = dict(re.findall(r"^  ([\w-]+)\*? .* (\d \d \d \d \d)$", table, re.MULTILINE))
    shown = (112, 159, 223, 224, 448)
    assert rows == {
        name: " ".join(by_side.split()[SIDES.index(side)] for side in shown)
        for name, by_side in BY_HAND.items()
    }
    assert "floor(4 + log2(s / 224) + 1e-6)" in table


def test_rules_are_filtered(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--pyramids", "--evidence", "measured", "--format", "json"]) == 0
    names = [record["name"] for record in json.loads(capfd.readouterr().out)]
    assert names == ["torchvision", "paddle", "paddle-pixel-offset", "openvino"]
    assert main(["presets", "--pyramids", "--framework", "paddle", "--format", "json"]) == 0
    assert len(json.loads(capfd.readouterr().out)) == 3


def test_no_boxes() -> None:
    for rule in RULES:
        assert levels_of(np.empty((0, 4)), rule).shape == (0,)
