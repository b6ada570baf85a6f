"""Every pitfall is found where it occurs, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import Convention, roi_align
from roialign_cli.analysis.outside import outside_share
from roialign_cli.analysis.pitfalls import Note, find_notes
from roialign_cli.analysis.trace import trace_operation
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.core.operation import make_operation
from roialign_cli.files.features import read_features
from tests.oracle import Call

SCALED: dict[str, Any] = {"spatial_scale": 1 / 16}
ALIGNED = SCALED | {"convention": "torchvision-aligned"}
FINE = [10.0, 20.0, 90.0, 100.0]


def notes(boxes: Any, only: int | None = None, **call: Any) -> dict[str, Note]:
    """Return the notes on boxes on a map of 10 × 12 cells of 16 pixels, by pitfall."""
    call = ALIGNED | call
    operation = make_operation(np.zeros((2, 1, 10, 12)), boxes, call.pop("output_size", 3), **call)
    return {note.pitfall: note for note in find_notes(operation, operation.plan(), only)}


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"sampling_ratio": 2},
        {"convention": "torchvision"},
        {"convention": "walkthrough", "box_format": "xyxy", "origin": "top-left"},
        {"convention": "roi-pool"},
        {"convention": "tensorflow", "box_format": "xyxy", "normalized": False},
    ],
)
def test_a_box_inside_the_map_has_no_pitfall(call: dict[str, Any]) -> None:
    assert notes([FINE], **call) == {}


def test_points_outside_are_reported_with_their_share() -> None:
    # 12 points along x from −5 + 5/12 on, 10/12 apart: 5 of them lie before −1, of one box of two.
    found = notes([FINE, [-72, 16, 88, 64]])["outside"]
    assert found.rois == (1,)
    assert found.text.startswith("ROI 1: 20.8 % of the sample points lie more than 1 cell beyond ")
    assert "have the value 0" in found.text
    assert notes([[-8, 16, 88, 64]]) == {}


@pytest.mark.parametrize(
    ("box", "edges"),
    [
        ([-72, 16, 88, 64], "left edge"),
        ([16, 16, 272, 64], "right edge"),
        ([16, -72, 64, 64], "top edge"),
        ([-72, 16, 88, 272], "left and bottom edges"),
        ([-99, -99, 299, 299], "left, right, top and bottom edges"),
    ],
)
def test_points_outside_are_reported_with_the_edges(box: list[float], edges: str) -> None:
    words = f"beyond the outermost cell centres at the {edges} and have the value 0"
    assert words in notes([FINE, box])["outside"].text
    # The same box with y measured from the bottom of the image of 160 pixels.
    up = [box[0], 160 - box[3], box[2], 160 - box[1]]
    assert words in notes([up], origin="bottom-left")["outside"].text


@pytest.mark.parametrize(
    ("call", "box"),
    [
        ({"spatial_scale": 1}, [-4.0, 2, 8.5, 9]),
        ({"spatial_scale": 1, "sampling_ratio": 16}, [-20.0, -7, 18.5, 14]),
        ({"convention": "torchvision", "spatial_scale": 1, "sampling_ratio": 16}, [3, 4, 33, 19]),
        ({"convention": "torchvision", "spatial_scale": 1, "sampling_ratio": 16}, [50, 4, 60, 9]),
    ],
)
def test_the_share_outside_is_that_of_the_points(call: dict[str, Any], box: list[float]) -> None:
    call = ALIGNED | {"sampling_ratio": 25} | call
    operation = make_operation(np.zeros((10, 12)), [box], 2, **call)
    points = [p for s in trace_operation(operation).sections for p in s.points]
    share = sum(p.border == "out" for p in points) / len(points)
    assert outside_share(operation.plan())[0] == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("boxes", "call", "advice"),
    [
        ([[110, 90, 170, 130]], {"box_format": "xywh"}, "reading the boxes as xyxy"),
        ([[8, 150, 60, 185]], {}, "swapping x and y (--box-format yxyx)"),
        ([[160, 40, 300, 310]], {"spatial_scale": 1}, "dividing by 32 (--spatial-scale 1/32)"),
        ([[16, 4, 30, 31]], {"spatial_scale": 1}, "dividing by 4 (--spatial-scale 1/4)"),
    ],
)
def test_the_reading_that_would_put_the_boxes_inside_is_named(
    boxes: Any, call: dict[str, Any], advice: str
) -> None:
    text = notes(boxes, **call)["outside"].text
    assert f"; {advice}" in text
    assert text.endswith("would place all points inside the map")


def test_no_other_reading_is_named_where_none_would_do() -> None:
    assert "would place" not in notes([[3000, 40, 4000, 310]])["outside"].text


def test_a_box_that_grows_is_reported() -> None:
    found = notes([FINE, [20, 20, 30, 90], [50, 50, 20, 20]], convention="torchvision")["grown"]
    assert found.rois == (1, 2)
    assert found.text.startswith("ROIs 1, 2: smaller than 1 × 1 cells, or inverted")
    assert "grown" not in notes([[20, 20, 30, 90]])


@pytest.mark.parametrize(
    ("call", "made"),
    [
        ({}, "without sample points, the average is 0"),
        ({"convention": "paddle"}, "without sample points, the average is not a number"),
        ({"convention": "mmcv", "pooling": "max"}, "without sample points, the maximum is -10000"),
        ({"sampling_ratio": 2}, "all sample points of a section lie on a line"),
    ],
)
def test_an_empty_box_and_what_becomes_of_it_are_reported(call: dict[str, Any], made: str) -> None:
    found = notes([FINE, [30, 40, 30, 80]], **call)
    assert found["empty"].rois == (1,)
    assert made in found["empty"].text
    assert "inverted" not in found
    assert "empty" not in notes([[30, 40, 30, 80]], convention="torchvision")


def test_what_becomes_of_a_box_inverted_along_both_axes_is_reported() -> None:
    text = notes([[90, 80, 30, 20]], convention="paddle")["inverted"].text
    assert "not a number, or 0 if the sections are inverted by at least a cell" in text
    output = roi_align(np.ones((10, 12)), [[90, 80, 30, 20]], 2, convention="paddle", **SCALED)
    assert (output == 0).all()


def test_an_inverted_box_is_reported() -> None:
    found = notes([[90, 20, 30, 80], FINE], sampling_ratio=1)
    assert found["inverted"].rois == (0,)
    assert "the sample points run backwards" in found["inverted"].text
    assert "empty" not in found


def test_an_adaptive_grid_at_the_edge_of_a_ceil_is_reported() -> None:
    # The section of this box is 2 in float32 and a little more in float64.
    edge = {"spatial_scale": 1, "output_size": 7}
    box = [19.7, 2, 33.7, 9]
    found = notes([box], **edge)["ceil"]
    assert found.rois == (0,)
    assert "ceil" not in notes([box], sampling_ratio=2, **edge)
    assert "ceil" not in notes([[19, 2, 33, 9]], **edge)  # exactly two, in any precision
    assert "ceil" not in notes([[19.7, 2, 33.9, 9]], **edge)


def test_boxes_that_may_be_normalised_are_reported() -> None:
    boxes = [[0.1, 0.2, 0.5, 0.9], [0, 0, 1, 1]]
    found = notes(boxes, spatial_scale=1)["normalized"]
    assert found.rois == (0, 1)
    assert "--normalized reads coordinates as fractions of the map" in found.text
    assert "normalized" not in notes([*boxes, [0, 0, 2, 1]], spatial_scale=1)
    assert "normalized" not in notes(boxes, spatial_scale=None, normalized=True)


def test_an_enormous_grid_is_reported() -> None:
    box = [0, 0, 200_000, 160_000]
    found = notes([FINE, box])["many-points"]
    assert found.rois == (1,)
    assert "up to 1.25e+04 × 1e+04 sample points" in found.text
    assert "many-points" not in notes([box], sampling_ratio=2)


def test_a_grid_that_was_asked_for_is_not_called_adaptive() -> None:
    note = notes([10.0, 20.0, 90.0, 100.0], sampling_ratio=4000)["many-points"]
    assert "a grid of up to 1.2e+04 × 1.2e+04 sample points" in note.text
    assert "adaptive" not in note.text


def test_hints_measure_y_from_the_images_height() -> None:
    # 20 pixels down a 120-pixel image that ends above its map of 160 pixels.
    call: dict[str, Any] = {"convention": "walkthrough", "image_height": 120.0}
    operation = make_operation(np.zeros((10, 12)), [30, 100, 40, 40], 3, **(SCALED | call))
    again = replace(operation, spatial_scale=(1 / 8, 1 / 8)).with_corners()
    assert again.boxes_xyxy.tolist() == operation.boxes_xyxy.tolist() == [[30, 20, 70, 60]]


def test_only_the_asked_box_is_reported() -> None:
    boxes = [FINE, [30, 40, 30, 80], [90, 20, 30, 80]]
    assert set(notes(boxes)) == {"empty", "inverted"}
    assert set(notes(boxes, only=2)) == {"inverted"}
    assert notes(boxes, only=0) == {}


def test_many_boxes_are_not_all_listed() -> None:
    text = notes([[30, 40, 30, 80]] * 12)["empty"].text
    assert text.startswith("ROIs 0, 1, 2, 3, 4, 5, 6, 7 and 4 more: no area")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.arange(120.0).reshape(10, 12))
    return tmp_path


CALL = ["map.npy", "--box", "30,40,30,80", "--preset", "torchvision-aligned", "--stride", "16"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "command", [["run"], ["explain"], ["compare", "--with", "onnx-half-pixel"]]
)
def test_every_command_says_notes_and_can_be_quiet_or_strict(
    command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    line = "ROI 0: no area; without sample points, the average is 0; check the box format\n"
    assert main([*command, *CALL]) == 0
    assert capfd.readouterr().err == f"warning: {line}"
    assert main([*command, *CALL, "--quiet"]) == 0
    assert capfd.readouterr().err == ""
    assert main([*command, *CALL, "--strict"]) == 2
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", f"roialign: {line}")
    assert main([*command, *CALL, "--format", "json", "--quiet"]) == 0
    (note,) = json.loads(capfd.readouterr().out)["notes"]
    assert (note["trap"], note["rois"], note["text"] + "\n") == ("empty", [0], line)


@pytest.mark.usefixtures("folder")
def test_compare_warns_about_the_second_side(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *CALL, "--with", "torchvision"]) == 0
    _, second = capfd.readouterr().err.splitlines()
    assert second.startswith("warning: torchvision: ROI 0: smaller than 1 × 1 cells")


@pytest.mark.usefixtures("folder")
def test_a_batch_index_out_of_range_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "map.npy", "--box", "3,1,2,4,5"]) == 2
    assert "--box/--boxes: batch index 3 is out of range: there is 1 map" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("box", "call", "advice"),
    [
        # Written as x, y, width, height.
        ([100, 20, 60, 80], {}, "reading the boxes as xywh (--box-format xywh)"),
        ([100, 20, 60, 80], {"convention": "torchvision"}, "reading the boxes as xywh"),
        ([100, 20, 60, 80], {"convention": "roi-pool"}, "reading the boxes as xywh"),
        ([400, 20, 600, 80], {"convention": "roi-pool"}, ""),
        # In cells, read as pixels: 8 × 5 cells become 0.5 × 0.3.
        (
            [2, 3, 10, 8],
            {"convention": "torchvision"},
            "reading the boxes in cells (--spatial-scale 1)",
        ),
        ([2, 3, 10, 8], {}, None),
    ],
)
def test_a_box_that_is_misread_is_reported_with_the_reading_that_fits(
    box: list[float], call: dict[str, Any], advice: str | None
) -> None:
    texts = [note.text for note in notes([box], **call).values()]
    assert len(texts) == (advice is not None)
    if advice:
        assert f"; {advice}" in texts[0]
        assert texts[0].endswith("would place all points inside the map")


def test_roi_pool_tells_which_boxes_grow_or_leave_the_map() -> None:
    inverted, empty = [90.0, 20.0, 60.0, 80.0], [60.0, 20.0, 60.0, 80.0]
    for boxes, state in (
        ([FINE, inverted], "ROI 1: inverted and enlarged to one cell"),
        ([FINE, empty], "ROI 1: no width or height and enlarged to one cell"),
        (
            [empty, FINE, inverted],
            "ROIs 0, 2: no width or height, or inverted, and enlarged to one",
        ),
    ):
        found = notes(boxes, convention="roi-pool")
        assert set(found) == {"grown"}
        assert found["grown"].text.startswith(state)
    # Boxes smaller than a cell are rounded, not enlarged to a minimum size.
    assert notes([[20, 20, 25, 25]], convention="roi-pool") == {}
    # Cells 20 to 30 of 12: nothing is inside. Then cells 6 to 16, up to 12 with a cell of margin.
    outside = notes([[320, 20, 480, 80]], convention="roi-pool")["outside"]
    assert "100 % of the ROI area lies outside the map" in outside.text
    outside = notes([[96, 20, 256, 80]], convention="roi-pool")["outside"]
    assert f"{100 * 4 / 11:.3g} % of the ROI area" in outside.text
    # A box up to the image's edge, 192 = 12 · 16, is rounded to the cell after the last.
    assert notes([[96, 20, 192, 80]], convention="roi-pool") == {}


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)
    monkeypatch.chdir(tmp_path)
    return [str(sample_data() / "astronaut.png"), "--box", "170,70,272,190"]


def test_images_are_pooled_as_mask_rcnn_code_does(
    photo: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *photo, "--stride", "32", "-o", "out.npy"]) == 0
    line = capfd.readouterr().err.splitlines()[0]
    assert "convention torchvision-aligned (default for images)" in line
    assert "7 × 7 sections (from the preset)" in line
    assert "boxes read as xyxy, origin top-left (from the preset)" in line
    # The defaults of a Convention are torchvision's with aligned=True.
    box, scale = (170.0, 70.0, 272.0, 190.0), (1 / 32, 1 / 32)
    channels = read_features(photo[0], stride=32).array[0]
    expected = [Call(cells, box, (7, 7), Convention(), scale).output() for cells in channels]
    np.testing.assert_allclose(np.load("out.npy"), [expected], rtol=1e-5)
    assert main(["plot", *photo, "--stride", "32", "-o", "out.png"]) == 0
    assert capfd.readouterr().err.startswith(line)


def test_an_image_without_a_stride_has_a_cell_per_pixel(
    photo: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *photo]) == 0
    assert (
        "one cell per pixel (--stride 32 averages 32 × 32 pixels to a cell)"
        in capfd.readouterr().out
    )


def test_options_and_the_environment_replace_the_defaults(
    photo: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--preset", "mmcv", "--output-size", "2", "--box-format", "xyxy"]
    assert main(["run", *photo, *options, "--origin", "top-left", "--stride", "32"]) == 0
    line = capfd.readouterr().out.splitlines()[0]
    assert "convention mmcv, avg, 2 × 2 sections; boxes read as xyxy, origin top-left" in line
    monkeypatch.setenv("ROIALIGN_PRESET", "paddle")
    assert main(["run", *photo, "--stride", "32"]) == 0
    assert "convention paddle, avg" in capfd.readouterr().out


@pytest.mark.usefixtures("folder")
def test_an_output_is_compared_only_with_a_named_convention(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("out.npy", np.zeros((1, 1, 2, 2)))
    call = ["compare", "map.npy", "--box", "1,2,4,5", "--with", "out.npy", "--quiet"]
    assert main(call) == 2
    assert capfd.readouterr().err == (
        "roialign: --preset: no preset to compare the output with; choose one, or use "
        "`roialign identify`\n"
    )
    monkeypatch.setenv("ROIALIGN_PRESET", "torchvision")
    assert main(call) == 0
