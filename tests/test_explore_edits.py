"""Edited cells: every answer is that of the saved map."""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.page.edits import MAX_EDITED_SIDE, MAX_EDITS
from roialign_cli.serve.requests import MAX_BODY_BYTES
from tests.explore_client import Client, served
from tests.test_explore import check_equal_to_explain, printed

SAMPLES = sample_data()
WALKTHROUGH = [f"{SAMPLES}/walkthrough.npy", "--image-size", "512x512", "--box", "296,320,200,145"]

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)
    monkeypatch.chdir(tmp_path)


def saved(client: Client, edits: Any) -> NDArray[Any]:
    """Return the array that "Save map" gives."""
    array: NDArray[Any] = np.load(io.BytesIO(client.raw("array", edits=edits)))
    return array


# Layout → a small array with it, and the place of map 0 or 1, channel 1, row 2, column 3.
RANDOM = np.random.default_rng(5)
FILES: dict[str, tuple[NDArray[Any], tuple[int, ...], tuple[int, ...]]] = {
    "HW": (RANDOM.random((9, 7)), (0, 0, 2, 3), (2, 3)),
    "CHW": (RANDOM.random((2, 9, 7)).astype("f4"), (0, 1, 2, 3), (1, 2, 3)),
    "HWC": (RANDOM.random((9, 7, 2)).astype("f2"), (0, 1, 2, 3), (2, 3, 1)),
    "NCHW": (RANDOM.integers(0, 99, (2, 3, 9, 7)).astype("u1"), (1, 1, 2, 3), (1, 1, 2, 3)),
    "NHWC": (RANDOM.integers(-9, 9, (2, 9, 7, 3)).astype(">i4"), (1, 1, 2, 3), (1, 2, 3, 1)),
}


@pytest.mark.parametrize("layout", FILES)
def test_the_saved_map_is_the_file_with_the_edits(layout: str, tmp_path: Path) -> None:
    array, edit, place = FILES[layout]
    np.save(tmp_path / "a map.npy", array)
    words = ["a map.npy", "--layout", layout, "--preset", "mmcv", "--box"]
    words.append("1,1,1,5,6" if len(layout) == 4 else "1,1,5,6")
    with served(*words) as client:
        original, edited = saved(client, []), saved(client, [[*edit, 7]])
    np.testing.assert_array_equal(original, array)
    expected = array.copy()
    expected[place] = 7
    np.testing.assert_array_equal(edited, expected)
    assert edited.dtype == original.dtype == array.dtype


@pytest.mark.parametrize("layout", FILES)
@pytest.mark.parametrize("channel", [1, "mean", "max", "norm"])
def test_the_numbers_are_those_of_the_command_on_the_saved_map(
    layout: str, channel: Any, tmp_path: Path, capfd: Capture
) -> None:
    array, edit, _ = FILES[layout]
    if layout == "HW" and channel == 1:
        channel = 0
    np.savez(tmp_path / "maps.npz", a=array, b=array[:1])
    words = ["maps.npz", "--key", "a", "--layout", layout, "--preset", "detectron2"]
    words += ["--box", "1,1,1,5,6" if len(layout) == 4 else "1,1,5,6", "--output-size", "2x3"]
    with served(*words) as client:
        changes = {"channel": channel, "edits": [[*edit, 7], [0, 0, 0, 0, 3]], "roi": None}
        answer = client.ask("trace", **changes)
        assert answer["output"] != client.ask("trace", channel=channel)["output"]
        commands = client.ask("commands", **changes)
        assert commands["remark"].startswith("First save the map as maps-edited.npy, ")
        np.save(tmp_path / "maps-edited.npy", saved(client, changes["edits"]))
        value = client.ask("value", **changes)["point"]
        point = client.ask("point", **changes)["point"]
    explained = printed(commands["explain"], capfd)
    check_equal_to_explain(answer, explained)
    i, j = answer["chosen"]["section"]
    section = explained["sections"][(j - 1) * 3 + i - 1]
    assert value == point == section["points"][0]
    if not isinstance(channel, str):
        run = printed(commands["run"], capfd)
        np.testing.assert_allclose(run["rois"][0]["output"][0], answer["output"], rtol=1e-5)


@pytest.mark.thorough
def test_the_files_are_those_of_the_saved_map(tmp_path: Path) -> None:
    edits = [[0, 0, 12, 10, 5], [0, 0, 11, 10, -2.5]]
    with served(*WALKTHROUGH) as client:
        commands = client.ask("commands", roi=None, edits=edits)
        picture, page = (client.raw(name, roi=None, edits=edits) for name in ("picture", "page"))
        (tmp_path / "walkthrough-edited.npy").write_bytes(client.raw("array", edits=edits))
        assert client.raw("picture", roi=None) != picture
    assert main([*shlex.split(commands["plot"])[1:], "-q"]) == 0
    assert main([*shlex.split(commands["page"])[1:], "-q"]) == 0
    for name, made in (("steps.png", picture), ("roi.html", page)):
        is_same = Path(name).read_bytes() == made  # a report of the differences takes minutes
        assert is_same, name


