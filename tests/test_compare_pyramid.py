"""`roialign compare --pyramid`: two rules, two conventions, or a saved output on a pyramid."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import roi_align_pyramid
from roialign_cli.cli.main import main

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(31)
MAPS = {
    f"P{level}": RANDOM.normal(size=(1, 2, 512 >> level, 640 >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
}
SIDES = (111, 112, 158, 159, 223, 224, 447, 448)
BOXES = np.array([[1.0, 2, 1 + side, 2 + side] for side in SIDES])
CALL = ["compare", "maps.npz", "--pyramid", "torchvision", "--image-size", "640x512", "-q"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the maps in an archive, and with the boxes."""
    monkeypatch.chdir(tmp_path)
    np.savez("maps.npz", **MAPS)  # type: ignore[arg-type]
    np.save("boxes.npy", BOXES)


def compared(capfd: Capture, *options: str, boxes: str = "boxes.npy") -> dict[str, Any]:
    assert main([*CALL, "--boxes", boxes, *options, "--format", "json"]) == 0
    record: dict[str, Any] = json.loads(capfd.readouterr().out)
    return record


def output(rule: str, convention: str = "torchvision") -> Any:
    given: dict[str, Any] = {"pyramid": rule, "convention": convention, "image_size": (512, 640)}
    return roi_align_pyramid([*MAPS.values()], BOXES, 7, **given)


@pytest.mark.parametrize(
    ("rule", "sides"),
    [
        ("maskrcnn-benchmark", []),
        ("mmdet", []),
        ("openvino", []),
        # One pixel more on each side: 111, 223 and 447 count as 112, 224 and 448.
        ("detectron", [111, 223, 447]),
        ("paddle-pixel-offset", [111, 223, 447]),
        # The threshold itself is on the level below.
        ("tensorrt-pyramid", [112, 224, 448]),
        # Levels begin at 79.2, 158.4 and 316.8 px.
        ("openvino-gpu", [111, 159, 223, 447]),
        ("matterport", [111, 159, 223, 447]),
    ],
)
def test_the_boxes_that_change_level(rule: str, sides: list[int], capfd: Capture) -> None:
    record = compared(capfd, "--with-pyramid", rule)
    changes = record["level_changes"]
    assert [SIDES[change["roi"]] for change in changes] == sides
    assert [change["box"] for change in changes] == [
        BOXES[SIDES.index(side)].tolist() for side in sides
    ]
    assert {change["first"]["map_index"] - change["second"]["map_index"] for change in changes} <= {
        -1,
        1,
    }
    assert record["differing_rois"] == [change["roi"] for change in changes]
    expected = np.abs(output(rule) - output("torchvision")).max()
    assert record["largest"] == pytest.approx(expected, abs=1e-7)


def test_the_numbers_of_a_box_of_223_pixels(capfd: Capture) -> None:
    record = compared(capfd, "--with-pyramid", "detectron")
    change = next(one for one in record["level_changes"] if one["roi"] == SIDES.index(223))
    first, second = change["first"], change["second"]
    assert (first["level"], second["level"]) == (3, 4)
    assert (first["size"], second["size"]) == (223, 224)
    # By hand: 4 + log2(223 / 224) + 1e-6, and 4 + log2(224 / 224 + 1e-6).
    assert first["level_number"] == pytest.approx(3.993546, abs=1e-6)
    assert second["level_number"] == pytest.approx(4.0000014, abs=5e-7)
    # Torchvision's level 4 begins at 224 · 2^(−1e-6), Detectron's at 224 · (1 − 1e-6).
    assert first["distance"] == pytest.approx(0.999845, abs=1e-5)
    assert second["distance"] == pytest.approx(0.000224, abs=1e-5)


def test_the_table_fits_a_screen(capfd: Capture) -> None:
    np.save("many.npy", np.repeat(BOXES, 10, axis=0))
    call = [*CALL, "--boxes", "many.npy", "--with-pyramid", "openvino-gpu"]
    assert main(call) == 0
    printed = capfd.readouterr().out
    assert "Pyramid rule torchvision with openvino-gpu" in printed
    assert "40 of 80 boxes change level. The first map is level 2 of torchvision and" in printed
    assert "And 28 more; --format json lists all." in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert main([*CALL, "--boxes", "boxes.npy", "--with-pyramid", "mmdet"]) == 0
    assert "No box changes level (8 boxes)." in capfd.readouterr().out


