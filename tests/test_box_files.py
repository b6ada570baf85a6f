"""Boxes as other people's tools write them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.cli.main import main
from roialign_cli.errors import FileError
from roialign_cli.files.box_file import BoxFile
from roialign_cli.files.boxes import read_boxes
from tests.bad_files import COCO

NUMBERS: list[list[float]] = [[9.25, 10, 6.25, 4.5], [1, 2, 3, 4]]


def read(tmp_path: Path, content: str | bytes, **options: Any) -> BoxFile:
    path = tmp_path / "boxes"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_boxes(str(path), **options)


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "box_format"),
    [
        ("9.25,10,6.25,4.5\n1,2,3,4\n", None),
        ("9.25\t10\t6.25\t4.5\r\n1\t2\t3\t4", None),
        ("9.25;10;6.25;4.5\n1;2;3;4", None),
        ("  9.25 10   6.25 4.5\n\n1 2 3 4\n", None),
        ("\ufeffx,y,w,h\n9.25,10,6.25,4.5\n1,2,3,4\n", "xywh"),
        ("h,label,w,y,x\n4.5,a,6.25,10,9.25\n4,b,3,2,1\n", "xywh"),
        ("X1, Y1, X2, Y2\n9.25, 10, 6.25, 4.5\n1, 2, 3, 4\n", "xyxy"),
        ("ymin xmin ymax xmax\n10 9.25 4.5 6.25\n2 1 4 3\n", "xyxy"),
        ("x_center,y_center,width,height\n9.25,10,6.25,4.5\n1,2,3,4\n", "cxcywh"),
        ("left,top,width,height\n9.25,10,6.25,4.5\n1,2,3,4\n", "xywh"),
        (json.dumps(NUMBERS), None),
        (json.dumps({"boxes": NUMBERS}), None),
        (json.dumps([{"bbox": box} for box in NUMBERS]), "xywh"),
        (json.dumps([{"box": box} for box in NUMBERS]), None),
        (json.dumps([{"x1": a, "y1": b, "x2": c, "y2": d} for a, b, c, d in NUMBERS]), "xyxy"),
        (saved(np.array(NUMBERS)), None),
        (saved(np.array(NUMBERS, ">f4", order="F")), None),
    ],
)
def test_the_numbers_and_what_they_are(
    content: str | bytes, box_format: str | None, tmp_path: Path
) -> None:
    boxes = read(tmp_path, content)
    assert boxes.boxes.tolist() == NUMBERS
    assert boxes.box_format == box_format
    assert boxes.normalized is None


def test_labels_scores_and_maps(tmp_path: Path) -> None:
    content = 'batch,label,score,x1,y1,x2,y2\n1,"a, b",0.5,1,2,3,4\n0,,,5,6,7,8\n'
    boxes = read(tmp_path, content)
    assert boxes.boxes.tolist() == [[1, 1, 2, 3, 4], [0, 5, 6, 7, 8]]
    assert boxes.labels == ("a, b", "")
    np.testing.assert_array_equal(boxes.scores, [0.5, np.nan])


def test_yolo(tmp_path: Path) -> None:
    boxes = read(tmp_path, "0 0.5 0.4 0.2 0.1 0.9\n17 0.1 0.2 0.3 0.4 0.8\n")
    assert boxes.boxes.tolist() == [[0.5, 0.4, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]
    assert boxes.labels == ("class 0", "class 17")
    assert boxes.scores == (0.9, 0.8)
    assert (boxes.box_format, boxes.normalized) == ("cxcywh", True)
    # Fractions may miss 1 by a rounding error.
    boxes = read(tmp_path, "3 0.5 0.5 1.0000001 -1e-9\n")
    assert boxes.boxes.tolist() == [[0.5, 0.5, 1.0000001, -1e-9]]
    assert (boxes.labels, boxes.normalized) == (("class 3",), True)
    # Five numbers of which some are above 1 have their map first.
    assert read(tmp_path, "0 1.5 2 3 4\n").boxes.tolist() == [[0, 1.5, 2, 3, 4]]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1 0.5 0.5 0.2 1.02", "line 2, number 5: 1.02 is outside 0 to 1"),
        ("1 -0.01 0.5 0.2 0.3 0.9", "line 2, number 2: -0.01 is outside 0 to 1"),
        ("1 0.5 0.5 0.2 0.3 1.05", "line 2, number 6: 1.05 is outside 0 to 1"),
    ],
)
def test_a_yolo_file_with_a_mistake_is_not_read_as_another_format(
    line: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(FileError, match=problem):
        read(tmp_path, f"0 0.5 0.5 0.2 0.3\n{line}\n0 0.1 0.1 0.1 0.1\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "content",
    [
        "9.25,10,6.25,4.5\n1,2,3,4\n",
        "x y w h\n9.25 10 6.25 4.5\n1 2 3 4\n",
        "label,x,y,w,h\na,9.25,10,6.25,4.5\nb,1,2,3,4\n",
        json.dumps(NUMBERS, indent=1),
    ],
)
def test_the_files_of_any_editor_are_read(
    content: str, mark: str, newline: str, tmp_path: Path
) -> None:
    boxes = read(tmp_path, mark + content.replace("\n", newline))
    assert boxes.boxes.tolist() == NUMBERS
    assert boxes.labels == (("a", "b") if "label" in content else ("", ""))


def test_a_column_that_is_not_read_may_appear_twice(tmp_path: Path) -> None:
    boxes = read(tmp_path, "x,y,w,h,note,note\n9.25,10,6.25,4.5,a,b\n1,2,3,4,,\n")
    assert boxes.boxes.tolist() == NUMBERS


def test_an_unnamed_column_is_ignored(tmp_path: Path) -> None:
    for index in ("7", "img"):  # an index that pandas' to_csv writes
        boxes = read(tmp_path, f",x,y,w,h\n{index},9.25,10,6.25,4.5\n{index},1,2,3,4\n")
        assert boxes.boxes.tolist() == NUMBERS
        assert boxes.labels == ("", "")
        assert np.isnan(boxes.scores).all()
    boxes = read(tmp_path, ",label,x,y,w,h\n0,a,9.25,10,6.25,4.5\n1,b,1,2,3,4\n")
    assert boxes.labels == ("a", "b")


def test_coco(tmp_path: Path) -> None:
    content = json.dumps(COCO)
    for image in ("2", "b.jpg"):
        boxes = read(tmp_path, content, image_id=image)
        assert boxes.boxes.tolist() == [[1, 1, 2, 2]]
        assert (boxes.labels, boxes.box_format) == (("cat",), "xywh")
    results = [{"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.25}]
    boxes = read(tmp_path, json.dumps(results))
    assert (boxes.labels, boxes.scores) == (("category 3",), (0.25,))


def test_an_archive_has_boxes_among_its_arrays(tmp_path: Path) -> None:
    path = str(tmp_path / "both.npz")
    np.savez(path, boxes=np.array(NUMBERS), other=np.array(NUMBERS[:1]), third=np.zeros(3))
    assert read_boxes(path).boxes.tolist() == NUMBERS
    assert read_boxes(f"{path}:other").boxes.tolist() == NUMBERS[:1]
    # A file whose own name has a colon is that file.
    np.savez(f"{path}:other", np.array(NUMBERS[1:]))
    (tmp_path / "both.npz:other.npz").rename(f"{path}:other")
    assert read_boxes(f"{path}:other").boxes.tolist() == NUMBERS[1:]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "1,2,3,4\n5,6,x,8\n",
            "line 2, number 3: 'x' is not a finite number; write a number such as 9.25",
        ),
        (
            "1_0,2,3_0,4\n",
            "line 1, number 1: '1_0' is not a finite number; write a number such as 9.25",
        ),
        (
            "1_0 2_0 3_0 4_0\n",
            "line 1, number 1: '1_0' is not a finite number; write a number such as 9.25",
        ),
        (
            "1,\u0663,3,4\n",
            "line 1, number 2: '\u0663' is not a finite number; write a number such as 9.25",
        ),
        (
            '[["1_0",2,3,4]]',
            "box 0, number 1: '1_0' is not a finite number; write a number such as 9.25",
        ),
        (
            "x,y,w,h,score\n1,2,3,4,0_5\n",
            "line 2, score: '0_5' is not a finite number; write a number such as 9.25",
        ),
        (
            "0 0.5 0.5 0.2 0_1\n",
            "line 1, number 5: '0_1' is not a finite number; write a number such as 9.25",
        ),
        ("\nx,y,w,h,x\n1,2,3,4,5\n", "line 2 names the column 'x' twice; remove one of the two"),
        (
            "x1,y1,x2,y2\n1,2,3,inf\n",
            "line 2, y2: 'inf' is not a finite number; write a number such as 9.25",
        ),
        (
            '[[1,2,3,4],[1,2,"a",4]]',
            "box 1, number 3: 'a' is not a finite number; write a number such as 9.25",
        ),
        (
            '[{"x1":1,"y1":2,"x2":null,"y2":4}]',
            "box 0, number 3: None is not a finite number; write a number such as 9.25",
        ),
        (
            "1,2,3," + "9" * 60 + "x\n",
            f"line 1, number 4: '{'9' * 39}… is not a finite number; write a number such as 9.25",
        ),
    ],
)
def test_a_bad_number_is_named_with_its_place(content: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read(tmp_path, content)
    assert str(caught.value).endswith(problem)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.arange(64.0).reshape(8, 8))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_labels_and_scores_come_through(capfd: pytest.CaptureFixture[str]) -> None:
    Path("b.csv").write_text("label,score,x1,y1,x2,y2\nface,0.93,1,1,5,6\nhand,,2,2,4,4\n")
    call = ["run", "map.npy", "--boxes", "b.csv", "--preset", "torchvision-aligned"]
    call += ["--output-size", "1"]
    assert main(call) == 0
    assert "ROI 0 face 0.93: " in capfd.readouterr().out
    assert main([*call, "--format", "csv"]) == 0
    rows = capfd.readouterr().out.splitlines()
    assert [row.split(",")[:3] for row in rows[1:]] == [["0", "face", "0.93"], ["1", "hand", ""]]
    assert main([*call, "--format", "json"]) == 0
    assert [roi["score"] for roi in json.loads(capfd.readouterr().out)["rois"]] == [0.93, None]
    assert main([*call, "-o", "out.npz"]) == 0
    with np.load("out.npz") as archive:
        np.testing.assert_array_equal(archive["scores"], [0.93, np.nan])
    picture = ["plot", *call[1:6], "--view", "overlay", "-o", "out.svg"]
    assert main(picture) == 0


@pytest.mark.usefixtures("folder")
def test_yolo_boxes_are_read_as_they_are_meant(capfd: pytest.CaptureFixture[str]) -> None:
    Path("b.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    yolo = ["run", "map.npy", "--boxes", "b.txt", "--preset", "torchvision-aligned"]
    assert main([*yolo, "--output-size", "2", "-o", "yolo.npy"]) == 0
    assert "boxes read as cxcywh normalised" in capfd.readouterr().err
    plain = ["run", "map.npy", "--box", "3,2,5,6", "--preset", "torchvision-aligned"]
    assert main([*plain, "--output-size", "2", "-o", "plain.npy"]) == 0
    np.testing.assert_array_equal(np.load("yolo.npy"), np.load("plain.npy"))


@pytest.mark.usefixtures("folder")
def test_boxes_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1,1,5,6\n")))
    call = ["run", "map.npy", "--preset", "torchvision-aligned", "--output-size", "2"]
    assert main([*call, "--boxes", "-", "-o", "in.npy"]) == 0
    assert main([*call, "--box", "1,1,5,6", "-o", "box.npy"]) == 0
    np.testing.assert_array_equal(np.load("in.npy"), np.load("box.npy"))
