"""How time and memory grow with the inputs, up to very large ones."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.operators import operation
from benchmarks.recordings import write_recording
from benchmarks.workloads import Workload

CORE = {
    "boxes": [Workload("", 64, (100, 100), n, (5, 20), 7, 2) for n in (125, 250, 500, 1000, 2000)],
    "channels": [Workload("", c, (100, 100), 250, (5, 20), 7, 2) for c in (16, 32, 64, 128, 256)],
    "box side": [Workload("", 64, (400, 400), 200, (s, s), 7, 0) for s in (16, 32, 64, 128, 256)],
    "sampling ratio": [Workload("", 64, (100, 100), 250, (20, 20), 7, r) for r in (1, 2, 4, 8, 16)],
}

INTRODUCTION = (
    "Each quantity is doubled four times. The columns give the times and the fitted exponent: 1 "
    "means that twice the quantity takes twice the time. First the operator in one process:"
)
COMMANDS_INTRODUCTION = (
    "Whole commands, each in a process of its own, with the largest resident size. The last column "
    "of a row belongs to its largest input. Maps and outputs are files that the program maps into "
    "memory, and the system counts the pages that it keeps of them as resident. The process that "
    "writes the output may use 2 GB of memory besides such pages."
)

# The peak of this process alone: what the system reports of a child includes its parent's.
_SCRIPT = """
import resource, sys
from roialign_cli.cli.main import main
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
status = main(sys.argv[2:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(status)
"""

_ALIGNED = ["--preset", "torchvision-aligned", "-q"]
_NO_LIMIT, _TWO_GIGABYTES = 0, 2 * 10**9


@dataclass(frozen=True)
class Growing:
    """A command with a quantity that doubles.

    `write` writes the inputs of a size into a folder and returns the words of the command.
    """

    what: str
    largest: int
    unit: str
    write: Callable[[Path, int], list[str]]
    memory_limit: int = _NO_LIMIT

    def sizes(self) -> list[int]:
        """Return the sizes to measure, each twice the one before."""
        return [self.largest >> n for n in (4, 3, 2, 1, 0)]


def _boxes(folder: Path, count: int) -> list[str]:
    rng = np.random.default_rng(0)
    np.save(folder / "map.npy", rng.normal(size=(8, 50, 60)).astype(np.float32))
    corners = rng.uniform(0, 40, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 15, (count, 2))], axis=1)
    np.save(folder / "boxes.npy", boxes)
    return ["run", "map.npy", "--boxes", "boxes.npy", "--output-size", "3", "-o", "out.npy"]


def _channels(folder: Path, count: int) -> list[str]:
    features, boxes = Workload("", count, (50, 76), 200, (2, 20), 7, 2).inputs()
    np.save(folder / "map.npy", features)
    np.save(folder / "boxes.npy", boxes)
    return ["run", "map.npy", "--boxes", "boxes.npy", "-o", "out.npy"]


def _map(folder: Path, side: int) -> list[str]:
    # A sparse file: zeros that take no room on the disk.
    np.lib.format.open_memmap(folder / "map.npy", "w+", np.float32, (side, side)).flush()
    return ["run", "map.npy", "--box", "500,600,600,800", "-o", "out.npy"]


def _whole_map(folder: Path, side: int) -> list[str]:
    _map(folder, side)
    return ["run", "map.npy", "--box", f"0,0,{side},{side}", "-o", "out.npy"]


def _output(folder: Path, boxes: int) -> list[str]:
    _boxes(folder, boxes)
    np.save(folder / "map.npy", np.zeros((256, 50, 60), np.float32))
    words = ["run", "map.npy", "--boxes", "boxes.npy", "--output-size", "7", "-o", "out.npy"]
    return [*words, "--sampling-ratio", "1"]


def _calls(folder: Path, count: int) -> list[str]:
    for name, sampling_ratio in (("a", 2), ("b", 1)):
        write_recording(folder / name, count, boxes=50, channels=32, sampling_ratio=sampling_ratio)
    return ["compare", "a", "--with", "b"]


COMMANDS = (
    Growing("`run`, boxes on 8 × 50 × 60", 1_000_000, "boxes", _boxes),
    Growing("`run`, channels of 50 × 76 cells, 200 boxes", 2048, "channels", _channels),
    Growing("`run`, one box of 100 × 200 cells", 20_000, "cells along each axis", _map),
    Growing("`run`, one box over the whole map", 20_000, "cells along each axis", _whole_map),
    Growing("`run`, outputs of 50 KB", 160_000, "boxes", _output, _TWO_GIGABYTES),
    Growing("`compare` of two recordings", 100, "calls", _calls),
)


def growth() -> Iterator[str]:
    """Measure everything, and yield the lines of the tables."""
    yield from (INTRODUCTION, "")
    yield "| quantity | from | ms | exponent |"
    yield "| --- | --- | --- | ---: |"
    for name, workloads in CORE.items():
        yield _core_row(name, workloads)
    yield from ("", COMMANDS_INTRODUCTION, "")
    yield "| command | largest | s | exponent | largest resident size, MB | exponent |"
    yield "| --- | --- | --- | ---: | --- | ---: |"
    for growing in COMMANDS:
        yield _command_row(growing)


def _core_row(name: str, workloads: list[Workload]) -> str:
    calls = {str(n): operation(workload).pooled for n, workload in enumerate(workloads)}
    seconds = [min(times) for times in measure.alternating(calls).values()]
    times = " · ".join(f"{1e3 * s:.1f}" for s in seconds)
    return f"| {name} | {workloads[0]} → | {times} | {_exponent(seconds):.2f} |"


def _command_row(growing: Growing) -> str:
    seconds, megabytes = [], []
    for size in growing.sizes():
        with tempfile.TemporaryDirectory() as folder:
            words = growing.write(Path(folder), size)
            words += _ALIGNED if words[0] == "run" else []
            taken, peak = _measured(words, Path(folder), growing.memory_limit)
        seconds.append(taken)
        megabytes.append(peak)
    cells = (
        growing.what,
        f"{growing.largest:,} {growing.unit}",
        " · ".join(f"{s:.2f}" for s in seconds),
        f"{_exponent(seconds):.2f}",
        " · ".join(f"{m:.0f}" for m in megabytes),
        f"{_exponent(megabytes):.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _measured(words: list[str], folder: Path, limit: int) -> tuple[float, float]:
    """Run a command; return its seconds and its largest resident size in megabytes."""
    command = [sys.executable, "-c", _SCRIPT, str(limit), *words]
    start = time.perf_counter()
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    taken = time.perf_counter() - start
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    if peak is None or done.returncode not in (0, 1):  # 1: the command found a difference
        raise RuntimeError(f"{words}: {done.stderr}")
    return taken, int(peak[1]) / 1000


def _exponent(values: list[float]) -> float:
    """Return the exponent by which values grow when a quantity is doubled four times."""
    return float(np.polyfit(np.arange(5) * np.log(2), np.log(values), 1)[0])
