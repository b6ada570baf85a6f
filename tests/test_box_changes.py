"""Compare two recordings with the same boxes in another format, scale or place."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.generate import DOCS
from roialign_cli import Call, compare_recordings, roi_align
from roialign_cli.calls.differences.box_changes import BoxChange
from roialign_cli.calls.differences.result import CallDifferences
from roialign_cli.cli.main import main
from roialign_cli.core.boxes import Float
from tests.test_compare_recordings import BOXES as PYRAMID_BOXES
from tests.test_compare_recordings import differences, record

WIDTH, HEIGHT, STRIDE = 512, 384, 16
IMAGE = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)


def make_boxes(count: int = 8) -> Float:
    """Return boxes of 40 to 150 pixels as x1, y1, x2, y2, float32."""
    rng = np.random.default_rng(2)
    corner = rng.uniform(0, 200, (count, 2))
    return np.hstack([corner, corner + rng.uniform(40, 150, (count, 2))]).astype(np.float32)


FEATURES = np.random.default_rng(1).normal(size=(1, 3, 24, 32)).astype(np.float32)
BOXES = make_boxes()
X1, Y1, X2, Y2 = BOXES.T
SWAPPED = np.stack([Y1, X1, Y2, X2], axis=1)
SIZED = np.stack([X1, Y1, X2 - X1, Y2 - Y1], axis=1)
CENTRED = np.stack([(X1 + X2) / 2, (Y1 + Y2) / 2, X2 - X1, Y2 - Y1], axis=1)


def saved(
    path: Path,
    boxes: Float = BOXES,
    *,
    features: Float = FEATURES,
    preset: str = "torchvision",
    scale: float | None = 1 / STRIDE,
    **fields: Any,
) -> Path:
    """Save a call and return its path."""
    output = roi_align(features, boxes, 3, convention=preset, spatial_scale=scale, **fields)
    Call(
        features=features, boxes=boxes, output=output, preset=preset, spatial_scale=scale,
        fields=fields,
    ).save(path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("calls") / "a.npz")


def compared(first: Path, second: Path) -> tuple[CallDifferences, str]:
    """Return the differences of two calls, and what is printed of them, without line breaks."""
    found = compare_recordings(first, second)
    (call,) = found.calls
    return call, " ".join(str(found).split())


READS = "Convert the boxes of B before its operator, which reads x1, y1, x2, y2."


@pytest.mark.parametrize(
    ("boxes", "change", "words", "remedy"),
    [
        (SWAPPED, BoxChange("yxyx"), "as y1, x1, y2, x2", READS),
        (SIZED, BoxChange("xywh"), "as x and y of the top-left corner, width, height", READS),
        (CENTRED, BoxChange("cxcywh"), "as x and y of the centre, width, height", READS),
        (
            BOXES / IMAGE,
            BoxChange(scale=(1 / 512, 1 / 384)),
            "multiplied by 1/512 along x and 1/384 along y",
            "Multiply the boxes of B by 512 along x and 384 along y before its operator.",
        ),
        (
            BOXES / 2,
            BoxChange(scale=(0.5, 0.5)),
            "multiplied by 1/2",
            "Multiply the boxes of B by 2 before its operator, or multiply its spatial_scale by 2.",
        ),
        (
            BOXES * np.float32(1.02),
            BoxChange(scale=(1.02, 1.02)),
            "multiplied by 1.02",
            "Multiply the boxes of B by 0.980392 before its operator",
        ),
        (
            BOXES + np.array([100, 0, 100, 0], np.float32),
            BoxChange(shift=(100, 0)),
            "moved by 100 along x and 0 along y",
            "Move the boxes of B back before its operator.",
        ),
        (
            CENTRED / IMAGE,
            BoxChange("cxcywh", scale=(1 / 512, 1 / 384)),
            "as x and y of the centre, width, height, multiplied by 1/512 along x and 1/384 along",
            f"{READS} Multiply the boxes of B by 512 along x and 384 along y before its operator.",
        ),
        (
            (BOXES / IMAGE)[:, [1, 0, 3, 2]],
            BoxChange("yxyx", scale=(1 / 512, 1 / 384)),
            "as y1, x1, y2, x2, multiplied by 1/512 along x and 1/384 along y",
            READS,
        ),
    ],
)
def test_boxes_that_are_written_in_another_way_are_explained(
    boxes: Float, change: BoxChange, words: str, remedy: str, first: Path, tmp_path: Path
) -> None:
    call, text = compared(first, saved(tmp_path / "b.npz", boxes))
    assert call.verdict == "inputs"
    assert call.first is call.stage("boxes")
    assert call.box_change is not None
    # Fractions are exact; other scales are as exact as float32.
    rounded = None if call.box_change.scale is None else np.round(call.box_change.scale, 7)
    expected = None if change.scale is None else np.round(change.scale, 7)
    np.testing.assert_array_equal(rounded, expected)
    assert replace(call.box_change, scale=change.scale) == change
    assert call.pairs.rows.first.tolist() == call.pairs.rows.second.tolist() == [*range(8)]
    assert call.stage("output").total == 8
    assert f"The ROI Align is not at fault: the boxes of B are those of A {words}" in text
    assert remedy in text


def test_boxes_and_operator_may_both_differ(first: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "b.npz", SWAPPED, sampling_ratio=1)
    call, text = compared(first, other)
    assert call.verdict == "inputs and operator"
    assert "First, the boxes of B are those of A as y1, x1, y2, x2" in text
    assert "sampling_ratio is 0 in A and 1 in B" in text
    assert READS in text


def test_the_format_that_the_operator_reads_is_named(first: Path, tmp_path: Path) -> None:
    # `tensorflow` reads y1, x1, y2, x2, where 1 is the centre of the last of 32 × 24 cells.
    last = np.array([31, 23, 31, 23], np.float32) * STRIDE
    other = saved(tmp_path / "b.npz", BOXES / last, preset="tensorflow", scale=None)
    call, text = compared(first, other)
    assert call.box_change == BoxChange("xyxy")
    assert "the boxes of B, in the units of A, are those of A as x1, y1, x2, y2" in text
    assert "before its operator, which reads y1, x1, y2, x2." in text
    resized = saved(
        tmp_path / "c.npz", SWAPPED / last[[1, 0, 1, 0]] * 2, preset="tensorflow", scale=None
    )
    call, text = compared(first, resized)
    assert call.box_change == BoxChange(scale=(2, 2))
    assert "Multiply the boxes of B by 1/2 before its operator." in text


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_change(seed: int, first: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(seed).normal(size=BOXES.shape)
    call, text = compared(first, saved(tmp_path / "b.npz", BOXES + 60 * noise))
    assert call.verdict == "not comparable"
    assert call.box_change is None
    assert "The features agree, and the boxes differ: compare what makes the boxes" in text
    # A hundredth of a pixel is more than rounding.
    call, _ = compared(first, saved(tmp_path / "c.npz", SWAPPED + 0.01 * noise))
    assert call.box_change is None


def test_one_box_in_another_place_is_no_change(first: Path, tmp_path: Path) -> None:
    boxes = SWAPPED.copy()
    boxes[3] += 5
    call, text = compared(first, saved(tmp_path / "b.npz", boxes))
    assert call.box_change is None
    assert "compare what makes the boxes" in text
    near = saved(tmp_path / "c.npz", np.concatenate([BOXES[:2], SWAPPED[2:]]))
    text = compared(first, near)[1]
    assert "Only 2 of 8 boxes are in both recordings. The features agree: compare what" in text


def test_one_box_shows_a_format_but_no_scale_and_no_shift(tmp_path: Path) -> None:
    one = saved(tmp_path / "a.npz", BOXES[:1])
    call, text = compared(one, saved(tmp_path / "b.npz", SWAPPED[:1]))
    assert call.box_change == BoxChange("yxyx")
    assert "the box of B is that of A as y1, x1, y2, x2." in text
    for name, boxes in (("c", BOXES[:1] / 2), ("d", BOXES[:1] + 100)):
        call, text = compared(one, saved(tmp_path / f"{name}.npz", boxes))
        assert call.box_change is None
        assert "compare what makes the boxes" in text
    # Equal boxes do not show more than one of them.
    repeated = [BOXES[[0, 0, 0]], BOXES[[0, 0, 0]] / 2]
    paths = [saved(tmp_path / f"{name}.npz", own) for name, own in zip("ef", repeated, strict=True)]
    assert compared(*paths)[0].box_change is None


def test_other_numbers_of_boxes_are_not_compared_row_by_row(first: Path, tmp_path: Path) -> None:
    call, text = compared(first, saved(tmp_path / "b.npz", SWAPPED[:5]))
    assert call.box_change is None
    assert "The features agree, and the boxes differ: compare what makes the boxes" in text


def test_other_features_are_the_first_difference(first: Path, tmp_path: Path) -> None:
    call, text = compared(first, saved(tmp_path / "b.npz", SWAPPED, features=FEATURES + 1))
    assert call.box_change is None
    assert "no box in common, and the features differ by up to 1. Record both with the" in text


def test_boxes_of_other_images_are_not_compared(tmp_path: Path) -> None:
    features = np.concatenate([FEATURES, FEATURES + 1])
    index = np.arange(8)[:, None] % 2
    one, other = (
        saved(tmp_path / f"{name}.npz", np.hstack([own, boxes]), features=features)
        for name, own, boxes in (("a", index, BOXES), ("b", 1 - index, SWAPPED))
    )
    assert compared(one, other)[0].box_change is None


def test_few_boxes_may_agree_by_chance(tmp_path: Path) -> None:
    boxes = BOXES.copy()
    boxes[2] = [50, 50, 120, 120]  # the same as y1, x1, y2, x2
    one = saved(tmp_path / "a.npz", boxes)
    call, _ = compared(one, saved(tmp_path / "b.npz", boxes[:, [1, 0, 3, 2]]))
    assert call.box_change == BoxChange("yxyx")
    assert len(call.pairs.rows) == 8
    assert call.stage("boxes").different == 7


def test_boxes_of_a_pyramid_are_compared_in_their_order_before_it(tmp_path: Path) -> None:
    one = record(tmp_path / "a")
    normalised = record(tmp_path / "b", boxes=PYRAMID_BOXES / [320, 256, 320, 256])
    call = differences(one, normalised)  # all boxes are on the first map
    assert call.stage("levels").different
    assert call.box_change is not None
    assert call.box_change.scale == (1 / 320, 1 / 256)
    assert call.first is call.stage("boxes")
    text = " ".join(str(compare_recordings(one, normalised)).split())
    assert "those of A divided by the width and height of the image (320 × 256)." in text
    swapped = record(tmp_path / "c", boxes=PYRAMID_BOXES[:, [1, 0, 3, 2]])
    assert differences(one, swapped).box_change == BoxChange("yxyx")
    moved = record(tmp_path / "d", boxes=PYRAMID_BOXES + 24)
    assert differences(one, moved).box_change == BoxChange(shift=(24, 24))


def test_json_has_the_change_and_documents_every_key(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = saved(tmp_path / "b.npz", SIZED / 4)
    assert main(["compare", str(first), str(other), "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    (call,) = record["calls"]
    assert call["box_change"] == {
        "box_format": "xywh", "scale": {"x": 0.25, "y": 0.25}, "shift": None
    }  # fmt: skip
    page = (DOCS / "json.md").read_text(encoding="utf-8")
    section = page.partition("\n### compare with two recordings\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", section))
    parts = [record, call, call["first"], *call["stages"], call["rows"], call["box_change"]]
    assert {key for part in parts for key in part} - documented == {"version"}
