"""`roialign run --pyramid`: several maps, or an .npz of them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PYRAMID_RULES, roi_align_pyramid
from roialign_cli.cli.main import main
from roialign_cli.core.pyramid import NO_LEVEL

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(12)
SIZE = (256, 320)  # of the image, height and width
MAPS = {
    f"P{level}": RANDOM.normal(size=(2, 3, SIZE[0] >> level, SIZE[1] >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
}
# Levels 2, 3, 4, none and 4 by torchvision's rule.
BOXES = np.array(
    [
        [0.0, 5, 9, 60, 70],
        [1, 10, 20, 150, 160],
        [1, 0, 0, 250, 250],
        [0, 60, 9, 5, 70],
        [0, 20, 9, 319, 251],
    ]
)
INDEX = [0, 1, 2, NO_LEVEL, 2]
FILES = ["P2.npy", "P3.npy", "P4.npy", "P5.npy"]
CALL = ["--pyramid", "torchvision", "--image-size", "320x256", "--boxes", "boxes.npy", "-q"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the maps in a file each, and with the maps and the boxes in an archive."""
    monkeypatch.chdir(tmp_path)
    for name, array in MAPS.items():
        np.save(name, array)
    np.save("boxes.npy", BOXES)
    np.savez("pyramid.npz", **MAPS, boxes=BOXES)  # type: ignore[arg-type]
    return tmp_path


def expected(size: int = 7, **options: Any) -> Any:
    given: dict[str, Any] = {"pyramid": "torchvision", "convention": "torchvision", **options}
    return roi_align_pyramid([*MAPS.values()], BOXES, size, image_size=SIZE, **given)


