"""`identify` on several maps: the level of each box, and the rules that explain all levels."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import roialign_cli
from roialign_cli import PRESETS, PYRAMID_RULES, identify_pyramid, roi_align, roi_align_pyramid
from roialign_cli.cli.main import main
from roialign_cli.core.pyramid import NO_LEVEL, levels
from roialign_cli.errors import ArgumentError

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(41)
SIZE = (512, 640)  # of the image, height and width
MAPS = [
    RANDOM.normal(size=(1, 4, SIZE[0] >> level, SIZE[1] >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
]
# On both sides of the boundaries: 112, 224 and 448 px, and 79.2 and 158.4 px.
SIDES = (79, 80, 111, 112, 158, 159, 223, 224, 447, 448)
BOXES = np.array(
    [[3.0, 4, 3 + side, 4 + side] for side in SIDES]
    + [[x, y, x + w, y + h] for x, y, w, h in RANDOM.uniform(10, 200, (30, 4)).round(2).tolist()]
)
FRACTIONS = BOXES / [SIZE[1], SIZE[0], SIZE[1], SIZE[0]]
AS_TORCHVISION = {
    "torchvision", "torchvision-legacy", "maskrcnn-benchmark", "detectron2", "mmdet", "mmdeploy",
    "paddle", "paddle-gpu", "model-garden", "od-api", "tensorpack", "openvino",
}  # fmt: skip
# A box of 223 px counts as one of 224 px.
AS_DETECTRON = {"detectron", "caffe2", "mmdet-1", "paddle-pixel-offset"}
# The level is rounded, not cut off.
AS_MATTERPORT = {"matterport", "openvino-gpu"}


def pooled(rule: str, boxes: Any = BOXES, preset: str = "torchvision", **call: Any) -> Any:
    given = {"pyramid": rule, "convention": preset, "image_size": SIZE} | call
    return roi_align_pyramid(MAPS, boxes, 3, **given)


def identified(output: Any, boxes: Any = BOXES, **call: Any) -> Any:
    return identify_pyramid(MAPS, boxes, output, **({"image_size": SIZE} | call))


def explaining(found: Any) -> set[str]:
    return {fit.rule.name for fit in found.explaining}


@pytest.mark.parametrize(
    ("rule", "group"),
    [
        ("torchvision", AS_TORCHVISION),
        ("detectron", AS_DETECTRON),
        pytest.param("openvino-gpu", AS_MATTERPORT, marks=pytest.mark.thorough),
        ("tensorrt-pyramid", {"tensorrt-pyramid"}),
    ],
)
def test_the_rules_that_explain_all_levels(rule: str, group: set[str]) -> None:
    found = identified(pooled(rule), convention="torchvision")
    assert found.verdict == "exact"
    assert explaining(found) == group
    scales = [1 / 4, 1 / 8, 1 / 16, 1 / 32]
    expected = levels(BOXES, PYRAMID_RULES[rule], scales, image_size=SIZE)
    assert found.map_index.tolist() == expected.tolist()
    # By hand: each rule of another group fails on a box beside a boundary.
    others = {fit.rule.name: fit.broken for fit in found.rules if not fit.explains_all}
    assert set(others) == set(PYRAMID_RULES) - group
    assert all((broken < len(SIDES)).any() for broken in others.values())


def test_a_box_of_223_pixels_separates_two_rules() -> None:
    found = identified(pooled("detectron"), convention="torchvision")
    broken = {fit.rule.name: fit.broken.tolist() for fit in found.rules}
    assert broken["detectron"] == []
    assert broken["torchvision"] == [SIDES.index(side) for side in (111, 223, 447)]
    fit = next(fit for fit in found.rules if fit.rule.name == "torchvision")
    one = found.level_by(fit.levels, SIDES.index(223))
    assert (one.level, one.size) == (3, 223)
    assert one.distance == pytest.approx(1, abs=1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("rule", [rule for rule in PYRAMID_RULES.values() if rule.preset])
def test_every_rule_with_its_own_preset(rule: Any) -> None:
    convention = PRESETS[rule.preset].convention
    boxes = FRACTIONS if convention.normalized else BOXES
    boxes = boxes[:, [1, 0, 3, 2]] if convention.box_format == "yxyx" else boxes
    found = identified(pooled(rule.name, boxes, rule.preset), boxes)
    assert found.verdict == "exact"
    assert rule.name in explaining(found)


def test_the_convention_is_found_without_options() -> None:
    call = {"sampling_ratio": 2, "pooling": "max"}
    found = identified(pooled("torchvision", preset="torchvision-aligned", **call))
    convention = found.hypothesis.convention
    assert (convention.sampling_ratio, convention.pooling, convention.offset) == (2, "max", 0.5)
    assert found.verdict == "exact"


def test_a_wrong_box_is_named() -> None:
    output = pooled("torchvision")
    wrong = BOXES[20:21]
    size = float(np.sqrt(np.prod(wrong[0, 2:] - wrong[0, :2])))
    own = levels(wrong, PYRAMID_RULES["torchvision"], [1 / 4, 1 / 8, 1 / 16, 1 / 32]).item()
    other = own + 1
    output[20] = roi_align(
        MAPS[other], wrong, 3, convention="torchvision", spatial_scale=1 / (4 << other)
    )[0]
    found = identified(output)
    assert found.verdict == "other levels"
    assert found.explaining == ()
    best = found.rules[0]
    assert best.rule.name in AS_TORCHVISION
    assert best.broken.tolist() == [20]
    assert found.map_index[20] == other
    text = str(found)
    assert "no rule explains all" in " ".join(text.split())
    boundary = (112, 224, 448)[own]
    assert f"{boundary - size:.3g}"[:4] in text
    # A row that was pooled from no map with this convention.
    output[20] = np.arange(36).reshape(4, 3, 3)
    found = identified(output, convention="torchvision")
    assert found.verdict == "partial"
    assert np.flatnonzero(found.unexplained).tolist() == [20]
    assert explaining(found) == AS_TORCHVISION


def test_a_constant_region_is_ambiguous_and_blames_no_rule() -> None:
    maps = [array.copy() for array in MAPS]
    for array in maps:
        array[..., : array.shape[2] // 2, : array.shape[3] // 2] = 0.5
    boxes = np.concatenate([BOXES[10:], [[8, 8, 40, 60], [10, 10, 180, 200]]])
    call: dict[str, Any] = {"image_size": SIZE, "convention": "torchvision"}
    output = roi_align_pyramid(maps, boxes, 3, pyramid="torchvision", **call)
    found = identify_pyramid(maps, boxes, output, **call)
    assert found.verdict == "exact"
    assert set(np.flatnonzero(found.ambiguous)) >= {30, 31}
    assert (found.map_index[found.ambiguous] == NO_LEVEL).all()
    assert "torchvision" in explaining(found)
    assert "more than one map" in str(found)


def test_rows_of_zeros_are_boxes_on_no_map() -> None:
    boxes = np.concatenate([BOXES, [[60.0, 9, 5, 70]]])
    found = identified(pooled("torchvision", boxes), boxes, convention="torchvision")
    assert np.flatnonzero(found.on_no_map).tolist() == [len(BOXES)]
    assert "torchvision" in explaining(found)
    # Paddle's rule sends an inverted box to the first map.
    assert "paddle" not in explaining(found)
    rejecting = next(fit for fit in found.rules if fit.rule.name == "detectron")
    assert rejecting.levels is None
    assert "negative area" in rejecting.problem


def test_one_rule_is_judged_alone() -> None:
    found = identified(pooled("torchvision"), pyramid="detectron", convention="torchvision")
    assert [fit.rule.name for fit in found.rules] == ["detectron"]
    assert found.verdict == "other levels"
    assert len(found.rules[0].broken) == 3


def test_a_rule_that_sends_all_boxes_to_no_map_is_judged() -> None:
    boxes = np.array([[60.0, 9, 5, 70], [200, 20, 30, 90], [300, 50, 110, 140]])
    # This rule sends inverted boxes to the first map, and torchvision's sends them to none.
    output = pooled("mmdeploy", boxes)
    found = identified(output, boxes, pyramid="torchvision", convention="torchvision")
    assert found.verdict == "other levels"
    assert found.rules[0].broken.tolist() == [0, 1, 2]
    assert "mmdeploy" in explaining(identified(output, boxes, convention="torchvision"))


def test_the_operator_is_found_if_the_only_rule_cannot_be_applied() -> None:
    call = {"image_size": None, "level_scales": [1 / 4, 1 / 8, 1 / 16, 1 / 32]}
    found = identified(
        pooled("torchvision"), pyramid="matterport", convention="torchvision", **call
    )
    assert found.map_index.max() == 3
    assert "matterport cannot be applied: image_size: is needed" in " ".join(str(found).split())


def test_several_images() -> None:
    maps = [np.concatenate([array, -array[..., ::-1]]) for array in MAPS]
    index = np.arange(len(BOXES)) % 2
    boxes = np.column_stack([index, BOXES])
    call: dict[str, Any] = {"image_size": SIZE, "convention": "torchvision"}
    output = roi_align_pyramid(maps, boxes, 3, pyramid="mmdet", **call)
    assert "mmdet" in explaining(identify_pyramid(maps, boxes, output, **call))
    ignored = roi_align_pyramid(maps, BOXES, 3, pyramid="mmdet", **call)
    found = identify_pyramid(maps, boxes, ignored, **call)
    assert found.verdict == "exact"
    assert found.hypothesis is not None
    assert found.hypothesis.batches == "first map"


def test_a_box_that_would_distinguish_the_rules() -> None:
    output, boxes = pooled("torchvision")[10:], BOXES[10:]
    found = identified(output, boxes, convention="torchvision")
    box = found.distinguishing
    assert box is not None
    assert len(box.maps) == 2
    by_rule = {name: n for n, names in box.maps.items() for name in names}
    for name, index in by_rule.items():
        square = np.array([[0.0, 0, box.side, box.side]])
        scales = [1 / 4, 1 / 8, 1 / 16, 1 / 32]
        assert levels(square, PYRAMID_RULES[name], scales, image_size=SIZE).item() == index


def test_the_errors_name_the_argument() -> None:
    output = pooled("torchvision")
    with pytest.raises(ArgumentError, match="image_size: is needed, or the scale of each map"):
        identify_pyramid(MAPS, BOXES, output)
    with pytest.raises(ArgumentError, match=r"expected: has shape .* give a row for each box"):
        identified(output[1:])
    with pytest.raises(ArgumentError, match="put larger maps first"):
        identify_pyramid(MAPS[::-1], BOXES, output, image_size=SIZE)


def test_nothing_is_claimed_of_noise() -> None:
    output = RANDOM.normal(size=(6, 4, 3, 3))
    found = identified(output, BOXES[:6], convention="torchvision", sampling_ratio=2)
    assert found.verdict == "far"
    assert found.explaining == ()
    assert "None of 6 rows matches a map" in str(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the maps, the boxes and an output."""
    monkeypatch.chdir(tmp_path)
    for level, array in enumerate(MAPS, 2):
        np.save(f"p{level}.npy", array)
    np.savez("maps.npz", **{f"p{level}": array for level, array in enumerate(MAPS, 2)})  # type: ignore[arg-type]
    np.savetxt("b.csv", BOXES, delimiter=",")
    np.save("out.npy", pooled("detectron"))


