"""A saved output that compare reads: in any order of its axes, and why it differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli import roi_align
from roialign_cli.cli.main import main
from tests.test_golden import GOLDEN

Capture = pytest.CaptureFixture[str]
Array = NDArray[Any]
MAPS = np.random.default_rng(2).normal(size=(2, 4, 12, 16)).astype(np.float32)
BOXES = np.array([[21, 34, 130, 101], [100, 20, 215, 166], [47, 51, 155, 90], [20, 60, 90, 140.0]])
INDEX = np.array([0, 0, 1, 1])
CALL: dict[str, Any] = {"spatial_scale": 1 / 16, "sampling_ratio": 2, "batch_index": INDEX}
OPTIONS = ["maps.npy", "--boxes", "boxes.npy", "--stride", "16", "--batch-index", "index.npy"]
OPTIONS += ["--sampling-ratio", "2", "-q"]
SIZE = 5, 7


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("maps.npy", MAPS)
    np.save("boxes.npy", BOXES)
    np.save("index.npy", INDEX)
    np.save("out.npy", roi_align(MAPS, BOXES, SIZE, convention="torchvision", **CALL))


def compare(preset: str, *words: str) -> int:
    return main(["compare", *OPTIONS, "--preset", preset, "--max-difference", "1e-5", *words])


LAYOUTS: dict[str, tuple[Callable[[Array], Array], list[str], str]] = {
    "channels last": (
        lambda out: out.transpose(0, 2, 3, 1), [], "the channels of the output are last",
    ),
    "swapped": (
        lambda out: out.transpose(0, 1, 3, 2), ["--output-size", "5x7"],
        "the height and width of the output are swapped",
    ),
    "vectors": (
        lambda out: out.reshape(4, -1), [],
        "the channels and 5 × 7 sections of a row are on one axis",
    ),
    "flat sections": (
        lambda out: out.reshape(4, 4, -1), [], "the 5 × 7 sections of the output are on one axis",
    ),
    "batch axis": (lambda out: out[None], [], "the output has a batch axis of length 1"),
    "rows per map": (
        lambda out: out.reshape(2, 2, 4, 5, 7), [], "the rows of the output are on two axes, 2 × 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_output_in_another_layout_is_rearranged(layout: str, capfd: Capture) -> None:
    arrange, size, words = LAYOUTS[layout]
    changed = np.load("out.npy")
    changed[2, 1, 4, 6] += 10
    np.save("equal.npy", arrange(np.load("out.npy")))
    np.save("other.npy", arrange(changed))
    assert compare("torchvision", *size, "--with", "equal.npy") == 0
    printed = " ".join(capfd.readouterr().out.split())
    assert f"equal.npy was rearranged: {words}." in printed
    call = [*size, "--no-search", "--with", "other.npy", "--format", "json"]
    assert compare("torchvision", *call) == 1
    record = json.loads(capfd.readouterr().out)
    assert record["rearranged"] == words
    assert record["shape"] == [4, 4, 5, 7]
    place = {"roi": 2, "channel": 1, "section": [7, 5]}
    assert place.items() <= record["worst"].items()
    assert record["largest"] == pytest.approx(10)
    assert record["differing_rois"] == [2]
    assert compare("torchvision", *size, "--no-search", "--with", "other.npy") == 1
    printed = " ".join(capfd.readouterr().out.split())
    assert (
        "1 of 4 boxes differs by more than 0.0001 of a channel's largest value: ROI 2." in printed
    )


def test_an_output_of_position_sensitive_channels_is_rearranged(capfd: Capture) -> None:
    maps = np.random.default_rng(2).normal(size=(1, 12, 12, 16)).astype(np.float32)
    np.save("sections.npy", maps)
    output = roi_align(maps, BOXES, (2, 3), convention="ps-roi-align", spatial_scale=1 / 16)
    np.save("last.npy", output.transpose(0, 2, 3, 1))
    call = ["compare", "sections.npy", "--boxes", "boxes.npy", "--preset", "ps-roi-align"]
    call += ["--stride", "16", "-q", "--max-difference", "0", "--with", "last.npy"]
    assert main([*call, "--output-size", "2x3"]) == 0
    assert "the channels of the output are last" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("shape", "size", "needed"),
    [
        ((4, 3, 5, 7), [], "(4, 4, height, width)"),
        ((3, 4, 5, 7), [], "(4, 4, height, width)"),
        ((4, 5, 7, 4), ["--output-size", "3"], "(4, 4, 3, 3)"),
        ((4, 2, 2), [], "(4, 4, height, width)"),
        ((0, 4, 5, 7), [], "(4, 4, height, width)"),
        ((), [], "(4, 4, height, width)"),
    ],
)
def test_an_output_of_another_shape_is_refused(
    shape: tuple[int, ...], size: list[str], needed: str, capfd: Capture
) -> None:
    np.save("other.npy", np.zeros(shape))
    assert compare("torchvision", *size, "--with", "other.npy") == 2
    # Only the number of rows is wrong.
    rows = ", or run `roialign identify`, which finds the boxes of the rows"
    other = rows if shape == (3, 4, 5, 7) else ""
    assert capfd.readouterr().err == (
        f"roialign: other.npy: has shape {shape}, which cannot be rearranged to the output of "
        f"these features and boxes; save the output in the shape {needed}{other}\n"
    )


def test_compare_says_why_an_output_differs(capfd: Capture) -> None:
    assert compare("torchvision-aligned", "--with", "out.npy") == 1
    lines = capfd.readouterr().out.splitlines()
    at = lines.index("Why")
    assert lines[at + 1 : at + 4] == [
        "The comparison uses offset 0.5; the output shows 0.0.",
        "Exact: torchvision, avg, sampling ratio 2",
        "  boxes as xyxy, origin top-left, spatial scale 1/16",
    ]
    assert any("--batch-index index.npy" in line for line in lines[at:])
    assert not any("Other matches" in line for line in lines)
    assert lines[-2].startswith("`roialign identify` lists ")
    assert compare("torchvision-aligned", "--with", "out.npy", "--format", "json") == 1
    why = json.loads(capfd.readouterr().out)["why"]
    assert why["matches"][0]["preset"] == "torchvision"
    assert "--preset torchvision " in why["matches"][0]["command"]


def test_the_cause_may_be_what_an_option_says_but_not_the_scale(capfd: Capture) -> None:
    boxes = BOXES[:, [1, 0, 3, 2]]
    output = roi_align(MAPS, boxes, SIZE, convention="torchvision", **CALL)
    np.save("yxyx.npy", output)
    call = ["--box-format", "xyxy", "--with", "yxyx.npy", "--format", "json"]
    assert compare("torchvision", *call) == 1
    best = json.loads(capfd.readouterr().out)["why"]["matches"][0]
    assert "x and y of the boxes are swapped" in best["deviations"]
    assert best["spatial_scale"] == {"x": 1 / 16, "y": 1 / 16}


def test_compare_does_not_search_without_a_need(capfd: Capture) -> None:
    assert compare("torchvision-aligned", "--with", "out.npy", "--no-search") == 1
    out = capfd.readouterr().out
    assert out.endswith("`roialign identify` finds the convention that produced an output.\n")
    assert "Why" not in out
    for preset, words in (
        ("torchvision-aligned", ["--no-search"]),
        ("torchvision", []),
    ):
        compare(preset, "--with", "out.npy", "--format", "json", *words)
        assert json.loads(capfd.readouterr().out)["why"] is None


def test_an_output_that_torchvision_made_is_explained(capfd: Capture) -> None:
    with np.load(GOLDEN / "torchvision_onnx_openvino.npz") as file:
        entry = next(e for e in json.loads(str(file["meta"])) if e["key"] == "y034")
        assert (entry["framework"], entry["aligned"]) == ("torchvision", False)
        np.savez(
            "rec.npz",
            features=file["features"],
            boxes=file["boxes"].astype(np.float64) / entry["spatial_scale"],
            batch_index=file["batch_index"],
            output=file["y034"].transpose(0, 2, 3, 1),
        )
    call = ["compare", "rec.npz", "--boxes", "rec.npz", "--batch-index", "rec.npz", "-q"]
    call += ["--spatial-scale", "1/4", "--with", "rec.npz", "--sampling-ratio", "3"]
    assert main([*call, "--preset", "torchvision-aligned", "--format", "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["rearranged"] == "the channels of the output are last"
    assert record["why"]["matches"][0]["preset"] == "torchvision"
    assert main([*call, "--preset", "torchvision", "--max-difference", "1e-5"]) == 0


def test_many_boxes_are_printed_as_ranges_and_listed_in_full_in_json(capfd: Capture) -> None:
    boxes = np.tile(BOXES, (40, 1))
    output = roi_align(MAPS, boxes, SIZE, convention="torchvision", spatial_scale=1 / 16)
    differing = [*range(131), 140, 142, 143]
    output[differing, 0, 0, 0] += 1
    np.save("many.npy", boxes)
    np.save("changed.npy", output)
    call = ["compare", "maps.npy", "--boxes", "many.npy", "--stride", "16", "--with", "changed.npy"]
    call += ["--preset", "torchvision", "-q", "--no-search"]
    assert main(call) == 0
    assert (
        "134 of 160 boxes differ by more than 0.0001 of a channel's largest value: ROI 0 to 130, "
        "140, 142, 143."
    ) in " ".join(capfd.readouterr().out.split())
    assert main([*call, "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["differing_rois"] == differing
