"""The map of each box: a file of indices, or a column of the boxes at the front or the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import identify, roi_align
from roialign_cli.cli.main import main
from tests.test_golden import GOLDEN

Capture = pytest.CaptureFixture[str]
MAPS = np.random.default_rng(4).normal(size=(3, 2, 12, 16)).astype(np.float32)
BOXES = np.array([[1.5, 2.5, 9, 8], [3, 1, 14.25, 10], [2, 2, 5, 11], [0.5, 4, 7.5, 9]])
INDEX = np.array([2, 0, 1, 2])
CALL: dict[str, Any] = {"convention": "torchvision-aligned", "sampling_ratio": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("maps.npy", MAPS)
    np.save("boxes.npy", BOXES)
    np.save("last.npy", np.column_stack([BOXES, INDEX]))
    each = [roi_align(MAPS[n], box, 3, **CALL)[0] for n, box in zip(INDEX, BOXES, strict=True)]
    np.save("out.npy", np.stack(each))
    np.save("index.npy", INDEX)
    np.save("column.npy", INDEX[:, None].astype(np.float32))
    np.savez("index.npz", batch=INDEX, other=INDEX * 0)
    Path("index.txt").write_text("2\n0\n1\n2\n", encoding="utf-8")
    Path("headed.csv").write_text("map\n2\n0\n1\n2\n", encoding="utf-8")
    table = "label,batch,x1\na,2,1.5\nb,0,3\nc,1,2\nd,2,.5\n"
    Path("table.csv").write_text(table, encoding="utf-8")


@pytest.mark.parametrize(
    "file",
    [
        "index.npy", "column.npy", "index.npz", "index.npz:batch", "index.txt", "headed.csv",
        "table.csv",
    ],
)  # fmt: skip
def test_a_file_has_the_map_of_each_box(file: str) -> None:
    call = ["maps.npy", "--boxes", "boxes.npy", "--preset", "torchvision-aligned"]
    call += ["--sampling-ratio", "2", "--batch-index", file, "-q"]
    assert main(["run", *call, "--output-size", "3", "-o", "again.npy"]) == 0
    np.testing.assert_array_equal(np.load("again.npy"), np.load("out.npy"))
    assert main(["compare", *call, "--with", "out.npy", "--max-difference", "0"]) == 0


def test_a_file_replaces_the_indices_of_the_boxes() -> None:
    np.save("first.npy", np.column_stack([INDEX * 0, BOXES]))
    call = ["run", "maps.npy", "--boxes", "first.npy", "--preset", "torchvision-aligned", "-q"]
    call += ["--sampling-ratio", "2", "--batch-index", "index.txt", "--output-size", "3"]
    assert main([*call, "-o", "again.npy"]) == 0
    np.testing.assert_array_equal(np.load("again.npy"), np.load("out.npy"))


IDENTIFY = ["identify", "maps.npy", "--spatial-scale", "1", "--pooling", "avg"]
IDENTIFY += ["--expected", "out.npy", "--boxes"]


def test_identify_prints_a_call_with_the_indices_of_a_file(capfd: Capture) -> None:
    assert main([*IDENTIFY, "boxes.npy", "--batch-index", "index.txt", "--format", "json"]) == 0
    best = json.loads(capfd.readouterr().out)["matches"][0]
    assert " --batch-index index.txt" in best["command"]
    names = {"features": MAPS, "boxes": BOXES, "batch_index": INDEX, "roi_align": roi_align}
    again = eval(best["call"], names)  # noqa: S307
    np.testing.assert_allclose(again, np.load("out.npy"), atol=1e-5)


def test_identify_reads_the_batch_index_in_the_last_column(capfd: Capture) -> None:
    assert main([*IDENTIFY, "last.npy"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("Exact: torchvision-aligned, avg, sampling ratio 2")
    at = lines.index("  ! the batch index of the boxes is in the last column")
    assert lines[at + 1] == "    Move the batch index to the first column:"
    assert lines[at + 2] == "    boxes = boxes[:, [4, 0, 1, 2, 3]]"
    assert main([*IDENTIFY, "last.npy", "--format", "json"]) == 0
    best = json.loads(capfd.readouterr().out)["matches"][0]
    assert best["batches"] == "last column"
    names = {"features": MAPS, "boxes": np.load("last.npy"), "roi_align": roi_align}
    again = eval(best["call"], names)  # noqa: S307
    np.testing.assert_allclose(again, np.load("out.npy"), atol=1e-5)


def test_a_batch_index_in_the_first_column_is_read_as_such() -> None:
    boxes = np.column_stack([INDEX, np.round(BOXES)])  # the last column is whole, too
    output = roi_align(MAPS, boxes, 3, **CALL)
    found = identify(MAPS, boxes, output, spatial_scale=1, pooling="avg")
    assert found.matches[0].hypothesis.batches == "given"


def test_the_output_of_torchvision_for_boxes_with_the_index_last() -> None:
    with np.load(GOLDEN / "torchvision_onnx_openvino.npz") as file:
        same = {"framework": "torchvision", "sampling_ratio": 2, "spatial_scale": 1.0}
        key = next(e["key"] for e in json.loads(str(file["meta"])) if same.items() <= e.items())
        boxes = np.column_stack([file["boxes"], file["batch_index"]])
        found = identify(file["features"], boxes, file[key], spatial_scale=1, pooling="avg")
    assert found.matches[0].hypothesis.batches == "last column"


@pytest.mark.parametrize("command", [["run"], ["explain"], ["compare", "--with", "mmcv"]])
def test_other_commands_say_where_the_index_belongs(command: list[str], capfd: Capture) -> None:
    assert main([*command, "maps.npy", "--boxes", "last.npy"]) == 2
    assert capfd.readouterr().err == (
        "roialign: --box/--boxes: the first of five numbers must be the batch index, a whole "
        "number; if the last number is the batch index, write it first: "
        "boxes[:, [4, 0, 1, 2, 3]]\n"
    )