CALL = ["--boxes", "b.csv", "--image-size", "640x512", "--expected", "out.npy"]
FILES = ["p2.npy", "p3.npy", "p4.npy", "p5.npy"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("features", [FILES, ["maps.npz"]])
def test_the_command_and_the_command_that_it_prints(features: list[str], capfd: Capture) -> None:
    assert main(["identify", *features, *CALL]) == 0
    printed = capfd.readouterr().out
    assert "levels by detectron, caffe2, mmdet-1" in " ".join(printed.split())
    assert len(printed.splitlines()) <= 24
    command = next(line for line in printed.splitlines() if "roialign run" in line)
    assert main([*shlex.split(command)[1:], "-o", "again.npy", "-q"]) == 0
    np.testing.assert_allclose(np.load("again.npy"), np.load("out.npy"), atol=1e-6)
    call = next(line for line in printed.splitlines() if "roi_align_pyramid(" in line)
    names = {"maps": MAPS, "boxes": BOXES, "roi_align_pyramid": roialign_cli.roi_align_pyramid}
    again = eval(call, names)  # noqa: S307
    np.testing.assert_allclose(again, np.load("out.npy"), atol=1e-6)


@pytest.mark.usefixtures("folder")
def test_json_and_a_rule_that_does_not_explain_the_output(capfd: Capture) -> None:
    call = ["identify", *FILES, *CALL, "--preset", "torchvision", "--format", "json"]
    assert main(call) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["verdict"] == "exact"
    assert set(record["explaining"]) == AS_DETECTRON
    assert [one["scale"] for one in record["maps"]] == [1 / 4, 1 / 8, 1 / 16, 1 / 32]
    assert sum(one["boxes"] for one in record["maps"]) == len(BOXES)
    assert main([*call, "--pyramid", "torchvision"]) == 1
    (rule,) = json.loads(capfd.readouterr().out)["rules"]
    at = SIDES.index(223)
    one = next(broken for broken in rule["broken"] if broken["roi"] == at)
    assert (one["maps"], one["map_index"], one["level"], one["size"]) == ([2], 1, 3, 223)
    assert main(call[:-2] + ["--pyramid", "torchvision"]) == 1
    printed = " ".join(capfd.readouterr().out.split())
    assert "The rule torchvision does not explain 3 of 40 boxes" in printed
    assert "223 4 3 3.993546 0.9998" in printed


@pytest.mark.usefixtures("folder")
def test_a_comparison_with_a_saved_output_finds_the_rule(capfd: Capture) -> None:
    call = ["compare", *FILES, *CALL[:4], "--pyramid", "torchvision", "--with", "out.npy", "-q"]
    assert main(call) == 0
    printed = " ".join(capfd.readouterr().out.split())
    assert "3 of 40 boxes differ by more than 0.0001" in printed
    assert "levels by detectron, caffe2, mmdet-1" in printed
    assert main([*call, "--format", "json"]) == 0
    assert "detectron" in json.loads(capfd.readouterr().out)["why"]["explaining"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("rule", "sizes", "options"),
    [
        ("tensorrt-pyramid", (250, 333), []),  # 63 / 250 and 84 / 333, not 1 / 4
        ("torchvision", (512, 640), ["--level-scales", "0.5,0.25,0.125,0.0625"]),
    ],
)
def test_what_is_printed_has_the_scales_of_the_output(
    rule: str, sizes: tuple[int, int], options: list[str], capfd: Capture
) -> None:
    height, width = sizes
    # More than one rule explains the levels of these boxes.
    boxes = np.array([[5.0, 5, 60, 70], [10, 10, 130, 150], [0, 0, 240, 240], [50, 40, 300, 100]])
    np.savetxt("b.csv", boxes, delimiter=",")
    shapes = [(-(-height // stride), -(-width // stride)) for stride in (4, 8, 16, 32)]
    maps = [RANDOM.normal(size=(1, 4, *shape)).astype(np.float32) for shape in shapes]
    np.savez("maps.npz", **{f"p{n}": array for n, array in enumerate(maps)})  # type: ignore[arg-type]
    call = ["maps.npz", "--boxes", "b.csv", "--image-size", f"{width}x{height}", *options]
    made = ["--pyramid", rule, "--preset", "torchvision", "--output-size", "3", "-q", "--force"]
    assert main(["run", *call, *made, "-o", "out.npy"]) == 0
    capfd.readouterr()
    assert main(["identify", *call, "--expected", "out.npy", "--preset", "torchvision"]) == 0
    lines = capfd.readouterr().out.splitlines()
    command = next(line for line in lines if "roialign run" in line)
    assert main([*shlex.split(command)[1:], "-o", "again.npy", "-q"]) == 0
    np.testing.assert_allclose(np.load("again.npy"), np.load("out.npy"), atol=1e-6)
    code = next(line for line in lines if "roi_align_pyramid(" in line)
    names = {"maps": maps, "boxes": boxes, "roi_align_pyramid": roi_align_pyramid}
    again = eval(code, names)  # noqa: S307
    np.testing.assert_allclose(again, np.load("out.npy"), atol=1e-6)
