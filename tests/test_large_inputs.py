"""Maps that are not read whole, outputs that are not held, runs that last."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from roialign_cli import roi_align
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.errors import FileError
from roialign_cli.files import arrays
from roialign_cli.files.features import read_features
from roialign_cli.show import progress

WALKTHROUGH = f"{sample_data()}/walkthrough.npy"
RUN = ["run", WALKTHROUGH, "--box", "9.25,10,6.25,4.53"]
# Few small windows on the map, two of them over its border.
BOXES = [[3.5, 7.25, 12, 9], [-2, 90, 5, 130], [88, 1, 97.5, 3], [40, 40, 40, 40]]


@pytest.fixture(autouse=True)
def _small_files_are_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_MAX_LOADED_BYTES", 0)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "u1"])
@pytest.mark.parametrize(
    ("layout", "axes"), [("NCHW", (0, 1, 2, 3)), ("NHWC", (0, 2, 3, 1)), ("HWC", (2, 3, 1))]
)
@pytest.mark.parametrize("fortran", [False, True])
def test_windows_of_a_file_are_those_of_the_array(
    layout: str, axes: tuple[int, ...], dtype: str, *, fortran: bool, tmp_path: Path
) -> None:
    maps = 1 if layout == "HWC" else 2
    features = np.random.default_rng(0).uniform(0, 200, (maps, 5, 100, 90)).astype(dtype)
    stored = (features[0] if layout == "HWC" else features).transpose(
        [axis - 1 for axis in axes] if layout == "HWC" else axes
    )
    stored = np.asfortranarray(stored) if fortran else np.ascontiguousarray(stored)
    np.save(tmp_path / "map.npy", stored)
    file = read_features(str(tmp_path / "map.npy"), layout=layout)
    assert isinstance(file.array, np.memmap)
    index = np.arange(4) % maps
    mapped, comparison = (
        roi_align(array, BOXES, 3, convention="torchvision-aligned", batch_index=index)
        for array in (file.array, features)
    )
    np.testing.assert_array_equal(mapped, comparison)


def test_a_file_that_shrinks_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.ones((1, 5, 100, 90), np.float32))
    file = read_features(str(tmp_path / "map.npy"))
    os.truncate(tmp_path / "map.npy", 5000)
    with pytest.raises(FileError, match=r"map\.npy: became shorter"):
        roi_align(file.array, BOXES, 3, convention="torchvision-aligned")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_few_boxes_touch_little_of_a_huge_map(tmp_path: Path) -> None:
    # A sparse file: 1 GiB that takes no room on the disk.
    np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", np.float32, (256, 1024, 1024)).flush()
    boxes = [f"--box={100 * i + 3},{90 * i + 7},{100 * i + 20},{90 * i + 18}" for i in range(5)]
    arguments = ["run", "huge.npy", *boxes, "--preset", "torchvision-aligned", "-o", "out.npy"]
    script = (
        "import sys; from roialign_cli.cli.main import main; status = main(sys.argv[1:]);"
        "print(open('/proc/self/status').read()); sys.exit(status)"
    )
    status = _output_of(["-c", script, *arguments], tmp_path).stdout
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    # The interpreter with NumPy and the windows; their pages in the mapping would be 300 MB.
    assert peak is not None
    assert int(peak[1]) < 120 * 1024
    assert not np.load(tmp_path / "out.npy").any()


def _output_of(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("boxes", [3, 3000])
def test_a_long_run_on_a_terminal_shows_a_bar(
    boxes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_BAR_DELAY", 0.0)
    monkeypatch.setattr(progress, "_MIN_UPDATE_INTERVAL", 0.0)
    np.save("map.npy", np.zeros((64, 30, 30), np.float32))
    np.savetxt("boxes.csv", np.tile([3.0, 4, 9, 12], (boxes, 1)), delimiter=",")
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    arguments = ["run", "map.npy", "--boxes", "boxes.csv", "--preset", "torchvision-aligned"]
    assert main([*arguments, "-o", "out.npy"]) == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert f"{boxes}/{boxes} boxes, left 0:00:00" in shown
    assert shown.endswith(f"wrote out.npy: {boxes} × 64 × 7 × 7 float32\n")


def test_no_bar_off_a_terminal_or_in_a_short_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    terminal = _Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        assert main(RUN) == 0
    assert not terminal.getvalue()
    monkeypatch.setattr(progress, "_BAR_DELAY", 0.0)
    assert main(RUN) == 0
    assert not capfd.readouterr().err


THOROUGH = pytest.mark.thorough  # each one is a process


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        pytest.param(["--version"], {"numpy", "rich", "matplotlib", "PIL"}, marks=THOROUGH),
        pytest.param(["--help"], {"numpy", "rich", "matplotlib", "PIL"}, marks=THOROUGH),
        (["run", "--help"], {"numpy", "rich", "matplotlib", "PIL"}),
        pytest.param([*RUN, "--format", "csv"], {"rich", "matplotlib", "PIL"}, marks=THOROUGH),
        pytest.param([*RUN, "--format", "json"], {"rich", "matplotlib", "PIL"}, marks=THOROUGH),
        ([*RUN, "-o", "out.npy"], {"rich", "matplotlib", "PIL", "zipfile", "csv"}),
        pytest.param(RUN, {"matplotlib", "PIL", "rich.progress", "zipfile"}, marks=THOROUGH),
        (["explain", *RUN[1:]], {"matplotlib", "PIL", "rich.progress"}),
        (["presets", "torchvision-aligned"], {"matplotlib", "PIL"}),
    ],
)
def test_nothing_is_imported_that_a_command_does_not_need(
    arguments: list[str], absent: set[str], tmp_path: Path
) -> None:
    script = (
        "import sys; from roialign_cli.cli.main import main; status = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    done = _output_of(["-c", script, *arguments], tmp_path)
    assert not absent & set(done.stderr.split())
