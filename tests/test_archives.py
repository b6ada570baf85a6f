"""An array among several in an .npz: the preferred one, or the one that is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
    assert capfd.readouterr().out.startswith("mmcv, avg")


@pytest.mark.parametrize("other", ["out.npz", "out.npz:output", "two.npz:right", "TWO.NPZ:right"])
def test_compare_reads_an_array_of_an_archive(other: str, capfd: Capture) -> None:
    Path("TWO.NPZ").write_bytes(Path("two.npz").read_bytes())
    assert main(["compare", *CALL, "-q", "--with", other, "--max-difference", "0"]) == 0
    assert f"with {other}" in capfd.readouterr().out
    assert main(["compare", *CALL, "-q", "--with", "two.npz:wrong", "--max-difference", "0"]) == 1


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
