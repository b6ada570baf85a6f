"""`roialign explain --pyramid`: the level of a box with its numbers, then the steps on its map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PYRAMID_RULES, roi_align_pyramid
from roialign_cli.cli.main import main
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.core.sampling import Plan
from tests.saved_page import page_answers, page_session

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(13)
MAPS = {
    f"P{level}": RANDOM.normal(size=(1, 2, 512 >> level, 640 >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
}
IMAGE = ["--image-size", "640x512"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the maps in an archive."""
    monkeypatch.chdir(tmp_path)
    np.savez("maps.npz", **MAPS)  # type: ignore[arg-type]


def explained(capfd: Capture, box: str, *options: str, rule: str = "torchvision") -> str:
    call = ["explain", "maps.npz", "--pyramid", rule, *IMAGE, "--box", box, "-q", *options]
    assert main(call) == 0, capfd.readouterr().err
    return " ".join(capfd.readouterr().out.split())


def test_the_level_with_its_numbers(capfd: Capture) -> None:
    text = explained(capfd, "10,20,150,160")
    assert "ROI Align of maps.npz:P3, step by step" in text
    assert "s = √(140 · 140) = 140 level = floor(4 + log2(s / 224) + 1e-6) = 3 (before " in text
    assert "(before rounding: 3.321929)" in text
    assert "3 ← this box 64 × 80 1/8 111.9999 ≤ s < 223.9998" in text
    # By hand: 224 · 2^(−1 − 1e-6) = 111.99992, and 224 · 2^(−1e-6) = 223.99984.
    assert "28.0001 pixels more than where level 3 begins and 83.9998 pixels less than" in text
    assert text.index("The level of the pyramid") < text.index("1. The box on the feature map")
    assert "sub-sampling ratio = 1 / 0.125 = 8" in text


@pytest.mark.parametrize(
    ("rule", "box", "shown"),
    [
        ("detectron", "0,0,223,223", "s = √((223 + 1) · (223 + 1)) = 224 level = floor(4 + log2"),
        ("torchvision", "0,0,20,20", "= 0, limited to 2 (before rounding: 0.5145741)"),
        ("tensorrt-pyramid", "0,0,224,224", "3 ← this box 64 × 80 1/8 112 < s ≤ 224"),
        ("tensorrt-pyramid", "0,0,224,224", "= 3 level cells"),
        ("openvino", "0,0,224,224", "floor(2 + log2(s / 224 + 1e-6)) = 2 (before rounding: 2.0"),
        ("matterport", "0,0,0.5,0.5", "round(ln(s / image / (224 / image)) / ln 2) + 4 = 4"),
    ],
)
def test_the_formula_of_the_rule(rule: str, box: str, shown: str, capfd: Capture) -> None:
    assert shown in explained(capfd, box, rule=rule)


def test_the_last_level_has_no_end(capfd: Capture) -> None:
    text = explained(capfd, "0,0,500,500")
    assert "5 ← this box 16 × 20 1/32 447.9997 ≤ s" in text
    assert "The size is 52.0003 pixels more than where level 5 begins." in text


def test_a_single_map(capfd: Capture) -> None:
    call = ["explain", "maps.npz:P3", "--pyramid", "torchvision", *IMAGE, "--box", "0,0,50,50"]
    assert main([*call, "-q"]) == 0
    assert "There is only one map, so all boxes are pooled from it." in capfd.readouterr().out


@pytest.mark.parametrize("rule", ["torchvision", "mmdet", "paddle", "openvino-gpu"])
def test_json_has_the_level_and_the_output(rule: str, capfd: Capture) -> None:
    boxes = [[0, 0, 60, 60], [5, 9, 205, 239.0]]
    call = ["explain", "maps.npz", "--pyramid", rule, *IMAGE, "--format", "json", "-q"]
    call += ["--box", "0,0,60,60", "--box", "5,9,205,239", "--roi", "1", "--channel", "1"]
    assert main([*call, "--output-size", "2"]) == 0
    record = json.loads(capfd.readouterr().out)
    level = record["pyramid"]
    assert level["name"] == rule
    assert level["rule"] == PYRAMID_RULES[rule].parameters()
    assert level["size"] == pytest.approx(np.sqrt(200 * 230))
    assert level["starts_at"] < level["size"] < level["ends_at"]
    assert record["box"]["spatial_scale"]["x"] == level["level_scales"][level["map_index"]]
    assert record["feature_map"]["height"] == 512 >> (2 + level["map_index"])
    preset = PYRAMID_RULES[rule].preset
    given: dict[str, Any] = {"pyramid": rule, "convention": preset, "image_size": (512, 640)}
    out = roi_align_pyramid([*MAPS.values()], boxes, 2, **given)
    np.testing.assert_allclose(record["output"], out[1, 1], atol=1e-6)