def test_other_channels_and_the_features_stay(tmp_path: Path) -> None:
    np.save(tmp_path / "maps.npy", RANDOM.random((2, 2, 6, 6), np.float32))
    with served("maps.npy", "--preset", "mmcv", "--box", "0,1,1,5,5") as client:
        before = [client.ask("map", batch_index=n, channel=c) for n in (0, 1) for c in (0, 1)]
        edits = [[1, 0, 2, 2, 100]]
        after = [
            client.ask("map", batch_index=n, channel=c, edits=edits) for n in (0, 1) for c in (0, 1)
        ]
        assert [one == other for one, other in zip(before, after, strict=True)] == [1, 1, 0, 1]
        values = np.frombuffer(base64.b64decode(after[2]["data"]), "<f4").reshape(6, 6)
        assert (values[2, 2], after[2]["max"]) == (100, 100)
        assert client.ask("map", batch_index=1, channel=0) == before[2]


def test_a_value_is_rounded_to_the_type_of_the_map(tmp_path: Path) -> None:
    given = {
        "u1": (1.6, 2, True), "i8": (-3, -3, False), "?": (0.7, 1, True), "f8": (0.1, 0.1, False),
        "f4": (0.1, float(np.float32(0.1)), False),
        "f2": (0.12345, float(np.float16(0.12345)), True),
        ">f4": (1 / 3, float(np.float32(1 / 3)), True),
    }  # fmt: skip
    for dtype, (value, stored, rounded) in given.items():
        np.save(tmp_path / "map.npy", np.zeros((6, 6), dtype))
        with served("map.npy", "--preset", "mmcv", "--box", "1,1,5,5") as client:
            edit = client.ask("map", edits=[[0, 0, 2, 3, value]])["edits"]
            assert edit == [{"row": 2, "column": 3, "value": stored, "rounded": rounded}]
            array = saved(client, [[0, 0, 2, 3, value]])
            assert (array[2, 3], array.dtype) == (stored, np.dtype(dtype))


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ([[0, 0, 16, 0, 1]], "there is no row 16; the last one is 15"),
        ([[0, 1, 0, 0, 1]], "there is no channel 1; the last one is 0"),
        ([[1, 0, 0, 0, 1]], "there is no map 1; the last one is 0"),
        ([[0, 0, 1, 1, 1], [0, 0, 1, 1, 2]], "a cell occurs twice"),
        ([[0, 0, 1, 1, 1e39]], "1e+39 is out of range; use numbers from -3.40282e+38 to"),
        ([[0, 0, -1, 1, 1]], "must be a whole number from 0"),
        ([[0, 0, 1.5, 1, 1]], "must be a whole number from 0"),
        ([[0, 0, 1, 1]], "must be lists of batch_index, channel, row, column, value"),
        ([[0, 0, 1, 1, "2"]], "must have finite values"),
        ([[0, 0, 1, 1, 10**400]], "must have finite values"),
        ([[0, 0, 1, 1, None]], "must have finite values"),
        ([3], "must be lists of"),
        ({"a": 1}, "must be a list"),
        (None, "must be a list"),
        ([[0, 0, 0, 0, 1]] * (MAX_EDITS + 1), "1025 cells are too many; edit at most 1024"),
    ],
)
def test_other_edits_are_refused(edits: Any, problem: str) -> None:
    with served(*WALKTHROUGH) as client:
        for question in ("trace", "array", "map"):
            status, argument, message = client.refused(question, edits=edits)
            assert (status, argument) == (422, "edits")
            assert problem in message


def test_a_whole_map_can_be_edited(tmp_path: Path) -> None:
    side = MAX_EDITED_SIDE
    np.save(tmp_path / "map.npy", np.zeros((side, side)))
    values = RANDOM.normal(0, 1e-300, (side, side))  # as many digits as possible
    edits = [[0, 0, j, i, values[j, i]] for j in range(side) for i in range(side)]
    with served("map.npy", "--preset", "mmcv", "--box", "1,1,30,30") as client:
        assert len(json.dumps({**client.start, "edits": edits})) < MAX_BODY_BYTES
        np.testing.assert_array_equal(saved(client, edits), values)


def test_photographs_and_large_maps_cannot_be_edited(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.zeros((33, 5)))
    photo = [f"{SAMPLES}/astronaut.png", "--stride", "32", "--box", "170,70,272,190"]
    for words in (photo, ["map.npy", "--preset", "mmcv", "--box", "1,1,4,4"]):
        with served(*words) as client:
            for question, edits in (("trace", [[0, 0, 0, 0, 1]]), ("array", [])):
                status, argument, message = client.refused(question, edits=edits)
                assert (status, argument) == (422, "edits")
                assert message.startswith("only arrays of at most 32 × 32 cells can be edited")
            assert '"editing":null' in client.get()[1].decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("map.npy", "map"), ("a:b*c.v2.npy", "a_b_c.v2"), ("-x.npy", "x"), ("..npy", "features"),
     ("é.npy", "é"), ("m" * 200 + ".npy", "m" * 100), ("$(rm -r x).npy", "rm_-r_x")],
)  # fmt: skip
def test_the_name_of_the_saved_map(name: str, expected: str, tmp_path: Path) -> None:
    np.save(tmp_path / name, np.zeros((5, 5)))
    with served(str(tmp_path / name), "--preset", "mmcv", "--box", "1,1,4,4") as client:
        words = shlex.split(client.ask("commands", edits=[[0, 0, 0, 0, 1]])["explain"])
        assert words[2] == f"{expected}-edited.npy"
        page = client.get()[1].decode()
        assert re.search(r'"file":"([^"]*)"', page)[1] == words[2]  # type: ignore[index]
        assert "remark" not in client.ask("commands")
