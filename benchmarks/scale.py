"""The script of docs/scale.md with one and with two workers, beside one process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.workloads import Workload
from roialign_cli import roi_align

_PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
SCRIPT = _PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]

INTRODUCTION = (
    "The script of [scale.md](scale.md) on a folder of 100 maps with the boxes of row A: the whole "
    "process, with the start of the workers. The loop does the same in one process without Dask."
)
_MAPS = 100


def write_folder(folder: Path, *, maps: int, channels: int, boxes: int) -> None:
    """Write maps and the files of their boxes, in pixels of an image that is 16 times as large."""
    for kind in ("maps", "boxes"):
        (folder / kind).mkdir()
    features, corners = Workload("", channels, (50, 76), boxes, (2, 20), 7, 2).inputs()
    for n in range(maps):
        np.save(folder / "maps" / f"{n:03}.npy", features[0] + np.float32(n))
        np.save(folder / "boxes" / f"{n:03}.npy", 16 * corners)


def scale() -> Iterator[str]:
    """Measure the script, and yield the lines of a table."""
    yield from (INTRODUCTION, "")
    yield "| what | s |"
    yield "| --- | ---: |"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_folder(folder, maps=_MAPS, channels=256, boxes=1000)
        (folder / "pool.py").write_text(SCRIPT, encoding="utf-8")
        (folder / "outputs").mkdir()
        start = time.perf_counter()
        _loop(folder)
        yield f"| a loop | {time.perf_counter() - start:.1f} |"
        for workers in (1, 2):
            start = time.perf_counter()
            subprocess.run([sys.executable, "pool.py", ".", str(workers)], cwd=folder, check=True)
            yield f"| {workers} worker{'s' * (workers > 1)} | {time.perf_counter() - start:.1f} |"


def _loop(folder: Path) -> None:
    for path in sorted(folder.glob("maps/*.npy")):
        pooled = roi_align(
            np.load(path, mmap_mode="r"),
            np.load(folder / "boxes" / path.name),
            7,
            convention="torchvision-aligned",
            spatial_scale=1 / 16,
            sampling_ratio=2,
        )
        np.save(folder / "outputs" / path.name, pooled)