def test_markdown_and_files() -> None:
    call = ["explain", "maps.npz", "--pyramid", "torchvision", *IMAGE, "--box", "0,0,50,50", "-q"]
    assert main([*call, "-o", "out.md"]) == 0
    text = Path("out.md").read_text(encoding="utf-8")
    assert "## The level of the pyramid" in text
    assert "| 2 ← this box | 128 × 160 | 1/4 | s &lt; 111.9999 |" in text


def test_the_page_of_a_box_is_that_of_its_level() -> None:
    boxes = ["--box", "0,0,50,50", "--box", "5,9,205,239", "--box", "10,9,205,239"]
    call = ["explain", "maps.npz", "--pyramid", "torchvision", *IMAGE, *boxes, "--roi", "1", "-q"]
    assert main([*call, "--output-size", "2", "--sampling-ratio", "1", "-o", "out.html"]) == 0
    page = Path("out.html").read_text(encoding="utf-8")
    session, answers = page_session(page), page_answers(page)
    assert session["feature_map"]["height"] == 512 >> 3
    assert session["level"] == 3
    assert [box["index"] for box in session["boxes"]] == [1, 2]  # the boxes on level 3
    # All entries are on the map of the session.
    assert {entry["trace"]["feature_map"]["height"] for entry in answers["entries"]} == {512 >> 3}
    first = answers["entries"][0]
    assert first["trace"]["pyramid"]["level"] == 3
    assert first["trace"]["pyramid"]["size"] == pytest.approx(np.sqrt(200 * 230))
    assert "The level of the pyramid" in first["document"]
    given: dict[str, Any] = {"pyramid": "torchvision", "convention": "torchvision"}
    given |= {"image_size": (512, 640), "sampling_ratio": 1}
    out = roi_align_pyramid([*MAPS.values()], [[5, 9, 205, 239]], 2, **given)
    np.testing.assert_allclose(first["trace"]["output"], out[0, 0], atol=1e-6)


@pytest.mark.parametrize("columns", [80, 40])
def test_the_level_fits_a_narrow_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    call = ["explain", "maps.npz", "--pyramid", "od-api", *IMAGE, "--box", "0,0,0.5,0.5", "-q"]
    assert main(call) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > columns] == []


def test_a_warning_about_the_box(capfd: Capture) -> None:
    call = ["explain", "maps.npz", "--pyramid", "torchvision", *IMAGE, "--box", "600,480,700,580"]
    assert main(call) == 0
    assert capfd.readouterr().err.startswith("warning: ROI 0: ")


@pytest.mark.parametrize(
    ("rule", "box", "shown"),
    [
        ("torchvision", "50,20,50,90", "s = √(0 · 70) = 0 level = floor(4 + log2(s / 224) + 1e-6) "
         "= -inf, limited to 2"),
        ("mmdeploy", "50,20,20,90", "sends a box with a negative area to the first level, 0."),
        ("torchvision", "0,0,1e25,1e25", "= inf, limited to 5"),
    ],
)  # fmt: skip
def test_boxes_without_a_finite_level(rule: str, box: str, shown: str, capfd: Capture) -> None:
    one_point = "--sampling-ratio", "1"
    assert shown in explained(capfd, box, *one_point, rule=rule)
    record = json.loads(explained(capfd, box, *one_point, "--format", "json", rule=rule))
    assert record["pyramid"]["level_number"] is None


def test_only_the_map_of_the_box_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[int] = []
    plan = PyramidOperation.plan

    def noted(operation: PyramidOperation, level: int) -> Plan:
        planned.append(level)
        return plan(operation, level)

    monkeypatch.setattr(PyramidOperation, "plan", noted)
    call = ["explain", "maps.npz", "--pyramid", "torchvision", *IMAGE, "--box", "10,20,150,160"]
    assert main([*call, "-q"]) == 0
    assert planned == [1]
