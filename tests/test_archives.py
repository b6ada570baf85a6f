"""An array among several in an .npz: the preferred one, or the one that is named."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from roialign_cli import roi_align
from roialign_cli.cli.main import main

Capture = pytest.CaptureFixture[str]
CALL = ["map.npy", "--boxes", "boxes.npz", "--preset", "mmcv"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a map, boxes, and an archive that `run` wrote of them."""
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.random.default_rng(3).normal(size=(4, 20, 30)).astype(np.float32))
    np.savez("boxes.npz", boxes=[[2, 3, 14, 12], [4, 1, 9, 18]], first=[[2, 3, 14, 12]])
    assert main(["run", *CALL, "-q", "--output-size", "5", "-o", "out.npz"]) == 0
    with np.load("out.npz") as archive:
        np.savez("two.npz", right=archive["output"], wrong=archive["output"] + 1)
    return tmp_path


@pytest.mark.parametrize("expected", ["out.npz", "out.npz:output", "two.npz:right"])
def test_identify_reads_an_array_of_an_archive(expected: str, capfd: Capture) -> None:
    assert main(["identify", *CALL, "--expected", expected]) == 0
    assert capfd.readouterr().out.startswith("Exact: mmcv, avg")


@pytest.mark.parametrize("other", ["out.npz", "out.npz:output", "two.npz:right", "TWO.NPZ:right"])
def test_compare_reads_an_array_of_an_archive(other: str, capfd: Capture) -> None:
    Path("TWO.NPZ").write_bytes(Path("two.npz").read_bytes())
    assert main(["compare", *CALL, "-q", "--with", other, "--max-difference", "0"]) == 0
    assert f"with {other}" in capfd.readouterr().out


def test_compare_reads_the_array_that_is_named() -> None:
    call = ["compare", *CALL, "-q", "--with", "two.npz:wrong", "--no-search"]
    assert main([*call, "--max-difference", "0"]) == 1


def test_boxes_are_an_array_of_an_archive() -> None:
    call = ["run", "map.npy", "--boxes", "boxes.npz:first", "--preset", "mmcv", "-q"]
    assert main([*call, "--output-size", "5", "-o", "first.npy"]) == 0
    with np.load("out.npz") as archive:
        np.testing.assert_allclose(np.load("first.npy"), archive["output"][:1], atol=1e-6)


def test_an_archive_that_is_read_is_not_overwritten(folder: Path, capfd: Capture) -> None:
    run = ["run", "map.npy", "--boxes", "boxes.npz:first", "-o", "boxes.npz", "--force"]
    assert main(run) == 2
    problem = "boxes.npz: is an input of the command; name another file"
    assert capfd.readouterr().err == f"roialign: {problem}\n"
    (folder / "picture.png").symlink_to("two.npz")
    compare = ["compare", *CALL, "--with", "two.npz:right", "--plot", "picture.png", "--force"]
    assert main(compare) == 2
    assert "picture.png: is an input of the command" in capfd.readouterr().err


@pytest.fixture
def recording() -> None:
    """An archive with the features, the boxes, their maps and the output of a call."""
    random = np.random.default_rng(5)
    features = random.normal(size=(2, 3, 20, 30)).astype(np.float32)
    boxes = np.array([[2, 3, 14, 12], [4, 1, 9, 18], [7.5, 2.5, 25, 11]])
    maps = np.array([1, 0, 1])
    output = roi_align(features, boxes, 5, convention="mmcv", batch_index=maps)
    np.savez("rec.npz", features=features, boxes=boxes, batch_index=maps, output=output)
    np.savez("named.npz", x=features, rois=boxes, at=maps, y=output)


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize(
    "names",
    [
        ["rec.npz"] * 4,
        ["rec.npz:features", "rec.npz:boxes", "rec.npz:batch_index", "rec.npz:output"],
        ["named.npz:x", "named.npz:rois", "named.npz:at", "named.npz:y"],
    ],
)
def test_one_archive_holds_everything(names: list[str], capfd: Capture) -> None:
    features, boxes, maps, output = names
    call = [features, "--boxes", boxes, "--batch-index", maps]
    known = ["--spatial-scale", "1", "--pooling", "avg"]
    assert main(["identify", *call, *known, "--expected", output, "--format", "json"]) == 0
    command = json.loads(capfd.readouterr().out)["matches"][0]["command"]
    assert main([*shlex.split(command)[1:], "-q", "-o", "again.npy"]) == 0
    with np.load("rec.npz") as archive:
        np.testing.assert_allclose(np.load("again.npy"), archive["output"], atol=1e-5)
    compare = ["compare", *call, "--preset", "mmcv", "--with", output, "--max-difference", "1e-5"]
    assert main([*compare, "-q"]) == 0


@pytest.mark.usefixtures("recording")
def test_an_unknown_name_lists_the_arrays(capfd: Capture) -> None:
    for features, boxes, output, known in (
        ("named.npz", "rec.npz", "rec.npz", "contains 4 arrays (x, rois, at, y); choose one with"),
        (
            "rec.npz:maps",
            "rec.npz",
            "rec.npz",
            "choose one of features, boxes, batch_index, output",
        ),
        ("rec.npz", "named.npz", "rec.npz", "contains 4 arrays (x, rois, at, y); choose one as"),
        ("rec.npz", "rec.npz", "rec.npz:y", "choose one of features, boxes, batch_index, output"),
    ):
        assert main(["identify", features, "--boxes", boxes, "--expected", output]) == 2
        assert known in capfd.readouterr().err


@pytest.mark.usefixtures("recording")
def test_an_archive_of_features_or_maps_is_not_overwritten(capfd: Capture) -> None:
    call = ["--box", "2,3,14,12", "--force", "-o"]
    assert main(["run", "rec.npz:features", *call, "rec.npz"]) == 2
    assert main(["run", "map.npy", "--batch-index", "rec.npz:batch_index", *call, "rec.npz"]) == 2
    assert capfd.readouterr().err.count("rec.npz: is an input of the command") == 2