def test_csv_has_both_levels(capfd: Capture) -> None:
    call = [*CALL, "--boxes", "boxes.npy", "--with-pyramid", "detectron", "--format", "csv"]
    assert main([*call, "--output-size", "1"]) == 0
    rows = [*csv.DictReader(io.StringIO(capfd.readouterr().out))][::2]
    assert [row["first_level"] for row in rows] == ["2", "3", "3", "3", "3", "4", "4", "5"]
    assert [row["second_level"] for row in rows] == ["3", "3", "3", "3", "4", "4", "5", "5"]


def test_two_conventions(capfd: Capture) -> None:
    record = compared(capfd, "--with", "torchvision-aligned,sampling_ratio=2")
    assert record["level_changes"] == []
    assert record["second"]["name"] == "torchvision-aligned (sampling_ratio=2)"
    given: dict[str, Any] = {"sampling_ratio": 2, "image_size": (512, 640)}
    other = roi_align_pyramid(
        [*MAPS.values()],
        BOXES,
        7,
        pyramid="torchvision",
        convention="torchvision-aligned",
        **given,
    )
    expected = np.abs(other - output("torchvision")).max()
    assert record["largest"] == pytest.approx(expected, abs=1e-7)


def test_another_rule_and_another_convention(capfd: Capture) -> None:
    options = ["--with", "torchvision-aligned", "--with-pyramid", "detectron"]
    record = compared(capfd, *options)
    expected = np.abs(output("detectron", "torchvision-aligned") - output("torchvision")).max()
    assert record["largest"] == pytest.approx(expected, abs=1e-7)
    assert record["second"]["pyramid"]["name"] == "detectron"
    assert main([*CALL, "--boxes", "boxes.npy", *options]) == 0
    title = "Pyramid rule torchvision and torchvision with detectron and torchvision-aligned"
    assert title in capfd.readouterr().out


def test_a_saved_output(capfd: Capture) -> None:
    np.save("out.npy", output("detectron").reshape(8, -1))
    call = [*CALL, "--boxes", "boxes.npy", "--with", "out.npy", "--no-search"]
    assert main([*call, "--max-difference", "1e-3"]) == 1
    captured = capfd.readouterr()
    assert "3 of 8 boxes differ by more than 0.0001 of a channel's largest value" in captured.out
    assert "out.npy was rearranged" in captured.out
    assert captured.err == "the outputs differ by more than 0.001\n"
    np.save("out.npy", output("torchvision"))
    assert main([*call, "--max-difference", "1e-6"]) == 0


@pytest.mark.parametrize(
    ("second", "title"),
    [
        (["--with-pyramid", "detectron"], "Two pyramid rules on the same box"),
        pytest.param(
            ["--with", "mmcv"], "Two conventions on the same box", marks=pytest.mark.thorough
        ),
        (["--with", "out.npy"], "A convention and a saved output of the same box"),
    ],
)
def test_the_box_that_differs_most_is_drawn(second: list[str], title: str) -> None:
    np.save("out.npy", output("detectron"))
    call = [*CALL, "--boxes", "boxes.npy", *second, "--no-search", "--plot", "out.svg"]
    assert main(call) == 0
    drawn = Path("out.svg").read_text(encoding="utf-8")
    assert title in drawn
    of_rules = "detectron" in second
    assert ("detectron, level " in drawn) is of_rules
    assert ("torchvision, level " in drawn) is of_rules


def test_a_negative_area_has_no_size(capfd: Capture) -> None:
    call = [*CALL, "--box", "50,50,20,80", "--box", "9,9,60,60", "--with-pyramid", "mmdeploy"]
    assert main(call) == 0
    printed = capfd.readouterr().out
    assert "nan" not in printed
    row = next(line for line in printed.splitlines() if line.startswith("  0 "))
    assert row.split() == ["0", "–", "–", "none", "0", "–"]