@pytest.mark.parametrize(
    "features", [FILES, ["pyramid.npz"], [f"pyramid.npz:{name}" for name in MAPS]]
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_the_outputs_are_those_of_python(features: list[str], suffix: str) -> None:
    assert main(["run", *features, *CALL, "-o", f"out.{suffix}"]) == 0
    if suffix == "npy":
        np.testing.assert_array_equal(np.load("out.npy"), expected())
        return
    with np.load("out.npz") as file:
        np.testing.assert_array_equal(file["output"], expected())
        assert file["map_index"].tolist() == INDEX
        parameters = json.loads(str(file["parameters"]))
    assert parameters["pyramid"]["name"] == "torchvision"
    assert parameters["level_scales"] == [{"x": 1 / s, "y": 1 / s} for s in (4, 8, 16, 32)]


def test_the_preset_is_that_of_the_rule(capfd: Capture) -> None:
    call = [*CALL, "--output-size", "2", "--box-format", "xyxy"]
    call[1] = "model-garden"
    assert main(["run", "pyramid.npz", *call, "-o", "out.npy"]) == 0
    assert "convention model-garden (default for --pyramid model-garden; box_format=xyxy)" in (
        capfd.readouterr().err
    )
    options = {"pyramid": "model-garden", "convention": "model-garden", "box_format": "xyxy"}
    np.testing.assert_array_equal(np.load("out.npy"), expected(2, **options))
    assert main(["run", *FILES, *call, "--preset", "mmcv", "-o", "out.npy", "--force"]) == 2
    assert "box 3 is inverted, which mmcv rejects" in capfd.readouterr().err


def test_one_channel_and_a_changed_rule() -> None:
    call = ["run", *FILES, *CALL, "--channel", "1", "--sampling-ratio", "3", "-o", "out.npy"]
    assert main(call) == 0
    np.testing.assert_array_equal(np.load("out.npy"), expected(sampling_ratio=3)[:, 1:2])


def test_level_scales_replace_the_inferred_ones() -> None:
    call = [*CALL, "--level-scales", "1/8,1/16,0.03125,1/64", "-o", "out.npy"]
    del call[2:4]
    assert main(["run", *FILES, *call]) == 0
    scales = [1 / 8, 1 / 16, 1 / 32, 1 / 64]
    given: dict[str, Any] = {"pyramid": "torchvision", "convention": "torchvision"}
    out = roi_align_pyramid([*MAPS.values()], BOXES, 7, level_scales=scales, **given)
    np.testing.assert_array_equal(np.load("out.npy"), out)


def test_the_table_has_the_level_of_each_box(capfd: Capture) -> None:
    assert main(["run", "pyramid.npz", *CALL, "--channel", "0"]) == 0
    first, *lines = capfd.readouterr().out.splitlines()
    assert first.startswith(
        "pyramid.npz:P2, pyramid.npz:P3, pyramid.npz:P4, pyramid.npz:P5: 4 maps of 2 × 3 × "
        "64 × 80, 32 × 40, 16 × 20, 8 × 10 float32; pyramid rule torchvision, scales 1/4, 1/8, "
        "1/16, 1/32; convention torchvision (default for --pyramid torchvision), avg, 7 × 7 "
    )
    rows = [line.split() for line in lines if line[1:2].isdigit()]
    assert [row[2] for row in rows] == ["2", "3", "4", "–", "4"]
    assert "nan" not in "".join(lines)
    box = ["--box", "0,0,250,250", "--box", "60,9,5,70"]
    call = [*CALL[:4], *box, "-q", "--channel", "0", "--output-size", "1"]
    assert main(["run", "pyramid.npz", *call]) == 0
    printed = capfd.readouterr().out
    assert "ROI 0, level 4: top-left (0.5, 0.5), 15.625 × 15.625 cells" in printed
    assert "ROI 1: on no map" in printed


def test_csv_and_json_have_the_level_of_each_box(capfd: Capture) -> None:
    call = ["run", *FILES, *CALL, "--output-size", "1", "--format"]
    assert main([*call, "csv"]) == 0
    rows = [*csv.DictReader(io.StringIO(capfd.readouterr().out))]
    assert [row["level"] for row in rows[::3]] == ["2", "3", "4", "", "4"]
    assert [row["batch"] for row in rows[::3]] == ["0", "1", "1", "0", "0"]
    assert main([*call, "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert [roi["level"] for roi in record["rois"]] == [2, 3, 4, None, 4]
    assert [roi["map_index"] for roi in record["rois"]] == [0, 1, 2, None, 2]
    assert record["rois"][1]["level_number"] == pytest.approx(4 + np.log2(140 / 224), abs=2e-6)
    assert record["rois"][1]["x"] == 10 / 8 + 0.5
    assert record["rois"][3]["x"] is None
    assert record["feature_maps"][3] == {"height": 8, "width": 10}
    assert record["channels"] == [0, 1, 2]
    assert record["pyramid"]["rule"] == PYRAMID_RULES["torchvision"].parameters()


def test_levels_are_numbered_as_by_the_rule(capfd: Capture) -> None:
    call = [*CALL, "--output-size", "1", "--format", "json"]
    call[1] = "openvino"
    assert main(["run", *FILES, *call]) == 0
    assert [roi["level"] for roi in json.loads(capfd.readouterr().out)["rois"]] == [
        0,
        1,
        2,
        None,
        2,
    ]


def test_warnings_name_the_boxes_of_each_map(capfd: Capture) -> None:
    call = [*CALL[:4], "--box", "300,200,380,280", "--box", "0,0,250,250", "--box", "60,9,5,70"]
    assert main(["run", *FILES, *call]) == 0
    warnings = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warn")]
    assert any(": ROI 0: " in line and "beyond the outermost cell" in line for line in warnings)
    assert "warning: ROI 2: on no map, by the rule torchvision; the outputs are 0" in warnings
    assert not any("ROI 1" in line or "--spatial-scale" in line for line in warnings)
    assert main(["run", *FILES, *call, "--strict"]) == 2


def test_boxes_that_are_fractions_of_the_image() -> None:
    fractions = BOXES.copy()
    fractions[:, 1:] /= [320, 256, 320, 256]
    np.save("boxes.npy", fractions)
    assert main(["run", *FILES, *CALL, "--normalized", "-o", "out.npy"]) == 0
    np.testing.assert_allclose(np.load("out.npy"), expected(), atol=1e-5)


def test_a_single_map_is_a_pyramid_too() -> None:
    assert main(["run", "P3.npy", *CALL, "-o", "out.npy"]) == 0
    given: dict[str, Any] = {"pyramid": "torchvision", "convention": "torchvision"}
    out = roi_align_pyramid([MAPS["P3"]], BOXES, 7, image_size=SIZE, **given)
    np.testing.assert_array_equal(np.load("out.npy"), out)


def test_a_map_that_is_read_is_not_overwritten(capfd: Capture) -> None:
    assert main(["run", *FILES, *CALL, "-o", "P4.npy", "--force"]) == 2
    assert "P4.npy: is an input of the command" in capfd.readouterr().err


def test_arrays_that_are_no_maps_are_left_out_of_an_archive(capfd: Capture) -> None:
    np.savez("mixed.npz", boxes=BOXES, **MAPS, words=np.array(["a"]), levels=np.arange(3))  # type: ignore[arg-type]
    assert main(["run", "mixed.npz", *CALL, "-o", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), expected())
    np.savez("boxes.npz", boxes=BOXES)
    assert main(["run", "boxes.npz", *CALL]) == 2
    assert "boxes.npz: contains no maps, which are arrays with three or" in capfd.readouterr().err
